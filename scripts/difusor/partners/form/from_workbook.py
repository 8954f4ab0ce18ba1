"""Reads a form in a workbook: first the archive is judged, then only the cells of values are read, as texts."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from difusor.partners.form.items import SECRET, Item, Received, Remark, items
from difusor.partners.form.values import plain_words
from difusor.partners.form.workbook import ANNEX, CALL, HELP, NUMBER, TITLE, VALUE

if TYPE_CHECKING:
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

MOST_PARTS = 120
LARGEST_XML, LARGEST = 3 << 20, 16 << 20
"""How many bytes the workbook may have unpacked, as XML and as a whole; it has 60 thousand when it is empty."""
LAST_ROW, LAST_COLUMN = 120, 26
LONGEST = 4000
REFUSED = {
    r"vbaproject|/macrosheets/|/activex/|/ctrlprops/": "lleva macros o controles",
    r"/embeddings/|oleobject": "lleva otros archivos incrustados",
    r"/externallinks/": "lleva vínculos a otros libros",
    r"connections\.xml|/querytables/|/webextensions/|/model/": "lleva conexiones a datos de fuera",
}
"""Parts that a form never has, by their names in the archive."""
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError)


def read(content: bytes) -> Received:
    """Return what the form says; ValueError, whose text is a Spanish sentence without full stop, when it is none."""
    _judge(content)
    from defusedxml import DefusedXmlException
    from openpyxl import load_workbook

    try:
        # Read only: pictures, notes, links and styles of cells are not even looked at.
        book = load_workbook(io.BytesIO(content), read_only=True, keep_links=False, data_only=False)
        sheets = {name: book[there] for name in (CALL, ANNEX) if (there := _sheet(name, book.sheetnames))}
        rows = {name: list(_rows(sheet)) for name, sheet in sheets.items()}
    except DefusedXmlException:
        raise ValueError("declara entidades de XML; pida el formato otra vez, guardado con Excel o Calc") from None
    except (*BROKEN, ArithmeticError, AttributeError, LookupError, SyntaxError, TypeError, ValueError):
        raise ValueError("no es un libro de Excel que se pueda leer; ábralo, guárdelo como .xlsx y repita") from None
    if missing := [f"«{name}»" for name in (CALL, ANNEX) if name not in sheets]:
        raise ValueError(f"no tiene la hoja {' ni '.join(missing)}; use el formato que escribe ./difusor form")
    _refuse_displaced(rows)
    found = _collected(rows)
    if more := [name for name in book.sheetnames if name not in (*(each.title for each in sheets.values()), HELP)]:
        told = f"tiene otras hojas, que no se leyeron: {', '.join(f'«{name[:40]}»' for name in more[:5])}"
        found.findings.append(Remark("formato", "formato", told, "aviso"))
    if beside := _beside(rows):
        told = f"tiene algo escrito a la derecha de los datos, que no se leyó: {'; '.join(beside[:5])}"
        found.findings.append(Remark("formato", "formato", told, "aviso"))
    return found


def _beside(rows: dict[str, list[tuple[int, dict[int, Any]]]]) -> list[str]:
    """Return where somebody wrote beside the values: the rest of one, or what was meant to correct it."""
    return [
        f"hoja {sheet}, celda {cell.coordinate}"
        for sheet, lines in rows.items()
        for _, cells in lines
        for column, cell in cells.items()
        if column > VALUE and str(cell.value).strip()
    ]


def _sheet(name: str, there: list[str]) -> str:
    """Return the sheet of this name among those there, or the one that is called so but for case, accents and signs."""
    if name in there:
        return name
    return next((each for each in there if plain_words(each) == plain_words(name)), "")


def _judge(content: bytes) -> None:
    """Raise ValueError when the archive is too large, broken, or has what a form never has."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        parts = archive.infolist()
        if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > LARGEST:
            raise ValueError("se expande a demasiado; ningún formato mide tanto. No lo abra y avise a quien lo envió")
        if len({part.filename for part in parts}) < len(parts):
            raise ValueError("tiene partes repetidas; ábralo, guárdelo como .xlsx y repita")
        _judge_names([part.filename for part in parts])
        read = 0
        for part in parts:
            if part.filename.lower().endswith((".xml", ".rels", ".vml")):
                read += part.file_size
                if read > LARGEST_XML:
                    raise ValueError("se expande a demasiado; ningún formato mide tanto. No lo abra")
                _judge_xml(part.filename, archive.read(part))
    except BROKEN:
        raise ValueError("está dañado, incompleto o cifrado; ábralo, guárdelo como .xlsx y repita") from None


def _judge_names(names: list[str]) -> None:
    for name in names:
        plain = name.replace("\\", "/")
        if plain.startswith("/") or ".." in plain.split("/"):
            raise ValueError("sus partes tienen rutas que salen de él; no lo abra y avise a quien lo envió")
        for pattern, told in REFUSED.items():
            if re.search(pattern, f"/{plain}".lower()):
                raise ValueError(f"{told}; pida el formato guardado como .xlsx, solo con los datos")
    if "xl/workbook.xml" not in names:
        raise ValueError("no es un libro de Excel; pida el formato .xlsx o .yml")


def _judge_xml(name: str, text: bytes) -> None:
    """Refuse what an XML parser would act on, and links that lead out of the workbook, but for those of hypertext.

    Excel makes of every address that is typed a link of that kind; nothing here follows one.
    """
    if b"\0" in text[:4] or re.search(rb"<!\s*(DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise ValueError("declara entidades de XML; pida el formato otra vez, guardado con Excel o Calc")
    if b"macroEnabled" in text and name == "[Content_Types].xml":
        raise ValueError("lleva macros o controles; pida el formato guardado como .xlsx, solo con los datos")
    if name.lower().endswith(".rels"):
        for link in re.findall(rb"<[^<>]*TargetMode\s*=\s*[\"']External[\"'][^<>]*>", text, re.IGNORECASE):
            if b"relationships/hyperlink" not in link:
                raise ValueError("lleva vínculos a otros archivos; pida el formato guardado sin ellos")


def _rows(sheet: ReadOnlyWorksheet) -> Iterator[tuple[int, dict[int, Any]]]:
    """Yield (row, its cells by column), of the rows that a form has and the columns in which people write."""
    sheet.reset_dimensions()  # what the sheet says of its size may be wrong, or enormous
    for number, row in enumerate(sheet.iter_rows(max_row=LAST_ROW, max_col=LAST_COLUMN), 1):
        yield number, {cell.column: cell for cell in row if cell.value is not None}


def _collected(rows: dict[str, list[tuple[int, dict[int, Any]]]]) -> Received:
    values: dict[str, str] = {}
    places: dict[str, str] = {}
    findings: list[Remark] = []
    for item in items():
        sheet = ANNEX if item.of_the_annex else CALL
        found = [(number, cells) for number, cells in rows[sheet] if _is_number(cells.get(NUMBER), item)]
        number, cells = found[0] if found else (0, {})
        places[item.key] = _place(item, sheet, number)
        if len(found) != 1 or not _is_title(cells.get(TITLE), item):
            findings.append(Remark(item.key, places[item.key], _displaced(len(found))))
            continue
        try:
            values[item.key] = _value(cells.get(VALUE))
        except ValueError as error:
            values[item.key] = "?"
            if item.key != SECRET:
                findings.append(Remark(item.key, places[item.key], str(error)))
    return Received(values, places, findings)


def _place(item: Item, sheet: str, row: int) -> str:
    cell = f"celda C{row}" if row else "sin su renglón"
    return f"hoja {sheet}, {cell} ({item.number}. {item.title})"


def _refuse_displaced(rows: dict[str, list[tuple[int, dict[int, Any]]]]) -> None:
    """Raise ValueError when no item of a sheet is where it belongs: one sentence, instead of one for each item."""
    for sheet in (CALL, ANNEX):
        own = [item for item in items() if item.of_the_annex == (sheet == ANNEX)]
        if not any(
            _is_number(cells.get(NUMBER), item) and _is_title(cells.get(TITLE), item)
            for _, cells in rows[sheet]
            for item in own
        ):
            raise ValueError(
                f"la hoja «{sheet}» no tiene el número en la columna A, el dato en la B y lo escrito en la C; ¿se "
                "insertó o quitó una columna? Copie los datos a un formato nuevo (./difusor form)"
            )


def _displaced(found: int) -> str:
    where = "su renglón está dos veces" if found > 1 else "su renglón cambió o ya no está"
    return f"{where}; copie los datos a un formato nuevo (./difusor form)"


def _says(cell: Any) -> list[str]:
    return plain_words(str(cell.value)) if cell is not None else []


def _is_number(cell: Any, item: Item) -> bool:
    """Tell whether a cell has an item's number, as text or as a spreadsheet writes numbers: 7, 7.0 and 7."""
    return _says(cell) in ([item.number.lower()], [item.number.lower(), "0"])


def _is_title(cell: Any, item: Item) -> bool:
    words = plain_words(item.title)
    return _says(cell)[: len(words)] == words


def _value(cell: Any) -> str:
    """Return the text of a cell; ValueError when it is anything that is not typed by hand, or no text."""
    if cell is None:
        return ""
    if cell.data_type == "f" or type(cell.value).__name__ in ("ArrayFormula", "DataTableFormula"):
        raise ValueError("lleva una fórmula; escriba el valor")
    if cell.data_type == "e" or isinstance(cell.value, bool):
        raise ValueError("lleva un error o un valor lógico de Excel; escriba el dato como texto")
    if not isinstance(cell.value, str | int | float):
        raise ValueError("Excel lo tomó por una fecha; escriba un apóstrofo (') antes del dato")
    number = cell.value
    text = f"{number:.0f}" if isinstance(number, float) and number.is_integer() and abs(number) < 1e15 else str(number)
    if len(text) > LONGEST:
        raise ValueError("es demasiado largo; resúmalo")
    return text
