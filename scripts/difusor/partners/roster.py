"""The difusores that an election has already, as far as another one's form is compared with them."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from difusor.inventory import variables
from difusor.partners import record
from difusor.partners.form.model import Form
from difusor.partners.form.values import own_domain
from difusor.partners.likeness import folded
from difusor.project import UnusableError, inventories

READ = frozenset({"difusor_name", "difusor_fqdn", "difusor_public_address", "ansible_host"})
"""The variables by which a difusor that never sent a form is known."""


@dataclass(frozen=True)
class Known:
    """What tells a difusor from others; a public key is in `server_keys` without its comment."""

    id: str
    name: str
    fqdn: str
    domain: str
    addresses: frozenset[str]
    server_keys: frozenset[str]


def known(election: str, but: str) -> tuple[list[Known], list[str]]:
    """Return the difusores of an election but the one of this name, and the names of those that cannot be read."""
    found: list[Known] = []
    unreadable: list[str] = []
    for folder in inventories():
        if folder.name == but or election_of(folder) != election:
            continue
        try:
            found += _read(folder)
        except (UnusableError, OSError):
            unreadable.append(folder.name)
    return found, unreadable


def enrolled(election: str, name: str, link: str) -> str:
    """Return under which id the difusor whose form has this name and link is in an election; "" when none has."""
    if not (name and link):
        return ""
    return next((each.name for each in inventories() if election_of(each) == election and _is(each, name, link)), "")


def _is(folder: Path, name: str, link: str) -> bool:
    try:
        kept = record.read(folder)
    except (UnusableError, OSError):
        return False
    return kept is not None and folded(kept.form.name) == folded(name) and kept.form.link == link


def election_of(folder: Path) -> str:
    """Return the name of an inventory's election; empty when its link does not lead to one."""
    try:
        return Path(os.readlink(folder / "election.yml")).stem
    except OSError:
        return ""


def _read(folder: Path) -> Iterator[Known]:
    """Yield the difusor of an inventory: from its enrolment when it has one, else as Ansible reads the inventory."""
    if kept := record.read(folder):
        yield _of_form(folder.name, kept.form)
        return
    for values in variables.read(folder, only=READ).hosts.values():
        if "difusor_fqdn" in values:
            fqdn = str(values["difusor_fqdn"])
            addresses = frozenset(
                _plain(str(values.get(name, ""))) for name in ("difusor_public_address", "ansible_host")
            )
            name = str(values.get("difusor_name", folder.name))
            yield Known(folder.name, name, fqdn, own_domain(fqdn), addresses - {""}, _server_keys(folder))


def _plain(address: str) -> str:
    """Return an address in its shortest notation, as a form's are; a name as it is."""
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return address


def _of_form(id: str, form: Form) -> Known:
    addresses = {form.annex.ipv4, form.annex.ipv6, form.annex.ssh_host} - {None}
    fqdn = form.link.partition("/")[0]
    keys = frozenset({form.annex.ssh_key})
    return Known(id, form.name, fqdn, own_domain(form.site.partition("/")[0]), frozenset(map(str, addresses)), keys)


def _server_keys(folder: Path) -> frozenset[str]:
    try:
        lines = (folder / "known_hosts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    return frozenset(" ".join(line.split()[1:3]) for line in lines if not line.startswith("#"))
