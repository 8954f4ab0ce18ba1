"""Where the page's name leads: every address that the DNS gives for it is the server's, or shows the same page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from corte_fixtures import PACE, WAIT, said, shown_in
from testinfra.host import Host
from web_fixtures import STATUS, answered, door_of

from difusor import inventory
from difusor.publish import other_addresses
from difusor.publish.mirror import Mirror
from difusor.servers import leads
from difusor.suite.waiting import until
from difusor.terminal import plain

Record = Callable[[object], None]
CONTROL = "example.com"
"""A name that every name server knows: who does not resolve that one says nothing of another."""
OTHER_MACHINES = ("(35)", "(52)", "(56)")
"""What curl says of a machine that keeps no page of this name: no encryption for it, no answer, a closed connection."""


@pytest.mark.clause("DG-02")
def test_its_name_leads_to_the_page(
    untrusted: Host, variables: dict[str, Any], mirror: Mirror, record_evidence: Record
) -> None:
    """El nombre de la página lleva a los ciudadanos a ella: en cada una de sus direcciones alguien la entrega."""
    difusor = inventory.Host.of(variables["inventory_hostname"], variables)
    name = difusor.partner.public_name
    if name.endswith(other_addresses.RESERVED):
        record_evidence(f"{name} es un nombre reservado, como los de un laboratorio: no está en el DNS")
        return
    source = Path(leads.__file__).read_text(encoding="utf-8")
    given = (name, difusor.entrances[0], CONTROL)
    found = json.loads(untrusted.check_output("python3 -c %s %s %s %s", source, *given))
    if found["unknown"] == "unsaid":
        pytest.skip(f"el punto de observación no pudo saber a dónde lleva {name}; revise su servidor de nombres")
    record_evidence(f"{name} lleva a {', '.join(found['addresses']) or 'ninguna dirección'}")
    assert found["addresses"], f"{name} no tiene ninguna dirección en el DNS: revise el dominio y sus registros"
    difference, reached = partial(_strange, untrusted, name, difusor, mirror), found["families"]
    faults, untold = [], []
    for address, trouble in found["addresses"].items():
        if trouble == "unrouted":
            record_evidence(f"no se preguntó en {address}: el punto de observación no tiene ruta hasta ahí")
        elif trouble and (trouble == "closed" or leads.family(address) in reached):
            faults.append(f"a {address}, donde nadie responde")
        elif trouble:
            untold.append(address)
        elif not difusor.is_entrance(address):
            faults += [f"a {address}, {why}" for why in difference(address, untold)]
    assert not faults, f"{name} lleva {' y '.join(faults)}: revise el DNS"
    untold = untold if "" in found["addresses"].values() else [*found["addresses"]]
    if untold:
        pytest.skip(f"desde el punto de observación no se pudo saber quién responde en {', '.join(untold)}")


def _strange(
    vantage: Host, name: str, difusor: inventory.Host, mirror: Mirror, address: str, untold: list[str]
) -> Iterator[str]:
    """Yield why an address that the inventory does not know is not the page's; add it to `untold` when nobody can tell.

    It may be: the server's IPv6 address is in no inventory, nor where the visitors of a CDN or a balancer arrive.
    """
    said(mirror)  # without it there is nothing to compare with, and other tests say so
    ask = partial(answered, vantage, door_of(name, address), f"https://{name}{STATUS}")
    _, text, complaint = ask()
    if complaint:
        if any(each in complaint for each in OTHER_MACHINES):
            yield "donde responde otra máquina"
        else:
            untold.append(address)
    elif (election := _told(text).get("election")) is None:
        yield "donde responde otra página"
    elif election != difusor.election.id:
        yield f"donde responde la elección «{plain(election, 40)}»"
    else:
        # One of several servers gets each corte a moment before or after another.
        what = f"en {address} se muestre el mismo corte que en {difusor.name}: {name} lleva también ahí"
        until(
            lambda: (_shown(ask()[1]), shown_in(said(mirror))),
            lambda seen: seen[0] == seen[1],
            what=what, within=WAIT, every=PACE,
        )  # fmt: skip


def _shown(text: str) -> str | None:
    """Return what `shown_in` does of an estado.json; None for any other text, such as the notice of a busy proxy."""
    found = _told(text)
    return shown_in(found) if found else None


def _told(text: str) -> dict[str, Any]:
    """Return an estado.json, with what it must have to be compared; empty for any other text."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    is_status = isinstance(found, dict) and isinstance(found.get("shown", ""), dict | None)
    return {"shown": None, **found} if is_status else {}
