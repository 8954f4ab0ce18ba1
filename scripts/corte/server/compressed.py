"""Compressed copies of a corte's text files, made once here so that the web server need not do it at every request."""

from __future__ import annotations

import hashlib
import os
import shutil
import zlib
from gzip import GzipFile

from corte.format import paths, tree
from corte.format.manifest import Entry
from corte.format.refusal import Refusal

SUFFIX = ".gz"
_LEAST_BYTES = 512
"""Below this size (bytes) compressing an answer does not save a network packet."""
_LEVEL = 6
_CHUNK = 256 * 1024


def pays(path: str, size: int) -> bool:
    """Tell whether a file of this name and size (bytes) is worth a compressed copy."""
    return size >= _LEAST_BYTES and path.endswith(paths.TEXTS)


def date_of(sha256: str) -> int:
    """Return a modification time (seconds, 1 to 2^30) computed from a file's SHA-256, the same on every mirror.

    Web servers build a file's ETag, with which a browser asks whether its copy is still valid, from this time and the
    size. With the time of copying, a file replaced by another of its size could keep its ETag, and browsers would keep
    showing old votes.
    """
    return 1 + int(sha256[:16], 16) % 2**30


def write(source: str, target: str) -> None:
    """Write `source` compressed to the new file `target`, read-only, with a time that `date_of` computes for it."""
    with open(source, "rb") as plain, open(target, "x+b") as raw:
        # No name and no time in the gzip header: the same content gives the same bytes on every mirror.
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
    """Tell whether a compressed copy below `folder` (a descriptor) has this content; a missing copy counts as valid."""
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


def is_whole(folder: int, path: str, entry: Entry) -> bool:
    """Tell whether a file and its compressed copy still have the content that was verified.

    `folder` is the descriptor of a kept tree, in which only this program writes: the path is taken as the web server
    takes it, in one step.
    """
    try:
        tree.read_verified(None, f"/proc/self/fd/{folder}/{path}", entry)
        return not pays(path, entry.size) or holds(path + SUFFIX, entry.sha256, folder)
    except (Refusal, OSError):
        return False
