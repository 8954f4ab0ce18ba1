"""Runs a program that talks to a server, with bounds of time, output and memory.

A server that is not the institute's decides what such a program prints, how long it runs and how much memory it takes.
Without bounds one hostile server could stop the institute's machine, and with it the deliveries to all others.
"""

from __future__ import annotations

import os
import resource
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock

PIECE_BYTES = 64 * 1024
LOOK_UP = 0.5
"""Seconds after which a program that says nothing is looked at again: `kill_all` may have ended it meanwhile."""


@dataclass(frozen=True)
class Bounds:
    """What a program may take: seconds; bytes of both outputs together; bytes of address space (None: any number).

    With `own_group` the programs that it starts are killed with it. Without, it may use the operator's terminal, as ssh
    does to ask for a passphrase.
    """

    seconds: float
    output_bytes: int = 1024 * 1024
    memory_bytes: int | None = 512 * 1024 * 1024
    own_group: bool = True


@dataclass(frozen=True)
class Finished:
    """How a program ended: its exit status (negative: the signal that ended it) and what it printed."""

    status: int
    stdout: bytes
    stderr: bytes


class BoundError(Exception):
    """A program exceeded a bound and was killed; what it had printed until then is kept."""

    def __init__(self, stdout: bytes, stderr: bytes) -> None:
        """Take what was printed."""
        super().__init__()
        self.stdout, self.stderr = stdout, stderr


class TooLongError(BoundError):
    """The program was still running when its seconds were over."""


class TooMuchError(BoundError):
    """The program printed more than it may."""


_running: set[subprocess.Popen[bytes]] = set()
_killed: set[subprocess.Popen[bytes]] = set()
_alone = Lock()


def run(
    command: Sequence[str], bounds: Bounds, environment: Mapping[str, str] | None = None, given: bytes = b""
) -> Finished:
    """Run a program to its end and return how it ended.

    Its standard input is `given`, which has to fit in a pipe (4 kB do). When it exceeds a bound, it is killed:
    BoundError. A program that wants more memory than it may have is told so by the system, and ends as it then does.
    FileNotFoundError when there is none.
    """
    with subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.PIPE if given else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        process_group=0 if bounds.own_group else None,
    ) as process:
        with _alone:
            _running.add(process)
        try:
            _limit(process.pid, bounds.memory_bytes)
            if process.stdin:
                with suppress(BrokenPipeError), process.stdin:  # it may have ended without reading
                    process.stdin.write(given)
            return _await(process, time.monotonic() + bounds.seconds, bounds.output_bytes)
        finally:
            with _alone:
                _running.discard(process)
                _killed.discard(process)
            _kill(process)


def kill_all() -> None:
    """Kill every program that `run` is running, in any thread.

    The terminal's Ctrl-C does not reach them, because each has a process group of its own. To `run` their time is over,
    even if another program keeps their outputs open, as an ssh that shares its connection does.
    """
    with _alone:
        for process in _running:
            _kill(process)
            _killed.add(process)


def _limit(pid: int, memory_bytes: int | None) -> None:
    """Limit a process from outside: Python code that runs in a child before its program starts can block forever.

    The process is at most some milliseconds old, and has not heard of any server yet.
    """
    with suppress(ProcessLookupError):  # it has ended already
        resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))
        if memory_bytes is not None:
            _, most = resource.getrlimit(resource.RLIMIT_AS)  # the operator's own, which nobody may raise
            least = memory_bytes if most == resource.RLIM_INFINITY else min(memory_bytes, most)
            resource.prlimit(pid, resource.RLIMIT_AS, (least, least))


def _await(process: subprocess.Popen[bytes], deadline: float, limit: int) -> Finished:
    """Read what the program prints until it closes both outputs, and wait for its end; BoundError before that."""
    assert process.stdout is not None and process.stderr is not None  # PIPE above
    stdout, stderr = bytearray(), bytearray()
    with selectors.DefaultSelector() as waiting:
        waiting.register(process.stdout, selectors.EVENT_READ, stdout)
        waiting.register(process.stderr, selectors.EVENT_READ, stderr)
        while waiting.get_map():
            was_killed = process in _killed  # asked before, so that one killed during a look gets another
            ready = waiting.select(min(LOOK_UP, max(0.0, deadline - time.monotonic())))
            for key, _ in ready:
                piece = os.read(key.fd, PIECE_BYTES)
                key.data.extend(piece)
                if not piece:
                    waiting.unregister(key.fileobj)
            if len(stdout) + len(stderr) > limit:
                raise TooMuchError(bytes(stdout), bytes(stderr))
            given_up = was_killed and not ready
            if waiting.get_map() and (given_up or time.monotonic() >= deadline):
                raise TooLongError(bytes(stdout), bytes(stderr))
    try:
        status = process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise TooLongError(bytes(stdout), bytes(stderr)) from None
    return Finished(status, bytes(stdout), bytes(stderr))


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a program and its group, unless its end has been noticed: its number may then be another program's."""
    if process.returncode is None:
        with suppress(ProcessLookupError):  # no such group: it has none of its own, or has just ended
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
