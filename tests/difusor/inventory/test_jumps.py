"""Servers that ssh reaches through another one of the inventory, whose SSH forwards nothing once it is set up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible.errors import AnsibleError
from plugin_kit import load
from server_kit import SERVER, WANTED

from difusor.inventory.jumps import through
from difusor.servers.neighbours import Neighbours
from difusor.servers.preflight import problems


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ("-o ProxyJump=web1", True),
        ("-o proxyjump=ana@WEB1:22", True),
        ("-o 'ProxyJump 203.0.113.5'", True),
        ("-J ssh://ana@203.0.113.5:22", True),
        ("-Jbastion,web1 -o Compression=yes", True),
        ("-o ProxyJump=bastion", False),
        ("-o ProxyJump=web10", False),
        ("-o ProxyJump=none", False),
        ("-o User=web1 -i /llaves/web1", False),
        ("-o 'ProxyJump=web1", True),
        (None, False),
    ],
)
def test_a_server_behind_another_is_found(options: str | None, found: bool) -> None:
    servers = {"web1": {"ansible_host": "203.0.113.5"}, "web2": {"ansible_host": "10.8.0.5"}}
    for name in ("ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args"):
        told = through("web1", {**servers, "web2": {"ansible_host": "10.8.0.5", name: options}})
        assert told == (["web2"] if found else [])
    assert through("web1", {"web1": {"ansible_ssh_args": options}}) == [], "a server is not behind itself"
    named = {"web1": {}, "web2": {"ansible_ssh_common_args": "-J [fd00::1]:22"}}
    assert through("web1", {**named, "web1": {"ansible_host": "fd00::1"}}) == ["web2"]
    assert through("web1", named) == []


class Broken(dict[str, Any]):
    def get(self, *_: Any) -> Any:
        raise AnsibleError("no such variable")


def test_a_run_that_would_lose_servers_behind_this_one_is_refused_before() -> None:
    hostvars = {"web1": {}, "web2": {"ansible_ssh_common_args": "-J web1"}, "roto": Broken()}
    given = {"inventory_hostname": "web1", "hostvars": hostvars, "groups": {"difusores": ["web1", "web2", "roto"]}}
    behind = load("action/judge_server.py")._behind(given)
    assert behind == ["web2"]
    assert load("action/judge_server.py")._behind({**given, "groups": {}}) == []
    (said,) = problems(SERVER, **WANTED, behind=behind)
    assert said.startswith("a web2 se llega a través de este servidor (ProxyJump)")
    finished = replace(SERVER, neighbours=Neighbours(mirror_of=("prep.difusor.mx",)))
    assert problems(finished, **WANTED, behind=behind) == [], "whatever admits it there is in force already"
