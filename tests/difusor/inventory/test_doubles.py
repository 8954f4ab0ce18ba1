"""Copies beside the files of an inventory, and files that say the same on purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from difusor.inventory import doubles, folders, sources

HOSTS = "difusores: {children: {diario: {hosts: {web1: {ansible_port: 22}}}}}\n"
VANTAGE = "trusted_vantage: {hosts: {instituto: {ansible_connection: local}}}\n"


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    folder = tmp_path / "diario"
    (folder / "group_vars/diario").mkdir(parents=True)
    (folder / "hosts.yml").write_text(f"{HOSTS}{VANTAGE}")
    (folder / "group_vars/diario/main.yml").write_text("difusor_name: Diario\n")
    return folder


@pytest.mark.parametrize(
    "name",
    [
        "main-DESKTOP-7A2B.yml", "Copia de main.yml", "main copia.yml", "main 2.yml", "main_backup.yml", "~$main.yml",
        "main (conflicto de sincronización).yml", "main", "main.json", "mas/main.yml",
    ],
)  # fmt: skip
def test_a_copy_is_told_by_what_it_says_whatever_its_name(name: str, inventory: Path) -> None:
    """Ansible read it beside its original, and what only the copy still said counted."""
    copy = inventory / "group_vars/diario" / name
    copy.parent.mkdir(exist_ok=True)
    copy.write_text('{"difusor_path": "/viejo/", "difusor_name": "Diario"}\n')
    (found,) = doubles.faults(inventory)
    assert " dicen los dos difusor_name, y Ansible tomaría lo de uno solo; déjelo en uno; si uno es copia" in found
    assert str(copy) in found and str(inventory / "group_vars/diario/main.yml") in found
    assert sources.file_faults([inventory]) == [], "the night's verbs do not wait for it"


def test_a_copy_of_a_vault_is_told_where_vaults_can_be_opened(inventory: Path) -> None:
    for name in ("vault.yml", "vault_viejo.yml"):
        (inventory / "group_vars/diario" / name).write_text("$ANSIBLE_VAULT;1.1;AES256\n3333\n")
    assert [*doubles.faults(inventory)] == []
    many = "".join(f"vault_{number}: x\n" for number in range(5))
    (found,) = doubles.faults(inventory, lambda path: many)
    assert "vault_viejo.yml dicen los dos vault_0, vault_1, vault_2 y 2 más, y Ansible" in found


def test_a_copy_of_the_list_of_servers_is_told(inventory: Path) -> None:
    """It had another server, which would have been a mirror too."""
    (inventory / "hosts-DESKTOP-7A2B.yml").write_text(HOSTS.replace("web1", "web2"))
    (found,) = doubles.faults(inventory)
    assert "hosts.yml ponen los dos a diario en el grupo difusores; déjelo en uno; si uno es copia" in found


def test_a_copy_of_the_elections_link_is_told(inventory: Path) -> None:
    for path in (inventory / "copia de election.yml", inventory.with_name("norte-2027.yml")):
        path.write_text("all:\n  vars:\n    election_id: norte-2027\n")
    (inventory / "election.yml").symlink_to("../norte-2027.yml")
    (found,) = doubles.faults(inventory)
    assert f"copia de election.yml y {inventory}/election.yml dicen los dos de qué elección es" in found


def test_what_is_split_on_purpose_is_taken(inventory: Path) -> None:
    """As the project itself lays it out; a second server in a file of its own; a backup that Ansible does not read."""
    group = inventory / "group_vars/diario"
    for name in ("annex", "attested", "registration"):
        (group / f"{name}.yml").write_text("difusor_uplink_mbps: 200\ndifusor_notice: {}\n")
    (group / "main.yml").write_text("difusor_uplink_mbps: 90\ndifusor_notice: {}\n")
    (group / "respaldo.2027-06-05").mkdir()
    (group / "respaldo.2027-06-05/main.yml").write_text("difusor_uplink_mbps: 70\n")
    (inventory / "group_vars/all.yml").write_text("difusor_uplink_mbps: 80\n")
    (inventory / "group_vars/web1.diario.mx").mkdir()
    (inventory / "group_vars/web1.diario.mx/main.yml").write_text("difusor_uplink_mbps: 60\n")
    (inventory / "web2.yml").write_text(f"{HOSTS.replace('web1', 'web2')}{VANTAGE}")
    (inventory / "election.yml").write_text(f"all: {{vars: {{x: 1}}}}\n{VANTAGE}")
    assert [*doubles.faults(inventory)] == sources.file_faults([inventory]) == []
    read = {str(path.relative_to(inventory / "group_vars")) for path in folders.variable_files(inventory)}
    assert "web1.diario.mx/main.yml" in read and "diario/respaldo.2027-06-05/main.yml" not in read
