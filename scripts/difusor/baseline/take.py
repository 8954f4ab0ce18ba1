"""Takes the baseline of a difusor's servers by running `look.py` on each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from testinfra.host import Host

from difusor.baseline.record import Baseline, BaselineError, Look
from difusor.project import commit
from difusor.servers import identity, working
from difusor.terminal import plain

LOOK = Path(__file__).with_name("look.py")


def take(inventory: Path) -> Baseline:
    """Return the baseline of all servers of an inventory.

    UnreachableError, InventoryError or BaselineError say why it cannot be taken.
    """
    looks, election = {}, ""
    for name, host, server in identity.difusores(inventory):
        before = working.seen(host)
        if before and before.is_unfinished:
            raise BaselineError(working.waiting(name))
        looks[name] = look(name, host, server.identity)
        if overtaken := working.overtaken(name, before, working.seen(host)):
            raise BaselineError(overtaken)
        election = server.declared.election_id
        if not election:
            raise BaselineError(f"{name}: su inventario no dice election_id; enlace su elección como election.yml")
    return Baseline(
        inventory=inventory.resolve().name,
        election=election,
        taken=datetime.now(UTC).replace(microsecond=0),
        commit=commit(),
        servers=looks,
    )


def look(name: str, host: Host, identity: Mapping[str, str]) -> Look:
    """Run `look.py` on the server `name` (testinfra's host, as root); BaselineError when it fails."""
    result = host.run("python3 -c %s", LOOK.read_text(encoding="utf-8"))
    if result.failed:
        said = (result.stderr.strip().splitlines() or ["nada"])[-1]
        raise BaselineError(f"{name}: no se pudo leer cómo está; Python dijo allá: «{plain(said, 200)}»")
    try:
        return Look(server=dict(identity), **json.loads(result.stdout))
    except (ValueError, TypeError, RecursionError):
        raise BaselineError(f"{name}: su respuesta no se entiende") from None
