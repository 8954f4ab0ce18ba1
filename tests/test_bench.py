"""What a measurement prints when what it measures fails: nothing."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_a_run_that_failed_has_no_figure(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "bench", tmp_path / "bench")
    (tmp_path / "roles").mkdir()
    for name in (".venv/bin/python", ".venv/bin/ssh", ".venv/bin/scp", ".venv/bin/docker", "containers/build"):
        _program(tmp_path / name, "true")
    _program(tmp_path / ".venv/bin/ansible-playbook", 'echo no room; case "$*" in *site.yml) exit 2; esac')
    done = subprocess.run([tmp_path / "bench/converge"], capture_output=True, text=True)
    assert done.returncode != 0
    assert done.stdout == ""
    assert "no room" in done.stderr


def _program(path: Path, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
