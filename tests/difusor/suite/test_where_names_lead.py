"""Where the page's name leads, as the dictamen judges it: the machines that have the page are few, and known."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from countdown_kit import ELECTION, PARTNER, SERVER
from suite_kit import load

from difusor.project import ROOT

# The marks of the suite are those of its own plugin.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnknownMarkWarning")
NAME, OWN, OTHER, SIX = PARTNER["difusor_fqdn"], PARTNER["difusor_public_address"], "198.51.100.9", "2001:db8::9"
FRONT = {"name": "www.diario.mx", "program": "nginx", "addresses": ["203.0.113.20"]}
Answer = tuple[int, str, str]


def page(sha256: str = "a", election: str = ELECTION["election_id"]) -> Answer:
    return 200, json.dumps({"election": election, "shown": {"manifest_sha256": sha256}}), ""


class Judged:
    """What the test finds of a name that leads to these addresses, each with why it is not reached."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.syspath_prepend(ROOT / "molecule/tests")
        self.suite = load("outside/test_names.py")
        monkeypatch.setattr(self.suite, "WAIT", 5)
        monkeypatch.setattr(self.suite, "PACE", 0)
        monkeypatch.setattr(self.suite, "answered", lambda *_: self.answers.pop(0))
        self.answers: list[Answer] = []
        self.asked: list[tuple[str, ...]] = []

    def __call__(
        self, addresses: dict[str, str], answers: tuple[Answer, ...] = (), *, unknown: str = "",
        families: tuple[str, ...] = ("IPv4",), **variables: Any,
    ) -> str:  # fmt: skip
        """Return the evidence. `answers`: what addresses that the inventory does not know say, one after the other."""
        told = json.dumps({"unknown": unknown, "addresses": addresses, "families": families})
        self.answers, evidence = [*answers], list[Any]()

        def look(*command: str) -> str:
            self.asked.append(command[2:])
            return told

        mirror = SimpleNamespace(status=lambda: json.loads(page()[1]), problem="")
        given = {**ELECTION, **PARTNER, "inventory_hostname": SERVER, **variables}
        self.suite.test_its_name_leads_to_the_page(SimpleNamespace(check_output=look), given, mirror, evidence.append)
        assert not self.answers
        return "; ".join(evidence)


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> Judged:
    return Judged(monkeypatch)


@pytest.mark.parametrize(
    ("addresses", "answers", "variables"),
    [
        ({OWN: ""}, (), {}),
        ({OTHER: ""}, (), {"difusor_cdn_ranges": ["198.51.100.0/24"]}),
        ({"203.0.113.20": ""}, (), {"difusor_path": "/prep/", "difusor_front": FRONT}),
        # where the visitors of a CDN arrive may be in no inventory, nor is the server's own IPv6 address
        ({OTHER: ""}, (page(), page()), {"difusor_cdn_ranges": ["203.0.113.0/24"]}),
        ({OWN: "", SIX: ""}, (page(), page()), {}),
        ({OTHER: ""}, (page("b"), page("b"), page()), {}),  # one of two servers, which got the corte a moment later
        ({OTHER: ""}, (page(), (502, "<h1>502</h1>", ""), (0, "", "curl: (28) timeout"), page()), {}),
    ],
)
def test_a_name_that_leads_to_the_page_complies(
    judged: Judged, addresses: dict[str, str], answers: tuple[Answer, ...], variables: dict[str, Any]
) -> None:
    assert all(each in judged(addresses, answers, **variables) for each in addresses)


def test_with_a_site_in_front_its_name_is_looked_at(judged: Judged) -> None:
    judged({"203.0.113.20": ""}, difusor_path="/prep/", difusor_front=FRONT)
    assert judged.asked[0][:2] == ("www.diario.mx", "203.0.113.20")


@pytest.mark.parametrize(
    ("addresses", "answers", "said"),
    [
        ({}, (), f"{NAME} no tiene ninguna dirección en el DNS"),
        ({OWN: "closed"}, (), f"{NAME} lleva a {OWN}, donde nadie responde"),
        ({OWN: "", SIX: "closed"}, (), f"{NAME} lleva a {SIX}, donde nadie responde"),
        ({OTHER: "silent"}, (), f"{NAME} lleva a {OTHER}, donde nadie responde"),
        ({OWN: "", OTHER: ""}, ((200, "<h1>Hosting</h1>", ""),), f"{NAME} lleva a {OTHER}, donde responde otra página"),
        ({OTHER: ""}, ((200, "[]", ""),), "donde responde otra página"),
        ({OTHER: ""}, (page(election="otra-2021"),), "donde responde la elección «otra-2021»"),
        ({OTHER: ""}, ((0, "", "curl: (35) unrecognized name"),), "donde responde otra máquina"),
        ({OTHER: ""}, tuple(page("viejo") for _ in range(2)), f"en {OTHER} se muestre el mismo corte"),
        ({OTHER: ""}, (page(), (502, "", "")), f"en {OTHER} se muestre el mismo corte"),
    ],
)
def test_a_name_that_leads_elsewhere_fails(
    judged: Judged, addresses: dict[str, str], answers: tuple[Answer, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything else was asked at the server's own address, so DG-02 complied while no citizen got there."""
    monkeypatch.setattr(judged.suite, "WAIT", 0)
    with pytest.raises(AssertionError, match=said.replace("(", "[(]")):
        judged(addresses, answers, unknown="" if addresses else "absent")


@pytest.mark.parametrize(
    ("addresses", "answers", "unknown", "said"),
    [
        ({}, (), "unsaid", f"no pudo saber a dónde lleva {NAME}"),
        ({OWN: "", SIX: "silent"}, (), "", f"quién responde en {SIX}"),
        ({SIX: "unrouted"}, (), "", f"quién responde en {SIX}"),
        ({OWN: "", OTHER: ""}, ((0, "", "curl: (28) Operation timed out"),), "", f"quién responde en {OTHER}"),
    ],
)
def test_what_the_vantage_point_cannot_know_is_not_verified(
    judged: Judged, addresses: dict[str, str], answers: tuple[Answer, ...], unknown: str, said: str
) -> None:
    with pytest.raises(pytest.skip.Exception, match=said):
        judged(addresses, answers, unknown=unknown)


def test_a_vantage_point_without_ipv6_says_so_and_judges_the_rest(judged: Judged) -> None:
    assert f"no se preguntó en {SIX}" in judged({OWN: "", SIX: "unrouted"})


def test_the_name_of_a_lab_is_in_no_dns(judged: Judged) -> None:
    assert "nombre reservado" in judged({}, unknown="absent", difusor_fqdn="prep.demo.test")
    assert not judged.asked
