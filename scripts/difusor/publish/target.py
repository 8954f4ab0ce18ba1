"""A difusor's server as the institute reaches it: where to push, with which secret, and at which address it answers."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field, replace
from pathlib import Path

from difusor.inventory import Election, Host, load
from difusor.inventory.parts import Front
from difusor.servers.certificate import context, shared_context
from difusor.spec.expected import RSYNC_PORT


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
    election: Election
    path: str = "/"
    port: int = RSYNC_PORT
    public_address: str = ""
    """Where citizens reach the server; `address` may be another one, such as that of a VPN."""
    front: Front | None = None
    """The outlet's own site, where citizens reach the page through it."""
    has_cdn: bool = False
    """Whether the inventory names a CDN or a balancer: the page's name leads there, and not to the server."""
    is_shared: bool = False
    """Whether what the host has outside the path is the outlet's own, and not for the institute to judge."""
    revoked: str = ""
    """Since when and why it is off the list, as the end of a sentence; empty when it is not."""
    is_coming_back: bool = False
    """Whether it is off the list only until all its servers have done their half of an order to restore it."""

    @classmethod
    def of(cls, host: Host) -> Target:
        """Make the target from a host of the inventory."""
        partner = host.partner
        return cls(
            name=host.name,
            address=host.address,
            fqdn=partner.fqdn,
            module=host.rsync_module,
            client=host.rsync_client,
            secret=partner.rsync_secret,
            certificate=Path(partner.tls_certificate) if partner.tls_certificate else None,
            election=host.election,
            path=partner.path,
            port=host.rsync_port,
            public_address=partner.public_address,
            front=partner.front,
            has_cdn=bool(partner.cdn_ranges),
            revoked=partner.revocation.told if partner.revocation else "",
            is_coming_back=partner.revocation is not None and partner.revocation.state == "restoring",
        )

    def through(self, front: Front) -> Target:
        """Return the page as citizens reach it through the outlet's own site."""
        name, address = f"{self.name}, por {front.name}", front.addresses[0]
        return replace(
            self, name=name, address=address, public_address=address, fqdn=front.name, certificate=None, front=None,
            is_shared=True,
        )  # fmt: skip

    @property
    def url(self) -> str:
        """The rsync URL of the server's module, without the secret."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"rsync://{self.client}@{host}:{self.port}/{self.module}/"

    def tls(self, authority: Path | None) -> ssl.SSLContext:
        """Return a context that judges as a browser does: by the public authorities, or by `authority` alone."""
        return shared_context(authority)

    def own_tls(self) -> ssl.SSLContext:
        """Return a context that trusts the inventory's own certificate, whatever a browser thinks of it.

        Without one that can be read nothing is trusted or refused: what comes is not authenticated.
        """
        trusting = context()
        trusting.check_hostname = False
        try:
            trusting.load_verify_locations(str(self.certificate))
            trusting.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        except OSError:
            trusting.verify_mode = ssl.CERT_NONE
        return trusting


def read(inventory: Path) -> list[Target]:
    """Return the servers of an inventory (its group `difusores`); InventoryError when it cannot be used."""
    return [Target.of(host) for host in load(inventory)]
