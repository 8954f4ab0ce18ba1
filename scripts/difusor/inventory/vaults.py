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
            loader.get_text_file_contents(str(path.resolve()))  # the loader has a base folder of its own
        except AnsibleError:
            yield path


def vaulted(source: Path) -> Iterator[Path]:
    """Yield the vaulted files of variables that belong to an inventory source (a folder, or a file in one)."""
    folder = source if source.is_dir() else source.parent
    for path in sorted([*folder.glob("group_vars/**/*"), *folder.glob("host_vars/**/*")]):
        if path.is_file():
            with path.open("rb") as file:
                if file.read(len(HEADER)) == HEADER:
                    yield path
