"""Runs a command that takes only the processor time that everything else on this machine leaves.

    python -m difusor.proof.yielding COMMAND [ARGUMENT...]

Linux shares the processors first among sessions (its autogroup, see sched(7)), and only inside one by nice values. What
Ansible does for a server has a session for each task, so the command gets one of its own, which counts little.
Exits with the command's status.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

NICE = 10
"""The nice value: such a process gets a ninth of the time that one with the usual value, 0, gets beside it. With
less, a browser under test waited for minutes beside four busy sessions."""
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The signals that end a session, such as the terminal's Ctrl-C, and do not reach another one by themselves."""


def main(*command: str) -> int:
    """Run the command to its end, and pass on the signals that end it; return its status, negative for a signal."""
    os.nice(NICE)
    early: list[int] = []
    _at_the_end(early.append)
    with subprocess.Popen(command, start_new_session=True) as process:
        _at_the_end(partial(os.killpg, process.pid))
        for number in early:
            os.killpg(process.pid, number)
        with suppress(OSError):  # a kernel without autogroup has no such file: there the nice value is enough
            Path(f"/proc/{process.pid}/autogroup").write_text(str(NICE))
        return process.wait()


def _at_the_end(act: Callable[[int], None]) -> None:
    """Call `act` with each of the signals that comes from now on."""
    for number in ENDING:
        signal.signal(number, lambda received, _: act(received))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
