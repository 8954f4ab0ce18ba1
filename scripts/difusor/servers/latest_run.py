"""Keeps what a plugin asks of a server from undoing what a run that began later has done there."""

from __future__ import annotations

import runpy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from difusor.project import ROOT

if TYPE_CHECKING:
    from ansible.plugins.action import ActionBase

# Ansible gives this file to the modules that it sends to a server, and lets no plugin import it.
_RUNS = runpy.run_path(str(ROOT / "plugins/module_utils/runs.py"))
LATEST: str = _RUNS["LATEST"]
"""The file on a server with the word of the run that began last there."""
_BEGINS = "-- latest --"
"""The line after which the file's text comes."""
_UNANSWERED = (
    "No se pudo preguntar al servidor si otra ejecución comenzó después, y desde ahora esta ya no toca nada en él: {}. "
    "Entre a mano, corrija lo que impide ejecutar órdenes con sudo, y repita."
)


def refusal(action: ActionBase, task_vars: Mapping[str, Any]) -> dict[str, Any]:
    """Return the failure of a task whose run (`preflight_run`) a later one has overtaken; otherwise nothing.

    It is what the module `latest_run` says, which takes a tenth of a second of the server's processor to start. A
    server that does not answer the question is a failure, too.
    """
    run = str(task_vars.get("preflight_run", ""))
    if not run or action._task.check_mode:
        return {}
    # Where Ansible asks for a terminal, what sudo warns of comes before, in the same stream.
    answer = action._low_level_execute_command(f"echo {_BEGINS}; cat {LATEST} 2>/dev/null")
    said, begins, latest = answer["stdout"].partition(_BEGINS)
    if not begins:
        return {"failed": True, "msg": _UNANSWERED.format(" ".join(f"{said} {answer['stderr']}".split())[-300:])}
    return {"failed": True, "msg": _RUNS["LATER"]} if _RUNS["is_older"](run, latest) else {}
