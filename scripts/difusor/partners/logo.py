"""Takes an outlet's logo from the folder of its form."""

from __future__ import annotations

import os
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
        return read_capped(name, LARGEST, dir_fd=here)
    except Refusal as refused:
        if refused.code == "size":
            raise ValueError(f"«{name}» mide más de {LARGEST >> 20} MB; pida uno menor") from None
        raise ValueError(
            f"«{name}» no está junto al formato; guarde ahí el adjunto con ese nombre, o dé --logo ARCHIVO"
        ) from None
    finally:
        os.close(here)
