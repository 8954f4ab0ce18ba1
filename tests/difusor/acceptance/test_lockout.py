"""Whoever is shut out on purpose gets in again, however the step ends, and no timer outlives it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from difusor.acceptance import lockout
from difusor.acceptance.case import Case
from difusor.acceptance.journal import Verdict
from difusor.servers.child import Finished
from difusor.terminal import StepFailed

CONNECTION = b"189.240.1.7 50211 10.0.0.4 2222\n"


class Server(Case):
    """A server that notes what it is asked, and lets the operator in."""

    came_from = CONNECTION
    wait = "90\n"
    others = CONNECTION  # whence the operator comes by one family of addresses alone
    mistake: Callable[[], str] = str

    def ask(self, *command: str) -> str:
        self.facts.setdefault("asked", {})[command[0]] = command[1:]
        if command[0] == lockout.WAIT:
            return self.wait
        return type(self).mistake() if command[0] == lockout.MISTAKE else ""

    def enters(self, command: str = "true", family: str = "") -> Finished:
        self.facts.setdefault("families", {})[family] = command
        return Finished(0, self.others if family else self.came_from, b"")

    @property
    def asked(self) -> list[str]:
        return [*self.facts.get("asked", {})]


@pytest.fixture
def server() -> Server:
    return Server(Path("inventories/diario"), "difusor", Path("llave"))


@pytest.mark.parametrize("end", [StepFailed("ERROR: Bad source address"), KeyboardInterrupt(), ValueError("otra")])
def test_a_mistake_that_was_half_made_is_taken_back(
    server: Server, end: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the timers would put the firewall's files back in the middle of the steps that follow, as the removal."""

    def fails() -> str:
        raise end

    monkeypatch.setattr(Server, "mistake", fails)
    with pytest.raises(type(end)):
        lockout.shut_out(server, tmp_path)
    assert server.asked[-1] == lockout.UNDO


def test_what_an_interrupted_attempt_left_is_taken_back_before_the_firewall_is_looked_at(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator may come back from another address than that which is denied."""
    monkeypatch.setattr(Server, "mistake", lambda: (_ for _ in ()).throw(StepFailed("no")))
    with pytest.raises(StepFailed):
        lockout.shut_out(server, tmp_path)
    asked = list(server.facts["asked"])
    assert asked.index(lockout.UNDO_EARLIER) < asked.index(lockout.RULES)


@pytest.mark.parametrize(
    "said", [b"", b"\n", b"Bienvenido al servidor del diario\n", b"fe80::1%eth0 50211 fe80::2%eth0 22\n"]
)
def test_a_login_that_does_not_say_whence_it_comes_is_not_tried(server: Server, said: bytes, tmp_path: Path) -> None:
    server = Server(server.inventory, server.server, server.key)
    Server.came_from, before = said, Server.came_from
    try:
        assert lockout.shut_out(server, tmp_path).verdict is Verdict.UNVERIFIED
    finally:
        Server.came_from = before
    assert lockout.MISTAKE not in server.asked


def test_what_a_shell_prints_at_login_is_not_the_address(server: Server) -> None:
    assert lockout.origin(b"Bienvenido\nHoy hay 3 avisos nuevos\n" + CONNECTION) == ("189.240.1.7", "2222")
    assert lockout.origin(b"2806:10a6::7 50211 2806:10a6::1 22\n") == ("2806:10a6::7", "22")


def test_a_server_that_does_not_say_how_long_it_waits_fails(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Server, "wait", "\n")
    with pytest.raises(StepFailed, match="prep-rollback"):
        lockout.shut_out(server, tmp_path)
    assert lockout.MISTAKE not in server.asked


@pytest.mark.parametrize(
    ("came_from", "alone", "family"),
    [
        (CONNECTION, CONNECTION, "inet"),
        (b"2806:10a6::7 50211 2806:10a6::1 22\n", b"2806:10a6::7 50212 2806:10a6::1 22\n", "inet6"),
        (CONNECTION, b"", ""),  # NAT64: the operator has no IPv4, from which the server sees him come
        (CONNECTION, b"189.240.1.9 50211 10.0.0.4 2222\n", ""),
    ],
)
def test_who_is_denied_by_one_family_of_addresses_does_not_come_in_by_the_other(
    server: Server, came_from: bytes, alone: bytes, family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name may have addresses of both; the door would never seem shut."""
    monkeypatch.setattr(Server, "came_from", came_from)
    monkeypatch.setattr(Server, "others", alone)
    monkeypatch.setattr(Server, "wait", "1\n")
    assert lockout.shut_out(server, tmp_path).verdict is Verdict.UNVERIFIED
    assert server.facts["families"][family] == "true"
    monkeypatch.setattr(Case, "values", {"ansible_user": "operador"})
    words = Case(server.inventory, server.server, server.key).login("ssh", family=family)
    assert f"AddressFamily={family}" in words if family else "AddressFamily" not in " ".join(words)
