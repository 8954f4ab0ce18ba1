"""Signs a corte's tree at the institute, and checks signed trees."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from corte.format import content, files, future, instants, limits, manifest, signature, tree
from corte.format.errors import why
from corte.format.manifest import Entry, Manifest, Window
from corte.format.refusal import Refusal, quote
from corte.format.standing import Standing
from difusor.inventory import Election, signers
from difusor.project import UnusableError
from difusor.publish import pages, texts

IDENTITY = pages.IDENTITY
LEFT = (".", "~$")
"""How the names begin of what systems, editors and open office programs leave in a folder."""
MARK = ":Zone.Identifier"
"""How the name ends of what Windows keeps on a downloaded file, once it has been copied to a disk of another system."""
_CODES = ("cp437", "cp850", "cp1252")
SPOILT = frozenset(
    each
    for written in (*_CODES, "utf-8")
    for read in _CODES
    for each in "áéíóúüñÁÉÍÓÚÜÑ".encode(written, "ignore").decode(read, "ignore")
).difference(limits.CHARACTERS)
"""What a letter with an accent becomes where the names in a ZIP are read in another code than they were written in."""
BEHIND = (
    "por el reloj de esta máquina ya es la hora de apertura y el del espejo va detrás; vea cuál da la hora oficial: si "
    "es el de aquí, que el espejo llegue a un servidor de hora (NTP, UDP 123), y allá: sudo systemctl restart chrony"
)
"""What keeps a mirror shut whose clock is behind this machine's at the opening, and what to do, as a clause."""


@dataclass(frozen=True)
class SignedCorte:
    """A signed tree on disk, with the bytes of its manifest and signature, which others may replace there meanwhile."""

    folder: Path
    manifest: Manifest
    raw: bytes = field(repr=False)
    armour: bytes = field(repr=False)
    foreign: tuple[str, ...] = field(default=(), repr=False, compare=False)
    """Its text files that are not in UTF-8, as far as its files have been read."""

    @classmethod
    def of(cls, folder: Path, raw: bytes, armour: bytes) -> SignedCorte:
        """Return the corte of a manifest and a signature; Refusal when that is no manifest."""
        return cls(folder, manifest.read(raw), raw, armour)

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the manifest."""
        return manifest.digest(self.raw)

    @cached_property
    def signature_sha256(self) -> str:
        """The SHA-256 of the signature."""
        return manifest.digest(self.armour)


@dataclass(frozen=True)
class Contents:
    """The files of a tree that is to be signed, by path, and which of its text files are not in UTF-8."""

    files: Mapping[str, Entry]
    foreign: tuple[str, ...]


def clear(folder: Path) -> None:
    """Delete what a signing left in a tree that a power cut ended; nobody else may sign it meanwhile."""
    for left in folder.glob(f"{files.UNFINISHED}*"):
        left.unlink()


def contents(folder: Path, election: Election, sequence: int, corte: datetime) -> Contents:
    """Read every file of a tree, twice, so that none that is still being written is signed.

    Refusal when the tree cannot be a corte. It takes a minute for some gigabytes of images.
    """
    _check_left(folder)
    place = (election.id, election.environment, sequence, corte, corte, election.window, election.interval_minutes)
    found = dict(sorted(tree.describe(folder).items()))  # or what is told of them would be in the disk's order
    document, read = Manifest(*place, found), texts.Texts()
    tree.verify(folder, document, read.take)
    return Contents(document.files, tuple(read.foreign))


def sign(
    folder: Path,
    election: Election,
    key: Path,
    sequence: int | None = None,
    corte: datetime | None = None,
    orders: Iterable[str] = (),
    stands: Callable[[Manifest], Standing] | None = None,
    admitted: Callable[[bytes, bytes], object] = lambda raw, armour: None,
    read: Contents | None = None,
) -> SignedCorte:
    """Write corte.json and corte.json.sig into a tree; `orders` are of manifest.ORDERS.

    `stands` says what stands with this manifest (`standing.statement`); without it only its own orders do. `admitted`
    raises Refusal for a manifest and a signature that are not to be written. `read`: the tree's `contents`, where they
    have just been read. Sequence and instant are read from the tree's datos/corte.json, unless given. Refusal when the
    tree cannot be a corte, or its instant has not come yet; UnusableError when its sequence or instant is unknown.
    """
    sequence, corte = identified(folder, sequence, corte)
    if read is None:
        clear(folder)
        read = contents(folder, election, sequence, corte)
    document = Manifest(
        election=election.id,
        environment=election.environment,
        sequence=sequence,
        corte=corte,
        generated=instants.now().replace(microsecond=0),
        window=election.window,
        interval_minutes=election.interval_minutes,
        files=read.files,
        orders=tuple(sorted(orders)),
    )
    raw = replace(document, standing=stands and stands(document)).to_bytes()
    document = manifest.read(raw)  # never sign a manifest that servers would refuse
    future.check(document, document.generated)
    _check_unchanged(folder, document)
    armour = signature.sign(raw, key, election.id)
    admitted(raw, armour)
    files.replace(folder / manifest.NAME, raw)
    files.replace(folder / manifest.SIGNATURE_NAME, armour)
    return SignedCorte(folder, document, raw, armour, read.foreign)


def _check_unchanged(folder: Path, document: Manifest) -> None:
    """Refuse a tree in which a file has come, gone or got another size since it was read."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        tree.compare(descriptor, document)
    finally:
        os.close(descriptor)


def _check_left(folder: Path) -> None:
    """Refuse what a system or a program left in a tree: servers take no hidden file, and would serve the others.

    So are Windows' mark on what was downloaded, and a name whose accents unpacking a ZIP of Windows' has spoilt.
    """
    for above, folders, names in os.walk(folder):
        for name in sorted((*folders, *names)):
            if why := _left(name):
                raise Refusal("path", f"{quote(str(Path(above, name).relative_to(folder)))} {why}.")


def _left(name: str) -> str:
    """Return what a name shows of who left it, and what to do, as the end of a sentence; "" for any other name."""
    if name.startswith(LEFT):
        return "es oculto o temporal: lo dejó el sistema o un programa abierto; bórrelo de la carpeta"
    if name.endswith(MARK):
        return "es la marca que Windows pone a lo descargado: no es del corte; bórrelo de la carpeta"
    if name.isascii():
        return ""
    if not SPOILT.isdisjoint(name) or any("\udc80" <= each <= "\udcff" for each in name):
        return (
            "lleva en el nombre lo que un ZIP de Windows deja de los acentos; dele otra vez su nombre, o "
            "descomprímalo así: unzip -O CP850 ARCHIVO.zip"
        )
    return ""


def verify(folder: Path) -> tuple[SignedCorte, str]:
    """Check every byte of a tree against its manifest, and the signature against its key; Refusal says what is wrong.

    Returns the tree and the fingerprint of the key that signed it.
    """
    signed = SignedCorte.of(folder, *papers(folder))
    fingerprint = signature.signed_by(signed.raw, signed.armour, signed.manifest.election)
    read = texts.Texts()
    tree.verify(folder, signed.manifest, read.take)
    return replace(signed, foreign=tuple(read.foreign)), fingerprint


def plausible(signed: SignedCorte, election: Election | None = None) -> tuple[list[str], list[str]]:
    """Return the warnings that every server will give on the tables of a signed tree, and what of them was checked.

    Warnings say too which text files are not in UTF-8, what of the page contradicts the corte, whether it was signed
    as another one than its folder says, or for another election (whose name only `election` tells) or an instant before
    the opening, and of the corte of zeros why it would be refused before an official opening. What was checked ends
    with what could not be.
    """
    document = signed.manifest
    read = content.read(signed.folder, document.files, document.corte)
    checked = [f"actas leídas en las tablas: {read.rows:,}; se compararon totales, horas y códigos de integridad"]
    checked += [f"sin comprobar: {each}" for each in read.unchecked]
    said = stated(signed.folder)
    found = [*texts.warnings(signed.foreign), *read.warnings]
    found += pages.warnings(signed.folder, said, document.files, read.captured)
    found += pages.of_another(said, document, election.name if election else "")
    found += pages.of_the_next(said, document)
    found += pages.wrong_labels(said, document.environment)
    found += pages.wrong_hours(said, election) if election else []
    with suppress(UnusableError):
        sequence, corte = identity(signed.folder)
        if (sequence, corte) != (document.sequence, document.corte):
            found.append(f"{IDENTITY} dice ser el corte {sequence} de las {instants.write(corte)}.")
    if told := early(document.corte, document.window):
        found.append(f"{told[0].upper()}{told[1:]}; en una elección oficial no se firmaría.")
    why = content.captures(signed.folder, document.files) if document.corte <= document.window.opens else ""
    return [*found, *([f"Antes de una apertura oficial se rechazaría: {why}."] if why else [])], checked


def early(corte: datetime, window: Window) -> str:
    """Return as a clause that a corte is of before its opening, when none is; that of zeros has the opening's instant.

    "" when it is not. No server refuses it, and its page would tell citizens an hour at which nothing was published.
    """
    if corte >= window.opens:
        return ""
    return (
        f"el corte es de las {instants.write(corte)} y su elección abre {instants.write(window.opens)}, la hora que "
        "lleva el de ceros"
    )


def signer(signed: SignedCorte, election: Election, at: datetime | None = None) -> str:
    """Return who signed, if a server of this election would accept the signature now (or `at`); else Refusal."""
    document = signed.manifest
    if (document.election, document.environment) != (election.id, election.environment):
        raise Refusal(
            "recipient",
            f"El corte es de {document.election} ({document.environment}) "
            f"y el difusor publica {election.id} ({election.environment}).",
        )
    return admit(election, signed.raw, signed.armour, at)


def admit(election: Election, raw: bytes, armour: bytes, at: datetime | None = None) -> str:
    """Return who signed a manifest of an election, if a server would accept that now (or `at`); else Refusal."""
    return signers.signer(raw, armour, election, "corte", at)


def check_sendable(signed: SignedCorte, election: Election, is_waiting: bool = False) -> None:
    """Refuse to send a corte of an instant to come, or before an official opening one that may hold captured actas.

    A server's administrator can read what it has received. `is_waiting`: the server says that it has not opened yet.
    """
    now = instants.now()
    future.check(signed.manifest, now)
    if election.environment == "official" and (is_waiting or now < election.window.opens):
        why = content.captures(signed.folder, signed.manifest.files)
        if why and now < election.window.opens:
            raise Refusal("early", f"Antes de la apertura solo se envía el corte en ceros: {why}.")
        if why:
            raise Refusal("early", f"El espejo aún espera la apertura y solo se le envía el corte en ceros: {BEHIND}.")


def fits(signed: SignedCorte, election: Election) -> bool:
    """Tell whether a server of this election would accept signature and date now and opens when the manifest says.

    Refusal when this machine cannot verify it.
    """
    try:
        signer(signed, election)
    except Refusal as refusal:
        if refusal.code == "system":  # this machine could not verify it, which says nothing of the signature
            raise
        return False
    is_ahead = signed.manifest.generated > instants.now() + future.TOLERANCE  # signed by a clock that was ahead
    return signed.manifest.window.opens == election.window.opens and not is_ahead


def is_signed(folder: Path) -> bool:
    """Tell whether a tree has the files of manifest and signature; they are not read."""
    return (folder / manifest.NAME).is_file() and (folder / manifest.SIGNATURE_NAME).is_file()


def signed_as(folder: Path) -> Manifest | None:
    """Return the manifest of a tree that is signed; its files may have changed since. None when there is none."""
    try:
        document = manifest.read(files.read_capped(str(folder / manifest.NAME), manifest.MAX_BYTES))
    except Refusal:
        return None
    return document if is_signed(folder) else None


def has_signed(folder: Path, sequence: int, corte: datetime) -> bool:
    """Tell whether the manifest in a tree is of this corte; the next one may be exported over the tree of the last."""
    document = signed_as(folder)
    return document is not None and (document.sequence, document.corte) == (sequence, corte)


def ordered(folder: Path, election: Election, newest: Manifest | None) -> str:
    """Return which options of `sign` gave the orders of a tree's manifest, which signing it again would drop.

    Empty when there is no manifest, or it is an earlier corte's, whose orders do not concern this one. `newest` is the
    last corte signed here: its window is in force, and one that was signed before it orders none.
    """
    try:
        document = manifest.read(files.read_capped(str(folder / manifest.NAME), manifest.MAX_BYTES))
    except Refusal:
        return ""
    if (document.sequence, document.corte) != identity(folder):
        return ""
    is_last = newest is None or newest.generated <= document.generated
    moved = is_last and document.window != election.window and document.window.opens == election.window.opens
    words = ["withdraw" if each == "withdrawal" else each for each in document.orders]
    return ", ".join(f"--{each}" for each in [*words, *(["close"] if moved else [])])


def identity(folder: Path) -> tuple[int, datetime]:
    """Return the sequence and instant that the tree's datos/corte.json gives; UnusableError when it gives none."""
    document, path = head(folder), folder / IDENTITY
    if not document and (unread := _unread(path)):
        raise UnusableError(f"no se puede leer {path}: {unread}; corríjalo, o pida la carpeta otra vez a quien la hace")
    try:
        return int(document["secuencia"]), _instant(document["corte"], path)
    except (ValueError, KeyError, TypeError, OverflowError):
        raise UnusableError(
            f"{path} no dice «secuencia» y «corte»; escríbalos ahí, o délos con «difusor sign», --sequence y --corte"
        ) from None


def _unread(path: Path) -> str:
    """Return why the file at a path cannot be read; "" when it can, and when there is none."""
    try:
        with suppress(FileNotFoundError):
            files.small(path)
    except OSError as error:
        return why(error)
    return ""


def _instant(text: str, path: Path) -> datetime:
    try:
        return instants.parse_offset(text)
    except ValueError as error:
        raise UnusableError(f"{path}, «corte»: {error}; o délo con «difusor sign» y --corte") from None


def identified(folder: Path, sequence: int | None, corte: datetime | None) -> tuple[int, datetime]:
    """Return the given sequence and instant; for what is not given, as `identity`."""
    if sequence is None or corte is None:
        own_sequence, own_corte = identity(folder)
        sequence, corte = own_sequence if sequence is None else sequence, corte or own_corte
    return sequence, corte


def head(folder: Path) -> dict[str, Any]:
    """Return the content of the tree's datos/corte.json; {} when it has none, or one of another form.

    UnusableError when it is no JSON.
    """
    try:
        return pages.document(folder / IDENTITY)
    except OSError:
        return {}


def stated(folder: Path) -> dict[str, Any]:
    """Return the content of the tree's datos/corte.json as `head`; {} also when it is no JSON."""
    try:
        return head(folder)
    except UnusableError:
        return {}


def papers(folder: Path) -> tuple[bytes, bytes]:
    """Return the bytes of a tree's manifest and signature; Refusal when one is missing or too large."""
    raw = files.read_capped(str(folder / manifest.NAME), manifest.MAX_BYTES)
    return raw, files.read_capped(str(folder / manifest.SIGNATURE_NAME), signature.MAX_BYTES)
