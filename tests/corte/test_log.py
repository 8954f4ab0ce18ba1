"""The log has every push once, survives torn lines, and shows when somebody edited it."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

import pytest
from corte_kit import FILES, Server, pushed, room_for

from corte.format import instants
from corte.format.refusal import Refusal
from corte.server import log
from corte.server.intake import Intake


def test_a_client_that_repeats_itself_does_not_fill_the_log(server: Server):
    old = server.manifest(4).to_bytes()
    refusals = [server.push(old) for _ in range(3)]
    assert [attempt["times"] for attempt in refusals] == [1, 2, 3]
    assert len({attempt["number"] for attempt in refusals}) == 3, "publish waits for a new number"
    assert server.push(server.manifest(3).to_bytes())["number"] > refusals[-1]["number"]
    assert server.send(6)["times"] == 1
    lines = list(log.entries(server.config.store / "bitacora.jsonl"))
    assert [line["event"] for line in lines] == ["shown", "refused", "refused", "shown"]
    assert [line.get("last_times") for line in lines] == [None, None, 3, None]


def test_an_edited_log_fails_its_check(server: Server):
    server.send(6)
    path = server.config.store / "bitacora.jsonl"
    path.write_text(path.read_text().replace("shown", "SHOWN", 1))
    with pytest.raises(Refusal, match="renglón 2"):
        list(log.entries(path))


@pytest.mark.parametrize("line", [b"[]\n", b"{}\n", b"basura\n", b'{"n": 7, "previous": 0}\n', b"\xff\n"])
def test_a_log_with_an_added_line_fails_its_check(server: Server, line: bytes):
    path = server.config.store / "bitacora.jsonl"
    path.write_bytes(path.read_bytes() + line)
    with pytest.raises(Refusal, match="renglón 2"):
        log.end(path)


def head_of(server: Server, entries: int) -> log.Head:
    """Return the log's head as estado.json names it, after checking its number of entries."""
    told = server.status()["log"]
    assert told["entries"] == entries
    return log.Head(entries, told["head"])


def test_a_log_line_torn_by_a_power_cut_is_dropped(server: Server):
    path = server.config.store / "bitacora.jsonl"
    with path.open("ab") as file:
        file.write(b'{"n": 2, "at"')
    assert [entry["n"] for entry in log.entries(path)] == [1]
    server.send(6)
    assert [entry["n"] for entry in log.entries(path)] == [1, 2]
    assert log.end(path) == head_of(server, entries=2)


def test_a_partly_written_log_line_is_ignored(server: Server):
    path = server.config.store / "bitacora.jsonl"
    with room_for(path.stat().st_size + 9), pytest.raises(OSError, match="No space left"):
        log.append(path, head_of(server, entries=1), "shown", instants.now())
    assert log.end(path) == head_of(server, entries=1)
    assert log.append(path, log.end(path), "shown", instants.now())[0].entries == 2


def test_a_line_longer_than_what_is_read_at_once_is_found(server: Server):
    path = server.config.store / "bitacora.jsonl"
    log.append(path, log.end(path), "shown", instants.now(), reason="x" * 100_000)
    server.send(6)
    assert [entry["n"] for entry in log.entries(path)] == [1, 2, 3]


def test_a_run_that_never_finished_is_told_by_the_next(server: Server):
    """An intake that was killed logs nothing; the next run logs it as `interrupted`, once."""
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            doomed = Intake(server.config)
            doomed._take = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign]
            pushed(server, 6, b"x")
            doomed.run()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert server.send(7)["result"] == "shown"
    events = [entry["event"] for entry in log.entries(server.config.store / "bitacora.jsonl")]
    assert events[-2:] == ["interrupted", "shown"]
    server.send(8, {**FILES, "ocho.csv": b"8\n"})
    assert [entry["event"] for entry in log.entries(server.config.store / "bitacora.jsonl")].count("interrupted") == 1
