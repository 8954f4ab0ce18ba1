"""What of the suite an election's call asks for: tests of clauses that it lacks are left out, and told by name.

Works with and without pytest-xdist: the workers tell the controlling process what they left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from _pytest.terminal import TerminalReporter

from difusor.spec import Spec

LEFT_OUT = "difusor-left-out"


class LacksClause(pytest.skip.Exception):  # type: ignore[name-defined,misc]  # pytest sets it on the function
    """A test reads a value of a clause (`clause`) that the call lacks: there is nothing to compare with.

    Where the test measures another clause that the call has, that one is not verified.
    """

    def __init__(self, clause: str) -> None:
        """Take the clause's id."""
        super().__init__(
            f"esta prueba compara con lo que pide {clause}, que no está en la convocatoria; compruébelo una persona"
        )
        self.clause = clause


def of_the_call(clauses: Iterable[str], call: Spec | None) -> tuple[str, ...]:
    """Return those clauses that the call has; all of them when there is no call to compare with."""
    return tuple(each for each in clauses if call is None or each in call.ids)


def left_out(test: str, clauses: Iterable[str]) -> tuple[str, str]:
    """Return the property of a report that tells that a test was left out, and because of which clauses."""
    return LEFT_OUT, json.dumps([test, list(clauses)])


class LeftOut:
    """Collects in the controlling process the tests that were left out, and prints them at the end of the run."""

    def __init__(self, config: pytest.Config) -> None:
        """Take pytest's configuration, which knows the terminal."""
        self.config = config
        self.call = ""
        self.tests: dict[str, tuple[str, ...]] = {}

    def add(self, test: str, clauses: Iterable[str]) -> None:
        """Note a test without its parameters, and the clauses that the call lacks."""
        self.tests[test.partition("[")[0]] = tuple(clauses)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the tests that found only while they ran that the call lacks a clause."""
        for name, value in report.user_properties:
            if name == LEFT_OUT:
                self.add(*json.loads(str(value)))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what a worker of pytest-xdist did not even start."""
        for test, clauses in getattr(node, "workeroutput", {}).get(LEFT_OUT, {}).items():
            self.add(test, clauses)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Print the tests by the clauses that the call lacks, even when no summary is asked for."""
        screen: TerminalReporter | None = self.config.pluginmanager.get_plugin("terminalreporter")
        if screen is None or not self.tests:
            return
        screen.line("")  # after the dots, which end in the middle of a line
        screen.write_line(f"No se hacen, porque la convocatoria {self.call} no tiene su cláusula:")
        for test, clauses in sorted(self.tests.items(), key=lambda each: (each[1], each[0])):
            screen.write_line(f"  {', '.join(clauses)}: {test}")
