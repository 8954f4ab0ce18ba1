"""A server that does not stop sending is left, and what it sent until then is told."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

import pytest

from difusor.servers import rawhttp


@pytest.mark.parametrize(("bound", "value"), [("MOST", 1_000_000), ("SECONDS", 2.0)])
def test_an_answer_without_end_is_left(monkeypatch: pytest.MonkeyPatch, bound: str, value: float):
    monkeypatch.setattr(rawhttp, bound, value)

    def flood(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):  # the client has gone
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                connection.sendall(b"x" * 4096)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        flooding = threading.Thread(target=flood, args=[listener])
        flooding.start()
        connect = socket.create_connection
        monkeypatch.setattr(rawhttp, "_connect", lambda address, port, name: connect((address, port), timeout=5))
        answer = rawhttp.ask("127.0.0.1", listener.getsockname()[1], "difusor.test", "GET / HTTP/1.0\r\n\r\n")
        flooding.join()
    assert (answer["statuses"], len(answer["body"]), answer["closed"]) == ([200], rawhttp.BODY, False)
