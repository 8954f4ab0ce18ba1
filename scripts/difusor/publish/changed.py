"""Says what became of a corte's folder since it was signed, or what it lacks, and how it is signed again."""

from __future__ import annotations

import os
import shlex
from contextlib import suppress
from pathlib import Path

from corte.format import files, instants, manifest, tree
from corte.format.manifest import NAME, SIGNATURE_NAME, Manifest
from corte.format.refusal import OtherVersion, Refusal, quote
from difusor.project import UnusableError
from difusor.publish import signing

MOST = 5
"""How many of the files that changed are named; the others are only counted."""
_ROLES = {NAME: "la lista de sus archivos", SIGNATURE_NAME: "la firma"}


def again(folder: Path) -> str:
    """Return how a folder is signed, to be typed."""
    return f"./difusor sign {shlex.quote(str(folder))} --election ELECCIÓN --key LLAVE"


def unsigned(folder: Path) -> str:
    """Return as a Spanish clause which of the two files of a signature a folder lacks."""
    lacking = [name for name in (NAME, SIGNATURE_NAME) if not (folder / name).is_file()]
    if len(lacking) == 2:
        return f"a {folder} le faltan {NAME} y {SIGNATURE_NAME}"
    (gone,) = lacking
    there = NAME if gone == SIGNATURE_NAME else SIGNATURE_NAME
    blocked = ", que ahí no es un archivo" if os.path.lexists(folder / gone) else ""
    return (
        f"{folder} tiene {there} y le falta {gone}, {_ROLES[gone]}{blocked}: se interrumpió la firma, o la carpeta "
        "no se copió entera"
    )


def is_half_signed(folder: Path) -> bool:
    """Tell whether a folder has one of the two files of a signature."""
    return (folder / NAME).is_file() != (folder / SIGNATURE_NAME).is_file()


def explained(folder: Path, refusal: Refusal) -> Refusal:
    """Return the refusal of a signed folder with what happened to it and what to do.

    It stays as it is where the folder is not to blame: this machine failed, or another version of the project signed.
    """
    if refusal.code == "system" or isinstance(refusal, OtherVersion):
        return refusal
    return Refusal(refusal.code, f"{_told(folder, refusal)}: {again(folder)}")


def stale(folder: Path, refusal: Refusal) -> str:
    """Return what changed in a folder since it was signed as this same corte; "" where it has become another corte."""
    with suppress(UnusableError):
        if signing.has_signed(folder, *signing.identity(folder)):
            return _what(folder, refusal)
    return ""


def _told(folder: Path, refusal: Refusal) -> str:
    try:
        document = _listed(folder)
    except Refusal:
        return f"{_what(folder, refusal)}. Si se copió, cópielo otra vez entero; si no, fírmelo de nuevo"
    with suppress(UnusableError):
        sequence, corte = signing.identity(folder)
        is_same = (sequence, corte) == (document.sequence, document.corte)
        if not is_same and _difference(folder / signing.IDENTITY, signing.IDENTITY, document):
            return (
                f"{folder} tiene ya el corte {sequence}, de las {instants.write(corte)}, y lo que se firmó ahí es el "
                f"{document.sequence}: fírmelo"
            )
    return f"{_what(folder, refusal)}. Compruebe que su contenido sea el debido, y fírmelo otra vez"


def _what(folder: Path, refusal: Refusal) -> str:
    """Return as a Spanish clause, without its full stop, what is wrong with a folder that has both files."""
    said = str(refusal).rstrip(".")
    said = said[:1].lower() + said[1:]
    try:
        document = _listed(folder)
    except Refusal:
        return f"{folder / NAME} está dañado o no está completo ({said})"
    if refusal.code == "signature":
        return f"{folder / SIGNATURE_NAME} no es la firma de {NAME}; uno de los dos cambió o es de otro corte ({said})"
    changed = _changed(folder, document)
    if not changed:
        return f"la carpeta {folder} cambió después de firmarse: {said}"
    others = len(changed) - MOST
    more = f"; y {others:,} más" if others > 0 else ""
    return f"la carpeta {folder} cambió después de firmarse: {'; '.join(changed[:MOST])}{more}"


def _listed(folder: Path) -> Manifest:
    return manifest.read(files.read_capped(str(folder / NAME), manifest.MAX_BYTES))


def _changed(folder: Path, document: Manifest) -> list[str]:
    """Return as clauses which files of a folder are no more as they were signed, in the order of their paths.

    Of the files that have their size only those are read that were written after the list: images are gigabytes.
    """
    since, found = (folder / NAME).stat().st_mtime_ns, {}
    left = set(document.files)
    for above, _, names in os.walk(folder):
        for name in names:
            path = Path(above, name)
            here = str(path.relative_to(folder))
            left.discard(here)
            if here not in (NAME, SIGNATURE_NAME) and (why := _difference(path, here, document, since)):
                found[here] = f"{quote(here)} {why}"
    found |= {path: f"falta {quote(path)}" for path in left}
    return [found[path] for path in sorted(found)]


def _difference(path: Path, here: str, document: Manifest, since: int = 0) -> str:
    if (entry := document.files.get(here)) is None:
        return "sobra"
    try:
        info = path.lstat()
        if info.st_size != entry.size:
            return f"mide {info.st_size:,} bytes y se firmó con {entry.size:,}"
        if info.st_mtime_ns >= since:
            tree.read_verified(None, str(path), entry)
    except Refusal as refusal:
        return "tiene otro contenido" if refusal.code in ("digest", "size") else "no es un archivo que se pueda leer"
    except OSError:
        return "no se puede leer"
    return ""
