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
    ("seen", "known", "sweeps"),
    [([{22}, {80}], "80", 2), ([{22, 80}], "80", 1), ([set()] * 3, "80", 3), ([set()], "", 1)],
)
def test_what_loses_a_known_port_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, seen: list[set[int]], known: str, sweeps: int
) -> None:
    paces = []

    def answering(_address: str, _ports: list[int], _timeout: float, pause: float) -> set[int]:
        paces.append(pause)
        return seen[len(paces) - 1]

    monkeypatch.setattr(portscan, "_answering", answering)
    assert portscan.scan("192.0.2.1", "1-100", 0.2, known) == sorted(set.union(*seen))
    assert len(paces) == sweeps
    assert paces == sorted(paces)


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
