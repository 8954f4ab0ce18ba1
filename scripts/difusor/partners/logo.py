"""Takes an outlet's logo: decoded from PNG and written anew, so that nothing of the received bytes is published."""

from __future__ import annotations

import io
import os
from pathlib import Path

from corte.format.files import read_capped
from corte.format.refusal import Refusal

LARGEST = 4 << 20  # bytes
SMALLEST_SIDE, LONGEST_SIDE = 64, 4096  # pixels, as received
SHOWN_SIDE = 1024
"""Pixels of the longest side of what is kept; the official list shows it smaller."""


def attached(folder: Path, name: str) -> bytes:
    """Return the logo of this name in a folder; ValueError, a Spanish sentence without full stop, when there is none.

    The form may have said the name: only a regular file of the folder is opened, and no link is followed.
    """
    here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return read_capped(name, LARGEST, dir_fd=here)
    except Refusal as refused:
        if refused.code == "size":
            raise ValueError(f"«{name}» mide más de {LARGEST >> 20} MB; pida uno menor") from None
        raise ValueError(
            f"«{name}» no está junto al formato; guarde ahí el adjunto con ese nombre, o dé --logo ARCHIVO"
        ) from None
    finally:
        os.close(here)


def anew(received: bytes) -> bytes:
    """Return the picture as a PNG of our own making; ValueError, a sentence without full stop, when it cannot be."""
    from PIL import Image

    if not received.startswith(b"\x89PNG\r\n\x1a\n"):
        raise ValueError("el logotipo no es un PNG; guárdelo como PNG con un editor de imágenes")
    Image.MAX_IMAGE_PIXELS = LONGEST_SIDE * LONGEST_SIDE
    try:
        with Image.open(io.BytesIO(received), formats=["PNG"]) as picture:
            _judge_size(*picture.size)
            picture.load()
            pixels = picture.convert("RGBA")
    except (OSError, SyntaxError, EOFError, ValueError, Image.DecompressionBombError) as error:
        if type(error) is ValueError and str(error).startswith("el logotipo"):
            raise
        raise ValueError("el logotipo está dañado; ábralo y guárdelo otra vez como PNG") from None
    pixels.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    clean = Image.new("RGBA", pixels.size)  # a picture that has pixels, and nothing that came with them
    clean.paste(pixels)
    written = io.BytesIO()
    clean.save(written, format="PNG", optimize=True)
    return written.getvalue()


def _judge_size(width: int, height: int) -> None:
    if max(width, height) > LONGEST_SIDE:
        raise ValueError(f"el logotipo mide {width}x{height} pixeles; que no pase de {LONGEST_SIDE} por lado")
    if min(width, height) < SMALLEST_SIDE:
        raise ValueError(f"el logotipo mide {width}x{height} pixeles; que tenga {SMALLEST_SIDE} o más por lado")
