"""`difusor signers`: apply a late change of who may sign within seconds, as when a key was stolen."""

from __future__ import annotations

from difusor.commands._chosen import for_lists
from difusor.servers.playbook import verb

run = verb(
    "playbooks/signers.yml",
    "Aplica en segundos un cambio de los firmantes o de las llaves revocadas de la elección; el servidor que falla no "
    "detiene a los demás.",
    chosen=for_lists,
    whole="una llave robada valdría aún en la otra",
    missed="los servidores que deja fuera admiten todavía a los firmantes de antes",
)
