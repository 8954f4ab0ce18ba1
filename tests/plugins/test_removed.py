"""A preview says what a removal takes away by what the first look found, and asks only for what that does not tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_kit import ansible
from plugin_kit import load

from difusor.servers.seen import is_there

PROBE, REMOVED = load("module_utils/probe/server.py"), load("action/removed.py")
PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - {removed: THING, register: done}
    - {ansible.builtin.debug: {msg: "changed is {{ done.changed }}"}}
"""
SEEN = {
    "accounts": {"prep-corte": {}},
    "current_state": {
        "folders": {"/etc": ["docker"], "/var/lib": ["prep-image"]},
        "containers": {"prep-1": {}},
        "images": {"prep-difusor/prep:1": "sha256:1"},
        "networks": {"prep": {}},
    },
}


def play(tmp_path: Path, thing: dict[str, Any], *options: str, facts: dict[str, Any]) -> str:
    """Return what a run that removes a thing prints, where each question to the server fails."""
    (tmp_path / "play.yml").write_text(PLAY.replace("THING", json.dumps(thing)))
    values = json.dumps({"ansible_facts": facts, "ansible_python_interpreter": "/bin/false"})
    return ansible("playbook", "-i", "localhost,", "-c", "local", "-e", values, tmp_path / "play.yml", *options).stdout


@pytest.mark.parametrize(
    ("thing", "name", "there"),
    [
        ("path", "/var/lib/prep-image", True),
        ("path", "/etc/docker/", True),
        ("path", "/etc/nginx/sites-enabled/prep", False),
        ("path", "/etc/docker/key.json", None),
        ("path", "/run/prep-corte", None),
        ("path", "/", None),
        ("account", "prep-corte", True),
        ("account", "prep-entrada", False),
        ("container", "prep-1", True),
        ("container", "prep-2", None),
        ("image", "sha256:1", True),
        ("image", "sha256:2", None),
        ("network", "prep", True),
        ("network", "prep-2", None),
    ],
)
def test_what_the_first_look_tells(thing: str, name: str, there: bool | None) -> None:
    assert REMOVED.is_seen(thing, name, SEEN) is there
    assert REMOVED.is_seen(thing, name, {}) is None


@pytest.mark.parametrize(
    ("path", "options", "said"),
    [
        ("/var/lib/prep-image", ["--check"], "changed is True"),
        ("/etc/nginx/sites-enabled/prep", ["--check"], "changed is False"),
        ("/run/prep-corte", ["--check"], "FAILED"),
        ("/var/lib/prep-image", ["--check", "--diff"], "FAILED"),  # which shows what is in the folder
        ("/etc/nginx/sites-enabled/prep", [], "FAILED"),
    ],
)
def test_only_a_preview_is_answered_by_the_first_look(path: str, options: list[str], said: str, tmp_path: Path) -> None:
    assert said in play(tmp_path, {"path": path}, *options, facts=SEEN)


def test_what_is_removed_is_gone(tmp_path: Path) -> None:
    gone = tmp_path / "folder"
    gone.mkdir()
    (gone / "file").touch()
    (tmp_path / "play.yml").write_text(PLAY.replace("THING", json.dumps({"path": str(gone)})))
    for changed in ("True", "False"):
        done = ansible("playbook", "-i", "localhost,", "-c", "local", tmp_path / "play.yml")
        assert f"changed is {changed}" in done.stdout
        assert not gone.exists()


def test_the_probe_tells_of_a_path_beside_those_of_the_record(tmp_path: Path) -> None:
    (tmp_path / "etc/docker").mkdir(parents=True)
    (tmp_path / "etc/docker/daemon.json").touch()
    folders = PROBE.folders([f"{tmp_path}/etc/docker/daemon.json"])
    for name, found in {"etc/docker": True, "etc/nginx/x": False, "etc/docker/key.json": False}.items():
        assert is_there(f"{tmp_path}/{name}", folders) is found
    assert is_there(f"{tmp_path}/etc/docker/daemon.json/x", folders) is None
