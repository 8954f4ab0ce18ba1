"""`difusor apply`: set up the whole server as the inventory says."""

from __future__ import annotations

from difusor.terminal.arguments import AskVaultPass, Check, Diff, Difusores, Further, Limit, VaultIds


def run(
    inventory: Difusores,
    check: Check = False,
    diff: Diff = False,
    limit: Limit = None,
    ask_vault_pass: AskVaultPass = False,
    vault_id: VaultIds = None,
    further: Further = None,
) -> None:
    """Convierte los servidores de un difusor en espejos del PREP. Repetirlo no cambia lo que ya está."""
    from difusor.servers import playbook

    options = playbook.Options(check, diff, limit, ask_vault_pass, vault_id or (), further=further or ())
    playbook.become("site.yml", inventory, options)
