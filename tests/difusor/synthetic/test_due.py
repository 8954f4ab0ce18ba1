"""Which corte of a rehearsal is due."""

from __future__ import annotations

from datetime import timedelta

import pytest
from inventory_kit import ELECTION

from difusor.inventory import Election
from difusor.project import UnusableError
from difusor.synthetic.due import due
from difusor.synthetic.setting import Setting

REHEARSAL = Election.model_validate(ELECTION | {"election_environment": "simulacro"})
OPENS, CLOSES = REHEARSAL.window.opens, REHEARSAL.window.closes


@pytest.mark.parametrize(("after", "number"), [(-3600, 1), (0, 1), (599, 1), (600, 2), (86399, 144), (86400, 145)])
def test_the_corte_that_is_due(after: int, number: int) -> None:
    assert due(REHEARSAL, OPENS + timedelta(seconds=after)) == number


def test_no_corte_is_ahead_of_the_clock_where_the_interval_does_not_divide_the_window() -> None:
    short = REHEARSAL.model_copy(update={"closes": OPENS + timedelta(minutes=65)})
    now = OPENS + timedelta(minutes=60)
    number, instants = due(short, now), Setting.of(short).instants
    assert (number, len(instants)) == (6, 7)
    assert instants[number - 1] <= now


def test_official_or_ended_elections_get_none() -> None:
    with pytest.raises(UnusableError, match="es oficial"):
        due(Election.model_validate(ELECTION), OPENS)
    with pytest.raises(UnusableError, match="cerró el 03/06/2024 19:00:00 PDT"):
        due(REHEARSAL, CLOSES + timedelta(seconds=1))
