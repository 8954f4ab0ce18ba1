"""Finds the vaults of an inventory, and those that the given passwords do not open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

HEADER = b"$ANSIBLE_VAULT"


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
    return f"--encrypt-vault-id {identity(path)} --vault-id {identity(path)}@prompt"


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
