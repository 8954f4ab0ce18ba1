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
from difusor.project import UnusableError
from difusor.publish.standing import Records


@pytest.mark.parametrize(
    "lock",
    [
        lambda election: Records(election).lock(),
        lambda election: state.turn(election.id),
        lambda election: state.alone(election.id),
        lambda election: journal.alone(Path("norte")),
    ],
    ids=["sign", "list", "watch", "accept"],
)
def test_a_home_where_nothing_can_be_locked_is_told_with_its_remedy(
    election: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lock: Callable[[Election], AbstractContextManager]
):
    """Neither folder nor file was named: «el sistema no lo permite (ENOLCK)»."""
    monkeypatch.setenv(project.HOME, str(tmp_path))
    monkeypatch.setattr(fcntl, "flock", Mock(side_effect=OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))))
    told = rf"el disco de {tmp_path}/\S+ no sirve .* \(DIFUSOR_HOME\) en un disco de esta máquina"
    with pytest.raises(UnusableError, match=told), lock(load_election(election)):
        pass
