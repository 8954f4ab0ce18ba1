"""Signs a corte with an operator's orders (a rehearsal, another close, a pause), or again for other difusores."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from corte.format import instants, signature
from corte.format.manifest import Manifest, Window
from corte.format.refusal import Refusal
from corte.format.standing import Standing
from difusor.inventory import Election, load_election
from difusor.project import UnusableError
from difusor.project import refusal as why_not
from difusor.publish import carried, changed, elsewhere, keys, mistakes, signing, standing, wording
from difusor.publish.deliver import Outcome
from difusor.publish.signing import SignedCorte
from difusor.publish.target import Target
from difusor.terminal import local

TAKEN = ("shown", "held", "paused", "moved", "shut")
"""The results at a difusor that has the corte."""
BRIEFLY = 0.1
"""Seconds to wait while somebody else signs, and other difusores' results are to be told."""


class NotRemembered(UnusableError):
    """A corte was signed, and this machine could not write down with which orders; the message says what to do."""

    def __init__(self, signed: SignedCorte, why: str) -> None:
        """Take the corte, and as a clause what prevents it."""
        super().__init__(
            f"el corte {signed.manifest.sequence} quedó firmado en {signed.folder} y se puede publicar, pero aquí no "
            f"se anotó ({why.rstrip('.')}): el siguiente podría firmarse sin sus órdenes. Corríjalo y repita la misma "
            "firma; o dé esta carpeta con --after al firmar el siguiente"
        )
        self.signed = signed


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
    after: Path | None = None
    withdraw: str | None = None


def sign(tree: Path, election: Path, key: Path, orders: Orders) -> tuple[SignedCorte, Election, str]:
    """Sign the corte of a folder for an election and with these orders; return it, the election, and its signer.

    The election has the window that is ordered.

    UnusableError or Refusal say why it cannot be.
    """
    keys.check(tree)
    decided = load_election(election)
    mistakes.check_election(decided, tree)
    if orders.simulacro:
        decided = decided.model_copy(update={"environment": "simulacro"})
    _check_offsets(decided, orders)
    _, corte = signing.identified(tree, orders.sequence, orders.corte)
    mistakes.check_moved(decided, corte, orders.close, orders.retain, orders.after)
    decided = decided.within(ordered_window(decided.window, orders.close, orders.retain))
    signed = _sign(tree, decided, key, orders)
    return signed, decided, signing.signer(signed, decided)


def _check_offsets(election: Election, orders: Orders) -> None:
    """Refuse an ordered instant with another difference with UTC than the place's, as in the election's own file."""
    said = {"--corte": orders.corte, "--close": orders.close, "--retain": orders.retain}
    if faults := election.catalog.misplaced(said, election.opens):
        raise UnusableError("\n".join(f"{option}: {fault}" for option, fault in faults.items()))


def ordered_window(window: Window, close: datetime | None, retain: datetime | None) -> Window:
    """Return the election's window with what is ordered; what is retained is never less than until the close."""
    closes = close or window.closes
    retained = window.retain_until if window.retain_until > window.closes else closes
    return Window(window.opens, closes, retain or max(retained, closes))


def signed_for(
    targets: list[Target],
    tree: Path,
    key: Path | None,
    jump: int | None = None,
    tell: Callable[[SignedCorte], object] = lambda signed: None,
    say: Callable[[str], object] = lambda sentence: None,
) -> SignedCorte:
    """Return the signed corte of a folder; given a key, sign it first unless it is signed as these difusores expect.

    `tell` is called with a corte that was signed now, `say` with what the operator has to know of that. UnusableError
    or Refusal say why it cannot be.
    """
    _check_alike(targets)
    is_signed = signing.is_signed(tree)
    _check_key(key, is_signed)
    keys.check(tree)
    if targets:
        mistakes.check_election(targets[0].election, tree)
    signed, why = _signed_already(targets, tree, key) if is_signed else (None, changed.unsigned(tree))
    if signed:
        return signed
    if key is None:
        raise UnusableError(f"el corte no está firmado: {why}. Indique --key, o fírmelo: {changed.again(tree)}")
    if not targets:
        raise UnusableError("no hay inventario que diga de qué elección es el corte")
    if ordered := signing.ordered(tree, targets[0].election, standing.Records(targets[0].election).newest()):
        cause = f". No vale porque {why}" if why else ""
        raise UnusableError(f"esa firma ya no vale y llevaba órdenes ({ordered}): repítalas con «difusor sign»{cause}")
    elsewhere.check(targets[0].election, targets, standing.in_folder(tree, targets[0].election))
    if why and (is_signed or changed.is_half_signed(tree)):
        say(f"{why}; se firma otra vez")
    try:
        signed = _sign(tree, targets[0].election, key, Orders(jump=jump))
    except NotRemembered as lost:  # citizens wait, and it is written down once more when a difusor has taken it
        signed = lost.signed
        say(str(lost))
    tell(signed)
    return signed


def _check_key(key: Path | None, is_signed: bool) -> None:
    """Refuse a key that is none, also where it would not be needed: who gives it relies on it."""
    if key is None or signature.is_key(key):
        return
    remedy = "corrija --key, o quítela, que el corte ya está firmado" if is_signed else "corrija --key"
    if why := signature.spoilt(key):
        raise UnusableError(f"la llave {key} {why}")
    raise UnusableError(f"{key} no existe, no se puede leer o no es una llave de OpenSSH; {remedy}")


def _signed_already(targets: list[Target], tree: Path, key: Path | None) -> tuple[SignedCorte | None, str]:
    """Return the corte of a signed folder, or None if it is to be signed with this key, and what changed in it."""
    try:
        signed, _ = signing.verify(tree)
        missing = _missing(signed, targets)
        if key is None and missing:
            raise UnusableError(f"no lleva lo que sigue en pie ({missing}); fírmelo otra vez: {changed.again(tree)}")
        if key is None or (targets and not missing and signing.fits(signed, targets[0].election)):
            mistakes.check_end(signed.manifest.window)
            return signed, ""
    except Refusal as refusal:
        if key is None or refusal.code == "system":  # what this machine cannot verify may hold, and is not replaced
            raise changed.explained(tree, refusal) from None
        return None, changed.stale(tree, refusal)
    return None, ""


class Publication:
    """Writes down that a difusor has taken a corte, so that an order to hold given with it later keeps it shown.

    It is written as soon as the first difusor has taken the corte. If it were written at the end of the run, an order
    to hold that is given before that, or after the run was killed, would keep the corte from those that still wait.
    The orders of a corte are also written down when a difusor follows them and refuses the corte, and so is when the
    first difusor received them. What prevents the writing never stops a delivery.
    """

    def __init__(self, signed: SignedCorte, election: Election) -> None:
        """Take the corte that is published, and the election of the difusores."""
        self._signed, self._records = signed, standing.Records(election)
        self._is_taken = self._is_followed = self._is_noted = self._is_kept = self._is_carried = False
        self._sent: datetime | None = None
        # It may give no orders, or none here: then nobody asks when they were sent.
        self._is_sent = signed.manifest.stands == Standing() or not standing.is_of(signed.manifest, election)

    def hear(self, outcome: Outcome) -> None:
        """Take what came of the corte at a difusor; nobody is kept waiting."""
        self._is_taken |= outcome.result in TAKEN
        self._is_followed |= outcome.follows
        if outcome.sent_bytes and self._sent is None:
            self._sent = instants.now()
        with suppress(Exception):  # what is a fault of this program's stops no delivery, and is raised at the end
            self._remember(BRIEFLY)

    def end(self) -> str:
        """Remember what could not be until now; return what prevents it, "" when nothing does."""
        return self._remember()

    def _remember(self, patience: float | None = None) -> str:
        # Each for itself: its orders are kept for the next corte though the history cannot be written, or the reverse.
        problems = [_told(self._note_sent)]
        if self._is_taken or self._is_followed:
            problems += [_told(self._note_taken), _told(partial(self._keep, patience)), _told(self._note_carried)]
            if not self._is_taken and patience is None:
                problems.append(_told(partial(self._records.note, self._signed, is_published=False)))
        return "; ".join(dict.fromkeys(filter(None, problems)))

    def _note_sent(self) -> None:
        if self._sent and not self._is_sent:
            self._records.send(self._signed, self._sent)
            self._is_sent = True

    def _note_taken(self) -> None:
        if self._is_taken and not self._is_noted:
            self._records.note(self._signed, is_published=True)
            self._is_noted = True

    def _note_carried(self) -> None:
        if self._is_taken and not self._is_carried:
            carried.note(self._signed.manifest, self._records.election)
            self._is_carried = True

    def _keep(self, patience: float | None) -> None:
        if not self._is_kept:
            with self._records.lock(patience):
                self._records.keep(self._signed)
            self._is_kept = True


def _told(do: Callable[[], object]) -> str:
    """Do something, and return as a sentence why it cannot be; "" when it could."""
    try:
        do()
    except (UnusableError, OSError) as problem:
        return why_not(problem)
    return ""


def _check_alike(targets: list[Target]) -> None:
    """Refuse difusores of several elections, environments or openings: a corte is of one, and so are its orders."""
    found = {standing.opening_of(target.election): target for target in targets}
    if len(found) > 1:
        told = "; ".join(
            f"{target.name} publica {election} ({environment}), que abre {local(opens, target.election.catalog.zone)}"
            for (election, environment, opens), target in found.items()
        )
        raise UnusableError(
            f"los difusores no son de la misma elección y apertura ({told}): publique los de cada una por separado; no "
            "se envió nada"
        )


def _missing(signed: SignedCorte, targets: list[Target]) -> str:
    """Return which orders stand at the institute that a signed corte does not carry, as one Spanish clause.

    A close or an end that was moved after it was signed is one. Nothing is missing from a corte of another election,
    which is refused as such.
    """
    if not targets or not standing.is_of(signed.manifest, targets[0].election):
        return ""
    records = standing.Records(targets[0].election)
    missing = wording.lacking(signed.manifest.stands, records.standing())
    if missing := [*missing, *_moved_back(signed.manifest, records)]:
        records.check_dates()  # what cannot be signed is not to be asked for
    return ", ".join(missing)


def _moved_back(document: Manifest, records: standing.Records) -> list[str]:
    """Return as Spanish clauses what of the window in force a corte would move back that was signed before it.

    In force is that of the newest corte, once a difusor has that; mirrors take the window of whichever comes last.
    """
    newest = records.newest()
    if newest is None or newest.generated <= document.generated:
        return []
    moved = [
        f"{says} {instants.write(was)}, y este corte dice {instants.write(would)}"
        for _, says, was, would in wording.moves(newest.window, document.window)
    ]
    return moved if moved and records.is_published(newest) else []


def _sign(tree: Path, election: Election, key: Path, orders: Orders) -> SignedCorte:
    """Sign a folder, unless that looks like a mistake, with everything that stands; remember it for the next corte."""
    sequence, corte = signing.identified(tree, orders.sequence, orders.corte)
    if not orders.withdraw:
        mistakes.check_given(election, tree, orders.sequence, orders.corte)
    mistakes.check(election, tree, sequence, corte, orders.jump)
    if not ((orders.words or orders.withdraw) and signing.has_signed(tree, sequence, corte)):
        mistakes.check_page(election, tree, corte)  # to hold or withdraw what is out is urgent, whatever its page says
    if "light" in orders.words:
        mistakes.check_light(election)
    words = (*orders.words, *(["withdrawal"] if orders.withdraw else []))
    records = standing.Records(election)
    with records.lock():  # another one may sign the same folder, and its file is not finished then
        signing.clear(tree)
    _check_publication(election, orders)  # and once more when nobody else signs; to read the files may take a minute
    read = signing.contents(tree, election, sequence, corte)  # images take longer than others would wait for the lock
    with records.lock():
        stands = _checked(election, standing.statement(tree, election, orders.after, orders.withdraw))
        _check_publication(election, orders)
        # What a key signed that servers do not know was never ordered, and is not written over what they know.
        admitted = partial(signing.admit, election)
        signed = signing.sign(tree, election, key, sequence, corte, words, stands, admitted, read)
        try:
            records.remember(signed)
        except (UnusableError, OSError) as problem:
            raise NotRemembered(signed, why_not(problem)) from None
    return signed


def _check_publication(election: Election, orders: Orders) -> None:
    """Refuse a window that moves what was signed last, or that is over."""
    mistakes.check_window(election, orders.close, orders.retain, orders.after)
    mistakes.check_end(election.window)


def _checked(election: Election, stands: Callable[[Manifest], Standing]) -> Callable[[Manifest], Standing]:
    """Return the function that says what stands, and refuses the content of a manifest where another has its number."""

    def checked(document: Manifest) -> Standing:
        found = stands(document)
        mistakes.check_content(election, document, found)
        return found

    return checked
