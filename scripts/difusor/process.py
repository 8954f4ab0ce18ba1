"""The process of a verb: what it was started with is made usable, and a stop ends it in one sentence.

Nothing is imported here that takes time: Ctrl-C may come while the verb itself is still imported.
"""

from __future__ import annotations

import io
import locale
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TextIO

UTF8 = "C.UTF-8"
"""A locale that every system has, with texts in UTF-8."""
NARROWEST = 20
"""Columns. Some terminals say that they have none, and then nothing would be shown."""
added: dict[str, str] = {}
"""Environment variables that this process had to set, because with the operator's own no Ansible would run."""


class Stopped(SystemExit):
    """A signal stops the verb; what is unfinished is removed on the way out."""

    def __init__(self, number: int) -> None:
        """Take the number of the signal."""
        super().__init__(128 + number)
        self.number = number


@contextmanager
def prepared() -> Iterator[None]:
    """Run a verb with the standard streams open and texts in UTF-8; a stop is told in a sentence.

    Replaces this process by another one when Python has begun with names of files that are not in UTF-8.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        _open(number, name)
    sys.stdout, sys.stderr = _over(sys.stdout, _Output), _over(sys.stderr, _Unfailing)
    _speak_utf8()
    if os.environ.get("COLUMNS", "").isdecimal() and int(os.environ["COLUMNS"]) < NARROWEST:
        del os.environ["COLUMNS"]
    os.umask(os.umask(0o022) | 0o002)  # no other account changes an inventory, however open the operator's umask is
    for signal_number in (signal.SIGHUP, signal.SIGTERM):
        if signal.getsignal(signal_number) is signal.SIG_DFL:  # nohup has SIGHUP ignored
            signal.signal(signal_number, _stop)
    try:
        with stoppable():
            yield
    except Stopped as stop:
        _tell(stop.number)
        raise


@contextmanager
def stoppable() -> Iterator[None]:
    """Turn Ctrl-C into Stopped, which click and Typer leave alone; Ctrl-C itself they would end without a word."""
    try:
        yield
    except KeyboardInterrupt:
        raise Stopped(signal.SIGINT) from None


def has_utf8() -> bool:
    """Tell whether the locale of the environment exists and is in UTF-8; in another one Ansible refuses to run."""
    before = locale.setlocale(locale.LC_ALL)
    try:
        locale.setlocale(locale.LC_ALL, "")
        return (locale.getlocale()[1] or "").upper() in ("UTF-8", "UTF8")
    except (locale.Error, ValueError):
        return False
    finally:
        locale.setlocale(locale.LC_ALL, before)


def _speak_utf8() -> None:
    if has_utf8() and "utf8" not in sys._xoptions:  # the option of the process that this one replaces
        return
    added["LC_ALL"] = os.environ["LC_ALL"] = UTF8
    if sys.getfilesystemencoding() != "utf-8":
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])


def _open(number: int, name: str) -> None:
    """Open a standard stream that was closed as one with nothing in it.

    Without it the first file that a verb opens would be its standard output, and get what the verb prints.
    """
    if getattr(sys, name) is not None:
        return
    nothing = os.open(os.devnull, os.O_RDWR)
    if nothing != number:
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


class _Unfailing(io.FileIO):
    """Standard error, which takes what it is given, whether it can write it or not.

    It has progress and complaints only. A full disk, a terminal that is gone, or a pipe that nobody reads any more must
    not end a verb that delivers to servers; its exit status says what came of it.
    """

    def write(self, content: Any) -> int:
        try:
            return super().write(content)
        except OSError:
            return len(content)


def _over(stream: TextIO, kind: type[io.FileIO]) -> io.TextIOWrapper:
    """Return a stream to the same place; what a terminal's encoding lacks, such as ✓, becomes a question mark."""
    raw = io.BufferedWriter(kind(stream.fileno(), "w", closefd=False))
    return io.TextIOWrapper(raw, encoding=stream.encoding, errors="replace", line_buffering=True)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(number)


def _tell(number: int) -> None:
    by = "" if number == signal.SIGINT else f" ({signal.Signals(number).name})"
    print(f"\n✗ Interrumpido{by}.", file=sys.stderr)
