"""Images of synthetic actas: what a scanner would make of the sheet, with invented numbers and a line that says so."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from functools import cache

from PIL import Image, ImageDraw, ImageFont

from difusor.project import UnusableError

FONT = "LiberationSans-Regular.ttf"
"""Of Debian's package fonts-liberation, which papers are printed with too; Pillow's own font has no accents."""
WIDTH = 720
"""Pixels."""
MARGIN, LINE, FIGURES = 48, 30, 560
"""Pixels: around the sheet, from one line of text to the next, and from the left edge to the numbers."""
INK, PAPER = 30, 250


def draw(heading: Iterable[str], rows: Sequence[tuple[str, str]]) -> bytes:
    """Return a PNG with the lines of the heading and, below them, one row for each name and its number.

    UnusableError when the font is not installed.
    """
    titles = list(heading)
    height = 2 * MARGIN + LINE * (len(titles) + len(rows) + 1)
    sheet = Image.new("L", (WIDTH, height), PAPER)
    pen, letter = ImageDraw.Draw(sheet), font(20)
    pen.rectangle((MARGIN // 2, MARGIN // 2, WIDTH - MARGIN // 2, height - MARGIN // 2), outline=INK, width=2)
    for place, text in enumerate(titles):
        pen.text((MARGIN, MARGIN + LINE * place), text, INK, letter)
    for place, (name, figure) in enumerate(rows, len(titles) + 1):
        at = MARGIN + LINE * place
        pen.line((MARGIN, at - 4, WIDTH - MARGIN, at - 4), fill=PAPER - 60)
        pen.text((MARGIN, at), name, INK, letter)
        pen.text((FIGURES, at), figure, INK, letter)
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """Return the letter with which pictures are written, of so many pixels; UnusableError when it is not installed."""
    try:
        return ImageFont.truetype(FONT, size)
    except OSError:
        raise UnusableError(f"falta la letra {FONT}: instale el paquete fonts-liberation") from None
