"""`difusor trusted`: apply a late change of the trusted addresses within seconds."""

from __future__ import annotations

from difusor.servers.playbook import verb

run = verb(
    "playbooks/trusted.yml",
    "Aplica en segundos un cambio de las direcciones de confianza de la elección o del difusor.",
)
