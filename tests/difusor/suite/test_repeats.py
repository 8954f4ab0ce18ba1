"""A test that depends on the machine's speed is repeated once when it fails, and both outcomes are reported."""

from __future__ import annotations

import json

import pytest

from difusor.suite.repeats import cause

pytest_plugins = ["pytester"]

SUITE = """
import pathlib, pytest

@pytest.fixture
def attempt(request):
    folder = pathlib.Path(__file__).with_name(request.node.originalname)
    folder.mkdir(exist_ok=True)
    (folder / str(len(list(folder.iterdir())))).touch()
    return len(list(folder.iterdir()))

@pytest.mark.timing("tarda")
def test_late(attempt):
    assert attempt == 2, f"tarde\\nintento {attempt}"

@pytest.mark.timing("tarda")
def test_never(attempt):
    assert attempt == 0, f"nunca {attempt}"

def test_unmarked(attempt):
    assert attempt == 2, "una vez"
"""
MEASURED = '''
import pytest

times = []

@pytest.mark.timing("tarda")
@pytest.mark.clause("SW-01")
def test_measures(host, record_evidence):
    """Mide."""
    times.append(1)
    record_evidence(f"vez {len(times)}")
    assert len(times) == 2, "la primera vez"
'''


@pytest.mark.parametrize("options", [(), ("-n", "2"), ("--no-summary", "--tb=no", "--quiet")], ids=str)
def test_what_is_marked_is_repeated_once_and_told(pytester: pytest.Pytester, options: tuple[str, ...]) -> None:
    pytester.makeconftest('pytest_plugins = ["difusor.suite.repeats"]')
    pytester.makepyfile(test_suite=SUITE)
    done = pytester.runpytest_subprocess("--strict-markers", *options)
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    told = sorted(line for line in done.outlines if line.startswith("REPETIDA "))
    assert told == [
        "REPETIDA test_suite.py::test_late: AssertionError: tarde",
        "REPETIDA test_suite.py::test_never: AssertionError: nunca 1",
    ]
    assert "intento 1" in done.stdout.str(), "the first failure's text is lost"
    assert done.parseoutcomes() == {"passed": 1, "failed": 2, "rerun": 2}


def test_a_cause_is_the_first_that_was_raised_or_the_last_word() -> None:
    assert (
        cause("def test():\n>   x\nE   AssertionError: a\nE   assert 1\n\nfile:1: AssertionError")
        == "AssertionError: a"
    )
    assert cause("se fue\nworker 'gw0' crashed\n") == "worker 'gw0' crashed"
    assert cause("") == ""


def test_a_repeated_measurement_counts_once(pytester: pytest.Pytester) -> None:
    """The second run is the result; the message of the first failure is kept with it."""
    pytester.makeconftest(
        'pytest_plugins = ["difusor.suite.repeats", "difusor.suite.plugin", "difusor.suite.fixtures"]'
    )
    pytester.makefile(".yml", hosts="difusores:\n  hosts:\n    uno: {ansible_connection: local}\n")
    pytester.makepyfile(test_suite=MEASURED)
    pytester.runpytest_subprocess("--ansible-inventory=hosts.yml", "--results=r.json", "--tb=no", "-n", "1")
    (finding,) = json.loads((pytester.path / "r.json").read_text())["findings"]
    assert (finding["outcome"], finding["repeated"]) == ("passed", "la primera vez")
    assert finding["evidence"] == ["vez 2"]
