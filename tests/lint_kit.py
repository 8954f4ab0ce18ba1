"""ansible-lint as a program that finds out once what the linter itself finds out anew for each rule, or for each file.

For each of thirty rules it parses each task again, of a deep copy; and whenever it meets a file, which it does once for
each play that has its role, it compiles the patterns of all kinds of files. Together that takes it two fifths of its
time.
"""

from __future__ import annotations

import runpy
from collections.abc import Callable, MutableMapping
from functools import cache
from typing import Any

from ansiblelint import file_utils, utils
from wcmatch import _wcparse

Parsed = MutableMapping[str, Any]
_parse: Callable[[utils.Task], Parsed] = utils.normalize_task_v2
_known: dict[int, tuple[object, Parsed]] = {}
"""By the identity of a task as it was read: that task, so that no other one gets the identity, and what it says."""


def _parsed(task: utils.Task) -> Parsed:
    """Return what a task says; each rule gets mappings of its own, to which some add what they need."""
    if id(task.raw_task) not in _known:
        _known[id(task.raw_task)] = task.raw_task, _parse(task)
    _, found = _known[id(task.raw_task)]
    return {**found, "action": dict(found["action"])}


if __name__ == "__main__":
    utils.normalize_task_v2 = _parsed
    file_utils.kind_from_path = cache(file_utils.kind_from_path)
    _wcparse.compile = cache(_wcparse.compile)
    runpy.run_module("ansiblelint", run_name="__main__", alter_sys=True)
