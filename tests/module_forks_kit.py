"""What the forks that run Ansible's modules on this machine share: the part of Ansible that each module imports.

A module comes in an archive with the source of all that it imports, the project's own parts among it, and the archive
is put first in the path. What is imported here is that same source; all else has to be found in the archive.
"""

import sys
from collections.abc import Iterator

import ansible.module_utils.basic


class _Packed(list[str]):
    """The folders of a package, and before them what the archives in the path have of it."""

    def __init__(self, package: str, folders: list[str]) -> None:
        super().__init__(folders)
        self._inside = package.replace(".", "/")

    def __iter__(self) -> Iterator[str]:
        yield from (f"{path}/{self._inside}" for path in sys.path if path.endswith(".zip"))
        yield from super().__iter__()


for _package in (ansible, ansible.module_utils):
    _package.__path__ = _Packed(_package.__name__, _package.__path__)
