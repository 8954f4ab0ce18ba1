"""When `difusor remove` refuses to give a server back."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

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
