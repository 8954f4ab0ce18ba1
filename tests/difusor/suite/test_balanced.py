"""Servers behind a balancer: those that are silent, or show nothing, do not show the same."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from suite_kit import load

from difusor.project import ROOT
from difusor.suite.plugin import SUITE

# The marks of the suite are those of its own plugin.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnknownMarkWarning")
NAMES = ("uno", "dos")


def compared(monkeypatch: pytest.MonkeyPatch, *statuses: Any) -> list[Any]:
    """Run the test on two servers with these estado.json, the last pair for as long as it is asked; return evidence."""
    monkeypatch.syspath_prepend(ROOT / "molecule/tests")
    suite = load("outside/test_corte.py")
    given = list(statuses)

    class Mirror:
        problem = "no responde"

        def __init__(self, *_: object, **__: object) -> None: ...
        def __enter__(self) -> Mirror:
            return self

        def __exit__(self, *_: object) -> None: ...
        def status(self) -> Any:
            return given.pop(0) if len(given) > 1 else given[0]

    monkeypatch.setattr(suite, "Mirror", Mirror)
    monkeypatch.setattr(suite, "Target", SimpleNamespace(of=lambda host: host))
    monkeypatch.setattr(suite, "inventory", SimpleNamespace(Host=SimpleNamespace(of=lambda name, _: name)))
    monkeypatch.setattr(suite, "WAIT", 0.01)
    monkeypatch.setattr(suite, "PACE", 0)
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
