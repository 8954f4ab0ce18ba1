"""Signing as an operator orders it: a rehearsal, another close, a pause; or anew, for difusores with other terms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from corte.format.manifest import Window
from corte.format.refusal import Refusal
from difusor.publish import signing
from difusor.publish.signing import Signed
from difusor.publish.target import Target
from difusor.publish.terms import Terms, UnusableError


@dataclass(frozen=True)
class Orders:
    """What an operator orders with a signature; instants are aware, None what is not ordered."""

    simulacro: bool = False
    sequence: int | None = None
    corte: datetime | None = None
    close: datetime | None = None
    retain: datetime | None = None
    words: tuple[str, ...] = ()


def sign(tree: Path, election: Path, key: Path, orders: Orders) -> tuple[Signed, Window, str]:
    """Sign the corte of a folder under an election's terms and these orders; return it, its window and its signer.

    UnusableError or Refusal say why it cannot be.
    """
    terms = Terms.read(election)
    if orders.simulacro:
        terms = replace(terms, environment="simulacro")
    terms = replace(terms, window=ordered_window(terms.window, orders.close, orders.retain))
    signed = signing.sign(tree, terms, key, orders.sequence, orders.corte, list(orders.words))
    return signed, terms.window, signing.signer(signed, terms)


def ordered_window(window: Window, close: datetime | None, retain: datetime | None) -> Window:
    """Return the election's window with what is ordered; what is retained is never less than until the close."""
    closes = close or window.closes
    return Window(window.opens, closes, retain or max(window.retain_until, closes))


def signed_for(targets: list[Target], tree: Path, key: Path | None) -> Signed:
    """Return the signed corte of a folder; given a key, sign it first unless it is signed as these difusores expect.

    UnusableError or Refusal say why it cannot be.
    """
    if signing.is_signed(tree):
        try:
            signed, _ = signing.verify(tree)
            if key is None or (targets and signing.fits(signed, targets[0].terms)):
                return signed
        except Refusal:
            if key is None:
                raise
    if key is None:
        raise UnusableError("el corte no está firmado; indique --key o use «difusor sign»")
    if not targets:
        raise UnusableError("no hay inventario que diga de qué elección es el corte")
    if ordered := signing.ordered(tree, targets[0].terms):
        raise UnusableError(f"esa firma ya no vale y llevaba órdenes ({ordered}): repítalas con «difusor sign»")
    return signing.sign(tree, targets[0].terms, key)
