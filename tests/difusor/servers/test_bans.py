"""The output of a server's fail2ban is read as a list of bans."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from publish_kit import command_of

from difusor.commands import bans as verb
from difusor.servers import bans, identity, limits

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


def test_a_server_that_does_not_answer_keeps_nobody_banned_from_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It held up the verb for up to an hour without a word, and then ended it."""
    asked, given = list[str](), list[Any]()
    hosts = {"uno": Server(), "dos": Server(stderr="no", failed=True), "tres": Server("0\n")}
    rendered = SimpleNamespace(groups={"difusores": [*hosts]}, hosts={name: {} for name in hosts})

    def connect(inventory: Any, source: str, bounds: Any) -> Any:
        given.append(bounds)
        return SimpleNamespace(get_host=hosts.get)

    def server(name: str, host: Any, values: Any) -> Any:
        asked.append(name)
        unreachable = "uno no responde: la respuesta no terminaba" if name == "uno" else ""
        return SimpleNamespace(unreachable=unreachable, declared=SimpleNamespace(zone=None))

    for name, fake in {"read": lambda _: rendered, "connect": connect, "server": server}.items():
        monkeypatch.setattr(identity, name, fake)
    done = CliRunner().invoke(command_of(verb), ["-i", str(tmp_path), "--lift", "203.0.113.9"])
    assert (done.exit_code, type(done.exception), asked) == (1, SystemExit, ["uno", "dos", "tres"])
    assert given[0].seconds <= 60 and not given[0].own_group, "ssh may ask for a passphrase at the terminal"
    told = done.stderr.splitlines()
    assert told[:2] == ["· se pregunta a uno", "✗ uno no responde: la respuesta no terminaba"]
    assert told[2:4] == ["· se pregunta a dos", "✗ dos: no pudo hacerlo y dice: «no»"]
    assert told[4:6] == ["· se pregunta a tres", "tres: 203.0.113.9 no estaba bloqueada"]
    with pytest.raises(identity.UnreachableError):
        list(identity.difusores(tmp_path))
    asked.clear()
    document = json.loads(
        CliRunner().invoke(command_of(verb), ["-i", str(tmp_path), "--lift", "203.0.113.9", "--json"]).stdout
    )
    assert [*document] == ["bans", "refusals", "limits", "lifted", "failed"]
    assert document["lifted"] == [{"difusor": "tres", "address": "203.0.113.9", "was_banned": False}]
    assert document["failed"][:2] == [
        {"difusor": "uno", "error": "uno no responde: la respuesta no terminaba"},
        {"difusor": "dos", "error": "dos: no pudo hacerlo y dice: «no»"},
    ], "a program took them for servers without a ban"


@pytest.mark.parametrize("stumbling", ["read", "server"])
def test_what_nobody_foresaw_of_one_inventory_leaves_the_others_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stumbling: str
) -> None:
    """Whoever was to be let in at all of them stayed banned at those that come after it."""
    host = Server("0\n")
    for name in ("malo", "bueno"):
        (tmp_path / name).mkdir()

    def read(folder: Path) -> Any:
        if (stumbling, folder.name) == ("read", "malo"):
            raise KeyError("nobody foresaw this")
        return SimpleNamespace(groups={"difusores": [folder.name]}, hosts={folder.name: {}})

    def server(name: str, *_: Any) -> Any:
        if (stumbling, name) == ("server", "malo"):
            raise KeyError("nobody foresaw this")
        return SimpleNamespace(unreachable="", declared=SimpleNamespace(zone=None))

    monkeypatch.setattr(identity, "read", read)
    monkeypatch.setattr(identity, "connect", lambda *_: SimpleNamespace(get_host=lambda _: host))
    monkeypatch.setattr(identity, "server", server)
    folders = [part for name in ("malo", "bueno") for part in ("-i", str(tmp_path / name))]
    done = CliRunner().invoke(command_of(verb), [*folders, "--lift", "203.0.113.9"])
    assert (done.exit_code, type(done.exception)) == (1, SystemExit)
    assert "✗ malo: falló este programa (KeyError: " in done.stderr
    assert "bueno: 203.0.113.9 no estaba bloqueada" in done.stderr
    document = json.loads(CliRunner().invoke(command_of(verb), [*folders, "--lift", "203.0.113.9", "--json"]).stdout)
    assert document["failed"][0]["difusor"] == "malo" and "falló este programa" in document["failed"][0]["error"]
    assert [each["difusor"] for each in document["lifted"]] == ["bueno"]


@pytest.mark.parametrize("silent", [False, True], ids=["all answer", "one does not"])
def test_the_sources_refused_most_often_are_shown_whichever_server_refused_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, silent: bool
) -> None:
    """Twenty of the first server's, refused once each, took the whole table."""
    refused = {
        "uno": [limits.Refusal("uno", f"192.0.2.{number}", "limit", 1) for number in range(25)],
        "dos": [
            limits.Refusal("dos", "198.51.100.8", "connections", 0),
            limits.Refusal("dos", "198.51.100.7", "waf", 512),
        ],
    }
    rendered = SimpleNamespace(groups={"difusores": [*refused, "tres"]}, hosts={"uno": {}, "dos": {}, "tres": {}})

    def server(name: str, *_: Any) -> Any:
        unreachable = f"{name} no responde" if silent and name == "tres" else ""
        return SimpleNamespace(unreachable=unreachable, declared=SimpleNamespace(zone=None))

    monkeypatch.setattr(identity, "read", lambda _: rendered)
    monkeypatch.setattr(identity, "connect", lambda *_: SimpleNamespace(get_host=lambda name: None))
    monkeypatch.setattr(identity, "server", server)
    monkeypatch.setattr(bans, "banned", lambda *_: [])
    monkeypatch.setattr(limits, "refusals", lambda name, _: refused.get(name, []))
    monkeypatch.setattr(limits, "limits", lambda *_: [])
    done = CliRunner().invoke(command_of(verb), ["-i", str(tmp_path)])
    rows = [line for line in done.stdout.splitlines() if "│ uno" in line or "│ dos" in line]
    assert len(rows) == verb.SHOWN and "y 7 más" in done.stdout
    assert "198.51.100.8" in rows[0] and "198.51.100.7" in rows[1] and "512" in rows[1] and "192.0.2.0" in rows[2]
    expected = (1, "Bien: 2 de 3; falta: tres (incompleto)") if silent else (0, "Bien: 3 de 3")
    assert (done.exit_code, done.stderr.splitlines()[-1]) == expected
