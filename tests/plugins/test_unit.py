"""Units of systemd that the roles start: one that fails at every start is no unit that runs."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from managed_kit import Server
from plugin_kit import load

from difusor.project import ROOT

UNIT = load("action/unit.py")
SYSTEMCTL = """#!/bin/sh
case $1 in
daemon-reload) echo reload >>LOG ;;
show) echo "$2" >>LOG; echo LoadState=loaded; echo ActiveState=active ;;
esac
"""
"""Stands in for a server's: every unit runs."""
UNITS = f"""
- unit: {{name: second}}
- managed_files:
- unit: {{name: nothing-new}}
- ansible.builtin.include_tasks: {ROOT}/roles/packages/tasks/forget.yml
- unit: {{name: new-packages}}
- unit: {{name: fourth}}
- managed_files: {{absent: [ROOT/other.conf]}}
- unit: {{name: none-of-its-files, restart: true}}
- managed_files: {{absent: [ROOT/systemd/gone.service]}}
- unit: {{name: new-files, restart: true}}
- unit: {{name: fifth, restart: true}}
- give_back: {{restore: true, own: true}}
- unit: {{name: given-back}}
- unit: {{name: not-wanted, stopped: true}}
"""


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
        states.append(module_args["state"])
        return {"changed": False, "status": {"ActiveState": seen}}

    action._task = SimpleNamespace(check_mode=False)
    args = {"name": "nginx.service", "restart": False, "stopped": False}
    monkeypatch.setattr(UNIT.ActionBase, "run", lambda *_: {})
    monkeypatch.setattr(action, "validate_argument_spec", lambda _: (None, args))
    monkeypatch.setattr(action, "_execute_module", execute)
    latest = lambda _: {"stdout": f"-- latest --\n{'b' if overtaken else 'a'}\n"}  # noqa: E731
    monkeypatch.setattr(action, "_low_level_execute_command", latest)
    action.run(task_vars={"preflight_run": "a"})
    assert states == asked
    overtaken = True
    for args["restart"] in (False, True):
        assert action.run(task_vars={"preflight_run": "a"})["failed"], "a revocation that began later has stopped it"
    assert states == asked


def test_systemd_reads_its_files_anew_only_where_they_may_be_others(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time costs the server's processor 0.13 s; a run that was killed may have left files that nobody has read."""
    log = tmp_path / "log"
    (tmp_path / "systemctl").write_text(SYSTEMCTL.replace("LOG", str(log)))
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    for name in ("other.conf", "systemd/gone.service"):
        (server.root / name).parent.mkdir(exist_ok=True)
        (server.root / name).touch()
    tasks = UNITS.replace("ROOT", str(server.root))
    assert server.run(then="- unit: {name: first}" + tasks).returncode == 0
    assert log.read_text().split() == [
        *("reload", "first", "second", "nothing-new"),
        *("reload", "new-packages", "fourth", "none-of-its-files"),
        *("reload", "new-files", "fifth"),
        *("reload", "given-back", "not-wanted"),
    ]
