"""The programs of bench/, which belong to no package."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

from difusor.project import ROOT


def program(path: str) -> ModuleType:
    """Import a program of bench/ under a name of its own; several have the same."""
    name = f"bench_{path.replace('/', '_')}"
    spec = spec_from_file_location(name, ROOT / f"bench/{path}.py")
    assert spec and spec.loader
    sys.modules[name] = module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
