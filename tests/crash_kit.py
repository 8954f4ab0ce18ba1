"""A server's intake or gate as a process that is killed, or whose disk is full, from one of its changes of the disk on.

It is a fork of a small interpreter: to fork pytest, with all that its tests have imported, takes longer than the run.
"""

from __future__ import annotations

import errno
import os
import pickle
import signal
from collections.abc import Callable
from datetime import datetime
from functools import cache

from interpreter_kit import Interpreter
from machine_kit import CODE

from corte.server.clock import Clock
from corte.server.config import Config
from corte.server.gate import Gate
from corte.server.intake import Intake

CHANGES = ("link", "mkdir", "rename", "replace", "symlink", "unlink", "rmdir", "fsync", "fchmod", "utime")
"""Functions of os that change the disk: a power cut can come before or after each call."""
GROWS = ("link", "mkdir", "symlink", "fsync")
"""Functions of os that fail when the disk is full."""


def broken(config: Config, step: int, fault: str, now: datetime | None = None) -> int:
    """Run the intake, or one step of the gate at the instant `now`, and return how it ended, as subprocess does.

    `fault`, of FAULTS, comes after `step` changes of the disk.
    """
    call = f"import crash_kit\ncrash_kit.run(*{(pickle.dumps((config, now)), step, fault)!r})"
    return _interpreter().run("-c", call).returncode


def run(given: bytes, step: int, fault: str) -> None:
    """Do what `broken` asks of the process; `given` is the pickled configuration and the instant."""
    config, now = pickle.loads(given)
    _at_call(step, *FAULTS[fault])
    if now:
        step_of(config, now)
    else:
        assert Intake(config).run() == 0


def step_of(config: Config, now: datetime) -> None:
    """Run one step of the gate at an instant, with a clock that is right."""
    service = Gate(config)
    service.clock = Clock(True, 0.0, 0.001, now)
    service.step(now)


@cache
def _interpreter() -> Interpreter:
    return Interpreter("crash_kit", env={**os.environ, "PYTHONPATH": str(CODE)})


def _killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _full() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


FAULTS: dict[str, tuple[tuple[str, ...], Callable[[], None]]] = {"killed": (CHANGES, _killed), "full": (GROWS, _full)}
"""By name, the functions of os at which a fault comes, and what it does."""


def _at_call(number: int, names: tuple[str, ...], act: Callable[[], None]) -> None:
    """Let `number` calls of these functions of os pass, and run `act` before every later call."""
    left = number

    def wrap(original: Callable[..., object]) -> Callable[..., object]:
        def counted(*arguments: object, **options: object) -> object:
            nonlocal left
            left -= 1
            if left < 0:
                act()
            return original(*arguments, **options)

        return counted

    for name in names:
        setattr(os, name, wrap(getattr(os, name)))
