"""Checks a list that lies in a folder, as whoever has a copy must: what it says, who signed it, whether it holds."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from corte.format import files, instants, signature
from corte.format.manifest import NAME
from corte.format.refusal import Refusal
from difusor.inventory import Election, signers
from difusor.listing.folder import LOGO
from difusor.listing.page import PAGE, PURPOSE, SIGNATURE, STYLE, TWIN
from difusor.project import DAMAGE, UnusableError, lacked
from difusor.terminal import plain

MOST = 16 * 1024 * 1024
"""Bytes of any file of a list."""
AHEAD = timedelta(minutes=5)
"""How far the clock of whoever signed may be ahead of this machine's."""


@dataclass(frozen=True)
class Published:
    """A list whose files are all as it says, signed by the key of a fingerprint.

    `difusores`: name and link of each. `until` is None for a list that does not say until when it is valid.
    """

    raw: bytes
    armour: bytes
    election: str
    environment: str
    difusores: tuple[tuple[str, str], ...]
    made: datetime
    until: datetime | None
    fingerprint: str


class UncheckedError(UnusableError):
    """This machine could not check a list, for a reason of its own that says nothing of the list."""


def is_list(folder: Path) -> bool:
    """Tell whether a folder has something of a list or of its signature, and no corte; nothing is read."""
    return any(os.path.lexists(folder / name) for name in (TWIN, SIGNATURE)) and not (folder / NAME).exists()


def read(folder: Path) -> Published:
    """Return the list of a folder; UnusableError when a file is missing or altered, or nobody's signature fits.

    UncheckedError when this machine cannot tell.
    """
    raw, armour = _content(folder, TWIN), _content(folder, SIGNATURE)
    try:
        twin = json.loads(raw)
        digests: dict[str, str] = dict(twin["archivos"])
        with _verifying():
            found = _published(raw, armour, twin)
        strange = [name for name in digests if name not in (PAGE, STYLE) and not LOGO.fullmatch(name)]
    except DAMAGE:
        raise UnusableError(f"{TWIN} no es de una lista de difusores, o está dañado") from None
    except Refusal:
        raise UnusableError(f"la firma no es de este {TWIN}: se alteró uno de los dos, o la lista es de otra") from None
    if strange or not {PAGE, STYLE} <= digests.keys():
        raise UnusableError(f"los archivos que nombra {TWIN} no son los de una lista de difusores")
    for name, digest in digests.items():
        if hashlib.sha256(_content(folder, name)).hexdigest() != digest:
            raise UnusableError(f"{name} no es el que se firmó; descargue otra vez la lista entera")
    return found


@contextmanager
def _verifying() -> Iterator[None]:
    """Raise UncheckedError when this machine cannot verify a signature: its disk is full, or ssh-keygen was killed."""
    try:
        yield
    except OSError as error:
        raise UncheckedError(f"no se pudo comprobar la lista: {lacked(error)}; corríjalo aquí y repita") from None
    except Refusal as refusal:
        if refusal.code != "system":
            raise
        cause = str(refusal).removesuffix(".")
        raise UncheckedError(f"no se pudo comprobar la lista: {cause[:1].lower()}{cause[1:]}; repita") from None


def _published(raw: bytes, armour: bytes, twin: Any) -> Published:
    election, until = str(twin["eleccion"]["id"]), twin.get("caduca")
    return Published(
        raw=raw, armour=armour, election=plain(election, 100), environment=plain(twin["eleccion"]["ambiente"], 100),
        difusores=tuple((str(each["nombre"]), str(each["enlace"])) for each in twin["difusores"]),
        made=instants.parse(twin["emitida"]), until=None if until is None else instants.parse(until),
        fingerprint=signature.signed_by(raw, armour, election, PURPOSE),
    )  # fmt: skip


def signer(found: Published, election: Election) -> str:
    """Return who signed a list, if that is one who may sign for this election now; else UnusableError, as `read`."""
    if (found.election, found.environment) != (election.id, election.environment):
        raise UnusableError(
            f"la lista es de {found.election} ({found.environment}), y se pidió la de {election.id} "
            f"({election.environment})"
        )
    try:
        with _verifying():
            return signers.signer(found.raw, found.armour, election, PURPOSE)
    except Refusal as refusal:
        raise UnusableError(str(refusal).removesuffix(".")) from None


def refuse_past(found: Published, now: datetime) -> None:
    """Raise UnusableError when a list is not of now: it has ended, does not say when it does, or is of the future."""
    if found.until is None:
        raise UnusableError("la lista no dice hasta cuándo vale, así que puede ser una anterior; pida la más reciente")
    if now >= found.until:
        raise UnusableError(
            f"la lista caducó el {instants.write(found.until)}: se firmó el {instants.write(found.made)} y desde "
            "entonces pudo salir algún difusor; consulte la más reciente en el sitio del Instituto"
        )
    if found.made > now + AHEAD:
        raise UnusableError(
            f"la lista dice que se firmó el {instants.write(found.made)}, que aún no llega; revise el reloj de este "
            "equipo, o pídala otra vez"
        )


def current(folder: Path, election: Election) -> Published | None:
    """Return the list of a folder, if it is whole and signed by one who may sign for this election now; else None.

    UncheckedError when this machine cannot tell: it may be as whole as ever.
    """
    try:
        found = read(folder)
        signer(found, election)
    except UncheckedError:
        raise
    except UnusableError:
        return None
    return found


def _content(folder: Path, name: str) -> bytes:
    try:
        return files.read_capped(str(folder / name), MOST)
    except (OSError, Refusal):
        raise UnusableError(f"falta {name} en la lista, o no es un archivo que se pueda leer") from None
