"""Takes an outlet's logo from the folder of its form."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from corte.format.files import read_capped
from corte.format.refusal import Refusal

LARGEST = 4 << 20  # bytes


def attached(folder: Path, name: str) -> bytes:
    """Return the logo of this name in a folder; ValueError, a Spanish sentence without full stop, when there is none.

    The form may have said the name: only a regular file of the folder is opened, and no link is followed.
    """
    here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return read_capped(_there(os.listdir(here), name), LARGEST, dir_fd=here)
    except Refusal as refused:
        if refused.code == "size":
            raise ValueError(f"«{name}» mide más de {LARGEST >> 20} MB; pida uno menor") from None
        raise ValueError(
            f"«{name}» no está junto al formato; guarde ahí el adjunto con ese nombre, o dé --logo ARCHIVO"
        ) from None
    finally:
        os.close(here)


def _there(names: Sequence[str], name: str) -> str:
    """Return how a file is called: macOS writes an accent as a character of its own, and Windows ignores capitals."""
    alike = [each for each in names if _folded(each) == _folded(name)]
    return alike[0] if name not in names and len(alike) == 1 else name


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
