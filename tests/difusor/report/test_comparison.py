"""What a dictamen says of the one before it, and that the one before it is never lost."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from call_kit import FIRST
from call_kit import results as measured

from corte.format import instants
from difusor.project import write
from difusor.report import dictamen, history
from difusor.report.comparison import compare, counted
from difusor.report.issue import issue, status
from difusor.report.results import Results, ResultsError
from difusor.spec import deviations


def changed(results: Results, clause: str, hours: float = 1, **values: Any) -> Results:
    """Return the same results measured later, with other values of the findings of one clause."""
    findings = [each.model_copy(update=values) if clause in each.clauses else each for each in results.findings]
    return results.model_copy(
        update={"findings": tuple(findings), "finished": results.finished + timedelta(hours=hours)}
    )


def compared(before: Results, now: Results) -> dict[str, dict[str, Any]]:
    first, second = (
        json.loads(json.dumps(dictamen.compose(each, "web1", FIRST, deviations.load()))) for each in (before, now)
    )
    return {change["id"]: change for change in compare(first, second)["changes"]}


@pytest.mark.parametrize(
    ("clause", "values", "kind", "verdicts"),
    [
        ("SW-02", {"outcome": "failed"}, "empeoró", ("CUMPLE", "NO CUMPLE")),
        ("SW-02", {"outcome": "skipped"}, "empeoró", ("CUMPLE", "SIN PRUEBA")),
        ("DG-11", {"outcome": "passed"}, "mejoró", ("NO CUMPLE", "CUMPLE")),
        ("DG-11", {"outcome": "skipped"}, "se midió de otra forma", ("NO CUMPLE", "SIN PRUEBA")),
        ("HW-05", {"method": "medido"}, "se midió de otra forma", ("ATESTADO", "CUMPLE")),
        ("SW-02", {"test": "test_new.py::test_new"}, "se midió de otra forma", ("CUMPLE", "CUMPLE")),
    ],
)
def test_a_clause_got_better_or_worse_or_was_measured_otherwise(
    clause: str, values: dict[str, str], kind: str, verdicts: tuple[str, str]
) -> None:
    before = measured()
    change = compared(before, changed(before, clause, **values))[clause]
    assert (change["kind"], change["before"], change["after"]) == (kind, *verdicts)


def test_how_it_was_measured_otherwise_is_said() -> None:
    before = measured()
    assert compared(before, changed(before, "HW-05", method="medido"))["HW-05"]["how"] == [
        "antes con un documento, ahora con una medición"
    ]
    (how, gone) = compared(before, changed(before, "SW-02", test="test_new.py::test_new[22]"))["SW-02"]["how"]
    assert how == "se agregó test_new.py::test_new" and gone.startswith("ya no se hace ")


def test_what_the_call_asks_now_and_did_not_ask_before_is_said() -> None:
    now = json.loads(json.dumps(dictamen.compose(measured(), "web1", FIRST, deviations.load())))
    before = json.loads(json.dumps(now))
    before["clauses"][0]["expect"], before["clauses"][0]["verdict"] = {"kinds": 1}, before["clauses"][0]["verdict"]
    gone = before["clauses"].pop()
    now["clauses"] = [each for each in now["clauses"] if each["id"] != "HW-01"]
    before["election"]["id"], before["commit"] = "otra", "f" * 40
    found = compare(before, now)
    kinds = {change["id"]: change["kind"] for change in found["changes"]}
    assert (kinds[gone["id"]], kinds["HW-01"]) == ("es nueva", "ya no se juzga")
    assert kinds[before["clauses"][0]["id"]] == "se midió de otra forma"
    assert [each for each in found["remarks"] if "otra elección, otra" in each or "ffffffffffff" in each]


def test_the_same_again_is_no_change() -> None:
    before = measured()
    assert compared(before, changed(before, "SW-02")) == {}


def test_the_terminal_s_count_is_in_words() -> None:
    kinds = ["mejoró", "empeoró", "empeoró", "se midió de otra forma"]
    assert counted({"changes": [{"kind": each} for each in kinds]}) == (
        "2 empeoraron, 1 mejoró, 1 se midió de otra forma"
    )


def test_the_paper_and_its_data_tell_what_changed(tmp_path: Path) -> None:
    before = measured()
    issue(before, tmp_path)
    now, (data, page) = issue(changed(before, "DG-11", outcome="passed"), tmp_path)
    said = json.loads(data.read_text())["previous"]
    assert said["finished"] == "2024-06-03T01:41:05Z"
    assert {change["id"]: change["kind"] for change in said["changes"]}["DG-11"] == "mejoró"
    text = " ".join(page.read_text().split())
    assert "Comparación con el dictamen anterior" in text and "del 2 de junio de 2024, 19:41:05 (UTC−6), fue" in text
    assert status(now) == 1


def test_the_first_dictamen_is_compared_with_nothing(tmp_path: Path) -> None:
    first, (_, page) = issue(measured(), tmp_path)
    assert first["previous"] is None and "Comparación con" not in page.read_text()
    assert not (tmp_path / history.FOLDER).exists()


def test_no_dictamen_is_ever_lost(tmp_path: Path) -> None:
    """Each one that had the name is kept byte for byte, a second one of the same measurement too."""
    before, contents = measured(), []
    (tmp_path / "diario.pdf").write_bytes(b"%PDF firmado")
    for each in (before, changed(before, "DG-11", outcome="passed"), changed(before, "SW-02", outcome="failed")):
        _, paths = issue(each, tmp_path)
        contents.append([path.read_bytes() for path in paths])
    issue(changed(before, "SW-02", hours=5), tmp_path)
    kept = tmp_path / "anteriores/diario"
    names = ["20240603T014105Z", "20240603T024105Z", "20240603T024105Z-2"]
    assert [[(kept / f"{name}{end}").read_bytes() for end in (".json", ".html")] for name in names] == contents
    assert {path.read_bytes() for path in kept.glob("*.pdf")} == {b"%PDF firmado"}


def test_a_sealed_paper_does_not_stand_beside_the_dictamen_that_came_after_it(tmp_path: Path) -> None:
    """A clerk would send what was signed of the measurement before; it is kept with that. Issued again, it stays."""
    issue(measured(), tmp_path)
    (tmp_path / "diario.pdf").write_bytes(b"%PDF firmado")
    issue(measured(), tmp_path)
    assert (tmp_path / "diario.pdf").exists()
    issue(changed(measured(), "DG-11", outcome="passed"), tmp_path)
    assert not (tmp_path / "diario.pdf").exists()
    assert (tmp_path / "anteriores/diario/20240603T014105Z.pdf").read_bytes() == b"%PDF firmado"


@pytest.mark.parametrize("cut", [1, 2])
def test_an_issue_that_is_cut_off_leaves_no_signed_paper_beside_another_dictamen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    """The JSON, which programs read, is the last to be new; whoever seals the two is told to issue them again."""
    paths = issue(measured(), tmp_path)[1]
    before = paths[0].read_bytes()
    (tmp_path / "diario.pdf").write_bytes(b"%PDF firmado")
    times = count(1)

    def until_cut(path: Path, text: str) -> None:
        if next(times) == cut:
            raise KeyboardInterrupt
        write(path, text)

    later = changed(measured(), "DG-11", outcome="passed")
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(dictamen, "write", until_cut)
        issue(later, tmp_path)
    assert paths[0].read_bytes() == before and not (tmp_path / "diario.pdf").exists()
    assert issue(later, tmp_path)[0]["previous"]["finished"] == "2024-06-03T01:41:05Z"


def test_a_dictamen_that_cannot_be_drawn_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = issue(measured(), tmp_path)[1]
    (tmp_path / "diario.pdf").write_bytes(b"%PDF firmado")
    before = [path.read_bytes() for path in paths]
    monkeypatch.setattr(dictamen, "render", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        issue(changed(measured(), "DG-11", outcome="passed"), tmp_path)
    assert [path.read_bytes() for path in paths] == before and (tmp_path / "diario.pdf").exists()


def test_issued_again_it_is_compared_with_the_one_before_its_own(tmp_path: Path) -> None:
    before = measured()
    later = changed(before, "DG-11", outcome="passed")
    issue(before, tmp_path)
    once, again = (issue(later, tmp_path)[0]["previous"] for _ in range(2))
    assert once == again and once["finished"] == "2024-06-03T01:41:05Z"


def test_results_of_before_do_not_take_the_place_of_a_later_dictamen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else last month's results, issued again, were in force without a word, and with them what they had not seen."""
    before, later = measured(), changed(measured(), "SW-02", hours=48, outcome="failed")
    paths = issue(later, tmp_path)[1]
    (tmp_path / "diario.pdf").write_bytes(b"%PDF firmado")
    contents = [path.read_bytes() for path in paths]
    with pytest.raises(ResultsError, match=r"diario.json es de una medición posterior \(NO CUMPLE, del 4 de junio de"):
        issue(before, tmp_path)
    assert [path.read_bytes() for path in paths] == contents and (tmp_path / "diario.pdf").exists()
    assert not (tmp_path / history.FOLDER).exists()
    assert issue(before, tmp_path / "aparte")[1][0].exists()
    monkeypatch.setattr(instants, "now", lambda: before.finished + timedelta(hours=1))
    issue(before, tmp_path)  # the other one was measured by a clock that was two days fast


def test_a_server_that_did_not_answer_is_no_measure(tmp_path: Path) -> None:
    """The one that follows is compared with the last that was measured; a damaged one is passed over, and kept."""
    before = measured()
    issue(before, tmp_path)
    server = before.servers["web1"].model_copy(update={"unreachable": "web1 no responde"})
    silent = changed(before, "SW-02").model_copy(update={"servers": {"web1": server}, "findings": ()})
    assert issue(silent, tmp_path)[0]["previous"] is None
    after = issue(changed(before, "DG-11", hours=2, outcome="passed"), tmp_path)[0]
    assert after["previous"]["finished"] == "2024-06-03T01:41:05Z"
    damaged = json.loads((tmp_path / "diario.json").read_text()) | {"finished_local": "2024-06-0\u20132"}
    (tmp_path / "diario.json").write_text(json.dumps(damaged))
    assert issue(changed(before, "SW-02", hours=3), tmp_path)[0]["previous"]["finished"] == "2024-06-03T01:41:05Z"
    (tmp_path / "diario.json").write_text('{"clauses": 3}')
    assert issue(changed(before, "SW-02", hours=3), tmp_path)[0]["previous"]["finished"] == "2024-06-03T01:41:05Z"
    assert '{"clauses": 3}' in [path.read_text() for path in (tmp_path / "anteriores/diario").glob("sin-fecha*.json")]


def test_what_cannot_be_kept_is_not_replaced(tmp_path: Path) -> None:
    _, paths = issue(measured(), tmp_path)
    contents = [path.read_bytes() for path in paths]
    (tmp_path / history.FOLDER).write_text("no es una carpeta")
    with pytest.raises(ResultsError, match=r"no se puede escribir el dictamen.*con --results"):
        issue(changed(measured(), "DG-11", outcome="passed"), tmp_path)
    assert [path.read_bytes() for path in paths] == contents
