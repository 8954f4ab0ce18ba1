"""A disk that has turned read-only, or a list that cannot be read: the gate lives on, and opens and ends in time."""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from corte_kit import Server
from crash_kit import CHANGES

from corte.format import instants
from corte.server import clock
from corte.server.clock import Clock
from corte.server.gate import Gate

SECOND = timedelta(seconds=1)


def turn_read_only(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be changed any more but in /run, which is in memory."""
    runs = str(server.config.gate_file.parent)

    def wrap(name: str) -> None:
        original = getattr(os, name)

        def refusing(*given: object, **options: object) -> object:
            is_reading = name == "open" and not int(given[1]) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)  # type: ignore[call-overload]
            if is_reading or str(given[0]).startswith(runs):
                return original(*given, **options)
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), given[0])

        monkeypatch.setattr(os, name, refusing)

    for name in (*CHANGES, "chmod", "open"):
        wrap(name)
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK and access(path, mode))


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def lives(server: Server, monkeypatch: pytest.MonkeyPatch, *at: datetime, synchronised: bool = True) -> list[bool]:
    """Run the gate at these instants, one step each, and return whether the page was open after each."""
    seen: list[bool] = []

    def rest(seconds: float) -> None:
        seen.append(server.config.gate_file.exists())
        if len(seen) == len(at):
            raise SystemExit(f"at rest for {seconds} s")

    monkeypatch.setattr(clock, "ask", lambda limit: Clock(synchronised, 0.0, 0.001, instants.now()))
    monkeypatch.setattr(Gate, "now", lambda self: at[len(seen)])
    monkeypatch.setattr(time, "sleep", rest)
    with pytest.raises(SystemExit, match="at rest"):
        Gate(server.config).run()
    return seen


def test_the_page_goes_on_and_ends_in_time(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    turn_read_only(server, monkeypatch)
    end = server.config.window.retain_until
    seen = lives(server, monkeypatch, end - 2 * SECOND, end - SECOND, end, end + SECOND)
    assert seen == [True, True, False, False]
    assert capsys.readouterr().err.count("el disco solo admite lectura") == 1, "it is said once"


@pytest.mark.parametrize("synchronised", [True, False])
def test_after_a_reboot_what_was_shown_is_shown_again_by_a_clock_that_is_right(
    server: Server, monkeypatch: pytest.MonkeyPatch, synchronised: bool
):
    server.config.gate_file.unlink()
    turn_read_only(server, monkeypatch)
    opens = server.config.window.opens
    seen = lives(server, monkeypatch, opens - SECOND, opens, synchronised=synchronised)
    assert seen == [False, synchronised]
    assert server.shown() == 5


@pytest.mark.parametrize("link", ["", "cortes/4-0123456789ab"])
def test_nothing_else_opens(server: Server, monkeypatch: pytest.MonkeyPatch, link: str):
    server.config.gate_file.unlink()
    (server.config.public / "actual").unlink()
    if link:
        (server.config.public / link).mkdir()
        (server.config.public / "actual").symlink_to(link)
    turn_read_only(server, monkeypatch)
    assert lives(server, monkeypatch, server.config.window.opens) == [False]


def test_a_state_that_nobody_can_read_any_more_leaves_the_configured_end(
    server: Server, monkeypatch: pytest.MonkeyPatch
):
    (server.config.store / "state.json").write_text("{")
    turn_read_only(server, monkeypatch)
    end = server.config.window.retain_until
    assert lives(server, monkeypatch, end - SECOND, end) == [True, False]


def test_a_store_that_becomes_a_file_while_the_gate_runs_is_mended(server: Server, monkeypatch: pytest.MonkeyPatch):
    """No new start of the service makes it a folder again."""
    service = Gate(server.config)
    server.config.store.rename(server.config.store.with_name("antes"))
    server.config.store.write_text("otra cosa")
    monkeypatch.setattr(Gate, "now", lambda self: server.config.window.opens)
    assert service._decide() == server.config.window
    assert service.complaint == ""
    assert server.config.store.is_dir()


def test_a_list_of_revoked_keys_that_cannot_be_read_keeps_nothing_from_opening_and_ending(
    tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    opens = instants.now().replace(microsecond=0) + timedelta(minutes=30)
    server = Server.make(tmp_path / "srv", key, opens)
    assert server.send(1)["result"] == "held"
    server.config.revoked.unlink()
    seen = lives(server, monkeypatch, opens - SECOND, opens, opens + SECOND, server.config.window.retain_until)
    assert seen == [False, True, True, False]
    assert capsys.readouterr().err.count("no existe") == 1
    server.config.revoked.write_text("")
    lives(server, monkeypatch, opens)
    assert server.shown() == 1
