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
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, Any, NoReturn

LARGEST = 1 << 18
"""Bytes of a request, with its whole environment."""
LIMIT = 300.0
"""Seconds after which a program hangs; one that only waits for a busy machine does not."""


class Interpreter:
    """A Python that has imported `modules`, with the environment and below the program (`under`) of its start.

    Several threads may start programs: what becomes of each is told through a channel of its own.
    """

    def __init__(self, *modules: str, under: Sequence[str] = (), env: Mapping[str, str] | None = None) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [*under, sys.executable, __file__, str(theirs.fileno()), *modules]
            self._complaints = _file()
            process = subprocess.Popen(
                command, env=env, pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL, stdout=self._complaints, stderr=self._complaints,
            )  # fmt: skip
        weakref.finalize(self, _end, self._channel, process)

    def start(
        self,
        *program: str | Path,
        cwd: Path | str | None = None,
        env: Mapping[str, str] | None = None,
        stdin: int = subprocess.DEVNULL,
        stdout: int | None = None,
        stderr: int | None = None,
    ) -> Running:
        """Start a program, given as `python` takes it: `-m MODULE`, `-c CODE` or a file, and then its arguments.

        What it writes goes to the descriptors `stdout` and `stderr`; without them Running returns it.
        """
        printed, said = _file(), _file()
        told, tells = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        where, environment = str(cwd or Path.cwd()), dict(os.environ if env is None else env)
        request = {"program": [str(word) for word in program], "cwd": where, "env": environment}
        null = os.open(os.devnull, os.O_RDONLY)
        try:
            descriptors = [
                null if stdin == subprocess.DEVNULL else stdin,
                printed.fileno() if stdout is None else stdout,
                said.fileno() if stderr is None else stderr,
                tells.fileno(),
            ]
            socket.send_fds(self._channel, [json.dumps(request).encode()], descriptors)
        finally:
            tells.close()
            os.close(null)
        return Running(self, told, printed, said)

    def run(self, *program: str | Path, timeout: float = LIMIT, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a program as `start` does, and return what it printed and how it ended."""
        running = self.start(*program, **options)
        try:
            status = running.wait(timeout)
        finally:
            running.kill()
        return subprocess.CompletedProcess(program, status, running.printed(), running.said())

    def heard(self, told: socket.socket) -> int:
        """Return the next number that it tells of a program: the program's id, and then how it ended."""
        number = told.recv(LARGEST)
        assert number, f"the interpreter ended by itself: {_text(self._complaints)}"
        return int(number)


class Running:
    """A program that was started; what it prints goes into files without names, unless its start said where to."""

    def __init__(self, interpreter: Interpreter, told: socket.socket, printed: IO[bytes], said: IO[bytes]) -> None:
        self._interpreter, self._told = interpreter, told
        self._printed, self._said = printed, said
        self._status: int | None = None
        self.pid = interpreter.heard(told)

    def fileno(self) -> int:
        """Return a descriptor that can be read once it has ended, for select."""
        return self._told.fileno()

    def poll(self, timeout: float = 0.0) -> int | None:
        """Return how it ended, as `subprocess.Popen.poll` does; wait for that no longer than `timeout` seconds."""
        if self._status is None and select.select([self], [], [], timeout)[0]:
            self._status = self._interpreter.heard(self._told)
            self._told.close()
        return self._status

    def wait(self, timeout: float = LIMIT) -> int:
        """Wait until it ends, and return how; TimeoutExpired if it does not in `timeout` seconds."""
        status = self.poll(timeout)
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

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Kill it, or send it another signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def printed(self) -> str:
        """Return what it has written to standard output so far."""
        return _text(self._printed)

    def said(self) -> str:
        """Return what it has written to standard error so far."""
        return _text(self._said)


def tell(channel: socket.socket, number: int) -> None:
    """Tell whoever asked for a program its id, or how it ended."""
    with suppress(OSError):  # nobody listens any more
        channel.send(str(number).encode())


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
    """Start a program at each request; tell whoever asked for it its id, and how it ended."""
    heard, wakes = socket.socketpair()
    heard.setblocking(False)
    wakes.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes.fileno())
    children: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([channel, heard], [], [])
        if heard in ready:
            heard.recv(LARGEST)
        for tells, status in _dead(children):
            tell(tells, os.waitstatus_to_exitcode(status))
            tells.close()
        if channel in ready:
            message, descriptors, *_ = socket.recv_fds(channel, LARGEST, 4)
            if not message:
                atexit._run_exitfuncs()
                os._exit(0)
            tells = socket.socket(fileno=descriptors.pop())
            if not (pid := os.fork()):
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for number, descriptor in enumerate(descriptors):
                    os.dup2(descriptor, number)
                    os.close(descriptor)  # whoever reads its output waits until the last copy is closed
                for closed in (channel, heard, wakes, tells, *children.values()):
                    closed.close()
                _live(**json.loads(message))
            children[pid] = tells
            for descriptor in descriptors:
                os.close(descriptor)
            tell(tells, pid)


def _dead(children: dict[int, socket.socket]) -> list[tuple[socket.socket, int]]:
    """Take those that have ended out of {id: channel}; return their channels and how they ended."""
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
