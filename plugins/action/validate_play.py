"""Check the tags of a run and the variables of every role of a play, before the first role changes anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

from difusor.inventory.rendering import cause
from difusor.project import ROOT, strays
from difusor.spec.expected import VALUES

SPECS = "meta/argument_specs.yml"
TYPES = {
    "bool": "true o false",
    "dict": "un diccionario",
    "float": "un número",
    "int": "un número entero",
    "list": "una lista",
    "path": "una ruta",
    "str": "un texto",
}


ANSIBLE_TAGS = frozenset({"all", "always", "never", "tagged", "untagged"})
OTHER_TAGS = frozenset({"authorise", "inventory"})
"""Tags that are neither a role's name nor a clause's id."""
MOLECULE = "notest"
"""How the tags end that Molecule always skips, whether a task has them or not."""


class ActionModule(ActionBase):
    """Refuse tags that no task has, variables that a role would not accept, and stray files; it takes no arguments.

    For an unknown tag Ansible does nothing and calls that a success. Variables are compared with the `main` argument
    specs of the play's roles. Ansible would check each role just before that role runs: a mistake in the last role's
    variables would be found when the others have changed the server, and each check would be a task of its own. The
    playbook turns that off with `rolespec_validate: false`.
    """

    _requires_connection = False
    _supports_check_mode = True
    _VALID_ARGS = frozenset()

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Fail with a line for every problem; values of variables are never shown."""
        super().run(tmp, task_vars)
        given = task_vars or {}
        roles = dict.fromkeys(given["ansible_play_role_names"])
        problems = unknown_tags({*given.get("ansible_run_tags", []), *given.get("ansible_skip_tags", [])})
        problems += [problem for role in roles for problem in self._problems(role, ROOT / "roles" / role)]
        templates = (ROOT / "roles" / role / "templates" for role in roles)
        problems += filter(None, [strays(*templates, ROOT / "scripts/corte")])
        if not problems:
            return {"changed": False}
        lines = "\n".join(f"- {problem}" for problem in problems)
        return {"failed": True, "msg": f"Así no se puede ejecutar y nada se tocó en el servidor. Corrija:\n{lines}"}

    def _problems(self, role: str, folder: Path) -> Iterator[str]:
        specs = self._loader.load_from_file(str(folder / SPECS))["argument_specs"]
        for name, option in specs.get("main", {}).get("options", {}).items():
            try:
                values = self._values(name)
            except AnsibleError as error:
                yield f"{name} (rol {role}): no se puede calcular: {cause(error)}"
                continue
            if ArgumentSpecValidator({name: option}).validate(values, validate_role_argument_spec=True).error_messages:
                yield f"{name} (rol {role}): {wanted(option, given=name in values)}; lo describe roles/{role}/{SPECS}"

    def _values(self, name: str) -> dict[str, Any]:
        variables = self._templar.available_variables
        return {name: self._templar.template(variables[name])} if name in variables else {}


def unknown_tags(tags: Iterable[str]) -> list[str]:
    """Return a sentence for each tag that no task of the project has."""
    roles = {path.name for path in (ROOT / "roles").iterdir()}
    known = ANSIBLE_TAGS | OTHER_TAGS | roles | set(VALUES)
    return [
        f"la etiqueta «{tag}» no existe y no se haría nada; hay una por rol ({', '.join(sorted(roles))}) y una por "
        "cláusula (por ejemplo RED-04)"
        for tag in sorted(set(tags) - known)
        if not tag.endswith(MOLECULE)
    ]


def wanted(option: Mapping[str, Any], given: bool) -> str:
    """Return what an option of an argument spec asks for, as the end of a sentence.

    `given` is whether the variable has a value at all.
    """
    if not given:
        return "falta"
    if choices := option.get("choices"):
        return f"debe ser {' o '.join(map(str, choices))}"
    kind = TYPES.get(option.get("type", "str"), "otra cosa")
    if option.get("type") == "list" and "elements" in option:
        return f"debe ser una lista y cada elemento {TYPES.get(option['elements'], 'otra cosa')}"
    return f"debe ser {kind}" + (" con otras claves o valores" if "options" in option else "")
