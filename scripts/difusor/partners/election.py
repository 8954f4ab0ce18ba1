"""Makes the file of an election in the institute's home."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from corte.format import instants
from difusor.partners.facts import ElectionFacts
from difusor.partners.files import ensure_home, refuse_existing, render, write_new
from difusor.project import home

REHEARSAL = timedelta(hours=24)
"""How long a rehearsal lasts whose close nobody gave: as the publication of the real night."""


def file(name: str) -> Path:
    """Return where the election of this name is, whether it exists or not."""
    return home() / f"elections/{name}.yml"


def create(facts: ElectionFacts) -> Path:
    """Write the election's file and return its path; UnusableError when there is one of this name."""
    refuse_existing(file(facts.id), "la elección")
    ensure_home()
    today = instants.now().replace(hour=0, minute=0, second=0, microsecond=0)
    # A signer's key is valid from a day before the first corte, or from today, for the rehearsals.
    values = {"signs_from": min(today, facts.opens - timedelta(days=1)), "signs_until": facts.signs_until}
    write_new(file(facts.id), render("election.yml.j2", dict(facts) | values))
    return file(facts.id)


def present_hour(now: datetime | None = None) -> datetime:
    """Return the hour that has begun: when a rehearsal opens whose opening nobody gave."""
    return (now or instants.now()).replace(minute=0, second=0, microsecond=0)
