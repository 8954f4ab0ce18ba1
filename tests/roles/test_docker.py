"""Docker's options: an engine of the project's is closed; one that the outlet ran before keeps the outlet's options."""

from __future__ import annotations

import json
from typing import Any

import role_kit


def options(before: bool, theirs: dict[str, Any]) -> dict[str, Any]:
    facts = {"packages": {}, "distribution_release": "jammy", "docker_daemon": theirs, "docker_before": before}
    rendered: dict[str, Any] = json.loads(role_kit.render("docker", "etc/docker/daemon.json", {"ansible_facts": facts}))
    return rendered


def test_an_outlets_engine_keeps_its_options() -> None:
    """Otherwise its containers could not talk to each other any more, and published ports would move to loopback."""
    theirs = {"data-root": "/datos/docker", "icc": True, "log-driver": "journald"}
    assert options(True, theirs) == {**theirs, "live-restore": True}
    assert options(True, {}) == {"live-restore": True}


def test_an_engine_of_the_projects_is_closed() -> None:
    found = options(False, {})
    assert (found["icc"], found["ip"], found["no-new-privileges"]) == (False, "127.0.0.1", True)
    assert found["live-restore"] is True
