"""`difusor trusted`: apply a late change of the trusted addresses within seconds."""

from __future__ import annotations

from difusor.commands._chosen import for_lists
from difusor.servers.playbook import verb

run = verb(
    "playbooks/trusted.yml",
    "Aplica en segundos un cambio de las direcciones de confianza de la elección o del difusor. El servidor al que no "
    "se llega detiene a todos: se deja fuera con --limit '!SERVIDOR'.",
    chosen=for_lists,
    whole="unos servicios admitirían las direcciones de antes y otros las de ahora",
    missed="los servidores que deja fuera admiten todavía las direcciones de antes",
)
