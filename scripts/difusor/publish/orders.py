"""Signs a corte with an operator's orders (a rehearsal, another close, a pause), or again for other difusores."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from corte.format.manifest import Window
from corte.format.refusal import Refusal
from difusor.inventory import Election, load_election
from difusor.project import UnusableError
from difusor.publish import mistakes, signing
from difusor.publish.signing import SignedCorte
from difusor.publish.target import Target


@dataclass(frozen=True)
class Orders:
    """What an operator orders with a signature; instants have a time zone, None means not ordered."""

    simulacro: bool = False
    sequence: int | None = None
    jump: int | None = None
    corte: datetime | None = None
    close: datetime | None = None
    retain: datetime | None = None
    words: tuple[str, ...] = ()


def sign(tree: Path, election: Path, key: Path, orders: Orders) -> tuple[SignedCorte, Window, str]:
    """Sign the corte of a folder for an election and with these orders; return it, its window and its signer.

    UnusableError or Refusal say why it cannot be.
    """
    decided = load_election(election)
    if orders.simulacro:
        decided = decided.model_copy(update={"environment": "simulacro"})
    decided = decided.within(ordered_window(decided.window, orders.close, orders.retain))
    signed, signer = _sign(tree, decided, key, orders)
    return signed, decided.window, signer


def ordered_window(window: Window, close: datetime | None, retain: datetime | None) -> Window:
    """Return the election's window with what is ordered; what is retained is never less than until the close."""
    closes = close or window.closes
    return Window(window.opens, closes, retain or max(window.retain_until, closes))


def signed_for(targets: list[Target], tree: Path, key: Path | None, jump: int | None = None) -> SignedCorte:
    """Return the signed corte of a folder; given a key, sign it first unless it is signed as these difusores expect.

    UnusableError or Refusal say why it cannot be.
    """
    if signing.is_signed(tree):
        try:
            signed, _ = signing.verify(tree)
            if key is None or (targets and signing.fits(signed, targets[0].election)):
                return signed
        except Refusal:
            if key is None:
                raise
    if key is None:
        raise UnusableError("el corte no está firmado; indique --key o use «difusor sign»")
    if not targets:
        raise UnusableError("no hay inventario que diga de qué elección es el corte")
    if ordered := signing.ordered(tree, targets[0].election):
        raise UnusableError(f"esa firma ya no vale y llevaba órdenes ({ordered}): repítalas con «difusor sign»")
    signed, _ = _sign(tree, targets[0].election, key, Orders(jump=jump))
    return signed


def _sign(tree: Path, election: Election, key: Path, orders: Orders) -> tuple[SignedCorte, str]:
    """Sign a folder, unless that looks like a mistake, and record its sequence; return the corte and its signer."""
    sequence, corte = signing.identified(tree, orders.sequence, orders.corte)
    mistakes.check(election, tree, sequence, corte, orders.jump)
    signed = signing.sign(tree, election, key, sequence, corte, orders.words)
    signer = signing.signer(signed, election)
    with suppress(OSError):  # without the record the next sequence is compared with the folder's or the clock's
        mistakes.remember(signed)
    return signed, signer
