"""`difusor preflight`: report what an inventory or its servers lack, before anything is touched."""

from __future__ import annotations

from difusor.servers.playbook import verb

run = verb(
    "playbooks/preflight.yml", "Diagnostica un difusor antes de instalar: su inventario y sus servidores. No toca nada."
)
