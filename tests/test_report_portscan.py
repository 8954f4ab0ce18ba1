"""The scan tells an open port from a refused and from a silent one."""

import json
import socket
import subprocess
import sys
from pathlib import Path

from difusor.report import portscan


def test_open_and_closed_ports() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert portscan.scan([("127.0.0.1", f"1,{port}")], 1.0) == {"127.0.0.1": [port]}


def test_a_silent_port_is_not_open() -> None:
    """A listener whose queue is full answers no more connections."""
    with socket.socket() as silent, socket.socket() as first:
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        address = silent.getsockname()
        first.connect(address)
        assert portscan.scan([(address[0], str(address[1]))], 0.2) == {address[0]: []}


def test_ranges() -> None:
    assert portscan.expand("22,80-82") == [22, 80, 81, 82]
    assert len(portscan.expand("1-65535")) == 65535


def test_it_runs_as_sent_text() -> None:
    """The vantage point gets the file as text and needs nothing but Python."""
    source = Path(portscan.__file__).read_text(encoding="utf-8")
    command = [sys.executable, "-I", "-c", source, json.dumps([["127.0.0.1", "1-1024"], ["::1", "1"]]), "1"]
    assert set(json.loads(subprocess.check_output(command))) == {"127.0.0.1", "::1"}
