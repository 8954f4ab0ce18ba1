"""Programs on the hosts of a lab, by a Docker that only says what it was asked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from difusor.lab.hosts import Hosts


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hosts:
    docker = tmp_path / "bin/docker"
    docker.parent.mkdir()
    docker.write_text('#!/bin/sh\nif [ "$4" = sh ]; then shift 3; exec "$@"; fi\nprintf "%s\\n" "$@"; exec cat\n')
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{docker.parent}:{os.environ['PATH']}")
    return Hosts("norte")


def test_a_program_gets_its_words_and_its_standard_input_ends_when_it_is_awaited(hosts: Hosts, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("print()")
    process = hosts.start("ciudadano", "10.0.0.1", "7", source=tmp_path / "program.py")
    assert process.poll() is None
    said = process.communicate(timeout=60)[0].splitlines()
    assert said == ["exec", "--interactive", "prep-norte-ciudadano", "python3", "-c", "print()", "10.0.0.1", "7"]


def test_a_script_that_fails_says_where_and_what(hosts: Hosts) -> None:
    assert hosts.run("difusor", "echo one; echo two") == "one\ntwo"
    with pytest.raises(SystemExit, match=r"prep-norte-difusor: echo full; false\nfull"):
        hosts.run("difusor", "echo full; false")
