"""Where SSH and rsync have to answer trusted addresses."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from suite_kit import load

from difusor.project import ROOT
from difusor.suite import ports

# The marks of the suite are those of its own plugin.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnknownMarkWarning")
PUBLIC, VPN, SIX = "203.0.113.10", "10.8.0.5", "2001:db8:7::7"
WEB, CLOSED = [80, 443], [22, 873]


@pytest.mark.parametrize(
    ("found", "entry", "wanted"),
    [
        ({PUBLIC: [*CLOSED, *WEB]}, "", {PUBLIC}),
        ({PUBLIC: WEB}, "", {PUBLIC}),
        ({PUBLIC: WEB, VPN: [*CLOSED, *WEB]}, VPN, {VPN}),
        ({PUBLIC: [22, *WEB], VPN: [*CLOSED, *WEB]}, VPN, {VPN}),
        ({PUBLIC: WEB, VPN: [22, *WEB]}, VPN, {PUBLIC, VPN}),
        ({PUBLIC: [*CLOSED, *WEB], SIX: [873]}, "", {PUBLIC, SIX}),
    ],
)
def test_where_ssh_and_rsync_have_to_answer(found: dict[str, list[int]], entry: str, wanted: set[str]) -> None:
    assert ports.required(found, CLOSED, PUBLIC, entry) == wanted


class Trusted:
    """What the test from a trusted address says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.syspath_prepend(ROOT / "molecule/tests")
        self.suite = load("outside/test_network.py")
        self.evidence: list[str] = []

    def __call__(self, found: dict[str, list[int]], entry: tuple[str, bool] = ("", False)) -> str:
        """Return the evidence of a server that answers like this."""
        call: Any = SimpleNamespace(web_ports=WEB)
        judge: Any = self.suite.test_trusted_addresses_reach_their_services
        variables = {"difusor_public_address": PUBLIC}
        judge(entry, found, variables, call, lambda _: {"ports": CLOSED}, self.evidence.append)
        return "; ".join(self.evidence)


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> Trusted:
    return Trusted(monkeypatch)


def test_a_server_that_is_administered_over_a_vpn_complies(trusted: Trusted) -> None:
    """Its perimeter forwards neither SSH nor rsync, and nobody needs that: `publish` goes over the VPN, too."""
    told = trusted({PUBLIC: WEB, VPN: [*CLOSED, *WEB]}, (VPN, False))
    assert f"SSH y rsync, en {VPN}, por donde el Instituto administra el servidor" in told


@pytest.mark.parametrize("found", [{PUBLIC: WEB}, {PUBLIC: WEB, VPN: [22, *WEB]}])
def test_one_that_has_them_nowhere_does_not(trusted: Trusted, found: dict[str, list[int]]) -> None:
    with pytest.raises(AssertionError, match="no responden"):
        trusted(found, (VPN, False) if VPN in found else ("", False))


def test_through_another_machine_it_is_not_known(trusted: Trusted) -> None:
    with pytest.raises(pytest.skip.Exception, match="a través de otra máquina"):
        trusted({PUBLIC: WEB}, ("", True))
    assert trusted({PUBLIC: [*CLOSED, *WEB]}, ("", True))
    with pytest.raises(AssertionError, match="no responden"):
        trusted({PUBLIC: [22, *WEB]}, ("", True))
