"""A pytest plugin: what can depend on the machine's speed says why, and is repeated once when it fails.

    @pytest.mark.timing("the reason")

The repeating is pytest-rerunfailures'. A first failure is never lost: at its end the run prints, for each test that was
repeated, `REPETIDA <test>: <first line of the first failure>` and, indented below, all that the first failure said.
"""

from __future__ import annotations

import textwrap

import pytest
from _pytest.terminal import TerminalReporter

WORD = "REPETIDA"
OUTCOME = "rerun"
"""What pytest-rerunfailures calls a failure after which the test is repeated."""


def pytest_configure(config: pytest.Config) -> None:
    """Know the marker; tell what was repeated where the run is reported."""
    config.addinivalue_line("markers", "timing(reason): can depend on the machine's speed; repeated once when it fails")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Teller(config), "difusor-repeats")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have each marked test repeated."""
    for item in items:
        if item.get_closest_marker("timing"):
            item.add_marker(pytest.mark.flaky(reruns=1))


def cause(failure: str) -> str:
    """Return the first line of a failure as pytest reports it: what was raised, else its last word."""
    lines = [line for line in failure.splitlines() if line.strip()]
    raised = [line[1:].strip() for line in lines if line.startswith("E ")]
    return next(iter(raised + lines[-1:]), "")


def is_repeated(report: pytest.TestReport) -> bool:
    """Tell whether a report is of a failure after which the test is repeated: another report follows and counts."""
    return str(report.outcome) == OUTCOME


class Teller:
    """Tells, where the run is reported, of every test that was repeated."""

    def __init__(self, config: pytest.Config) -> None:
        """Take where to tell it."""
        self.config = config
        self.first_failures: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the first failure of a test that is repeated."""
        if is_repeated(report):
            self.first_failures.setdefault(report.nodeid, report.longreprtext)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Print it, also where no summary is asked for."""
        screen: TerminalReporter | None = self.config.pluginmanager.get_plugin("terminalreporter")
        if screen is None or not self.first_failures:
            return
        screen.line("")  # after the dots, which end in the middle of a line
        for test, failure in self.first_failures.items():
            screen.write_line(f"{WORD} {test}: {cause(failure)}")
            screen.write_line(textwrap.indent(failure, "    "))
