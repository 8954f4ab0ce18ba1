"""The look of `difusor countdown` at files and lists: it finds what is not the election's, and leaves no trace."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from countdown_looks import await_ready, look, wrong
from testinfra.host import Host

from difusor.baseline.record import changes

Record = Callable[[object], None]
SIGNERS = "/etc/prep-corte/allowed_signers"
STRANGER = "ajena@otra.mx ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICQn370pnXsnrYRik6ZwTgdm98+rHn4tKSdNw0EAOTOm"


@contextmanager
def without_an_address(host: Host, port: int) -> Iterator[str]:
    rule = host.check_output("iptables -S ufw-user-input | grep -m1 -e '--dport %s -j ACCEPT'", str(port))
    rule = rule.removeprefix("-A ")
    host.check_output(f"iptables -D {rule}")
    try:
        yield rule.split()[2]
    finally:
        host.check_output(f"iptables -A {rule}")


@contextmanager
def with_a_strange_key(host: Host, account: str) -> Iterator[str]:
    path = f"{host.user(account).home}/.ssh/authorized_keys"
    host.check_output("cp -p %s /run/keys && echo %s >> %s", path, STRANGER.partition(" ")[2], path)
    try:
        yield "entra además SHA256:S9BbvkWru"
    finally:
        host.check_output("cp -p /run/keys %s && rm /run/keys", path)


@contextmanager
def with_a_strange_signer(host: Host) -> Iterator[str]:
    host.check_output(f"cp -p {SIGNERS} /run/signers && echo %s >> {SIGNERS}", STRANGER)
    try:
        yield "SHA256:S9BbvkWru… no es de la elección"
    finally:
        host.check_output(f"mv /run/signers {SIGNERS}")


def test_what_is_broken_is_red_and_a_look_leaves_no_trace(
    host: Host, variables: dict[str, Any], record_evidence: Record
) -> None:
    """La cuenta regresiva encuentra listo al servidor, ve en rojo lo que se descompone, y no cambia nada en él."""
    await_ready(host, variables)
    before = look(host, variables)
    with (
        without_an_address(host, variables["rsync_port"]) as address,
        with_a_strange_signer(host) as signer,
        with_a_strange_key(host, variables["difusor_admin_user"]) as key,
    ):
        found = wrong(look(host, variables), variables)
    record_evidence(found)
    assert list(found) == ["services", "signers", "trusted", "server"]
    assert SIGNERS in found["services"]
    assert address in found["trusted"]
    assert signer in found["signers"]
    assert key in found["server"]
    assert changes(before.look, look(host, variables).look) == []


def test_a_server_of_another_election_is_red_and_signers_alone_do_not_move_it(
    host: Host, play: Callable[..., subprocess.CompletedProcess[str]], variables: dict[str, Any],
    record_evidence: Record,
) -> None:  # fmt: skip
    """De otra elección, o con páginas de otro entorno, la cuenta regresiva es roja; `signers` se niega."""
    await_ready(host, variables)
    config, headers = "/etc/prep-corte/server.json", "/etc/nginx/snippets/prep-headers.conf"
    before = host.check_output("sha256sum %s", config)
    done = play("playbooks/signers.yml", {"election_id": "otra-2021"}, "--skip-tags", "authorise")
    is_rehearsal = variables["election_environment"] == "simulacro"
    host.check_output("cp -p %s /run/headers", headers)
    try:
        edit = "sed -i /X-Robots-Tag/d %s" if is_rehearsal else "echo '# X-Robots-Tag' >>%s"
        host.check_output(edit, headers)
        half = wrong(look(host, variables), variables)
    finally:
        host.check_output("mv /run/headers %s", headers)
    other = wrong(look(host, variables), {**variables, "election_id": "otra-2021"})
    record_evidence({"otra elección": other, "otras páginas": half})
    assert done.returncode == 2
    assert "signers cambia solo a los firmantes" in " ".join(done.stdout.split())
    assert host.check_output("sha256sum %s", config) == before
    assert list(half) == ["services", "window"] and "window" in other
    assert headers in half["services"]
