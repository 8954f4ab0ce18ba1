"""`difusor trusted`: apply a late change of the trusted addresses within seconds."""

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
    """Aplica en segundos un cambio de las direcciones de confianza de la elección o del difusor."""
    from difusor.servers import playbook

    options = playbook.Options(check, diff, limit, ask_vault_pass, vault_id or (), further=further or ())
    playbook.become("playbooks/trusted.yml", inventory, options)
