"""Makes objects of an inventory's variables; all other packages get hosts and elections from here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from pydantic import ValidationError

from corte.format import files
from difusor.inventory.calendar import counts, pending, polling_day_of
from difusor.inventory.checking import sentences
from difusor.inventory.folders import SUFFIXES
from difusor.inventory.logins import port_fault
from difusor.inventory.model import NAMES, Election, Partner, variable_names
from difusor.inventory.names import misspelt
from difusor.inventory.parts import Attestation, Strict
from difusor.inventory.sources import election_faults
from difusor.inventory.values import host, is_domain
from difusor.inventory.variables import InventoryError, Variables, read
from difusor.project import DAMAGE
from difusor.spec import reading, signs
from difusor.spec.expected import RSYNC_PORT

RSYNC_MODULE = "corte"
"""The name of the module in the role `rsync`, unless the inventory says otherwise."""
READ = NAMES | {"ansible_host", "rsync_client", "rsync_module", "rsync_port"}
"""The variables that `Host.of` reads: whoever renders only some must render these, or the server has others' values."""


@dataclass(frozen=True)
class Host:
    """One server of a partner: its name in the inventory, its address for Ansible, its partner and election."""

    name: str
    address: str
    partner: Partner
    election: Election
    rsync_client: str
    rsync_module: str = RSYNC_MODULE
    rsync_port: int = RSYNC_PORT

    @classmethod
    def of(cls, name: str, variables: Mapping[str, Any]) -> Host:
        """Make the server from the rendered variables of a host; InventoryError says what is missing or wrong."""
        election, address = _load(Election, variables, name), str(variables.get("ansible_host", name))
        try:
            host(address.lower())
        except ValueError:
            sign = f"; {found}" if (found := signs.in_value(address)) else ""
            said = f"«{address}» no es un nombre de host ni una IP{sign}"
            raise InventoryError(f"{name}: ansible_host: {said}") from None
        port = str(variables.get("rsync_port", RSYNC_PORT))
        if fault := port_fault(port):
            raise InventoryError(f"{name}: rsync_port: {fault}")
        return cls(
            name=name,
            address=address,
            partner=_load(Partner, variables, name),
            election=election,
            rsync_module=variables.get("rsync_module", RSYNC_MODULE),
            rsync_port=int(port),
            rsync_client=variables.get("rsync_client", election.client),
        )

    @property
    def entrances(self) -> list[str]:
        """The addresses where the page's name should lead: the server's, or those of the site in front of it."""
        return self.partner.front.addresses if self.partner.front else [self.partner.public_address]

    def is_entrance(self, address: str) -> bool:
        """Tell whether an address is one of these, or of the network that the inventory says is in front."""
        networks = map(ip_network, (*self.entrances, *self.partner.cdn_ranges))
        return any(ip_address(address) in network for network in networks)


def load(inventory: Path) -> list[Host]:
    """Return the servers of an inventory (its group `difusores`); InventoryError when there is none."""
    return servers(read(inventory, only=READ), inventory)


def servers(variables: Variables, inventory: Path) -> list[Host]:
    """Return the servers of an inventory whose variables, at least READ, have been rendered already."""
    hosts = [Host.of(name, variables.hosts[name]) for name in variables.groups.get("difusores", [])]
    for each in hosts:  # what lacks altogether has been told by now: other values may depend on it
        variables.require(each.name, READ)
    if not hosts:
        raise InventoryError(f"el inventario {inventory} no tiene servidores en el grupo difusores")
    return hosts


def load_election(source: Path) -> Election:
    """Return the election of an election file, or of an inventory; InventoryError says why it cannot be read."""
    if _is_inventory(source):
        for values in read(source, only=READ).hosts.values():
            if "election_id" in values:
                return _load(Election, values, source)
        raise InventoryError(f"el inventario {source} no dice de qué elección es")
    return election_of(_text(source), source)


def zone_of(source: Path) -> ZoneInfo | None:
    """Return the zone of an election's file, or an inventory's; None if it cannot be read, which is told elsewhere."""
    with suppress(InventoryError, OSError):
        return load_election(election_file(source)).catalog.zone
    return None


def election_file(inventory: Path) -> Path:
    """Return the election's file that an inventory links, which is read without Ansible; itself where it links none."""
    linked = inventory / "election.yml"
    return linked.resolve() if linked.is_symlink() and linked.exists() else inventory


def load_election_name(source: Path) -> str:
    """Return the name of an election whose file, or inventory, may lack what is decided later; else InventoryError.

    The form of ANEXO 2 goes out before anybody knows who will sign the cortes.
    """
    if _is_inventory(source):
        return load_election(source).name
    name = _said(_text(source), source).get("election_name")
    if not isinstance(name, str) or not name.strip():
        raise InventoryError(f"{source}: election_name: falta; escriba cómo se llama la elección")
    return name


def election_of(text: str, whose: object) -> Election:
    """Return the election that a file's text describes; InventoryError says why none, and names `whose` text it is."""
    return _load(Election, _said(text, whose), whose)


def _is_inventory(source: Path) -> bool:
    """Tell whether an election is asked of an inventory, and not of a file, in whose place a folder may be."""
    return source.is_dir() and source.suffix not in SUFFIXES


def _text(source: Path) -> str:
    if faults := election_faults(source):
        raise InventoryError("\n".join(faults))
    return files.text(source, "utf-8-sig")


def _said(text: str, whose: object) -> Mapping[str, Any]:
    """Return the variables in the text of an election's file."""
    try:
        variables = reading.values(text)["all"]["vars"]
    except (yaml.YAMLError, *DAMAGE):
        variables = None
    if not isinstance(variables, Mapping):
        what = "no es el archivo de una elección" if text.strip() else "está vacío, y es el archivo de una elección"
        raise InventoryError(f"{whose} {what} (elections/<nombre>.yml)")
    if "{{" in str(variables):
        raise InventoryError(f"{whose} depende de un inventario: use --election inventories/DIFUSOR")
    return variables


def is_shared(server: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether the variables of two servers give them one public address, however it is spelt."""
    addresses = [str(each.get("difusor_public_address") or "") for each in (server, other)]
    with suppress(ValueError):
        return ip_address(addresses[0]) == ip_address(addresses[1])
    return False


def is_asked_too(server: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether an authority may ask another server for the proof that it wants of this one, which has `acme`.

    It asks by each name that the certificate is for, and the proof is on this server alone.
    """
    own, others = (_names(each) for each in (server, other))
    return server.get("difusor_tls_mode") == "acme" and bool(own & others)


def _names(server: Mapping[str, Any]) -> set[str]:
    """Return the domain names that a server's certificate is for."""
    aliases = server.get("difusor_aliases")
    given = [server.get("difusor_fqdn"), *(aliases if isinstance(aliases, list) else ())]
    return {*filter(is_domain, (str(each).lower() for each in given if each))}


def attestations(variables: Mapping[str, Any], clause: str) -> list[Attestation]:
    """Return the documents that attest a clause, without opening them; InventoryError when one is badly described.

    Not those of another election.
    """
    given = [each for each in variables.get("difusor_attestations", []) if each.get("clause") == clause]
    formed = [_formed(Attestation, each, f"difusor_attestations ({clause})") for each in given]
    return [each for each in formed if counts(each.election_day, polling_day_of(variables))]


def _load[Model: Strict](model: type[Model], variables: Mapping[str, Any], whose: object) -> Model:
    strange: list[str] = []
    if model is Election:
        _whole(pending(variables), whose)
        strange = misspelt(variables)  # a list of revoked keys under another name would be taken for none
    values = {name: variables[name] for name in variable_names(model) if name in variables}
    return _formed(model, values, whose, strange)


def _whole(sentences: Mapping[str, str], whose: object) -> None:
    """Raise InventoryError with the sentences, if there are any."""
    if sentences:
        raise InventoryError(f"{whose}: {' '.join(f'{name}: {text}.' for name, text in sentences.items())}")


def _formed[Model: Strict](
    model: type[Model], values: Mapping[str, Any], whose: object, strange: Sequence[str] = ()
) -> Model:
    """Check only the form of the values; the files they name are not read, because they may be on the servers only.

    `strange` are sentences on other values, with which there is no model either.
    """
    try:
        made = model.model_validate(values, context={"read": None})
    except ValidationError as error:
        raise InventoryError(f"{whose}: {' '.join([*strange, *sentences(error)])}") from None
    if strange:
        raise InventoryError(f"{whose}: {' '.join(strange)}")
    return made
