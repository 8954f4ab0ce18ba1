"""The project: its folders, its version and commit, and a safe way to write files."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

from corte.format import files

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"


def version() -> str:
    """Return the project's version from pyproject.toml."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


class UnusableError(Exception):
    """A file or value that the operator gave cannot be used; the message is a Spanish sentence."""


def commit() -> str:
    """Return the project's commit, marked when files differ from the commit; empty outside a git checkout."""
    described = _git("rev-parse", "HEAD")
    return described + (" con cambios locales" if described and _git("status", "--porcelain", "-uno") else "")


def write(path: Path, content: str) -> None:
    """Write a text file, making its folder; readers see the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    files.replace(path, content.encode())


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
