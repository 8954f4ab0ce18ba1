"""A container that somebody else brings back while a run makes it as wanted: prep-containers.service, or Docker."""

from __future__ import annotations

from typing import Any

import pytest
from plugin_kit import load

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
