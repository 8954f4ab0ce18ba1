"""A paper as HTML: what heads it, and a template of its own that fills the common layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import jinja2

from corte.format import instants
from difusor.inventory import Election
from difusor.papers import dates
from difusor.terminal import plain


@dataclass(frozen=True)
class Issuer:
    """The institute as the head of a paper names it. `signs` is the post that signs, `signer` the person or ""."""

    name: str
    acronym: str
    address: str
    telephone: str
    contact: str
    color: str
    signs: str
    signer: str
    zone: ZoneInfo

    @classmethod
    def of(cls, election: Election) -> Issuer:
        """Return the institute that holds an election."""
        said = election.institute
        return cls(
            name=said.name, acronym=said.acronym, address=said.address, telephone=said.telephone,
            contact=election.contact, color=said.colors.band, signs=said.signs.post, signer=said.signs.name,
            zone=ZoneInfo(election.timezone),
        )  # fmt: skip


@dataclass(frozen=True)
class Head:
    """What heads a paper: its title, under what (the election), who issues it, when, and its folio or ""."""

    title: str
    about: str
    issuer: Issuer
    made: datetime
    folio: str = ""


def document(template: str, head: Head, values: Mapping[str, Any]) -> str:
    """Return a paper as one HTML file without references to other files.

    `template` is a name in templates/ and extends paper.html.j2. Every text in `values` is data: it is escaped, stands
    in one line, and loses the characters that act instead of being seen.
    """
    return environment("difusor.papers").get_template(template).render(values, head=head, issuer=head.issuer)


@cache
def environment(package: str) -> jinja2.Environment:
    """Return Jinja for the templates of a package: every text is escaped and `_seen`, and no value may be missing."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader(package),
        autoescape=True,
        finalize=_seen,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    made.filters |= {"day": dates.day, "hour": dates.hour, "utc": instants.write}
    return made


def _seen(value: Any) -> Any:
    """Return what stands for a value in the paper; markup of the templates' own stays as it is."""
    return plain(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
