"""`difusor remove`: undo the installation, so that a server is as it was before."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from difusor.servers.playbook import verb


def values(
    data: Annotated[bool, typer.Option("--data", help="Quita también los cortes y las bitácoras.")] = False,
    early: Annotated[
        bool, typer.Option("--early", help="Aunque el público todavía pueda pedir los resultados.")
    ] = False,
) -> dict[str, Any]:
    """Return the playbook's variables."""
    return {name: True for name, given in (("remove_data", data), ("remove_early", early)) if given}


run = verb(
    "playbooks/remove.yml",
    "Devuelve un servidor como estaba: retira lo instalado y repone lo que se sustituyó.",
    values,
    whole="un servidor se devuelve entero",
)
