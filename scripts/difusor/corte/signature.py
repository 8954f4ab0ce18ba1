"""Signatures by OpenSSH: `ssh-keygen -Y`, present on every server.

The namespace names the election, so that a signature made for one can never pass for another.
Validity dates in allowed_signers carry no `Z` (OpenSSH 8.9 refuses it), hence TZ=UTC in every call.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from .refusal import Refusal

MAX_BYTES = 64 * 1024


def namespace(election: str) -> str:
    """Return the signature namespace of an election."""
    return "prep-corte@" + election


def sign(raw: bytes, key: Path, election: str) -> bytes:
    """Return the armoured signature of `raw` by a private key (or by the agent that holds its public half).

    Refusal when ssh-keygen cannot sign with this key.
    """
    done = _ssh_keygen(["-Y", "sign", "-q", "-f", str(key), "-n", namespace(election)], raw)
    if done.returncode != 0 or not done.stdout:
        raise Refusal("signature", f"No se pudo firmar con {key}: {_reason(done)}.")
    return done.stdout


def verify(raw: bytes, signature: bytes, election: str, allowed_signers: Path, revoked: Path | None = None) -> str:
    """Return the principal whose key, valid now and not revoked, signed `raw` for this election; Refusal if nobody's.

    `allowed_signers` is an OpenSSH file of that name; `revoked` a revocation list (KRL or public keys).
    """
    with tempfile.NamedTemporaryFile(prefix="corte-", suffix=".sig") as file:
        file.write(signature)
        file.flush()
        found = _ssh_keygen(["-Y", "find-principals", "-s", file.name, "-f", str(allowed_signers)], b"")
        principals = found.stdout.decode("utf-8", "replace").splitlines() if found.returncode == 0 else []
        attempt = found
        for principal in principals:
            arguments = ["-Y", "verify", "-f", str(allowed_signers), "-I", principal]
            arguments += ["-n", namespace(election), "-s", file.name]
            if revoked is not None:
                arguments += ["-r", str(revoked)]
            attempt = _ssh_keygen(arguments, raw)
            if attempt.returncode == 0:
                return principal
    raise Refusal("signature", f"La firma no es de quien hoy puede firmar esta elección ({_reason(attempt)}).")


def signed_by(raw: bytes, signature: bytes, election: str) -> str:
    """Return the fingerprint of the key that signed `raw` for this election, whoever's it is; Refusal if none did."""
    with tempfile.NamedTemporaryFile(prefix="corte-", suffix=".sig") as file:
        file.write(signature)
        file.flush()
        done = _ssh_keygen(["-Y", "check-novalidate", "-n", namespace(election), "-s", file.name], raw)
    if done.returncode != 0:
        raise Refusal("signature", f"La firma no corresponde al manifiesto ({_reason(done)}).")
    return done.stdout.decode("utf-8", "replace").split()[-1]


def _ssh_keygen(arguments: list[str], data: bytes) -> subprocess.CompletedProcess[bytes]:
    environment = dict(os.environ, TZ="UTC", LC_ALL="C")
    try:
        return subprocess.run(["ssh-keygen", *arguments], input=data, env=environment, capture_output=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Refusal("signature", f"ssh-keygen no respondió: {error}.") from None


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return ascii(lines[-1])[1:-1][:160].rstrip(".") if lines else "no hay firmante con esa llave"
