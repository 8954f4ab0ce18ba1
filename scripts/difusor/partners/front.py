"""The lines for the web server of an outlet whose link is a folder of a site that lives on another server."""

from __future__ import annotations

import re
from collections.abc import Sequence

from difusor.inventory import Host
from difusor.partners.files import render
from difusor.project import UnusableError

STATUS = "/.well-known/prep/"
"""What the page asks for besides its own folder."""


def lines(hosts: Sequence[Host]) -> str:
    """Return the lines by which the outlet's own site passes its folder to these servers, which have one name.

    nginx gets all of them; Apache asks for the name, and the DNS leads it to them.

    UnusableError when the inventory names no such site.
    """
    host = hosts[0]
    partner = host.partner
    if partner.front is None:
        raise UnusableError(
            f"{host.name}: su inventario no tiene difusor_front, que va solo si el vínculo es una carpeta de un sitio "
            "que está en otro servidor; inventories/ejemplo muestra cómo se escribe"
        )
    # The site asks for one name and checks it: a server with another one would only be taken for one that fails.
    addresses = [each.partner.public_address for each in hosts if each.partner.fqdn == partner.fqdn]
    folders, bare = (partner.path, STATUS), partner.path.rstrip("/")
    values = {
        "site": partner.front.name,
        "addresses": partner.front.addresses,
        "path": partner.path,
        "bare": bare,
        "exactly": f"^{re.escape(bare)}$",
        "fqdn": partner.fqdn,
        "sockets": [f"[{each}]:443" if ":" in each else f"{each}:443" for each in dict.fromkeys(addresses)],
        "folders": folders,
        "urls": [(folder, f"https://{partner.fqdn}{folder}") for folder in folders],
    }
    return render(f"front_{partner.front.program}.conf.j2", values)
