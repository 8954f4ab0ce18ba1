"""Which orders stand at the institute: those of the last corte signed, which the next one carries on.

For each election, environment and opening, `build/cortes/` has the last manifest with its signature, and a line for
each corte signed or published, by which a corte is found to withdraw it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from corte.format import files, instants, manifest, signature
from corte.format.manifest import Manifest, Window
from corte.format.refusal import OtherVersion, Refusal
from corte.format.standing import AHEAD, MAX_WITHDRAWN, Standing, Withdrawn
from difusor.inventory import Election
from difusor.project import UnusableError, denied, lacked, locking, write
from difusor.publish import notes, signing
from difusor.publish.signing import SignedCorte

PATIENCE = 30.0
"""Seconds to wait while another run signs: it may be waiting for somebody who has left his terminal."""
_DIGEST = re.compile(r"[0-9a-f]{12,64}")


@dataclass(frozen=True)
class Records:
    """The records of one election, environment and opening."""

    election: Election

    @property
    def _last(self) -> Path:
        return self._path(notes.SIGNED)

    @property
    def _history(self) -> Path:
        return self._path(notes.HISTORY)

    def _path(self, what: str) -> Path:
        return notes.folder(self.election) / f"{self.election.window.opens:%Y%m%dT%H%M%SZ}.{what}"

    @contextmanager
    def lock(self, patience: float | None = None) -> Iterator[None]:
        """Keep another `sign` or `publish` on this machine from signing at the same time with the same orders.

        UnusableError when another one does not end in time: `patience` seconds, PATIENCE by default.
        """
        folder = notes.folder(self.election)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = files.appended(folder / notes.LOCK)
        except OSError as error:
            raise UnusableError(f"no se puede guardar en {folder} qué órdenes siguen en pie: {denied(error)}") from None
        with file:
            with locking(folder):
                is_taken = files.lock(file.fileno(), PATIENCE if patience is None else patience)
            if not is_taken:
                raise UnusableError(
                    f"otro «sign» o «publish» de esta máquina no termina de firmar en {PATIENCE:.0f} segundos (quizá "
                    "espera la frase de su llave, o está suspendido): termínelo y repita"
                )
            yield

    def standing(self) -> Standing:
        """Return what stands according to the last manifest; UnusableError as `newest`."""
        found = self.newest()
        return found.stands if found else Standing()

    def newest(self) -> Manifest | None:
        """Return the last manifest; None when no corte of this opening was signed or published here.

        UnusableError when its record is damaged or another version's, or this machine cannot read or verify it.
        """
        try:
            content = files.small(self._last)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unread(denied(error)) from None
        try:
            return _verified(content, self.election.id)
        except OSError as error:
            raise self._unread(lacked(error)) from None
        except OtherVersion as refusal:
            raise self._outdated(refusal) if refusal.code == "outdated" else self._unread(str(refusal)) from None
        except Refusal as refusal:
            raise self._unread(str(refusal)) if refusal.code == "system" else self._damaged() from None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise self._damaged() from None

    def _unread(self, cause: str) -> UnusableError:
        return UnusableError(
            f"esta máquina no puede leer y verificar {self._last}, que dice qué órdenes siguen en pie: "
            f"{cause.rstrip('.')}; corríjalo y repita, sin mover ese archivo"
        )

    def _damaged(self) -> UnusableError:
        return UnusableError(
            f"{self._last} está dañado: dice qué órdenes siguen en pie. Cámbiele el nombre, y firme dando con --after "
            "la carpeta del último corte firmado"
        )

    def _outdated(self, refusal: OtherVersion) -> UnusableError:
        """Return what to do about the record of an earlier version, which no newer one will ever read."""
        return UnusableError(
            f"{self._last} dice qué órdenes siguen en pie. {str(refusal).partition(':')[0]}. Termine con la "
            "versión que lo firmó (git checkout), o cámbiele el nombre y dé de nuevo, al firmar, las órdenes que siguen"
        )

    def check_dates(self) -> None:
        """Refuse to go on with orders that the last manifest dates later than this machine's clock."""
        _check_dates(self.standing(), self._last)

    def remember(self, signed: SignedCorte) -> None:
        """Record a signed corte, which no difusor has taken yet, as the last one; OSError when that fails.

        UnusableError when it is of another election, environment or opening.
        """
        self.keep(signed)
        self.note(signed, is_published=False)

    def keep(self, signed: SignedCorte) -> None:
        """Record a signed corte as the last one, whose orders the next one carries on; errors as `remember`."""
        self._check(signed)
        if _succeeds(signed.manifest, self.newest()):  # else another one was signed meanwhile, perhaps with more orders
            write(self._last, json.dumps({"manifest": signed.raw.decode(), "signature": signed.armour.decode()}) + "\n")

    def note(self, signed: SignedCorte, is_published: bool) -> None:
        """Add a signed corte to the history, and whether a difusor has taken it; errors as `remember`.

        It needs no lock: whoever signs may hold that for a minute, and what mirrors show is true meanwhile too.
        """
        self._add(signed, published=is_published)

    def send(self, signed: SignedCorte, at: datetime) -> None:
        """Add to the history that the first difusor had received a corte at this instant; it needs no lock, either.

        On a line of its own, which earlier versions pass over.
        """
        self._add(signed, published=False, sent=instants.write(at))

    def _add(self, signed: SignedCorte, **what: object) -> None:
        self._check(signed)
        notes.folder(self.election).mkdir(parents=True, exist_ok=True)
        entry = signed.manifest.withdrawn(signed.sha256, signed.manifest.generated)
        (line,) = Standing(withdrawn=(entry,)).to_json()["withdrawn"]
        with files.appended(self._history) as history:
            # On a line of its own, also after one that a power cut left without an end.
            history.write(f"\n{json.dumps({**line, **what})}\n".encode())

    def _check(self, signed: SignedCorte) -> None:
        if not is_of(signed.manifest, self.election):
            raise UnusableError(f"el corte {signed.manifest.sequence} no es de esta elección y apertura")

    def knows(self, sha256: str) -> bool:
        """Tell whether the corte of this manifest was signed or published on this machine; not if that is not known."""
        with suppress(OSError, UnusableError):
            return any(found.manifest_sha256 == sha256 for found, _ in self.history())
        return False

    def history(self) -> Iterator[tuple[Withdrawn, bool]]:
        """Yield each corte that was signed, and whether a difusor had taken it, the oldest first; damage is skipped."""
        yield from ((found, is_published) for found, is_published, sent in _lines(self._history) if sent is None)

    def ever(self) -> dict[str, Withdrawn]:
        """Return each corte that was signed for this election and environment, of whatever opening, by its SHA-256.

        An opening that is moved begins new records, and mirrors may still have a corte of the one before.
        """
        kept = sorted(notes.folder(self.election).glob(f"*.{notes.HISTORY}"))
        return {found.manifest_sha256: found for path in kept for found, _, _ in _lines(path)}

    def sent(self) -> list[tuple[Withdrawn, datetime]]:
        """Return each corte that a difusor has received, `at` its signing, and when the first one had received it.

        Of one that an earlier version published, the instant is not known: that of its signing stands for it.
        """
        found: dict[str, tuple[Withdrawn, datetime]] = {}
        for one, is_published, at in _lines(self._history):
            if at or is_published:
                found.setdefault(one.manifest_sha256, (one, at or one.at))
        return [*found.values()]

    def is_published(self, document: Manifest) -> bool:
        """Tell whether a difusor has taken this corte, by whichever of its manifests."""
        identity = (document.sequence, document.corte, document.content_sha256)
        return any(found.identity == identity for found, is_published in self.history() if is_published)


@lru_cache(maxsize=1)
def _verified(record: bytes, election: str) -> Manifest:
    """Return the manifest in a record of the last one; kept, because a `sign` or `publish` asks for it often."""
    found = json.loads(record)
    signature.signed_by(raw := found["manifest"].encode(), found["signature"].encode(), election)
    return manifest.read(raw)


def _lines(history: Path) -> Iterator[tuple[Withdrawn, bool, datetime | None]]:
    """Yield of each line of a history its corte, whether a difusor had taken it, and since when, if it says that."""
    with _reading(history) as lines:
        for line in lines:
            with suppress(ValueError, AttributeError, RecursionError, TypeError, KeyError):
                entry = json.loads(line)
                is_published, sent = entry.pop("published"), entry.pop("sent", None)
                (found,) = Standing.from_json({**Standing().to_json(), "withdrawn": [entry]}).withdrawn
                yield found, is_published is True, None if sent is None else instants.parse(sent)


@contextmanager
def _reading(history: Path) -> Iterator[Iterable[bytes]]:
    """Yield the lines of a history, none where there is none; UnusableError when it cannot be read."""
    try:
        with suppress(FileNotFoundError):
            yield files.small(history).splitlines()
            return
    except OSError as error:
        raise UnusableError(
            f"esta máquina no puede leer {history}, que dice qué cortes se firmaron y se publicaron: {denied(error)}; "
            "corríjalo y repita, sin mover ese archivo"
        ) from None
    yield ()


def opening_of(one: Election | Manifest) -> tuple[str, str, datetime]:
    """Return what a corte and its orders are of: election, environment and opening."""
    return one.id if isinstance(one, Election) else one.election, one.environment, one.window.opens


def is_of(found: Manifest, election: Election) -> bool:
    """Tell whether a manifest is of this election, environment and opening."""
    return opening_of(found) == opening_of(election)


def _succeeds(document: Manifest, before: Manifest | None) -> bool:
    """Tell whether a manifest takes the place of the last one: it knows more orders, or the same and is no older.

    One of an hour to come was signed by a clock that was ahead, and makes none older.
    """
    if before is None:
        return True
    if document.stands == before.stands:
        return document.generated >= before.generated or before.generated > instants.now() + AHEAD
    return document.stands.includes(before.stands)


def latest(election: Election, after: Path | None = None) -> Manifest | None:
    """Return the newest manifest of those that this machine remembers and that `after` gives; None for none.

    UnusableError or Refusal say why one cannot be read.
    """
    given = None if after is None else _signed(after, election)
    return max(filter(None, (given, Records(election).newest())), key=lambda one: one.generated, default=None)


def window_in_force(election: Election) -> Window:
    """Return that of the last corte signed on this machine, or else that of the election.

    UnusableError as `Records.newest`.
    """
    last = Records(election).newest()
    return last.window if last else election.window


def statement(
    folder: Path, election: Election, after: Path | None = None, withdraw: str | None = None
) -> Callable[[Manifest], Standing]:
    """Return the function that says what stands with a new manifest: what stood, its own orders and a withdrawal.

    What stood is in the last manifest signed on this machine, in the folder's own, and in `after`, a folder or
    corte.json signed elsewhere. `withdraw` names a corte: a folder, a corte.json, or the beginning of its manifest's
    SHA-256. UnusableError or Refusal say why it cannot be.
    """
    records = Records(election)
    records.check_dates()
    own = in_folder(folder, election)
    _check_dates(own, folder / manifest.NAME)
    before = records.standing().join(own)
    if after is not None:
        given = _signed(after, election).stands
        _check_dates(given, after)
        before = before.join(given)
    gone = _find(withdraw, folder, records) if withdraw else None
    if gone and len(before.withdrawn) >= MAX_WITHDRAWN:
        raise UnusableError(f"ya hay {MAX_WITHDRAWN} cortes retirados; revoque la llave que los firma")

    def stands(document: Manifest) -> Standing:
        held = document.first_held(records.is_published(document))
        found = before.after(document.orders, document.generated, document.sequence, held)
        if gone:
            at = document.generated
            found = found.join(Standing(withdrawn=(Withdrawn(at, *gone.identity, gone.manifest_sha256),)))
        elif found.withdraws(document.sequence, document.corte, document.content_sha256):
            raise Refusal("withdrawn", "Este corte está retirado; el corregido lleva otro número o contenido.")
        return found

    return stands


def past_signer(signed: SignedCorte, election: Election, is_known: bool = False) -> str:
    """Return who signed, if he may sign now, or might when he signed what is known to be the institute's; else Refusal.

    Known is what this machine signed or published, and with `is_known` anything: whoever gets hold of a key after its
    last day can sign with an earlier date.
    """
    try:
        return signing.signer(signed, election)
    except Refusal:
        if not is_known and not Records(election).knows(signed.sha256):
            raise
        return signing.signer(signed, election, signed.manifest.generated)


def _check_dates(stands: Standing, path: Path) -> None:
    """Refuse orders of a file that are dated later than the clock: no manifest that carries them is valid."""
    latest, now = stands.latest, instants.now()
    if latest is not None and latest > now + AHEAD:
        raise UnusableError(
            f"{path} lleva órdenes de las {instants.write(latest)}, y aquí son las {instants.write(now)}: se firmó con "
            "un reloj adelantado, y hasta esa hora ningún corte puede llevarlas. Compruebe el de esta máquina; si está "
            "bien, y ningún espejo las sigue («standing» en su estado.json), mueva ese archivo a otra carpeta y firme "
            "dando con --after la carpeta del último corte bueno. Si alguno las sigue, espere a esa hora"
        )


def in_folder(folder: Path, election: Election) -> Standing:
    """Return what stands according to the folder's own manifest, if it is of this opening and of one of its signers.

    Refusal when this machine cannot verify that.
    """
    try:
        return _signed(folder, election).stands
    except Refusal as refusal:
        if refusal.code == "system":
            raise
        return Standing()


def _signed(path: Path, election: Election) -> Manifest:
    """Return the manifest of a folder, or of a corte.json, with the valid signature beside it; else Refusal."""
    folder = path if path.is_dir() else path.parent
    signed = SignedCorte.of(folder, *signing.papers(folder))
    try:
        past_signer(signed, election, is_known=True)  # by who gives it
    except Refusal as refusal:
        listed = [each.key for each in election.signers] + election.revoked_keys
        if refusal.code != "signature" or signature.is_by_any(signed.armour, "\n".join(listed)):
            raise
        raise Refusal("signature", _unlisted(signed, election)) from None
    if not is_of(signed.manifest, election):
        raise Refusal("window", f"{folder / manifest.NAME} es de otra apertura.")
    return signed.manifest


def _unlisted(signed: SignedCorte, election: Election) -> str:
    """Return what to do with what nobody signed who is listed, nor a revoked key; Refusal when no key at all has."""
    key = signature.signed_by(signed.raw, signed.armour, election.id)
    return (
        f"{signed.folder / manifest.NAME} lo firmó la llave {key}, que no está en election_signers. Si es de quien ya "
        "no firma, repóngala con valid_before de ahora, ejecute «difusor signers» y repita; si fue robada, firme sin "
        "--after y dé otra vez las órdenes que siguen en pie."
    )


def _find(text: str, folder: Path, records: Records) -> Withdrawn:
    """Return the corte that an operator names, of whatever opening, as an entry of the withdrawn ones."""
    path = Path(text)
    if _DIGEST.fullmatch(text) and not path.exists():
        path = folder
    try:
        raw = files.read_capped(str(path / manifest.NAME if path.is_dir() else path), manifest.MAX_BYTES)
        document, sha256 = manifest.read(raw), manifest.digest(raw)
    except Refusal:
        if not _DIGEST.fullmatch(text):
            raise
    else:
        if path != folder or not _DIGEST.fullmatch(text) or sha256.startswith(text):
            if opening_of(document)[:2] != opening_of(records.election)[:2]:
                raise Refusal("recipient", f"{path} no es un corte de esta elección.")
            return document.withdrawn(sha256, document.generated)
    found = [entry for sha256, entry in records.ever().items() if sha256.startswith(text)]
    if len(found) != 1:
        raise UnusableError(
            f"no se sabe cuál es el corte {text}: dé su carpeta, o su corte.json, que da todo espejo con su página"
        )
    return found[0]
