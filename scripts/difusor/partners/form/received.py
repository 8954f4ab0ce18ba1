"""Opens a form that arrived by e-mail, as a workbook or as YAML; no value is trusted, and a password is dropped."""

from __future__ import annotations

from pathlib import Path

from corte.format.files import read_capped
from corte.format.refusal import Refusal
from difusor.partners.form import from_workbook, from_yaml
from difusor.partners.form.items import SECRET, Received
from difusor.partners.form.values import NONE, NOT_APPLICABLE
from difusor.project import UnusableError

LARGEST = 2 << 20  # bytes; an empty workbook has 16 thousand
KINDS = {
    b"\xd0\xcf\x11\xe0": "es un .xls antiguo, o un libro con contraseña; ábralo y guárdelo como .xlsx, sin contraseña",
    b"%PDF": "es un PDF y de él no se leen los datos; pida el formato .xlsx o .yml",
    b"\x89PNG": "es una imagen; pida el formato .xlsx o .yml",
    b"\xff\xd8\xff": "es una imagen; pida el formato .xlsx o .yml",
    b"{\\rtf": "es un documento de texto; pida el formato .xlsx o .yml",
}
"""What people send instead of the form, by how such files begin."""


def open_form(path: Path) -> Received:
    """Return what a form says; UnusableError when the file as a whole cannot be used."""
    try:
        content = read_capped(str(path), LARGEST)
    except Refusal as refused:
        raise UnusableError(f"{refused} Pida el formato otra vez; nada se creó") from None
    wrong = next((said for beginning, said in KINDS.items() if content.startswith(beginning)), "")
    if not content.strip():
        wrong = "está vacío; pida el formato otra vez"
    workbook = content.startswith(b"PK")
    if not (wrong or workbook) and path.suffix.lower().startswith((".xls", ".ods", ".csv")):
        wrong = "no es un libro de Excel, aunque así se llame; ábralo con Excel o Calc y guárdelo como .xlsx"
    if wrong:
        raise UnusableError(f"{path.name} {wrong}. Nada se creó")
    try:
        found = from_workbook.read(content) if workbook else from_yaml.read(content)
    except ValueError as error:
        raise UnusableError(f"{path.name}: {error}. Nada se creó") from None
    return _without_password(found)


def _without_password(found: Received) -> Received:
    """Return what was received without the password of FTP, at the first moment at which that is possible."""
    if NONE.fullmatch(found.values.get(SECRET, "")):
        return Received({**found.values, SECRET: NOT_APPLICABLE}, found.places, found.findings)
    told = found.finding(
        SECRET,
        "llegó una contraseña; se descartó y no se guardó en ningún lado. Borre el correo con que llegó: quien lo "
        "envió debe cambiarla y escribir «no aplica»",
        "aviso",
    )
    others = [each for each in found.findings if each.key != SECRET]
    return Received({**found.values, SECRET: NOT_APPLICABLE}, found.places, [*others, told], password=True)
