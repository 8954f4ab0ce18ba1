"""Signs what the institute writes of an election besides its cortes, and tells which signer signed something."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

from corte.format import instants, signature
from corte.format.refusal import Refusal
from difusor.inventory.model import Election
from difusor.project import UnusableError


def signed(raw: bytes, key: Path, election: Election, purpose: str, asks: bool = True) -> bytes:
    """Return the armoured signature of `raw` for an election and a purpose; it is valid for no other.

    Nobody is asked for the key's passphrase unless `asks`. UnusableError when `key` cannot sign, or is none with which
    this election's cortes may be signed now.
    """
    try:
        armour = signature.sign(raw, key, election.id, purpose, asks)
    except Refusal as refusal:
        raise UnusableError(str(refusal)) from refusal
    now = instants.now()
    listed = [signer for signer in election.signers if signature.is_by_any(armour, signer.key)]
    if signature.is_by_any(armour, election.revoked):
        raise UnusableError(f"{key} es una llave revocada (election_revoked_keys); firme con otra")
    if not listed:
        names = ", ".join(signer.principal for signer in election.signers)
        raise UnusableError(
            f"{key} no es de ningún firmante de {election.id} (election_signers: {names}); firme con una suya"
        )
    if not any(signer.valid_after <= now < signer.valid_before for signer in listed):
        raise UnusableError(
            f"hoy no está vigente la llave {key} en election_signers; firme con otra, o corrija sus fechas"
        )
    return armour


def signer(raw: bytes, armour: bytes, election: Election, purpose: str, at: datetime | None = None) -> str:
    """Return who signed `raw` for an election and a purpose, if he may sign now (or `at`); else Refusal."""
    lines = "".join(f"{each.line(election.id, purpose)}\n" for each in election.signers)
    revoked = election.revoked_keys
    with tempfile.TemporaryDirectory(prefix="firmantes-") as name:
        allowed = Path(name, "allowed_signers")
        allowed.write_text(lines, encoding="utf-8")
        return signature.verify(raw, armour, election.id, allowed, known_revoked=revoked, purpose=purpose, past=at)
