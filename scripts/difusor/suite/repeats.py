"""A pytest plugin: a test that can depend on the machine's speed is marked with the reason, and repeated if it fails.

    @pytest.mark.timing("the reason")

pytest-rerunfailures repeats it once. No first failure is lost: at the end the run prints, for each repeated test,
`REPETIDA <test>: <first line of the first failure>` and, indented below, the whole text of the first failure.
"""

from __future__ import annotations

import textwrap

import pytest
from _pytest.terminal import TerminalReporter

WORD = "REPETIDA"
OUTCOME = "rerun"
"""pytest-rerunfailures' name for the outcome of a failure after which the test is repeated."""


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; in the controlling process, also the plugin that prints the repeated tests."""
    config.addinivalue_line("markers", "timing(reason): can depend on the machine's speed; repeated once when it fails")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Teller(config), "difusor-repeats")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Make pytest-rerunfailures repeat each marked test."""
    for item in items:
        if item.get_closest_marker("timing"):
            item.add_marker(pytest.mark.flaky(reruns=1))


def cause(failure: str) -> str:
    """Return the one line that tells a failure in pytest's report: the exception raised, else the last line."""
    lines = [line for line in failure.splitlines() if line.strip()]
    raised = [line[1:].strip() for line in lines if line.startswith("E ")]
    return next(iter(raised + lines[-1:]), "")


def is_repeated(report: pytest.TestReport) -> bool:
    """Tell whether a report is of a failure after which the test is repeated, so that a later report counts."""
    return str(report.outcome) == OUTCOME


class Teller:
    """Prints every repeated test in the process that reports the run."""

    def __init__(self, config: pytest.Config) -> None:
        """Take pytest's configuration, which knows the terminal."""
        self.config = config
        self.first_failures: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the first failure of a test that is repeated."""
        if is_repeated(report):
            self.first_failures.setdefault(report.nodeid, report.longreprtext)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Print the repeated tests, even when no summary is asked for."""
        screen: TerminalReporter | None = self.config.pluginmanager.get_plugin("terminalreporter")
        if screen is None or not self.first_failures:
            return
        screen.line("")  # after the dots, which end in the middle of a line
        for test, failure in self.first_failures.items():
            screen.write_line(f"{WORD} {test}: {cause(failure)}")
            screen.write_line(textwrap.indent(failure, "    "))
