"""Units of systemd that the roles start: one that fails at every start is no unit that runs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from plugin_kit import load

UNIT = load("action/unit.py")


@pytest.mark.parametrize(
    ("seen", "asked"), [("inactive", ["started"]), ("active", ["started"]), ("activating", ["started", "restarted"])]
)
def test_a_unit_that_systemd_starts_again_every_second_does_not_pass_for_one_that_runs(
    seen: str, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ansible's module takes it for started; a run ended well while nginx found a port taken at each attempt."""
    overtaken = False
    states: list[str] = []
    action = UNIT.ActionModule.__new__(UNIT.ActionModule)

    def execute(module_name: str, module_args: dict[str, Any], **_: Any) -> dict[str, Any]:
        if module_name == "latest_run":
            return {"failed": overtaken}
        states.append(module_args["state"])
        return {"changed": False, "status": {"ActiveState": seen}}

    action._task = SimpleNamespace(check_mode=False)
    args = {"name": "nginx.service", "restart": False, "stopped": False}
    monkeypatch.setattr(UNIT.ActionBase, "run", lambda *_: {})
    monkeypatch.setattr(action, "validate_argument_spec", lambda _: (None, args))
    monkeypatch.setattr(action, "_execute_module", execute)
    action.run(task_vars={"preflight_run": "a"})
    assert states == asked
    overtaken = True
    assert action.run(task_vars={"preflight_run": "a"})["failed"], "a revocation that began later has stopped it"
    assert states == asked
