"""A machine that stood still goes on with a wrong clock; chrony, and so the gate, knows it at the next measurement."""

from __future__ import annotations

import pytest
import role_kit

SOURCES = ("server", "pool")


@pytest.mark.parametrize("servers", [[], ["reloj.difusor.mx", "192.0.2.7"]], ids=["public", "own"])
def test_every_server_is_asked_once_a_minute(servers: list[str]) -> None:
    """Of itself chrony waits up to 17 minutes once a clock runs well."""
    text = role_kit.render("chrony", "etc/chrony/chrony.conf", {"chrony_servers": servers})
    sources = [line for line in text.splitlines() if line.startswith(SOURCES)]
    assert sources and all("maxpoll 6" in line for line in sources)
