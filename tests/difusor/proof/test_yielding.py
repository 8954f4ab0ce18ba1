"""What takes only the processor time that others leave: its priority, its status, and how it is ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from difusor.proof.suites import YIELDING
from difusor.proof.yielding import ENDING, NICE

AUTOGROUP = Path("/proc/self/autogroup")
SHOW = """
import os, sys, time
print(os.nice(0), os.getsid(0) == os.getpid(), flush=True)
for _ in range(600):  # the session's value is set while the command runs already
    if "nice 0" not in (found := open(sys.argv[1]).read()):
        break
    time.sleep(0.1)  # pace: between two looks
print(found)
"""
"""Prints the nice value, whether it has a session of its own, and what the file that is given says of that."""


WAITING = """
import signal, sys, time
signal.signal(int(sys.argv[1]), lambda *_: sys.exit(7))
print("ready", flush=True)
while True:  # signal.pause() would wait for ever for a signal that came just before it
    time.sleep(0.1)  # pace: between two chances to take the signal
"""
"""Ends with 7 at the signal whose number is given."""


def test_it_yields_to_its_own_session_and_to_others() -> None:
    told = AUTOGROUP if AUTOGROUP.exists() else os.devnull  # not every kernel shares the processors among sessions
    printed = subprocess.check_output([*YIELDING, sys.executable, "-c", SHOW, told], text=True).split()
    assert printed[:2] == [str(min(os.nice(0) + NICE, 19)), "True"]
    assert not AUTOGROUP.exists() or printed[-2:] == ["nice", str(NICE)]


@pytest.mark.parametrize("status", [0, 1, 5])
def test_its_status_is_the_commands(status: int) -> None:
    assert subprocess.run([*YIELDING, "sh", "-c", f"exit {status}"], check=False).returncode == status


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_what_ends_it_ends_the_command(number: signal.Signals) -> None:
    with subprocess.Popen(
        [*YIELDING, sys.executable, "-c", WAITING, f"{number:d}"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            process.send_signal(number)
            assert process.wait(timeout=300) == 7
        finally:
            process.kill()
