"""Reads an inventory as Ansible does, and renders every value, which `ansible-inventory` leaves as Jinja.

Nothing is written to disk, because the values include the secrets of the vault.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from corte.format import files
from difusor.inventory.names import is_of_election
from difusor.inventory.rendering import cause
from difusor.inventory.sources import file_faults, refusal
from difusor.inventory.vaults import NO_PASSWORD, identities, identity, source_fault, vaulted, would_run
from difusor.project import ROOT, UnusableError

PLAYBOOKS = ROOT / "playbooks"
# Ansible's internal variables: large, and of no use to a test.
INTERNAL = {"ansible_facts", "groups", "hostvars", "omit", "vars"}
BECOME_PASSWORD = "ansible_become_password"
ALIASES = (BECOME_PASSWORD, "ansible_become_pass", "ansible_sudo_pass")
"""The variables in which Ansible finds the password of sudo."""


class InventoryError(UnusableError):
    """An inventory cannot be read or lacks a value; the message names the vault or value, or is Ansible's own."""


@dataclass
class Variables:
    """Rendered variables of every host, the hosts of every group, and the secrets among the values.

    `unknown` says of the values that could not be rendered why not, by host and name.
    """

    hosts: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)
    unknown: dict[str, dict[str, str]] = field(default_factory=dict)

    def require(self, host: str, names: Set[str]) -> None:
        """Raise InventoryError if a host has one of these variables but its value is unknown.

        Whoever took it for missing would use another value, such as the usual port, and ask another server.
        """
        unknown = self.unknown.get(host, {})
        if lacking := sorted(unknown.keys() & names):
            told = "; ".join(f"{name}: no se puede calcular: {unknown[name]}" for name in lacking)
            raise InventoryError(f"{host}: {told}")

    def listing(self) -> dict[str, Any]:
        """Return what `ansible-inventory --list` would print if it rendered the values."""
        groups = {name: {"hosts": hosts} for name, hosts in self.groups.items()}
        return {"_meta": {"hostvars": self.hosts}, **groups}


def read(inventory: Path, playbooks: Path = PLAYBOOKS, only: frozenset[str] = frozenset()) -> Variables:
    """Render the variables of an inventory, playbooks/group_vars included; InventoryError says why it cannot be read.

    A value that depends on something known only during a play (a role's default, a fact) is unknown. With `only`,
    which names variables, the others are not rendered, which takes most of the time; the password of sudo then comes
    only if BECOME_PASSWORD is among them.
    """
    # Importing Ansible takes a quarter of a second, so it is imported only when an inventory is read.
    from ansible.errors import AnsibleError
    from ansible.inventory.manager import InventoryManager
    from ansible.template import Templar
    from ansible.vars.manager import VariableManager

    if faults := file_faults([inventory]):
        raise InventoryError(refusal(faults))
    result = Variables()
    try:
        loader = _loader()
        loader.set_basedir(str(playbooks))
        manager = InventoryManager(loader=loader, sources=[str(inventory.resolve())])
        variables = VariableManager(loader=loader, inventory=manager)
        for host in manager.get_hosts():
            raw = variables.get_vars(host=host, include_hostvars=False)
            templar = Templar(loader=loader, variables=raw)
            values: dict[str, Any] = {}
            for name in filter(_among(only), raw):
                try:
                    values[name] = json.loads(json.dumps(templar.template(raw[name]), default=str))
                except AnsibleError as error:
                    result.unknown.setdefault(host.name, {})[name] = cause(error)
                    continue
                if name.startswith("vault_") or type(raw[name]).__name__ == "EncryptedString":
                    result.secrets += strings(values[name])
            result.hosts[host.name] = values
        for path in vaulted(inventory):  # all values in a vault are secret
            result.secrets += strings(loader.load_from_file(str(path.resolve())))
        if not only or BECOME_PASSWORD in only:
            result.secrets += _give_passwords(result.hosts)
    except AnsibleError as error:  # in Spanish where it is the plugin inventory_sources that refuses
        raise InventoryError(str(error)) from error
    result.groups = {name: [host.name for host in group.get_hosts()] for name, group in manager.groups.items()}
    return result


def _give_passwords(hosts: Mapping[str, dict[str, Any]]) -> set[str]:
    """Give each host the password of sudo that Ansible would use, as BECOME_PASSWORD; return all of them.

    What the inventory declares comes first, then the file that Ansible is told of (`difusor.servers.sudo`).
    """
    from ansible.cli import CLI
    from ansible.constants import config
    from ansible.errors import AnsibleError

    file = config.get_config_value("BECOME_PASSWORD_FILE")
    if file and (fault := would_run(Path(file))):
        raise InventoryError(f"{fault} (ANSIBLE_BECOME_PASSWORD_FILE)")
    try:
        typed = str(CLI.get_password_from_file(file) or "") if file else ""
    except AnsibleError:
        raise InventoryError(
            f"no se obtuvo la contraseña de sudo de {file} (ANSIBLE_BECOME_PASSWORD_FILE); debe ser la ruta completa "
            "de un archivo que la contenga, o de un programa que la imprima"
        ) from None
    for values in hosts.values():
        declared = next((values[name] for name in ALIASES if values.get(name) not in (None, "")), typed)
        if declared:
            values[BECOME_PASSWORD] = str(declared)
    return {values[BECOME_PASSWORD] for values in hosts.values() if BECOME_PASSWORD in values}


def content(path: str) -> bytes:
    """Return a file's bytes, decrypted when it is a vault; OSError when it cannot be read or opened."""
    from ansible.errors import AnsibleError

    try:
        return files.read(Path(_loader().get_real_file(path)))
    except AnsibleError as error:
        raise OSError(0, str(error)) from error


def seal(plain: bytes, name: str) -> bytes:
    """Return content as a vault of the identity `name`, encrypted with its password, or else with Ansible's first one.

    A home has one password for the vaults of all partners; an operator may have given each its own.
    """
    from ansible.parsing.vault import VaultLib, VaultSecretsContext

    _loader()
    known = VaultSecretsContext.current().secrets
    own = next((secret for identity, secret in known if identity == name), None)
    return bytes(VaultLib(known).encrypt(plain, secret=own, vault_id=name))


def reseal(path: Path, change: Callable[[str], str]) -> None:
    """Replace a vault's text by what `change` returns for it, encrypted with the password that opened it.

    OSError when none of Ansible's passwords opens it. What `change` raises leaves the file as it was.
    """
    from ansible.errors import AnsibleError
    from ansible.parsing.vault import VaultLib, VaultSecretsContext

    _loader()
    vault = VaultLib(VaultSecretsContext.current().secrets)
    try:
        text, _, secret = vault.decrypt_and_get_vault_id(files.small(path))
    except AnsibleError:
        raise OSError(0, "no se descifra con las contraseñas de las bóvedas", str(path)) from None
    sealed = vault.encrypt(change(text.decode()).encode(), secret=secret, vault_id=identity(path))
    files.replace(path, sealed, mode=stat.S_IMODE(path.stat().st_mode))


def _among(only: frozenset[str]) -> Callable[[str], bool]:
    """Return whether a variable is to be rendered; of an election that is asked for, misspelt ones are too."""
    if not only:
        return lambda name: name not in INTERNAL
    whole = "election_id" in only
    return lambda name: name in only or (whole and is_of_election(name))


@cache
def _loader() -> Any:
    """Return Ansible's loader with the vaults' passwords; one per process, because Ansible sets them up only once.

    InventoryError when a source of passwords gives none.
    """
    from ansible.cli import CLI
    from ansible.errors import AnsibleError
    from ansible.parsing.dataloader import DataLoader

    if fault := source_fault():
        raise InventoryError(fault)
    find_plugins()
    loader = DataLoader()
    try:
        CLI.setup_vault_secrets(loader, vault_ids=identities(), auto_prompt=False)
    except AnsibleError:
        named = ", ".join(each.partition("@")[2] for each in identities())
        raise InventoryError(NO_PASSWORD.format(named)) from None
    return loader


def find_plugins() -> None:
    """Let Ansible find the plugins of collections in this process, which it says something about if done twice."""
    from ansible.plugins.loader import init_plugin_loader
    from ansible.utils.collection_loader import AnsibleCollectionConfig

    if not AnsibleCollectionConfig.collection_finder:
        init_plugin_loader()


def strings(value: Any) -> Iterator[str]:
    """Yield every text or number inside a value, as text."""
    match value:
        case dict():
            for item in value.values():
                yield from strings(item)
        case list():
            for item in value:
                yield from strings(item)
        case bool() | None:
            return
        case _:
            yield str(value)
