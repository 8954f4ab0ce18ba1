"""A home on a share that has no locks is told in one sentence, whatever wants the lock."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from unittest.mock import Mock

import pytest

from difusor import project
from difusor.acceptance import journal
from difusor.inventory import Election, load_election
from difusor.listing import state
from difusor.partners import desk, revocation
from difusor.project import UnusableError
from difusor.publish.standing import Records
from difusor.suite import turns


def revoking(home: Path) -> AbstractContextManager[None]:
    (home / "inventories/norte/group_vars/norte").mkdir(parents=True)
    return revocation._alone(home / "inventories/norte")


@pytest.mark.parametrize(
    "lock",
    [
        lambda election: Records(election).lock(),
        lambda election: state.turn(election),
        lambda election: state.alone(election),
        lambda election: journal.alone(Path("norte")),
        lambda election: turns.turn("norte"),
        lambda election: desk._turn(project.build(), check=False),
        lambda election: revoking(project.home()),
        lambda election: project.locked(project.build()),
    ],
    ids=["sign", "list", "watch", "accept", "report", "enroll", "revoke", "the others"],
)
def test_a_home_where_nothing_can_be_locked_is_told_with_its_remedy(
    election: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lock: Callable[[Election], AbstractContextManager]
):
    """Neither folder nor file was named: «el sistema no lo permite (ENOLCK)»."""
    monkeypatch.setenv(project.HOME, str(tmp_path))
    project.build().mkdir()
    monkeypatch.setattr(fcntl, "flock", Mock(side_effect=OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))))
    told = rf"el disco de {tmp_path}/\S+ no sirve .* \(DIFUSOR_HOME\) en un disco de esta máquina"
    with pytest.raises(UnusableError, match=told), lock(load_election(election)):
        pass


def test_a_lock_outside_the_home_is_told_with_another_folder_and_a_folder_that_is_not_there_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(project.HOME, str(tmp_path / "instituto"))
    with pytest.raises(FileNotFoundError), project.locked(tmp_path / "no"):
        pass
    with project.locked(tmp_path), pytest.raises(BlockingIOError), project.locked(tmp_path, wait=False):
        pass
    monkeypatch.setattr(fcntl, "flock", Mock(side_effect=OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))))
    told = f"{tmp_path} no sirve .*; elija otra en un disco de esta máquina"
    with pytest.raises(UnusableError, match=told), project.locked(tmp_path):
        pass
