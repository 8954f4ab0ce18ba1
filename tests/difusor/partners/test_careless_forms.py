"""Forms as honest people fill them in: what is meant beyond doubt is taken, and nothing is taken for something else."""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from form_kit import GOOD, as_workbook, as_yaml, beside_logo
from inventory_kit import KEY
from PIL import Image

from difusor.inventory.picture import anew
from difusor.partners import logo
from difusor.partners.form.items import Received, Remark, fault, items, read
from difusor.partners.form.received import open_form
from difusor.project import UnusableError


def judged(key: str, text: str) -> tuple[str, list[Remark]]:
    """Return what is taken for an item of the correct form when its text is another, and what is wrong."""
    _, said, findings = read(Received({**GOOD, key: text}, {each.key: each.number for each in items()}))
    return said[key], findings


NO_BREAK, HYPHEN, MARK, ZERO = "\u00a0", "\u2011", "\ufeff", "\u200b"
TAKEN = [
    ("anexo_tecnico.ram_gb", "32GB", "32"), ("anexo_tecnico.ram_gb", "32 GB de memoria RAM", "32"),
    ("anexo_tecnico.ram_gb", "32.00", "32"), ("anexo_tecnico.ssd_gb", "1 TB", "1000"),
    ("anexo_tecnico.ssd_gb", "1,92 TB SSD", "1920"), ("anexo_tecnico.mbps", "1 Gbps", "1000"),
    ("anexo_tecnico.mbps", "200 Mb/s simétricos", "200"), ("anexo_tecnico.ghz", "2400 MHz", "2.4"),
    ("anexo_tecnico.ghz", "2.400 GHz", "2.4"), ("anexo_tecnico.nucleos", "8 núcleos físicos", "8"),
    ("anexo_tecnico.ghz", "2,400 MHz", "2.4"), ("anexo_tecnico.ghz", "2.400 MHz", "2.4"),
    ("anexo_tecnico.ghz", "2400.000 MHz", "2.4"), ("anexo_tecnico.ghz", "2400.5 MHz", "2.4005"),
    ("anexo_tecnico.nucleos", f"8{NO_BREAK}", "8"),
    ("anexo_tecnico.ipv6", "no aplica", ""), ("anexo_tecnico.ipv6", "N.A.", ""), ("anexo_tecnico.ipv6", "No tiene", ""),
    ("anexo_tecnico.ssh_servidor", "—", ""), ("anexo_tecnico.ssh_puerto", "No aplica.", "22"),
    ("ftp.usuario", "n.a.", "no aplica"), ("ftp.servidor", "No se usa", "no aplica"),
    ("anexo_tecnico.ssh_cuenta", f"{NO_BREAK}ubuntu ", "ubuntu"), ("anexo_tecnico.ssh_llave", f"{KEY}\n", KEY),
    ("tecnico.celular", "\u202a+52 777 123 4567\u202c", "+52 777 123 4567"),
    ("tecnico.celular", f"777{HYPHEN}123{HYPHEN}4567", "+52 777 123 4567"),
    ("nombre", f"{MARK}Diario\u202fde Ribelos{ZERO}", "Diario de Ribelos"),
    ("nombre", "Noticias \u2212 Ribelos", "Noticias - Ribelos"),
    ("tecnico.correo", "Ana Peña <sistemas@diario.mx>", "sistemas@diario.mx"),
    ("tecnico.correo", "mailto:sistemas@diario.mx", "sistemas@diario.mx"),
    ("software", "• Ubuntu 22.04;\r\n• nginx\n\n", "• Ubuntu 22.04; • nginx"),
    ("hardware", "RAM ≥ 32 GB_x000D_\nUPS ±5 %", "RAM ≥ 32 GB; UPS ±5 %"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "text", "taken"), TAKEN, ids=lambda text: ascii(text)[1:28])
def test_what_is_meant_beyond_doubt_is_taken(key: str, text: str, taken: str) -> None:
    assert judged(key, text) == (taken, [])
    assert fault(key, text) == ""


REFUSED = [
    ("anexo_tecnico.ram_gb", "32768 MB", "dice «MB»; escriba solo la cifra, en GB"),
    ("anexo_tecnico.ssd_gb", "480 MB", "dice «MB»"), ("anexo_tecnico.mbps", "200 Kbps", "dice «Kbps»"),
    ("anexo_tecnico.mbps", "100/100", "no es un número; escriba solo la cifra, en Mbps"),
    ("anexo_tecnico.ssd_gb", "1,000", "puede leerse de dos modos"), ("anexo_tecnico.mbps", "1.000", "de dos modos"),
    ("anexo_tecnico.ghz", "2400", "¿están en MHz?"), ("anexo_tecnico.nucleos", "16 hilos", "dice «hilos»"),
    ("anexo_tecnico.ipv6", "2806:2f0::7%eth0", "lleva una zona"),
    ("anexo_tecnico.ipv4", "189.240.001.007", "no es una dirección IPv4"),
    ("anexo_tecnico.ipv4", "189.240.1.7, 189.240.1.8", "no es una dirección IPv4"),
    ("anexo_tecnico.ssh_servidor", "189.240.1.7:22", "o un puerto"), ("ftp.servidor", "ftp://ftp.diario.mx", "«://»"),
    ("enlace", "www.diarioderibelos.com.mx/prep/index.html", "termina en un archivo; escriba solo la carpeta"),
    ("tecnico.correo", "Ana <a@diario.mx>, Luis <b@diario.mx>", "no es un correo"),
    ("tecnico.celular", "777 123 4567 y 777 123 4568", "uno solo"), ("tecnico.celular", "no aplica", "no es un tel"),
    ("nombre", "Diario de\nRibelos", "en un solo renglón"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "text", "words"), REFUSED, ids=lambda text: ascii(text)[1:28])
def test_what_could_mean_something_else_is_returned(key: str, text: str, words: str) -> None:
    (found,) = judged(key, text)[1]
    assert (found.key, words in found.sentence) == (key, True), found.sentence


@pytest.mark.parametrize(
    ("key", "line", "lost"),
    [
        ("nombre", "nombre: Diario #1 de Ribelos", "#1 de Ribelos"),
        ("tecnico.telefono", "  telefono: 777 362 4200 #12", "#12"),
        ("anexo_tecnico.ssh_puerto", "  ssh_puerto: #2222", "#2222"),
        ("nombre", "nombre: 'Diario #1 de Ribelos'  # así", ""),
        ("nombre", "nombre: Diario#1 de Ribelos", ""),
    ],
)
def test_what_a_file_in_yaml_would_lose_is_told(key: str, line: str, lost: str, tmp_path: Path) -> None:
    """Behind a space and # all is a comment: the outlet was enrolled, and listed, by the half of its name."""
    form = as_yaml(tmp_path)
    part, dot, name = key.rpartition(".")
    before, start, after = form.read_text(encoding="utf-8").partition(f"\n{part}:\n" if dot else "\n")
    named = re.compile(rf"(?m)^ *{name}:.*$") if dot else re.compile(rf"(?m)^{key}:.*$")
    form.write_text(before + start + named.sub(line, after, count=1), encoding="utf-8")
    found, _, findings = read(open_form(form))
    assert [(each.key, f"no se lee nada: «{lost}»; ponga" in each.sentence) for each in findings] == (
        [(key, True)] if lost else []
    )
    assert (found is None) is bool(lost)


# --------------------------------------------------------------------------------------------------------- workbooks
def numbers(write: Callable[[int], object]) -> Callable[[openpyxl.Workbook], None]:
    """Return a change of the numbers before the call's items."""

    def change(book: openpyxl.Workbook) -> None:
        for number in range(1, 20):
            book["ANEXO 2"].cell(number + 4, 1).value = write(number)

    return change


def test_what_stands_beside_a_value_is_told_and_not_shown(tmp_path: Path) -> None:
    """The rest of a name, or what corrects it, was passed over without a word; it may as well be a password."""

    def beside(book: openpyxl.Workbook) -> None:
        book["ANEXO 2"]["D5"], book["Anexo técnico"]["F7"] = "y su comarca", "hunter2"

    form, said, findings = read(open_form(as_workbook(tmp_path, more=beside)))
    assert form and said["nombre"] == GOOD["nombre"]
    assert [(each.weight, each.sentence) for each in findings] == [
        (
            "aviso",
            "tiene algo escrito a la derecha de los datos, que no se leyó: hoja ANEXO 2, celda D5; hoja Anexo técnico, "
            "celda F7",
        )
    ]


def renamed(book: openpyxl.Workbook) -> None:
    book["ANEXO 2"].title, book["Anexo técnico"].title = "Anexo 2 ", "ANEXO TECNICO"


def retyped(book: openpyxl.Workbook) -> None:
    book["ANEXO 2"]["B5"], book["ANEXO 2"]["B6"] = "NOMBRE DEL MEDIO DIFUSOR:", "Direccion  del sitio web del difusor"


UNTOUCHED: dict[str, Callable[[openpyxl.Workbook], None]] = {
    "numbers": numbers(int), "floats": numbers(float), "points": numbers("{}.".format),
    "decimals": numbers("{}.0".format),
    "names of sheets": renamed, "titles": retyped,
    "rows above": lambda book: book["ANEXO 2"].insert_rows(1, 3),
    "order of sheets": lambda book: book._sheets.reverse(),
    "hidden sheet": lambda book: setattr(book["Anexo técnico"], "sheet_state", "hidden"),
}  # fmt: skip


@pytest.mark.parametrize("change", UNTOUCHED.values(), ids=UNTOUCHED.keys())
def test_a_workbook_whose_data_nobody_moved_is_read(
    change: Callable[[openpyxl.Workbook], None], tmp_path: Path
) -> None:
    form, _, findings = read(open_form(as_workbook(tmp_path, more=change)))
    assert findings == [] and form


def test_a_column_that_was_inserted_is_told_once(tmp_path: Path) -> None:
    form = as_workbook(tmp_path, more=lambda book: book["ANEXO 2"].insert_cols(2))
    with pytest.raises(UnusableError, match=r"formato\.xlsx: la hoja «ANEXO 2» .*¿se insertó o quitó una columna\?"):
        open_form(form)


def test_a_sheet_that_was_copied_is_told_and_the_form_read(tmp_path: Path) -> None:
    found = read(open_form(as_workbook(tmp_path, more=lambda book: book.copy_worksheet(book["ANEXO 2"]))))[2]
    assert [each.weight for each in found] == ["aviso"] and "«ANEXO 2 Copy»" in found[0].sentence


NO_WORKBOOKS = {
    "csv": b'"1","Nombre del medio difusor","Diario"\n', "semicolons": "1;Dirección;x\n".encode("cp1252"),
    "tsv of Excel": "1\tDirección\tx\n".encode("utf-16"), "html": b"<html><table></table></html>",
    "xml of 2003": b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook/>', "gzip": b"\x1f\x8b\x08",
}  # fmt: skip


@pytest.mark.parametrize("content", NO_WORKBOOKS.values(), ids=NO_WORKBOOKS.keys())
@pytest.mark.parametrize("name", ["formato.xlsx", "FORMATO.XLS"])
def test_another_file_with_the_name_of_a_workbook_is_told(content: bytes, name: str, tmp_path: Path) -> None:
    with pytest.raises(UnusableError, match="no es un libro de Excel, aunque así se llame; ábralo con Excel o Calc"):
        open_form(beside_logo(tmp_path, name, content))


@pytest.mark.parametrize("name", ["LOGO-AÑO.png", unicodedata.normalize("NFD", "logo-año.png"), "logo-año.png"])
def test_a_logo_is_found_whichever_system_named_its_file(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"x")
    assert logo.attached(tmp_path, "logo-año.png") == b"x"
    for other in ("Logo-Año.png", "otro.png"):
        (tmp_path / other).write_bytes(b"y")
    if name != "logo-año.png":
        with pytest.raises(ValueError, match="no está junto al formato"):
            logo.attached(tmp_path, "logo-año.png")


def test_a_logo_in_greys_of_16_bits_keeps_its_greys() -> None:
    """All but the darkest became white, on the list and in the file: a white rectangle."""
    written = io.BytesIO()
    scanned = Image.new("I;16", (256, 64))
    scanned.putdata([grey * 257 for grey in range(256)] * 64)
    scanned.save(written, "PNG")
    with Image.open(io.BytesIO(anew(written.getvalue()))) as kept:
        greys = [kept.getpixel((place, 32)) for place in range(256)]
    assert all(abs(grey[0] - place) <= 1 and grey[3] == 255 for place, grey in enumerate(greys))
