"""What `publish` says, before it sends a corte, of the orders that it carries and of those that end with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from difusor.terminal import console, printable, warn

if TYPE_CHECKING:
    from difusor.inventory import Election
    from difusor.publish.signing import SignedCorte


def tell(signed: SignedCorte, election: Election | None) -> None:
    """Print what a corte orders, what it carries on, how its window was moved, and what of the one before has ended.

    That there is nothing of it is told too: who forgot an order reads it here. Without an election nobody gets it, and
    neither its own window nor the corte before is known.
    """
    from difusor.publish import carried

    document, zone = signed.manifest, election.catalog.zone if election else None
    own, inherited = carried.orders(document)
    moved = carried.moved(document.window, election.window) if election else []
    for said, clauses in (("orden", own), ("sigue en pie, de un corte anterior", inherited), ("orden", moved)):
        for clause in clauses:
            console.print(f"  {said}: {printable(clause, zone)}", soft_wrap=True)
    if not (own or inherited or moved):
        console.print("  órdenes: ninguna")
    before, unknown = carried.last(election) if election else (None, "")
    for clause in carried.ended(document, before):
        warn(f"termina: {clause}", zone)
    if unknown:
        warn(unknown)
