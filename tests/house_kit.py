"""The list of the project's files, for the house rules."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

from difusor.project import ROOT


@cache
def tracked() -> list[Path]:
    """Every file of the project, whether committed yet or not."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def tracked_at(where: str) -> list[Path]:
    """Return the project's file of this path, or its files in the folder of this path."""
    whole = str(ROOT / where)
    return [path for path in tracked() if str(path) == whole or str(path).startswith(f"{whole}/")]
