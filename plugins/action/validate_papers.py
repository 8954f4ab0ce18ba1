"""Refuse an official difusor whose oficio, form, logo or letter is not on file, before the server is contacted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.plugins.action import ActionBase

from corte.format.errors import why
from difusor.project import UnusableError

if TYPE_CHECKING:
    from difusor.partners.filing.papers import Excuse

DAY = ("election_day", "election_environment", "election_place", "election_opens")
"""The variables that say on which day people vote."""


class ActionModule(ActionBase):
    """Look at the file of the difusor whose inventory is the folder `inventory`; `official`: whether it counts.

    With `required: false`, as in a look that changes nothing, what is missing is told and stops nothing. Which
    election's papers it has to have say the variables of the election.
    """

    _requires_connection = False
    _supports_check_mode = True
    _VALID_ARGS = frozenset({"inventory", "official", "required"})

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Fail with every paper that is missing, a line each; what is excused or not required is told as warnings."""
        super().run(tmp, task_vars)
        if not self._task.args["official"]:
            return {"changed": False}
        # Imported here because loading them is a fourteenth of a run's work, and a rehearsal does not need them.
        from difusor.inventory import polling_day_of
        from difusor.partners.filing import filing, papers

        day = polling_day_of({name: self._render(name) for name in DAY if name in (task_vars or {})})
        inventory = Path(str(self._task.args["inventory"])).resolve()
        try:
            lacking, filed = filing.lacking(inventory, day), papers.read(inventory).in_election(day)
        except (UnusableError, OSError) as error:
            problem = f"{error.filename}: {why(error)}" if isinstance(error, OSError) else error
            unknown = "No se sabe qué hay en el expediente"
            message = f"{unknown} y nada se tocó en el servidor: {problem}."
            return self._refused(message, [f"{unknown}: {problem}."])
        excused = {paper: found for paper in lacking if (found := filed.excuse(paper))}
        if stops := [told for paper, told in lacking.items() if paper not in excused]:
            lines = "\n".join(f"- {each}." for each in stops)
            remedy = f"./difusor file -i {inventory.name} --without DOCUMENTO --reason RAZÓN"
            return self._refused(
                "El expediente de un difusor oficial no está completo y nada se tocó en el servidor. Corrija:\n"
                f"{lines}\nSi el Instituto decide seguir sin alguno, regístrelo con su razón: {remedy}",
                [*(f"Expediente: {each}." for each in stops), *_excuses(excused)],
            )
        return {"changed": False, "warnings": _excuses(excused)}

    def _refused(self, message: str, warnings: list[str]) -> dict[str, Any]:
        """Return a failure with this message or, where no paper is required, these warnings."""
        if self._task.args.get("required", True):
            return {"failed": True, "msg": message}
        return {"changed": False, "warnings": [*warnings, "Sin el expediente completo, apply se negará."]}

    def _render(self, name: str) -> Any:
        return self._templar.template(self._templar.available_variables[name])


def _excuses(excused: Mapping[Any, Excuse]) -> list[str]:
    return [
        f"Expediente: se sigue adelante sin {paper} ({found.reason}; lo registró {found.by})."
        for paper, found in excused.items()
    ]
