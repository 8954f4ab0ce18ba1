"""`difusor enroll`: a form becomes a difusor whole or not at all; all that is wrong is told, what changed is shown."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from form_kit import GOOD, OTHER, as_workbook, as_yaml, png
from home_kit import PARTNER, difusor, everything, made
from inventory_kit import KEY, Certificates
from PIL import Image

from corte.format import instants
from difusor.commands.enroll import show
from difusor.inventory import Registration, load
from difusor.inventory.variables import content, read
from difusor.inventory.vaults import password_of
from difusor.partners import record, roster, steps
from difusor.partners.answer import Answer
from difusor.partners.facts import FactError
from difusor.partners.filing import filing, papers
from difusor.partners.form.items import keys
from difusor.project import UnusableError, vault_password
from difusor.terminal import local

NAME = "diario_de_ribelos"


@pytest.fixture
def mail(tmp_path: Path) -> Path:
    """Return the folder in which the attachments of an e-mail were saved."""
    return tmp_path / "correo"


def said(answer: Answer) -> dict[str, str]:
    return {each.key: each.sentence for each in answer.findings}


@pytest.mark.parametrize("write", [as_yaml, as_workbook])
def test_a_form_becomes_an_inventory_that_can_set_up_a_server(
    write: Callable[[Path], Path], home: Path, mail: Path, enroll: Callable[..., Answer]
) -> None:
    """It is read as Ansible reads it; creating it has asked for no password, and preflight would refuse nothing."""
    answer = enroll(write(mail))
    assert (answer.outcome, answer.findings) == ("creado", ())
    folder = home / "inventories" / NAME
    (host,) = load(folder)
    assert (host.name, host.address) == ("www.diarioderibelos.com.mx", "189.240.1.7")
    assert (host.partner.name, host.partner.path) == ("Diario de Ribelos", "/prep2027mor/")
    assert host.election.id == "ensayo"
    registration = host.partner.registration
    assert isinstance(registration, Registration) and "" not in registration.items(host.partner.name).values()
    assert registration.link_without_scheme == f"{host.name}{host.partner.path}".rstrip("/")
    assert registration.technical_contact.mobile == "+52 777 123 4567"
    (values,) = (each for each in read(folder).hosts.values() if "difusor_fqdn" in each)
    assert (values["ansible_user"], values["ansible_port"]) == ("ubuntu", 2222)
    assert (folder / "known_hosts").read_text() == f"[189.240.1.7]:2222 {KEY}\n"
    assert values["vault_difusor_admin_password"].encode() not in b"".join(everything(home).values())
    assert (home / "llave.pub").read_text().strip() in answer.reply  # in one line, as authorized_keys takes it
    assert (folder / f"group_vars/{NAME}/vault.yml").read_bytes().startswith(b"$ANSIBLE_VAULT;")


@pytest.mark.parametrize(("outlets", "own"), [("ubuntu", "instituto"), ("instituto", "instituto-prep")])
def test_the_institutes_account_is_another_than_the_outlets(
    outlets: str, own: str, home: Path, mail: Path, enroll: Callable[..., Answer]
) -> None:
    assert enroll(as_yaml(mail, {"anexo_tecnico.ssh_cuenta": outlets})).outcome == "creado"
    (host,) = (each for each in read(home / "inventories" / NAME).hosts.values() if "difusor_fqdn" in each)
    assert (host["ansible_user"], host["difusor_admin_user"]) == (outlets, own)


def test_the_verb_tells_everything_at_once_with_its_cell_and_touches_nothing(home: Path, mail: Path) -> None:
    before = everything(home)
    changed = {
        "tecnico.celular": "044 777 123 4567",
        "enlace": "lmpebar.mx/prep",
        "anexo_tecnico.ram_gb": "4",
        "red": "",
    }
    form = as_workbook(mail, changed)
    done = difusor("enroll", str(form), "--ssh-key", str(home / "llave"), "--reply", home=home)
    assert done.returncode == 1
    for cell in ("celda C10 (6.", "celda C7 (3.", "celda C16 (T12.", "celda C22 (18."):
        assert cell in done.stderr and cell in done.stdout, "told to the clerk, and in the reply"
    assert "«lmpebar.mx» se parece al dominio del Instituto (impebar.mx)" in done.stderr
    assert "no está bajo el dominio del medio (diarioderibelos.com.mx)" in done.stderr
    assert everything(home) == before
    done = difusor("enroll", str(form), "--ssh-key", str(home / "llave"), "--json", home=home)
    told = json.loads(done.stdout)
    assert (done.returncode, told["outcome"]) == (1, "por corregir")
    assert {each["key"] for each in told["findings"]} == changed.keys()
    assert len([line for line in told["reply"] if "celda" in line]) == len(told["findings"])


def test_the_verb_enrols_and_says_what_follows(home: Path, mail: Path) -> None:
    done = difusor("enroll", str(as_yaml(mail)), "--ssh-key", str(home / "llave"), home=home)
    assert done.returncode == 0, done.stderr
    assert f"./difusor preflight -i {NAME}" in done.stdout
    assert difusor("enroll", str(mail / "no-existe.yml"), home=home).returncode == 64
    assert difusor("enroll", str(as_yaml(mail)), "--folio", "1", home=home).returncode == 64


def test_a_corrected_form_shows_the_difference_and_then_updates(
    home: Path, mail: Path, enroll: Callable[..., Answer], capsys: pytest.CaptureFixture[str]
) -> None:
    enroll(as_yaml(mail))
    folder = home / "inventories" / NAME
    steps.note(folder, "www.diarioderibelos.com.mx", "provisioned", datetime(2027, 5, 20, tzinfo=UTC))
    vault = (folder / f"group_vars/{NAME}/vault.yml").read_bytes()
    assert enroll(as_workbook(mail)).outcome == "sin cambios", "whichever file it comes in"
    before = everything(home)
    corrected = as_workbook(mail, {"tecnico.celular": "777 123 4569", "enlace": "prep.diarioderibelos.com.mx"})
    shown = enroll(corrected)
    assert shown.outcome == "por confirmar"
    show(shown)
    assert "esos cambios aún no se escriben" in " ".join(capsys.readouterr().out.split())
    assert {each.key: (each.before, each.after) for each in shown.changes} == {
        "tecnico.celular": ("+52 777 123 4567", "+52 777 123 4569"),
        "enlace": ("www.diarioderibelos.com.mx/prep2027mor", "prep.diarioderibelos.com.mx"),
    }
    assert everything(home) == before, "shown, and nothing else"
    assert enroll(as_yaml(mail, {"tecnico.celular": "777 123 4570"}), update=True).outcome == "corregido"
    assert steps.read(folder).when("provisioned"), "another telephone is no other server"
    assert enroll(corrected, update=True).outcome == "corregido"
    assert not steps.read(folder).when("provisioned")
    (host,) = load(folder)
    assert (host.name, host.partner.path) == ("prep.diarioderibelos.com.mx", "/")
    assert host.partner.registration and host.partner.registration.technical_contact.mobile == "+52 777 123 4569"
    assert (folder / f"group_vars/{NAME}/vault.yml").read_bytes() == vault, "the secrets stay"
    assert enroll(corrected, update=True).outcome == "sin cambios"
    assert {path.name for path in folder.parent.iterdir()} == {NAME}


@pytest.mark.parametrize(
    ("changed", "told"), [({"legal.nombre": "Rosa Salgado Nava"}, True), ({"tecnico.celular": "777 123 4569"}, False)]
)
def test_a_clerk_who_corrects_what_the_letter_says_is_told_of_the_letter(
    mail: Path, enroll: Callable[..., Answer], changed: dict[str, str], told: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    enroll(as_yaml(mail))
    show(enroll(as_yaml(mail, changed), update=True))
    assert (f"./difusor letter -i {NAME}" in capsys.readouterr().out) is told


def test_another_outlets_form_is_no_correction(mail: Path, enroll: Callable[..., Answer]) -> None:
    enroll(as_yaml(mail))
    answer = enroll(as_yaml(mail, OTHER), name=NAME, update=True)
    assert answer.outcome == "por confirmar" and "si es otro, dé --name" in said(answer)["nombre"]


def test_a_form_without_a_name_is_nobodys(mail: Path, enroll: Callable[..., Answer]) -> None:
    enroll(as_yaml(mail, {"nombre": "Medio"}))
    answer = enroll(as_yaml(mail, {**OTHER, "nombre": ""}))
    assert (answer.difusor, answer.outcome, said(answer).keys()) == ("formato.yml", "por corregir", {"nombre"})


def test_a_file_edited_by_hand_is_never_overwritten(home: Path, mail: Path, enroll: Callable[..., Answer]) -> None:
    enroll(as_yaml(mail))
    registration = home / f"inventories/{NAME}/group_vars/{NAME}/registration.yml"
    registration.write_text(registration.read_text().replace("Diario de Ribelos", "Diario"))
    before = everything(home)
    with pytest.raises(UnusableError, match=r"se editó a mano y no se sobrescribe: .*registration\.yml"):
        enroll(as_yaml(mail, {"tecnico.celular": "777 123 4569"}), update=True)
    assert everything(home) == before
    main = home / f"inventories/{NAME}/group_vars/{NAME}/main.yml"
    main.write_text(f"{main.read_text()}difusor_light_mode: false\n")
    registration.write_text(
        registration.read_text().replace("Diario\n", "Diario de Ribelos\n").replace('"Diario"', '"Diario de Ribelos"')
    )
    assert enroll(as_yaml(mail, {"tecnico.celular": "777 123 4569"}), update=True).outcome == "corregido"
    assert main.read_text().endswith("difusor_light_mode: false\n"), "main.yml is the operator's"


def test_an_interrupted_correction_is_completed_by_the_next(
    home: Path, mail: Path, enroll: Callable[..., Answer]
) -> None:
    enroll(as_yaml(mail))
    folder = home / "inventories" / NAME
    old = everything(folder)
    corrected = as_yaml(mail, {"tecnico.celular": "777 123 4569", "anexo_tecnico.ssh_puerto": "22"})
    enroll(corrected, update=True)
    for name in ("anexo2.json", f"group_vars/{NAME}/registration.yml"):
        (folder / name).write_bytes(old[name])  # as if the power had gone after hosts.yml
    assert enroll(corrected, update=True).outcome == "corregido"
    (host,) = load(folder)
    assert host.partner.registration and host.partner.registration.technical_contact.mobile == "+52 777 123 4569"


def test_of_two_outlets_at_once_the_second_is_compared_with_the_first(
    home: Path, mail: Path, enroll: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each clerk has read which difusores there are before the other enrols one, unless one waits."""
    forms = (as_yaml(mail), as_yaml(mail / "otro", {**OTHER, "anexo_tecnico.ipv4": GOOD["anexo_tecnico.ipv4"]}))
    both, known = threading.Barrier(2), roster.known

    def read_together(*words: Any) -> Any:
        found = known(*words)
        with suppress(threading.BrokenBarrierError):
            both.wait(0.3)  # in vain, if the other clerk waits for this one
        return found

    monkeypatch.setattr(roster, "known", read_together)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(enroll, forms))
    assert sorted(each.outcome for each in answers) == ["creado", "por corregir"]
    assert len(list((home / "inventories").iterdir())) == 1


def test_of_two_corrections_at_once_the_second_keeps_what_the_first_registered(
    enrolled: Path, mail: Path, enroll: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clerk who registers the oficio writes last of what he read, unless the other one waits for him."""
    form = as_yaml(mail)
    corrected = as_yaml(mail / "otro", {"tecnico.celular": "777 123 4569"})
    known, begun = roster.known, threading.Event()

    def and_then_another(*words: Any) -> Any:
        found = known(*words)
        if not begun.is_set():
            begun.set()
            late.append(pool.submit(enroll, corrected, update=True))
            wait(late, 0.3)  # in vain, if the other clerk waits for this one
        return found

    late: list[Future[Answer]] = []
    monkeypatch.setattr(roster, "known", and_then_another)
    with ThreadPoolExecutor(1) as pool:
        enroll(form, folio="MED/7", notified=datetime(2026, 5, 20, tzinfo=UTC))
    kept = record.read(enrolled)
    assert late[0].result().outcome == "corregido"
    assert kept is not None and kept.notice and kept.form.technical.mobile.endswith("4569")


def test_a_difusor_that_never_sent_a_form_is_not_touched(home: Path, mail: Path, enroll: Callable[..., Answer]) -> None:
    made()
    before = everything(home)
    with pytest.raises(UnusableError, match="ya existe el difusor «diario»"):
        enroll(as_yaml(mail, OTHER), name="diario", update=True)
    assert everything(home) == before


SECRET = "hunter2-S3creta"


@pytest.mark.parametrize("write", [as_yaml, as_workbook])
def test_a_password_is_dropped_told_and_nowhere(
    write: Callable[..., Path], home: Path, mail: Path, enroll: Callable[..., Answer]
) -> None:
    change = {"ftp.contrasena": SECRET, "ftp.servidor": "ftp.diarioderibelos.com.mx"}
    bad = enroll(write(mail, {**change, "nombre": ""}))
    good = enroll(write(mail, change))
    assert (bad.outcome, good.outcome) == ("por corregir", "creado")
    for answer in (bad, good):
        assert "llegó una contraseña; se descartó" in said(answer)["ftp.contrasena"]
        assert any("llegó una contraseña" in line for line in answer.reply), "and the sender is told"
        assert SECRET not in answer.model_dump_json()
    assert all(SECRET.encode() not in kept for kept in everything(home).values())


def test_nobody_reads_the_password_of_a_broken_form(home: Path, mail: Path, enroll: Callable[..., Answer]) -> None:
    form = as_yaml(mail, {"ftp.contrasena": SECRET})
    done = difusor("enroll", str(form), "--ssh-key", str(home / "llave"), home=home)
    assert (done.returncode, SECRET in done.stdout + done.stderr) == (0, False)
    text = form.read_text()
    for broken in (f'"{SECRET}', f"[{SECRET}", f"&a {SECRET}", f"!x {SECRET}", f"'{SECRET}\n\t: x"):
        form.write_text(text.replace(f'"{SECRET}"', broken))
        with pytest.raises(UnusableError, match="renglón") as refused:
            enroll(form)
        assert SECRET not in str(refused.value)


SEEN: list[tuple[dict[str, str], str, str]] = [
    ({"nombre": "DIARIO de Ríbe-los"}, "nombre", "así se llama ya «Diario de Ribelos»"),
    ({"nombre": "Diario de Ribelo"}, "nombre", "se confunde con «Diario de Ribelos»"),
    ({"enlace": "www.diarioderibelos.com.mx/otra", "sitio": "diarioderibelos.com.mx"}, "enlace", "ya es la liga"),
    (
        {"sitio": "www.diarioderibelos.com.mx", "enlace": "p.diarioderibelos.com.mx"},
        "sitio",
        "bajo el mismo dominio",
    ),
    ({"sitio": "diarioderibe1os.mx", "enlace": "diarioderibe1os.mx"}, "sitio", "se confunde con «diarioderibelos"),
    ({"anexo_tecnico.ipv4": "189.240.1.7"}, "anexo_tecnico.ipv4", "ya es la dirección de «Diario de Ribelos»"),
    ({"anexo_tecnico.ipv6": "2806:2f0:0::7"}, "anexo_tecnico.ipv6", "ya es la dirección"),
    ({"anexo_tecnico.ssh_servidor": "189.240.1.7"}, "anexo_tecnico.ssh_servidor", "ya es la dirección"),
    ({"anexo_tecnico.ssh_llave": f"{KEY} copia"}, "anexo_tecnico.ssh_llave", "ya identifica al servidor"),
    ({"anexo_tecnico.ipv4": "189.240.1.1"}, "anexo_tecnico.ipv4", "es del Instituto"),
    ({"anexo_tecnico.ipv6": "2806:10::5"}, "anexo_tecnico.ipv6", "es del Instituto"),
    ({"tecnico.correo": "sistemas@impebar.mx"}, "tecnico.correo", "es del Instituto"),
    ({"legal.correo": "legal@impebar-mx.com"}, "legal.correo", "se parece al dominio del Instituto"),
    ({"enlace": "impebar.launion.com.mx"}, "enlace", "se parece al dominio del Instituto"),
    ({"nombre": "IMPEBAR Noticias"}, "nombre", "se confunde con el Instituto"),
    ({"nombre": "lMPEBAR Noticias"}, "nombre", "se confunde con el Instituto"),
    ({"nombre": "Noticias1MPEBAR"}, "nombre", "se confunde con el Instituto"),
    ({"nombre": "1ER Noticias"}, "nombre", "se confunde con el Instituto"),
    ({"nombre": "L\u0251 Uni\u00f3n"}, "nombre", "lleva «\u0251», que puede confundirse con otra letra"),
    ({"nombre": "Radio Na\ua78c Sav\u0268"}, "nombre", "lleva «\ua78c\u0268», que puede confundirse con otra letra"),
    ({"hardware": "2 núcleos, 4 GB de RAM, SSD"}, "hardware", "aclare cuál es"),
    ({"anexo_tecnico.servidor": "virtual"}, "anexo_tecnico.servidor", "HW-01"),
    ({"anexo_tecnico.ghz": "1,9"}, "anexo_tecnico.ghz", "ANEXO TÉCNICO pide 2.4 GHz"),
    ({"anexo_tecnico.mbps": "40 Mbps"}, "anexo_tecnico.mbps", "RED-01"),
    ({"anexo_tecnico.ipv4": "", "anexo_tecnico.ipv6": ""}, "anexo_tecnico.ipv4", "falta la dirección IP pública"),
]


def test_a_clerk_sees_what_no_single_value_tells(mail: Path, enroll: Callable[..., Answer]) -> None:
    """Each form is compared with the same difusor, which was enrolled with a form."""
    enroll(as_yaml(mail))
    unseen = []
    for change, key, words in SEEN:
        answer = enroll(as_yaml(mail, {**OTHER, **change}))
        if not answer.outcome.startswith("por ") or words not in said(answer).get(key, ""):
            unseen.append((change, answer))
    assert unseen == []


@pytest.mark.parametrize("address", [{"ipv4": "10.20.30.40"}, {"ipv6": "fd00::7"}, {"ssh_servidor": "192.168.1.7"}])
def test_only_a_rehearsal_may_have_a_server_that_is_not_public(
    address: dict[str, str], home: Path, mail: Path, enroll: Callable[..., Answer]
) -> None:
    """On a test server of the institute's, and because the clerk says so."""
    ((name, value),) = address.items()
    key = f"anexo_tecnico.{name}"
    form = as_yaml(mail, {key: value})
    answer = enroll(form, check=True)
    assert answer.outcome == "por confirmar" and "servidor de pruebas" in said(answer)[key]
    assert enroll(form, check=True, accept=[f"{key}=servidor de pruebas"]).outcome == "revisado"
    election = home / "elections/ensayo.yml"
    election.write_text(election.read_text().replace('"simulacro"', '"official"'))
    answer = enroll(form, check=True, accept=[f"{key}=servidor de pruebas"])
    assert answer.outcome == "por corregir" and "pida la pública" in said(answer)[key]


def test_a_difusor_made_by_new_is_compared_too(mail: Path, enroll: Callable[..., Answer]) -> None:
    made(PARTNER | {"public_address": "2806:2f0::9"})
    same = {"anexo_tecnico.ipv4": "189.240.1.7", "anexo_tecnico.ipv6": "2806:2F0:0::9", "anexo_tecnico.ssh_llave": KEY}
    assert said(enroll(as_yaml(mail, {**OTHER, **same}))).keys() == same.keys()


def test_what_is_to_be_decided_is_accepted_with_its_reason(
    home: Path, mail: Path, enroll: Callable[..., Answer]
) -> None:
    form = as_yaml(mail, {"anexo_tecnico.servidor": "virtual"})
    assert enroll(form).outcome == "por confirmar"
    for wrong in ("T9", "T9=", "T99=porque sí", "T9={{ lookup('pipe', 'id') }}"):
        with pytest.raises(FactError, match="--accept"):
            enroll(form, accept=[wrong])
    answer = enroll(form, accept=["T9=exención en trámite", "T10=nada había que aceptar"])
    assert answer.outcome == "creado"
    kept = json.loads((home / f"inventories/{NAME}/anexo2.json").read_text())
    assert kept["accepted"] == {"anexo_tecnico.servidor": "exención en trámite"}
    assert enroll(form).outcome == "sin cambios", "it was accepted already"
    assert enroll(as_yaml(mail, {"nombre": ""}), name=NAME, accept=["1=así"]).outcome == "por corregir", (
        "no error is accepted"
    )


def test_what_is_late_is_kept_and_marked(
    home: Path, mail: Path, enroll: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instants, "now", lambda: datetime(2027, 6, 7, tzinfo=UTC))
    election = home / "elections/ensayo.yml"
    document = yaml.safe_load(election.read_text())
    document["all"]["vars"] |= {
        "election_notice_until": "2027-05-22T02:00:00Z",
        "election_call": {
            "form_until": "2027-05-24T02:00:00Z", "auditor": "Universidad Autónoma del Estado de Ribelos (UAEM)",
            "list_from": "2027-05-27T06:00:00Z",
        },
    }  # fmt: skip
    election.write_text(yaml.safe_dump(document))
    late = datetime(2027, 5, 25, tzinfo=UTC)
    academic = {"nombre": "Radio UAEM", "anexo_tecnico.participa_como": "institución académica"}
    answer = enroll(
        as_yaml(mail, academic), received=late, folio="IMP/12/2027", notified=datetime(2027, 5, 22, 2, 0, 1, tzinfo=UTC)
    )
    assert answer.outcome == "creado"
    marks = " ".join(each.sentence for each in answer.findings)
    assert all(words in marks for words in ("el oficio llegó después", "plazo que puso el Instituto", "quien audita"))
    assert "ya podía publicarse" not in marks, "two days before"
    during = as_yaml(mail, {**OTHER, "nombre": "El Tarde"})
    assert "ya había comenzado" not in str(enroll(during, check=True, received=datetime(2027, 6, 7, tzinfo=UTC)))
    assert answer.reply[-2:] == (
        "Instituto Electoral de Ribera (IER)",
        "Unidad de Informática & Redes <prep@ier.test>, (600) 000 0000, extensión 12",
    )
    (host,) = load(home / "inventories/radio_uaem")
    assert host.partner.notice and (host.partner.notice.folio, host.partner.notice.kind) == (
        "IMP/12/2027", "institución académica",
    )  # fmt: skip
    marked = json.loads((home / "inventories/radio_uaem/anexo2.json").read_text())
    assert len(marked["marks"]) == 3 and marked["received"] == "2027-05-25T00:00:00Z"
    corrected = as_yaml(mail, {**academic, "tecnico.celular": "777 123 4569"})
    assert enroll(corrected, update=True, received=datetime(2027, 6, 5, tzinfo=UTC)).outcome == "corregido"
    kept = json.loads((home / "inventories/radio_uaem/anexo2.json").read_text())
    assert (kept["received"], kept["marks"], kept["notice"]) == tuple(
        marked[key] for key in ("received", "marks", "notice")
    )
    assert kept["corrected"] == "2027-06-05T00:00:00Z"
    mistyped = datetime(2027, 5, 24, tzinfo=UTC)
    assert enroll(corrected, update=True, received=mistyped).outcome == "corregido", "the first form's date"
    kept = json.loads((home / "inventories/radio_uaem/anexo2.json").read_text())
    assert (kept["received"], kept["corrected"]) == ("2027-05-24T00:00:00Z", "2027-06-05T00:00:00Z")
    with pytest.raises(FactError, match="--folio"):
        enroll(corrected, folio="{{ lookup('pipe', 'id') }}", notified=late)


def test_nothing_is_received_in_the_future(mail: Path, enroll: Callable[..., Answer]) -> None:
    tomorrow = instants.now() + timedelta(days=1)
    with pytest.raises(FactError) as refused:
        enroll(as_yaml(mail), received=tomorrow, folio="MED/7", notified=tomorrow, check=True)
    assert refused.value.faults == dict.fromkeys(
        ("--received", "--notified"), "está en el futuro; escriba cuándo se recibió"
    )


def test_when_a_form_came_is_corrected_with_the_same_form(
    enrolled: Path, mail: Path, enroll: Callable[..., Answer]
) -> None:
    first, second, mended = (datetime(2026, 5, day, tzinfo=UTC) for day in (20, 25, 26))

    def dates() -> tuple[datetime, datetime | None]:
        kept = record.read(enrolled)
        assert kept is not None
        return kept.received, kept.corrected

    form, corrected = as_yaml(mail), as_yaml(mail / "otro", {"tecnico.celular": "777 123 4569"})
    shown = enroll(form, received=first)
    assert shown.outcome == "por confirmar" and [each.title for each in shown.changes] == ["Cuándo llegó"]
    assert shown.changes[0].after == local(first, ZoneInfo("America/Tijuana"))
    assert enroll(form, received=first, update=True).outcome == "corregido" and dates() == (first, None)
    for again in ({}, {"received": first}):
        assert enroll(form, **again).outcome == "sin cambios"
    assert enroll(corrected, received=second, update=True).outcome == "corregido" and dates() == (first, second)
    assert enroll(corrected, received=mended, update=True).outcome == "corregido" and dates() == (first, mended)


def test_a_lost_logo_is_enrolled_again_and_its_excuse_ends_with_that(
    enrolled: Path, mail: Path, enroll: Callable[..., Answer]
) -> None:
    """An old excuse would let through a logo that somebody exchanged later."""
    logo = enrolled / "logotipo.png"
    original = logo.read_bytes()
    for _ in range(2):
        logo.unlink()
        assert filing.missing(enrolled)["logotipo"] == f"{logo} falta: ./difusor enroll FORMATO --update"
        filing.excuse(enrolled, "logotipo", "acuerdo CG/12/2027 del Pleno")
        filing.excuse(enrolled, "carta", "acuerdo CG/13/2027 del Pleno")
        assert enroll(as_yaml(mail), update=True).outcome == "corregido" and logo.read_bytes() == original
        logo.write_bytes(png(90, 90))
        assert "bórrelo" in filing.missing(enrolled)["logotipo"]
        assert papers.read(enrolled).excuse("logotipo") is None
        assert papers.read(enrolled).excuse("carta") is not None
    with pytest.raises(UnusableError, match="se editó a mano"):
        enroll(as_yaml(mail), update=True)


def test_nobodys_bytes_are_published(home: Path, mail: Path, enroll: Callable[..., Answer]) -> None:
    """The logo has text, a profile and bytes behind its end; what is kept has its pixels."""
    from PIL.PngImagePlugin import PngInfo

    told = PngInfo()
    told.add_text("Comment", "<script>alert(1)</script>")
    form = as_yaml(mail)
    received = png(1500, 600, pnginfo=told, icc_profile=b"perfil" * 30) + b"PK\x03\x04 cola <?php"
    (mail / "logotipo.png").write_bytes(received)
    enroll(form)
    kept = (home / f"inventories/{NAME}/logotipo.png").read_bytes()
    assert not any(trace in kept for trace in (b"script", b"iCCP", b"cola", b"perfil"))
    with Image.open(io.BytesIO(kept)) as picture:
        assert (picture.format, picture.size, picture.info) == ("PNG", (1024, 410), {})
        assert picture.convert("RGB").getpixel((5, 5)) == (0, 0, 128)


def test_a_certificate_that_was_delivered_is_copied_in(
    home: Path, mail: Path, tmp_path: Path, enroll: Callable[..., Answer]
) -> None:
    certificates = Certificates()
    page, key = certificates.page("www.diarioderibelos.com.mx")
    (tmp_path / "page.pem").write_bytes(page + certificates.intermediate + certificates.root)
    (tmp_path / "page.key").write_bytes(key)
    form = as_yaml(mail, {"anexo_tecnico.certificado": "lo entrega el difusor"})
    answer = enroll(form, check=True)
    assert answer.outcome == "revisado" and "en persona" in "".join(answer.reply), "nothing in the form is wrong"
    with pytest.raises(FactError, match="--certificate-key"):
        enroll(form)
    enroll(form, certificate=tmp_path / "page.pem", certificate_key=tmp_path / "page.key")
    assert content(str(home / f"inventories/{NAME}/tls/key.pem")) == key
    assert b"PRIVATE KEY" not in b"".join(everything(home).values())


def test_a_short_name_that_the_clerk_gave_is_given_once(mail: Path, enroll: Callable[..., Answer]) -> None:
    enroll(as_yaml(mail), name="diario")
    again = enroll(as_yaml(mail, {"tecnico.celular": "777 123 4569"}))
    assert (again.difusor, again.outcome) == ("diario", "por confirmar") and again.changes


def test_only_checking_creates_nothing(home: Path, mail: Path, enroll: Callable[..., Answer]) -> None:
    """Nor does it need what only an operator has: images, and a key of SSH."""
    (home / "build/images/waf.tar.gz.sha256").unlink()
    before = everything(home)
    assert enroll(as_yaml(mail), check=True, ssh_key="/no/existe").outcome == "revisado"
    with pytest.raises(UnusableError, match=r"aún no hay imágenes .*: \./difusor images"):
        enroll(as_yaml(mail))
    with pytest.raises(FactError, match="ssh-keygen -t ed25519"):
        enroll(as_yaml(mail), ssh_key="/no/existe")
    assert everything(home) == before


def test_all_vaults_open_with_one_source_of_passwords_and_nothing_prompts(
    home: Path, mail: Path, enroll: Callable[..., Answer]
) -> None:
    """The source is a client script of Ansible's, as for a keyring; there is no terminal on which to ask."""
    script = home / "vault-password-client"
    script.write_text('#!/bin/sh\ntest "$1" = --vault-id || exit 1\necho "la del llavero de $2"\n')
    script.chmod(0o700)
    folders = [Path(enroll(as_yaml(mail, change)).files[0]) for change in ({}, OTHER)]
    assert password_of(vault_password()) == "la del llavero de difusores"
    assert not (home / "vault-password").exists(), "none was drawn beside the source that there is"
    done = difusor("apply", "-i", folders[0].name, "--", "--list-hosts", home=home)
    assert done.returncode == 0, done.stderr
    assert f"difusores@{script}" in done.stderr.splitlines()[0]
    listed = subprocess.run(
        ["ansible-inventory", "--list", *(word for each in folders for word in ("-i", each))],
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
    )  # fmt: skip
    hosts = json.loads(listed.stdout)["_meta"]["hostvars"].values()
    assert len({each["vault_difusor_rsync_secret"] for each in hosts if "difusor_fqdn" in each}) == 2


def test_a_kept_form_has_every_item(home: Path, mail: Path, enroll: Callable[..., Answer]) -> None:
    enroll(as_yaml(mail))
    kept = json.loads((home / f"inventories/{NAME}/anexo2.json").read_text())["form"]
    flat = {
        f"{part}.{name}" if isinstance(value, dict) else part
        for part, value in kept.items()
        for name in (value if isinstance(value, dict) else [0])
    }
    assert flat == set(keys()) == set(GOOD)
    assert PARTNER["name"] not in str(kept)
