"""What takes only the processor time that others leave: its priority, its status, and its end by Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from difusor.proof.suites import YIELDING
from difusor.proof.yielding import NICE

AUTOGROUP = Path("/proc/self/autogroup")


def test_it_yields_to_its_own_session_and_to_others() -> None:
    shown = "import os; print(os.nice(0), os.getsid(0) == os.getpid())"
    if AUTOGROUP.exists():  # not every kernel shares the processors among sessions
        shown += f"; print(open('{AUTOGROUP}').read())"
    printed = subprocess.check_output([*YIELDING, sys.executable, "-c", shown], text=True).split()
    assert printed[:2] == [str(min(os.nice(0) + NICE, 19)), "True"]
    assert not AUTOGROUP.exists() or printed[-2:] == ["nice", str(NICE)]


@pytest.mark.parametrize("status", [0, 1, 5])
def test_its_status_is_the_commands(status: int) -> None:
    assert subprocess.run([*YIELDING, "sh", "-c", f"exit {status}"], check=False).returncode == status


def test_an_interrupt_reaches_the_command() -> None:
    waiting = "import signal, sys; signal.signal(signal.SIGINT, lambda *_: sys.exit(7)); print('ready', flush=True)"
    # A shell's background jobs ignore interrupts, and so would this one where the tests are such a job.
    command = ["env", "--default-signal=INT", *YIELDING, sys.executable, "-c", f"{waiting}; signal.pause()"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 7
        finally:
            process.kill()
