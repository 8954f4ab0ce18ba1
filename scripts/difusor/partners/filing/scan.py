"""A scan as it arrives: what it is by its content, and whether it can be opened later; it is kept as it came."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from corte.format.files import read_capped
from corte.format.refusal import Refusal
from difusor.project import UnusableError

LARGEST = 20 << 20  # bytes
LARGEST_PICTURE = 120_000_000  # pixels: a page of A3 at 800 points an inch
TAIL = 2048
"""Within how many bytes of its end a PDF or a PNG says that it ends."""
INCOMPLETE = "{} está incompleto: le falta el final; pídalo otra vez"
Kind = Literal["pdf", "png", "jpeg"]
PICTURES: dict[bytes, Kind] = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg"}
"""How a picture starts, and what it is then."""


@dataclass(frozen=True)
class Scan:
    """A scan that can be filed."""

    content: bytes
    kind: Kind

    @property
    def sha256(self) -> str:
        """The SHA-256 of its bytes, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


def read(path: Path) -> Scan:
    """Return the scan in a file; UnusableError says why it cannot be filed."""
    try:
        content = read_capped(str(path), LARGEST)
    except Refusal as refused:
        if refused.code == "size":
            raise UnusableError(
                f"{path} mide más de {LARGEST >> 20} MB; digitalícelo en escala de grises o a 200 puntos por pulgada"
            ) from None
        raise UnusableError(
            f"{path} no es un archivo que se pueda leer; dé el archivo mismo, y no un vínculo"
        ) from None
    if content.startswith(b"%PDF-"):
        _judge_pdf(path, content)
        return Scan(content, "pdf")
    for start, kind in PICTURES.items():
        if content.startswith(start):
            _judge_picture(path, content, kind)
            return Scan(content, kind)
    raise UnusableError(f"{path} no es PDF, PNG ni JPEG, diga lo que diga su nombre; digitalícelo otra vez")


def _judge_pdf(path: Path, content: bytes) -> None:
    if b"%%EOF" not in content[-TAIL:] or b"startxref" not in content[-TAIL:]:
        raise UnusableError(INCOMPLETE.format(path))
    if b"/Pages" not in content and b"/ObjStm" not in content:  # a compressed stream may hold the tree of pages
        raise UnusableError(f"{path} es un PDF sin páginas; digitalícelo otra vez")
    if b"/Encrypt" in content:
        raise UnusableError(f"{path} está protegido con contraseña; pídalo sin protección")


def _judge_picture(path: Path, content: bytes, kind: Kind) -> None:
    from PIL import Image

    if not (b"IEND" in content[-TAIL:] if kind == "png" else _jpeg_ends(content)):
        raise UnusableError(INCOMPLETE.format(path))
    Image.MAX_IMAGE_PIXELS = LARGEST_PICTURE
    try:
        with warnings.catch_warnings(action="error", category=Image.DecompressionBombWarning):
            with Image.open(io.BytesIO(content), formats=[kind.upper()]) as picture:
                picture.verify()  # the check sums of a PNG; the picture has to be opened again then
            with Image.open(io.BytesIO(content), formats=[kind.upper()]) as picture:
                picture.load()
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise UnusableError(f"{path} tiene demasiados pixeles; digitalícelo a 200 puntos por pulgada") from None
    except (OSError, SyntaxError, ValueError):
        raise UnusableError(f"{path} está dañado y no se puede abrir; pídalo otra vez") from None


def _jpeg_ends(content: bytes) -> bool:
    """Tell whether a JPEG has its end, behind which a telephone may have put a film of the same moment.

    Pillow finds most of what is cut off, but not what a download that broke off has filled with zeros.
    """
    at = 2
    while content[at : at + 1] == b"\xff" and content[at + 1 : at + 2] != b"\xda":  # up to the pixels
        is_fill = content[at + 1 : at + 2] == b"\xff"
        at += 1 if is_fill else 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return b"\xff\xd9" in content[at:]
