"""The difusores that an election has already, as far as another one's form is compared with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from corte.format import files
from difusor.inventory import linked, variables
from difusor.inventory.addresses import shortest
from difusor.partners import record
from difusor.partners.form.values import own_domain
from difusor.partners.likeness import folded
from difusor.partners.record import Record
from difusor.project import UnusableError, inventories

READ = frozenset({"difusor_name", "difusor_fqdn", "difusor_public_address", "ansible_host"})
"""The variables by which a difusor that never sent a form is known."""


@dataclass(frozen=True)
class Known:
    """What tells a difusor from others; a public key is in `server_keys` without its comment.

    `is_enrolled`: it sent a form, which another one may correct. `logo`: the SHA-256 of its picture, drawn anew.
    """

    id: str
    name: str
    fqdn: str
    domain: str
    addresses: frozenset[str]
    server_keys: frozenset[str]
    is_enrolled: bool = False
    logo: str = ""


def known(election: str, but: str) -> tuple[list[Known], dict[str, str]]:
    """Return the difusores of an election but the one of this name; of those that cannot be read, by name, why."""
    found: list[Known] = []
    unread = {folder.name: linked.of_nobody(folder) for folder in linked.astray() if folder.name != but}
    for folder in inventories():
        if folder.name == but or not linked.is_of(folder, election):
            continue
        try:
            found += _read(folder)
        except (UnusableError, OSError):
            unread[folder.name] = "su inventario no se puede leer"
    return found, unread


def enrolled(election: str, name: str, link: str) -> str:
    """Return under which id the difusor whose form has this name and link is in an election; "" when none has."""
    if not (name and link):
        return ""
    return next((each.name for each in inventories() if linked.is_of(each, election) and _is(each, name, link)), "")


def _is(folder: Path, name: str, link: str) -> bool:
    try:
        kept = record.read(folder)
    except (UnusableError, OSError):
        return False
    return kept is not None and folded(kept.form.name) == folded(name) and kept.form.link == link


def _read(folder: Path) -> Iterator[Known]:
    """Yield the difusor of an inventory: from its enrolment when it has one, else as Ansible reads the inventory."""
    if kept := record.read(folder):
        yield _of_record(folder.name, kept)
        return
    for values in variables.read(folder, only=READ).hosts.values():
        if "difusor_fqdn" in values:
            fqdn = str(values["difusor_fqdn"])
            addresses = frozenset(
                shortest(str(values.get(name, ""))) for name in ("difusor_public_address", "ansible_host")
            )
            name = str(values.get("difusor_name", folder.name))
            yield Known(folder.name, name, fqdn, own_domain(fqdn), addresses - {""}, _server_keys(folder))


def _of_record(id: str, kept: Record) -> Known:
    form = kept.form
    addresses = {form.annex.ipv4, form.annex.ipv6, form.annex.ssh_host} - {None}
    return Known(
        id=id, name=form.name, fqdn=form.link.partition("/")[0], domain=own_domain(form.site.partition("/")[0]),
        addresses=frozenset(map(str, addresses)), server_keys=frozenset({form.annex.ssh_key}), is_enrolled=True,
        logo=kept.written.get(record.LOGO, ""),
    )  # fmt: skip


def _server_keys(folder: Path) -> frozenset[str]:
    try:
        lines = files.text(folder / "known_hosts", errors="replace").splitlines()
    except OSError:
        return frozenset()
    return frozenset(" ".join(line.split()[1:3]) for line in lines if not line.startswith("#"))
