"""Run a command on the server through a new login, so that its success proves that logging in still works."""

from __future__ import annotations

import time
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from difusor.servers.connection import ANEW, LAST, TOO_MANY_KEYS, Login, cause, is_refused, options, spoken

SPEC = {
    "command": {"type": "str", "required": True},
    "timeout": {"type": "int", "default": 30},  # seconds
}
PAUSE = 1.0  # seconds between two attempts


class ActionModule(ActionBase):
    """Log in and run `command`; like `wait_for_connection`, but without Python on the server.

    It is the operator's own way in, with the jumps and ports of his configuration, but for what makes the connection a
    new one and ssh tell of its steps, by which a refused account is known from a missing answer.
    """

    _supports_check_mode = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Fail when no login succeeded within `timeout` seconds, or the command failed; never report unreachable."""
        super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(SPEC)
        deadline = time.monotonic() + args["timeout"]
        if self._connection.transport == "ssh":
            first, last = (self._connection.get_option(name) or "" for name in ("ssh_args", "ssh_extra_args"))
            # First, because ssh takes the first of two; not by the task's vars, which extra variables would replace.
            self._connection.set_option("ssh_args", f"{' '.join(options(ANEW))} {first}")
            self._connection.set_option("ssh_extra_args", f"{last} {' '.join(LAST)}")
        while True:
            try:
                answer = self._low_level_execute_command(args["command"], sudoable=True)
            except AnsibleConnectionFailure as failure:
                if is_refused(failure.message) or time.monotonic() > deadline:
                    return {"failed": True, "msg": f"No se pudo entrar de nuevo: {self._said(failure.message)}"}
                time.sleep(PAUSE)
            else:
                failed = answer["rc"] != 0
                # On a terminal, which Ansible gives to sudo, the command's errors come with its output.
                complaint = answer["stdout"].strip() or spoken(answer["stderr"])
                return {"changed": False, "failed": failed, "msg": complaint if failed else ""}

    def _said(self, complaint: str) -> str:
        """Return what ssh said; of too many keys, what to do about them, which the role's own hint does not know."""
        if TOO_MANY_KEYS not in complaint:
            return spoken(complaint)
        address, user = str(self._play_context.remote_addr), str(self._get_remote_user() or "")
        return f"{cause(complaint, Login(address, address, user))}."
