"""`difusor upgrade`: install security updates, one server after the other."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from difusor.servers.playbook import verb


def values(
    reason: Annotated[
        str | None,
        typer.Option(
            metavar="TEXTO", help="Por qué no puede esperar y quién responde; se exige con los resultados publicados."
        ),
    ] = None,
) -> dict[str, Any]:
    """Return the playbook's variables."""
    return {"upgrade_reason": reason} if reason else {}


run = verb(
    "playbooks/upgrade.yml",
    "Instala las actualizaciones de seguridad, un servidor tras otro, y lo reinicia si hace falta.",
    values,
    whole="el servidor quedaría con unos programas de antes y otros de después",
)
