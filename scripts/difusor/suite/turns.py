"""What measurements of several difusores may not do at the same time on this machine, they do in turn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from difusor.project import build, locked


@contextmanager
def turn(what: str, wait: bool = True) -> Iterator[None]:
    """Wait until no other measurement does `what` (a short name), and keep the others waiting meanwhile.

    BlockingIOError without `wait` when another one does it.
    """
    folder = build() / "turnos" / what
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder, wait):
        yield
