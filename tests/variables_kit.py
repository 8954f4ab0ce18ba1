"""A difusor's variables without mistakes, as Ansible renders them, in which a test then makes one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from call_kit import NAME as CALL
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from inventory_kit import ELECTION, PREP

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJuUU1bYrqPfoYcyqNdVKGiBmO7nYKHSs4ABNaVDz0bY firma@instituto.mx"
SECRET = "wJ4mT0pQ9xLr2vKc"
HASH = "$6$saltsalt$" + "a" * 86
INSTITUTE: dict[str, Any] = ELECTION["election_institute"]

Variables = dict[str, Any]


def write_certificate(
    folder: Path, name: str, days: int = 30, begins: int = -60, names: Sequence[str] = ("prep.diario.mx",)
) -> tuple[str, str]:
    """Write a self-signed certificate for these names, in force between two days from now, and its key.

    Return both paths.
    """
    key = ed25519.Ed25519PrivateKey.generate()
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "prep.diario.mx")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now + timedelta(days=begins))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([*map(x509.DNSName, names)]), critical=False)
        .sign(key, None)
    )
    paths = folder / f"{name}.pem", folder / f"{name}.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(paths[0]), str(paths[1])


def variables(folder: Path) -> Variables:
    """Return the variables of a difusor whose certificate and image are written to the folder."""
    certificate, key = write_certificate(folder, "tls")
    archive = folder / "prep.tar.gz"
    archive.write_bytes(PREP)
    return {
        "election_id": "estatal-2024",
        "election_name": "Proceso Electoral Local",
        "election_environment": "official",
        "election_opens": "2024-06-03T02:00:00Z",
        "election_closes": "2024-06-03T19:00:00-07:00",
        "election_retain_until": "2024-06-10T05:59:00Z",
        "election_retention_order": {"by": "Pleno", "agreement": "CEE/101/2024", "date": "2024-05-30"},
        "election_interval_minutes": 10,
        "election_spec": CALL,
        "election_place": "ribera",
        "election_offices": ["alcaldias", "congreso"],
        "election_institute": INSTITUTE,
        "election_client": "instituto",
        "election_trusted_addresses": ["10.9.0.4", "fd00:9::/64"],
        "election_signers": [
            {
                "principal": "firma@instituto.mx",
                "key": KEY,
                "valid_after": "2024-05-01T00:00:00Z",
                "valid_before": "2024-07-01T00:00:00Z",
            }
        ],
        "difusor_name": "Diario del Valle",
        "difusor_fqdn": "prep.diario.mx",
        "difusor_path": "/prep2024mor/",
        "difusor_public_address": "189.240.1.7",
        "difusor_admin_user": "instituto",
        "difusor_admin_password_hash": HASH,
        "difusor_admin_keys": [KEY],
        "difusor_ssh_password_login": False,
        "difusor_rsync_secret": SECRET,
        "difusor_tls_mode": "files",
        "difusor_tls_certificate": certificate,
        "difusor_tls_key": key,
        "difusor_prep_image": {"archive": str(archive), "sha256": hashlib.sha256(PREP).hexdigest()},
        "difusor_waf_image": {"reference": f"registro.instituto.mx/waf@sha256:{'0' * 64}"},
    }
