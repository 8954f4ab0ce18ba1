"""What outlets send: their form, as a workbook or as YAML, beside a logo; and papers that were signed and scanned."""

from __future__ import annotations

import io
import zlib
from collections.abc import Mapping
from pathlib import Path

from PIL import Image, ImageDraw

from difusor.partners.form import plain, workbook
from difusor.partners.form.items import items
from difusor.synthetic.image import font

LOGO, SCAN = (480, 200), (850, 1100)  # pixels
COLORS = ("#0b4f6c", "#7a2e0e", "#3a5a40", "#5b2a86", "#8a1c3b", "#22577a", "#6b4f1d")


def write_form(path: Path, values: Mapping[str, str], title: str) -> None:
    """Write a form with these values, by their items' keys; `title`: the election that it names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    filled = _workbook(values, title) if path.suffix == ".xlsx" else plain.write(title, values).encode()
    path.write_bytes(filled)


def _workbook(values: Mapping[str, str], title: str) -> bytes:
    """Return the workbook that goes out, with the yellow cells filled as an outlet does."""
    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(workbook.write(title)))
    keys = {each.number: each.key for each in items()}
    for sheet in (book[workbook.CALL], book[workbook.ANNEX]):
        for row in range(workbook.FIRST_ROW, sheet.max_row + 1):
            key = keys[str(sheet.cell(row, workbook.NUMBER).value)]
            sheet.cell(row, workbook.VALUE, values.get(key))
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def write_logo(path: Path, name: str) -> None:
    """Write a logo: the outlet's name in white on a colour, which the name has always."""
    picture = Image.new("RGB", LOGO, COLORS[zlib.crc32(name.encode()) % len(COLORS)])
    text = "\n".join(name.split())
    letter = font(52 if text.count("\n") < 2 else 44)
    center = (LOGO[0] / 2, LOGO[1] / 2)
    ImageDraw.Draw(picture).multiline_text(center, text, "white", letter, anchor="mm", align="center", spacing=10)
    picture.save(path, "PNG")


def write_scan(path: Path, *lines: str) -> None:
    """Write the picture of a sheet with these lines, as a scanner would leave it."""
    picture = Image.new("L", SCAN, 245)
    pen = ImageDraw.Draw(picture)
    pen.text((70, 60), "DOCUMENTO INVENTADO, DE DEMOSTRACIÓN", 60, font(26))
    pen.multiline_text((70, 160), "\n\n".join(lines), 60, font(24))
    pen.line([(70, 900), (380, 900)], 60, 2)
    pen.text((70, 915), "Firma autógrafa inventada", 60, font(20))
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, "PNG")
