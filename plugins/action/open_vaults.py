"""Open every vault of the inventory, so that a wrong password gives one sentence that names the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from difusor import inventory


class ActionModule(ActionBase):
    """Try each vaulted file below the inventory sources; the task takes no arguments and runs on localhost.

    It must be localhost: for a host of a group, Ansible would open the group's vaults first and fail there.
    """

    _requires_connection = False
    _supports_check_mode = True
    _VALID_ARGS = frozenset()

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Fail with a line for every vault that the given passwords do not open."""
        super().run(tmp, task_vars)
        sources = [Path(source) for source in (task_vars or {}).get("ansible_inventory_sources") or []]
        shut = [path for source in sources for path in inventory.shut(source, self._loader)]
        if not shut:
            return {"changed": False}
        lines = "\n".join(
            f"- {path}: no se descifra con la contraseña dada; dé la suya con --vault-id {path.parent.name}@prompt."
            for path in shut
        )
        return {
            "failed": True,
            "msg": f"El inventario no se puede leer y nada se tocó en el servidor. Corrija:\n{lines}",
        }
