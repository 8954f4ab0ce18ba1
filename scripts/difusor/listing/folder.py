"""Writes the list as a folder that a web server can serve as it is: page, logos, and the signed twin of both."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

from corte.format import files, instants, signature
from difusor.inventory import Election, picture
from difusor.inventory.signers import signed
from difusor.listing import page
from difusor.listing.entries import Listed
from difusor.listing.page import PAGE, PURPOSE, SIGNATURE, SIGNERS, STYLE, TWIN, Tile
from difusor.partners.files import new_folder
from difusor.project import UnusableError
from difusor.terminal import local

LOGOS = "logotipos"
PARTS = {PAGE, STYLE, TWIN, SIGNATURE, SIGNERS, LOGOS}
"""Everything that is in the folder of a list."""
LOGO_SIDE = 320
"""Pixels of the longest side of a logo on the page: twice what the widest tile shows."""
LOGO = re.compile(rf"{LOGOS}/[0-9a-f]{{16}}\.png")
"""The path of a picture, in the folder of a list."""
FORMAT = 1
VALID = timedelta(hours=24)
"""How long a list is valid. A copy of one that names a difusor since revoked is believed no longer than that."""
SHOWN = 3
"""How many names are told of what a folder has besides."""


def refuse_early(election: Election, now: datetime) -> None:
    """Raise UnusableError before the day from which the call lets citizens see the list."""
    begins = election.call.list_from if election.call else None
    if begins is None:
        raise UnusableError(
            f"la elección «{election.id}» no dice desde cuándo puede publicarse la lista; escríbalo en election_call, "
            "como list_from"
        )
    if now < begins:
        since = local(begins, election.catalog.zone)
        raise UnusableError(
            f"la convocatoria permite publicar la lista desde el {since}; nada se escribió. Para ver hoy quién estará "
            "en ella, repita sin la carpeta"
        )


def write(
    folder: Path, election: Election, listed: Sequence[Listed], key: Path, now: datetime, valid: timedelta,
    announce: Callable[[datetime], None], asks: bool = True,
) -> datetime:  # fmt: skip
    """Write the list over the one that the folder has, in one step; return until when it is valid.

    `announce` is called with that instant when all is written, before it takes the old one's place. Nobody is asked
    for the key's passphrase unless `asks`. UnusableError when the date, the key or the folder forbid it, OSError when
    it cannot be written; what was there is there then.
    """
    refuse_early(election, now)
    _refuse_other(folder)
    made = now.replace(microsecond=0)
    until = (made + valid).replace(microsecond=0)
    tiles, content = _content(election, listed, made, until)
    twin = _twin(election, tiles, content, made, until)
    content |= {TWIN: twin, SIGNATURE: signed(twin, key, election, PURPOSE, asks)}
    folder.parent.mkdir(parents=True, exist_ok=True)
    with new_folder(folder, over=True) as unfinished:
        (unfinished / LOGOS).mkdir()
        for name, each in content.items():
            (unfinished / name).write_bytes(each)
        for path in unfinished.rglob("*"):  # whoever serves the copy reads it, whatever this account's umask is
            path.chmod(0o755 if path.is_dir() else 0o644)
        files.sync_file_system(unfinished)
        announce(until)
    return until


def signers(election: Election, now: datetime) -> list[tuple[str, str, str]]:
    """Return who may sign the list now: name, fingerprint of the key, and the line of OpenSSH's allowed_signers.

    The line has no dates: OpenSSH 8.4 does not know them, and the file is that of this list.
    """
    space = signature.namespace(election.id, PURPOSE)
    found = []
    for each in election.signers:
        kind, key, *_ = each.key.split()
        if each.valid_after <= now < each.valid_before and key not in election.revoked:
            options = f'{"cert-authority," if each.authority else ""}namespaces="{space}"'
            digest = base64.b64encode(hashlib.sha256(base64.b64decode(key)).digest()).decode().rstrip("=")
            found.append((each.principal, f"SHA256:{digest}", f"{each.principal} {options} {kind} {key}\n"))
    return found


def _refuse_other(folder: Path) -> None:
    """Raise UnusableError when the folder has anything that is not a list."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UnusableError(f"{folder} no es una carpeta; dé otra")
    there = {each.name for each in folder.iterdir()} if folder.is_dir() else set()
    others = there - PARTS if {TWIN, SIGNERS} <= there else there
    if others:
        raise UnusableError(
            f"{folder} tiene otras cosas, que se perderían ({', '.join(sorted(others)[:SHOWN])}); sáquelas, o dé una "
            "carpeta vacía o que no exista"
        )


def _content(
    election: Election, listed: Sequence[Listed], made: datetime, until: datetime
) -> tuple[list[Tile], dict[str, bytes]]:
    """Return what the page shows, and every file of the list by its path but for the twin and its signature."""
    with ThreadPoolExecutor() as pool:
        logos = list(pool.map(_logo, listed))
    tiles = [
        Tile(each.name, each.url, each.host, _named(logo) if logo else "")
        for each, logo in zip(listed, logos, strict=True)
    ]
    own = picture.of_the_institute(election.institute.logo)
    by = signers(election, made)
    shown = page.html(election, tiles, [each[:2] for each in by], (made, until), _named(own) if own else "")
    content = {PAGE: shown, STYLE: page.style(election), SIGNERS: "".join(each[2] for each in by)}
    pictures = {_named(each): each for each in (*logos, own) if each}
    return tiles, {**{name: text.encode() for name, text in content.items()}, **pictures}


def _logo(listed: Listed) -> bytes:
    """Return a difusor's logo, drawn anew in the size of the page; b"" when it has none that can be read."""
    if listed.logo is None:
        return b""
    try:
        return picture.anew(files.small(listed.logo), LOGO_SIDE, smallest=False)
    except (ValueError, OSError):
        return b""


def _named(picture: bytes) -> str:
    """Return the path of a picture in the folder: by its content, so that no browser shows an earlier one."""
    return f"{LOGOS}/{hashlib.sha256(picture).hexdigest()[:16]}.png"


def _twin(
    election: Election, tiles: Sequence[Tile], content: Mapping[str, bytes], made: datetime, until: datetime
) -> bytes:
    # Who may sign is nothing that the signature could vouch for.
    files_of = {name: hashlib.sha256(each).hexdigest() for name, each in sorted(content.items()) if name != SIGNERS}
    document = {
        "formato": FORMAT,
        "eleccion": {"id": election.id, "nombre": election.name, "ambiente": election.environment},
        "instituto": {"nombre": election.institute.name, "siglas": election.institute.acronym},
        "emitida": instants.write(made),
        "caduca": instants.write(until),
        "difusores": [{"nombre": each.name, "enlace": each.url, "logotipo": each.logo or None} for each in tiles],
        "archivos": files_of,
    }
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()
