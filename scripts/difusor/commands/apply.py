"""`difusor apply`: set up the whole server as the inventory says."""

from __future__ import annotations

from difusor.servers.playbook import verb

run = verb(
    "site.yml", "Convierte los servidores de un difusor en espejos del PREP. Repetirlo no cambia lo que ya está."
)
