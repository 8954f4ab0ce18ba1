"""The script with which apt's timers decide whether to wait, run by sh at several instants."""

from __future__ import annotations

import os
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import role_kit
from machine_kit import LIBRARY

OPENS, CLOSES = "2024-06-02T20:00:00-06:00", "2024-06-04T02:00:00Z"
SNAP = '#!/bin/sh\necho "$@" >>{}/snap.said\n'


def due(folder: Path, now: str, state: str = "", stale: bool = False, **inputs: Any) -> bool:
    """Return whether the script lets updates through at the instant `now`, when the gate says `state` (empty: no gate)."""
    status = folder / "estado.json"
    if state:
        status.write_text(f'{{"gate": {{"state": "{state}"}}}}')
        written = datetime.fromisoformat(now).timestamp() - (3600 if stale else 0)
        os.utime(status, (written, written))
    given = {"packages_held_opens": OPENS, "packages_held_closes": CLOSES, "packages_gate_status": str(status), **inputs}
    script = folder / "prep-updates-due"
    script.write_text(role_kit.render("packages", "usr/local/sbin/prep-updates-due", given))
    (folder / "snap").write_text(SNAP.format(folder))
    (folder / "snap").chmod(0o755)
    clock = {"LD_PRELOAD": str(LIBRARY), "FAKETIME": f"@{datetime.fromisoformat(now).astimezone():%Y-%m-%d %H:%M:%S}"}
    environment = {**os.environ, **clock, "PATH": f"{folder}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", script], env=environment, capture_output=True, text=True)
    assert done.returncode in (0, 1) and not done.stderr, done
    assert done.returncode == 0 or "esperan" in done.stdout
    return done.returncode == 0


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2024-06-02T01:59:00Z", True),
        ("2024-06-02T02:01:00Z", False),
        ("2024-06-03T02:00:01Z", False),
        ("2024-06-04T01:59:00Z", False),
        ("2024-06-04T02:00:01Z", True),
    ],
)
def test_updates_wait_from_a_day_before_the_opening_to_the_close(now: str, expected: bool, tmp_path: Path) -> None:
    assert due(tmp_path, now) is expected


@pytest.mark.parametrize(
    ("state", "stale", "expected"), [("open", False, False), ("closed", False, True), ("open", True, True)]
)
def test_a_close_that_a_corte_moved_is_the_gates(state: str, stale: bool, expected: bool, tmp_path: Path) -> None:
    assert due(tmp_path, "2024-06-04T03:00:00Z", state, stale) is expected


def test_without_an_election_nothing_waits(tmp_path: Path) -> None:
    assert due(tmp_path, "2024-06-03T12:00:00Z", packages_held_opens="", packages_held_closes="")
    assert not (tmp_path / "snap.said").exists()


@pytest.mark.parametrize(
    ("now", "hold"),
    [
        ("2024-05-31T12:00:00Z", ""),
        ("2024-06-01T12:00:00Z", "set system refresh.hold=2024-06-04T02:00:00Z\n"),
        ("2024-06-03T12:00:00Z", "set system refresh.hold=2024-06-04T02:00:00Z\n"),
        ("2024-06-04T12:00:00Z", ""),
    ],
)
def test_snaps_are_told_until_when(now: str, hold: str, tmp_path: Path) -> None:
    due(tmp_path, now)
    said = tmp_path / "snap.said"
    assert (said.read_text() if said.exists() else "") == hold
