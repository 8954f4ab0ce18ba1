"""Python programs as processes that import nothing anew: forks of an interpreter that has imported it already.

Such a program is a process of its own, with its own arguments, environment, folder, descriptors and exit status. What
it shares with the others is only modules that were imported and not used yet. Starting Python and importing the
project costs more than most of what the programs then do.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import IO, Any, NoReturn

LARGEST = 1 << 18
"""Bytes of a request, with its whole environment."""
LIMIT = 300.0
"""Seconds after which a program hangs; one that only waits for a busy machine does not."""


class Interpreter:
    """A Python that has imported `modules`, with the environment and below the program (`under`) of its start."""

    def __init__(self, *modules: str, under: Sequence[str] = (), env: Mapping[str, str] | None = None) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [*under, sys.executable, __file__, str(theirs.fileno()), *modules]
            self._complaints = _file()
            process = subprocess.Popen(
                command, env=env, pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL, stdout=self._complaints, stderr=self._complaints,
            )  # fmt: skip
        self._ended: dict[int, int] = {}
        weakref.finalize(self, _end, self._channel, process)

    def start(
        self,
        *program: str | Path,
        cwd: Path | str | None = None,
        env: Mapping[str, str] | None = None,
        stdin: int = subprocess.DEVNULL,
    ) -> Running:
        """Start a program, given as `python` takes it: `-m MODULE`, `-c CODE` or a file, and then its arguments."""
        printed, said = _file(), _file()
        where, environment = str(cwd or Path.cwd()), dict(os.environ if env is None else env)
        request = {"program": [str(word) for word in program], "cwd": where, "env": environment}
        null = os.open(os.devnull, os.O_RDONLY)
        try:
            descriptors = [null if stdin == subprocess.DEVNULL else stdin, printed.fileno(), said.fileno()]
            socket.send_fds(self._channel, [json.dumps(request).encode()], descriptors)
        finally:
            os.close(null)
        while "started" not in (told := self._told()):
            self._ended[told["ended"]] = told["status"]
        return Running(self, told["started"], told["pid"], printed, said)

    def run(self, *program: str | Path, timeout: float = LIMIT, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a program as `start` does, and return what it printed and how it ended."""
        running = self.start(*program, **options)
        try:
            status = running.wait(timeout)
        finally:
            running.kill()
        return subprocess.CompletedProcess(program, status, running.printed(), running.said())

    def status(self, number: int, until: float) -> int | None:
        """Return how a program ended, as subprocess does; None if it still runs at the instant `until` (monotonic).

        `number` is that of its start: a long run has more processes than there are ids, and these are given again.
        """
        while number not in self._ended:
            if not select.select([self._channel], [], [], max(0.0, until - time.monotonic()))[0]:
                return None
            told = self._told()
            self._ended[told["ended"]] = told["status"]
        return self._ended[number]

    def _told(self) -> dict[str, Any]:
        message = self._channel.recv(LARGEST)
        assert message, f"the interpreter ended by itself: {_text(self._complaints)}"
        return dict(json.loads(message))


class Running:
    """A program that was started; what it prints goes into files without names."""

    def __init__(self, interpreter: Interpreter, number: int, pid: int, printed: IO[bytes], said: IO[bytes]) -> None:
        self._interpreter, self._number, self.pid = interpreter, number, pid
        self._printed, self._said = printed, said

    def poll(self) -> int | None:
        """Return how it ended, as `subprocess.Popen.poll` does."""
        return self._interpreter.status(self._number, 0.0)

    def wait(self, timeout: float = LIMIT) -> int:
        """Wait until it ends, and return how; TimeoutExpired if it does not in `timeout` seconds."""
        status = self._interpreter.status(self._number, time.monotonic() + timeout)
        if status is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout, self.printed(), self.said())
        return status

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop it during the `with` block, and let it go on as if no time had passed."""
        os.kill(self.pid, signal.SIGSTOP)
        state = Path(f"/proc/{self.pid}/stat")
        while state.read_text().rpartition(")")[2].split()[0] != "T":
            time.sleep(0.001)  # pace: the kernel stops it the next time that it runs
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """Kill it, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def printed(self) -> str:
        """Return what it has written to standard output so far."""
        return _text(self._printed)

    def said(self) -> str:
        """Return what it has written to standard error so far."""
        return _text(self._said)


def _file() -> IO[bytes]:
    """Return a file without a name, which goes with the last who uses it."""
    return tempfile.TemporaryFile()


def _text(file: IO[bytes]) -> str:
    return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode().replace("\r\n", "\n")


def _end(channel: socket.socket, process: subprocess.Popen[bytes]) -> None:
    channel.close()
    process.wait()


@cache
def interpreter(*modules: str, **settings: str) -> Interpreter:
    """Return this process's interpreter that has imported these modules; `settings` are added to its environment."""
    # From these rich takes the width of a terminal when it is imported, and Ansible its settings, and would keep them.
    read = ("ANSIBLE_", "COLUMNS", "DIFUSOR_", "LINES")
    env = {name: value for name, value in os.environ.items() if not name.startswith(read)}
    return Interpreter(*modules, env=env | settings)


def _serve(channel: socket.socket) -> NoReturn:
    """Start a program at each request, and tell how it ended."""
    heard, wakes = socket.socketpair()
    heard.setblocking(False)
    wakes.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes.fileno())
    children: dict[int, int] = {}
    numbers = count()
    while True:
        ready, _, _ = select.select([channel, heard], [], [])
        if heard in ready:
            heard.recv(LARGEST)
        for number, status in _dead(children):
            channel.send(json.dumps({"ended": number, "status": os.waitstatus_to_exitcode(status)}).encode())
        if channel in ready:
            message, descriptors, *_ = socket.recv_fds(channel, LARGEST, 3)
            if not message:
                atexit._run_exitfuncs()
                os._exit(0)
            if not (pid := os.fork()):
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for number, descriptor in enumerate(descriptors):
                    os.dup2(descriptor, number)
                for closed in (channel, heard, wakes):
                    closed.close()
                _live(**json.loads(message))
            children[pid] = next(numbers)
            for descriptor in descriptors:
                os.close(descriptor)
            channel.send(json.dumps({"started": children[pid], "pid": pid}).encode())


def _dead(children: dict[int, int]) -> list[tuple[int, int]]:
    """Take those that have ended out of {id: number}; return their numbers and how they ended."""
    found = [ended for child in children if (ended := os.waitpid(child, os.WNOHANG))[0]]
    return [(children.pop(pid), status) for pid, status in found]


def _live(**request: Any) -> NoReturn:
    """Become a program, and end as Python does after it; only the imported modules are not taken apart.

    That changes nothing outside, and takes longer than most programs: all their memory would have to be copied first.
    """
    try:
        _become(**request)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if end.code is not None and not isinstance(end.code, int):
            print(end.code, file=sys.stderr)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        status = -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if not stream.closed:
            stream.flush()
    if status == -signal.SIGINT:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(status & 0xFF)


def _become(program: list[str], cwd: str, env: dict[str, str]) -> None:
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    kind, *arguments = program
    if kind == "-m":
        sys.argv, sys.path[0] = arguments, cwd
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        sys.argv, sys.path[0] = [kind, *arguments[1:]], ""
        exec(compile(arguments[0], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv, sys.path[0] = program, str(Path(kind).parent)
        runpy.run_path(kind, run_name="__main__")


if __name__ == "__main__":
    for each in sys.argv[2:]:
        import_module(each)
    gc.collect()
    gc.freeze()
    _serve(socket.socket(fileno=int(sys.argv[1])))
