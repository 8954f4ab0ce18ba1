"""The server's clock is judged by this machine's, if that one is itself kept by an NTP server."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from suite_kit import load

from corte.format import instants
from difusor.project import ROOT

# The marks of the suite are those of its own plugin.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnknownMarkWarning")


def compare(folder: Path, monkeypatch: pytest.MonkeyPatch, seconds: int, told: str) -> list[Any]:
    """Judge a clock that differs by these seconds, on a machine whose timedatectl says `told`; return the evidence."""
    (folder / "timedatectl").write_text(f"#!/bin/sh\n{told}\n")
    (folder / "timedatectl").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    there = SimpleNamespace(check_output=lambda _: str((instants.now() + timedelta(seconds=seconds)).timestamp()))
    monkeypatch.syspath_prepend(ROOT / "molecule/tests")
    evidence: list[Any] = []
    load("server/test_chrony.py").test_clock_agrees_with_the_institute_s(there, evidence.append)
    return evidence


@pytest.mark.parametrize("told", ["echo yes", "echo no"])
def test_clocks_that_agree_are_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    assert len(compare(tmp_path, monkeypatch, 0, told)) == 1


def test_a_clock_that_differs_from_a_synchronised_one_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match=r"difieren [+]60 s"):
        compare(tmp_path, monkeypatch, 60, "echo yes")


@pytest.mark.parametrize("told", ["echo no", "exit 1"])
def test_one_that_is_not_synchronised_judges_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    """And nothing is verified by it: two clocks that differ are no proof of either."""
    with pytest.raises(pytest.skip.Exception, match=r"difieren [+]60 s, .* sincronícelo por NTP"):
        compare(tmp_path, monkeypatch, 60, told)
