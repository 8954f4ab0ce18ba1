"""The vaults of inventories: whose password opens them, which ones it does not, and how new ones are written."""

from __future__ import annotations

import codecs
import os
import secrets
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from corte.format import files
from corte.format.signature import UTF16
from difusor.inventory import folders
from difusor.project import VAULTS, UnusableError, ansible_settings, home, inventories, vault_password

HEADER = b"$ANSIBLE_VAULT"
CIPHER, DIGEST, BLOCK = b";AES256", 32, 16
"""How Ansible seals: its name for it, the bytes of the digest, and those of which the sealed text has a multiple."""
DEMO = "demo"
"""Whose vaults the password opens that ansible.cfg names."""
KEY = "tls/key.pem"
"""Where an inventory has the key of its certificate, which is sealed."""
_SEEN = 64 << 10
"""Bytes of a source of passwords by which it is told what it is."""
SHOWN = 3
"""How many inventories are named of those whose password is missing."""
MARKS = {codecs.BOM_UTF8: "BOM", **dict.fromkeys(UTF16, "de UTF-16")}
"""What some editors put before a text, and Ansible would take for a part of the password."""
NO_PASSWORD = "no se obtuvo la contraseña de las bóvedas de {}; si es un programa, ejecútelo a mano: debe imprimirla"


OWN = "vault-password.txt"
"""The password of an inventory that is public and brings its own, as the demonstration's does."""


def ensure_password() -> None:
    """Draw the password of all vaults in the home, unless there is one or the operator has named another source.

    UnusableError as `refuse_lost_password`.
    """
    refuse_lost_password()
    if _is_without_source():
        _draw(vault_password())
    os.environ.update(ansible_settings())


def refuse_lost_password() -> None:
    """Raise UnusableError when the home has vaults and not the password that opens them, as a copy of a home may.

    A second one would seal the next inventory, and be lost when the first one is brought.
    """
    if _is_without_source() and (sealed := [each.name for each in inventories() if _is_sealed(each)]):
        named = ", ".join(sealed[:SHOWN]) + ("…" if len(sealed) > SHOWN else "")
        raise UnusableError(
            f"falta {vault_password()}, que abre las bóvedas que ya hay ({named}); tráigalo de la otra máquina o de su "
            "copia, y repita; si la guarda en otra parte, dígalo con export "
            "ANSIBLE_VAULT_IDENTITY_LIST=difusores@prompt, o @ARCHIVO; nada se creó"
        )


def _is_without_source() -> bool:
    return not os.environ.get(VAULTS) and not os.path.lexists(vault_password())


def _is_sealed(folder: Path) -> bool:
    """Tell whether an inventory has anything that the home's password has sealed; not if it cannot be read."""
    if (folder / OWN).exists():
        return False
    with suppress(OSError):
        if next(vaulted(folder), None):
            return True
    with suppress(OSError), files.opened(folder / KEY) as key:
        return key.read(len(HEADER)) == HEADER
    return False


def _draw(path: Path) -> None:
    """Write a new password, whole or not at all; one that another run has drawn meanwhile stays."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.") as unfinished:
        unfinished.write(f"{secrets.token_urlsafe(32)}\n")
        unfinished.flush()
        with suppress(FileExistsError):
            os.link(unfinished.name, path)


def source_fault(given: Iterable[str] = ()) -> str:
    """Return why a source of passwords cannot be used; empty when all can, as far as their files show.

    The sources are those of the environment and of `given`, as Ansible's `--vault-id` takes them (`name@file`).
    """
    faults = (_fault_of(source) for source in map(_source, [*named(), *given]) if source)
    return next(filter(None, faults), "")


def named() -> list[str]:
    """Return the vault identities in the environment."""
    return [each.strip() for each in os.environ.get(VAULTS, "").split(",") if each.strip()]


def _source(identity: str) -> Path | None:
    """Return the file or program behind a vault identity; None when the operator types the password."""
    named = identity.partition("@")[2] if "@" in identity else identity
    return None if named in ("prompt", "prompt_ask_vault_pass") else Path(os.path.expanduser(named))


def _fault_of(source: Path) -> str:
    if not source.exists():
        if source.is_symlink():
            return (
                f"{source} es un enlace a {os.readlink(source)}, que no existe; conecte lo que falte, o corrija el "
                "enlace"
            )
        return f"no existe {source}, de donde se toma la contraseña de las bóvedas; corrija --vault-id o {VAULTS}"
    if not source.is_file():
        return f"{source} no es un archivo; ponga ahí la contraseña de las bóvedas, o el programa que la imprime"
    if not os.access(source, os.R_OK):
        return f"{source} no se puede leer (falta permiso), y da la contraseña de las bóvedas; corrija sus permisos"
    if not (content := _beginning(source)).strip():
        return f"{source} está vacío; recupérelo de su copia"
    if mark := next((name for mark, name in MARKS.items() if content.startswith(mark)), ""):
        return (
            f"{source} empieza con una marca que no se ve ({mark}), que otro editor le puso; guárdelo en UTF-8 sin ella"
        )
    # Ansible takes the text of a program that it may not run for the password itself.
    if (source.stem.endswith("-client") or content.startswith(b"#!")) and not os.access(source, os.X_OK):
        return f"{source} es un programa que no se puede ejecutar; permítalo: chmod +x {source}"
    return "" if source.stem.endswith("-client") else would_run(source)


def _beginning(source: Path) -> bytes:
    """Return the first bytes of a source of passwords, which may be a program of any size."""
    with files.opened(source) as file:
        return file.read(_SEEN)


def would_run(source: Path) -> str:
    """Return, as a sentence, that a file is a password that Ansible would run as a program; empty when it is not.

    Ansible runs what anybody may run, and on a disk without permissions that is every file.
    """
    try:
        if not source.stat().st_mode & 0o111 or (content := _beginning(source)).startswith(b"#!"):
            return ""
    except OSError:
        return ""  # told by whoever opens it
    if b"\0" in content or len(content.strip().splitlines()) != 1:  # made for a machine, or no password
        return ""
    return (
        f"{source} es una contraseña y Ansible la ejecutaría como programa: chmod -x {source}; si el disco no guarda "
        "permisos (uno de Windows, una memoria USB), ponga la carpeta en un disco de Linux"
    )


def password_of(path: Path) -> str:
    """Return the password in a file, or what the file prints when it is a program, as Ansible takes it.

    UnusableError when there is none.
    """
    from ansible.errors import AnsibleError
    from ansible.parsing.dataloader import DataLoader
    from ansible.parsing.vault import get_file_vault_secret

    if fault := _fault_of(path):
        raise UnusableError(fault)
    try:
        secret = get_file_vault_secret(filename=str(path), vault_id="difusores", loader=DataLoader())
        secret.load()
        return str(secret.bytes.decode())
    except (AnsibleError, UnicodeDecodeError):
        raise UnusableError(NO_PASSWORD.format(path)) from None


def identities() -> list[str]:
    """Return whose passwords open the vaults, as `--vault-id` takes them."""
    from ansible import constants

    # Ansible reads its environment only once, when it is imported.
    return named() or list(constants.DEFAULT_VAULT_IDENTITY_LIST)


def shut(source: Path) -> Iterator[Path]:
    """Yield the vaulted files of an inventory source that Ansible cannot open with the passwords it was given."""
    from ansible.errors import AnsibleError

    for path in vaulted(source):
        try:
            _content(path)
        except AnsibleError:
            yield path


def text_of(path: Path) -> str:
    """Return the text of a vaulted file; AnsibleError when no password that Ansible was given opens it.

    UnicodeDecodeError when it is not UTF-8.
    """
    return _content(path).decode()


def _content(path: Path) -> bytes:
    # Importing Ansible takes a quarter of a second; whoever has given it passwords has imported it already.
    from ansible.parsing.vault import VaultLib, VaultSecretsContext

    return bytes(VaultLib(VaultSecretsContext.current().secrets).decrypt(files.small(path)))


def sentence(path: Path) -> str:
    """Return what to tell an operator whose passwords do not open a vault."""
    name = identity(path)
    if _is_broken(path):
        return f"{path} es una bóveda y está dañada, como la deja una copia que se cortó; recupérela de su copia"
    is_of_home = path.absolute().is_relative_to(home() / "inventories")
    if is_of_home and _is_without_source() and _has_only_demo():
        return (
            f"{path}: falta {vault_password()}, que abre las bóvedas; tráigalo de la otra máquina o de su copia o, si "
            f"está en otra parte, dígalo: export ANSIBLE_VAULT_IDENTITY_LIST={name}@prompt (o {name}@ARCHIVO)"
        )
    return (
        f"{path}: no se descifra con la contraseña dada; dé la suya: "
        f"export ANSIBLE_VAULT_IDENTITY_LIST={name}@prompt (o {name}@ARCHIVO)"
    )


def _has_only_demo() -> bool:
    """Tell whether Ansible was given no password, but that of the demonstration, which ansible.cfg names."""
    from ansible.parsing.vault import VaultSecretsContext

    return all(name == DEMO for name, _ in VaultSecretsContext.current().secrets)


def _is_broken(path: Path) -> bool:
    """Tell whether a vault lacks the form that Ansible gave it: a copy that broke off has most often lost it."""
    header, *lines = files.small(path).split()
    if not header.endswith(CIPHER) and CIPHER + b";" not in header:
        return False
    try:
        salt, digest, sealed = bytes.fromhex(b"".join(lines).decode()).decode().split("\n", 2)
        return not (
            bytes.fromhex(salt) and len(bytes.fromhex(digest)) == DIGEST and len(bytes.fromhex(sealed)) % BLOCK == 0
        )
    except ValueError:
        return True


def opening(path: Path) -> str:
    """Return the option that makes ansible-vault use the identity of the partner whose file this is."""
    return opening_of(identity(path))


def opening_of(name: str) -> str:
    """Return the option that makes ansible-vault use the identity of the partner of this name."""
    source = vault_password() if vault_password().exists() else "prompt"
    return f"--encrypt-vault-id {name} --vault-id {name}@{source}"


def identity(path: Path) -> str:
    """Return the vault identity of a file of group_vars/<partner>/, which is the partner's name."""
    return path.parent.name if path.parent.name not in ("group_vars", "host_vars") else path.stem


def vaulted(source: Path) -> Iterator[Path]:
    """Yield the vaulted files of an inventory source (a folder, or a file in one) and of its variables."""
    for path in (*folders.own_files(source), *folders.variable_files(source)):
        with files.opened(path) as file:
            if file.read(len(HEADER)) == HEADER:
                yield path
