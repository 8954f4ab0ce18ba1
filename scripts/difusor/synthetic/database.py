"""The data base that citizens download: one CSV file per election, in INE's format, and a zip of them."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import cache

from difusor.catalog import Office
from difusor.catalog.model import OTHER_TABLES, README
from difusor.synthetic.ballot import CANDIDACIES, COLUMNS, PARTIES
from difusor.synthetic.night import LARGEST_ROLL, Acta, Station
from difusor.synthetic.setting import Setting
from difusor.synthetic.totals import Totals

SYNTHETIC = "DATOS SINTÉTICOS"

KINDS = {"B": "Básica", "C": "Contigua", "E": "Extraordinaria", "S": "Especial"}

SHEETS = ("TOTAL_BOLETAS_SOBRANTES", "TOTAL_PERSONAS_VOTARON", "TOTAL_REP_PARTIDO_CI_VOTARON", "TOTAL_VOTOS_SACADOS")

DATES = {"Y-m-d": "%Y-%m-%d %H:%M:%S", "d/m/Y": "%d/%m/%Y %H:%M:%S"}

STAMP = "%Y%m%d_%H%M"
OPTIONAL = {"TOTAL_VOTOS_ASENTADO", "COTEJADA"}
"""Columns that a table has only where the catalogue says so."""
(CANDIDACIES_TABLE,) = OTHER_TABLES
CODES = {"sha256": "SHA-256", "md5": "MD5"}

ABOUT = """\
{synthetic}: ningún dato de estos archivos proviene de una elección.

PREP {place}, corte de {corte}

Archivos
{files}

Columnas como en {source}.

Formato de los archivos, salvo el último: texto UTF-8 separado por comas.
  Línea 1   elección
  Línea 2   corte: fecha y hora local, y su diferencia con UTC
  Línea 3   nombres de los totales
  Línea 4   totales
  Línea 5   vacía
  Línea 6   nombres de las columnas
  Línea 7…  un renglón por acta registrada

Los porcentajes tienen cuatro decimales truncados, no redondeados; los de actas son respecto de ACTAS_ESPERADAS.
TOTAL_VOTOS_C_CS incluye las casillas especiales y TOTAL_VOTOS_S_CS no; la participación se calcula con el segundo.
CONTABILIZADA: 1 si sus votos están en los totales, 0 si no (OBSERVACIONES dice la causa).
CODIGO_INTEGRIDAD: {code} de la imagen del acta; vacío si no hay acta.
"""


@cache  # every corte of a night contains the rows of the one before
def record(setting: Setting, acta: Acta) -> Mapping[str, str | int]:
    """Return one acta as a row: column name to value, in the order of the file."""
    station, entity, tables = acta.station, setting.catalog.entity, setting.catalog.tables
    form = DATES[tables.dates]
    received = acta.verified.timestamp() - 540 - int(acta.digest[:2] or "0", 16) * 6
    votes: Iterable[str | int]
    if acta.votes:
        votes, total = acta.votes, acta.total
        sheets: tuple[str | int, ...] = (max(0, (station.roll or LARGEST_ROLL) - total), total, 0, total)
    else:
        votes, total = ("Ilegible" if acta.captured else "-",) * len(COLUMNS), 0
        sheets = ("-",) * 4
    row: dict[str, str | int] = {
        "CLAVE_CASILLA": station.key,
        "CLAVE_ACTA": acta.key,
        "ID_ENTIDAD": entity.number,
        "ENTIDAD": entity.name.upper(),
        "ID_DISTRITO_LOCAL": station.district,
        "DISTRITO_LOCAL": setting.districts[station.district],
        "ID_MUNICIPIO": station.municipality,
        "MUNICIPIO": setting.municipalities[station.municipality],
        "SECCION": f"{station.section:04d}",
        "ID_CASILLA": station.number,
        "TIPO_CASILLA": station.kind,
        "EXT_CONTIGUA": 0,
        "CASILLA": f"{KINDS[station.kind]} {station.number}",
        "UBICACION_CASILLA": 1 if station.section % 5 else 2,
        "TIPO_ACTA": tables.acta(station.kind),
        **dict(zip(SHEETS, sheets, strict=True)),
        **dict(zip(COLUMNS, votes, strict=True)),
        "TOTAL_VOTOS_ASENTADO": sheets[-1],
        "TOTAL_VOTOS_CALCULADO": total,
        "LISTA_NOMINAL": station.roll,
        "OBSERVACIONES": acta.remark,
        "CONTABILIZADA": int(acta.counted),
        "COTEJADA": 0,
        "MECANISMOS_TRASLADO": "DAT" if station.section % 3 else "CRyT itinerante",
        "CODIGO_INTEGRIDAD": acta.digest,
        "FECHA_HORA_ACOPIO": setting.local(datetime.fromtimestamp(received, acta.verified.tzinfo), form),
        "FECHA_HORA_CAPTURA": setting.local(acta.verified - timedelta(seconds=95), form),
        "FECHA_HORA_VERIFICACION": setting.local(acta.verified, form),
        "ORIGEN": "CATD",
        "DIGITALIZACION": "ESCÁNER" if station.section % 4 else "MÓVIL",
        "TIPO_DOCUMENTO": "ACTA PREP" if acta.captured else "SIN ACTA",
    }
    left = OPTIONAL - set(tables.more)
    return {tables.renamed.get(name, name): cell for name, cell in row.items() if name not in left}


@cache
def fields(setting: Setting) -> tuple[str, ...]:
    """Return the column names of the CSV files."""
    municipality = setting.catalog.municipalities[0]
    station = Station(setting.catalog.entity.number, municipality.id, municipality.districts[0], 1, "B", 1, 0)
    blank = Acta(station, setting.offices[0], None, False, False, "", setting.opens, "")
    return tuple(record(setting, blank))


def corte_time(setting: Setting, corte: datetime) -> str:
    """Return the corte's instant as tables give it, as in 2024/06/02 20:10 (UTC-6)."""
    return f"{setting.local(corte, '%Y/%m/%d %H:%M')} ({setting.utc})"


def results_csv(setting: Setting, title: str, corte: datetime, totals: Totals, actas: Iterable[Acta]) -> bytes:
    """Return the CSV file of one office; `title` is its first line."""
    header = totals.header()
    lines = [[title], [corte_time(setting, corte)], list(header), list(header.values()), [], fields(setting)]
    return _csv([*lines, *(record(setting, acta).values() for acta in actas)])


def candidacies_csv() -> bytes:
    """Return the CSV file that tells which columns count for which candidacy."""
    names = {party.key: party.name for party in PARTIES}
    rows = [[c.key, c.name, " ".join(c.columns), ", ".join(names[key] for key in c.parties)] for c in CANDIDACIES]
    return _csv([["CANDIDATURA", "NOMBRE", "COLUMNAS", "PARTIDOS"], *rows])


def archive(setting: Setting, corte: datetime, tables: Mapping[Office, bytes]) -> bytes:
    """Return the zip of all files; its entries have the corte's time, so the same data give the same bytes."""
    contents = {packed_name(setting, office.code): (office.name, table) for office, table in tables.items()}
    what = "Partidos y coaliciones, con las columnas que suma cada candidatura"
    contents[packed_name(setting, CANDIDACIES_TABLE)] = (what, candidacies_csv())
    width = max(map(len, contents)) + 3
    readme = ABOUT.format(
        synthetic=SYNTHETIC,
        place=setting.catalog.entity.name,
        corte=corte_time(setting, corte),
        files="\n".join(f"  {name:{width}}{what}" for name, (what, _) in contents.items()),
        source=setting.catalog.tables.source,
        code=CODES[setting.catalog.integrity_code],
    )
    entries = {name: table for name, (_, table) in contents.items()} | {README: readme.encode()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as file:
        for name, content in entries.items():
            entry = zipfile.ZipInfo(name, setting.at(corte).timetuple()[:6])
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(entry, content)
    return buffer.getvalue()


def archive_name(setting: Setting, corte: datetime) -> str:
    """Return the name of the zip."""
    stamp = setting.local(corte, STAMP)
    return setting.catalog.files.archive.format(stamp=stamp, entity=setting.catalog.entity.code)


def table_name(setting: Setting, office: Office, corte: datetime) -> str:
    """Return the name of an office's CSV file."""
    stamp, entity = setting.local(corte, STAMP), setting.catalog.entity.code
    return setting.catalog.files.table.format(stamp=stamp, entity=entity, office=office.code)


def packed_name(setting: Setting, code: str) -> str:
    """Return the name of a table inside the zip."""
    year, entity = f"{setting.polling_day:%Y}", setting.catalog.entity.code
    return setting.catalog.files.packed.format(office=code, entity=entity, year=year)


def _csv(rows: Iterable[Iterable[object]]) -> bytes:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\r\n").writerows(rows)
    return buffer.getvalue().encode()
