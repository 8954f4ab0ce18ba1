"""Learns the key with which a server identifies itself, before anything is sent to it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import subprocess
from dataclasses import dataclass

from difusor.project import UnusableError, refusal
from difusor.servers.connection import Login

SECONDS = 10
KINDS = {"ssh-ed25519": "ed25519", "ecdsa-sha2-nistp256": "ecdsa", "ssh-rsa": "rsa"}
"""What the files of a server's keys are called, by type, in the order in which a key is preferred."""


@dataclass(frozen=True)
class HostKey:
    """A server's public key: its line of known_hosts."""

    line: str

    @property
    def kind(self) -> str:
        """The key's type, as OpenSSH names it."""
        return self.line.split()[1]

    @property
    def file(self) -> str:
        """Where the server has it."""
        return f"/etc/ssh/ssh_host_{KINDS[self.kind]}_key.pub"

    @property
    def fingerprint(self) -> str:
        """The key's fingerprint as `ssh-keygen -l` shows it: SHA256:…."""
        return fingerprint(self.line.partition(" ")[2])


def fingerprint(key: str) -> str:
    """Return the fingerprint of a public key (its type, its Base64, perhaps a comment), as `ssh-keygen -l` shows it."""
    digest = hashlib.sha256(base64.b64decode(key.split()[1])).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def scan(login: Login) -> list[HostKey]:
    """Return the keys that a server shows, the preferred one first; UnusableError when it shows none."""
    command = ["ssh-keyscan", "-T", str(SECONDS), "-p", str(login.port), "-t", ",".join(KINDS.values()), login.address]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=4 * SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        said = refusal(error) if isinstance(error, OSError) else f"no respondió en {4 * SECONDS} s"
        raise UnusableError(f"no se pudo preguntar a {login.address} por su llave: {said}; nada se creó") from None
    keys = [HostKey(line) for line in done.stdout.splitlines() if _is_key(line)]
    if not keys:
        raise UnusableError(
            f"{login.address} no muestra su llave de SSH en el puerto {login.port} y nada se creó; revise --server, "
            "que el servidor esté encendido y que su cortafuegos admita la dirección de usted"
        )
    return sorted(keys, key=lambda key: list(KINDS).index(key.kind))


def matching(keys: list[HostKey], fingerprint: str, address: str) -> HostKey:
    """Return the key that has this fingerprint; UnusableError when none has it."""
    wanted = fingerprint if fingerprint.startswith("SHA256:") else f"SHA256:{fingerprint}"
    for key in keys:
        if key.fingerprint == wanted.rstrip("="):
            return key
    shown = ", ".join(f"{key.fingerprint} ({key.kind})" for key in keys)
    raise UnusableError(
        f"quien responde en {address} no tiene la huella {wanted} sino {shown}; nada se creó. Pregunte otra vez a su "
        "administrador por ella: si es otra, puede ser otro quien responde"
    )


def _is_key(line: str) -> bool:
    words = line.split()
    if len(words) != 3 or words[1] not in KINDS:
        return False
    try:
        return bool(base64.b64decode(words[2], validate=True))
    except binascii.Error:
        return False
