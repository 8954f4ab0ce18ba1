"""What regulation and call ask of an election, and what an election leaves open until an agreement sets it."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from corte.format import instants
from difusor import catalog, spec
from difusor.catalog import Catalog
from difusor.inventory.model import Election

LONGEST = timedelta(hours=24)
"""How long a PREP publishes, from its start, by the Reglamento de Elecciones (article 353)."""
MORNING = 12
"""Before this hour no PREP opens on the election day itself: people still vote."""
REHEARSALS = 3
"""How many simulacros the Reglamento de Elecciones asks for (Anexo 13)."""
PENDING = "election_pending"
CLOCKS = {"noroeste": -8, "pacífico": -7, "centro": -6, "sureste": -5}
"""The country's times by the law that names them, and by how many hours each differs from UTC, summer time apart."""
NEAR = timedelta(days=30)
"""Polling days no further apart are of one election, whose day was corrected or put off: others are months away."""


def pending(variables: Mapping[str, Any]) -> dict[str, str]:
    """Return, by variable, a sentence on each value that is still empty and which agreement sets it."""
    awaited = variables.get(PENDING)
    if not isinstance(awaited, Mapping):
        return {}
    return {
        str(name): f"aún está vacía; la fija {agreement}. Cuando se apruebe, escríbala y quítela de {PENDING}"
        for name, agreement in awaited.items()
        if variables.get(str(name)) in (None, "", [])
    }


def polling_day(election: Election) -> date | None:
    """Return the day on which people vote: what the election says, else the local day of the opening.

    None for a rehearsal that does not say it: its own day is no day of an election.
    """
    if election.day or election.environment != "official":
        return election.day
    return election.opens.astimezone(election.catalog.zone).date()


def polling_day_of(variables: Mapping[str, Any]) -> date | None:
    """Return the polling day of the election that the rendered variables of a server say; None as above.

    None too where they do not say it well, which is told elsewhere.
    """
    said = str(variables.get("election_day") or "")
    try:
        if said or variables.get("election_environment") != "official":
            return date.fromisoformat(said) if said else None
        zone = catalog.load(str(variables["election_place"])).zone
        return instants.parse_offset(str(variables["election_opens"])).astimezone(zone).date()
    except (KeyError, ValueError, catalog.CatalogError):
        return None


def counts(received: date | None, day: date | None) -> bool:
    """Tell whether what was received for the election of one polling day counts in that of another.

    It does while nobody knows one of the two: earlier versions wrote none, and a rehearsal may say none.
    """
    return received is None or day is None or abs(received - day) <= NEAR


def advice(election: Election) -> list[str]:
    """Return a sentence for each thing that regulation or call ask otherwise, and that the institute has to judge."""
    said = hours_advice(election)
    if election.environment == "official" and election.window.retain_until == election.window.closes:
        said.append(
            "la publicación termina al cierre, y lo último que se ve es el corte anterior al de esa hora; si el "
            "Instituto ordenó conservarla más, escriba election_retain_until y election_retention_order"
        )
    if election.environment == "official" and (there := len(election.simulacros)) < REHEARSALS:
        said.append(
            f"election_simulacros tiene {there} y el Reglamento de Elecciones pide {REHEARSALS}; "
            "agregue las fechas que falten"
        )
    if told := _another_institute(election):
        said.append(told)
    if told := _another_clock(election.catalog, election.opens.year):
        said.append(f"{told}; corrija clock o timezone en {catalog.file(election.place)}")
    if telephone := _unsaid_telephone(election):
        said.append(
            f"la convocatoria da el teléfono {telephone} y election_contact no lo dice; los avisos de todos los "
            "servidores quedarían sin él (DG-14)"
        )
    return said


def hours_advice(election: Election) -> list[str]:
    """Return what of `advice` is about hours and day of the publication."""
    said = []
    if (lasts := election.closes - election.opens) > LONGEST:
        hours = lasts / timedelta(hours=1)
        said.append(
            f"la publicación dura {hours:g} horas y el Reglamento de Elecciones la limita a 24 desde su inicio; "
            "revise election_opens y election_closes"
        )
    if other := _other_hours(election):
        said.append(f"{other}; revise election_opens y election_closes, o la convocatoria (election_spec)")
    if doubt := _doubtful_day(election):
        said.append(doubt)
    return said


def _other_hours(election: Election) -> str:
    """Return how the election's hours differ from the call's, as the start of a sentence; a rehearsal has any."""
    if election.environment != "official":
        return ""
    zone = election.catalog.zone
    return spec.load(election.spec).promises.other_hours(
        election.opens.astimezone(zone), election.closes.astimezone(zone)
    )


def _doubtful_day(election: Election) -> str:
    """Return a sentence when letter and page would hardly tell the right election day; a rehearsal's is to come."""
    opens = election.opens.astimezone(election.catalog.zone)
    if election.environment != "official":
        if election.day is None or election.day >= opens.date():
            return ""
        return (
            f"election_day es {election.day} y el simulacro abre después, el {opens:%Y-%m-%d}; corríjalo: los "
            "documentos que se reciban en el simulacro no contarían en la elección"
        )
    if election.day is None and opens.hour < MORNING:
        return (
            f"la publicación abre el {opens:%Y-%m-%d} a las {opens:%H:%M}, y la carta y la página dirían que ese día "
            "es la jornada; escriba en election_day el día en que se vota"
        )
    if election.day not in (None, opens.date(), opens.date() - timedelta(days=1)):
        return (
            f"election_day es {election.day} y la publicación abre el {opens:%Y-%m-%d}, ni ese día ni el siguiente; "
            "corrija uno de los dos"
        )
    return ""


def _another_clock(place: Catalog, year: int) -> str:
    """Return how the name of a place's time, which the page shows, contradicts its zone; "" when it does not."""
    hours = place.offset(datetime(year, 1, 15, tzinfo=UTC)) // timedelta(hours=1)
    found = next((each for name, each in CLOCKS.items() if name in place.clock.casefold()), hours)
    if found == hours:
        return ""
    return (
        f"la página diría «{place.clock}», que es UTC{found:+d}, y {place.timezone} es UTC{hours:+d} sin horario de "
        "verano"
    )


def _another_institute(election: Election) -> str:
    """Return a sentence when the call is another institute's, as where an election was copied and its call not changed.

    Every difusor would be judged by the other one's clauses, and its dictamen signed under this one's name.
    """
    of_the_call, own = spec.load(election.spec).institute, election.institute.name
    if _letters(of_the_call) == _letters(own):
        return ""
    return (
        f"la convocatoria {election.spec} es de «{of_the_call}» y election_institute dice «{own}»: el dictamen "
        "exigiría las cláusulas de otro Instituto; corrija election_spec, o institute en esa convocatoria"
    )


def _letters(name: str) -> str:
    """Return a name without case, accents, spaces or signs."""
    return "".join(each for each in unicodedata.normalize("NFKD", name.casefold()) if each.isalnum())


def _unsaid_telephone(election: Election) -> str:
    """Return the telephone of the call for doubts when the election's contact does not tell it; else empty."""
    call = spec.load(election.spec)
    telephone = str(call["DG-14"].expect["telephone"]) if "DG-14" in call.ids else ""
    return "" if telephone in election.contact else telephone
