"""Fixtures and settings for all tests that need no server."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import settings

from difusor import project
from difusor.listing import looks
from difusor.proof import suites
from difusor.publish import comparison, mirror, notes, trouble

pytest_plugins = ["difusor.suite.repeats"]

# Hypothesis must not fail an example for being slow: that depends on the machine.
settings.register_profile("house", deadline=None)
settings.load_profile("house")

# Each failure to reach a mirror names the proxy that was not asked.
for name in trouble.PROXIES:
    os.environ.pop(name, None)

# What a shell starts in its background ignores Ctrl-C, and so would the programs under test.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Give the tests a network of their own, with nothing but the machine's own addresses (loopback).

    A browser gives up what it is loading whenever a network appears on its machine or leaves it (ERR_NETWORK_CHANGED),
    and the labs beside these tests make and remove networks all the time. Only root may leave the machine's network;
    for others the tests run in that one. The processes among which the tests are shared out (pytest-xdist) inherit the
    network of the one that starts them, with which they speak.
    """
    is_inherited = hasattr(config, "workerinput")
    if not is_inherited and (ip := shutil.which("ip")):
        with suppress(PermissionError):
            os.unshare(os.CLONE_NEWNET)
            subprocess.run([ip, "link", "set", "lo", "up"], check=True)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a test with a long value by the value's length; by default its name has the whole value, of 64 MB in one."""
    return f"{len(val)}_long" if isinstance(val, (str, bytes)) and len(val) > 200 else None


@pytest.fixture(autouse=True)
def _records(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have `sign`, `publish` and `audit` keep their records in a temporary folder.

    It is made for a test that asks for it: pytest takes longer to make one than most tests to run.
    """
    monkeypatch.setattr(notes, "kept_in", lambda: request.getfixturevalue("records"))


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait longer for a page of a test than the commands do for a mirror: this machine may have much else to do.

    A test whose page never answers sets a limit of its own.
    """
    for module, limit in ((mirror, "TIMEOUT"), (comparison, "TIMEOUT"), (looks, "SECONDS"), (looks, "TIMEOUT")):
        monkeypatch.setattr(module, limit, 120)


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """Return the folder in which `sign`, `publish` and `audit` keep their records."""
    return tmp_path / "build/cortes"


@pytest.fixture(autouse=True, scope="session")
def no_home() -> None:
    """Have the tests use the project's own folder, whatever the home of whoever runs them.

    `difusor test` names Ansible's configuration by its path, as every verb; tests run programs in other folders too.
    """
    for name in (project.HOME, "ANSIBLE_CONFIG"):
        os.environ.pop(name, None)


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have `difusor test` write to a temporary folder instead of the project's build/, and return that folder."""
    monkeypatch.setattr(suites, "BUILD", tmp_path)
    (tmp_path / "log").mkdir()
    return tmp_path
