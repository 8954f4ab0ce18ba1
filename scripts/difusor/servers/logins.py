"""Tells who came in by SSH of late and will not any more, or not as before.

Sentences are Spanish, because a difusor's administrator reads them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from difusor.inventory.values import RSA_BITS, rsa_bits

BY_PASSWORD = ("password", "keyboard-interactive")
POST_QUANTUM = (8, 5)
"""The OpenSSH from which on the role ssh admits no other key exchange."""


@dataclass(frozen=True)
class Login:
    """Somebody's way in; `method` is sshd's word, `key` the RSA key as type and text (empty: another, or unknown)."""

    user: str
    method: str
    address: str
    key: str = ""


def refused(logins: Iterable[Login], *, by_password: bool, long_rsa: bool) -> list[str]:
    """Return who will not come in any more, as "root con llave desde 10.0.0.5".

    `by_password`: whether passwords stay admitted; `long_rsa`: whether the server's OpenSSH can demand RSA_BITS.
    """
    found: dict[str, list[str]] = {}
    for each in logins:
        bits, password = rsa_bits(each.key), each.method.startswith(BY_PASSWORD)
        is_short = long_rsa and 0 < bits < RSA_BITS
        if each.user == "root" or is_short or (password and not by_password):
            kind = f"llave RSA de {bits} bits" if is_short else "contraseña" if password else "llave"
            found.setdefault(f"{each.user} con {kind}", []).append(each.address)
    return [f"{who} desde {' y '.join(dict.fromkeys(addresses))}" for who, addresses in found.items()]


def loosened(excepted: Iterable[tuple[str, str, str]], by_password: bool) -> Iterator[str]:
    """Tell of Match blocks that admit what the project closes: they hold before its own file, for whom they name.

    `excepted`: (path, line with Match, setting); `by_password`: whether passwords stay admitted.
    """
    for path, match, setting in excepted:
        name, _, value = setting.lower().partition(" ")
        is_password = name == "passwordauthentication"
        if value.strip('"') != "no" and not (is_password and by_password):
            otherwise = ", o ponga difusor_ssh_password_login en true" if is_password else ""
            yield (
                f"«{setting}» bajo «{match}» en {path} admite una entrada por SSH que el proyecto cierra para todos; "
                f"quite esa línea{otherwise}"
            )


def closing(openssh: tuple[int, ...], *, ecdsa: bool = False) -> list[str]:
    """Return what a server with this version of OpenSSH refuses to everybody once the project is there.

    `ecdsa`: whether the server has a host key of that kind, by which some clients may know it and by no other.
    """
    host_key = (
        "su llave de servidor ECDSA: el programa que solo lo conozca por ella dirá que la llave cambió; agregue antes "
        "la Ed25519 a su known_hosts (/etc/ssh/ssh_host_ed25519_key.pub)"
    )
    clients = (
        "clientes sin intercambio de llaves poscuántico (OpenSSH < 8.5, PuTTY < 0.78, paramiko), si no se pone "
        "ssh_classic_key_exchange"
    )
    return [
        "túneles (reenvío de puertos, del agente y de X11)",
        *([clients] if openssh >= POST_QUANTUM else []),
        *([host_key] if ecdsa else []),
    ]


def unattended(logins: Iterable[Login], keyed: Collection[str], institute: str, operator: str) -> list[str]:
    """Return what to do where nobody of the outlet's would keep a way to root.

    `keyed`: who may become root by sudo and has a key; `operator`: the account in use, which has a key and sudo.
    """
    others = {*keyed, operator} - {institute, "root", ""}
    if others or not any(each.user != institute for each in logins):
        return []
    return [
        "ninguna cuenta del difusor con sudo tiene llave de SSH, y ya no entrará como root; déle una a la suya "
        "(usermod -aG sudo, ssh-copy-id) antes de instalar"
    ]
