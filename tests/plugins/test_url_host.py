"""The filter by which nginx knows its own names as browsers write them."""

from __future__ import annotations

import pytest
from plugin_kit import load


@pytest.mark.parametrize(
    ("host", "written"),
    [
        ("prep.diario.mx", "prep.diario.mx"),
        ("192.0.2.10", "192.0.2.10"),
        ("2001:db8::1", "[2001:db8::1]"),
        ("2001:0DB8:0:0:0:0:0:1", "[2001:db8::1]"),
    ],
)
def test_an_ipv6_address_is_short_and_in_brackets(host: str, written: str) -> None:
    assert load("filter/url_host.py").FilterModule().filters()["url_host"](host) == written
