"""Loads a file of plugins/, which Ansible and not Python's own path finds."""

from __future__ import annotations

import importlib.util
from typing import Any

import ansible.module_utils

from difusor.project import ROOT

# Ansible puts the project's files there too when it sends a module to a server.
ansible.module_utils.__path__.append(str(ROOT / "plugins/module_utils"))


def load(path: str) -> Any:
    """Return the module in a file of plugins/, such as modules/server_probe.py, anew at each call."""
    file = ROOT / "plugins" / path
    specification = importlib.util.spec_from_file_location(file.stem, file)
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module
