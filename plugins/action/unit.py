"""Run a systemd unit, now and at every boot; leave alone one that does already."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

SPEC = {
    "name": {"type": "str", "required": True},  # with its suffix
    "restart": {"type": "bool", "default": False},  # what it reads has changed
}


class ActionModule(ActionBase):
    """Call `ansible.builtin.systemd_service`, but only where `server_probe` did not see the unit run (`standing`)."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result; in a preview only whether the unit would be started, restarted or enabled."""
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        _, args = self.validate_argument_spec(SPEC)
        units = task_vars.get("ansible_facts", {}).get("standing", {}).get("units", {})
        seen = units.get(args["name"]) and not task_vars.get("packages_arrived", False)  # they start what they bring
        if seen and not args["restart"]:
            return {"changed": False}
        if self._task.check_mode and (args["restart"] or args["name"] not in units):
            return {"changed": True}  # the unit, or what it is to read, may be one that a preview has not installed
        return self._execute_module(
            module_name="ansible.builtin.systemd_service",
            module_args={
                "name": args["name"],
                "enabled": True,
                "state": "restarted" if args["restart"] else "started",
                "daemon_reload": True,
            },
            task_vars=task_vars,
        )
