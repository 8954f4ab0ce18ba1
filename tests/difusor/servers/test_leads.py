"""Where a name leads, as one host sees it: what it cannot know is told from what nobody finds."""

from __future__ import annotations

import errno
import socket
from typing import Any

import pytest

from difusor.servers import leads

NAME, CONTROL = "prep.norte.mx", "example.com"


def looked(monkeypatch: pytest.MonkeyPatch, zone: dict[str, Any], machines: dict[str, OSError | None]) -> Any:
    """Look at NAME with a DNS that says this, and machines that fail to connect like this."""

    def resolve(name: str, *_: Any, **__: Any) -> list[tuple[Any, ...]]:
        found = zone.get(name.removesuffix("."), socket.EAI_AGAIN)
        if isinstance(found, int):
            raise socket.gaierror(found, "x")
        assert name.endswith("."), "it would also be sought below this host's own domain"
        return [(0, 0, 0, "", (address, 443)) for address in found]

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        if error := machines.get(address[0], TimeoutError()):
            raise error
        return socket.socket()

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "create_connection", connect)
    return leads.look(NAME, "192.0.2.7", CONTROL)


def test_each_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    machines = {
        "192.0.2.7": None, "192.0.2.8": ConnectionRefusedError(), "2001:db8::7": OSError(errno.ENETUNREACH, "x"),
    }  # fmt: skip
    found = looked(monkeypatch, {NAME: ["192.0.2.8", "192.0.2.9", "2001:db8::7"]}, machines)
    tried = {"192.0.2.8": "closed", "192.0.2.9": "silent", "2001:db8::7": "unrouted"}
    assert found == {"unknown": "", "addresses": tried, "families": ["IPv4"]}


def test_any_number_of_addresses_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    zone = {NAME: [f"192.0.2.{each}" for each in range(99)] + ["2001:db8::7"]}
    found = looked(monkeypatch, zone, {})["addresses"]
    assert len(found) == leads.MOST + 1 and "2001:db8::7" in found


@pytest.mark.parametrize(
    ("zone", "unknown"),
    [
        ({NAME: socket.EAI_NONAME, CONTROL: ["192.0.2.1"]}, "absent"),
        # a host without a name server may say so of every name
        ({NAME: socket.EAI_NONAME, CONTROL: socket.EAI_NONAME}, "unsaid"),
        ({NAME: socket.EAI_AGAIN, CONTROL: ["192.0.2.1"]}, "unsaid"),
    ],
)
def test_only_a_host_that_resolves_others_tells_that_a_name_is_absent(
    zone: dict[str, Any], unknown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert looked(monkeypatch, zone, {}) == {"unknown": unknown, "addresses": {}, "families": []}
