"""The password of the institute's user, kept as a salted hash in the vault of a difusor."""

from __future__ import annotations

import itertools
import re
import string
from pathlib import Path
from typing import Any

from passlib.hash import sha512_crypt

from corte.format import files
from corte.format.errors import why
from difusor.project import locked

NAME = "vault_difusor_admin_password_hash"
DRAWN = "vault_difusor_admin_password"
"""The password itself, where `difusor new` drew it and nobody typed it."""
ROUNDS = 65_536
"""As in the server's login.defs: checking a password takes some 50 ms instead of 4, which slows down guessing."""
LENGTH = 15
"""As minlen in the server's pwquality.conf (role pam)."""
REPEATS = SEQUENCE = 3
"""As maxrepeat and maxsequence there."""
CLASSES = (string.ascii_lowercase, string.ascii_uppercase, string.digits)


class ShutVaultError(Exception):
    """A vault cannot be read, or does not open with this password; the message is a Spanish sentence."""


class Vault:
    """One vault file of the vault identity `name`, which the password `key` opens; it need not exist yet."""

    def __init__(self, path: Path, name: str, key: str) -> None:
        """Open the vault; ShutVaultError when it does not open."""
        from ansible.parsing.vault import VaultLib, VaultSecret

        self.path, self.name = path, name
        self._vault: Any = VaultLib([(name, VaultSecret(key.encode()))])
        self._is_new = not path.exists()
        self._text()

    def store(self, password: str) -> None:
        """Put the hash of a password into the vault and write it, encrypted and readable by its owner only.

        Everything else stays as it is by then: somebody may have been asked for the password since the vault was
        opened, and `revoke` have drawn a secret anew. ShutVaultError when it does not open any more, UnusableError
        when nothing can be locked there.
        """
        hashed = sha512_crypt.using(rounds=ROUNDS).hash(password)  # type: ignore[no-untyped-call]  # the stubs' gap
        with locked(self.path.parent):
            if not (self._is_new or self.path.exists()):
                raise ShutVaultError(f"{self.path} ya no está; averigüe quién lo quitó y repóngalo")
            sealed = self._vault.encrypt(stored(self._text(), hashed), vault_id=self.name)
            files.replace(self.path, sealed, mode=0o600)

    def _text(self) -> str:
        from ansible.errors import AnsibleError

        path = self.path
        try:
            return str(self._vault.decrypt(files.small(path)).decode()) if path.exists() else "---\n"
        except AnsibleError as error:
            raise ShutVaultError(f"{path} no se descifra con esa contraseña, o no está cifrado") from error
        except UnicodeDecodeError as error:
            raise ShutVaultError(f"{path} se descifra, pero no es texto en UTF-8; recupérelo de su copia") from error
        except OSError as error:
            raise ShutVaultError(f"no se puede leer {path} ({why(error)}); corrija sus permisos") from error


def weaknesses(password: str) -> list[str]:
    """Return why a password is refused, as ends of a Spanish sentence; the rules are the server's for new passwords."""
    found = []
    if len(password) < LENGTH:
        found.append(f"necesita {LENGTH} caracteres o más")
    if any(not set(password) & set(kind) for kind in CLASSES) or password.isalnum():
        found.append("necesita minúsculas, mayúsculas, cifras y signos")
    if re.search(rf"(.)\1{{{REPEATS}}}", password):
        found.append("repite un carácter más de tres veces")
    if _has_sequence(password):
        found.append("lleva una serie de más de tres caracteres, como 1234 o dcba")
    return found


def _has_sequence(password: str) -> bool:
    """Tell whether more than SEQUENCE characters follow one another, upwards or downwards, as libpwquality does."""
    steps = [ord(after) - ord(before) for before, after in itertools.pairwise(password)]
    return any(steps[start : start + SEQUENCE] in ([1] * SEQUENCE, [-1] * SEQUENCE) for start in range(len(steps)))


def stored(text: str, hashed: str) -> str:
    """Return a vault's YAML text with the hash set, without the drawn password, every other line as it was."""
    text = re.sub(rf"(?m)^{DRAWN}:.*\n?", "", text)
    line = f'{NAME}: "{hashed}"'
    replaced, count = re.subn(rf"(?m)^{NAME}:.*$", lambda _: line, text)
    return replaced if count else f"{text.rstrip()}\n{line}\n"
