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
  vars:
    remove_early: "{{{{ early | default(false) }}}}"
    corte_revoked: "{{{{ revoked | default(false) }}}}"
    corte_status_file: "{folder}/{{{{ gate | default('none') }}}}.json"
  tasks:
    - {{ansible.builtin.import_tasks: {tasks}}}
    - {{ansible.builtin.debug: {{msg: "{{{{ inventory_hostname }}}} se devuelve"}}}}
"""


def test_what_a_server_published_counts_and_not_the_election_that_its_inventory_links_next(tmp_path: Path) -> None:
    """It was refused with a date of years ahead, or given back while its results were to be seen."""
    past, soon, years, yesterday = (instants.write(instants.now() + timedelta(days=each)) for each in (-9, 4, 1200, -1))
    hosts: dict[str, dict[str, Any]] = {
        "concluida": {"preflight_expected": {"until": past}, "corte_retain_until": years},
        "vigente": {"preflight_expected": {"until": soon}, "corte_retain_until": past},
        "ilegible": {"preflight_expected": {}, "corte_retain_until": years},
        "desconocida": {"corte_retain_until": past},
        # The newest corte may have moved the end, which the gate follows.
        "abierta": {"gate": "open", "corte_retain_until": yesterday},
        "cerrada": {"gate": "closed", "preflight_expected": {"until": yesterday}, "corte_retain_until": past},
        "en-espera": {"gate": "waiting", "corte_retain_until": past},
        "anticipada": {"gate": "open", "early": True, "corte_retain_until": years},
        "retirada": {"gate": "open", "revoked": True, "corte_retain_until": years},
    }
    for state in ("open", "closed", "waiting"):
        (tmp_path / f"{state}.json").write_text(json.dumps({"gate": {"state": state}}))
    inventory = {"difusores": {"hosts": hosts, "vars": {"ansible_connection": "local"}}}
    (tmp_path / "hosts.yml").write_text(json.dumps(inventory))
    tasks = ROOT / "playbooks/tasks/remove_refusal.yml"
    (tmp_path / "play.yml").write_text(PLAY.format(folder=tmp_path, tasks=tasks))
    done = ansible("playbook", "-i", tmp_path / "hosts.yml", tmp_path / "play.yml")
    said = " ".join(done.stdout.split())
    given_back = ["concluida", "desconocida", "en-espera", "anticipada", "retirada"]
    assert [name for name in hosts if f"{name} se devuelve" in said] == given_back, done
    refused = (soon, years, yesterday)
    assert all(f"debe seguir a la vista hasta el {until}, o hasta" in said for until in refused), done
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
