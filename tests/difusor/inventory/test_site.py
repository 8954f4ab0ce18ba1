"""site.yml and the verbs read an inventory from disk, with its vaults, and refuse it before any server is contacted."""

from __future__ import annotations

import copy
import os
import re
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_kit import ansible
from variables_kit import SECRET, Variables, write_certificate

from corte.format import instants
from difusor.inventory.variables import InventoryError, read
from difusor.project import VAULTS

ROOT = Path(__file__).resolve().parents[3]
SHUT = (
    "no se descifra con la contraseña dada; dé la suya: "
    "export ANSIBLE_VAULT_IDENTITY_LIST=diario@prompt (o diario@ARCHIVO)"
)


class Partner:
    """An inventory folder on disk, of a server that does not exist."""

    def __init__(self, folder: Path, variables: Variables) -> None:
        """Write the folder; the rsync secret goes into a vault."""
        self.folder = folder
        group = folder / "group_vars/diario"
        group.mkdir(parents=True)
        (folder / "hosts.yml").write_text(
            yaml.safe_dump({"difusores": {"children": {"diario": {"hosts": {"nadie": {"ansible_host": "127.0.0.2"}}}}}})
        )
        variables = copy.deepcopy(variables) | {
            "ansible_port": 1,
            "difusor_rsync_secret": "{{ vault_difusor_rsync_secret }}",
        }
        (group / "main.yml").write_text(yaml.safe_dump(variables))
        vault = VaultLib([("default", VaultSecret(b"correct"))])
        (group / "vault.yml").write_bytes(vault.encrypt(yaml.safe_dump({"vault_difusor_rsync_secret": SECRET})))

    def site(
        self, file: Path, password: str = "correct", playbook: str = "site.yml"
    ) -> subprocess.CompletedProcess[str]:
        """Run site.yml, or another playbook, against the inventory, with this vault password, written into `file`."""
        file.write_text(password)
        return ansible("playbook", "-i", self.folder, playbook, env={VAULTS: str(file)})


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of the vault password: one for all tests, since Ansible is imported once for each."""
    return tmp_path_factory.mktemp("vault") / "password"


def test_the_site_refuses_before_it_connects(good: Variables, tmp_path: Path, file: Path) -> None:
    good["difusor_fqnd"] = good.pop("difusor_fqdn")
    good["difusor_prep_image"]["sha256"] = "0" * 64
    result = Partner(tmp_path / "inventory", good).site(file)
    assert result.returncode == 2
    assert "El inventario no está listo y nada se tocó en el servidor" in result.stdout
    assert "- difusor_fqnd: no existe; ¿quiso decir difusor_fqdn?" in result.stdout
    assert "- difusor_fqdn: falta" in result.stdout
    assert "prep.tar.gz tiene el SHA-256" in result.stdout
    assert "unreachable=0" in result.stdout
    assert SECRET not in result.stdout + result.stderr


def test_a_good_inventory_gets_as_far_as_the_connection(good: Variables, tmp_path: Path, file: Path) -> None:
    good["election_environment"] = "simulacro"  # an official one needs its papers on file
    result = Partner(tmp_path / "inventory", good).site(file)
    assert result.returncode == 2
    assert "No se puede usar nadie y nada se tocó en él: 127.0.0.2 rechaza el puerto 1" in " ".join(
        result.stdout.split()
    )
    assert SECRET not in result.stdout + result.stderr


def test_no_file_that_only_the_whole_site_installs_keeps_a_stolen_key_valid(
    good: Variables, tmp_path: Path, file: Path
) -> None:
    """The certificate expired the day before, and the machine that took over has no images."""
    good["difusor_tls_certificate"], good["difusor_tls_key"] = write_certificate(tmp_path, "old", days=-1)
    Path(good["difusor_prep_image"]["archive"]).unlink()
    partner = Partner(tmp_path / "inventory", good)
    for name in ("signers", "trusted"):
        told = " ".join(partner.site(file, playbook=f"playbooks/{name}.yml").stdout.split())
        assert "El inventario no está listo" not in told and "127.0.0.2 rechaza el puerto 1" in told
    for name in ("site.yml", "playbooks/restore.yml"):
        told = partner.site(file, playbook=name).stdout
        assert "old.pem venció el" in told and "unreachable=0" in told
        assert "difusor_prep_image: no se puede leer" in told and "prep.tar.gz (no existe)" in told


def test_a_copy_beside_a_file_keeps_no_stolen_key_valid_and_stops_the_site(
    good: Variables, tmp_path: Path, file: Path
) -> None:
    """Also in a folder that a link leads to, under whose own name Ansible knows it."""
    (tmp_path / "disco").mkdir()
    (tmp_path / "inicio").symlink_to("disco")
    partner = Partner(tmp_path / "inicio/inventory", good)
    main = next((partner.folder / "group_vars").rglob("main.yml"))
    main.with_name("main-DESKTOP-7A2B.yml").write_bytes(main.read_bytes())
    told = " ".join(partner.site(file, playbook="playbooks/signers.yml").stdout.split())
    assert "El inventario no está listo" not in told and "127.0.0.2 rechaza el puerto 1" in told
    told = partner.site(file).stdout
    assert "main.yml dicen los dos " in told and "si uno es copia" in told and "unreachable=0" in told


def test_acme_with_two_servers_of_one_name_is_told_by_the_site_and_stops_nothing(
    good: Variables, tmp_path: Path, file: Path
) -> None:
    good["difusor_tls_mode"], good["election_environment"] = "acme", "simulacro"
    partner = Partner(tmp_path / "inventory", good)
    hosts = partner.folder / "hosts.yml"
    other = "{ansible_host: 127.0.0.3, difusor_public_address: 189.240.1.99}"
    hosts.write_text(
        f"difusores: {{children: {{diario: {{hosts: {{nadie: {{ansible_host: 127.0.0.2}}, otro: {other}}}}}}}}}"
    )
    for playbook, is_told in (("site.yml", True), ("playbooks/signers.yml", False)):
        result = partner.site(file, playbook=playbook)
        told = " ".join(f"{result.stdout} {result.stderr}".split())
        assert ("difusor_tls_mode: nadie y otro tienen un mismo nombre y, con acme," in told) is is_told
        assert "127.0.0.2 rechaza el puerto 1" in told


def test_a_wrong_value_is_refused_where_no_file_is_read_either(good: Variables, tmp_path: Path, file: Path) -> None:
    good["election_signers"][0]["key"] = "ssh-ed25519 AAAA"
    told = Partner(tmp_path / "inventory", good).site(file, playbook="playbooks/signers.yml").stdout
    assert "election_signers[0].key: no es una llave pública de OpenSSH" in told and "unreachable=0" in told


def test_the_site_tells_of_a_certificate_that_ends_before_the_page(good: Variables, tmp_path: Path, file: Path) -> None:
    good["election_environment"] = "simulacro"
    later = instants.now() + timedelta(days=60)
    good["election_closes"] = good["election_retain_until"] = instants.write(later)
    result = Partner(tmp_path / "inventory", good).site(file)
    told = " ".join(f"{result.stdout} {result.stderr}".split())
    assert "y la publicación termina el" in told and "127.0.0.2 rechaza el puerto 1" in told


def test_the_site_refuses_a_wrong_vault_password(good: Variables, tmp_path: Path, file: Path) -> None:
    result = Partner(tmp_path / "inventory", good).site(file, password="wrong")
    assert result.returncode == 4
    assert f"group_vars/diario/vault.yml: {SHUT}" in result.stderr
    assert "PLAY" not in result.stdout


def test_the_verbs_refuse_a_vault_that_stays_shut(good: Variables, tmp_path: Path) -> None:
    folder = Partner(tmp_path / "inventory", good).folder
    with pytest.raises(InventoryError, match=f"{folder}/group_vars/diario/vault.yml: {re.escape(SHUT)}"):
        read(folder)


def test_whatever_is_in_a_vault_is_a_secret(tmp_path: Path) -> None:
    """A value of a vault counts as a secret under any name, also inside lists and dictionaries."""
    group = tmp_path / "group_vars/all"
    group.mkdir(parents=True)
    (tmp_path / "hosts.yml").write_text("difusores: {hosts: {web1: {difusor_name: Diario}}}")
    password = (ROOT / "inventories/demo/vault-password.txt").read_bytes().strip()
    vault = VaultLib([("demo", VaultSecret(password))])
    (group / "claves.yml").write_bytes(vault.encrypt(yaml.safe_dump({"clave": {"del panel": [SECRET]}})))
    assert SECRET in read(Path(os.path.relpath(tmp_path))).secrets  # a relative path, as operators type it
