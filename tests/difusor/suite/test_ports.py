"""Whose the answers at a server's ports are: an answer that is not the server's says nothing of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from suite_kit import load

from difusor.project import ROOT
from difusor.suite import ports

# The marks of the suite are those of its own plugin.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnknownMarkWarning")
PUBLIC, VPN, SIX, TEST_NET = "203.0.113.10", "10.8.0.5", "2001:db8:7::7", "192.0.2.1"
WEB, CLOSED = [80, 443], [22, 873]
WAITING = """LISTEN 0 511 0.0.0.0:80 0.0.0.0:*
LISTEN 0 511 [::]:443 [::]:*
LISTEN 0 128 *:9100 *:*
LISTEN 0 4096 127.0.0.53%lo:2000 0.0.0.0:*
LISTEN 0 100 [::1]:2000 [::]:*
"""
# As the project's Docker has it, and a container of the outlet's that Docker publishes without a program.
LED = """-P PREROUTING ACCEPT
-N DOCKER
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A DOCKER -d 127.5.6.7/32 ! -i br-prep -p tcp -m tcp --dport 580 -j DNAT --to-destination 172.18.0.2:8080
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8081 -j DNAT --to-destination 172.17.0.2:80
"""


def whose(found: list[int], again: list[int] | None = None, nobodys: tuple[int, ...] = (), led: str = LED) -> Any:
    answers = {PUBLIC: found if again is None else again, TEST_NET: nobodys}
    return ports.whose({PUBLIC: found}, answers, WAITING, led)


def test_what_also_answers_for_an_address_that_nobody_has_is_the_observers_own() -> None:
    servers, doubt = whose([8008, 8010], nobodys=(8008, 8010))
    assert servers == set()
    assert doubt.startswith("en [8008, 8010] contesta un equipo de la red del punto de observación, que lo hace ")
    assert f"también por {TEST_NET}, que nadie tiene" in doubt


def test_where_nothing_waits_on_the_server_another_machine_answers() -> None:
    servers, doubt = whose([2000, 5060])
    assert servers == set()
    assert doubt.startswith("en [2000, 5060] contesta un equipo intermedio")


@pytest.mark.parametrize(
    ("port", "why"),
    [(9100, "a program waits there"), (8081, "Docker publishes it"), (580, "a rule is about it")],
)
@pytest.mark.parametrize("nobodys", [(), (9100, 8081, 580)])
def test_a_port_of_the_servers_stays_a_failure(port: int, why: str, nobodys: tuple[int, ...]) -> None:
    assert whose([port, 8008], nobodys=nobodys)[0] == {port}, why


def test_a_port_that_falls_silent_was_the_servers() -> None:
    """A program that has ended meanwhile; what stands on the way answers whenever it is asked."""
    assert whose([4444, 8008], again=[8008])[0] == {4444}


@pytest.mark.parametrize(
    "rule",
    [
        "-A PREROUTING -d 203.0.113.10/32 -j DNAT --to-destination 10.0.0.9",
        "-A PREROUTING -p tcp -m tcp ! --dport 22 -j REDIRECT --to-ports 8443",
        "-A PREROUTING -p tcp -m multiport --dports 25,8000:8100 -j REDIRECT --to-ports 1",
        "\t\ttcp dport { 25, 8000-8100 } dnat to 10.0.0.9",
        "\t\ttcp dport 8008 redirect to :1",
        "\t\tdnat to tcp dport map { 8008 : 10.0.0.9 }",
        "\t\ttcp dport != 22 redirect to :1",
    ],
)
def test_a_rule_that_may_lead_a_port_elsewhere_makes_it_the_servers(rule: str) -> None:
    assert whose([8008], led=LED + rule)[0] == {8008}


@pytest.mark.parametrize(
    "rule", ["\t\ttcp dport 25 redirect to :1", "-A X -p tcp -m multiport --dports 25,8443 -j DNAT"]
)
def test_a_rule_about_another_port_does_not(rule: str) -> None:
    assert whose([8008], led=LED + rule)[0] == set()


def test_of_very_many_ports_some_are_asked_and_all_are_counted() -> None:
    """As where SYN cookies answer for everything: the list would fill the dictamen."""
    everything = [port for port in range(1, 65536) if port not in WEB]
    assert 25 < len(ports.sample(everything)) <= ports.MANY
    assert ports.sample([7, 5]) == [5, 7]
    quiet = [port for port in everything if port not in (9100, 8081, 580)]
    servers, doubt = whose(quiet, again=ports.sample(quiet)[1:])
    assert servers == set(), "one answer may be lost on the way"
    assert doubt.startswith("en 65,530 puertos, del 1 al 65535 contesta un equipo intermedio")
    _, doubt = whose(quiet, nobodys=tuple(ports.sample(quiet)))
    assert doubt.startswith("en 65,530 puertos, del 1 al 65535 contesta un equipo de la red del punto de observación")
    assert whose(everything)[0] == {580, 8081, 9100}


def test_each_family_has_an_address_that_nobody_has() -> None:
    servers, doubt = ports.whose({SIX: [8008]}, {SIX: [8008], "2001:db8::1": [8008]}, WAITING, LED)
    assert servers == set()
    assert "también por 2001:db8::1" in doubt


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
        """Return the evidence of a server that answers like this; nothing is asked once more."""
        call: Any = SimpleNamespace(web_ports=WEB)
        judge: Any = self.suite.test_trusted_addresses_reach_their_services
        variables = {"difusor_public_address": PUBLIC}
        nobody: Any = SimpleNamespace()
        judge(nobody, nobody, entry, found, variables, call, lambda _: {"ports": CLOSED}, self.evidence.append)
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


@pytest.mark.parametrize(
    ("servers", "doubt", "outcome", "said"),
    [
        ({9100}, "", AssertionError, r"también responden \[9100\]"),
        (set(), "en [8008] contesta otro", pytest.skip.Exception, r"otros puertos: en \[8008\] contesta otro"),
    ],
)
def test_a_port_more_is_judged_by_who_answers(
    trusted: Trusted, monkeypatch: pytest.MonkeyPatch,
    servers: set[int], doubt: str, outcome: type[BaseException], said: str,
) -> None:  # fmt: skip
    asked: list[Any] = []

    def look(*given: Any) -> tuple[set[int], str]:
        asked.append(given[2:])
        return servers, doubt

    monkeypatch.setattr(trusted.suite, "whose", look)
    with pytest.raises(outcome, match=said):
        trusted({PUBLIC: [*CLOSED, *WEB, 8008]})
    assert asked == [({PUBLIC: {8008}}, WEB)]


def test_the_observer_asks_once_more_and_asks_an_address_that_nobody_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "molecule/tests")
    fixtures, asked = load("port_fixtures.py"), list[Any]()

    def scan(vantage: str, targets: dict[str, str], known: str) -> dict[str, list[int]]:
        asked.append((vantage, targets, known))
        return {address: [8008] for address in targets}

    monkeypatch.setattr(fixtures, "scan", scan)
    host = SimpleNamespace(check_output={ports.SOCKETS: WAITING, ports.TRANSLATIONS: LED}.__getitem__)
    servers, doubt = fixtures.whose(host, "externo", {PUBLIC: {8008}, "198.51.100.4": {8010}}, WEB)
    assert asked == [("externo", {PUBLIC: "8008", "198.51.100.4": "8010", TEST_NET: "8008,8010"}, "80,443")]
    assert (servers, "también por 192.0.2.1" in doubt) == ({8010}, True)
