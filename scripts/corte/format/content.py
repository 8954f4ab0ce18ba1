"""Plausibility checks on a corte's tables, in the format that INE publishes; nothing in them is ever altered.

A table is a CSV file, alone or in a zip: title, instant of the corte, names of totals, totals, names of columns, one
row for each acta (tally sheet). Files of any other form are ignored.
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
from itertools import chain
from pathlib import Path
from typing import IO, Any, BinaryIO

from corte.format.errors import why

_MIB = 1024 * 1024
MAX_TABLE_BYTES = 256 * _MIB
MAX_READ_BYTES = 1024 * _MIB
"""Limit for all files of a corte together that are read: its tables, once they are unpacked, and its JSON files."""
MAX_LINE_BYTES = 64 * 1024
MAX_ROWS = 500_000
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
_CORTE = re.compile(r"(\d{4})/(\d{2})/(\d{2}) (\d{2}):(\d{2}) \(UTC([+-]\d{1,2})\)")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}")
_DAY_FIRST = re.compile(r"(\d{1,2})-(\d{1,2})-(\d{4}) (\d{1,2}):(\d{2})")
_INTEGRITY = re.compile(r"[0-9a-fA-F]{64}|[0-9a-fA-F]{32}|-?")
"""A code of integrity, SHA-256 or MD5; empty or a dash where there is no acta."""
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+")
_NOTHING = ("", "-", "N/A")
"""What stands in a cell where there is no acta."""
_COUNTS = ("actascapturadas", "actascontabilizadas", "capturadas", "contabilizadas")
"""Names of the counts that are zero before any acta is captured, as letters alone: tables and JSON write them apart."""
_TOP_LINES = 8
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


class Unreadable(ValueError):
    """A file cannot be read as a table or JSON; the message is the end of a Spanish sentence."""


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
                key = _NAME_STAMP.sub("", table_path)
                if mark in alone:
                    captured[key] = alone[mark]
                    continue
                table = _Table(table_path, _lines(raw, budget.take(mark[0])))
                if table.totals:
                    alone[mark] = captured[key] = table.total("ACTAS_CAPTURADAS")
                    warnings += table.warnings(corte)
                    unchecked += table.unchecked
                    rows += table.rows
                else:
                    unchecked.append(f"{table.name}: no tiene los totales de una tabla (ACTAS_CAPTURADAS).")
        except _UNREADABLE as error:
            warnings.append(f"{path}: no se puede leer ({_why(error)}).")
    return Content(captured, _bounded(warnings), _bounded(unchecked), rows)


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
    acta, there may be no image of one, and at least one file must give the count.
    """
    budget, counts = _Budget(), 0
    for path in sorted(paths):
        if path.lower().startswith(IMAGES):
            return f"lleva imágenes de actas ({path})"
        try:
            if path.lower().endswith(".json"):
                found = list(_counts(json.loads(_whole(folder / path, budget))))
            elif path.lower().endswith(_TABLES):
                found = [count for name, mark, raw in _tables(folder, path)
                         for count in _Table(name, _lines(raw, budget.take(mark[0]))).counts()]  # fmt: skip
            else:
                continue
        except (*_UNREADABLE, RecursionError) as error:
            return f"{path} no se puede leer ({_why(error)})"
        if not all(map(_is_zero, found)):
            return f"{path} lleva actas capturadas"
        counts += len(found)
    return "" if counts else "ningún archivo dice que sean cero"


def _counts(document: Any) -> Iterator[Any]:
    """Yield every count of captured or counted actas in a JSON document, and the length of every list with actas."""
    pending = [document]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            for key, inner in value.items():
                name = "".join(filter(str.isalpha, key)).lower()
                if name in _COUNTS:
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


def _lines(raw: IO[bytes], size: int) -> Iterator[str]:
    """Yield the lines of a table; ValueError at an overlong line, or once they exceed `size` bytes together.

    They are decoded as Latin-1, which never fails: all that is compared here is ASCII.
    """
    while line := raw.readline(MAX_LINE_BYTES + 1):
        size -= len(line)
        if len(line) > MAX_LINE_BYTES or size < 0:
            raise Unreadable("un renglón es demasiado largo, o el archivo mide más de lo que dice")
        yield line.decode("latin-1")


class _Table:
    """The totals and column names at the top of a table, and checks on its rows."""

    def __init__(self, path: str, text: Iterator[str]) -> None:
        """Read as far as the names of the columns."""
        self.name = path.rpartition("/")[2]
        top = [next(text, "").rstrip("\r\n") for _ in range(_TOP_LINES)]
        separator = "|" if any(line.count("|") > line.count(",") for line in top) else ","
        lines = [next(csv.reader([line], delimiter=separator), []) for line in top]
        start = next((row for row, line in enumerate(lines) if "ACTAS_CAPTURADAS" in line), None)
        self.totals: dict[str, str] = {}
        self.columns: list[str] = []
        self.unchecked: list[str] = []
        self.rows = 0
        if start is None:
            return
        self.totals = {name: lines[start + 1][at] for at, name in enumerate(lines[start])}
        stamps = [found for line in lines[:start] for cell in line if (found := _CORTE.fullmatch(cell))]
        self.stamp = stamps[0] if stamps else None
        header = next((row for row in range(start + 2, len(lines)) if any(lines[row])), None)
        if header is not None:
            self.columns = lines[header]
            pending = [line for line in lines[header + 1 :] if line]
            self._rows = filter(None, chain(pending, csv.reader(text, delimiter=separator)))

    def total(self, name: str, otherwise: int | None = None) -> int:
        """Return the total of this name, with or without commas between thousands; ValueError when it is no number.

        `otherwise` is returned when there is no such total; LookupError without it.
        """
        if name not in self.totals and otherwise is not None:
            return otherwise
        text = self.totals[name]
        return int(text.replace(",", "") if _THOUSANDS.fullmatch(text) else text)

    def counts(self) -> Iterator[str]:
        """Yield the totals of captured and counted actas, and "1" for each row of a captured acta."""
        for name, total in self.totals.items():
            if "".join(filter(str.isalpha, name)).lower() in _COUNTS:
                yield total
        hashes, times = self._marks()
        for row in self._rows if self.columns else ():
            cells = dict(enumerate(row))
            if any(_is_code(cells.get(at, "")) for at in hashes) or any(
                _INSTANT.fullmatch(_minute(cells.get(at, ""))) for at in times
            ):
                yield "1"

    def warnings(self, corte: datetime) -> Iterator[str]:
        """Yield a Spanish sentence for everything in the table that does not add up."""
        if self.total("ACTAS_CAPTURADAS") > self.total("ACTAS_ESPERADAS", 0):
            yield f"{self.name}: hay más actas capturadas que esperadas."
        latest = ""
        if self.stamp is not None:
            *digits, offset = self.stamp.groups()
            local = corte + timedelta(hours=int(offset))
            latest = f"{local:%Y-%m-%d %H:%M}"
            if tuple(digits) != tuple(f"{local:%Y %m %d %H %M}".split()):
                yield f"{self.name}: su encabezado no es de la hora del corte."
        else:
            self.unchecked.append(
                f"{self.name}: su encabezado no dice la hora del corte, como 2024/06/02 20:10 (UTC-6)."
            )
        if self.columns:
            yield from self._row_warnings(latest)

    def _marks(self) -> tuple[list[int], list[int]]:
        """Return the positions of the columns with an acta's code of integrity and with its instants."""
        hashes = [at for at, name in enumerate(self.columns) if name in ("SHA", "CODIGO_INTEGRIDAD")]
        return hashes, [at for at, name in enumerate(self.columns) if name.startswith("FECHA_HORA_")]

    def _row_warnings(self, latest: str) -> Iterator[str]:
        hashes, times = self._marks()
        rows, malformed, later, unread = 0, 0, 0, 0
        for row in self._rows:
            rows += 1
            if rows > MAX_ROWS:
                raise Unreadable(f"tiene más de {MAX_ROWS} renglones")
            if len(row) != len(self.columns):
                malformed += 1
                continue
            malformed += any(not _INTEGRITY.fullmatch(row[at]) for at in hashes)
            minutes = [_minute(row[at]) for at in times]
            if "" in minutes:
                unread += any(row[at] not in _NOTHING and not _minute(row[at]) for at in times)
            later += bool(latest) and any(minute > latest and bool(_INSTANT.fullmatch(minute)) for minute in minutes)
        self.rows = rows
        if unread:
            self.unchecked.append(f"{self.name}: {unread} actas llevan una hora que no se sabe leer.")
        if rows != self.total("ACTAS_REGISTRADAS", rows):
            yield f"{self.name}: tiene {rows} renglones y dice {self.totals['ACTAS_REGISTRADAS']} actas registradas."
        if malformed:
            yield f"{self.name}: {malformed} renglones están incompletos o llevan un código de integridad mal formado."
        if later:
            yield f"{self.name}: {later} actas llevan una hora posterior al corte."


def _stamp(path: str) -> re.Match[str] | None:
    return _NAME_STAMP.match(path, path.rfind("/") + 1)


def _minute(cell: str) -> str:
    """Return the minute in a cell with an instant, as 2024-06-02 20:10, also when days are first; else empty.

    What begins as if years were first comes as it is, because a table has tens of thousands of them; see _INSTANT.
    """
    minute = cell[:16].replace("/", "-")
    if minute[4:5] == "-":
        return minute
    found = _DAY_FIRST.match(minute)
    return f"{found[3]}-{int(found[2]):02}-{int(found[1]):02} {int(found[4]):02}:{found[5]}" if found else ""


def _is_code(cell: str) -> bool:
    return len(cell) > 1 and _INTEGRITY.fullmatch(cell) is not None


def _misnamed(path: str, stamp: tuple[str, ...], corte: datetime) -> list[str]:
    """Return a warning when the time in a file's name is not the corte's.

    The name gives local time without an offset, so only the minute, and that the hour is plausible, can be checked.
    """
    named = datetime.strptime("".join(stamp), "%Y%m%d%H%M").replace(tzinfo=corte.tzinfo)
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
