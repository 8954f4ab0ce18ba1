"""The list of the project's files, for the house rules."""

from __future__ import annotations

import subprocess
from pathlib import Path

from difusor.project import ROOT


def tracked() -> list[Path]:
    """Every file of the project, whether committed yet or not."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]
