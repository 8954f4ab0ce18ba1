"""The closing line of `difusor test`: every test is counted as what it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from difusor import test as suites
from difusor.steps import StepFailed

DIED = StepFailed("Prueba bullseye: falló")
HELD = "= 11 failed, 200 passed in 9.0s ="
BROKEN = "= 3 failed, 9 passed, 2 skipped, 2 errors in 9.0s ="


@pytest.mark.parametrize(
    ("log", "failure", "excused", "closing"),
    [
        ("698 passed in 60.0s", None, 0, "698 passed, 0 failed"),
        (HELD, None, 11, "200 passed, 0 failed"),
        ("696 passed, 2 skipped in 60.0s", None, 0, "696 passed, 0 failed, 2 skipped"),
        (BROKEN, DIED, 0, "9 passed, 5 failed, 2 skipped"),
        ("fatal: no space left", DIED, 0, "0 passed, 1 failed"),
        (None, DIED, 0, "0 passed, 1 failed"),
    ],
)
def test_totals(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    log: str | None,
    failure: StepFailed | None,
    excused: int,
    closing: str,
) -> None:
    monkeypatch.setattr(suites, "BUILD", tmp_path)
    if log is not None:
        (tmp_path / "log").mkdir()
        (tmp_path / "log/test-unit.log").write_text(log)
    suites._say_totals({"unit": failure})
    said = capsys.readouterr()
    assert said.out == f"{closing}\n"
    assert f"{excused} pruebas con exención" in said.err


def test_a_failed_suite_says_what_speaks_against_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def found(test: str, outcome: str, detail: str = "") -> dict[str, str]:
        return {"test": test, "outcome": outcome, "detail": detail}

    def die(*_: object, **__: object) -> None:
        paper = tmp_path / "dictamen/trixie/demo.json"
        assert not paper.exists(), "a paper of the run before would be taken for this one's"
        clauses = [
            {"verdict": "NO CUMPLE", "findings": [found("a", "failed", "está abierto\n22/tcp"), found("b", "passed")]},
            {"verdict": "EXENTO", "findings": [found("c", "failed", "no es Ubuntu")]},
        ]
        paper.write_text(json.dumps({"clauses": clauses, "unbound": [found("d", "failed")]}))
        raise DIED

    monkeypatch.setattr(suites, "BUILD", tmp_path)
    monkeypatch.setattr(suites, "run_step", die)
    (tmp_path / "dictamen/trixie").mkdir(parents=True)
    (tmp_path / "dictamen/trixie/demo.json").write_text("{}")
    assert suites._run_suite("trixie") is DIED
    said = capsys.readouterr().err
    assert said.splitlines() == [f"✗ {DIED}", "a: está abierto", "d: no pasó"]
