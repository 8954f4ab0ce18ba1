"""When `difusor remove` refuses to give a server back."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import role_kit
from ansible_kit import ansible

from corte.format import instants
from difusor.project import ROOT

PLAY = """
- hosts: all
  gather_facts: false
  vars: {{remove_early: false, corte_revoked: false, corte_status_file: {folder}/estado.json}}
  tasks:
    - {{ansible.builtin.import_tasks: {tasks}}}
    - {{ansible.builtin.debug: {{msg: "{{{{ inventory_hostname }}}} se devuelve"}}}}
"""


def test_what_a_server_published_counts_and_not_the_election_that_its_inventory_links_next(tmp_path: Path) -> None:
    """It was refused with a date of years ahead, or given back while its results were to be seen."""
    past, soon, years = (
        instants.write(instants.now() + each) for each in (timedelta(days=-9), timedelta(days=4), timedelta(days=1200))
    )
    hosts: dict[str, dict[str, Any]] = {
        "concluida": {"preflight_expected": {"until": past}, "corte_retain_until": years},
        "vigente": {"preflight_expected": {"until": soon}, "corte_retain_until": past},
        "ilegible": {"preflight_expected": {}, "corte_retain_until": years},
        "desconocida": {"corte_retain_until": past},
    }
    inventory = {"difusores": {"hosts": hosts, "vars": {"ansible_connection": "local"}}}
    (tmp_path / "hosts.yml").write_text(json.dumps(inventory))
    tasks = ROOT / "playbooks/tasks/remove_refusal.yml"
    (tmp_path / "play.yml").write_text(PLAY.format(folder=tmp_path, tasks=tasks))
    done = ansible("playbook", "-i", tmp_path / "hosts.yml", tmp_path / "play.yml")
    said = " ".join(done.stdout.split())
    assert [name for name in hosts if f"{name} se devuelve" in said] == ["concluida", "desconocida"], done
    assert all(f"debe seguir a la vista hasta el {until}, o hasta" in said for until in (soon, years)), done
    assert past not in said, done


def report(**given: Any) -> str:
    """Render the report of a removal that did nothing but what is given, as variables of the play."""
    nothing: dict[str, list[str]] = {"added": [], "missing": [], "changed": [], "attributes": []}
    done = {name: nothing for name in ("packages", "accounts", "groups", "etc")}
    found = {"restored": [], "removed": [], "packages": {"added": ["certbot"], "missing": []}}
    inputs: dict[str, Any] = {"inventory_hostname": "espejo", "ansible_check_mode": False, "remove_data": False}
    inputs |= {"packages_kept": [], "ufw_since": [], "ufw_stays": False}
    text = (ROOT / "playbooks/templates/remove.txt.j2").read_text(encoding="utf-8")
    return role_kit.text("packages", text, {**inputs, "rollback_found": found, "rollback_done": done, **given})


def test_the_report_names_the_packages_that_stay_because_their_owner_uses_them() -> None:
    """One that was there before is nobody's news."""
    title = "Paquetes del proyecto que se quedan, porque el difusor ya los usa:"
    assert title not in report() and title not in report(packages_kept=["apparmor"])
    assert f"{title}\n  certbot\n" in report(packages_kept=["apparmor", "certbot"])


def test_the_report_says_what_becomes_of_the_rules_that_the_owner_has_written_for_ufw() -> None:
    rule = "allow tcp 22 0.0.0.0/0 any 10.1.0.0/16 in"
    assert "UFW" not in report()
    assert f"UFW se queda encendido, por estas reglas que el difusor le ha escrito:\n  {rule}\n" in report(
        ufw_since=[rule], ufw_stays=True
    )
    assert f"UFW se apaga, como estaba, y con él estas reglas que el difusor le ha escrito:\n  {rule}\n" in report(
        ufw_since=[rule]
    )
