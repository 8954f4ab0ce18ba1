"""Where the server's own nginx asks the application's container."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
import role_kit

from difusor.spec.expected import PREP_PORT

FIRST_OF_EVERYBODY = 1024
"""Below it only root may listen."""


def address(sha256: str) -> str:
    return str(role_kit.value("prep", "prep_address", {"prep_image": {"sha256": sha256}}))


@pytest.mark.parametrize("sha256", ["0" * 64, "f" * 64, "0123456789abcdef" * 4, "fe01ff" + "7" * 58])
def test_no_other_account_can_take_the_containers_place(sha256: str) -> None:
    """Whatever the image: another port is anybody's whenever the container does not run, and so is the page."""
    host, _, port = address(sha256).rpartition(":")
    assert ip_address(host).is_loopback
    assert host != "127.0.0.1", "whose port others may use"
    assert int(port) == PREP_PORT < FIRST_OF_EVERYBODY


def test_another_image_is_asked_at_another_address() -> None:
    assert len({address(digits * 32) for digits in ("00", "01", "fd", "ab")}) == 4
