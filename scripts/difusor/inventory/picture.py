"""A logo: decoded from PNG and written anew, so that nothing of the received bytes is published."""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING

from corte.format import files
from corte.format.errors import why
from difusor.project import home_or_project

if TYPE_CHECKING:
    from PIL import Image

SMALLEST_SIDE, LONGEST_SIDE = 64, 4096  # pixels, as received
SHOWN_SIDE = 1024
"""Pixels of the longest side of what is kept of an outlet's logo; the official list shows it smaller."""
INSTITUTE_SIDE, INSTITUTE_COLORS = 160, 64
"""Pixels of the longest side of the institute's logo, and its colours: every visitor of the page loads it."""


@cache
def of_the_institute(name: str) -> bytes:
    """Return the institute's logo, `elections/<name>` of the home or the project; b"" for no name.

    ValueError, a Spanish sentence without full stop, when it cannot be used.
    """
    if not name:
        return b""
    path = home_or_project(f"elections/{name}")
    try:
        return anew(files.small(path), INSTITUTE_SIDE, INSTITUTE_COLORS)
    except OSError as error:
        raise ValueError(f"no se puede leer {path} ({why(error)}); guarde ahí el logotipo, como PNG") from None


def anew(received: bytes, side: int = SHOWN_SIDE, colors: int = 0, smallest: bool = True) -> bytes:
    """Return the picture as a PNG of our own making, its sides no longer than `side` pixels.

    `colors`: how many it may have; 0 for all. Without `smallest` it takes half the time, and a few bytes more.
    ValueError, a sentence without full stop, when it cannot be.
    """
    from PIL import Image

    if not received.startswith(b"\x89PNG\r\n\x1a\n"):
        raise ValueError("el logotipo no es un PNG; guárdelo como PNG con un editor de imágenes")
    Image.MAX_IMAGE_PIXELS = LONGEST_SIDE * LONGEST_SIDE
    try:
        with Image.open(io.BytesIO(received), formats=["PNG"]) as picture:
            _judge_size(*picture.size)
            picture.verify()  # other libraries have Pillow load what is cut short
        with Image.open(io.BytesIO(received), formats=["PNG"]) as picture:
            pixels = _of_8_bits(picture).convert("RGBA")
    except (OSError, SyntaxError, EOFError, ValueError, IndexError, Image.DecompressionBombError) as error:
        if type(error) is ValueError and str(error).startswith("el logotipo"):
            raise
        raise ValueError("el logotipo está dañado; ábralo y guárdelo otra vez como PNG") from None
    pixels.thumbnail((side, side))
    clean = Image.new("RGBA", pixels.size)  # a picture that has pixels, and nothing that came with them
    clean.paste(pixels)
    written = io.BytesIO()
    if colors:
        clean = clean.quantize(colors, method=Image.Quantize.FASTOCTREE)
    clean.save(written, format="PNG", optimize=smallest)
    return written.getvalue()


def _of_8_bits(picture: Image.Image) -> Image.Image:
    """Return a picture in greys of 16 bits in those of 8: else all of them but the darkest become white."""
    return picture.convert("I").point(lambda grey: grey * (1 / 257)).convert("L") if "I" in picture.mode else picture


def _judge_size(width: int, height: int) -> None:
    if max(width, height) > LONGEST_SIDE:
        raise ValueError(f"el logotipo mide {width}x{height} pixeles; que no pase de {LONGEST_SIDE} por lado")
    if min(width, height) < SMALLEST_SIDE:
        raise ValueError(f"el logotipo mide {width}x{height} pixeles; que tenga {SMALLEST_SIDE} o más por lado")
