"""Signing with a key that needs its owner: what reaches the terminal, and how the terminal is left."""

from __future__ import annotations

import base64
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from corte_kit import make_key

from corte.format import signature
from corte.format.refusal import Refusal

PHRASE = "una frase"
PROMPT = "Enter passphrase"
LOAD = "cárguela en el agente de SSH (ssh-add) y repita"
SIGN = """
import os, sys
from pathlib import Path
from corte.format import signature
from corte.format.refusal import Refusal
key, terminal, patience, asks, behind = sys.argv[1:]
if terminal:
    os.open(terminal, os.O_RDWR)  # the first terminal that a session opens is its own
if behind and (child := os.fork()):
    os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
if behind:
    os.setpgid(0, 0)
signature.PATIENCE = float(patience)
try:
    sys.stdout.buffer.write(signature.sign(b"una frase\\nx", Path(key), "demo", asks=bool(asks)))
except Refusal as refusal:
    sys.exit(str(refusal))
except KeyboardInterrupt:
    sys.exit("Ctrl-C")
"""
"""Signs what begins with the key's passphrase, which ssh-keygen may not take from there."""


@dataclass
class Desk:
    """A program that signs, and what its operator sees and types; without `screen` it has no terminal."""

    program: subprocess.Popen[str]
    screen: int | None
    own: int | None
    seen: str = ""

    def read_until(self, text: str, seconds: float = 300.0) -> None:
        until = time.monotonic() + seconds
        while text not in self.seen:
            assert self.screen is not None
            assert select.select([self.screen], [], [], max(0.0, until - time.monotonic()))[0], self.seen
            self.seen += os.read(self.screen, 4096).decode()

    def type(self, text: str) -> None:
        assert self.screen is not None
        os.write(self.screen, text.encode())

    def end(self) -> tuple[str, str]:
        """Wait for the program's end; return what it printed and why it could not sign."""
        printed, told = self.program.communicate(timeout=300)
        while self.screen is not None and select.select([self.screen], [], [], 0)[0]:
            self.seen += os.read(self.screen, 4096).decode()
        return printed, told.strip()

    @property
    def has_echo(self) -> bool:
        return bool(termios.tcgetattr(self.own)[3] & termios.ECHO)


@contextmanager
def signing(
    key: Path, *, terminal: bool = True, patience: float = 30, asks: bool = True, behind: bool = False, **more: str
) -> Iterator[Desk]:
    """Start a program that signs in a session of its own, with a terminal or without."""
    screen, own = pty.openpty() if terminal else (None, None)
    kept = {name: each for name, each in os.environ.items() if not name.startswith(("SSH_", "DISPLAY", "WAYLAND"))}
    words = [key, os.ttyname(own) if own is not None else "", patience, "1" * asks, "1" * behind]
    scripts = str(Path(signature.__file__).parents[2])
    try:
        with subprocess.Popen(
            [sys.executable, "-c", SIGN, *map(str, words)], env=kept | {"PYTHONPATH": scripts} | more, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        ) as program:  # fmt: skip
            try:
                yield Desk(program, screen, own)
            finally:
                program.kill()
    finally:
        for each in (screen, own):
            if each is not None:
                os.close(each)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a key with a passphrase."""
    found = make_key(tmp_path_factory.mktemp("keys"), "firma")
    subprocess.run(
        ["ssh-keygen", "-q", "-p", "-P", "", "-N", PHRASE, "-f", str(found)], check=True, capture_output=True
    )
    return found


@pytest.mark.parametrize("display", ["", ":0"])
def test_the_passphrase_is_asked_for_at_the_terminal(key: Path, display: str):
    """Also on a graphical machine, where ssh-keygen would look for a dialog that is not installed."""
    with signing(key, DISPLAY=display) as desk:
        desk.read_until(PROMPT)
        desk.type(f"{PHRASE}\n")
        printed, told = desk.end()
        assert not told and desk.has_echo and PHRASE not in desk.seen
    assert signature.signed_by(b"una frase\nx", printed.encode(), "demo").startswith("SHA256:")


def test_a_wrong_passphrase_is_told_with_what_to_do(key: Path):
    with signing(key) as desk:
        desk.read_until(PROMPT)
        desk.type("otra\n")
        assert desk.end() == ("", f"No se pudo firmar con {key}: no se pudo pedir su frase, o no es esa; {LOAD}.")


def test_who_hesitates_too_long_gets_a_terminal_with_its_echo_back(key: Path):
    with signing(key, patience=0.3) as desk:
        desk.type("una fr")
        printed, told = desk.end()
        assert desk.has_echo
        assert (printed, told.partition(": ")[2].partition(",")[0]) == (
            "",
            "en 0 segundos nadie dio su frase ni la tocó",
        )


def test_ctrl_c_gives_the_terminal_its_echo_back(key: Path):
    with signing(key) as desk:
        desk.read_until(PROMPT)
        desk.type("\x03")
        assert desk.end() == ("", "Ctrl-C") and desk.has_echo


@pytest.mark.parametrize(
    ("where", "display"),
    [({"terminal": False}, ""), ({"terminal": False}, ":0"), ({"behind": True}, ""), ({"asks": False}, "")],
    ids=["no terminal", "no terminal, but a screen", "in the background", "nobody is to be asked"],
)
def test_where_nobody_can_be_asked_the_key_is_refused_at_once(key: Path, where: dict[str, bool], display: str):
    """What is signed is not taken for the passphrase, and nothing appears on a terminal that is another program's."""
    with signing(key, **where, DISPLAY=display) as desk:
        assert desk.end() == ("", f"No se pudo firmar con {key}: no se pudo pedir su frase, o no es esa; {LOAD}.")
        assert not desk.seen


def test_an_operators_own_dialog_is_used(key: Path, tmp_path: Path):
    dialog = tmp_path / "dialog"
    dialog.write_text(f"#!/bin/sh\necho {PHRASE}\n")
    dialog.chmod(0o700)
    for terminal, required in ((True, {"SSH_ASKPASS_REQUIRE": "force"}), (False, {})):
        with signing(key, terminal=terminal, SSH_ASKPASS=str(dialog), **required) as desk:
            printed, told = desk.end()
            assert printed and not told


def test_who_signs_with_a_key_that_is_touched_is_told_to_touch_it(tmp_path: Path):
    """The key is made up, so no device has it."""
    key = tmp_path / "fido"
    key.write_text(_fido_key())
    key.chmod(0o600)
    with signing(key) as desk:
        desk.read_until("\n")
        printed, told = desk.end()
        assert not printed and told.startswith(f"No se pudo firmar con {key}: ")
        assert desk.seen == "Toque la llave cuando parpadee.\r\n"


def _fido_key() -> str:
    """Return a private key in OpenSSH's format, of the type that needs a device."""

    def text(content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + content

    public = text(b"sk-ssh-ed25519@openssh.com") + text(bytes(range(32))) + text(b"ssh:")
    private = struct.pack(">II", 7, 7) + public + b"\1" + text(b"handle") + text(b"") + text(b"")
    private += bytes(range(1, 1 + -len(private) % 8))
    whole = b"openssh-key-v1\0" + text(b"none") * 2 + text(b"") + struct.pack(">I", 1) + text(public) + text(private)
    return (
        f"-----BEGIN OPENSSH PRIVATE KEY-----\n{base64.encodebytes(whole).decode()}-----END OPENSSH PRIVATE KEY-----\n"
    )


def test_an_agent_that_does_not_answer_is_not_waited_for_long(key: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(signature, "ALONE", 0.0)
    with pytest.raises(Refusal, match="o el agente de SSH no respondió"):
        signature.sign(b"x", key, "demo", asks=False)
