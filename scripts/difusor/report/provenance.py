"""With what a measurement was made: the project's commit and the versions of the tools."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import version

from difusor.project import ROOT


def commit() -> str:
    """Return the project's commit, marked when files differ from it; empty outside a git checkout."""
    described = _git("rev-parse", "HEAD")
    return described + (" con cambios locales" if described and _git("status", "--porcelain", "-uno") else "")


def tools() -> dict[str, str]:
    """Return the versions of what measured, by name."""
    packages = {name: version(name) for name in ("ansible-core", "pytest", "pytest-testinfra")}
    return {"python": platform.python_version(), **packages}


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
