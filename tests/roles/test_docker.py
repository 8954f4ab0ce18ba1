"""Docker's options: the project's replace those of an outlet that already runs Docker, and its others stay."""

from __future__ import annotations

import json

import role_kit


def test_the_outlets_own_options_stay_below_ours() -> None:
    theirs = {"data-root": "/datos/docker", "icc": True}
    facts = {"packages": {}, "distribution_release": "jammy", "docker_daemon": theirs}
    options = json.loads(role_kit.render("docker", "etc/docker/daemon.json", {"ansible_facts": facts}))
    assert options["data-root"] == "/datos/docker"
    assert options["icc"] is False
    assert options["live-restore"] is True
