"""`difusor upgrade`: install security updates, one server after the other."""

from __future__ import annotations

from typing import Annotated

import typer

from difusor.terminal.arguments import AskVaultPass, Check, Diff, Difusores, Further, Limit, VaultIds


def run(
    inventory: Difusores,
    reason: Annotated[
        str | None,
        typer.Option(
            metavar="TEXTO", help="Por qué no puede esperar y quién responde; se exige con los resultados publicados."
        ),
    ] = None,
    check: Check = False,
    diff: Diff = False,
    limit: Limit = None,
    ask_vault_pass: AskVaultPass = False,
    vault_id: VaultIds = None,
    further: Further = None,
) -> None:
    """Instala las actualizaciones de seguridad, un servidor tras otro, y lo reinicia si hace falta."""
    from difusor.servers import playbook

    values = {"upgrade_reason": reason} if reason else {}
    options = playbook.Options(check, diff, limit, ask_vault_pass, vault_id or (), values, further or ())
    playbook.become("playbooks/upgrade.yml", inventory, options)
