"""`difusor preflight`: report what an inventory or its servers lack, before anything is touched."""

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
    """Diagnostica un difusor antes de instalar: su inventario y sus servidores. No toca nada."""
    from difusor.servers import playbook

    options = playbook.Options(check, diff, limit, ask_vault_pass, vault_id or (), further=further or ())
    playbook.become("playbooks/preflight.yml", inventory, options)
