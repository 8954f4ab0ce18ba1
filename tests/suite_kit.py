"""Loads a file of molecule/tests/, which belongs to a suite of its own."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

from difusor.project import ROOT


def load(path: str) -> Any:
    """Return the module in a file of molecule/tests/, such as patience.py, anew at each call."""
    file = ROOT / "molecule/tests" / path
    specification = importlib.util.spec_from_file_location(f"suite.{file.stem}", file)
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    sys.modules[module.__name__] = module  # where a dataclass looks for the module that it is of
    specification.loader.exec_module(module)
    return module
