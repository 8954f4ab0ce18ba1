"""A difusor as the institute reaches it: where to push, with which secret, and where it answers."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from difusor.publish.terms import Terms, UnusableError

PORT = 873
MODULE, CLIENT = "corte", "impepac"
"""What the role `rsync` calls its module and its client, unless the inventory says otherwise."""


@dataclass(frozen=True)
class Target:
    """One server of one difusor."""

    name: str
    address: str
    fqdn: str
    module: str
    client: str
    secret: str = field(repr=False)
    certificate: Path | None
    terms: Terms
    path: str = "/"

    @classmethod
    def of(cls, name: str, values: Mapping[str, Any]) -> Target:
        """Take it from the rendered variables of a host; UnusableError names what is missing."""
        try:
            return cls(
                name=name,
                address=values.get("ansible_host", name),
                fqdn=values["difusor_fqdn"],
                module=values.get("rsync_module", MODULE),
                client=values.get("rsync_client", CLIENT),
                secret=values["difusor_rsync_secret"],
                certificate=Path(values["difusor_tls_certificate"]) if values.get("difusor_tls_certificate") else None,
                terms=Terms.of(values),
                path=values.get("difusor_path", "/"),
            )
        except KeyError as error:
            raise UnusableError(f"a {name} le falta {error.args[0]}") from None

    @property
    def url(self) -> str:
        """The rsync address of the module; without the secret."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"rsync://{self.client}@{host}:{PORT}/{self.module}/"

    def tls(self, authority: Path | None) -> ssl.SSLContext:
        """Believe the public authorities, the given one, and the very certificate that the inventory installs."""
        context = ssl.create_default_context(cafile=str(authority) if authority else None)
        if authority is None:
            context.load_default_certs()
        if self.certificate is not None and self.certificate.is_file():
            context.load_verify_locations(str(self.certificate))
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        return context


def read(inventory: Path) -> list[Target]:
    """Return the servers of an inventory (its group `difusores`); UnusableError when it cannot be used."""
    from difusor.inventory.variables import InventoryError
    from difusor.inventory.variables import read as read_variables

    try:
        variables = read_variables(inventory)
    except InventoryError as error:
        raise UnusableError(str(error)) from error
    targets = [Target.of(name, variables.hosts[name]) for name in variables.groups.get("difusores", [])]
    if not targets:
        raise UnusableError(f"el inventario {inventory} no tiene servidores en el grupo difusores")
    return targets
