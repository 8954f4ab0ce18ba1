"""A container that somebody else brings back while a run makes it as wanted: prep-containers.service, or Docker."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from plugin_kit import load

from difusor.project import ROOT

CONTAINER = load("action/container.py")
ARGS = {"name": "waf-1", "image": "prep-difusor/waf:1", "network": "none", "memory": "256m", "role": "waf"}
RESUMED = {"failed": True, "msg": 'Internal Server Error ("Container 7773 is not paused")'}
"""What the module says when the container was resumed between its look and its order."""


@pytest.mark.parametrize(
    ("answers", "wanted"),
    [
        ([{"changed": True}], {"changed": True}),
        ([RESUMED, {"changed": False}], {"changed": False}),
        ([RESUMED, RESUMED], RESUMED),
    ],
    ids=["as asked", "brought back meanwhile", "refused again"],
)
def test_a_container_that_is_brought_back_meanwhile_does_not_end_the_run(
    answers: list[dict[str, Any]], wanted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An apply ended halfway because the keeper had resumed the WAF in the second in which the module resumed it."""
    left = list(answers)
    action = CONTAINER.ActionModule.__new__(CONTAINER.ActionModule)
    monkeypatch.setattr(CONTAINER.ActionBase, "run", lambda *_: {})
    monkeypatch.setattr(action, "validate_argument_spec", lambda _: (None, ARGS))
    monkeypatch.setattr(action, "_execute_module", lambda **_: left.pop(0))
    assert action.run(task_vars={}) == wanted
    assert not left


def acting(monkeypatch: pytest.MonkeyPatch, *, overtaken: bool, called: list[str]) -> Any:
    """Return the action for a container that was found as wanted; it notes the modules that it calls."""
    action = CONTAINER.ActionModule.__new__(CONTAINER.ActionModule)
    action._task = SimpleNamespace(check_mode=False)

    def ask(command: str) -> dict[str, Any]:
        called.append(command.rpartition("; ")[2].split()[0])
        return {"stdout": f"-- latest --\n{'b' if overtaken else 'a'}\n"}

    def execute(module_name: str, **_: Any) -> dict[str, Any]:
        called.append(module_name.rpartition(".")[2])
        return {"changed": False}

    monkeypatch.setattr(CONTAINER.ActionBase, "run", lambda *_: {})
    monkeypatch.setattr(CONTAINER, "is_current", lambda *_: True)
    monkeypatch.setattr(CONTAINER, "module_options", lambda *_: {})
    monkeypatch.setattr(action, "validate_argument_spec", lambda _: (None, ARGS))
    monkeypatch.setattr(action, "_low_level_execute_command", ask)
    monkeypatch.setattr(action, "_execute_module", execute)
    return action


@pytest.mark.parametrize(
    ("unapplied", "overtaken", "asked"),
    [
        ([], False, []),
        (["/etc/nginx/sites-available/prep.conf"], False, ["cat", "docker_container"]),
        (["/etc/nginx/sites-available/prep.conf"], True, ["cat"]),
    ],
)
def test_what_was_found_while_another_run_worked_is_asked_again(
    unapplied: list[str], overtaken: bool, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run back to the old image saw its container, which the run before it removed last: nobody listened then."""
    called: list[str] = []
    action = acting(monkeypatch, overtaken=overtaken, called=called)
    state = {"unapplied": unapplied, "containers": {}}
    done = action.run(task_vars={"preflight_run": "a", "ansible_facts": {"current_state": state}})
    assert (called, bool(done.get("failed"))) == (asked, overtaken)


@pytest.mark.parametrize(
    ("file", "before"),
    [
        ("docker/tasks/retire_container.yml", "Remove the container {{ docker_container }}"),
        ("accounts/tasks/admit.yml", "Create the institute's user"),
        ("accounts/tasks/former.yml", "End the sessions of the accounts"),
    ],
)
def test_an_older_run_is_asked_before_it_takes_something_away(file: str, before: str) -> None:
    tasks = yaml.safe_load((ROOT / "roles" / file).read_text(encoding="utf-8"))
    (at,) = (number for number, task in enumerate(tasks) if task["name"].startswith(before))
    assert tasks[at - 1]["latest_run"] == {"run": "{{ preflight_run | default('') }}"}
