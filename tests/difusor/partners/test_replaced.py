"""What `difusor enroll` would replace of an enrolment is shown before, besides the items of the form too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from form_kit import GOOD, OTHER, as_yaml, png
from home_kit import ELECTION, everything, made
from inventory_kit import KEY, Certificates

from difusor.inventory import load
from difusor.inventory.variables import content
from difusor.partners import record, steps
from difusor.partners.answer import Answer
from difusor.partners.facts import FactError
from difusor.project import UnusableError

NAME = "diario_de_ribelos"
SITE = "www.diarioderibelos.com.mx"
CLERK = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEPJQmY9Qe1mNMcqTe1DgwpdKcnLEYHmiYyCIsyQfKxZ beto"
DELIVERED = {"anexo_tecnico.certificado": "lo entrega el difusor"}
Enroll = Callable[..., Answer]


@pytest.fixture
def mail(tmp_path: Path) -> Path:
    """Return the folder in which the attachments of an e-mail were saved."""
    return tmp_path / "correo"


def changed(answer: Answer) -> list[str]:
    return [each.key for each in answer.changes]


def said(answer: Answer) -> dict[str, str]:
    return {each.key: each.sentence for each in answer.findings}


def delivered(folder: Path, name: str, certificates: Certificates, site: str = SITE, days: int = 30) -> dict[str, Path]:
    """Write a certificate and its key as an outlet delivers them; return the options that name them."""
    page, key = certificates.page(site, days)
    (folder / f"{name}.pem").write_bytes(page + certificates.intermediate + certificates.root)
    (folder / f"{name}.key").write_bytes(key)
    return {"certificate": folder / f"{name}.pem", "certificate_key": folder / f"{name}.key"}


def test_another_logo_of_the_same_name_is_shown_before_it_is_replaced(home: Path, mail: Path, enroll: Enroll) -> None:
    form = as_yaml(mail)
    enroll(form)
    (mail / GOOD["logotipo"]).write_bytes(png(300, 300))
    before = everything(home)
    shown = enroll(form)
    assert (shown.outcome, changed(shown)) == ("por confirmar", ["logotipo"])
    assert all(each.startswith("SHA-256 ") for each in (shown.changes[0].before, shown.changes[0].after))
    assert everything(home) == before
    assert enroll(form, update=True).files[0] == record.LOGO


def test_the_logo_of_another_difusor_is_to_be_decided(mail: Path, enroll: Enroll) -> None:
    enroll(as_yaml(mail))
    answer = enroll(as_yaml(mail, {**OTHER, "logotipo": GOOD["logotipo"]}))
    assert (answer.outcome, said(answer).keys()) == ("por confirmar", {"logotipo"})
    assert "es la misma imagen que la de «Diario de Ribelos»" in said(answer)["logotipo"]


def test_another_oficio_is_shown_before_it_is_replaced(home: Path, mail: Path, enroll: Enroll) -> None:
    form, first, second = as_yaml(mail), datetime(2026, 5, 20, tzinfo=UTC), datetime(2026, 5, 21, tzinfo=UTC)
    enroll(form)
    assert enroll(form, folio="IMP/1", notified=first).outcome == "corregido", "the first one replaces nothing"
    assert enroll(form, folio="IMP/1", notified=first).outcome == "sin cambios"
    before = everything(home)
    for folio, came in (("IMP/2", first), ("IMP/1", second)):
        shown = enroll(form, folio=folio, notified=came)
        assert (shown.outcome, changed(shown)) == ("por confirmar", ["oficio"])
        assert shown.changes[0].before.startswith("folio IMP/1, ")
    assert everything(home) == before
    assert enroll(form, folio="IMP/2", notified=second, update=True).outcome == "corregido"


def test_another_key_of_ssh_is_shown_before_it_enters(home: Path, mail: Path, enroll: Enroll) -> None:
    form = as_yaml(mail)
    enroll(form)
    folder = home / "inventories" / NAME
    steps.note(folder, SITE, "provisioned", datetime(2027, 5, 20, tzinfo=UTC))
    (home / "otra.pub").write_text(f"{CLERK}\n")
    before = everything(home)
    shown = enroll(form, ssh_key=str(home / "otra"))
    assert (shown.outcome, changed(shown)) == ("por confirmar", ["llave_ssh"])
    assert everything(home) == before and steps.read(folder).when("provisioned")
    assert enroll(form, ssh_key=str(home / "otra"), update=True).outcome == "corregido"
    assert f"{home / 'otra'}" in (folder / "hosts.yml").read_text()


def test_the_reply_to_an_enrolled_outlet_has_the_keys_that_the_signed_notice_confirms(
    home: Path, mail: Path, enroll: Enroll, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another clerk, who has no private key of this home's, sees the reply again and learns how to add his."""
    form, first = as_yaml(mail), (home / "llave.pub").read_text().strip()
    enroll(form)
    (home / "llave.pub").unlink()
    (home / "beto.pub").write_text(f"{CLERK}\n")
    monkeypatch.setattr("difusor.partners.asked.OWN_KEYS", (str(home / "beto"),))
    again = enroll(form, ssh_key=None)
    assert (again.outcome, first in again.reply, CLERK in again.reply) == ("sin cambios", True, False)
    main = home / f"inventories/{NAME}/group_vars/{NAME}/main.yml"
    assert "difusor_admin_keys" in again.notes[0] and f"./difusor letter -i {NAME}" in again.notes[0]
    text = main.read_text()
    main.write_text(text.replace("difusor_admin_keys:\n", f'difusor_admin_keys:\n  - "{CLERK}"\n'))
    both = enroll(form, ssh_key=None)
    assert {first, CLERK} <= {*both.reply} and not both.notes
    assert "Sus huellas son" in "".join(both.reply)
    main.write_text(text.replace("difusor_admin_keys:\n", "difusor_admin_keys: [nada]\nprestadas:\n"))
    broken = enroll(form, ssh_key=None)
    assert broken.outcome == "sin cambios" and "no se pueden usar" in broken.notes[0]


def test_a_new_certificate_takes_the_place_of_the_delivered_one(
    home: Path, mail: Path, tmp_path: Path, enroll: Enroll
) -> None:
    certificates, form = Certificates(), as_yaml(mail, DELIVERED)
    enroll(form, **delivered(tmp_path, "a", certificates))
    folder, second = home / "inventories" / NAME, delivered(tmp_path, "b", certificates)
    with pytest.raises(FactError, match="--certificate-key"):
        enroll(form, update=True, certificate=second["certificate"])
    shown = enroll(form, **second)
    assert (shown.outcome, changed(shown)) == ("por confirmar", ["anexo_tecnico.certificado"])
    done = enroll(form, update=True, **second)
    assert (done.outcome, {*done.files}) == ("corregido", {"tls/fullchain.pem", "tls/key.pem", record.FILE})
    assert (folder / "tls/fullchain.pem").read_bytes() == second["certificate"].read_bytes()
    assert content(str(folder / "tls/key.pem")) == second["certificate_key"].read_bytes()
    assert b"PRIVATE KEY" not in b"".join(everything(home).values())
    assert enroll(form, update=True, **second).outcome == "sin cambios"
    mixed = {"certificate": tmp_path / "b.pem", "certificate_key": tmp_path / "a.key"}
    with pytest.raises(UnusableError, match=r"nada cambió(?s:.)*a\.key no es la llave del certificado"):
        enroll(form, update=True, **mixed)
    moved = {**DELIVERED, "enlace": "prep.diarioderibelos.com.mx"}
    with pytest.raises(UnusableError, match="dé también --certificate") as refused:
        enroll(as_yaml(mail, moved), update=True)
    assert f"{folder}/tls/fullchain.pem no es para prep.diarioderibelos.com.mx" in str(refused.value)
    other = delivered(tmp_path, "c", certificates, "prep.diarioderibelos.com.mx")
    assert enroll(as_yaml(mail, moved), update=True, **other).outcome == "corregido"
    assert {path.name for path in folder.parent.iterdir()} == {NAME}


def test_an_outlet_hears_at_once_that_its_certificate_ends_before_the_page(
    home: Path, mail: Path, tmp_path: Path, enroll: Enroll
) -> None:
    certificates, form = Certificates(), as_yaml(mail, DELIVERED)
    left = (ELECTION["closes"] - datetime.now(UTC)) // timedelta(days=1)
    short = delivered(tmp_path, "a", certificates, days=left - 2)
    told = "y la publicación termina el 2027-06-07"
    created = enroll(form, **short)
    assert created.outcome == "creado" and told in said(created)["anexo_tecnico.certificado"]
    assert any(told in line and "entregue a tiempo otro que dure más" in line for line in created.reply)
    again = enroll(form)
    assert again.outcome == "sin cambios" and told in "".join(again.reply), "as long as it has no other one"
    renewed = enroll(form, update=True, **delivered(tmp_path, "b", certificates, days=left + 2))
    assert renewed.outcome == "corregido" and told not in "".join(renewed.reply)


@pytest.mark.parametrize(
    "change",
    [{"nombre": "El Diario de Ribelos, S.A."}, {"enlace": "prep.diarioderibelos.com.mx"}],
    ids=["name", "link"],
)
def test_who_corrects_his_own_name_or_link_is_not_told_that_his_server_is_anothers(
    change: dict[str, str], mail: Path, enroll: Enroll
) -> None:
    enroll(as_yaml(mail), name="diario")
    answer = enroll(as_yaml(mail, change))
    assert (answer.outcome, said(answer).keys()) == ("por confirmar", {"nombre"})
    assert "si es él, dé --name diario" in said(answer)["nombre"]
    assert not any(word in "".join(answer.reply) for word in ("ya es la", "ssh-keygen"))
    assert changed(enroll(as_yaml(mail, change), name="diario")) == [*change]
    other = enroll(as_yaml(mail, change), accept=["1=es otro medio"])
    assert other.outcome == "por corregir", "an outlet of its own has nothing of another's"
    assert {"anexo_tecnico.ipv4", "anexo_tecnico.ssh_llave"} <= said(other).keys()


def test_the_servers_own_name_is_kept_beside_the_link(home: Path, mail: Path, enroll: Enroll) -> None:
    """The link is a folder of a site that is on another server."""
    form, folder = as_yaml(mail), home / "inventories" / NAME
    enroll(form)
    with pytest.raises(FactError, match="--server-name"):
        enroll(form, server_name="prep")
    shown = enroll(form, server_name="prep.diarioderibelos.com.mx")
    assert (shown.outcome, changed(shown)) == ("por confirmar", ["nombre_servidor"])
    assert enroll(form, server_name="prep.diarioderibelos.com.mx", update=True).outcome == "corregido"
    main = folder / f"group_vars/{NAME}/main.yml"
    front = f"difusor_front: {{name: {SITE}, program: nginx, addresses: [189.240.9.9]}}\n"
    main.write_text(main.read_text() + front)
    corrected = as_yaml(mail, {"tecnico.celular": "777 123 4569"})
    assert enroll(corrected, update=True).outcome == "corregido"
    (host,) = load(folder)
    assert (host.name, host.partner.public_name) == ("prep.diarioderibelos.com.mx", SITE)
    assert host.partner.path == "/prep2027mor/"
    main.write_text(main.read_text().replace(front, ""))
    assert enroll(corrected, server_name=SITE, update=True).outcome == "corregido"
    assert load(folder)[0].name == SITE


def test_a_difusor_made_by_new_is_corrected_by_no_form(mail: Path, enroll: Enroll) -> None:
    """It has sent none, so that --name would be refused."""
    made()
    same = {"anexo_tecnico.ipv4": "189.240.1.7", "anexo_tecnico.ssh_llave": KEY}
    assert said(enroll(as_yaml(mail, {**OTHER, **same}))).keys() == same.keys()


def test_ipv6_alone_is_told_before_the_countdown_is_red(mail: Path, enroll: Enroll) -> None:
    answer = enroll(as_yaml(mail, {"anexo_tecnico.ipv4": ""}), check=True)
    assert answer.outcome == "revisado" and "IPv4" in said(answer)["anexo_tecnico.ipv4"]
