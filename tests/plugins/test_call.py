"""The filters that tell roles what an election's call says."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from call_kit import NAME
from plugin_kit import load

from difusor.spec import SpecError


@pytest.fixture(scope="module")
def filters() -> dict[str, Callable[[str], object]]:
    found: dict[str, Callable[[str], object]] = load("filter/call.py").FilterModule().filters()
    return found


@pytest.mark.parametrize(("call", "port", "floor"), [(NAME, 873, "TLSv1.2"), ("ribera-2027", 8730, "TLSv1.3")])
def test_values_are_the_call_s(filters: dict[str, Callable[[str], object]], call: str, port: int, floor: str) -> None:
    assert (filters["rsync_port"](call), filters["tls_floor"](call)) == (port, floor)


@pytest.mark.parametrize("call", ["", "nada"])
def test_a_call_that_is_not_there_is_left_to_the_preflight(
    filters: dict[str, Callable[[str], object]], call: str
) -> None:
    """It asks for the port before it judges the inventory; a fault of Ansible's would come first."""
    assert filters["rsync_port"](call) == 873
    with pytest.raises(SpecError):
        filters["tls_floor"](call)
