"""A role's templates, rendered as the server would get them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import templates_kit
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from difusor.spec.reading import values

ROLES = Path(__file__).resolve().parents[1] / "roles"
templates_kit.keep()


def render(role: str, path: str, inputs: dict[str, Any]) -> str:
    """Return the text of the file that a role installs at `path`; `inputs` come on top of the role's defaults."""
    source = trust_as_template((ROLES / role / f"templates/{path}.j2").read_text())
    templar = _templar(role, inputs)
    return str(templar.template(source, escape_backslashes=False, overrides={"trim_blocks": True}) or "")


def diagnosis(*, files: Mapping[str, Any] = {}, beside: Mapping[str, Any] = {}, judged: Mapping[str, Any] = {}) -> str:
    """Render what the preflight prints of a server of which nothing is to be told but what is given.

    `files` and `beside`: what `server_probe` found of the owner's; `judged`: what `judge_server` says.
    """
    lists = ("rules", "changed_files", "restarting", "writable")
    rows = (
        *("closed", "open", "outside", "refused", "closing", "unattended", "share", "notices", "parameters", "remote"),
        "diagnoses",
        "bridge",
        "router",
    )
    told = {key: [] for key in ("accepting", "tables", "routed", "uplinks", "sharing")}
    inputs = {
        "inventory_hostname": "espejo",
        "ansible_facts": {"sites": [], "current_state": {"admins": {}}},
        "__preflight_probe": {
            "containers": [],
            "mistaken": [],
            "neighbours": {**told, **beside},
            "files": {**{key: [] for key in lists}, "audit_waits": False, "unrecorded": False, **files},
        },
        "__preflight_server": {**{key: [] for key in rows}, **judged},
    }
    return render("preflight", "diagnosis.txt", inputs)


def value(role: str, name: str, inputs: dict[str, Any]) -> Any:
    """Return the value of a role's variable; `inputs` come on top of the role's defaults."""
    return _templar(role, inputs).template(trust_as_template(f"{{{{ {name} }}}}"))


def text(role: str, source: str, inputs: dict[str, Any]) -> str:
    """Return a text of a role's task, such as a message; `inputs` come on top of the role's defaults."""
    return str(_templar(role, inputs).template(trust_as_template(source)))


def _templar(role: str, inputs: dict[str, Any]) -> Templar:
    private = ROLES / role / "vars/main.yml"
    own = {
        **values((ROLES / role / "defaults/main.yml").read_text()),
        **(values(private.read_text()) if private.exists() else {}),
    }
    given = {name: trust_as_template(each) if isinstance(each, str) else each for name, each in inputs.items()}
    return Templar(loader=DataLoader(), variables={**_trusted(own), "ansible_managed": "Managed by the test", **given})


def _trusted(value: Any) -> Any:
    """Return a value whose texts are templates, as those of a role's files are."""
    if isinstance(value, dict):
        return {name: _trusted(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_trusted(each) for each in value]
    return trust_as_template(value) if isinstance(value, str) else value
