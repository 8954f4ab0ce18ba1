"""Bounds of time and memory for the reading of a paper that anybody may have made."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from corte.format import files
from difusor.project import UnusableError

SECONDS = 180.0
"""Processor seconds that the reading of one paper may take: a dictamen of 6 MB with two signatures takes fourteen."""
MEMORY = 1 << 30
"""Bytes that the reading of one paper may take, beyond what this program has already."""
LARGEST = 100 << 20
"""Bytes of a paper: several times those of a dictamen with the results of the measurement inside."""
TOO_MUCH = "leerlo toma más {} que cualquier papel; no lo abra con otro programa: puede estar hecho para trabarlo"


class _TooLong(BaseException):
    """The time is over. No Exception, so that no parser takes it for a fault of the file."""


def read(path: Path) -> bytes:
    """Return the content of a paper; UnusableError when it is larger than any, OSError as `files.read`."""
    with files.opened(path) as source:
        content = source.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise UnusableError(f"{path} mide más de {LARGEST >> 20} MB, que no mide ningún papel")
    return content


@contextmanager
def bounded(seconds: float = SECONDS, memory: int = MEMORY) -> Iterator[None]:
    """End what is done within when it takes more, with UnusableError. For the main thread, which alone hears signals.

    The parser is all Python, so that the alarm reaches it at once. A busy machine leaves it as much time as another.
    """
    limits = resource.getrlimit(resource.RLIMIT_AS)
    before = signal.signal(signal.SIGPROF, _ring)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (_least(_taken() + memory, *limits), limits[1]))
        signal.setitimer(signal.ITIMER_PROF, seconds, 1.0)  # again and again, should a handler swallow the first
        yield
    except _TooLong:
        raise UnusableError(TOO_MUCH.format("tiempo")) from None
    except MemoryError:
        raise UnusableError(TOO_MUCH.format("memoria")) from None
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        resource.setrlimit(resource.RLIMIT_AS, limits)


def _ring(number: int, frame: object) -> None:
    raise _TooLong


def _taken() -> int:
    """Return the bytes of address space that this program has."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _least(wanted: int, *limits: int) -> int:
    return min(each for each in (wanted, *limits) if each != resource.RLIM_INFINITY)
