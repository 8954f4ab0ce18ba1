"""`difusor remove`: undo the installation, so that a server is as it was before."""

from __future__ import annotations

from typing import Annotated

import typer

from difusor.terminal.arguments import AskVaultPass, Check, Diff, Difusores, Further, Limit, VaultIds


def run(
    inventory: Difusores,
    data: Annotated[bool, typer.Option("--data", help="Quita también los cortes y las bitácoras.")] = False,
    early: Annotated[
        bool, typer.Option("--early", help="Aunque el público todavía pueda pedir los resultados.")
    ] = False,
    check: Check = False,
    diff: Diff = False,
    limit: Limit = None,
    ask_vault_pass: AskVaultPass = False,
    vault_id: VaultIds = None,
    further: Further = None,
) -> None:
    """Devuelve un servidor como estaba: retira lo instalado y repone lo que se sustituyó."""
    from difusor.servers import playbook

    values = {name: True for name, given in (("remove_data", data), ("remove_early", early)) if given}
    options = playbook.Options(check, diff, limit, ask_vault_pass, vault_id or (), values, further or ())
    playbook.become("playbooks/remove.yml", inventory, options)
