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
from contextlib import suppress
from pathlib import Path

NICE = 15
"""The nice value: such a process gets a thirtieth of the time that one with the usual value, 0, gets beside it."""


def main(*command: str) -> int:
    """Run the command to its end, and pass on the signals that end it; return its status, negative for a signal."""
    os.nice(NICE)
    with subprocess.Popen(command, start_new_session=True) as process:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # what ends this session does not reach others
            signal.signal(number, lambda received, _: os.killpg(process.pid, received))
        with suppress(OSError):  # a kernel without autogroup has no such file: there the nice value is enough
            Path(f"/proc/{process.pid}/autogroup").write_text(str(NICE))
        return process.wait()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
