"""Lets all runs of Ansible against labs share what Ansible packs of its modules."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from difusor.project import BUILD, ROOT

FOLDER = BUILD / "modules"
"""Has a folder for each state of what is packed."""
PACKED = ("plugins/modules/**/*.py", "plugins/module_utils/**/*.py", "requirements.lock")
"""The project's own modules, and which packages the others are from."""
OLD = 24 * 3600
"""Seconds after which what another state left is removed; a run that began before a change may still use it."""


def share() -> None:
    """Make this run use what earlier ones packed.

    Ansible packs a module with all that it imports, which takes a sixth of a second, and keeps that in the temporary
    folder of the run. A test run has hundreds of runs with the same modules.
    """
    from ansible import constants  # only in a run of Ansible: it is slow to import

    kept = FOLDER / _state()
    with suppress(
        OSError
    ):  # in forks of one interpreter the link is there; a folder that cannot be written is not shared
        if not kept.exists():
            _remove_old()
            kept.mkdir(parents=True, exist_ok=True)
        Path(constants.DEFAULT_LOCAL_TMP, "ansiballz_cache").symlink_to(kept)


def _state() -> str:
    """Return a digest of everything that decides what is packed."""
    from ansible.release import __version__ as ansible_version

    state = hashlib.sha256(ansible_version.encode())
    for path in _files():
        state.update(b"\0" + bytes(path) + b"\0" + path.read_bytes())
    return state.hexdigest()[:16]


def _files() -> Iterator[Path]:
    for pattern in PACKED:
        yield from sorted(ROOT.glob(pattern))


def _remove_old() -> None:
    for other in FOLDER.glob("*"):
        if other.stat().st_mtime < time.time() - OLD:
            shutil.rmtree(other, ignore_errors=True)
