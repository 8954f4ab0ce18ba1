"""Ends a rehearsal: deletes it from the servers of an inventory, and keeps the evidence that each returns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from corte.format import files
from difusor.project import UnusableError, build
from difusor.publish import target
from difusor.publish.seen import Seen
from difusor.publish.target import Target
from difusor.servers import sudo
from difusor.terminal import run_step

MOST_BYTES = 16 * 1024 * 1024
"""How long a server's evidence may be: it has a line for each file that remains, of which there should be none."""


def servers(inventory: Path) -> list[Target]:
    """Return the servers of an inventory; UnusableError when it cannot be used or is not of a rehearsal."""
    found = target.read(inventory)
    if official := next((server.election.id for server in found if server.election.environment == "official"), ""):
        raise UnusableError(
            f"{inventory.name} publica {official}, una elección oficial, y solo se borra un simulacro: hágalo antes de "
            "pasar su elección a «official»; no se borró nada"
        )
    return found


def purge(inventory: Path, targets: Sequence[Target], home: Path) -> dict[str, dict[str, Any]]:
    """Return, by server, what was removed and what remains; the servers' logs and evidence are kept in `home`.

    So is what this machine has kept of them, because their logs and the cortes' sequences begin anew. `targets` are
    the servers of the inventory. StepFailed when the playbook fails.
    """
    run_step(
        f"{inventory.name}: se borra el simulacro",
        "ansible-playbook", "-i", inventory, "playbooks/purge.yml",
        "--extra-vars", json.dumps({"purge_evidence": str(home)}),
        log=build() / f"log/purge-{inventory.name}.log", inherited=sudo.descriptors(),
    )  # fmt: skip
    for server in targets:
        Seen().hand_over(server, home / server.name)
    evidence = {server.name: home / server.name / "evidence.json" for server in targets}
    return {name: json.loads(files.read_capped(str(path), MOST_BYTES)) for name, path in evidence.items()}
