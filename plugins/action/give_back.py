"""Controller half of `give_back`: adds the paths that the calling role's templates install, and the run's word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Add the paths of `roles/<role>/templates/**` to `paths` when only the role's `own` files are to be restored."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result; the fact `units_read` is false until `unit` has systemd read its files again."""
        super().run(tmp, task_vars)
        args = {**self._task.args, "run": (task_vars or {}).get("preflight_run", "")}
        if args.get("own"):
            if self._task._role is None:
                raise AnsibleActionFail("give_back: only a role has something of its own")
            args["paths"] = [*installed(Path(self._task._role._role_path)), *(args.get("paths") or [])]
        result = self._execute_module(module_name="give_back", module_args=args, task_vars=task_vars)
        return {**result, "ansible_facts": {"units_read": False}}


def installed(role: Path) -> list[str]:
    """Return the paths on the server of a role's templates, as `managed_files` installs them."""
    templates = role / "templates"
    found = sorted(path for path in templates.rglob("*") if path.is_file())
    return ["/" + str(path.relative_to(templates)).removesuffix(".j2") for path in found]
