"""The process of a verb: what it was started with is made usable, and a stop ends it in one sentence.

Nothing is imported here that takes time: Ctrl-C may come while the verb itself is still imported.
"""

from __future__ import annotations

import os
import pwd
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from difusor.process import streams, texts

NARROWEST = 20
"""Columns. Some terminals say that they have none, and then nothing would be shown.

With a word in TERMINAL_WIDTH, which Typer reads as a number, neither help nor complaints would be.
"""
OF_OTHER_PROGRAMS = ("OPENSSL_CONF", "OPENSSL_MODULES", "SSLKEYLOGFILE")
"""What shells say to OpenSSL for another program; the system's openssl.cnf counts.

With it ssh or a look at a page would not begin, or would talk less than the system does, and a file that notes the keys
need not be one that can be written.
"""
added: dict[str, str] = {}
"""Environment variables that this process had to set, because with the operator's own no Ansible would run."""


class Stopped(SystemExit):
    """A signal stops the verb; what is unfinished is removed on the way out."""

    def __init__(self, number: int) -> None:
        """Take the number of the signal."""
        super().__init__(128 + number)
        self.number = number


def account(number: int | None = None) -> str:
    """Return the name of an account by its number; without one that of who runs this.

    It is the system's word, not that of LOGNAME, which anybody may set.
    """
    uid = os.getuid() if number is None else number
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


@contextmanager
def prepared() -> Iterator[None]:
    """Run a verb with the standard streams open and texts in UTF-8; a stop is told in a sentence.

    Replaces this process by another one when Python has begun with names of files that are not in UTF-8.
    """
    streams.prepare()
    for name in OF_OTHER_PROGRAMS:
        os.environ.pop(name, None)
    added.update(texts.in_utf8())
    for name in ("COLUMNS", "TERMINAL_WIDTH"):
        if not (os.environ.get(name) or "x").isdecimal() or int(os.environ[name]) < NARROWEST:
            os.environ.pop(name, None)
    # No other account changes an inventory, however open the operator's umask is, and the operator can use what a verb
    # makes, however closed: with 177, which is meant for files, nobody could enter a new folder.
    os.umask((os.umask(0o022) | 0o002) & ~0o700)
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


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(number)


def _tell(number: int) -> None:
    by = "" if number == signal.SIGINT else f" ({signal.Signals(number).name})"
    print(f"\n✗ Interrumpido{by}.", file=sys.stderr)
