"""Compressed copies of a corte's texts, made once here instead of at every request by whoever serves them."""

from __future__ import annotations

import hashlib
import os
import shutil
import zlib
from gzip import GzipFile

from corte.format import paths

SUFFIX = ".gz"
_LEAST_BYTES = 512
"""Below this a compressed answer saves no packet."""
_LEVEL = 6
_CHUNK = 256 * 1024


def pays(path: str, size: int) -> bool:
    """Tell whether a file of this name and size (bytes) is worth a compressed copy."""
    return size >= _LEAST_BYTES and path.endswith(paths.TEXTS)


def date_of(sha256: str) -> int:
    """Return a modification time (seconds, 1 to 2^30) that follows from a file's content.

    Web servers make a file's validator, by which a browser asks whether its copy still holds, of this time and the
    size. The time of the copying would let two files of one size that change places keep their validators, and a
    browser its old votes.
    """
    return 1 + int(sha256[:16], 16) % 2**30


def write(source: str, target: str) -> None:
    """Write `source` compressed to the new file `target`, read-only and dated by its own bytes."""
    with open(source, "rb") as plain, open(target, "x+b") as raw:
        # Neither name nor time in it: the same content gives the same bytes on every mirror.
        with GzipFile("", "wb", _LEVEL, raw, mtime=0) as packed:
            shutil.copyfileobj(plain, packed, _CHUNK)
        raw.flush()
        raw.seek(0)
        found = hashlib.sha256()
        while chunk := raw.read(_CHUNK):
            found.update(chunk)
        dated = date_of(found.hexdigest())
        os.fchmod(raw.fileno(), 0o444)
        os.utime(raw.fileno(), (dated, dated))


def holds(path: str, sha256: str, folder: int) -> bool:
    """Tell whether a compressed copy below `folder` (a descriptor) is of this content; one that is not there is."""
    found = hashlib.sha256()
    try:
        with open(os.open(path, os.O_RDONLY, dir_fd=folder), "rb") as raw, GzipFile(fileobj=raw) as packed:
            while chunk := packed.read(_CHUNK):
                found.update(chunk)
    except FileNotFoundError:
        return True
    except (OSError, EOFError, zlib.error):
        return False
    return found.hexdigest() == sha256
