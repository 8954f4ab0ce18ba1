"""The public keys of SSH with which the institute enters a difusor's server: its inventory's, and the clerk's own."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import yaml

from corte.format import files
from difusor.inventory.variables import read
from difusor.partners import asked, inventory
from difusor.partners.facts import FactError, PartnerFacts, fault
from difusor.project import DAMAGE, UnusableError, refusal
from difusor.spec import reading

VARIABLE = "difusor_admin_keys"
"""What the signed notice of addresses confirms, and the institute's account admits."""


def pair(given: str | None) -> tuple[str, str]:
    """Return the path of a private key and the public one beside it; FactError when there is none."""
    try:
        private = asked.key_pair(given or asked.own_key())
        return private, asked.public_key(f"{private}.pub")
    except ValueError as error:
        raise FactError({"--ssh-key": str(error)}) from None


def admitted(folder: Path) -> tuple[tuple[str, ...], str]:
    """Return the keys of an inventory; or none, and why they cannot be used, as the end of a sentence."""
    keys, _ = _usable(_written(folder))
    if keys:
        return keys, ""
    names = frozenset({VARIABLE, "difusor_fqdn"})
    try:
        said = read(folder, only=names)
        for host in said.hosts:
            said.require(host, names)
    except (UnusableError, OSError) as error:
        return (), " ".join(refusal(error).split()).rstrip(".")
    return _usable(next((each.get(VARIABLE) for each in said.hosts.values() if "difusor_fqdn" in each), None))


def _written(folder: Path) -> object:
    """Return what main.yml says of them, if it says it plainly.

    Ansible is not asked for that: it needs the vault's password, and remembers the files that a correction then writes.
    """
    with suppress(OSError, yaml.YAMLError, *DAMAGE):
        return reading.values(files.small(folder / f"group_vars/{folder.name}/main.yml"))[VARIABLE]
    return None


def _usable(found: object) -> tuple[tuple[str, ...], str]:
    keys = [each.strip() if isinstance(each, str) else each for each in found] if isinstance(found, list) else found
    if problem := fault(PartnerFacts, "admin_keys", keys):
        return (), f"{VARIABLE}: {problem}"
    assert isinstance(keys, list)
    return tuple(keys), ""


def note(name: str, keys: tuple[str, ...], problem: str, used: str) -> str:
    """Return what a clerk has to know of the keys of an enrolled difusor; empty when there is nothing to be known.

    `used`: the private key that was given or enrolled, empty for the clerk's own; it may be of another machine.
    """
    main = inventory.folder(name) / f"group_vars/{name}/main.yml"
    if problem:
        return f"la respuesta no lleva ninguna llave de SSH, porque las de {main} no se pueden usar: {problem}"
    own = _own(used)
    if not own or _bare(own) in map(_bare, keys):
        return ""
    return (
        f"la llave de SSH de usted no está entre las de {name}, que son las que lleva la respuesta; para agregarla, "
        f"escríbala en {VARIABLE} de {main}, repita con --reply y emita otra vez el aviso que va firmado: "
        f"./difusor letter -i {name} --only direcciones. Si ya se instaló: ./difusor apply -i {name}"
    )


def _own(used: str) -> str:
    """Return the public half of a key, or of the clerk's own where that one is of another machine; else empty."""
    for private in filter(None, (used, asked.own_key())):
        with suppress(ValueError):
            return asked.public_key(f"{private}.pub")
    return ""


def _bare(key: str) -> list[str]:
    """Return a public key without its comment."""
    return key.split()[:2]
