"""Somebody sets the clock while the gate runs: the real services, as processes under libfaketime."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from corte_kit import Server
from machine_kit import FAKED, Machine

from corte.format import instants
from difusor.suite.waiting import until

TICK = timedelta(milliseconds=10)
"""How much earlier than the clock the kernel may date a file that it writes now."""
STEPS = [timedelta(hours=-1), timedelta(hours=1), timedelta(days=-1), timedelta(days=1)]
FAR = [timedelta(days=-3650), timedelta(days=30)]
"""To before the signer's key was valid, and to after the end of the window."""


@pytest.fixture
def machine(tmp_path: Path, key: Path) -> Callable[[datetime | None], Machine]:
    def make(opens: datetime | None) -> Machine:
        server = Server.make(tmp_path / "srv", key, opens)
        server.config.gate_file.unlink(missing_ok=True)
        return Machine(server, tmp_path)

    return make


def _await_doubt(server: Server) -> None:
    """Wait until the gate has noticed that the clock was set."""
    until(
        lambda: server.status()["clock"],
        lambda clock: not clock["synchronised"],
        what="la compuerta note que se movió el reloj",
    )


@pytest.mark.parametrize("step", [*STEPS, *FAR], ids=str)
def test_an_open_gate_keeps_its_time_when_the_clock_is_set(
    machine: Callable[[datetime | None], Machine], step: timedelta
):
    server = (here := machine(None)).server
    with here.gate():
        until(here.is_open, what="la compuerta abra")
        here.push(1)
        assert server.shown() == 1
        here.set(step, vouched=False)
        _await_doubt(server)
        assert (server.status()["gate"]["state"], here.is_open(), server.shown()) == ("open", True, 1)
        here.push(2)
        until(server.shown, lambda shown: shown == 2, what="se muestre el segundo corte")
        assert server.status()["gate"]["state"] == "open"
        here.set(timedelta(0), vouched=True)
        until(lambda: server.status()["clock"]["synchronised"], what="la compuerta confíe otra vez en el reloj")
        assert (server.status()["gate"]["state"], here.is_open(), server.shown()) == ("open", True, 2)


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_a_waiting_gate_is_not_opened_by_a_clock_that_is_set(
    machine: Callable[[datetime | None], Machine], step: timedelta
):
    here = machine(instants.now() + timedelta(minutes=30))
    with here.gate():
        until(here.server.config.status_file.exists, what="la compuerta diga su estado")
        here.set(step, vouched=False)
        _await_doubt(here.server)
        assert (here.server.status()["gate"]["state"], here.is_open()) == ("waiting", False)


@pytest.mark.timing("a gate that gets no processor opens later than three seconds after its time")
@pytest.mark.parametrize("step", [timedelta(minutes=-3), timedelta(minutes=3)], ids=str)
def test_a_clock_that_is_set_shortly_before_the_opening_does_not_delay_it(
    machine: Callable[[datetime | None], Machine], step: timedelta
):
    """Chrony takes half an hour to slew three minutes away."""
    opens = instants.now().replace(microsecond=0) + timedelta(seconds=5)
    here = machine(opens)
    with here.gate():
        until(here.server.config.status_file.exists, what="la compuerta diga su estado")
        here.set(step, vouched=False)
        until(here.is_open, what="la compuerta abra", within=10)
        assert opens <= instants.now() < opens + timedelta(seconds=3)


def test_a_step_that_chrony_has_not_noticed_opens_nothing_early(machine: Callable[[datetime | None], Machine]):
    opens = instants.now().replace(microsecond=0) + timedelta(seconds=9)
    here = machine(opens)
    with here.gate():
        until(here.server.config.status_file.exists, what="la compuerta diga su estado")
        here.set_unnoticed(timedelta(seconds=8))
        until(here.is_open, what="la compuerta abra")
    assert instants.now() >= opens


def test_a_clock_that_chrony_itself_sets_is_followed(machine: Callable[[datetime | None], Machine]):
    here = machine(instants.now() + timedelta(minutes=30))
    here.set(timedelta(0), vouched=False)
    with here.gate():
        until(here.server.config.status_file.exists, what="la compuerta diga su estado")
        here.set(timedelta(hours=1), vouched=True)  # chrony corrects a clock that was an hour slow at boot
        until(here.is_open, what="la compuerta abra")


@pytest.mark.parametrize("zone", ["America/Mexico_City", "Pacific/Kiritimati", "No/Such_Zone", ":/dev/null"])
def test_the_gate_opens_at_the_same_instant_in_any_zone(machine: Callable[[datetime | None], Machine], zone: str):
    opens = instants.now().replace(microsecond=0) + timedelta(seconds=3)
    here = machine(opens)
    here.environment.update(TZ=zone, TZDIR="/nonexistent", PYTHONTZPATH="")
    with here.gate():
        until(here.is_open, what="la compuerta abra")
    opened = datetime.fromtimestamp(here.server.config.gate_file.stat().st_mtime, opens.tzinfo)
    assert opened >= opens - TICK


def test_a_clock_that_is_set_leaves_nothing_in_memory_when_its_program_is_killed() -> None:
    """Thousands of such leftovers fill /dev/shm, and a program that gets the id of one of them does not start."""
    there = {*Path("/dev/shm").glob("*faketime_s*")}  # an earlier version's, one of which may have the same id
    with subprocess.Popen(["sh", "-c", "kill -9 $$"], env={**os.environ, **FAKED}) as killed:
        pass
    left = {Path(f"/dev/shm/{kind}_{killed.pid}") for kind in ("faketime_shm", "sem.faketime_sem")}
    assert not [path for path in left - there if path.exists()]
