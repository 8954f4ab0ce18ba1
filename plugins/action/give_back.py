"""Controller half of `give_back`: adds the paths that the calling role's templates install, and the run's word."""

from __future__ import annotations

import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from difusor.project import ROOT

# Ansible gives this file to the modules that it sends to a server, and lets no plugin import it.
OURS = runpy.run_path(str(ROOT / "plugins/module_utils/ours.py"))["ours"]
RECORD, COMPARISON = ("recorded", "late", "paths"), ("etc", "packages", "accounts", "groups")
"""What the module returns always, and what without `own`."""


class ActionModule(ActionBase):
    """Add the paths of `roles/<role>/templates/**` to `paths` when only the role's `own` files are to be restored.

    In a preview of a removal the server is not asked again: the removal's first step (roles/rollback/tasks/found.yml)
    has compared every recorded path, and nothing has changed one since.
    """

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result; the fact `units_read` is false until `unit` has systemd read its files again."""
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        args = {**self._task.args, "run": task_vars.get("preflight_run", "")}
        if args.get("own"):
            if self._task._role is None:
                raise AnsibleActionFail("give_back: only a role has something of its own")
            args["paths"] = [*installed(Path(self._task._role._role_path)), *(args.get("paths") or [])]
        found = task_vars.get("__rollback_found")
        if self._task.check_mode and found and is_answered(args, found):
            result = preview(args, found)
        else:
            result = self._execute_module(module_name="give_back", module_args=args, task_vars=task_vars)
        return {**result, "ansible_facts": {"units_read": False}}


def installed(role: Path) -> list[str]:
    """Return the paths on the server of a role's templates, as `managed_files` installs them."""
    templates = role / "templates"
    found = sorted(path for path in templates.rglob("*") if path.is_file())
    return ["/" + str(path.relative_to(templates)).removesuffix(".j2") for path in found]


def is_answered(args: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    """Tell whether the module's result for all recorded paths, `found`, tells what it would return for `args`."""
    return not (args.get("opened") or args.get("forget") or set(args.get("also") or []) - set(found["also"]))


def preview(args: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the module would return for `args` in check mode."""
    own, also = args.get("own"), args.get("also") or []
    restored, removed = [], []
    if args.get("restore"):
        paths = OURS(found["paths"], args["paths"] if own else None)
        restored = [path for path in [*paths, *also] if path in found["restored"]]
        removed = [path for path in paths if path in found["removed"]]
    told = {name: found[name] for name in (*RECORD, *(() if own else COMPARISON))}
    done = {"changed": bool(restored or removed), "restored": restored, "removed": removed, "forgotten": []}
    return {**told, **done, "also": also}
