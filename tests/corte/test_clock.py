"""Clocks that are set while the gate runs: the real services, as processes under libfaketime."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from corte_kit import FILES, Server, make_key

from corte.format import instants, manifest, signature
from difusor.suite.waiting import until

LIBRARY = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), Path("falta el paquete faketime"))
CODE = Path(__file__).resolve().parents[2] / "scripts"
TRACKING = "0A000001,10.0.0.1,3,{},0.000001,0.000002,0.00001,1.0,0.0,0.01,0.001,0.002,64.2,{}\n"
TICK = timedelta(milliseconds=10)
"""How far the kernel's time of a file may be behind its clock."""
STEPS = [timedelta(hours=-1), timedelta(hours=1), timedelta(days=-1), timedelta(days=1)]


class Machine:
    """A server whose clock and whose chrony say what the test wants."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self.offset, self.word = server, folder / "offset", folder / "tracking"
        chronyc = folder / "bin/chronyc"
        chronyc.parent.mkdir()
        chronyc.write_text(f"#!/bin/sh\ncat {self.word}\n")
        chronyc.chmod(0o755)
        self.config = folder / "corte.json"
        values = {**asdict(server.config), **server.config.window.to_json()}
        del values["window"]
        self.config.write_text(json.dumps(values, default=str))
        self.environment = {
            **os.environ,
            "PATH": f"{chronyc.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(CODE),
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self.offset),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
        self.set(timedelta(0), vouched=True)

    def set(self, step: timedelta, vouched: bool) -> None:
        """Set the clock this far from the true time; chrony vouches for it, or has seen that it was set."""
        now = (instants.now() + step).timestamp()
        _write(self.word, TRACKING.format(now, "Normal" if vouched else "Not synchronised"))
        self.set_unnoticed(step)

    def set_unnoticed(self, step: timedelta) -> None:
        """Set the clock this far from the true time; chrony goes on vouching for what was there before."""
        _write(self.offset, f"{step.total_seconds():+.0f}s\n")

    def run(self, verb: str) -> subprocess.Popen[bytes]:
        """Start one of the services."""
        command = [sys.executable, "-B", "-m", "corte", verb, "--config", str(self.config)]
        return subprocess.Popen(command, env=self.environment, stderr=subprocess.PIPE)

    @contextmanager
    def gate(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run the gate as long as the block lasts; it must not have ended by itself."""
        service = self.run("gate")
        try:
            yield service
            assert service.poll() is None, service.communicate()
        finally:
            service.kill()
            service.wait()

    def is_open(self) -> bool:
        """Tell whether results can be reached."""
        return self.server.config.gate_file.exists()

    def push(self, sequence: int) -> None:
        """Send a corte signed at the true time, and run the intake by this machine's clock."""
        raw = self.server.manifest(sequence, {**FILES, "n.csv": str(sequence).encode()}).to_bytes()
        (self.server.config.incoming / manifest.NAME).write_bytes(raw)
        armour = signature.sign(raw, self.server.key, self.server.config.election)
        (self.server.config.incoming / manifest.SIGNATURE_NAME).write_bytes(armour)
        assert self.run("intake").wait() == 0


def _write(path: Path, text: str) -> None:
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").replace(path)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_key(tmp_path_factory.mktemp("keys"), "firma")


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


@pytest.mark.parametrize("step", STEPS, ids=str)
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
        here.set(timedelta(hours=1), vouched=True)  # as at a boot with a clock an hour slow
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
