"""The vaults of inventories: whose password opens them, which ones it does not, and how new ones are written."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from difusor.project import VAULTS, ansible_settings, vault_password

HEADER = b"$ANSIBLE_VAULT"


def ensure_password() -> None:
    """Draw the password of all vaults in the home, unless there is one or the operator has named another source."""
    if not os.environ.get(VAULTS) and not os.path.lexists(vault_password()):
        _draw(vault_password())
    os.environ.update(ansible_settings())


def _draw(path: Path) -> None:
    """Write a new password, whole or not at all; one that another run has drawn meanwhile stays."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.") as unfinished:
        unfinished.write(f"{secrets.token_urlsafe(32)}\n")
        unfinished.flush()
        with suppress(FileExistsError):
            os.link(unfinished.name, path)


def source_fault() -> str:
    """Return why the home's source of passwords cannot be used; empty when it can, or when another one is used."""
    source = vault_password()
    if f"@{source}" not in os.environ.get(VAULTS, ""):
        return ""
    if not source.exists():
        return (
            f"{source} es un enlace a {os.readlink(source)}, que no existe; conecte lo que falte, o corrija el enlace"
        )
    if not source.is_file():
        return f"{source} no es un archivo; ponga ahí la contraseña de las bóvedas, o el programa que la imprime"
    if not (content := source.read_bytes()).strip():
        return f"{source} está vacío; recupérelo de su copia"
    # Ansible takes the text of a program that it may not run for the password itself.
    if (source.stem.endswith("-client") or content.startswith(b"#!")) and not os.access(source, os.X_OK):
        return f"{source} es un programa que no se puede ejecutar; permítalo: chmod +x {source}"
    return ""


def password_of(path: Path) -> str:
    """Return the password in a file, or what the file prints when it is a program, as Ansible takes it."""
    from ansible.parsing.dataloader import DataLoader
    from ansible.parsing.vault import get_file_vault_secret

    secret = get_file_vault_secret(filename=str(path), vault_id="difusores", loader=DataLoader())
    secret.load()
    return str(secret.bytes.decode())


def identities() -> list[str]:
    """Return whose passwords open the vaults, as `--vault-id` takes them."""
    from ansible import constants

    # Ansible reads its environment only once, when it is imported.
    given = os.environ.get(VAULTS, "")
    return [each.strip() for each in given.split(",") if each.strip()] or list(constants.DEFAULT_VAULT_IDENTITY_LIST)


def shut(source: Path, loader: Any) -> Iterator[Path]:
    """Yield the vaulted files of an inventory source that Ansible's `loader` cannot open with the passwords it has."""
    # Importing Ansible takes a quarter of a second; a caller that has a loader has imported it already.
    from ansible.errors import AnsibleError

    for path in vaulted(source):
        try:
            text_of(path, loader)
        except AnsibleError:
            yield path


def text_of(path: Path, loader: Any) -> str:
    """Return the text of a file, decrypted by Ansible's `loader`; AnsibleError when none of its passwords opens it."""
    return str(loader.get_text_file_contents(str(path.resolve())))  # the loader has a base folder of its own


def sentence(path: Path) -> str:
    """Return what to tell an operator whose passwords do not open a vault."""
    name = identity(path)
    return (
        f"{path}: no se descifra con la contraseña dada; dé la suya: "
        f"export ANSIBLE_VAULT_IDENTITY_LIST={name}@prompt (o {name}@ARCHIVO)"
    )


def opening(path: Path) -> str:
    """Return the option that makes ansible-vault use the identity of the partner whose file this is."""
    source = vault_password() if vault_password().exists() else "prompt"
    return f"--encrypt-vault-id {identity(path)} --vault-id {identity(path)}@{source}"


def identity(path: Path) -> str:
    """Return the vault identity of a file of group_vars/<partner>/, which is the partner's name."""
    return path.parent.name if path.parent.name not in ("group_vars", "host_vars") else path.stem


def vaulted(source: Path) -> Iterator[Path]:
    """Yield the vaulted files of variables that belong to an inventory source (a folder, or a file in one)."""
    folder = source if source.is_dir() else source.parent
    for path in sorted([*folder.glob("group_vars/**/*"), *folder.glob("host_vars/**/*")]):
        if path.is_file():
            with path.open("rb") as file:
                if file.read(len(HEADER)) == HEADER:
                    yield path
