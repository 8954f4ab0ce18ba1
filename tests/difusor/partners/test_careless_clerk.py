"""What a hurried clerk does with a good form: the wrong outlet, the wrong election, a correction that was cut short."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from form_kit import as_yaml
from home_kit import difusor, everything

from corte.format import files
from difusor.inventory import load
from difusor.partners import desk, enrolment
from difusor.partners.answer import Answer
from difusor.partners.facts import FactError
from difusor.project import UnusableError

NAME = "diario_de_ribelos"
LONG = "Universidad Autónoma del Estado de Ribelos, Facultad de "
LAW, MEDICINE = (
    {"nombre": f"{LONG}Derecho"},
    {
        "nombre": f"{LONG}Medicina", "enlace": "medicina.diarioderibelos.com.mx", "anexo_tecnico.ipv4": "189.240.1.9",
        "anexo_tecnico.ipv6": "no aplica",
        "anexo_tecnico.ssh_llave": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEPJQmY9Qe1mNMcqTe1DgwpdKcnLEYHmiYyCIsyQfKxZ",
    },
)  # fmt: skip


def enrolled(home: Path, change: Mapping[str, str], **options: Any) -> Answer:
    usual: dict[str, Any] = {
        "election": None, "name": None, "update": False, "check": False, "accept": [], "received": None, "folio": "",
        "notified": None, "logo": None, "ssh_key": str(home / "llave"), "certificate": None, "certificate_key": None,
        "server_name": None,
    }  # fmt: skip
    return desk.enroll(as_yaml(home.parent / "correo", change), **{**usual, **options})


def test_two_outlets_whose_names_begin_alike_are_two(home: Path) -> None:
    """Their short names, which end after 40 letters, are the same; one would be taken for a correction of the other."""
    short = enrolled(home, LAW).difusor
    before = everything(home)
    for options in ({}, {"update": True}, {"check": True}):
        with pytest.raises(FactError, match=rf"--name: «{short}» es el nombre corto de «{LONG}Derecho», que ya está"):
            enrolled(home, MEDICINE, **options)
    assert everything(home) == before
    accepted = [f"{number}=son dos facultades" for number in (1, 2, 19)]
    assert enrolled(home, MEDICINE, name="medicina", accept=accepted).outcome == "creado"
    assert enrolled(home, {"nombre": LAW["nombre"].upper()}).outcome == "por confirmar", "the same in capitals"


def test_nobody_enrols_in_an_election_that_is_over(home: Path) -> None:
    ensayo = home / "elections/ensayo.yml"
    text = ensayo.read_text().replace("2027-06-06", "2024-06-06").replace("2027-06-07", "2024-06-07")
    ensayo.write_text(text)
    before = everything(home)
    done = difusor("enroll", str(as_yaml(home.parent / "correo")), "--ssh-key", str(home / "llave"), home=home)
    assert done.returncode == 1
    assert "la elección «ensayo» terminó el 07/06/2024 13:00:00 PDT y nada se creó; dé --election" in done.stderr
    assert everything(home) == before


@pytest.mark.parametrize("written", [0, 1, 2, 3])
@pytest.mark.parametrize("next_form", [{}, {"anexo_tecnico.ssh_puerto": "23"}], ids=["first", "third"])
def test_after_an_interrupted_correction_any_form_can_follow(
    written: int, next_form: dict[str, str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it left half made was not edited by hand, and the next form replaces it, whichever that is."""
    enrolled(home, {})
    whole = files.replace

    def cut(path: Path, content: bytes, *more: Any) -> None:
        if len(done) > written:
            raise KeyboardInterrupt
        done.append(path)
        whole(path, content, *more)

    done: list[Path] = []
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(enrolment.files, "replace", cut)
        enrolled(home, {"tecnico.celular": "777 123 4569", "anexo_tecnico.ssh_puerto": "22"}, update=True)
    answer = enrolled(home, next_form, update=True)
    assert answer.outcome in ("corregido", "sin cambios")
    (host,) = load(home / "inventories" / NAME)
    assert host.partner.registration and host.partner.registration.technical_contact.mobile == "+52 777 123 4567"
    port = next_form.get("anexo_tecnico.ssh_puerto", "2222")
    assert f"ansible_port: {port}" in (home / f"inventories/{NAME}/hosts.yml").read_text()
    assert json.loads((home / f"inventories/{NAME}/anexo2.json").read_text())["pending"] == {}
    assert os.listdir(home / "inventories") == [NAME]


def test_what_was_edited_by_hand_after_an_interruption_still_stays(home: Path) -> None:
    enrolled(home, {})
    hosts = home / f"inventories/{NAME}/hosts.yml"
    hosts.write_text(f"{hosts.read_text()}# a mano\n")
    with pytest.raises(UnusableError, match="se editó a mano"):
        enrolled(home, {"anexo_tecnico.ssh_puerto": "23"}, update=True)
