"""The port scan tells an open port from one that refuses and from one that does not answer."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from difusor.servers import portscan


def test_open_and_closed_ports() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert portscan.scan("127.0.0.1", f"1,{port}", 1.0) == [port]


def test_a_silent_port_is_not_open() -> None:
    """A listener whose queue is full leaves new connections without an answer; the scan must not call it open."""
    with socket.socket() as silent, socket.socket() as first:
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        address = silent.getsockname()
        first.connect(address)
        assert portscan.scan(address[0], str(address[1]), 0.2) == []


@pytest.mark.parametrize(
    ("lost", "known", "expected", "repetitions"),
    [
        ([{}], "80,443", [22, 80, 443, 1000], 1),
        ([{}], "", [22, 80, 443, 1000], 1),
        ([{0: {22, 80}}, {}], "80,443", [22, 80, 443, 1000], 2),
        ([{3: {1000, 443}}, {}], "80,443", [22, 80, 443, 1000], 2),
        ([{3: {1000, 443}}, {1: {443}}], "80,443", [22, 80, 443, 1000], 2),
        ([{3: {1000, 443}}] * 3, "80,443", [22, 80], 3),
        ([{0: {22}}], "80,443", [80, 443, 1000], 1),
        ([{number: {22, 80, 443, 1000} for number in range(4)}] * 3, "80,443", [], 3),
    ],
    ids=[
        "nothing_lost",
        "no_known_port",
        "in_the_first_volley",
        "in_the_last_volley",
        "another_volley_at_each_repetition",
        "the_host_answers_no_more_from_a_port_on",
        "a_closed_port",
        "no_answer_at_all",
    ],
)
def test_what_loses_a_known_port_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
    lost: list[dict[int, set[int]]],
    known: str,
    expected: list[int],
    repetitions: int,
) -> None:
    """With every volley a known port is asked; `lost` says of each repetition which volleys lose which answers."""
    paces = []

    def answering(_address: str, volleys: list[list[int]], _wait: float, pause: float, _most: int) -> list[set[int]]:
        missing = lost[len(paces)]
        paces.append(pause)
        return [{22, 80, 443, 1000} & set(volley) - missing.get(number, set()) for number, volley in enumerate(volleys)]

    monkeypatch.setattr(portscan, "_answering", answering)
    assert portscan.scan("192.0.2.1", "1-1024", 1.6, known) == expected
    assert len(paces) == repetitions
    assert paces == sorted(paces)


def test_few_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small limit of open files makes the scan slower and loses nothing."""
    monkeypatch.setattr(portscan, "_files", lambda: 8)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert portscan.scan("127.0.0.1", f"{port - 50}-{port + 1}", 0.2, str(port)).count(port) == 1


def test_ranges() -> None:
    assert portscan.expand("22,80-82") == [22, 80, 81, 82]
    assert len(portscan.expand("1-65535")) == 65535


def test_it_runs_as_sent_text() -> None:
    """The vantage point gets the file as text and needs nothing but Python."""
    source = Path(portscan.__file__).read_text(encoding="utf-8")
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        port = str(server.getsockname()[1])
        command = [sys.executable, "-I", "-c", source, "::1", f"1,{port}", "1", port]
        assert json.loads(subprocess.check_output(command)) == [int(port)]
