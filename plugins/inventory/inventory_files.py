"""Read an inventory's file as Ansible does, and leave what is wrong with it to the vars plugin inventory_sources.

Of a file that it cannot read, Ansible says so once for each of its own plugins, in English, and goes on without it.
"""

from __future__ import annotations

import copy
import gc
import sys
from functools import partial
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.inventory import BaseFileInventoryPlugin
from ansible.plugins.loader import inventory_loader

# Not every Ansible that runs the playbooks has the project installed. Inventory plugins are the first of the project's
# plugins that a run loads, in the process whose forks later run the actions and filters, so all of them find it.
ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = str(ROOT / "scripts")
if SCRIPTS not in sys.path:
    sys.path.insert(0, SCRIPTS)

from difusor.inventory import folders, sources, vaults  # noqa: E402  # only now on Python's path

# What Ansible has loaded by now stays until the run ends. Python would look through it for garbage again and again, in
# the main process and in the fork of every task: a twentieth of what a second run costs the controller.
gc.freeze()
gc.set_threshold(50_000)

DOCUMENTATION = r"""
name: inventory_files
short_description: Read YAML and INI inventories, without Ansible's messages on those that cannot be read
description: Reads the file like C(ansible.builtin.yaml) or, with another extension, like C(ansible.builtin.ini).
author: [prep-difusor]
options: {}
"""


class InventoryModule(BaseFileInventoryPlugin):
    """Adds the hosts and groups of a sound file, and of another one only which file it is."""

    NAME = "inventory_files"

    def verify_file(self, path: str) -> bool:
        """Take every file, readable or not, so that no other plugin speaks of it."""
        return True

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Read the file; when it cannot be read, set the variable `sources.UNREAD` of all hosts to its path."""
        super().parse(inventory, loader, path, cache)
        # The file that the plays name in vars_files: kept by the loader, it is not parsed again for every task.
        loader.load_from_file(str(ROOT / "playbooks/group_vars/all.yml"), unsafe=True, trusted_as_template=True)
        is_yaml = Path(path).suffix in folders.SUFFIXES
        try:
            if folders.fault(Path(path)):
                return  # told by inventory_sources
            if is_yaml and sources.may_name_plugin(Path(path)) and _read_by_named(inventory, loader, path, cache):
                return
            if is_yaml and sources.inventory_faults(Path(path), vaults.text_of):
                return  # told by inventory_sources
            reader = inventory_loader.get("ansible.builtin.yaml" if is_yaml else "ansible.builtin.ini")
            reader.parse(inventory, _uncopied(loader), path, cache)
        except (AnsibleError, ValueError):
            inventory.set_variable("all", sources.UNREAD, path)


def _read_by_named(inventory: Any, loader: Any, path: str, cache: bool) -> bool:
    """Have the plugin that a file names (`plugin:`) read it; tell whether there is one, and it could.

    Ansible's own plugin for that parses each file to find out, as long as all else that is read of it takes: here it
    gets only a file that may name one.
    """
    try:
        inventory_loader.get("ansible.builtin.auto").parse(inventory, loader, path, cache)
    except Exception:  # of whatever plugin it is
        return False
    return True


def _uncopied(loader: Any) -> Any:
    """Return a loader that gives what a file says as it was parsed, which a reader takes over and nobody else has.

    By itself it gives a deep copy, which takes as long as to parse the file.
    """
    own = copy.copy(loader)
    own.load_from_file = partial(loader.load_from_file, unsafe=True)
    return own
