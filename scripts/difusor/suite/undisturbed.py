"""Sees to it that no run of the project changes a server while it is measured: no dictamen comes of that."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import pytest
from testinfra.utils.ansible_runner import AnsibleRunner

from difusor.servers import working


class Undisturbed:
    """Looks at servers before the first test, and after the last; a plugin of pytest's, which says what it found."""

    def __init__(self, runner: AnsibleRunner, servers: Iterable[str]) -> None:
        """Look at the servers that answer; pytest.UsageError when a run is under way on one."""
        self._runner = runner
        self._seen = {name: working.seen(runner.get_host(name)) for name in servers}
        self._overtaken = ""
        if under_way := [working.waiting(name) for name, work in self._seen.items() if work and work.is_under_way]:
            raise pytest.UsageError("\n".join(under_way))

    def is_overtaken(self) -> bool:
        """Look at them again, and tell whether a run has worked on one meanwhile."""
        said = (
            working.overtaken(name, before, working.seen(self._runner.get_host(name)))
            for name, before in self._seen.items()
            if before
        )
        self._overtaken = "\n".join(filter(None, said))
        return bool(self._overtaken)

    def pytest_unconfigure(self) -> None:
        """Say last, as pytest says its own reasons, why there are no results."""
        if self._overtaken:
            print(f"ERROR: {self._overtaken}", file=sys.stderr, flush=True)
