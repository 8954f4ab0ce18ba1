"""Makes the office in which the desk is rehearsed: an institute's home with an election whose days are around today."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from corte.format import instants
from difusor import catalog
from difusor.inventory import Election, load_election
from difusor.inventory.images import FILES, PORT, RULESET
from difusor.lab.desk.signer import Signer
from difusor.partners import election as elections
from difusor.partners.facts import ElectionFacts
from difusor.project import HOME, VAULTS, UnusableError, ansible_settings, home_or_project, write

ELECTION = "escritorio"
TITLE = "Demostración del escritorio, con datos inventados"
AUDITOR = "Universidad Imaginaria"
DOMAIN = "instituto-imaginario.mx"
"""The institute's domain where the election that lends its place says none."""
BEFORE_OPENING = timedelta(days=5)
"""On which day of the calendar the desk is: the list may be seen since yesterday, the rehearsals are still to come."""
CONTACT = "Informática del Instituto (demostración), (600) 000 0000"
MARK = ".escritorio"
"""A file in the office's folder, without which a folder is not removed."""


@dataclass(frozen=True)
class Office:
    """The office at an instant. `key`: signs the list and enters servers; its public half is beside it."""

    folder: Path
    now: datetime
    election: Election
    key: Path
    signer: Signer

    @property
    def mail(self) -> Path:
        """Where what outlets sent is saved."""
        return self.folder / "correo"

    def day(self, days: int, hour: int = 12) -> datetime:
        """Return an hour of the day so many days after today, by the clock of the election's place."""
        return _day(self.now, ZoneInfo(self.election.timezone), days, hour)


@contextmanager
def opened(folder: Path, like: str, now: datetime) -> Iterator[Office]:
    """Make the office anew and have everything work in it until the end; UnusableError says why it cannot be made.

    `like`: the election that lends its place, institute and call.
    """
    _remove(folder)
    write(folder / MARK, "De «difusor demo --desk», que la hace de nuevo cada vez.\n")
    before = dict(os.environ)
    os.environ[HOME] = str(folder)
    os.environ.pop(VAULTS, None)  # the office draws its own password
    try:
        os.environ.update(ansible_settings())
        yield _furnished(folder, like, now)
    finally:
        os.environ.clear()
        os.environ.update(before)


def _remove(folder: Path) -> None:
    if folder.exists() and not (folder / MARK).is_file():
        raise UnusableError(f"{folder} no la hizo esta demostración y no se toca; muévala, y repita")
    shutil.rmtree(folder, ignore_errors=True)


def _furnished(folder: Path, like: str, now: datetime) -> Office:
    key = folder / "llaves/instituto"
    public = write_key(key)
    _write_images(folder / "build/images")
    zone = _zone(like)
    opens = _day(now, zone, BEFORE_OPENING.days, 20)
    facts = ElectionFacts(
        id=ELECTION, like=like, name=TITLE, environment="simulacro", opens=opens, closes=opens + timedelta(hours=24),
        trusted_addresses=("189.240.0.10",), principal=f"firma@{DOMAIN}", signing_key=public,
    )  # fmt: skip
    path = elections.create(facts)
    written = yaml.safe_load(path.read_text(encoding="utf-8"))
    written["all"]["vars"] |= _calendar(now, zone)
    write(path, yaml.safe_dump(written, allow_unicode=True, sort_keys=False))
    election = load_election(path)
    return Office(folder, now, election, key, Signer.made(folder / "firma", folder, election.institute.signs.name))


def _zone(like: str) -> ZoneInfo:
    """Return the time zone of the place of an election that may still lack its dates."""
    said = yaml.safe_load(home_or_project(f"elections/{like}.yml").read_text(encoding="utf-8"))
    return ZoneInfo(catalog.load(said["all"]["vars"]["election_place"]).timezone)


def _calendar(now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """Return what the institute adds by hand: oficio and form were due days ago, the rehearsals are to come."""

    def at(days: int, hour: int) -> str:
        return instants.write(_day(now, zone, days, hour))

    today = now.astimezone(zone).date()
    return {
        "election_notice_until": at(-6, 20),
        "election_day": str(today + BEFORE_OPENING),
        "election_contact": CONTACT,
        "election_simulacros": [str(today + timedelta(days=each)) for each in (1, 2, 3)],
        "election_call": {
            "auditor": AUDITOR,
            "form_until": at(-4, 20),
            "list_from": at(-1, 0),
            "seat": "",
            "elected": "",
            "email": f"correspondencia@{DOMAIN}",
        },
    }


def _day(now: datetime, zone: ZoneInfo, days: int, hour: int) -> datetime:
    return datetime.combine(now.astimezone(zone).date() + timedelta(days=days), time(hour), zone)


def write_key(path: Path) -> str:
    """Write a new key of OpenSSH's, with its public half beside it, and return that half."""
    key = Ed25519PrivateKey.generate()
    public = public_key(key)
    write(path, key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode())
    path.chmod(0o600)
    write(path.with_name(f"{path.name}.pub"), f"{public}\n")
    return public


def public_key(key: Ed25519PrivateKey) -> str:
    """Return the public half of a key as OpenSSH writes it."""
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _write_images(folder: Path) -> None:
    """Write images without content: an inventory pins the two that a server would get, and here there is no server."""
    for kind, config in (
        ("prep", {"ExposedPorts": {PORT: {}}, "Labels": {FILES: "index.html"}}),
        ("waf", {"Labels": {RULESET: "ninguna"}}),
    ):
        packed = _image(config)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{kind}.tar.gz").write_bytes(packed)
        write(folder / f"{kind}.tar.gz.sha256", f"{hashlib.sha256(packed).hexdigest()}  {kind}.tar.gz\n")


def _image(config: Mapping[str, Any]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in (
            ("manifest.json", [{"Config": "config.json", "Layers": []}]),
            ("config.json", {"config": config}),
        ):
            raw = json.dumps(content).encode()
            member = tarfile.TarInfo(name)
            member.size = len(raw)
            archive.addfile(member, io.BytesIO(raw))
    return packed.getvalue()
