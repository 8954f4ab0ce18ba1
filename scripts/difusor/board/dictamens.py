"""The dictámenes of all difusores of an election: measured at the same time, and an index of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from corte.format import instants
from corte.format.errors import why
from difusor.board import night, rows
from difusor.inventory import Election, load_election
from difusor.partners import election as files
from difusor.project import UnusableError
from difusor.report.index import Index, Row, again, worst_first, write_index
from difusor.report.verdict import Overall
from difusor.suite.everyone import At, measure_all

PER_CORE = 4
"""How many difusores are measured at once for each core of this machine: a measurement waits most of its time.

Each takes an eighth of a core (bench/report) and some 350 MB.
"""


@dataclass(frozen=True)
class Chosen:
    """An election, the inventories of its difusores, and why others are not measured that may be of it as well."""

    election: Election
    folders: tuple[Path, ...]
    apart: Mapping[Path, str]


@dataclass(frozen=True)
class Measured:
    """The index of all, and its files."""

    index: Index
    paths: tuple[Path, Path]

    @property
    def status(self) -> int:
        """1 when any difusor fails, else 2 when any was not evaluated, else 0."""
        found = {row.status for row in self.index.rows}
        return next((status for status in (1, 2) if status in found), 0)


def chosen(name: str | None) -> Chosen:
    """Return the difusores of the election of this name, or of the only one; UnusableError when there is none."""
    path = files.file(files.chosen(name))
    apart = rows.apart(path)
    off = [folder for folder in apart if rows.is_off(folder)]  # of these the row says so, and nobody measures them
    other = {folder: why for folder, why in apart.items() if folder not in off}
    return Chosen(load_election(path), (*rows.folders_of(path), *off), other)


def measure(of: Chosen, output: Path, jobs: int | None, at: At, ended: Callable[[Row], None]) -> Measured:
    """Measure them, `jobs` at a time (PER_CORE), and write their dictámenes and the index of them to a folder.

    Who has a dictamen of the night is not measured after it. `at` and `ended` are told of each as it goes.
    UnusableError when the index cannot be written.
    """
    stay = {folder: row for folder in of.folders if (row := night.row(folder, of.election, output))}
    for row in stay.values():
        ended(row)
    others = [folder for folder in of.folders if folder not in stay]
    found = measure_all(others, output, jobs or PER_CORE * (os.process_cpu_count() or 1), at, ended)
    now = instants.now().astimezone(ZoneInfo(of.election.timezone))
    apart = [_apart(folder.name, why) for folder, why in of.apart.items()]
    all_rows = [*stay.values(), *found, *apart]
    index = worst_first(of.election.id, of.election.name, of.election.institute.name, now, all_rows)
    try:
        return Measured(index, write_index(index, output))
    except OSError as error:
        raise UnusableError(
            f"no se puede escribir el índice en {output} ({why(error)}); corrija la carpeta y repita"
        ) from error


def _apart(name: str, why: str) -> Row:
    return Row(id=name, name=name, verdict=Overall.UNREACHABLE, status=2, why=why, action=again(name))
