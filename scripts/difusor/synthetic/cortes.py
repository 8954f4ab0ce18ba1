"""Writes synthetic cortes: one into a folder, or those of a whole night."""

from __future__ import annotations

import hashlib
import json
import os
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from pathlib import Path

from corte.format import files
from corte.format.files import named
from difusor.catalog import Office, Territory
from difusor.project import UnusableError
from difusor.synthetic import database, pages, plain
from difusor.synthetic.night import Acta, Night, night
from difusor.synthetic.setting import Setting
from difusor.synthetic.totals import Totals

OWNED = ("actas", "datos", "descargas")
"""The folders of a corte that this module writes; signing adds the manifest beside them."""
SHOWN = 3
"""How many names are told of what a folder has besides."""
HEAD = "datos/corte.json"
EVERYTHING = "Base de datos completa"


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


def write_corte(
    destination: Path, setting: Setting, *, number: int, seed: int, previous: Path | None = None
) -> CorteSummary:
    """Write corte `number` of a setting below `destination`; the same arguments give the same bytes.

    An existing file with the same content keeps its inode and time; a file that is not of this corte is removed. A file
    that equals the one in `previous`, an earlier corte, becomes a hard link to it. ValueError for a number that does
    not exist, UnusableError for a folder with files that are of no synthetic corte.
    """
    if not 1 <= number <= setting.total:
        raise ValueError(f"el corte {number} no existe; hay de 1 a {setting.total}")
    _refuse_other(destination)
    files, overall = _files(setting, night(seed, setting), number)
    changed = sum(
        [_place(destination / path, content, previous and previous / path) for path, content in files.items()]
    )
    for folder in OWNED:
        for path in sorted((destination / folder).rglob("*")):
            if path.is_file() and str(path.relative_to(destination)) not in files:
                path.unlink()
    size = sum(map(len, files.values()))
    corte = setting.instants[number - 1]
    return CorteSummary(number, corte, len(files), size, changed, overall.captured, overall.expected)


def write_night(destination: Path, setting: Setting, *, seed: int) -> Iterator[CorteSummary]:
    """Write every corte of a night, each in its folder 001, 002 ...; unchanged files are hard links.

    UnusableError, before anything is written, when one of them has files that are of no synthetic corte.
    """
    folders = [destination / f"{number:03d}" for number in range(1, setting.total + 1)]
    for folder in folders:
        _refuse_other(folder)
    previous = None
    for number, folder in enumerate(folders, 1):
        yield write_corte(folder, setting, number=number, seed=seed, previous=previous)
        previous = folder


def _refuse_other(folder: Path) -> None:
    """Raise UnusableError when the folders that would be written have files, and not those of a synthetic corte."""
    files = (path for name in OWNED for path in sorted((folder / name).rglob("*")) if not path.is_dir())
    others = [str(path.relative_to(folder)) for path in islice(files, SHOWN)]
    if others and not _is_synthetic(folder):
        raise UnusableError(
            f"{folder} tiene archivos que no son de un corte sintético y se perderían ({', '.join(others)}); sáquelos, "
            "o dé una carpeta vacía o que no exista"
        )


def _is_synthetic(folder: Path) -> bool:
    try:
        head = json.loads(files.read(folder / HEAD))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(head, dict) and head.get("datos_sinteticos") is True


def _files(setting: Setting, whole: Night, number: int) -> tuple[dict[str, bytes], Totals]:
    """Return every file of the corte by its path, and the totals of all offices together."""
    corte = setting.instants[number - 1]
    arrived = {office: whole.arrived(office, corte) for office in setting.offices}
    totals = {office: Totals.of(actas, whole.expected(office)) for office, actas in arrived.items()}
    overall = Totals.of(chain(*arrived.values()), sum(map(whole.expected, setting.offices)))
    downloads = _downloads(setting, arrived, totals, corte)
    contents = (EVERYTHING, *(office.name for office in setting.offices))
    head = pages.corte_page(setting, number) | {
        "totales": pages.totals_of(overall),
        "elecciones": [
            pages.office_page(office) | {"totales": pages.totals_of(totals[office])} for office in setting.offices
        ],
        "descargas": [
            {"archivo": path, "contenido": what, "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
            for (path, body), what in zip(downloads.items(), contents, strict=True)
        ],
    }
    states = [{"nombre": office.name, **pages.results_of(totals[office])} for office in setting.offices]
    files = {
        HEAD: pages.encoded(head),
        "datos/noche.json": pages.encoded(_night_page(setting, whole, number)),
        "datos/secciones.json": pages.encoded(pages.sections_page(setting.offices, whole.stations)),
        "datos/resultados.html": plain.plain_page(setting, head, states),
    } | downloads
    if setting.logo:
        files[pages.LOGO] = setting.logo
    for office, actas in arrived.items():
        files |= _office_files(setting, whole, office, actas, corte, totals[office])
    return files, overall


def _night_page(setting: Setting, whole: Night, number: int) -> pages.Document:
    cortes = setting.instants[:number]
    captured = {office.key: whole.captured(office, cortes) for office in setting.offices}
    return pages.night_page(setting, number, captured, len(whole.stations))


def _downloads(
    setting: Setting, arrived: Mapping[Office, list[Acta]], totals: Mapping[Office, Totals], corte: datetime
) -> dict[str, bytes]:
    """Return the zip, then the CSV file of each office, with names as the place gives them."""
    label = f"{'SIMULACRO. ' if setting.simulacro else ''}{database.SYNTHETIC}"
    of_place = f"DE {setting.catalog.entity.name.upper()}"
    tables = {
        office: database.results_csv(
            setting, f"{office.name.upper()} {of_place}. {label}", corte, totals[office], actas
        )
        for office, actas in arrived.items()
    }
    return {
        f"descargas/{database.archive_name(setting, corte)}": database.archive(setting, corte, tables),
        **{f"descargas/{database.table_name(setting, office, corte)}": table for office, table in tables.items()},
    }


def _office_files(
    setting: Setting, whole: Night, office: Office, actas: list[Acta], corte: datetime, state: Totals
) -> dict[str, bytes]:
    """Return the page of an office, the detail of each of its territories, and the images of actas."""
    files: dict[str, bytes] = {}
    cortes, division = setting.instants, setting.catalog.division(office)
    by_territory: dict[int, list[Acta]] = defaultdict(list)
    for acta in actas:
        by_territory[acta.territory].append(acta)
    rows: list[tuple[Territory, Totals, str, datetime]] = []
    for territory in setting.catalog.territories(office):
        arrived = by_territory[territory.id]
        path = f"datos/{office.key}/{territory.id:02d}.json"
        changed = cortes[bisect_left(cortes, max((acta.verified for acta in arrived), default=cortes[0]))]
        records = [database.record(setting, acta) for acta in arrived]
        images = {acta: f"actas/{acta.key}.png" for acta in arrived if acta.image}
        shown = list(map(images.get, arrived))
        detail = pages.detail_page(office, division.title(territory), territory, changed, records, shown)
        files |= {path: pages.encoded(detail)} | {images[acta]: acta.image for acta in images}
        rows.append((territory, Totals.of(arrived, whole.expected(office, territory.id)), path, changed))
    page = pages.election_page(setting, office, corte, state, rows)
    return {f"datos/{office.key}.json": pages.encoded(page)} | files


def _place(path: Path, content: bytes, earlier: Path | None) -> bool:
    """Write `content` to `path`, whole or not at all; return whether it is new: not there before, nor in `earlier`."""
    if path.is_file() and files.read(path) == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    same = bool(earlier and earlier.is_file() and files.read(earlier) == content)
    try:
        if earlier and same:
            os.link(earlier, temporary)
        else:
            with named(path):
                temporary.write_bytes(content)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return not same
