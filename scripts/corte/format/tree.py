"""Compares a folder on disk with a manifest: it must hold exactly the listed files, and only regular files."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from corte.format import paths
from corte.format.files import open_regular
from corte.format.manifest import NAME, SIGNATURE_NAME, Entry, Manifest
from corte.format.refusal import Refusal, quote

_CHUNK = 1024 * 1024


def compare(folder: int, manifest: Manifest) -> None:
    """Refuse a folder (given as a descriptor) with a file too many, missing, not regular or of another size.

    It stops at the first such file, so a million unwanted files cost no more time than one.
    """
    folders = manifest.folders
    missing = set(manifest.files)
    for path, info in _walk(folder, "", folders):
        entry = manifest.files.get(path)
        if entry is None:
            if path in (NAME, SIGNATURE_NAME):
                continue
            raise Refusal("extra", f"Sobra {quote(path)}: no está en el manifiesto.")
        if not stat.S_ISREG(info.st_mode):
            raise Refusal("kind", f"{quote(path)} no es un archivo regular.")
        if info.st_size != entry.size:
            raise Refusal("size", f"{quote(path)} mide {info.st_size} bytes y debe medir {entry.size}.")
        missing.discard(path)
    if missing:
        raise Refusal("missing", f"Falta el archivo {quote(min(missing))}.")


def verify(folder: Path, manifest: Manifest, write: Callable[[str, bytes], object] | None = None) -> None:
    """Refuse a folder that is not exactly what the manifest says; the content of every file is checked too.

    `write` gets a file's path with every chunk of it, and with an empty one after the last.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        compare(descriptor, manifest)
        for path, entry in manifest.files.items():
            read_verified(descriptor, path, entry, partial(write, path) if write else None)
            if write:
                write(path, b"")
    finally:
        os.close(descriptor)


def describe(folder: Path) -> dict[str, Entry]:
    """Return path -> Entry of every file below a folder; Refusal for a link, a device or an unusable name."""
    entries = {}
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for path, info in _walk(descriptor, "", None):
            if path in (NAME, SIGNATURE_NAME):
                continue
            if not stat.S_ISREG(info.st_mode):
                raise Refusal("kind", f"{quote(path)} no es un archivo regular.")
            entries[path] = _entry(descriptor, path)
    finally:
        os.close(descriptor)
    paths.check_all(entries)
    return entries


def read_verified(folder: int | None, path: str, entry: Entry, write: Callable[[bytes], object] | None = None) -> None:
    """Read a file once, handing every chunk to `write`; Refusal unless size and SHA-256 are those of the manifest.

    `folder` is a descriptor; below it no link is followed. Without it only `path` itself may be no link.
    """
    found = hashlib.sha256()
    left = entry.size
    descriptor = open_regular(path, folder)
    try:
        while chunk := os.read(descriptor, min(left + 1, _CHUNK)):
            left -= len(chunk)
            if left < 0:
                break
            found.update(chunk)
            if write is not None:
                write(chunk)
    finally:
        os.close(descriptor)
    if left != 0:
        raise Refusal("size", f"{quote(path)} no mide los {entry.size} bytes que dice el manifiesto.")
    if found.hexdigest() != entry.sha256:
        raise Refusal("digest", f"{quote(path)} no tiene el contenido que se firmó.")


def _entry(folder: int, path: str) -> Entry:
    found, size = hashlib.sha256(), 0
    with os.fdopen(open_regular(path, folder), "rb", buffering=0) as source:
        while chunk := source.read(_CHUNK):
            found.update(chunk)
            size += len(chunk)
    return Entry(size, found.hexdigest())


def _walk(folder: int, prefix: str, folders: set[str] | None) -> Iterator[tuple[str, os.stat_result]]:
    """Yield (path, lstat) of everything but folders.

    Refusal at a folder that is not in `folders`; with None, every folder with a permitted path is entered.
    """
    with os.scandir(folder) as found:
        for item in found:
            path = prefix + item.name
            if not item.is_dir(follow_symlinks=False):
                yield path, item.stat(follow_symlinks=False)
                continue
            if folders is not None and path not in folders:
                raise Refusal("extra", f"Sobra la carpeta {quote(path)}: no está en el manifiesto.")
            if folders is None:
                paths.check(path)
            below = os.open(item.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            try:
                yield from _walk(below, path + "/", folders)
            finally:
                os.close(below)
