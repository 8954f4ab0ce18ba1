"""Plausibility checks on a corte's tables, in the format that INE publishes; nothing in them is ever altered.

A table is a CSV file, alone or in a zip: title, instant of the corte, names of totals, totals, names of columns, one
row for each acta (tally sheet); `table` reads it. Files of any other form are ignored.
"""

from __future__ import annotations

import csv
import json
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any, BinaryIO

from corte.format import instants
from corte.format.errors import why
from corte.format.table import CODE, COUNTS, Table, Unreadable, letters, lines

_MIB = 1024 * 1024
MAX_TABLE_BYTES = 256 * _MIB
MAX_READ_BYTES = 1024 * _MIB
"""Limit for all files of a corte together that are read: its tables, once they are unpacked, and its JSON files."""
MAX_TABLES = 1000
MAX_PACKED_BYTES = 512 * _MIB
"""Largest zip that is opened, because Python reads its whole list of names into memory."""
MAX_JSON_BYTES = 4 * _MIB
"""Largest JSON file that is read before the opening; that of a corte without actas has only their names.

There may be any number of them: a corte has one for each polling station, or section, and small ones cost little.
"""
IMAGES = "actas/"
"""The folder of a corte that holds images of captured actas."""
MAX_WARNINGS = 20
MAX_WARNING = 200
_TABLES = (".csv", ".zip")
_NAME_STAMP = re.compile(r"(\d{4})(\d{2})(\d{2})_(\d{2})(\d{2})_")
_CHUNK = 1024 * 1024
_UNREADABLE = (
    ValueError, LookupError, ArithmeticError, RuntimeError, EOFError, OSError, MemoryError,
    csv.Error, zipfile.BadZipFile, zlib.error, lzma.LZMAError,
)  # fmt: skip
_WHY: tuple[tuple[type[Exception], str], ...] = (
    # The first that fits: some of these are kinds of later ones.
    (UnicodeError, "no está en UTF-8"),
    (json.JSONDecodeError, "no es JSON"),
    (zipfile.BadZipFile, "no es un zip, o está dañado"),
    (zlib.error, "lo comprimido está dañado"),
    (lzma.LZMAError, "lo comprimido está dañado"),
    (EOFError, "está incompleto"),
    (NotImplementedError, "el zip usa un método que no se admite"),
    (RecursionError, "tiene demasiados niveles"),
    (RuntimeError, "el zip está cifrado"),
    (MemoryError, "es demasiado grande"),
)


@dataclass(frozen=True)
class Content:
    """What the tables say, and what is to be said of them.

    `captured`: number of actas captured, by the table's path without times, which is below a zip's path as below a
    folder's; `warnings`: Spanish sentences on what does not add up; `unchecked`: on what cannot be compared, because it
    has a form that is not known here; `rows`: of all tables, zips apart.
    """

    captured: dict[str, int]
    warnings: list[str]
    unchecked: list[str]
    rows: int


def read(folder: Path, paths: Iterable[str], corte: datetime) -> Content:
    """Read the tables among `paths`, files below `folder`; what is wrong with their content becomes a warning.

    `corte` is the instant that the manifest gives, with which file names and tables must agree.
    """
    captured: dict[str, int] = {}
    warnings: list[str] = []
    unchecked: list[str] = []
    rows = 0
    alone: dict[tuple[int, int], int] = {}  # read already; the zip holds the same tables again
    budget = _Budget()
    told = [path for path in paths if path[-4:].lower() in _TABLES or ("_" in path and _stamp(path))]  # of 200,000
    for path in sorted(told, key=lambda path: (path.endswith(".zip"), path)):
        try:
            if named := _stamp(path):
                warnings += _misnamed(path, named.groups(), corte)
            if not path.lower().endswith(_TABLES):
                continue
            for table_path, mark, raw in _tables(folder, path):
                key = unstamped(table_path)
                if mark in alone:
                    captured[key] = alone[mark]
                    continue
                table = Table(table_path, lines(raw, budget.take(mark[0])))
                if table.totals:
                    alone[mark] = captured[key] = table.captured
                    warnings += table.warnings(corte)
                    unchecked += table.unchecked
                    rows += table.rows
                else:
                    unchecked.append(f"{table.name}: no tiene los totales de una tabla (ACTAS_CAPTURADAS).")
        except _UNREADABLE as error:
            warnings.append(f"{path}: no se puede leer ({_why(error)}).")
    return Content(captured, _bounded(warnings), _bounded(unchecked), rows)


def unstamped(path: str) -> str:
    """Return the path of a table without the times in it, by which its count is known from corte to corte."""
    return _NAME_STAMP.sub("", path)


def _bounded(sentences: list[str]) -> list[str]:
    return [sentence[:MAX_WARNING] for sentence in sentences[:MAX_WARNINGS]]


def _why(error: Exception) -> str:
    """Return in Spanish why a file cannot be read."""
    if isinstance(error, Unreadable):
        return str(error)
    if isinstance(error, OSError):
        return why(error)
    return next((said for kind, said in _WHY if isinstance(error, kind)), "no tiene la forma de una tabla")


def captures(folder: Path, paths: Iterable[str]) -> str:
    """Return why a corte may hold captured actas, as a Spanish clause; "" if its files show that it holds none.

    Every table and JSON file is read: no count of captured actas may be other than zero, no row may be of a captured
    acta, there may be no image of one, and at least one file must give the count. A table whose totals are not known
    may hold no code of integrity, because nothing else would show what it has.
    """
    budget, counts = _Budget(), 0
    for path in sorted(paths):
        if path.lower().startswith(IMAGES):
            return f"lleva imágenes de actas ({path})"
        try:
            for count in _found(folder, path, budget):
                if not _is_zero(count):
                    what = "códigos como los de integridad de las actas" if count == CODE else "actas capturadas"
                    return f"{path} lleva {what}"
                counts += 1
        except (*_UNREADABLE, RecursionError) as error:
            return f"{path} no se puede leer ({_why(error)})"
    return "" if counts else "ningún archivo dice que sean cero"


def _found(folder: Path, path: str, budget: _Budget) -> Iterator[Any]:
    """Yield what a table or JSON file counts of captured actas; nothing for a file of another kind."""
    if path.lower().endswith(".json"):
        yield from _counts(json.loads(_whole(folder / path, budget)))
    elif path.lower().endswith(_TABLES):
        for name, mark, raw in _tables(folder, path):
            yield from Table(name, lines(raw, budget.take(mark[0]))).captures()


def _counts(document: Any) -> Iterator[Any]:
    """Yield every count of captured or counted actas in a JSON document, and the length of every list with actas."""
    pending = [document]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            for key, inner in value.items():
                name = letters(key)
                if name in COUNTS:
                    yield from inner if isinstance(inner, list) else (inner,)
                elif name == "actas" and isinstance(inner, list) and inner:
                    yield len(inner)
            pending += value.values()
        elif isinstance(value, list):
            pending += value


def _is_zero(value: Any) -> bool:
    """Tell whether a count, as a JSON value or as text, is zero."""
    try:
        return not isinstance(value, bool) and float(value) == 0
    except (ValueError, TypeError, OverflowError):
        return False


def _whole(path: Path, budget: _Budget) -> bytes:
    size = path.stat().st_size
    if size > MAX_JSON_BYTES:
        raise Unreadable(f"mide más de {MAX_JSON_BYTES // _MIB} MiB")
    budget.read(size)
    return path.read_bytes()


class _Budget:
    """How many bytes and tables of one corte may still be read; a huge one signed by mistake must not stop a server."""

    def __init__(self) -> None:
        """Begin with the whole allowance."""
        self.bytes, self.tables = MAX_READ_BYTES, MAX_TABLES

    def take(self, size: int) -> int:
        """Count one more table and return its size (bytes); ValueError names the limit that it exceeds."""
        self.tables -= 1
        if self.tables < 0:
            raise Unreadable(f"el corte tiene demasiadas tablas: se leen {MAX_TABLES}")
        if size > MAX_TABLE_BYTES:
            raise Unreadable(f"la tabla mide más de {MAX_TABLE_BYTES // _MIB} MiB")
        self.read(size)
        return size

    def read(self, size: int) -> None:
        """Count the bytes of one more file; ValueError when all together are too many."""
        self.bytes -= size
        if self.bytes < 0:
            raise Unreadable(f"lo que se lee de las tablas y los JSON del corte pasa de {MAX_READ_BYTES // _MIB} MiB")


def _stamp(path: str) -> re.Match[str] | None:
    return _NAME_STAMP.match(path, path.rfind("/") + 1)


def _misnamed(path: str, stamp: tuple[str, ...], corte: datetime) -> list[str]:
    """Return a warning when the time in a file's name is not the corte's.

    The name gives local time without an offset, so only the minute, and that the hour is plausible, can be checked.
    """
    named = instants.of_digits("".join(stamp)).replace(tzinfo=corte.tzinfo)
    off = named - corte.replace(second=0, microsecond=0)
    whole_hours = off % timedelta(hours=1) == timedelta(0)
    return [] if whole_hours and abs(off) <= timedelta(hours=14) else [f"{path}: su nombre no es de la hora del corte."]


def _tables(folder: Path, path: str) -> Iterator[tuple[str, tuple[int, int], IO[bytes]]]:
    """Yield (path, (size, CRC-32), open file) of a CSV file, or of each CSV file in a zip, as if that were a folder."""
    size = (folder / path).stat().st_size
    if path.lower().endswith(".csv"):
        with (folder / path).open("rb") as raw:
            mark = (size, _crc32(raw))
            raw.seek(0)
            yield path, mark, raw
    else:
        if size > MAX_PACKED_BYTES:
            raise Unreadable(f"mide más de {MAX_PACKED_BYTES // _MIB} MiB")
        with zipfile.ZipFile(folder / path) as packed:
            for member in packed.infolist():
                if member.filename.lower().endswith(".csv"):
                    with packed.open(member) as inner:
                        yield f"{path}/{member.filename}", (member.file_size, member.CRC), inner


def _crc32(source: BinaryIO) -> int:
    found = 0
    while chunk := source.read(_CHUNK):
        found = zlib.crc32(chunk, found)
    return found
