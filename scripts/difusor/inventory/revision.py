"""Which state of an inventory something was done with: a digest of the files that Ansible reads of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from corte.format import files
from difusor.inventory.folders import own_files, variable_files


def revision(source: Path) -> str:
    """Return the SHA-256 of an inventory, its election and its sealed vaults included; OSError when one is unreadable.

    It is that of the lines `SHA-256  PATH` of its files in the order of their paths, as sha256sum prints them. What a
    file outside the inventory holds (a certificate, an image) does not count.
    """
    folder = source if source.is_dir() else source.parent
    names = sorted(str(path.relative_to(folder)) for path in {*own_files(source), *variable_files(source)})
    lines = (f"{hashlib.sha256(files.small(folder / name)).hexdigest()}  {name}\n" for name in names)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
