"""A process beside the intake says what it found, or that it failed, and never outlives the intake's need of it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from corte.server.beside import beside


def test_lines_come_back_as_they_were() -> None:
    lines = ["", "uno", "dos renglones\nen uno", "año", os.fsdecode(b"\xff")]
    with beside(lambda: lines) as begun:
        assert begun is not None
        assert begun.lines() == lines


def test_what_fails_there_is_an_error_here() -> None:
    def fail() -> list[str]:
        raise SystemExit(0)

    with beside(fail) as begun, pytest.raises(OSError):
        assert begun is not None
        begun.lines()


def test_it_ends_with_the_context(tmp_path: Path) -> None:
    with beside(lambda: [str(signal.pause())]) as begun:
        assert begun is not None
        process = begun._process
    with pytest.raises(ChildProcessError):
        os.waitpid(process, 0)
