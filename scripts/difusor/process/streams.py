"""The standard streams of a verb, and of the plays that it runs: none of them ends these because it takes no more."""

from __future__ import annotations

import io
import os
import sys
from typing import Any, TextIO


def prepare() -> None:
    """Open the standard streams that were closed; output is written as `_Output` does, and errors do not fail."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        _open(number, name)
    sys.stdout, sys.stderr = _over(sys.stdout, _Output), _over(sys.stderr, io.FileIO)
    never_fail(sys.stderr)


def never_fail(stream: TextIO | None) -> None:
    """Have an open stream take what it is given, whether it can write it or not.

    For progress and complaints. A full disk, a terminal that is gone, or a pipe that nobody reads any more must not end
    what delivers to servers; its exit status says what came of it.
    """
    if stream is None:
        return
    raw: Any = getattr(stream.buffer, "raw", stream.buffer)  # with PYTHONUNBUFFERED there is the file alone
    write = raw.write

    def attempt(content: Any) -> Any:
        try:
            return write(content)
        except OSError:
            return len(content)

    raw.write = attempt


def _open(number: int, name: str) -> None:
    """Open a standard stream that was closed as one with nothing in it, also for the program that a verb becomes.

    Without it the first file that either opens would be its standard output, and get what it prints.
    """
    if getattr(sys, name) is not None:
        return
    nothing = os.open(os.devnull, os.O_RDWR)
    if nothing == number:
        os.set_inheritable(number, True)
    else:
        os.dup2(nothing, number)
        os.close(nothing)
    stream = os.fdopen(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False)
    setattr(sys, name, stream)


class _Output(io.FileIO):
    """Standard output, which says once, and by its name, that it takes no more: by then the verb has done its work."""

    _is_over = False

    def write(self, content: Any) -> int:
        if self._is_over:
            return len(content)
        try:
            return super().write(content)
        except OSError as error:
            self._is_over = True
            error.filename = "la salida estándar"
            raise


def _over(stream: TextIO, kind: type[io.FileIO]) -> io.TextIOWrapper:
    """Return a stream to the same place; what a terminal's encoding lacks, such as ✓, becomes a question mark."""
    raw = io.BufferedWriter(kind(stream.fileno(), "w", closefd=False))
    return io.TextIOWrapper(raw, encoding=stream.encoding, errors="replace", line_buffering=True)
