"""One table of a corte: its totals, the names of its columns, and what does not add up in its rows.

Institutes write them in several ways: separated by commas, semicolons, tabs or bars, with a mark (BOM) before the first
letter, names in lower case. What is known here by its name is known by the letters of the name alone.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import IO

MAX_LINE_BYTES = 64 * 1024
MAX_ROWS = 500_000
COUNTS = ("actascapturadas", "actascontabilizadas", "capturadas", "contabilizadas")
"""Names of the counts that are zero before any acta is captured, as letters alone: tables and JSON write them apart."""
CODE = "código"
"""What `Table.captures` yields for a code of integrity in a table that has no totals."""
_CAPTURED, _EXPECTED, _REGISTERED = "actascapturadas", "actasesperadas", "actasregistradas"
_EXACT = "ACTAS_CAPTURADAS"
_CODES = ("sha", "codigointegridad")
_TIMES = "fechahora"
_BOM = "\xef\xbb\xbf"
"""The mark of UTF-8, as Latin-1."""
_SEPARATORS = (",", "|", ";", "\t")
_TOP_LINES = 24
"""Among how many lines totals and columns are looked for; INE's tables have them in the first six."""
_CORTE = re.compile(r"(\d{4})/(\d{2})/(\d{2}) (\d{2}):(\d{2}) \(UTC([+-]\d{1,2})\)", re.IGNORECASE)
_TIME = re.compile(
    r"(?:(\d{4})([-/])(\d{1,2})\2(\d{1,2})|(\d{1,2})([-/])(\d{1,2})\6(\d{4}))[ T](\d{1,2}):(\d\d)(?::\d\d(?:\.\d+)?)?"
    r"[^0-9a-z]*(?:([ap])[^0-9a-z]*m|h(?:rs|oras)?)?[^0-9a-z]*",
    re.IGNORECASE,
)
"""A local instant: years or days first, of 24 or of 12 hours; one that gives its difference with UTC is none."""
_LONGEST_TIME = 40
_HEX = r"[0-9a-fA-F]{64}|[0-9a-fA-F]{32}"
_CODE, _INTEGRITY = re.compile(_HEX), re.compile(f"{_HEX}|-?")
"""A code of integrity, SHA-256 or MD5; empty or a dash where there is no acta."""
_NUMBER = re.compile(r"\d+|\d{1,3}(?:,\d{3})+")
_ANY = re.compile(r"[1-9]")
_NOTHING = ("", "-", "N/A")
"""What stands in a cell where there is no acta."""


class Unreadable(ValueError):
    """A file cannot be read as a table or JSON; the message is the end of a Spanish sentence."""


def lines(raw: IO[bytes], size: int) -> Iterator[str]:
    """Yield the lines of a table; ValueError at an overlong line, or once they exceed `size` bytes together.

    They are decoded as Latin-1, which never fails: all that is compared here is ASCII. UTF-16 has a NUL in each.
    """
    while line := raw.readline(MAX_LINE_BYTES + 1):
        size -= len(line)
        if len(line) > MAX_LINE_BYTES or size < 0:
            raise Unreadable("un renglón es demasiado largo, o el archivo mide más de lo que dice")
        if b"\0" in line:
            raise Unreadable("no está en UTF-8")
        yield line.decode("latin-1")


def letters(name: str) -> str:
    """Return the letters of a name alone, in lower case."""
    return "".join(filter(str.isalpha, name)).lower()


class Table:
    """The totals and column names at the top of a table, and checks on its rows."""

    def __init__(self, path: str, text: Iterator[str]) -> None:
        """Read as far as the names of the columns. `totals` are by the letters of their names; none in another form."""
        self.name = path.rpartition("/")[2]
        self.totals: dict[str, str] = {}
        self.columns: list[str] = []
        self.unchecked: list[str] = []
        self.rows = 0
        self.stamp: re.Match[str] | None = None
        self._counts: list[str] = []
        top = list(islice(text, _TOP_LINES))
        if top and top[0].startswith(_BOM):
            top[0] = top[0][len(_BOM) :]
        self._separator = _separator(top)
        rows = [[cell.strip() for cell in next(self._split([line]), [])] for line in top]
        start = next((at for at in range(len(rows)) if _has_totals(rows, at)), None)
        header = 0
        if start is None:
            self._counted = _counted(rows, 1)
        else:
            self._take_totals(rows[start], rows[start + 1])
            stamps = [found for row in rows[:start] for cell in row if (found := _CORTE.fullmatch(cell))]
            self.stamp = stamps[0] if stamps else None
            header = next((at for at in range(start + 2, len(rows)) if any(rows[at])), len(rows))
            self.columns = rows[header] if header < len(rows) else []
            self._counted = _counted(rows[start : header + 1], 2)
            header += 1
        self._rows = filter(None, self._split(chain(top[header:], text)))

    def _split(self, text: Iterable[str]) -> Iterator[list[str]]:
        return csv.reader(text, delimiter=self._separator, skipinitialspace=True)

    def _take_totals(self, names: list[str], totals: list[str]) -> None:
        for at, name in enumerate(map(letters, names)):
            self.totals.setdefault(name, totals[at])
            self._counts += [totals[at]] if name in COUNTS else []

    @property
    def captured(self) -> int:
        """How many actas its totals say are captured; ValueError when that is no number."""
        return self._total(_CAPTURED)

    def _total(self, name: str) -> int:
        """Return a total that there is, with or without commas between thousands; ValueError when it is no number."""
        text = self.totals[name]
        return int(text.replace(",", "") if _NUMBER.fullmatch(text) else text)

    def captures(self) -> Iterator[str]:
        """Yield the totals of captured and counted actas, and what in the rows is of a captured acta: "1" or CODE."""
        yield from self._counts
        code = "1" if self.totals else CODE
        _, times = self._marks()
        yield from self._above_zero(self.columns)
        for row in self._rows:
            cells = dict(enumerate(row))
            if any(map(_is_code, row)):
                yield code
            if any(_ANY.search(cells.get(at, "")) for at in times):
                yield "1"
            yield from self._above_zero(row)

    def _above_zero(self, row: list[str]) -> Iterator[str]:
        return (row[at] for at in self._counted if _is_number(row, at) and _ANY.search(row[at]))

    def warnings(self, corte: datetime) -> Iterator[str]:
        """Yield a Spanish sentence for everything in the table that does not add up."""
        if _EXPECTED in self.totals and self.captured > self._total(_EXPECTED):
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
        else:
            self.unchecked.append(f"{self.name}: no tiene nombres de columnas; no se comparan horas ni códigos.")

    def _marks(self) -> tuple[list[int], list[int]]:
        """Return the positions of the columns with an acta's code of integrity and with its instants."""
        names = [*map(letters, self.columns)]
        hashes = [at for at, name in enumerate(names) if name in _CODES]
        return hashes, [at for at, name in enumerate(names) if name.startswith(_TIMES)]

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
            later += bool(latest) and max(minutes, default="") > latest
        self.rows = rows
        if not times:
            self.unchecked.append(f"{self.name}: no tiene columnas de hora (FECHA_HORA_…).")
        if not hashes:
            self.unchecked.append(f"{self.name}: no tiene columna de código (CODIGO_INTEGRIDAD o SHA).")
        if unread:
            self.unchecked.append(f"{self.name}: {unread} actas llevan una hora que no se sabe leer.")
        if _REGISTERED in self.totals and rows != self._total(_REGISTERED):
            yield f"{self.name}: tiene {rows} renglones y dice {self.totals[_REGISTERED]} actas registradas."
        if malformed:
            yield f"{self.name}: {malformed} renglones están incompletos o llevan un código de integridad mal formado."
        if later:
            yield f"{self.name}: {later} actas llevan una hora posterior al corte."


def _separator(top: list[str]) -> str:
    """Return what separates the cells: of the line that names the totals, else of all that has been read."""
    for line in top:
        found = max(_SEPARATORS, key=line.count)
        if _CAPTURED in letters(line) and line.count(found) and _CAPTURED in map(letters, line.split(found)):
            return found
    return max(_SEPARATORS, key=lambda each: max((line.count(each) for line in top), default=0))


def _has_totals(rows: list[list[str]], at: int) -> bool:
    """Tell whether this row names the totals.

    Written in another way they are below a title, and only one number is below the name: a list by municipality, whose
    first row would be taken for totals, begins with names like these.
    """
    if _EXACT in rows[at]:
        return True
    places = [place for place, name in enumerate(rows[at]) if letters(name) == _CAPTURED] if at else []
    below = [row for row in rows[at + 1 :] if any(row)] if places else []
    numbers = [[_is_number(row, place) for row in below[:2]] for place in places]
    return any(each[:1] == [True] and each[1:] != [True] for each in numbers)


def _counted(rows: list[list[str]], below: int) -> list[int]:
    """Return the columns of a summary, which has a row for each municipality, that count captured or counted actas.

    A number is in the first row that says anything, `below` lines below the name or more.
    """
    named = [(row, at) for row, cells in enumerate(rows) if len(cells) > 1
             for at, name in enumerate(cells) if letters(name) in COUNTS]  # fmt: skip
    return [at for row, at in named if _is_number(next(filter(any, rows[row + below :]), []), at)]


def _is_number(row: list[str], at: int) -> bool:
    return at < len(row) and _NUMBER.fullmatch(row[at].strip()) is not None


def _minute(cell: str) -> str:
    """Return the minute in a cell with a local instant, as 2024-06-02 20:10; empty when it is not known how to read it.

    A table has tens of thousands of them, most with years first, which are told from others by their signs alone.
    """
    if len(cell) == 19 and cell[4] == cell[7] and cell[10] == " " and cell[13] == cell[16] == ":" and cell[4] in "-/":
        return cell[:16].replace("/", "-")
    if len(cell) > _LONGEST_TIME or not (found := _TIME.fullmatch(cell)):
        return ""
    first, _, month, day, last_day, _, last_month, last, hour, minute, half = found.groups()
    hours, months = int(hour), int(month or last_month)
    if months > 12 or (half and not 1 <= hours <= 12):
        return ""
    if half:
        hours = hours % 12 + (12 if half in "pP" else 0)
    return f"{first or last}-{months:02}-{int(day or last_day):02} {hours:02}:{minute}"


def _is_code(cell: str) -> bool:
    return len(cell) > 31 and _CODE.fullmatch(cell.strip()) is not None
