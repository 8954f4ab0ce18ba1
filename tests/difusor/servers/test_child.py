"""A program that talks to a server is killed, with its descendants, when it exceeds a bound."""

from __future__ import annotations

import os
import selectors
import signal
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from difusor.project import ROOT
from difusor.servers import child
from difusor.servers.child import Bounds
from difusor.suite.waiting import until

HANG = "sleep 300"  # pace: a program that hangs
DRIP = "while :; do echo x; sleep 0.1; done"  # pace: a program that prints now and then


def shell(script: str, bounds: Bounds) -> child.Finished:
    return child.run(["sh", "-c", script], bounds, {"PATH": "/usr/bin:/bin", "SAID": "á"})


def test_status_and_both_outputs_are_returned():
    done = shell('echo "$SAID"; echo no >&2; exit 3', Bounds(10))
    assert done == child.Finished(3, "á\n".encode(), b"no\n")
    assert shell("kill -9 $$", Bounds(10)).status == -9
    with pytest.raises(FileNotFoundError):
        child.run(["/no/existe"], Bounds(10))


@pytest.mark.parametrize("output", ["yes x", "yes x >&2"])
def test_a_program_that_prints_without_end_is_killed(output: str):
    with pytest.raises(child.TooMuchError) as exceeded:
        shell(f"echo primero; echo primero >&2; {output}", Bounds(60, output_bytes=10_000))
    printed = exceeded.value.stdout + exceeded.value.stderr
    assert printed.startswith(b"primero\n") and len(printed) <= 10_000 + 2 * child.PIECE_BYTES


@pytest.mark.parametrize(
    "script",
    [HANG, f"{HANG} & {HANG}", f"exec >&- 2>&-; {HANG}", f"{HANG} &", DRIP],
    ids=["silent", "with a descendant", "outputs closed", "only a descendant", "drips"],
)
def test_a_program_that_does_not_end_is_killed_with_its_descendants(script: str, tmp_path: Path):
    started = time.monotonic()
    with pytest.raises(child.TooLongError):
        shell(f"echo $$ >{tmp_path}/group; {script}", Bounds(0.3))
    assert time.monotonic() - started < 120
    group = (tmp_path / "group").read_text().strip()
    left = partial(Path("/proc").glob, "[0-9]*/stat")  # killed, but on a busy machine not yet gone
    until(
        lambda: [stat for stat in left() if is_of(stat, group)], lambda found: not found, what="no quede ningún proceso"
    )


def is_of(stat: Path, group: str) -> bool:
    try:
        fields = stat.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return fields[2] == group and fields[0] != "Z"


def test_memory_is_limited():
    grow = "data = []\nwhile True: data.append(bytearray(1 << 20))"
    done = child.run([sys.executable, "-c", grow], Bounds(60, memory_bytes=200 << 20))
    assert done.status == 1 and b"MemoryError" in done.stderr


def test_a_smaller_limit_of_the_operators_stays():
    """As of `ulimit -v` or limits.conf: the program was started, and the verb ended because it may not raise that."""
    code = "from difusor.servers import child; print(child.run(['sh', '-c', 'ulimit -v'], child.Bounds(10)).stdout)"
    limited = ["sh", "-c", 'ulimit -v 400000; exec "$@"', "sh", sys.executable, "-c", code]
    done = child.run(limited, Bounds(60, memory_bytes=None), {**os.environ, "PYTHONPATH": str(ROOT / "scripts")})
    assert (done.status, done.stdout) == (0, b"b'400000\\n'\n"), done.stderr


def test_all_that_run_can_be_killed_at_once():
    done: list[child.Finished] = []
    threads = [threading.Thread(target=lambda: done.append(shell(HANG, Bounds(250)))) for _ in range(3)]
    for thread in threads:
        thread.start()
    until(lambda: len(child._running), lambda number: number == len(threads), what="los tres programas corran")
    child.kill_all()
    for thread in threads:
        thread.join()
    assert [one.status for one in done] == [-9, -9, -9]


def test_a_killed_program_is_not_waited_for_while_another_keeps_its_outputs_open(tmp_path: Path):
    """As an ssh does that shares its connection: it passes its outputs on to the ssh that holds the connection."""
    started, done = time.monotonic(), []

    def work() -> None:
        with pytest.raises(child.TooLongError):
            # Begun is what has left the program's group; in it it would be killed, too.
            other = f"echo $$ >{tmp_path}/begun; exec sleep 120"  # pace: outlives the program
            shell(f"setsid sh -c '{other}' & wait", Bounds(100))
        done.append(time.monotonic() - started)

    thread = threading.Thread(target=work)
    thread.start()
    begun = tmp_path / "begun"
    other = until(lambda: begun.exists() and begun.read_text().strip(), what="el otro programa corra")
    until(child.kill_all, lambda _: bool(done), what="se deje de esperar")
    thread.join()
    os.kill(int(other), signal.SIGKILL)
    assert done[0] < 90


def test_a_program_that_is_killed_during_a_look_is_looked_at_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed just before it was asked whether it had been, it was given up before its end could be seen."""
    looks, select = iter([True]), selectors.DefaultSelector.select

    def late(self: selectors.DefaultSelector, timeout: float | None = None) -> list[Any]:
        if next(looks, False):
            child.kill_all()
            return []
        return select(self, timeout)

    monkeypatch.setattr(selectors.DefaultSelector, "select", late)
    assert child.run(["sleep", "300"], Bounds(250)).status == -9  # pace: a program that hangs
