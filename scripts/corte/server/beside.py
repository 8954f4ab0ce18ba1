"""Runs a function in a process of its own, on another processor, while this program does something else."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


class Beside:
    """A process that was forked to find out some lines of text."""

    def __init__(self, work: Callable[[], list[str]]) -> None:
        """Begin the work; OSError if too many processes run."""
        self._written = os.memfd_create("corte")
        try:
            self._process = os.fork()
        except OSError:
            os.close(self._written)
            raise
        if self._process == 0:
            _work(work, self._written)

    def lines(self) -> list[str]:
        """Wait for its end and return what the work returned; OSError if it failed. Only once."""
        process, self._process = self._process, 0
        _, status = os.waitpid(process, 0)
        if status != 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        with open(self._written, "rb", closefd=False) as written:
            written.seek(0)
            return written.read().decode("utf-8", "surrogateescape").split("\0")

    def end(self) -> None:
        """End it, however far it is."""
        os.close(self._written)
        if self._process:
            os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)


@contextmanager
def beside(work: Callable[[], list[str]]) -> Iterator[Beside | None]:
    """Have work done beside what this context does, and end it with the context; None if that cannot be.

    `work` returns lines without a zero character. What it does to this program's own variables is lost.
    """
    begun = None
    with suppress(OSError):
        begun = Beside(work)
    try:
        yield begun
    finally:
        if begun:
            begun.end()


def _work(work: Callable[[], list[str]], written: int) -> None:
    """Do the work and write its lines; this process never returns to what its parent was doing."""
    try:
        with open(written, "wb", closefd=False) as file:
            file.write("\0".join(work()).encode("utf-8", "surrogateescape"))
        os._exit(0)
    finally:
        os._exit(1)
