"""`difusor form`: the form of ANEXO 2 as a workbook, as YAML and as a schema, all from one model; each reads back."""

from __future__ import annotations

import io
import json
import os
import pty
from pathlib import Path

import openpyxl
import pytest
from form_kit import GOOD, WHERE, as_workbook, as_yaml
from home_kit import difusor, furnish

from difusor.partners.form import plain, workbook
from difusor.partners.form.items import SECRET, items, keys, read, texts
from difusor.partners.form.model import Form
from difusor.partners.form.received import open_form
from difusor.project import ROOT


@pytest.fixture(scope="module")
def book() -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(workbook.write("Proceso Electoral 2026-2027")))


def test_the_nineteen_items_stand_in_the_calls_order_and_words(book: openpyxl.Workbook) -> None:
    sheet = book["ANEXO 2"]
    assert "Proceso Electoral 2026-2027" in sheet["A1"].value
    rows = [(row[0].value, row[1].value) for row in sheet.iter_rows(min_row=workbook.FIRST_ROW)]
    assert [number for number, _ in rows] == [str(number) for number in range(1, 20)]
    said = [title for _, title in rows]
    assert said[:3] == ["Nombre del medio difusor", "Dirección del sitio web del difusor", said[2]]
    assert said[2] == "Propuesta de enlace (liga de acceso)"
    assert [title.partition(" del ")[0] for title in said[3:11]] == ["Nombre", "Teléfono", "Celular", "Email"] * 2
    assert [title.split()[-1] for title in said[3:11]] == ["técnico"] * 4 + ["legal"] * 4
    assert said[18] == "Logotipo"


def test_what_the_call_does_not_ask_is_marked_as_the_institutes(book: openpyxl.Workbook) -> None:
    assert book.sheetnames == ["ANEXO 2", "Anexo técnico", "Ayuda"]
    assert "No es parte del ANEXO 2" in book["Anexo técnico"]["A1"].value


def test_a_choice_is_a_list_every_value_has_a_note_and_only_values_can_be_written(book: openpyxl.Workbook) -> None:
    lists = {
        str(rule.sqref): rule.formula1
        for rule in book["Anexo técnico"].data_validations.dataValidation
        if rule.type == "list"
    }
    chosen = {WHERE[each.key][1]: f'"{",".join(each.choices)}"' for each in items() if each.choices}
    assert lists == chosen and len(lists) == 3
    for each in items():
        sheet, place = WHERE[each.key]
        cell = book[sheet][place]
        assert each.help in cell.comment.text
        assert (cell.number_format, cell.protection.locked) == ("@", False), "no telephone becomes a number"
        assert book[sheet][place.replace("C", "B")].protection.locked
        assert book[sheet].protection.sheet
    assert all(book[name].column_dimensions["C"].width >= 60 for name in book.sheetnames)
    helped = " ".join(str(cell.value) for row in book["Ayuda"].iter_rows() for cell in row)
    assert all(each.title in helped and each.help in helped for each in items())


@pytest.mark.parametrize("write", [as_yaml, as_workbook])
def test_a_filled_form_reads_back(write: object, tmp_path: Path) -> None:
    form, said, findings = read(open_form(write(tmp_path)))  # type: ignore[operator]
    assert (findings, form is None) == ([], False)
    assert said["enlace"] == "www.diarioderibelos.com.mx/prep2027mor"
    assert said["tecnico.telefono"] == "+52 777 362 4200 ext. 12"
    assert said["ftp.usuario"] == "no aplica"
    assert form is not None and texts(form) == said
    again = as_yaml(tmp_path, said)
    assert read(open_form(again))[1] == said, "what is kept is a form again"


def test_numbers_that_a_spreadsheet_made_are_taken_as_typed(tmp_path: Path) -> None:
    changed = {"tecnico.celular": 7771234567, "legal.celular": 7771234568.0, "anexo_tecnico.ghz": 2.4}
    _, said, findings = read(open_form(as_workbook(tmp_path, {**changed, "anexo_tecnico.ram_gb": "32 GB"})))
    assert findings == []
    assert (said["tecnico.celular"], said["legal.celular"]) == ("+52 777 123 4567", "+52 777 123 4568")
    assert (said["anexo_tecnico.ghz"], said["anexo_tecnico.ram_gb"]) == ("2.4", "32")


def test_an_empty_form_names_every_blank_at_once_with_its_cell(tmp_path: Path) -> None:
    (tmp_path / "vacio.xlsx").write_bytes(workbook.write(""))
    _, _, findings = read(open_form(tmp_path / "vacio.xlsx"))
    required = [each.key for each in items() if each.required]
    assert [each.key for each in findings] == required
    assert all(f"celda {WHERE[each.key][1]} " in each.place and each.sentence.startswith("falta") for each in findings)
    (tmp_path / "vacio.yml").write_text(plain.write(""), encoding="utf-8")
    _, _, findings = read(open_form(tmp_path / "vacio.yml"))
    assert [each.key for each in findings] == required
    assert all(", renglón " in each.place for each in findings)


def test_a_choice_is_understood_as_people_type_it(tmp_path: Path) -> None:
    typed = {"anexo_tecnico.servidor": "Fisico", "anexo_tecnico.certificado": "Lo entrega el difusor."}
    said = read(open_form(as_yaml(tmp_path, typed)))[1]
    assert (said["anexo_tecnico.servidor"], said["anexo_tecnico.certificado"]) == ("físico", "lo entrega el difusor")


@pytest.mark.parametrize("link", ["diario.mx/prep", "http://diario.mx/prep", "HTTPS://Diario.MX/prep/"])
def test_a_link_is_taken_with_or_without_scheme(link: str, tmp_path: Path) -> None:
    assert read(open_form(as_yaml(tmp_path, {"enlace": link})))[1]["enlace"] == "diario.mx/prep"


def test_the_guided_form_asks_until_each_answer_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a real terminal; what it writes is a form that nothing is wrong with."""
    home = furnish(tmp_path / "instituto", monkeypatch)
    ours, its = pty.openpty()
    answers = [GOOD[each.key] for each in items() if each.key != SECRET]
    os.write(ours, "".join(f"{answer}\n" for answer in ["EJEMPLO", *answers]).encode())
    done = difusor("form", str(tmp_path), "--guided", home=home, stdin=its)
    assert done.returncode == 0, done.stderr
    assert "conserva el valor de ejemplo «EJEMPLO»" in done.stderr
    assert not (tmp_path / "anexo2.xlsx").exists()
    form, said, findings = read(open_form(tmp_path / "anexo2.yml"))
    assert (findings, said["nombre"]) == ([], "Diario de Ribelos") and form
    done = difusor("form", str(home), "--guided", home=home)
    assert done.returncode == os.EX_USAGE and "Sin una terminal" in done.stderr


@pytest.mark.parametrize(("folder", "said"), [(".", "ya existe"), ("anexo2.yml/otra", "no se puede escribir en")])
def test_nothing_is_asked_where_the_answers_could_not_be_kept(
    folder: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were all thrown away."""
    home = furnish(tmp_path / "instituto", monkeypatch)
    (tmp_path / "anexo2.yml").write_text("de antes")
    ours, its = pty.openpty()
    os.write(ours, "".join(f"{GOOD[each.key]}\n" for each in items() if each.key != SECRET).encode())
    done = difusor("form", str(tmp_path / folder), "--guided", home=home, stdin=its)
    assert done.returncode == 1 and said in done.stderr
    assert "1. " not in done.stderr, "the first question"
    assert (tmp_path / "anexo2.yml").read_text() == "de antes"


def test_the_schema_is_the_models_and_in_spanish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = furnish(tmp_path / "instituto", monkeypatch)
    done = difusor("form", "--schema", home=home)
    schema = json.loads(done.stdout)
    assert schema == Form.model_json_schema()
    assert schema["properties"]["enlace"]["title"] == "Propuesta de enlace (liga de acceso)"
    titles = [one.get("title") for part in (schema, *schema["$defs"].values()) for one in part["properties"].values()]
    assert {each.title for each in items()} <= set(titles)
    assert set(GOOD) == set(keys())
    assert not any("description" in part for part in (schema, *schema["$defs"].values())), "those are the code's"


def test_the_form_is_written_once_and_never_over_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = furnish(tmp_path / "instituto", monkeypatch)
    done = difusor("form", str(home), "--election", "ensayo", "--json", home=home)
    assert json.loads(done.stdout)["files"] == [str(home / "anexo2.xlsx"), str(home / "anexo2.yml")]
    assert "Simulacro: «uno» #1" in (home / "anexo2.yml").read_text()
    before = (home / "anexo2.xlsx").read_bytes()
    (home / "anexo2.yml").unlink()
    done = difusor("form", str(home), home=home)
    assert (done.returncode, "ya existe" in done.stderr) == (1, True)
    assert (home / "anexo2.xlsx").read_bytes() == before and not (home / "anexo2.yml").exists()


@pytest.mark.parametrize("path", sorted((ROOT / "elections").glob("*-20*.yml")), ids=lambda path: path.stem)
def test_the_form_goes_out_before_dates_and_signers_are_decided(path: Path, tmp_path: Path) -> None:
    done = difusor("form", str(tmp_path), "--election", str(path), home=tmp_path)
    assert done.returncode == 0, done.stderr
    title = openpyxl.load_workbook(tmp_path / "anexo2.xlsx").worksheets[0]["A1"].value
    assert "Proceso Electoral Local" in str(title)
