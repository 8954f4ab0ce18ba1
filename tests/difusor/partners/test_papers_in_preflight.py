"""The preflight of an official election stops when a paper is not on file; an excuse with its reason lets it go on."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml
from ansible_kit import ansible

from difusor.partners import record, steps
from difusor.partners.filing import filing, papers
from difusor.partners.filing.filing import Filing
from difusor.project import ROOT

PDF = b"%PDF-1.7\n1 0 obj\n<</Type/Pages>>\nendobj\ntrailer\n<<>>\nstartxref\n9\n%%EOF\n"
PLAY = """
- hosts: all
  gather_facts: false
  connection: local
  vars:
    election_environment: official
    election_place: ribera
    election_day:  # without a value it is the day of the opening
    election_opens: "{{ '2030-06-02T20:00:00Z' if inventory_hostname == 'siguiente' else '2027-06-06T20:00:00Z' }}"
  tasks:
    - block:
        - validate_papers:
            inventory: "{{ homes }}/{{ inventory_hostname }}"
            official: "{{ inventory_hostname != 'simulacro' }}"
            required: "{{ inventory_hostname not in ['mirada', 'miradaroto'] }}"
          register: judged
      always:
        - ansible.builtin.debug: {var: judged}
    - note_step: {inventory: "{{ homes }}/{{ inventory_hostname }}", step: preflight}
    - note_step: {inventory: "{{ homes }}/{{ inventory_hostname }}", step: removed}
      when: inventory_hostname == 'devuelto'
    - note_step: {inventory: "{{ homes }}/{{ inventory_hostname }}", step: provisioned}
      when: inventory_hostname in ['devuelto', 'simulacro']
"""


@pytest.fixture(scope="module")
def texts() -> dict[str, bytes]:
    """Return the papers that are filed, by what they are."""
    return {"oficio": PDF, "carta": PDF + b"\n"}


def test_what_the_preflight_of_each_difusor_says(
    enrolled: Path, tmp_path: Path, home: Path, texts: dict[str, bytes]
) -> None:
    folders = {
        name: enrolled.parent / name
        for name in (
            "nada",
            "completo",
            "exceptuado",
            "otro",
            "roto",
            "ajeno",
            "simulacro",
            "devuelto",
            "siguiente",
            "mirada",
            "miradaroto",
        )
    }
    for folder in folders.values():
        shutil.copytree(enrolled, folder, symlinks=True)
    for name in ("completo", "exceptuado", "otro", "devuelto", "siguiente"):
        for paper, content in texts.items():
            if (name, paper) == ("exceptuado", "carta"):
                filing.excuse(folders[name], "carta", "acuerdo CG/12/2027")
                continue
            (tmp_path / "a.pdf").write_bytes(content)
            done = filing.file(folders[name], tmp_path / "a.pdf", Filing(paper, "1"))  # type: ignore[arg-type]
    (folders["otro"] / done.file).write_bytes(b"otra cosa")
    for name in ("roto", "miradaroto"):
        (folders[name] / papers.FILE).write_bytes(b"{")
    (folders["ajeno"] / record.FILE).unlink()
    (folders["ajeno"] / record.FILE).mkdir()
    (tmp_path / "play.yml").write_text(PLAY)
    given = json.dumps({"homes": str(enrolled.parent)})
    played = ansible("playbook", "-i", f"{','.join(folders)},", tmp_path / "play.yml", "-e", given)
    shown = re.findall(r"(?m)^ok: \[(\w+)\] =>.*\n((?: .*\n|\n)+)", played.stdout)
    hosts = {name: yaml.safe_load(judged)["judged"] for name, judged in shown}
    assert hosts.keys() == folders.keys(), played
    said = {name: " ".join([str(found.get("msg", "")), *found.get("warnings", [])]) for name, found in hosts.items()}
    assert {name for name, found in hosts.items() if found.get("failed")} == {
        "nada",
        "otro",
        "roto",
        "ajeno",
        "siguiente",
    }
    assert "falta el oficio" in said["nada"] and "falta la carta compromiso (ANEXO 3)" in said["nada"]
    for paper in ("oficio", "carta"):  # without its folio the verb refuses it
        assert f"./difusor file ARCHIVO -i nada --as {paper} --folio FOLIO" in said["nada"]
    assert "--without DOCUMENTO --reason RAZÓN" in said["nada"]
    assert "se sigue adelante sin carta (acuerdo CG/12/2027; lo registró" in said["exceptuado"]
    assert "no es el que se archivó" in said["otro"] and "no es un registro que se entienda" in said["roto"]
    assert said["siguiente"].count("es de otra elección, la del 2027-06-06") == 4
    assert "No se sabe qué hay" in said["ajeno"] and "es una carpeta" in said["ajeno"]
    # A look alone goes on to the server, which is what it was asked about.
    assert "Expediente: falta el oficio" in said["mirada"] and "falta la carta compromiso" in said["mirada"]
    assert "nada se tocó" not in said["mirada"] and said["mirada"].endswith("apply se negará.")
    assert "No se sabe qué hay en el expediente: " in said["miradaroto"]
    noted = {name for name, folder in folders.items() if steps.read(folder).when("preflight")}
    assert noted == {"completo", "exceptuado", "simulacro", "mirada", "miradaroto"}
    assert {name for name, folder in folders.items() if steps.read(folder).when("provisioned")} == {"simulacro"}


def test_papers_are_required_of_a_run_that_changes_the_server_and_of_no_look() -> None:
    (task,) = yaml.safe_load((ROOT / "roles/preflight/tasks/papers.yml").read_text(encoding="utf-8"))
    assert task["validate_papers"]["required"] == "{{ preflight_begins | bool }}"
    site, alone = (yaml.safe_load((ROOT / name).read_text())[0] for name in ("site.yml", "playbooks/preflight.yml"))
    assert (site["vars"], alone["vars"]) == ({"preflight_begins": True}, {"preflight_begins": False})
