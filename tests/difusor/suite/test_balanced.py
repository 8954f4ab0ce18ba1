"""Servers behind a balancer: those that are silent, or show nothing, do not show the same."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from suite_kit import load

from difusor.project import ROOT
from difusor.suite.plugin import SUITE

# The marks of the suite are those of its own plugin.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnknownMarkWarning")
NAMES = ("uno", "dos")


def answering(monkeypatch: pytest.MonkeyPatch, *statuses: Any) -> Any:
    """Return the fixtures with servers that have these estado.json, the last one for as long as it is asked."""
    monkeypatch.syspath_prepend(ROOT / "molecule/tests")
    fixtures = import_module("corte_fixtures")
    given = list(statuses)

    class Mirror:
        problem = "no responde"

        def __init__(self, *_: object, **__: object) -> None: ...
        def __enter__(self) -> Mirror:
            return self

        def __exit__(self, *_: object) -> None: ...
        def status(self) -> Any:
            return given.pop(0) if len(given) > 1 else given[0]

    monkeypatch.setattr(fixtures, "Mirror", Mirror)
    monkeypatch.setattr(fixtures, "Target", SimpleNamespace(of=lambda host: host))
    monkeypatch.setattr(fixtures, "inventory", SimpleNamespace(Host=SimpleNamespace(of=lambda name, _: name)))
    monkeypatch.setattr(fixtures, "WAIT", 0.01)
    monkeypatch.setattr(fixtures, "PACE", 0)
    return fixtures


def compared(monkeypatch: pytest.MonkeyPatch, *statuses: Any) -> list[Any]:
    """Run the test on two servers with these estado.json, the last pair for as long as it is asked; return evidence."""
    answering(monkeypatch, *statuses)
    suite = load("outside/test_corte.py")  # with the shorter waits
    hosts = {name: {"difusor_fqdn": "prep.example"} for name in NAMES}
    read = SimpleNamespace(groups={"difusores": list(NAMES)}, hosts=hosts)
    config = SimpleNamespace(stash={SUITE: SimpleNamespace(inventory=read)})
    variables = {"difusor_fqdn": "prep.example", "difusor_cdn_ranges": ["192.0.2.0/24"]}
    evidence: list[Any] = []
    suite.test_balanced_servers_show_the_same(config, variables, lambda _: {"servers": 2}, evidence.append)
    return evidence


def showing(sha256: str | None) -> dict[str, Any]:
    return {"shown": {"manifest_sha256": sha256} if sha256 else None}


def test_the_same_corte_complies(monkeypatch: pytest.MonkeyPatch) -> None:
    assert compared(monkeypatch, showing("a"), showing("a")) == [dict.fromkeys(NAMES, "a")]


def test_one_may_show_it_a_moment_later(monkeypatch: pytest.MonkeyPatch) -> None:
    assert compared(monkeypatch, showing("b"), showing("a"), showing("b")) == [dict.fromkeys(NAMES, "b")]


def test_silent_ones_are_no_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConnectionError):
        compared(monkeypatch, None)


def test_nothing_shown_is_not_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(pytest.skip.Exception, match="ninguno muestra"):
        compared(monkeypatch, showing(None))


def test_another_corte_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match="el mismo corte"):
        compared(monkeypatch, *[showing(each) for each in "ab" * 1000])


SITE, FRONT = "www.diario.test", {"name": "www.diario.test", "program": "nginx", "addresses": ["192.0.2.20"]}


def shown_by_the_site(monkeypatch: pytest.MonkeyPatch, *statuses: Any, fronts: int = 2, road: str = SITE) -> Any:
    """Return what tells which corte a site shows that is in front of the first servers, with these estado.json."""
    fixtures = answering(monkeypatch, *statuses)
    hosts = {name: {"difusor_front": FRONT} if number < fronts else {} for number, name in enumerate(NAMES)}
    read = SimpleNamespace(groups={"difusores": list(NAMES)}, hosts=hosts)
    config = SimpleNamespace(stash={SUITE: SimpleNamespace(inventory=read)})
    own = SimpleNamespace(status=lambda: showing("propio"))
    return fixtures.which.__wrapped__(own, {"difusor_fqdn": road}, hosts["uno"], config)


def test_of_a_site_in_front_of_two_nothing_is_judged_until_they_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the other server answered was compared with the state of this one."""
    which = shown_by_the_site(monkeypatch, showing("b"), showing("a"), showing("b"), showing("b"))
    assert which() == "b"


def test_of_one_in_front_of_two_that_never_agree_it_is_not_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    which = shown_by_the_site(monkeypatch, *[showing(each) for each in "ab" * 1000])
    with pytest.raises(
        pytest.skip.Exception, match=rf"uno, dos están detrás de {SITE} y no muestran todos el mismo corte"
    ):
        which()
    which = shown_by_the_site(monkeypatch, None)
    with pytest.raises(pytest.skip.Exception, match=r"uno no contesta .no responde.; no se sabe cuál"):
        which()


@pytest.mark.parametrize("given", [{"road": "prep.diario.test"}, {"fronts": 1}])
def test_the_server_itself_and_a_site_of_its_own_are_judged_at_once(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, Any]
) -> None:
    assert shown_by_the_site(monkeypatch, None, **given)() == "propio"


def test_of_servers_behind_a_balancer_the_name_is_judged_once_they_agree_and_no_answer_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Any of them may answer by the name, and a CDN may keep for ten seconds what it was given."""
    fixtures = answering(monkeypatch, *map(showing, "babbbbcc"))
    waited: list[float] = []
    monkeypatch.setattr(fixtures.time, "sleep", waited.append)
    hosts = {name: {"difusor_fqdn": "prep.example", "difusor_cdn_ranges": ["192.0.2.0/24"]} for name in NAMES}
    read = SimpleNamespace(groups={"difusores": list(NAMES)}, hosts=hosts)
    config = SimpleNamespace(stash={SUITE: SimpleNamespace(inventory=read)})
    own = SimpleNamespace(status=lambda: showing("propio"))
    roads = [{"difusor_fqdn": "prep.example", "difusor_public_address": each} for each in ("", "192.0.2.7")]
    by_name, at_server = (fixtures.which.__wrapped__(own, road, hosts["uno"], config) for road in roads)
    assert at_server() == "propio" and waited == []
    assert [by_name() for _ in range(3)] == ["b", "b", "c"]
    assert [seconds for seconds in waited if seconds] == [fixtures.KEPT_SECONDS] * 2
