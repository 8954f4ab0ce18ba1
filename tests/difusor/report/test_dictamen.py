"""The dictamen: its JSON, its HTML, and the exit status of `difusor report`."""

import hashlib
import html
import json
import re
import shutil
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import pytest
from call_kit import FIRST, NAME, RESULTS
from call_kit import results as measured
from click.testing import CliRunner, Result
from inventory_kit import shipped
from publish_kit import command_of

from difusor.commands import report
from difusor.inventory import Decision, Declared
from difusor.project import HOME, ROOT, write
from difusor.report import dictamen
from difusor.report.results import Results, ResultsError, load
from difusor.servers.identity import MeasuredServer
from difusor.spec import deviations
from difusor.suite import browser
from difusor.terminal import local


def compose(results: Results) -> dict:
    return dictamen.compose(results, "web1", FIRST, deviations.load())


@pytest.fixture
def results() -> Results:
    return measured()


@pytest.fixture
def paper(results: Results, tmp_path: Path) -> tuple[dict, str]:
    composed = compose(results)
    json_file, html_file = dictamen.write_papers(composed, tmp_path / "diario")
    return json.loads(json_file.read_text(encoding="utf-8")), html_file.read_text(encoding="utf-8")


def test_the_terminal_tells_what_to_correct_by_the_clocks_of_the_election(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    composed = {**compose(results), "previous": None}
    monkeypatch.setattr(dictamen, "shortcomings", lambda found: ["web1: cierra 2024-06-04T02:00:00Z"])
    report._show(composed, (tmp_path / "diario.json", tmp_path / "diario.html"))
    there = local("2024-06-04T02:00:00Z", ZoneInfo(composed["election"]["timezone"]))
    assert f"web1: cierra {there}" in capsys.readouterr().out and not there.endswith("UTC")


def test_every_clause_has_its_verdict(paper: tuple[dict, str]) -> None:
    verdicts = {entry["id"]: entry["verdict"] for entry in paper[0]["clauses"]}
    assert list(verdicts) == list(FIRST.ids)
    assert verdicts["SW-01"] == "CUMPLE"
    assert verdicts["HW-01"] == "EXENTO"
    assert verdicts["HW-02"] == "EXPIRADA"
    assert verdicts["HW-05"] == "ATESTADO"
    assert verdicts["RED-03"] == "EXENTO"  # only the documents failed, for which there is a waiver
    assert verdicts["RED-05"] == "NO APLICA"
    assert verdicts["RED-06"] == "NO CUMPLE"
    assert verdicts["DG-07"] == "SIN PRUEBA"
    assert verdicts["DG-11"] == "NO CUMPLE"


def test_the_paper_says_which_clauses_rest_on_the_server_s_word(paper: tuple[dict, str]) -> None:
    assert "SW-01, HW-01, HW-02, HW-03, HW-04, RED-02: se miden con lo que el servidor responde" in " ".join(
        paper[1].split()
    )


def test_shown_verdicts_differ_from_their_ids_in_json(paper: tuple[dict, str]) -> None:
    data, text = paper
    assert {"SIN PRUEBA", "ATESTADO"} <= data["counts"].keys()
    assert "NO VERIFICADO" in text and "ACREDITADO" in text
    assert "SIN PRUEBA" not in text and "ATESTADO" not in text


def test_the_json_identifies_the_measurement(paper: tuple[dict, str]) -> None:
    data = paper[0]
    assert data["schema"] == "difusor-dictamen/1"
    assert data["verdict"] == "NO CUMPLE"
    assert sum(data["counts"].values()) == len(data["clauses"])
    assert data["server"]["machine_id"] == "4c1d8a0e6f2b47d39a5e7c6b8f0d1e2a"
    assert data["server"]["ssh_host_key"].startswith("SHA256:")
    assert data["finished"] == "2024-06-03T01:41:05Z"
    assert data["finished_local"] == "2024-06-02T19:41:05-06:00"
    assert data["commit"] and data["tools"] and data["inventory"] == "inventories/diario"
    assert data["lab"] is None


def test_what_was_repeated_is_told_with_its_first_failure(results: Results, tmp_path: Path) -> None:
    first = results.findings[0].model_copy(update={"repeated": "no ocurrió que abra"})
    composed = compose(results.model_copy(update={"findings": (first, *results.findings[1:])}))
    json_file, html_file = dictamen.write_papers(composed, tmp_path / "diario")
    entries = json.loads(json_file.read_text(encoding="utf-8"))["clauses"]
    assert {each["repeated"] for entry in entries for each in entry["findings"]} == {"", first.repeated}
    assert html_file.read_text(encoding="utf-8").count(first.repeated) == 1


def test_waivers_are_judged_on_the_day_of_the_measurement(paper: tuple[dict, str]) -> None:
    notes = {entry["id"]: entry["waiver"]["note"] for entry in paper[0]["clauses"] if entry["waiver"]}
    assert notes == {"SW-01": "no fue necesaria", "HW-01": "vigente", "HW-02": "vencida", "RED-03": "vigente"}


def test_a_waiver_whose_day_is_still_to_come_excuses_nothing(results: Results) -> None:
    server = results.servers["web1"]
    waivers = [each.model_copy(update={"date": each.expires}) for each in server.declared.difusor_waivers]
    declared = server.declared.model_copy(update={"difusor_waivers": tuple(waivers)})
    changed = results.model_copy(update={"servers": {"web1": server.model_copy(update={"declared": declared})}})
    (entry,) = (each for each in compose(changed)["clauses"] if each["id"] == "HW-01")
    assert entry["verdict"] == "NO CUMPLE"
    assert entry["waiver"]["note"] == "aún no rige: su acuerdo es de un día posterior"


def test_a_waiver_excuses_nothing_that_was_not_measured(results: Results) -> None:
    unmeasured = [
        finding.model_copy(update={"outcome": "skipped", "detail": ""}) if "HW-01" in finding.clauses else finding
        for finding in results.findings
    ]
    entries = compose(results.model_copy(update={"findings": tuple(unmeasured)}))["clauses"]
    (entry,) = (each for each in entries if each["id"] == "HW-01")
    assert entry["verdict"] == "SIN PRUEBA"
    assert entry["waiver"]["note"] == "no sustituye lo que falta medir"
    assert entry["fix"] == "Falta medirla: no se hizo test_hardware.py::test_physical_server."


def test_shortfalls_say_what_to_do(paper: tuple[dict, str]) -> None:
    fixes = {entry["id"]: entry["fix"] for entry in paper[0]["clauses"] if entry["fix"]}
    assert set(fixes) == {"HW-02", "RED-06", "DG-06", "DG-07", "DG-11"}
    assert fixes["DG-07"].startswith("Falta medirla: el inventario no tiene un punto de observación confiable")


def test_what_to_correct_speaks_of_the_cause_that_was_found(paper: tuple[dict, str], results: Results) -> None:
    causes = {entry["id"]: entry["causes"] for entry in paper[0]["clauses"] if entry["causes"]}
    assert causes == {
        "HW-02": ["tiene 4 núcleos de 8 requeridos"],
        "RED-06": ["no hay documento que acredite RED-06; agréguelo a difusor_attestations"],
        "DG-06": ["no cumple RED-06"],
        "DG-11": ["el corte mostrado tiene 34 minutos"],
    }
    listed = _text(paper[1]).partition("Qué corregir")[2].partition("Cláusula por cláusula")[0]
    assert "Tiene 4 núcleos de 8 requeridos. Use un servidor con 8 núcleos o más" in listed
    wordless = [each.model_copy(update={"detail": ""}) for each in results.findings]
    text = _text(dictamen.render(compose(results.model_copy(update={"findings": tuple(wordless)})), "x.json", "0" * 64))
    assert "No se cumple que: El procesador tiene" in text.partition("Qué corregir")[2]


def test_a_criterion_of_the_project_stands_apart(results: Results, tmp_path: Path) -> None:
    """What the project asks beyond the call is shown with its outcome, and fails no clause."""
    wrong = [
        each.model_copy(update={"outcome": "failed", "detail": "faltan cabeceras"}) if each.beyond else each
        for each in results.findings
    ]
    before, after = compose(results), compose(results.model_copy(update={"findings": tuple(wrong)}))
    assert before["counts"] == after["counts"]
    text = _text(dictamen.render(after, "x.json", "0" * 64))
    apart = text.partition("Criterios del proyecto")[2].partition("Firmas")[0]
    assert re.search(
        r"DG-02 ?La página lleva las cabeceras de seguridad de la casa\. ?faltan cabeceras ?no cumple", apart
    )


def test_the_paper_says_what_was_ordered_for_after_the_close(results: Results) -> None:
    order = Decision(by="Pleno", agreement="CEE/7/2024", date=date(2024, 5, 30))
    said = "Lo decidió Pleno, acuerdo CEE/7/2024, 30 de mayo de 2024."
    for values, sentences in (
        ({}, ["Después del cierreNo se conserva nada."]),
        (
            {"election_retain_until": "2024-06-10T05:59:00Z", "election_retention_order": order},
            [f"El último corte se conserva hasta el 9 de junio de 2024, 23:59:00 (UTC−6). {said}"],
        ),
        # Ordered before it is known until when: the servers keep nothing meanwhile.
        ({"election_retention_order": order}, ["Después del cierreNo se conserva nada."]),
        (
            {"election_retain_until": None, "election_retention_order": order},
            ["Después del cierreNo se conserva nada."],
        ),
    ):
        server = results.servers["web1"]
        declared = server.declared.model_validate({**server.declared.model_dump(), **values})
        changed = results.model_copy(update={"servers": {"web1": server.model_copy(update={"declared": declared})}})
        text = _text(dictamen.render(compose(changed), "x.json", "0" * 64))
        assert all(each in text for each in sentences), sentences


def test_a_screen_reader_finds_its_way(paper: tuple[dict, str]) -> None:
    """One main, a heading for each region, and tables whose heads say of what they are."""
    text = paper[1]
    assert text.count("<main>") == text.count("</main>") == 1
    names = re.findall(r'aria-labelledby="([a-z-]+)"', text)
    assert {"corregir", "clausulas", "criterios", "firmas", "anexo-a", "anexo-b"} <= set(names)
    assert all(f'id="{name}"' in text for name in names)
    tables = re.findall(r"(?s)<table.*?</table>", text)
    assert all('scope="col"' in table for table in tables)


@pytest.mark.skipif(not any(map(shutil.which, browser.PROGRAMS)), reason="this machine has no browser")
def test_the_paper_is_readable_on_a_telephone(paper: tuple[dict, str], tmp_path: Path) -> None:
    """At 390 px nothing reaches beyond the screen. It is a frame, since Chromium's window is wider; its bar has 15."""
    measure = "document.title = document.body.textContent = frames[0].document.documentElement.scrollWidth + ' px'"
    frame = f'<iframe style="width: 405px; border: 0" srcdoc="{html.escape(paper[1])}"></iframe>'
    (tmp_path / "frame.html").write_text(f'<body onload="{measure}">{frame}</body>', encoding="utf-8")
    assert browser.read((tmp_path / "frame.html").as_uri(), "nadie.test", "127.0.0.1") == "390 px"


def test_the_paper_carries_the_digest_of_the_json(paper: tuple[dict, str], tmp_path: Path) -> None:
    assert hashlib.sha256((tmp_path / "diario.json").read_bytes()).hexdigest() in paper[1]


def test_the_paper_shows_every_clause_quote_and_test(paper: tuple[dict, str], results: Results) -> None:
    text = _text(paper[1])
    for clause in FIRST.clauses:
        assert clause.id in text
        assert clause.quote in text
    for finding in results.findings:
        assert finding.test in text
        assert finding.sentence in text
    assert "2 de junio de 2024, 19:41:05 (UTC−6)" in text
    decision = "Lo decidió Pleno del Consejo Estatal Electoral, acuerdo CG/118/2024, 20 de mayo de 2024."
    assert decision in text
    assert "(777) 362 4200, extensión 4223" in text


def test_the_auditor_sees_every_deviation_with_its_reason(paper: tuple[dict, str]) -> None:
    text = _text(paper[1])
    for topic, rules in deviations.load().items():
        assert topic in text
        for each in rules:
            ids = {auditor: list(names) for auditor, names in each.by_auditor().items()}
            assert {"rule": each.rule, "reason": each.reason, "ids": ids} in paper[0]["deviations"][topic]
            assert each.rule in text
            assert each.reason in text
            for auditor, names in ids.items():
                assert f"{auditor}: {', '.join(names)}" in text


def test_the_paper_tells_what_changed_since_the_register(results: Results) -> None:
    change = {"kind": "files", "name": "/etc/motd", "before": f"0644 root:root {'a' * 64}", "after": ""}
    register = {
        "register": "x.json",
        "sha256": "0" * 64,
        "signed_by": "SHA256:abc",
        "taken": "2024-06-02T03:00:00+00:00",
    }
    for changes, said in (
        ([], "Nada ha cambiado desde el registro del 1 de junio de 2024, 21:00:00 (UTC−6)"),
        ([change], "archivo /etc/motd 0644 root:root aaaaaaaaaaaa… ya no existe"),
    ):
        drift = register | {"changes": changes}
        composed = dictamen.compose(results, "web1", FIRST, deviations.load(), drift)
        assert composed["drift"]["changes"] == changes
        assert said in _text(dictamen.render(composed, "x.json", "0" * 64))


def test_the_paper_needs_nothing_from_outside(paper: tuple[dict, str]) -> None:
    assert not re.search(r"<(script|link|img|iframe)\b|url\(|@import", paper[1])


def test_the_paper_escapes_what_a_server_says(results: Results) -> None:
    hostile = results.findings[0].model_copy(update={"evidence": ("<script>alert(1)</script>",)})
    changed = results.model_copy(update={"findings": (hostile,)})
    html = dictamen.render(compose(changed), "x.json", "0" * 64)
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_the_name_stands_on_every_page_as_it_is(results: Results) -> None:
    composed = compose(results)
    composed["difusor"]["name"] = 'Dígame & "Cía" </style><script>'
    html = dictamen.render(composed, "x.json", "0" * 64)
    assert 'content: "Dígame & Cía /stylescript · 2024-06-02' in html
    assert "<script>" not in html


def test_the_same_results_give_the_same_bytes(results: Results, tmp_path: Path) -> None:
    first, second = (dictamen.write_papers(compose(results), tmp_path / name / "x") for name in "ab")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_the_cases_of_one_test_are_one_line() -> None:
    def case(port: int, outcome: str, detail: str = "") -> dict:
        test = f"test_x.py::test_port[{port}]"
        return {"test": test, "sentence": "Cerrado.", "outcome": outcome, "evidence": [f"{port}"], "detail": detail}

    lines = dictamen.summary([case(1, "passed"), case(2, "passed"), case(3, "failed", "responde 3\nmás")])
    same = {"host": "", "sentence": "Cerrado.", "beyond": []}
    assert lines == [
        {**same, "outcome": "failed", "cases": 1, "value": "3", "why": "responde 3"},
        {**same, "outcome": "passed", "cases": 2, "value": "1", "why": ""},
    ]


def test_an_unreachable_server_is_not_evaluated(results: Results) -> None:
    silent = MeasuredServer(unreachable="web1 no responde: timed out")
    changed = results.model_copy(update={"servers": {"web1": silent}, "findings": ()})
    composed = compose(changed)
    assert {entry["verdict"] for entry in composed["clauses"]} == {"NO EVALUADO"}
    assert "web1 no responde: timed out" in dictamen.render(composed, "x.json", "0" * 64)


def test_the_verb_renders_existing_results(results: Results, tmp_path: Path) -> None:
    path = tmp_path / "measured" / "r.json"
    write(path, results.model_dump_json())
    done = _invoke("--results", str(path), "--output", str(tmp_path / "papers"))
    assert done.exit_code == 1
    assert "NO CUMPLE" in done.output
    assert sorted(path.name for path in (tmp_path / "papers").iterdir()) == ["diario.html", "diario.json"]


def test_what_was_measured_for_another_version_of_the_call_is_not_judged_by_this_one(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The paper said CUMPLE beside values that had been written after the measurement, and that nobody had measured."""
    monkeypatch.setenv(HOME, str(tmp_path))
    call, measured_for = tmp_path / f"spec/{NAME}.yml", (ROOT / f"spec/{NAME}.yml").read_text()
    write(call, measured_for.replace("cores: 8", "cores: 64"))
    assert call.read_text() != measured_for
    digest = hashlib.sha256(measured_for.encode()).hexdigest()
    path = tmp_path / "r.json"
    path.write_text(results.model_copy(update={"calls": {NAME: digest}}).model_dump_json())
    again = ("--results", str(path), "--output", str(tmp_path / "papers"))
    done = _invoke(*again)
    assert done.exit_code == 2 and not (tmp_path / "papers").exists()
    said = " ".join(done.output.split())
    assert f"se midió con otra versión de la convocatoria {NAME}: spec/{NAME}.yml cambió" in said and digest in said
    call.write_text(measured_for)
    assert _invoke(*again).exit_code == 1
    assert digest[:12] in (tmp_path / "papers/diario.html").read_text()


def test_results_that_do_not_say_with_which_call_they_were_measured_are_judged_with_a_remark(results: Results) -> None:
    """As those of earlier versions. A dictamen of an earlier version knows nothing of either."""
    remark = "Los resultados no dicen con qué versión de la convocatoria se midió"
    composed = compose(results)
    assert remark in dictamen.render(composed, "x.json", "0" * 64)
    known = compose(results.model_copy(update={"calls": {NAME: "a" * 64}}))
    assert remark not in dictamen.render(known, "x.json", "0" * 64)
    del composed["call_revision"]
    assert remark not in dictamen.render(composed, "x.json", "0" * 64)


@pytest.mark.parametrize(("outcome", "status"), [("passed", 0), ("failed", 1), ("error", 1), ("skipped", 1)])
def test_a_test_of_no_clause_counts_too(results: Results, tmp_path: Path, outcome: str, status: int) -> None:
    """A test of no clause changes no verdict, so the exit status must show that it failed."""
    held = [
        finding.model_copy(update={"outcome": "passed"} if finding.clauses else {"outcome": outcome})
        for finding in results.findings
    ]
    path = tmp_path / "r.json"
    path.write_text(results.model_copy(update={"findings": tuple(held)}).model_dump_json())
    done = _invoke("--results", str(path), "--output", str(tmp_path))
    assert done.exit_code == status
    assert ("· test_edge.py::test_headers: " in done.output) == (outcome != "passed")


def test_what_a_server_says_is_no_markup(results: Results, tmp_path: Path) -> None:
    said = "web1 no responde: ssh: [/x] Connection refused"
    path = tmp_path / "r.json"
    silent = {"web1": MeasuredServer(unreachable=said, declared=results.servers["web1"].declared)}
    path.write_text(results.model_copy(update={"servers": silent, "findings": ()}).model_dump_json())
    done = _invoke("--results", str(path), "--output", str(tmp_path))
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no se puede leer"), ("{", "no es un archivo de resultados"), ('{"version": 2}', "version")],
)
def test_unusable_results_are_explained(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "r.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ResultsError, match=message):
        load(path)
    assert _invoke("--results", str(path), "--output", str(tmp_path)).exit_code == 2


@pytest.mark.parametrize("arguments", [(), ("--results", str(RESULTS), "--against", str(RESULTS))])
def test_the_verb_asks_which_difusor(arguments: tuple[str, ...]) -> None:
    done = _invoke(*arguments)
    assert done.exit_code == click.UsageError.exit_code
    assert "¿Qué difusor?" in done.output


def test_files_are_replaced_at_once(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "x.json"
    write(path, "uno")
    write(path, "dos")
    assert path.read_text() == "dos"
    assert list(path.parent.iterdir()) == [path]


def _invoke(*arguments: str) -> Result:
    return CliRunner().invoke(command_of(report), arguments)


class Words(HTMLParser):
    """Collects the words of an HTML page without its markup."""

    text = ""

    def handle_data(self, data: str) -> None:
        self.text += data


def _text(html: str) -> str:
    """Return the words of a page with single spaces between them."""
    parser = Words()
    parser.feed(html)
    return " ".join(parser.text.split())


def test_the_paper_is_the_institute_s_that_holds_the_election(results: Results, tmp_path: Path) -> None:
    said = Declared.of(shipped("ribera-2027").model_dump(by_alias=True))
    server = results.servers["web1"].model_copy(update={"declared": said})
    results = results.model_copy(update={"servers": {"web1": server}})
    _, html = dictamen.write_papers(compose(results), tmp_path / "ribera")
    text = html.read_text(encoding="utf-8")
    assert '<p class="institute">Instituto Electoral de Ribera</p>' in text
    assert "Calle del Muelle 1, Puerto Añil, Ribera · (600) 000 0000" in text
    assert "Por el Instituto<small>Marina Ñúñez Güémez, Dirección Ejecutiva</small>" in text
    assert "--seal: #0b3d4f;" in text
    assert "Unidad de Informática &amp; Redes &lt;prep@ier.test&gt;, (600) 000 0000, extensión 12" in text
    assert FIRST.institute not in text


@pytest.mark.parametrize(("minutes", "kept"), [(5, True), (10, True), (15, False)])
def test_a_cadence_below_the_call_s_is_the_institute_s_own_fault(results: Results, minutes: int, kept: bool) -> None:
    server = results.servers["web1"]
    said = server.declared.model_copy(update={"election_interval_minutes": minutes})
    results = results.model_copy(update={"servers": {"web1": server.model_copy(update={"declared": said})}})
    text = dictamen.render(compose(results), "x.json", "0" * 64)
    sentence = (
        "promete una actualización cada 10 minutos y esta elección tiene una cada 15; es un compromiso del Instituto"
    )
    assert (sentence in text) is not kept


@pytest.mark.parametrize(
    ("environment", "opens", "told"),
    [
        ("official", "2024-06-03T02:00:00Z", False),
        ("official", "2024-06-02T20:00:00-06:00", False),
        ("official", "2024-06-03T02:00Z", False),
        ("official", "2024-06-03T01:00:00Z", True),
        ("simulacro", "2024-06-03T01:00:00Z", False),
    ],
)
def test_other_hours_than_the_call_s_are_the_institute_s_own_fault(
    results: Results, environment: str, opens: str, told: bool
) -> None:
    """The same instant is another hour where the place's clock says so; a rehearsal has hours of its own."""
    server = results.servers["web1"]
    closes = "2024-06-04T02:00:00Z"
    values = {"election_environment": environment, "election_opens": opens, "election_closes": closes}
    said = server.declared.model_copy(update={**values, "election_timezone": "America/Mexico_City"})
    results = results.model_copy(update={"servers": {"web1": server.model_copy(update={"declared": said})}})
    sentence = (
        "La convocatoria dice que se publica de las 20:00 a las 20:00 y la elección, de las 19:00 a las 20:00, "
        "hora del lugar; es un compromiso del Instituto"
    )
    assert (sentence in dictamen.render(compose(results), "x.json", "0" * 64)) is told


def test_the_institute_s_logo_heads_the_paper(results: Results) -> None:
    """It stands in the paper itself; where this machine lacks the file, the paper goes without."""
    server = results.servers["web1"]
    for name, shown in (("ribera-2027.png", True), ("nada.png", False)):
        institute = shipped("ribera-2027").institute.model_copy(update={"logo": name})
        said = server.declared.model_copy(update={"election_institute": institute})
        here = results.model_copy(update={"servers": {"web1": server.model_copy(update={"declared": said})}})
        assert (
            '<img class="logo" src="data:image/png;base64,' in dictamen.render(compose(here), "x.json", "0")
        ) is shown


def test_what_was_measured_of_a_clause_that_the_call_lost_is_shown_all_the_same(results: Results) -> None:
    """Results may be older than the spec: a test that failed must not vanish with its clause."""
    call = FIRST.model_copy(update={"clauses": tuple(each for each in FIRST.clauses if each.id != "RED-06")})
    composed = dictamen.compose(results, "web1", call, deviations.load())
    assert "RED-06" not in {entry["id"] for entry in composed["clauses"]}
    lost = {each.test for each in results.findings if each.clauses == ("RED-06",)}
    assert lost and lost <= {each["test"] for each in composed["unbound"]}


def test_what_of_the_call_no_clause_judges_is_in_an_annex(paper: tuple[dict, str]) -> None:
    data, text = paper
    assert data["unjudged"] == [each.model_dump() for each in FIRST.unjudged] != []
    annex = html.unescape(text.partition("ninguna cláusula juzga</h2>")[2])
    assert all(each.text in annex and each.reason in annex for each in FIRST.unjudged)
