"""The versions of the programs that measure, which the results keep."""

from __future__ import annotations

import platform
from importlib.metadata import version

from difusor import project


def versions() -> dict[str, str]:
    """Return them by the program's name."""
    packages = {name: version(name) for name in ("ansible-core", "pytest", "pytest-testinfra")}
    return {"prep-difusor": project.version(), "python": platform.python_version(), **packages}
