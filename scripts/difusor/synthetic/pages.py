"""The JSON files that the results site reads; docs/es/datos.md describes them field by field."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from difusor.catalog import Office, Territory
from difusor.synthetic.ballot import CANDIDACIES, COLUMNS, PARTIES
from difusor.synthetic.night import Station
from difusor.synthetic.setting import Setting
from difusor.synthetic.totals import Totals, percentage

Document = dict[str, object]
LOGO = "datos/logo.png"
"""Where in a corte the institute's logo is."""


def instant(at: datetime) -> str:
    """An absolute instant in UTC, as in 2024-06-03T02:10:00Z."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def encoded(document: Mapping[str, object]) -> bytes:
    """The document as compact JSON."""
    return (json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def election_of(setting: Setting) -> Document:
    """Return the site's data on the election: its name and day, its place and the institute."""
    entity, institute = setting.catalog.entity, setting.institute
    return {
        "nombre": setting.name,
        "entidad": entity.name,
        "ambito": entity.title,
        "todo": entity.whole,
        "siglas": institute.acronym,
        "instituto": institute.name,
        "logo": LOGO if setting.logo else None,
        "colores": {
            "franja": institute.colors.band,
            "enlace": institute.colors.accent,
            "enlace_oscuro": institute.colors.accent_dark,
        },
        "jornada": setting.polling_day.isoformat(),
    }


def totals_of(totals: Totals) -> Document:
    """The totals of the state or of one territory."""
    return {
        "actas_esperadas": totals.expected,
        "actas_registradas": totals.registered,
        "actas_capturadas": totals.captured,
        "actas_capturadas_porcentaje": percentage(totals.captured, totals.expected),
        "actas_contabilizadas": totals.counted,
        "actas_contabilizadas_porcentaje": percentage(totals.counted, totals.expected),
        "actas_no_contabilizadas": totals.captured - totals.counted,
        "lista_nominal": totals.roll,
        "votos": totals.total,
        "participacion": totals.turnout,
    }


def results_of(totals: Totals) -> Document:
    """Votes by candidacy and by column of the acta, each with its percentage of all votes."""
    votes = dict(zip(COLUMNS, totals.votes, strict=True))

    def counted(key: str, number: int) -> Document:
        return {"clave": key, "votos": number, "porcentaje": percentage(number, totals.total)}

    return {
        "totales": totals_of(totals),
        "candidaturas": [counted(c.key, sum(votes[column] for column in c.columns)) for c in CANDIDACIES],
        "columnas": [counted(column, number) for column, number in votes.items()],
    }


def corte_page(setting: Setting, number: int) -> Document:
    """The head of datos/corte.json: which corte this is, and how local time is written that night."""
    cortes, total = setting.instants, setting.total
    return {
        "corte": instant(cortes[number - 1]),
        "secuencia": number,
        "siguiente": instant(cortes[number]) if number < total else None,
        "intervalo_segundos": round((cortes[1] - cortes[0]).total_seconds()),
        "abre": instant(cortes[0]),
        "cierra": instant(cortes[-1]),
        "simulacro": setting.simulacro,
        "datos_sinteticos": True,
        "zona": setting.catalog.timezone,
        "hora": setting.catalog.clock,
        "minutos_utc": round(setting.offset.total_seconds() / 60),
        "eleccion": election_of(setting),
    }


def sections_page(offices: Iterable[Office], stations: Iterable[Station]) -> Document:
    """Return by office the number of the territory in which each section is."""
    return {office.key: {str(each.section): getattr(each, office.by) for each in stations} for office in offices}


def night_page(setting: Setting, number: int, captured: Mapping[str, Sequence[int]], expected: int) -> Document:
    """Return how many actas of each office every corte of the night had, up to this one."""
    offices = {
        key: {"actas_capturadas": counts, "porcentaje": [percentage(count, expected) for count in counts]}
        for key, counts in captured.items()
    }
    instants = setting.instants[:number]
    return {"corte": instant(instants[-1]), "cortes": [instant(each) for each in instants], "cargos": offices}


def office_page(office: Office) -> Document:
    """Return how an office is called, and where its page is."""
    return {"clave": office.key, "nombre": office.name, "corto": office.short, "archivo": f"datos/{office.key}.json"}


def ballot_page() -> Document:
    """Names and colours behind the keys of an election's page."""
    return {
        "candidaturas": [
            {"clave": c.key, "nombre": c.name, "color": c.color, "columnas": c.columns} for c in CANDIDACIES
        ],
        "columnas": {
            **{party.key: {"nombre": party.name, "color": party.color} for party in PARTIES},
            "NO_REGISTRADAS": {"nombre": "Candidaturas no registradas"},
            "NULOS": {"nombre": "Votos nulos"},
        },
    }


def election_page(
    setting: Setting,
    office: Office,
    corte: datetime,
    state: Totals,
    territories: Sequence[tuple[Territory, Totals, str, datetime]],
) -> Document:
    """One office: the state and each (territory, totals, detail file, corte of that file)."""
    division = setting.catalog.division(office)
    return {
        "corte": instant(corte),
        "clave": office.key,
        "nombre": office.name,
        "corto": office.short,
        "division": {"uno": division.one, "varios": division.many, "elija": division.choose},
        "boleta": ballot_page(),
        **results_of(state),
        "territorios": [
            {
                "id": territory.id,
                "nombre": division.title(territory),
                "detalle": {"archivo": path, "corte": instant(changed)},
                **results_of(totals),
            }
            for territory, totals, path, changed in territories
        ],
    }


def detail_page(
    office: Office,
    title: str,
    territory: Territory,
    changed: datetime,
    records: Sequence[Mapping[str, str | int]],
    images: Sequence[str | None],
) -> Document:
    """Return the actas of one territory and the corte that last changed them, so that unchanged files are identical.

    `images`: for each acta the path of its image in the corte, None for one without.
    """
    return {
        "corte": instant(changed),
        "eleccion": office.key,
        "id": territory.id,
        "nombre": title,
        "actas": records,
        **({"imagenes": images} if any(images) else {}),
    }
