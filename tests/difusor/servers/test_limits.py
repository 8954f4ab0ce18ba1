"""What a server's journal, kernel and configuration say is read as refusals and limits."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import role_kit

from difusor.commands import bans as command
from difusor.servers import limits
from difusor.servers.bans import BansError

REFUSED = """      3 203.0.113.9 waf
     12 203.0.113.9 limit
      1 2001:db8:0:0:1::7 limit
      2 2001:db8::9 limit
      4 203.0.113.9 scanner
      7 algo que nginx no escribe
/proc/net/ipt_hashlimit/prep-web400-4000:9 203.0.113.9:0->0.0.0.0:0 1374389530000000 1374389530000000 343597382500
/proc/net/ipt_hashlimit/prep-web400-4000:9 198.51.100.7:0->0.0.0.0:0 343597382499 1374389530000000 343597382500
/proc/net/ipt_hashlimit/prep-push50-500:9 198.51.100.7:0->0.0.0.0:0 0 1374389530000000 343597382500
/proc/net/ip6t_hashlimit/prep-web400-4000:4 2001:0db8:0000:0000:0000:0000:0000:0000:0->0 0 1374389530000000 343597382500
"""


def server(stdout: str, failed: bool = False) -> Any:
    """Return a testinfra host that gives every command the same answer."""
    return SimpleNamespace(run=lambda *_: SimpleNamespace(stdout=stdout, stderr="no hay", failed=failed))


def test_refusals_are_counted_by_source_and_samples_as_often_as_they_happened() -> None:
    assert limits.refusals("diario", server(REFUSED)) == [
        limits.Refusal("diario", "198.51.100.7", "connections", 0),
        limits.Refusal("diario", "198.51.100.7", "pushes", 0),
        limits.Refusal("diario", "2001:db8::/64", "connections", 0),
        limits.Refusal("diario", "203.0.113.9", "limit", 1200),
        limits.Refusal("diario", "203.0.113.9", "scanner", 400),
        limits.Refusal("diario", "2001:db8::/64", "limit", 300),
        limits.Refusal("diario", "203.0.113.9", "waf", 3),
    ]


BUCKET = "/proc/net/ipt_hashlimit/prep-web400-4000:9 {}:0->0.0.0.0:0 {} 1374389530000000 343597382500\n"


@pytest.mark.parametrize(
    "said",
    [
        "3 ...: waf\n",
        f"{'9' * 5000} 203.0.113.9 waf\n",
        BUCKET.format("ninguna", 1),
        BUCKET.format("203.0.113.9", "9" * 5000),
    ],
    ids=["address", "count", "source", "bucket"],
)
def test_refusals_that_make_no_sense_are_told_as_the_servers(said: str) -> None:
    """Its owner can write what he likes there; it passed for a fault of this program's."""
    with pytest.raises(BansError, match=r"^diario: su respuesta no se entiende$"):
        limits.refusals("diario", server(said))


@pytest.mark.parametrize(
    "said", ["ssh maxretry {}", "-A prep-web-charge -m x --hashlimit-above {}/sec --hashlimit-burst 1"]
)
def test_limits_that_make_no_sense_are_told_as_the_servers(said: str) -> None:
    with pytest.raises(BansError, match=r"^diario: su respuesta no se entiende$"):
        limits.limits("diario", server(said.format("9" * 5000)))


def test_limits_are_read_from_what_the_roles_install() -> None:
    inputs = {"ansible_facts": {"distribution_release": "bookworm"}, "nginx_server_names": ["prep.example.mx"]}
    inputs |= {
        f"nginx_{name}": "/run/x" for name in ("waf_socket", "app_socket", "status_file", "gate_file", "light_file")
    }
    inputs["nginx_prep_address"] = "127.0.0.1:20001"
    nginx = [
        role_kit.render("nginx", f"etc/nginx/{path}", inputs)
        for path in ("conf.d/prep-limits.conf", "sites-available/prep")
    ]
    rule = "-A prep-{}-charge -m hashlimit --hashlimit-above {}/sec --hashlimit-burst {} --hashlimit-mode srcip -j DROP"
    kernel = [rule.format("web", 400, 4000), rule.format("push", 50, 500)]
    found = limits.limits("diario", server("\n".join([*kernel, *nginx, "ssh maxretry 5"])))
    assert [(each.kind, each.burst, each.rate) for each in found] == [
        ("connections", 4000, 400),
        ("pushes", 500, 50),
        ("of_connection", 100, 20),
        ("files", 200000, 20000),
        ("inspected", 60, 20),
        ("at_once", 16000, 0),
        ("downloads", 4000, 0),
        ("logins", 5, 0),
    ]
    assert {each.kind for each in found} == set(command.LIMITED), "every limit should be explained"


def test_every_cause_that_nginx_writes_is_explained() -> None:
    text = role_kit.render("nginx", "etc/nginx/conf.d/prep-logs.conf", {})
    written = {cause for cause in ("limit", "method", "scanner", "waf") if f" {cause};" in text}
    assert written | {"connections", "pushes"} == set(command.CAUSES)


def test_a_server_that_cannot_say_is_an_error() -> None:
    with pytest.raises(BansError, match="diario: no pudo hacerlo y dice: «no hay»"):
        limits.refusals("diario", server("", failed=True))
