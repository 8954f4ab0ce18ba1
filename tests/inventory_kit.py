"""Writes a difusor's correct inventory to disk, in which a test then makes a mistake."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import templates_kit
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret
from call_kit import FIRST
from call_kit import NAME as CALL
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from publish_kit import SECRET

from difusor.inventory import Election
from difusor.project import ROOT

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJuUU1bYrqPfoYcyqNdVKGiBmO7nYKHSs4ABNaVDz0bY"
PrivateKey = ec.EllipticCurvePrivateKey
HASH = "$6$saltsalt$" + "a" * 86
PASSWORD = (ROOT / "inventories/demo/vault-password.txt").read_text().strip()
"""Of the vaults, as of the demo's: Ansible takes passwords once in a process, and other tests read the demo's vault."""
SERVER = "web1"
templates_kit.keep()


@cache
def rsa_key(bits: int) -> str:
    """Return an RSA public key as OpenSSH writes it; of a size always the same, because to draw one takes long."""
    key = rsa.generate_private_key(65537, bits).public_key()
    return key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()


def packed_image(architecture: str = "amd64", **config: Any) -> bytes:
    """Return an archive as `docker image save` writes it, of an image without content and with this configuration."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        files = {
            "blobs/config": {"architecture": architecture, "config": config},
            "manifest.json": [{"Config": "blobs/config", "Layers": []}],
        }
        for name, content in files.items():
            raw = json.dumps(content).encode()
            member = tarfile.TarInfo(name)
            member.size = len(raw)
            archive.addfile(member, io.BytesIO(raw))
    return packed.getvalue()


PREP = packed_image(ExposedPorts={"8080/tcp": {}}, Labels={"prep-difusor.files": "app.js index.html"})
WAF = packed_image(Labels={"prep-difusor.ruleset": "3.3.7"})


class Certificates:
    """An authority, an intermediate and certificates of a page, as PEM."""

    def __init__(self) -> None:
        """Make the authority, which issued itself, and its intermediate."""
        self.root_key, self.intermediate_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        self.root = _certificate("Autoridad de prueba", "Autoridad de prueba", self.root_key, self.root_key)
        self.intermediate = _certificate(
            "Intermedio de prueba", "Autoridad de prueba", self.intermediate_key, self.root_key
        )

    def page(self, name: str = "prep.diario.mx", days: int = 30) -> tuple[bytes, bytes]:
        """Return a page's certificate, without its chain, and its private key."""
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return _certificate(name, "Intermedio de prueba", key, self.intermediate_key, days, name), pem


def _certificate(
    subject: str, issuer: str, key: PrivateKey, issuers_key: PrivateKey, days: int = 30, host: str = ""
) -> bytes:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder(_named(issuer), _named(subject), key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days))
    )
    if not host:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    if host:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    return builder.sign(issuers_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def write_inventory(folder: Path, certificates: Certificates, address: str = "127.0.0.1", port: int = 1) -> Path:
    """Write the inventory `folder` of the difusor `diario`, whose server nobody can reach; return the folder."""
    group = folder / "group_vars/diario"
    group.mkdir(parents=True)
    page, key = certificates.page()
    for name, content in {
        "page.pem": page + certificates.intermediate + certificates.root,
        "page.key": key,
        "prep.tar.gz": PREP,
        "waf.tar.gz": WAF,
    }.items():
        (folder / name).write_bytes(content)
    host = {"ansible_host": address, "ansible_port": port, "ansible_user": "operador"}
    dump(folder / "hosts.yml", {"difusores": {"children": {"diario": {"hosts": {SERVER: host}}}}})
    dump(folder / "election.yml", {"all": {"vars": ELECTION}})
    dump(group / "main.yml", partner(folder))
    vault = VaultLib([("diario", VaultSecret(PASSWORD.encode()))])
    secrets = {"vault_difusor_admin_password_hash": HASH, "vault_difusor_rsync_secret": SECRET}
    (group / "vault.yml").write_bytes(vault.encrypt(yaml.safe_dump(secrets), vault_id="diario"))
    (folder.parent / "password").write_text(PASSWORD)
    return folder


def dump(path: Path, content: Mapping[str, Any]) -> None:
    """Write a YAML file with its keys in the given order."""
    path.write_text(yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True), encoding="utf-8")


ELECTION: dict[str, Any] = {
    "election_id": "estatal-2024",
    "election_name": "Proceso Electoral Local",
    "election_environment": "official",
    "election_opens": "2024-06-03T02:00:00Z",
    "election_closes": "2024-06-04T02:00:00Z",
    "election_retain_until": "2024-06-10T05:59:00Z",
    "election_retention_order": {"by": "Pleno", "agreement": "CEE/101/2024", "date": "2024-05-30"},
    "election_interval_minutes": 10,
    "election_spec": CALL,
    "election_contact": FIRST.contact,
    "election_place": "ribera",
    "election_offices": ["alcaldias", "congreso"],
    "election_institute": {
        "name": "Instituto Electoral de Ribera",
        "acronym": "IER",
        "colors": {"band": "#0b3d4f", "accent": "#0a6a72", "accent_dark": "#7fd4dc"},
        "signs": {"post": "Dirección Ejecutiva"},
    },
    "election_client": "instituto",
    "election_trusted_addresses": ["10.9.0.4"],
    "election_signers": [
        {
            "principal": "firma@instituto.mx",
            "key": KEY,
            "valid_after": "2024-05-01T00:00:00Z",
            "valid_before": "2024-07-01T00:00:00Z",
        }
    ],
}


def shipped(name: str, **changes: Any) -> Election:
    """Return an election of the project, with other values where `changes` says so (without `election_`).

    What a shipped election leaves to whoever uses it, addresses and signers, is that of the test's election.
    """
    written = yaml.safe_load((ROOT / f"elections/{name}.yml").read_text(encoding="utf-8"))["all"]["vars"]
    missing = {key: ELECTION[key] for key in ("election_trusted_addresses", "election_signers")}
    return Election.model_validate(written | missing | {f"election_{key}": value for key, value in changes.items()})


def partner(folder: Path) -> dict[str, Any]:
    """Return the variables of the difusor whose inventory is `folder`."""
    return {
        "difusor_name": "Diario del Valle",
        "difusor_fqdn": "prep.diario.mx",
        "difusor_path": "/",
        "difusor_public_address": "189.240.1.7",
        "difusor_admin_user": "instituto",
        "difusor_admin_password_hash": "{{ vault_difusor_admin_password_hash }}",
        "difusor_admin_keys": [KEY],
        "difusor_ssh_password_login": False,
        "difusor_rsync_secret": "{{ vault_difusor_rsync_secret }}",
        "difusor_tls_mode": "files",
        "difusor_tls_certificate": "{{ inventory_dir }}/page.pem",
        "difusor_tls_key": "{{ inventory_dir }}/page.key",
        **{
            f"difusor_{name}_image": {
                "archive": f"{{{{ inventory_dir }}}}/{name}.tar.gz",
                "sha256": hashlib.sha256((folder / f"{name}.tar.gz").read_bytes()).hexdigest(),
            }
            for name in ("prep", "waf")
        },
    }
