"""Tells the inventory which filed papers attest clauses, so that preflight and dictamen know them."""

from __future__ import annotations

import re
from pathlib import Path

from corte.format import files
from difusor.inventory import polling_day
from difusor.partners import election
from difusor.partners.facts import data
from difusor.partners.files import render
from difusor.partners.filing.papers import Papers
from difusor.spec import papers as texts

FILE = "attested.yml"
DECLARES = re.compile(r"^difusor_attestations:", re.MULTILINE)


def tell(inventory: Path, papers: Papers) -> str:
    """Write the group's attested.yml, if it says something else; return what keeps it from that, or "".

    Each document says for which election it is: the file stays when the inventory is linked to another one.

    One list of attestations cannot add to another, so a list that somebody wrote by hand stays the only one.
    """
    group, whose = inventory / "group_vars" / inventory.resolve().name, election.of(inventory)
    entries = [
        {"clause": clause, "file": each.file, "sha256": each.sha256, "signed_by": data(each.signed_by),
         "received": each.received.astimezone(whose.catalog.zone).date().isoformat(), "day": str(each.day or "")}
        for each in papers.in_election(polling_day(whose)).standing.values()
        if (clause := texts.load(whose.spec).letter.clause if each.paper == "carta" else each.clause)
    ]  # fmt: skip
    if not entries:
        return ""
    if not group.is_dir():
        return f"el inventario no tiene {group}; agregue el documento a difusor_attestations"
    for other in sorted(group.glob("*.yml")):
        if other.name != FILE and DECLARES.search(files.text(other, errors="replace")):
            return (
                f"{other} ya tiene difusor_attestations; agregue ahí el documento, o pase al expediente los que tiene"
            )
    content = render("attested.yml.j2", {"entries": entries}).encode()
    if not (group / FILE).exists() or files.small(group / FILE) != content:
        files.replace(group / FILE, content)
    return ""
