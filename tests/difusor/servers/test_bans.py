"""The output of a server's fail2ban is read as a list of bans."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from difusor.servers import bans

SAID = """-0600
sshd 
sshd 203.0.113.9 \t2026-11-24 20:00:00 + 600 = 2026-11-24 20:10:00
sshd 2001:db8::7 \t2026-11-24 20:01:00 + 3600 = 2026-11-24 21:01:00
"""


class Server:
    """A testinfra host that gives every command the same answer and remembers the commands."""

    def __init__(self, stdout: str = "", stderr: str = "", failed: bool = False) -> None:
        self.answer = SimpleNamespace(stdout=stdout, stderr=stderr, failed=failed)
        self.commands: list[str] = []

    def run(self, command: str, *arguments: str) -> Any:
        self.commands.append(command % arguments if arguments else command)
        return self.answer


def test_bans_carry_the_servers_own_time() -> None:
    assert bans.banned("diario", Server(SAID)) == [
        bans.Ban("diario", "203.0.113.9", "sshd", "2026-11-24T20:00:00-06:00", "2026-11-24T20:10:00-06:00"),
        bans.Ban("diario", "2001:db8::7", "sshd", "2026-11-24T20:01:00-06:00", "2026-11-24T21:01:00-06:00"),
    ]


@pytest.mark.parametrize(("said", "freed"), [("1\n", True), ("0\n", False)])
def test_lifting_says_whether_there_was_a_ban(said: str, freed: bool) -> None:
    server = Server(said)
    assert bans.lift_ban("diario", server, "203.0.113.9") is freed
    assert server.commands == ["fail2ban-client unban 203.0.113.9"]


def test_a_server_that_cannot_say_is_an_error() -> None:
    with pytest.raises(bans.BansError, match="no pudo hacerlo y dice: «Failed to access socket path»"):
        bans.banned("diario", Server(stderr="Failed to access socket path", failed=True))


@pytest.mark.parametrize("said", ["", "x" + SAID, SAID.replace("2026-11-24 20:10:00", "9999-99-99 99:99:99")])
def test_an_answer_of_another_form_is_an_error(said: str) -> None:
    with pytest.raises(bans.BansError, match="diario: su respuesta no se entiende"):
        bans.banned("diario", Server(said))
