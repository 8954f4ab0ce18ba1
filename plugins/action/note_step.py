"""Note on the institute's machine what was done to a server, for the board of deadlines (`difusor status`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from corte.format import instants
from corte.format.errors import why
from difusor.partners import steps
from difusor.project import LaterVersionError


class ActionModule(ActionBase):
    """Note `step` of the host whose inventory is in the folder `inventory`; nothing in check mode.

    The step `removed` takes back the others, also for a run that began before it and ends after.
    """

    _requires_connection = False
    _supports_check_mode = True
    _VALID_ARGS = frozenset({"inventory", "step"})

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Never fail: a board that does not know a step is no reason to stop."""
        super().run(tmp, task_vars)
        if self._task.check_mode:
            return {"changed": False, "skipped": True}
        host, inventory = str((task_vars or {})["inventory_hostname"]), Path(str(self._task.args["inventory"]))
        try:
            if (step := self._task.args["step"]) == "removed":
                steps.forget(inventory, host)
            else:
                steps.note(inventory, host, step, instants.now(), "preflight" if step == "provisioned" else None)
        except OSError as error:
            return {"changed": False, "warnings": [f"El tablero no lo sabrá: no se pudo anotar ({why(error)})."]}
        except LaterVersionError as error:
            return {"changed": False, "warnings": [f"El tablero no lo sabrá: {error}."]}
        return {"changed": False}
