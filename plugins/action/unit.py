"""Start and enable a systemd unit, or stop and disable it, unless it already is as wanted."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from difusor.servers.latest_run import refusal

SPEC = {
    "name": {"type": "str", "required": True},  # with its suffix
    "restart": {"type": "bool", "default": False},  # files that the unit reads have changed
    "stopped": {"type": "bool", "default": False},  # it shall neither run nor start at boot
}


class ActionModule(ActionBase):
    """Call `ansible.builtin.systemd_service`, unless `server_probe` found the unit running (`current_state`)."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result; in check mode only whether the unit would be started, restarted or enabled.

        When systemd was asked, the fact `units_read` is true until `managed_files`, `give_back` or new packages change
        files again.
        """
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        _, args = self.validate_argument_spec(SPEC)
        units = task_vars.get("ansible_facts", {}).get("current_state", {}).get("units", {})
        if args["stopped"]:
            unseen = self._task.check_mode and args["name"] not in units  # it may not be installed
            return {"changed": False} if unseen else self._stop(args["name"], task_vars)
        seen = units.get(args["name"]) and not task_vars.get("packages_arrived", False)  # packages start their units
        if seen and not args["restart"]:
            return {"changed": False}
        if self._task.check_mode and (args["restart"] or args["name"] not in units):
            return {"changed": True}  # check mode may not have installed the unit or its files
        if older := refusal(self, task_vars):
            return older  # the later run may have stopped the unit on purpose
        done = self._ask(args["name"], "restarted" if args["restart"] else "started", task_vars)
        if not args["restart"] and done.get("status", {}).get("ActiveState") == "activating":
            # The module takes such a unit for started, although it may fail, and systemd start it again, every second.
            # A restart fails then.
            done = self._ask(args["name"], "restarted", task_vars)
        return done

    def _stop(self, name: str, task_vars: dict[str, Any]) -> dict[str, Any]:
        """Stop a unit and disable it; the probe does not tell which of the two is missing, so systemd is asked."""
        return self._ask(name, "stopped", task_vars)

    def _ask(self, name: str, state: str, task_vars: dict[str, Any]) -> dict[str, Any]:
        # To read all its files costs systemd an eighth of a second. What a killed run left of them nobody has told: the
        # first unit of a run has them read, and then the first one after anything that may have changed them.
        are_read = task_vars.get("ansible_facts", {}).get("units_read", False)
        asked = {"name": name, "enabled": state != "stopped", "state": state, "daemon_reload": not are_read}
        found: dict[str, Any] = self._execute_module(
            module_name="ansible.builtin.systemd_service", module_args=asked, task_vars=task_vars
        )
        return {**found, "ansible_facts": {"units_read": not self._task.check_mode}}  # Ansible drops it after a failure
