"""A baseline on disk: one JSON file with its OpenSSH signature beside, and what has changed since it was made."""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from corte.format import files, signature
from corte.format.errors import why
from corte.format.refusal import Refusal
from difusor.baseline.look import fingerprint
from difusor.inventory import Election
from difusor.inventory.signers import signed
from difusor.project import UnusableError, lacked, locked
from difusor.project import write as write_whole
from difusor.spec.faults import sentence
from difusor.terminal import plain

PURPOSE = "registro"
"""The purpose in the signature's namespace, so that a baseline's signature is not valid for a corte."""

PASSING = (
    r"/etc/(adjtime|mtab|resolv\.conf)$",
    r"/etc/letsencrypt/(accounts|archive|csr|keys|live|renewal)/",
    r"/etc/ssl/private/prep-acme\.pem$",
    r"/boot/grub/grubenv$",
    r"/etc/systemd/(system|user)/(.*\.wants/)?snap-[^/]*\.mount$",
    r"/usr/(local/)?lib/.*/__pycache__",
)
"""How the paths of files begin that come, change and go by themselves, and run nothing of their own."""
REWRITTEN = r"/etc/(systemd/(system|user)/(.*\.wants/)?snap\.|udev/rules\.d/[0-9]+-snap\.)"
"""How those begin that change by themselves where they are, but come with what somebody installs."""
AGAIN = "guárdelo con otro nombre, con su .sig, y registre otra vez (./difusor freeze)"
_PASSING, _REWRITTEN = re.compile("|".join(PASSING)), re.compile(REWRITTEN)


class BaselineError(ValueError):
    """A baseline cannot be made, read or verified; the message is a Spanish sentence."""


class UnverifiedError(BaselineError):
    """This machine could not verify a baseline, which may be whole: what is missing is the machine's."""


class Look(BaseModel):
    """One server: its identity, and the mappings that `look.py` printed for it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    server: dict[str, str]
    files: dict[str, str]
    packages: dict[str, str]
    images: dict[str, str]
    containers: dict[str, str] = {}
    signers: dict[str, str]


class Baseline(BaseModel):
    """The servers of one inventory at one instant, by their names in the inventory."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    inventory: str
    election: str
    taken: datetime
    commit: str
    servers: dict[str, Look]


@dataclass(frozen=True)
class SignedBaseline:
    """A baseline as read: its file, the file's SHA-256 and the fingerprint of the key that signed it."""

    baseline: Baseline
    path: Path
    sha256: str
    fingerprint: str


@dataclass(frozen=True)
class Change:
    """One difference: `before` is empty when the thing is new, `after` when it is gone."""

    kind: str
    name: str
    before: str
    after: str


def check_key(key: Path, election: Election) -> None:
    """Raise BaselineError unless `key` can sign, and is one with which cortes of this election may be signed now."""
    try:
        signed(b"", key, election, PURPOSE)
    except UnusableError as problem:
        raise BaselineError(str(problem)) from problem


def write(baseline: Baseline, path: Path, key: Path) -> Path:
    """Write a baseline and, beside it, its signature by `key`; return the signature's path.

    BaselineError when `key` cannot sign, or there is a baseline already, which is evidence and stays as it is.
    OSError when it cannot be written; nothing is left of it then.
    """
    refuse_existing(path)
    text = baseline.model_dump_json(indent=1) + "\n"
    try:
        armour = signature.sign(text.encode(), key, baseline.election, PURPOSE)
    except Refusal as refusal:
        raise BaselineError(str(refusal)) from refusal
    signature_path = path.with_name(f"{path.name}.sig")
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.parent):
        refuse_existing(path)  # another one may have been made while somebody typed the key's passphrase
        try:
            write_whole(path, text)
            write_whole(signature_path, armour.decode())
        except BaseException:  # what is left of it would be taken for a baseline, and keep out the next try
            for each in (path, signature_path):
                each.unlink(missing_ok=True)
            raise
    return signature_path


def refuse_existing(path: Path) -> None:
    """Raise BaselineError when one of the two files of a baseline exists."""
    for each in (path, path.with_name(f"{path.name}.sig")):
        if each.exists() or each.is_symlink():
            raise BaselineError(
                f"{each} ya existe y no se sobrescribe; guárdelo con otro nombre, o elija otra carpeta con --output"
            )


def read(path: Path) -> SignedBaseline:
    """Read a baseline and verify its signature; BaselineError when it is missing or the signature does not fit it.

    UnverifiedError when this machine cannot tell.
    """
    try:
        raw = files.small(path)
        armour = files.small(path.with_name(f"{path.name}.sig"))
        baseline = Baseline.model_validate_json(raw)
    except OSError as error:
        raise BaselineError(f"no se puede leer {error.filename or path}: {why(error)}") from error
    except ValidationError as error:
        raise BaselineError(f"{path} no es un registro de esta versión: {sentence(error.errors()[0])}") from error
    try:
        fingerprint = signature.signed_by(raw, armour, baseline.election, PURPOSE)
    except OSError as error:
        raise UnverifiedError(f"esta máquina no pudo comprobar {path}: {lacked(error)}") from error
    except Refusal as refusal:
        if refusal.code == "system":
            raise UnverifiedError(f"esta máquina no pudo comprobar {path}: {str(refusal).rstrip('.')}") from refusal
        raise BaselineError(f"{path} cambió después de firmarse, o su firma es de otro archivo") from refusal
    return SignedBaseline(baseline, path, hashlib.sha256(raw).hexdigest(), fingerprint)


def refuse_past(signed: SignedBaseline, election: Election) -> None:
    """Raise BaselineError when a well signed baseline holds no more: it is another election's, or of a revoked key."""
    if signed.baseline.election != election.id:
        raise BaselineError(
            f"{signed.path} es de la elección «{signed.baseline.election}» y no de «{election.id}»; {AGAIN}"
        )
    if signed.fingerprint in {fingerprint(key.split()[1]) for key in election.revoked_keys}:
        raise BaselineError(
            f"{signed.path} lo firmó {signed.fingerprint}, una llave revocada (election_revoked_keys): pudo hacerlo "
            f"quien la tiene; compárelo con su copia, y {AGAIN}"
        )


def changes(before: Look, after: Look) -> list[Change]:
    """Return the differences between two descriptions of a server, sorted by kind and name.

    What an older version of the project did not look at when it made `before` is no difference, nor is a file of
    PASSING: those are recorded all the same, as evidence.
    """
    found = []
    for kind in (each for each in Look.model_fields if each in before.model_fields_set):
        was, now = getattr(before, kind), getattr(after, kind)
        names = sorted(name for name in was.keys() | now.keys() if was.get(name) != now.get(name))
        if kind == "files":
            names = [name for name in names if not _changes_by_itself(name, name in was and name in now)]
        found += [Change(kind, name, was.get(name, ""), now.get(name, "")) for name in names]
    return found


def _changes_by_itself(name: str, stayed: bool) -> bool:
    """Tell whether a file that changed says nothing of the server; `stayed`: it was there before and is there now."""
    return bool(_PASSING.match(name) or (stayed and _REWRITTEN.match(name)))


def drift(signed: SignedBaseline, host: str, now: Look) -> dict[str, Any]:
    """Return the dictamen's data on drift: which baseline, and each change of server `host` since.

    BaselineError when the baseline does not have this server.
    """
    if host not in signed.baseline.servers:
        raise BaselineError(f"{signed.path} no registra a {host}, sino a {', '.join(signed.baseline.servers)}")
    found = changes(signed.baseline.servers[host], now)
    return {
        "register": signed.path.name,
        "sha256": signed.sha256,
        "signed_by": signed.fingerprint,
        "taken": signed.baseline.taken.isoformat(timespec="seconds"),
        "changes": [{what: plain(text) for what, text in asdict(change).items()} for change in found],
    }
