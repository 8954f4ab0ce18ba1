"""Makes the file of an election in the institute's home."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from corte.format import files, instants
from difusor import catalog
from difusor.catalog import Catalog
from difusor.inventory import (
    Election,
    InventoryError,
    election_faults,
    election_file,
    election_of,
    load_election,
)
from difusor.inventory.calendar import polling_day
from difusor.partners.facts import ElectionFacts, FactError
from difusor.partners.files import ensure_home, refuse_existing, render, write_new
from difusor.project import DAMAGE, ROOT, UnusableError, home, home_or_project, whose
from difusor.spec import reading
from difusor.terminal.arguments import elections

COPIED = tuple(f"election_{name}" for name in ("spec", "place", "offices", "institute", "client", "time_servers"))
"""What a new election takes from another: its call, where it is, the offices, and who holds it."""
OF_ONE_ELECTION = ("form_until", "list_from", "elected")
"""What the call says of one election only: its dates and what is elected; the rest of election_call is taken too."""
REHEARSAL = timedelta(hours=24)
"""How long a rehearsal lasts whose close nobody gave: as the publication of the real night."""


def file(name: str) -> Path:
    """Return where the election of this name is, whether it exists or not."""
    return home() / f"elections/{name}.yml"


def chosen(given: str | None) -> str:
    """Return the name of the election that is meant: the given one, or the only one; else UnusableError."""
    there = elections()
    listed = ", ".join(there) or "ninguna"
    if given is None and len(there) != 1:
        raise UnusableError(f"diga para qué elección con --election; las que hay {whose()}: {listed}")
    name = there[0] if given is None else given
    if name not in there:
        raise UnusableError(f"no existe la elección «{name}»; las que hay {whose()}: {listed}")
    return name


def of(inventory: Path) -> Election:
    """Return the election of an inventory: of the file that it links, which needs no Ansible, or else of itself.

    InventoryError says why it cannot be read.
    """
    return load_election(election_file(inventory))


def models() -> list[str]:
    """Return the elections whose place and institute a new one may have: the institute's own, else the project's."""
    for folder in (home(), ROOT):
        if found := sorted(path.stem for path in (folder / "elections").glob("[!.]*.yml") if _copied(path)):
            return found
    return []


def _copied(path: Path) -> dict[str, Any]:
    """Return what a new election takes from this file; {} when that is not all there, or depends on an inventory."""
    try:
        variables = reading.values(files.text(path))["all"]["vars"]
        found = {name: variables[name] for name in COPIED}
        found["election_day"] = str(variables.get("election_day") or "")
        found["election_contact"] = variables.get("election_contact") or ""
        said = variables.get("election_call") or {}
        found["election_call"] = {name: value for name, value in said.items() if name not in OF_ONE_ELECTION}
        is_of_inventory = "{{" in str(found) or str(variables.get("election_id") or "").startswith("{{")
    except (OSError, yaml.YAMLError, *DAMAGE):
        return {}
    return {} if is_of_inventory else found


def taken(like: str) -> dict[str, Any]:
    """Return what a new election takes from the one of this name; UnusableError when that one cannot be a model."""
    model = home_or_project(f"elections/{like}.yml")
    if model.is_file() and (faults := election_faults(model)):
        raise UnusableError("\n".join(faults))
    if not (copied := _copied(model)):
        raise UnusableError(
            f"de {model} no se pueden tomar convocatoria, lugar e Instituto; elija entre: {', '.join(models())}"
        )
    return copied | {"election_day": _day(model, copied["election_day"])}


def _day(model: Path, said: str) -> str:
    """Return a model's election day, as 2027-06-06; while it cannot be read whole, what it says itself, or ""."""
    try:
        return str(polling_day(load_election(model)) or "")
    except InventoryError:
        return said


def create(facts: ElectionFacts) -> Path:
    """Write the election's file and return its path; UnusableError when there is one of this name, or it is none.

    FactError, by option, when an instant has another difference with UTC than the place.
    """
    refuse_existing(file(facts.id), "la elección")
    content = text(facts)
    election_of(content, f"con el lugar y el Instituto de «{facts.like}» no se puede; nada se creó")
    _refuse_misplaced(facts)
    ensure_home()
    write_new(file(facts.id), content)
    return file(facts.id)


def _refuse_misplaced(facts: ElectionFacts) -> None:
    """Refuse what was written with another place's difference with UTC: the file says instants in UTC, without it."""
    there, rest = place(facts.like), {"--closes": facts.closes, "--notice-until": facts.notice_until}
    # A close that nobody gave has the opening's difference, and with a wrong one only the opening is told.
    if faults := there.misplaced({"--opens": facts.opens}) or there.misplaced(rest, facts.opens):
        raise FactError(faults)


def place(like: str) -> Catalog:
    """Return the catalogue of the place of an election like this one; UnusableError when that one is no model."""
    return catalog.load(taken(like)["election_place"])


def text(facts: ElectionFacts) -> str:
    """Return what the election's file says; UnusableError when `like` says nothing of a place and an institute."""
    copied = taken(facts.like)
    # A rehearsal is one of its model's election, unless that is over; another election has a day of its own.
    yesterday = (facts.opens - timedelta(days=1)).date().isoformat()
    if facts.environment == "official" or copied["election_day"] < yesterday:
        copied["election_day"] = ""
    today = instants.now().replace(hour=0, minute=0, second=0, microsecond=0)
    # A signer's key is valid from a day before the first corte, or from today, for the rehearsals.
    signs = {"signs_from": min(today, facts.opens - timedelta(days=1)), "signs_until": facts.signs_until}
    return render("election.yml.j2", dict(facts) | copied | signs)


def present_hour() -> datetime:
    """Return the hour that has begun: when a rehearsal opens whose opening nobody gave."""
    return instants.now().replace(minute=0, second=0, microsecond=0)
