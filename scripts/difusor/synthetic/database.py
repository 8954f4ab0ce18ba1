"""The data base that citizens download: one CSV file per election, in INE's format, and a zip of them."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from functools import cache

from difusor.synthetic.ballot import CANDIDACIES, COLUMNS, ELECTIONS, PARTIES, Election
from difusor.synthetic.geography import DISTRICTS, ENTITY, ENTITY_NAME, MUNICIPALITIES
from difusor.synthetic.night import LARGEST_ROLL, Acta, Station
from difusor.synthetic.totals import Totals

MORELOS = timezone(timedelta(hours=-6))
"""Time in Morelos: Mexico abolished daylight saving in 2022, so a fixed offset is enough."""

SYNTHETIC = "DATOS SINTÉTICOS"

KINDS = {"B": "Básica", "C": "Contigua", "E": "Extraordinaria", "S": "Especial"}

SHEETS = ("TOTAL_BOLETAS_SOBRANTES", "TOTAL_PERSONAS_VOTARON", "TOTAL_REP_PARTIDO_CI_VOTARON", "TOTAL_VOTOS_SACADOS")

README = """\
{synthetic}: ningún dato de estos archivos proviene de una elección.

PREP Morelos, corte de {corte}

Archivos
  MOR_GUB_{year}.csv            Gubernatura
  MOR_DIP_LOC_{year}.csv        Diputaciones locales
  MOR_AYUN_{year}.csv           Ayuntamientos
  MOR_CANDIDATURAS_{year}.csv   Partidos y coaliciones, con las columnas que suma cada candidatura

Formato de los tres primeros: texto UTF-8 separado por comas.
  Línea 1   elección
  Línea 2   corte: fecha y hora del centro
  Línea 3   nombres de los totales
  Línea 4   totales
  Línea 5   vacía
  Línea 6   nombres de las columnas
  Línea 7…  un renglón por acta registrada

Los porcentajes tienen cuatro decimales truncados, no redondeados; los de actas son respecto de ACTAS_ESPERADAS.
TOTAL_VOTOS_C_CS incluye las casillas especiales y TOTAL_VOTOS_S_CS no; la participación se calcula con el segundo.
CONTABILIZADA: 1 si sus votos están en los totales, 0 si no (OBSERVACIONES dice la causa).
CODIGO_INTEGRIDAD: SHA-256 de la imagen del acta; vacío si no hay acta.
"""


def local(instant: datetime, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Return the instant in the local time of Morelos."""
    return instant.astimezone(MORELOS).strftime(form)


@cache  # every corte of a night contains the rows of the one before
def record(acta: Acta) -> Mapping[str, str | int]:
    """Return one acta as a row: column name to value, in the order of the file."""
    station = acta.station
    received = acta.verified.timestamp() - 540 - int(acta.digest[:2] or "0", 16) * 6
    votes: Iterable[str | int]
    if acta.votes:
        votes, total = acta.votes, acta.total
        sheets: tuple[str | int, ...] = (max(0, (station.roll or LARGEST_ROLL) - total), total, 0, total)
    else:
        votes, total = ("Ilegible" if acta.captured else "-",) * len(COLUMNS), 0
        sheets = ("-",) * 4
    return {
        "CLAVE_CASILLA": station.key,
        "CLAVE_ACTA": f"{station.key}{acta.election.code[0]}",
        "ID_ENTIDAD": ENTITY,
        "ENTIDAD": ENTITY_NAME,
        "ID_DISTRITO_LOCAL": station.district,
        "DISTRITO_LOCAL": DISTRICTS[station.district - 1].name,
        "ID_MUNICIPIO": station.municipality,
        "MUNICIPIO": MUNICIPALITIES[station.municipality - 1].name,
        "SECCION": f"{station.section:04d}",
        "ID_CASILLA": station.number,
        "TIPO_CASILLA": station.kind,
        "EXT_CONTIGUA": 0,
        "CASILLA": f"{KINDS[station.kind]} {station.number}",
        "UBICACION_CASILLA": 1 if station.section % 5 else 2,
        "TIPO_ACTA": "MR",
        **dict(zip(SHEETS, sheets, strict=True)),
        **dict(zip(COLUMNS, votes, strict=True)),
        "TOTAL_VOTOS_CALCULADO": total,
        "LISTA_NOMINAL": station.roll,
        "OBSERVACIONES": acta.remark,
        "CONTABILIZADA": int(acta.counted),
        "MECANISMOS_TRASLADO": "DAT" if station.section % 3 else "CRyT itinerante",
        "CODIGO_INTEGRIDAD": acta.digest,
        "FECHA_HORA_ACOPIO": local(datetime.fromtimestamp(received, acta.verified.tzinfo)),
        "FECHA_HORA_CAPTURA": local(acta.verified - timedelta(seconds=95)),
        "FECHA_HORA_VERIFICACION": local(acta.verified),
        "ORIGEN": "CATD",
        "DIGITALIZACION": "ESCÁNER" if station.section % 4 else "MÓVIL",
        "TIPO_DOCUMENTO": "ACTA PREP" if acta.captured else "SIN ACTA",
    }


_BLANK = Acta(Station(1, 1, 1, "B", 1, 0), ELECTIONS[0], None, False, False, "", datetime.fromtimestamp(0, UTC), "")
FIELDS = tuple(record(_BLANK))
"""Column names of the CSV files."""


def results_csv(title: str, corte: datetime, totals: Totals, records: Iterable[Mapping[str, str | int]]) -> bytes:
    """Return the CSV file of one election; `title` is its first line."""
    header = totals.header()
    lines = [[title], [local(corte, "%Y/%m/%d %H:%M (UTC-6)")], list(header), list(header.values()), [], FIELDS]
    return _csv([*lines, *(row.values() for row in records)])


def candidacies_csv() -> bytes:
    """Return the CSV file that tells which columns count for which candidacy."""
    names = {party.key: party.name for party in PARTIES}
    rows = [[c.key, c.name, " ".join(c.columns), ", ".join(names[key] for key in c.parties)] for c in CANDIDACIES]
    return _csv([["CANDIDATURA", "NOMBRE", "COLUMNAS", "PARTIDOS"], *rows])


def archive(corte: datetime, csv_files: Mapping[Election, bytes]) -> bytes:
    """Return the zip of all files; its entries have the corte's time, so the same data give the same bytes."""
    year = local(corte, "%Y")
    entries = {f"MOR_{election.code}_{year}.csv": content for election, content in csv_files.items()}
    entries[f"MOR_CANDIDATURAS_{year}.csv"] = candidacies_csv()
    readme = README.format(synthetic=SYNTHETIC, corte=local(corte, "%Y/%m/%d %H:%M (UTC-6)"), year=year)
    entries["LEEME.txt"] = readme.encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as file:
        for name, content in entries.items():
            entry = zipfile.ZipInfo(name, corte.astimezone(MORELOS).timetuple()[:6])
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(entry, content)
    return buffer.getvalue()


def _csv(rows: Iterable[Iterable[object]]) -> bytes:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\r\n").writerows(rows)
    return buffer.getvalue().encode()
