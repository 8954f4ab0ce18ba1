"""Loads a file of plugins/, which Ansible and not Python's own path finds."""

from __future__ import annotations

import importlib.util
from typing import Any

from difusor.project import ROOT


def load(path: str) -> Any:
    """Return the module in a file of plugins/, such as modules/server_probe.py, anew at each call."""
    file = ROOT / "plugins" / path
    specification = importlib.util.spec_from_file_location(file.stem, file)
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module
