"""Enrols a difusor with a reviewed form: its inventory made complete, or corrected where the form has changed."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from corte.format import files, instants
from corte.format.errors import why
from difusor.inventory import Election, Notice, shortfall, uplink
from difusor.inventory.picture import anew
from difusor.partners import inventory, logo, record, steps
from difusor.partners.facts import FactError, PartnerFacts, of
from difusor.partners.files import render
from difusor.partners.form.items import Received, Remark
from difusor.partners.form.model import DELIVERED, Form
from difusor.partners.form.values import plain_words
from difusor.partners.record import Record
from difusor.project import UnusableError

ACCOUNT, OTHER_ACCOUNT = "instituto", "instituto-prep"
"""The institute's account on every server, unless main.yml is given another; the other where the outlet's own has that
name: the first run makes the institute's, and would be logged in with it."""
CERTIFICATE_ITEM = "anexo_tecnico.certificado"
"""The item of the form that says who gets the page's certificate."""


@dataclass(frozen=True)
class Desk:
    """What the clerk's side adds to a form. `ssh_key`: the private key's path, empty for one that ssh takes itself.

    `public_keys`: those that enter. `server_name`: the server's own, empty where it is that of the link. `received`:
    when the first form came, `corrected`: when the one that corrects it. `day`: the polling day of the election for
    which they are. `least_mbps`: from which on a share of the link is kept.
    """

    id: str
    election: str
    received: datetime
    public_keys: tuple[str, ...] = ()
    ssh_key: str = ""
    server_name: str = ""
    logo: Path | None = None
    certificate: Path | None = None
    certificate_key: Path | None = None
    folio: str = ""
    notified: datetime | None = None
    corrected: datetime | None = None
    day: date | None = None
    least_mbps: int = uplink.LEAST
    accepted: Mapping[str, str] = field(default_factory=dict)


def name_for(name: str) -> str:
    """Return the short name that an inventory gets from the outlet's."""
    short = "_".join(plain_words(name))[:40].strip("_")
    return short if re.match("[a-z]", short) else f"medio_{short}"[:40].strip("_")


def picture(name: str, received: Received, folder: Path, desk: Desk) -> tuple[bytes, list[Remark]]:
    """Return the logo, written anew, and what is wrong with it; it is beside the form, or the clerk named it."""
    if not (name or desk.logo):
        return b"", []  # said already
    try:
        raw = logo.attached(desk.logo.parent, desk.logo.name) if desk.logo else logo.attached(folder, name)
        return anew(raw), []
    except ValueError as error:
        return b"", [received.finding("logotipo", str(error))]


def certificate(said: str, received: Received, desk: Desk, before: Record | None, election: Election) -> list[Remark]:
    """Return what is missing of the certificate, or what an enrolled difusor's main.yml has to say of it now.

    Also whether the delivered one, or that of before, ends too soon.
    """
    if not said:
        return []  # told already
    delivered, given = said == DELIVERED, desk.certificate and desk.certificate_key
    if not delivered and desk.certificate:
        return [
            received.finding(
                CERTIFICATE_ITEM, "lo solicita el servidor y se dio --certificate; pregunte cuál de los dos"
            )
        ]
    ends = _too_soon(received, desk, before, election) if delivered else []
    if before and said == before.form.annex.certificate:
        return ends
    if before:
        more = " y dé él y su llave con --certificate y --certificate-key" if delivered and not given else ""
        told = f"cambió; ajuste difusor_tls_mode en inventories/{desk.id}/group_vars/{desk.id}/main.yml{more}"
        return [received.finding(CERTIFICATE_ITEM, told, "aviso"), *ends]
    if delivered and not given:
        # No mistake in the form: what is missing comes by another way, and only enrolling needs it.
        told = "falta entregar al Instituto, en persona, el certificado con sus intermedios y su llave privada"
        return [received.finding(CERTIFICATE_ITEM, told, "aviso")]
    return ends


def _too_soon(received: Received, desk: Desk, before: Record | None, election: Election) -> list[Remark]:
    path = desk.certificate or (inventory.folder(desk.id) / inventory.CERTIFICATE if before else None)
    try:
        short = shortfall(files.small(path), election) if path else ""
    except OSError:
        return []  # told where it is copied, or there is none
    told = f"{short}; entregue a tiempo otro que dure más, con sus intermedios y su llave"
    return [received.finding(CERTIFICATE_ITEM, told, "aviso")] if short else []


def facts(form: Form, desk: Desk) -> PartnerFacts:
    """Return the facts of the partner; FactError names the fields that cannot be used."""
    host, _, path = form.link.partition("/")
    public = form.annex.ipv4 or form.annex.ipv6
    values = {
        "id": desk.id, "election": desk.election, "name": form.name,
        "fqdn": desk.server_name or host, "path": f"/{path}/" if path else "/",
        "login": form.annex.ssh_account, "address": form.annex.ssh_host or public, "port": form.annex.ssh_port,
        "public_address": public, "admin_keys": desk.public_keys, "ssh_key": desk.ssh_key,
        "admin_user": ACCOUNT if form.annex.ssh_account != ACCOUNT else OTHER_ACCOUNT,
        "certificate": desk.certificate, "certificate_key": desk.certificate_key,
    }  # fmt: skip
    return of(PartnerFacts, {name: value for name, value in values.items() if value not in (None, "", ())})


def host_key(partner: PartnerFacts, form: Form) -> str:
    """Return the server's line of known_hosts."""
    port = partner.port
    return f"{partner.address if port == 22 else f'[{partner.address}]:{port}'} {form.annex.ssh_key}"


def enrol(form: Form, desk: Desk, picture: bytes, findings: list[Remark]) -> Path:
    """Create the inventory and return its folder; UnusableError or FactError say why not, and nothing is left then."""
    if form.annex.certificate == DELIVERED and not (desk.certificate and desk.certificate_key):
        raise FactError({"--certificate": "lo entrega el difusor: dé el archivo, y su llave con --certificate-key"})
    partner = facts(form, desk)
    written = _registered(form, desk, partner, picture, None)
    kept = _record(form, desk, findings, {**inventory.entrance(partner, host_key(partner, form)), **written}, None)
    return inventory.create(partner, host_key(partner, form), {**written, record.FILE: kept.to_bytes()})


def correct(form: Form, desk: Desk, picture: bytes, findings: list[Remark], before: Record) -> list[str]:
    """Write into an inventory what a corrected form changes; return the files that changed, by their paths in it.

    A file that was lost is written anew, and a certificate that the outlet delivered takes the place of its last one.
    UnusableError or FactError when one was edited by hand, or the inventory could not be installed with the changes;
    nothing has changed then. An interrupted correction is completed, or replaced, by the next one.
    """
    if bool(desk.certificate) is not bool(desk.certificate_key):
        raise FactError({"--certificate": "va con --certificate-key, y los dos se dan juntos; nada cambió"})
    folder = inventory.folder(desk.id)
    partner = facts(form, desk)
    entrance = inventory.entrance(partner, host_key(partner, form))
    wanted = {**entrance, **_registered(form, desk, partner, picture, before)}
    changed = _changed(folder, wanted, before) | inventory.delivered(folder, partner)
    kept = _record(form, desk, findings, wanted, before)
    if changed:
        _try_out(folder, partner, changed)
    elif kept == before:
        return []
    if any(record.digest(wanted[name]) != before.written.get(name) for name in entrance.keys() & changed.keys()):
        steps.forget(folder)  # what was done was done to another server, or under another name
    files.replace(folder / record.FILE, before.model_copy(update={"pending": kept.written}).to_bytes())
    for name, content in changed.items():
        (folder / name).parent.mkdir(exist_ok=True)
        files.replace(folder / name, content)
    files.replace(folder / record.FILE, kept.to_bytes())
    return [*changed, record.FILE]


def _changed(folder: Path, wanted: Mapping[str, bytes], before: Record) -> dict[str, bytes]:
    """Return the files that have to be written; UnusableError when somebody edited one of them by hand."""
    current = {name: files.small(folder / name) for name in wanted if (folder / name).exists()}
    changed = {name: content for name, content in wanted.items() if current.get(name) != content}
    ours = {name: (before.written.get(name), before.pending.get(name)) for name in changed}  # or a correction's to be
    if edited := [name for name in changed if name in current and record.digest(current[name]) not in ours[name]]:
        named = ", ".join(str(folder / name) for name in edited)
        raise UnusableError(f"se editó a mano y no se sobrescribe: {named}. Cámbielo ahí; nada cambió")
    return changed


def _try_out(folder: Path, partner: PartnerFacts, changed: Mapping[str, bytes]) -> None:
    """Refuse changes with which the inventory could not be installed, in a copy of it."""
    try:
        _try_in_copy(folder, partner, changed)
    except OSError as error:  # of a file in the copy, which nobody knows, or of several at once
        raise UnusableError(f"no se pudo copiar {folder} para probar los cambios: {why(error)}; nada cambió") from None


def _try_in_copy(folder: Path, partner: PartnerFacts, changed: Mapping[str, bytes]) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as temporary:
        copy = Path(temporary)
        shutil.copytree(folder, copy, symlinks=True, dirs_exist_ok=True)
        for name, content in changed.items():
            (copy / name).parent.mkdir(exist_ok=True)
            (copy / name).write_bytes(content)
        inventory.refuse_faulty(copy, partner, corrected=folder)


def _registered(
    form: Form, desk: Desk, partner: PartnerFacts, picture: bytes, before: Record | None
) -> dict[str, bytes]:
    values = dict(partner) | {"form": form, "notice": notice(form, desk, before), "day": str(desk.day or "")}
    text = render("registration.yml.j2", values)
    written = {f"group_vars/{desk.id}/registration.yml": text.encode(), record.LOGO: picture}
    annex, mbps = annex_file(desk), share(form, desk)
    if mbps or (inventory.folder(desk.id) / annex).exists():
        written[annex] = render("annex.yml.j2", {"mbps": mbps}).encode()
    return written


def annex_file(desk: Desk) -> str:
    """Return the path, in an inventory, of what the annex says, and main.yml, which is read after it, may change."""
    return f"group_vars/{desk.id}/annex.yml"


def share(form: Form, desk: Desk) -> int | None:
    """Return the Mbit per second of the link, None where no share of them is kept: the server would be too slow."""
    return form.annex.mbps if desk.least_mbps <= form.annex.mbps <= uplink.MOST else None


def notice(form: Form, desk: Desk, before: Record | None) -> Notice | None:
    """Return the oficio that the clerk gives, or the one of before with the kind that the form says.

    Not one that came for another election.
    """
    if desk.folio and desk.notified:
        said = {"kind": form.annex.kind, "folio": desk.folio, "received": instants.write(desk.notified)}
        return Notice.model_validate(said)
    earlier = before.in_election(desk.day).notice if before else None
    return earlier.model_copy(update={"kind": form.annex.kind}) if earlier else None


def _record(
    form: Form, desk: Desk, findings: list[Remark], written: Mapping[str, bytes], before: Record | None
) -> Record:
    return Record(
        form=form,
        received=desk.received,
        day=desk.day,
        corrected=desk.corrected,
        marks=tuple(str(each) for each in findings if each.weight == "aviso"),
        accepted={each.key: desk.accepted[each.key] for each in findings if each.weight == "revisar"},
        notice=notice(form, desk, before),
        ssh_key=desk.ssh_key,
        server_name=desk.server_name,
        written={name: record.digest(content) for name, content in written.items()},
    )
