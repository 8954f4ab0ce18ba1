"""Run a command on the server through a new login, so that its success proves that logging in still works."""

from __future__ import annotations

import time
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

SPEC = {
    "command": {"type": "str", "required": True},
    "timeout": {"type": "int", "default": 30},  # seconds
}
PAUSE = 1.0  # seconds between two attempts


class ActionModule(ActionBase):
    """Log in and run `command`; like `wait_for_connection`, but without Python on the server.

    The task's vars make the connection a new one (ansible_ssh_args without ControlPath).
    """

    _supports_check_mode = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Fail when no login succeeded within `timeout` seconds, or the command failed; never report unreachable."""
        super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(SPEC)
        deadline = time.monotonic() + args["timeout"]
        while True:
            try:
                answer = self._low_level_execute_command(args["command"], sudoable=True)
            except AnsibleConnectionFailure as failure:
                # A refused login is final; only a missing answer is worth another attempt.
                if "Permission denied" in failure.message or time.monotonic() > deadline:
                    return {"failed": True, "msg": f"No se pudo entrar de nuevo: {failure.message.strip()}"}
                time.sleep(PAUSE)
            else:
                failed = answer["rc"] != 0
                return {"changed": False, "failed": failed, "msg": answer["stderr"].strip() if failed else ""}
