"""Objects made from an inventory's variables: their form is checked, the files that they name are not opened."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from publish_kit import ELECTION, SECRET

from difusor.inventory import Host, InventoryError, attestations, load, load_election, problems
from difusor.inventory.variables import read

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJuUU1bYrqPfoYcyqNdVKGiBmO7nYKHSs4ABNaVDz0bY firma@instituto.mx"
TOUCH = "{{ lookup('pipe', 'touch ' + marca) }}"
IMAGE = {"archive": "/nowhere/prep.tar.gz", "sha256": "0" * 64}
OF_ELECTION = yaml.safe_load(ELECTION.format(key=KEY))["all"]["vars"]
VARIABLES = {
    **OF_ELECTION,
    "ansible_host": "10.0.0.1",
    "difusor_name": "Diario del Norte",
    "difusor_fqdn": "prep.norte.test",
    "difusor_path": "/",
    "difusor_public_address": "10.0.0.1",
    "difusor_admin_user": "instituto",
    "difusor_admin_password_hash": "$6$saltsalt$" + "a" * 86,
    "difusor_admin_keys": [KEY],
    "difusor_ssh_password_login": False,
    "difusor_rsync_secret": SECRET,
    "difusor_tls_mode": "files",
    "difusor_tls_certificate": "/nowhere/tls.pem",
    "difusor_tls_key": "/nowhere/tls.key",
    "difusor_prep_image": IMAGE,
    "difusor_waf_image": IMAGE,
}


def test_a_host_holds_its_partner_and_its_election() -> None:
    host = Host.of("web1", {**VARIABLES, "rsync_client": "ople"})
    assert (host.address, host.rsync_module, host.rsync_client) == ("10.0.0.1", "corte", "ople")
    assert (host.partner.name, host.election.name) == ("Diario del Norte", "Elección de prueba")
    assert (host.rsync_port, Host.of("web1", {**VARIABLES, "rsync_port": 8730}).rsync_port) == (873, 8730)
    assert SECRET not in repr(host)
    assert host.election.window.to_json()["opens"] == "2024-06-03T02:00:00Z"


@pytest.mark.parametrize("port", ["abc", "", [873], None, True, 0, 65536, "1" * 5000])
def test_a_port_that_is_none_is_told(port: object) -> None:
    """It ended `publish` and `audit` for all difusores with a traceback."""
    with pytest.raises(InventoryError, match=r"web1: rsync_port: «.*» no es un puerto; escriba un número"):
        Host.of("web1", {**VARIABLES, "rsync_port": port})
    assert Host.of("web1", {**VARIABLES, "rsync_port": "8730"}).rsync_port == 8730


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ansible_host", "{{ direccion }}", "nadie define «direccion»; defínala, o corrija su nombre"),
        ("rsync_port", "{{ 873 + }}", "la expresión está mal escrita; revise sus llaves y comillas"),
    ],
)
def test_a_value_that_cannot_be_computed_is_not_taken_for_missing(
    tmp_path: Path, name: str, value: str, said: str
) -> None:
    """The usual one took its place: the port 873, and as address the server's name."""
    hosts = {"web1": {**VARIABLES, name: value, "otra": "{{ de_un_rol }}"}}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"difusores": {"hosts": hosts}}))
    with pytest.raises(InventoryError, match=re.escape(f"web1: {name}: no se puede calcular: {said}")):
        load(tmp_path)


def test_what_lacks_is_told_rather_than_what_depends_on_it(tmp_path: Path) -> None:
    """The name of rsync's account is that of the election's client, unless the inventory says otherwise."""
    given = {name: value for name, value in VARIABLES.items() if name != "election_client"}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"difusores": {"hosts": {"web1": given}}}))
    with pytest.raises(InventoryError, match="web1: election_client: falta"):
        load(tmp_path)


MISSPELT = ["election_notice_untill", "Election_notice_until", "eleccion_notice_until", "\u00a0election_notice_until"]


@pytest.mark.parametrize("name", [*MISSPELT, "lab_notice_until", "notice_until"])
def test_a_misspelt_variable_of_an_election_is_not_passed_over(tmp_path: Path, name: str) -> None:
    """Only a run of Ansible refused it, and a list of revoked keys counted as empty."""
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"difusores": {"hosts": {"web1": {**VARIABLES, name: "x"}}}}))
    alone = tmp_path / "elections/norte.yml"
    alone.parent.mkdir()
    alone.write_text(yaml.safe_dump({"all": {"vars": {**OF_ELECTION, name: "x"}}}))
    if name not in MISSPELT:
        assert load(tmp_path) and load_election(tmp_path) and load_election(alone)
        return
    seen = name.replace("\u00a0", "<U+00A0>")
    told = "«<U+00A0>election_notice_until» no es el nombre de una variable: lleva un signo que no se ve"
    asked = f"{seen}: no existe; ¿quiso decir election_notice_until?"
    for reading in (load, load_election):  # of a folder the files are judged first
        with pytest.raises(InventoryError, match=re.escape(asked if seen == name else told)):
            reading(tmp_path)
    with pytest.raises(InventoryError, match=re.escape(asked)):
        load_election(alone)


def test_a_sign_that_nobody_sees_is_told_of_a_refused_value() -> None:
    """The address looked like one."""
    said = "lleva un signo que no se ve (U+00A0, espacio duro)"
    with pytest.raises(InventoryError, match=r"difusor_public_address: «10.0.0.1\u00a0» no es") as refused:
        Host.of("web1", {**VARIABLES, "difusor_public_address": "10.0.0.1\u00a0"})
    assert said in str(refused.value)
    with pytest.raises(InventoryError, match=re.escape(said)):
        Host.of("web1", {**VARIABLES, "ansible_host": "10.0.0.1\u00a0"})
    assert any(said in each for each in problems({**VARIABLES, "ansible_host": "10.0.0.1\u00a0"}))
    day = {**VARIABLES, "election_opens": "2024\u201306\u201303T02:00:00Z"}
    with pytest.raises(InventoryError, match=r"election_opens: .* lleva «\u2013» \(U\+2013\), que pone un procesador"):
        Host.of("web1", day)
    with pytest.raises(InventoryError) as refused:
        Host.of("web1", {**VARIABLES, "election_environment": "El \u201cdía\u201d"})
    assert "procesador" not in str(refused.value)


def test_without_an_address_a_host_is_reached_by_its_name() -> None:
    variables = {name: value for name, value in VARIABLES.items() if name != "ansible_host"}
    assert Host.of("web1", variables).address == "web1"


@pytest.mark.parametrize(
    "address", ["203.0.113.256", "203.0.113.10:22", "[fd00::3]", "servidor web", "10.0.0.1/24", ""]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    """As a URL it made `publish` and `audit` end for all difusores, without a result for any."""
    with pytest.raises(InventoryError, match=f"web1: ansible_host: «{re.escape(address)}» no es un nombre de host ni"):
        Host.of("web1", {**VARIABLES, "ansible_host": address})
    assert any("ansible_host" in each for each in problems({**VARIABLES, "ansible_host": address}))


@pytest.mark.parametrize("address", ["10.1.2.3", "fd00::3", "Prep.Norte.test", "prep-1_x", "localhost"])
def test_other_addresses_are_taken(address: str) -> None:
    assert Host.of("web1", {**VARIABLES, "ansible_host": address}).address == address
    assert not any("ansible_host" in each for each in problems({**VARIABLES, "ansible_host": address}))


def test_what_is_wrong_is_said_of_the_host() -> None:
    variables = {name: value for name, value in VARIABLES.items() if name != "difusor_fqdn"}
    with pytest.raises(InventoryError, match=r"web1: difusor_fqdn: falta.* difusor_path: debe empezar"):
        Host.of("web1", {**variables, "difusor_path": "prep"})


def test_the_documents_of_a_clause_are_judged_apart() -> None:
    good = {"clause": "DG-09", "document": "/nowhere/carta.pdf", "sha256": "0" * 64, "signed_by": "Dirección"}
    variables = {"difusor_attestations": [good, {**good, "clause": "HW-05", "sha256": "corto"}]}
    assert [each.signed_by for each in attestations(variables, "DG-09")] == ["Dirección"]
    (dated,) = attestations({"difusor_attestations": [{**good, "date": "2024-05-20"}]}, "DG-09")
    assert dated.told == "firmado por Dirección el 2024-05-20"
    assert attestations({}, "DG-09") == []
    with pytest.raises(InventoryError, match=r"\(HW-05\): sha256: debe ser un SHA-256"):
        attestations(variables, "HW-05")


def test_the_client_is_the_election_s_unless_the_inventory_says_otherwise() -> None:
    assert Host.of("web1", VARIABLES).rsync_client == "instituto"


def test_only_what_makes_a_host_is_rendered(tmp_path: Path) -> None:
    """The inputs of the roles, two hundred expressions, take most of the time in which an inventory is read."""
    values = {**VARIABLES, "difusor_name": "{{ nombre }}", "nombre": "Diario del Sur", "otra": TOUCH}
    group = {"hosts": {"web1": values}, "vars": {"marca": str(tmp_path / "marca")}}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"difusores": group}))
    (host,) = load(tmp_path)
    assert host.partner.name == "Diario del Sur"
    assert not (tmp_path / "marca").exists()
    assert "otra" in read(tmp_path).hosts["web1"]
    assert (tmp_path / "marca").exists()
