"""What changed on a difusor's servers since a baseline of them was signed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from difusor.baseline import record
from difusor.baseline.record import BaselineError
from difusor.baseline.take import take
from difusor.inventory import load_election
from difusor.inventory.variables import InventoryError
from difusor.servers.identity import UnreachableError


def since(path: Path, inventory: Path) -> dict[str, dict[str, Any]]:
    """Look at the servers of an inventory; return by server what changed since the baseline of `path` (record.drift).

    BaselineError when the baseline holds no more (record.refuse_past), or it or a server cannot be read.
    """
    try:
        signed = record.read(path)
        record.refuse_past(signed, load_election(inventory))
        return {name: record.drift(signed, name, look) for name, look in take(inventory).servers.items()}
    except (UnreachableError, InventoryError) as error:
        raise BaselineError(str(error)) from error
