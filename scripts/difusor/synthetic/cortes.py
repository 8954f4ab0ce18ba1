"""Writes synthetic cortes: one into a folder, or those of a whole night."""

from __future__ import annotations

import hashlib
import os
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path

from difusor.synthetic import database, pages, plain
from difusor.synthetic.ballot import ELECTIONS, Election
from difusor.synthetic.geography import Territory
from difusor.synthetic.night import Acta, Night, night
from difusor.synthetic.totals import Totals

ENVIRONMENTS = ("official", "simulacro")
OWNED = ("datos", "descargas")
"""The folders of a corte that this module writes; signing adds the manifest beside them."""
DOWNLOADS = ("Base de datos completa", *(election.name for election in ELECTIONS))


@dataclass(frozen=True)
class CorteSummary:
    """What was written: which corte, its files and bytes, the new files, and actas captured of those expected."""

    number: int
    corte: datetime
    files: int
    bytes: int
    changed: int
    captured: int
    expected: int


def corte_instants(opens: datetime, closes: datetime, total: int = 145) -> list[datetime]:
    """The instants of all cortes of a night: the first at `opens`, the last at `closes`, to the second."""
    if opens.tzinfo is None or closes.tzinfo is None or opens >= closes or total < 2:
        raise ValueError("apertura y cierre deben ser instantes absolutos, uno después del otro, con dos cortes o más")
    return [opens + timedelta(seconds=(closes - opens).total_seconds() * i // (total - 1)) for i in range(total)]


def write_corte(
    destination: Path,
    *,
    opens: datetime,
    closes: datetime,
    number: int,
    seed: int,
    environment: str,
    total: int = 145,
    previous: Path | None = None,
) -> CorteSummary:
    """Write corte `number` of `total` below `destination`; the same arguments give the same bytes.

    An existing file with the same content keeps its inode and time; a file that is not of this corte is removed. A file
    that equals the one in `previous`, an earlier corte, becomes a hard link to it. ValueError for a number or
    environment that does not exist.
    """
    if environment not in ENVIRONMENTS:
        raise ValueError(f"«{environment}» no es {' ni '.join(ENVIRONMENTS)}")
    if not 1 <= number <= total:
        raise ValueError(f"el corte {number} no existe; hay de 1 a {total}")
    cortes = corte_instants(opens, closes, total)
    corte = cortes[number - 1]
    files, overall = _files(night(seed, opens, closes), corte, cortes, environment == "simulacro")
    changed = sum(
        [_place(destination / path, content, previous and previous / path) for path, content in files.items()]
    )
    for folder in OWNED:
        for path in sorted((destination / folder).rglob("*")):
            if path.is_file() and str(path.relative_to(destination)) not in files:
                path.unlink()
    size = sum(map(len, files.values()))
    return CorteSummary(number, corte, len(files), size, changed, overall.captured, overall.expected)


def write_night(
    destination: Path, *, opens: datetime, closes: datetime, seed: int, environment: str, total: int = 145
) -> Iterator[CorteSummary]:
    """Write every corte of a night, each in its folder 001, 002 ...; unchanged files are hard links."""
    previous = None
    for number in range(1, total + 1):
        folder = destination / f"{number:03d}"
        yield write_corte(
            folder,
            opens=opens,
            closes=closes,
            number=number,
            seed=seed,
            environment=environment,
            total=total,
            previous=previous,
        )
        previous = folder


def _files(
    whole: Night, corte: datetime, cortes: Sequence[datetime], simulacro: bool
) -> tuple[dict[str, bytes], Totals]:
    """Return every file of the corte by its path, and the totals of all elections together."""
    arrived = {election: whole.arrived(election, corte) for election in ELECTIONS}
    totals = {election: Totals.of(actas, whole.expected(election)) for election, actas in arrived.items()}
    overall = Totals.of(chain(*arrived.values()), sum(map(whole.expected, ELECTIONS)))
    downloads = _downloads(arrived, totals, corte, simulacro)
    head = pages.corte_page(corte, cortes, simulacro) | {
        "totales": pages.totals_of(overall),
        "elecciones": [
            {"clave": e.key, "nombre": e.name, "archivo": f"datos/{e.key}.json", "totales": pages.totals_of(totals[e])}
            for e in ELECTIONS
        ],
        "descargas": [
            {"archivo": path, "contenido": name, "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
            for (path, body), name in zip(downloads.items(), DOWNLOADS, strict=True)
        ],
    }
    states = [{"nombre": e.name, **pages.results_of(totals[e])} for e in ELECTIONS]
    files = {
        "datos/corte.json": pages.encoded(head),
        "datos/resultados.html": plain.plain_page(head, states),
    } | downloads
    for election, actas in arrived.items():
        files |= _election_files(whole, election, actas, corte, cortes, totals[election])
    return files, overall


def _downloads(
    arrived: Mapping[Election, list[Acta]], totals: Mapping[Election, Totals], corte: datetime, simulacro: bool
) -> dict[str, bytes]:
    """Yield the zip, then the CSV file of each election, with names as INE gives them."""
    stamp = database.local(corte, "%Y%m%d_%H%M")
    label = f"{'SIMULACRO. ' if simulacro else ''}{database.SYNTHETIC}"
    tables = {
        e: database.results_csv(f"{e.name.upper()} DE MORELOS. {label}", corte, totals[e], map(database.record, actas))
        for e, actas in arrived.items()
    }
    return {
        f"descargas/{stamp}_PREP_MOR.zip": database.archive(corte, tables),
        **{f"descargas/{stamp}_PREP_{election.code}_MOR.csv": table for election, table in tables.items()},
    }


def _election_files(
    whole: Night, election: Election, actas: list[Acta], corte: datetime, cortes: Sequence[datetime], state: Totals
) -> dict[str, bytes]:
    """Yield the page of an election and the detail of each of its territories."""
    files: dict[str, bytes] = {}
    by_territory: dict[int, list[Acta]] = defaultdict(list)
    for acta in actas:
        by_territory[acta.territory].append(acta)
    rows: list[tuple[Territory, Totals, str, datetime]] = []
    for territory in election.territories:
        arrived = by_territory[territory.id]
        path = f"datos/{election.key}/{territory.id:02d}.json"
        changed = cortes[bisect_left(cortes, max((acta.verified for acta in arrived), default=cortes[0]))]
        records = [database.record(acta) for acta in arrived]
        files[path] = pages.encoded(pages.detail_page(election, territory, changed, records))
        rows.append((territory, Totals.of(arrived, whole.expected(election, territory.id)), path, changed))
    page = pages.election_page(election, corte, state, rows)
    return {f"datos/{election.key}.json": pages.encoded(page)} | files


def _place(path: Path, content: bytes, earlier: Path | None) -> bool:
    """Write `content` to `path`, whole or not at all; return whether it is new: not there before, nor in `earlier`."""
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    same = bool(earlier and earlier.is_file() and earlier.read_bytes() == content)
    if earlier and same:
        os.link(earlier, temporary)
    else:
        temporary.write_bytes(content)
    os.replace(temporary, path)
    return not same
