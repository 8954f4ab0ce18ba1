"""The services of a server as processes, with a clock and a chrony that the test controls."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from functools import cache
from pathlib import Path

from corte_kit import FILES, Server
from interpreter_kit import Interpreter, Running

from corte.format import instants, manifest, record, signature
from corte.server.config import copy_of

LIBRARY = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), Path("falta el paquete faketime"))
FAKED = {"LD_PRELOAD": str(LIBRARY), "FAKETIME_DISABLE_SHM": "1"}
"""What makes a program take its clock from libfaketime.

Without what is in /dev/shm, which only a program that ends in order removes: not one that is killed, and never dash.
"""
CODE = Path(__file__).resolve().parents[1] / "scripts"
SERVICES = ("argparse", "corte.server.gate", "corte.server.intake", "corte.server.purge")
"""What `python3 -m corte` imports."""
OWN = ("PATH", "FAKETIME_TIMESTAMP_FILE", "PYTEST_CURRENT_TEST")
"""Variables that one machine or test has alone; programs and the clock read them when they need them, not at a start.

For all others one interpreter is started: what pytest says of the test that runs would make one for each.
"""
TRACKING = "0A000001,10.0.0.1,3,{},0.000001,0.000002,0.00001,1.0,0.0,0.01,0.001,0.002,64.2,{}\n"


class Machine:
    """A server whose clock and chrony the test controls."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self.offset, self.word = server, folder / "offset", folder / "tracking"
        chronyc = folder / "bin/chronyc"
        chronyc.parent.mkdir()
        chronyc.write_text(f"#!/bin/sh\ncat {self.word}\n")
        chronyc.chmod(0o755)
        self.config = folder / "server.json"
        values = {**asdict(server.config), **server.config.window.to_json()}
        del values["window"]
        plain = json.loads(json.dumps(values, default=str))
        for path in (self.config, copy_of(self.config)):
            path.write_bytes(record.content(plain))
        self.environment = {
            **os.environ,
            "PATH": f"{chronyc.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(CODE),
            "PYTHONDONTWRITEBYTECODE": "1",
            **FAKED,
            "FAKETIME_TIMESTAMP_FILE": str(self.offset),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
        self.as_user: tuple[str, ...] = ()
        """A program with its options that runs the services, to take rights from them."""
        self.set(timedelta(0), vouched=True)

    def set(self, step: timedelta, vouched: bool) -> None:
        """Set the clock to the true time plus `step`; chrony reports it as synchronised (`vouched`) or as in doubt."""
        now = (instants.now() + step).timestamp()
        _write(self.word, TRACKING.format(now, "Normal" if vouched else "Not synchronised"))
        self.set_unnoticed(step)

    def set_unnoticed(self, step: timedelta) -> None:
        """Set the clock to the true time plus `step`; chrony does not notice and still reports it as synchronised."""
        _write(self.offset, f"{step.total_seconds():+.0f}s\n")

    def run(self, verb: str) -> Running:
        """Start one of the services."""
        others = frozenset((name, value) for name, value in self.environment.items() if name not in OWN)
        started = _interpreter(self.as_user, others)
        return started.start("-m", "corte", verb, "--config", str(self.config), env=self.environment)

    @contextmanager
    def gate(self) -> Iterator[Running]:
        """Run the gate during the `with` block; fail if it ended by itself."""
        service = self.run("gate")
        try:
            yield service
            assert service.poll() is None, service.said()
        finally:
            service.kill()
            service.wait()

    def is_open(self) -> bool:
        """Return whether the web server can reach results."""
        return self.server.config.gate_file.exists()

    def push(self, sequence: int) -> None:
        """Push a corte that was signed at the true time, and run the intake under this machine's clock."""
        raw = self.server.manifest(sequence, {**FILES, "n.csv": str(sequence).encode()}).to_bytes()
        (self.server.config.incoming / manifest.NAME).write_bytes(raw)
        armour = signature.sign(raw, self.server.key, self.server.config.election)
        (self.server.config.incoming / manifest.SIGNATURE_NAME).write_bytes(armour)
        assert self.run("intake").wait() == 0


@cache
def _interpreter(under: tuple[str, ...], environment: frozenset[tuple[str, str]]) -> Interpreter:
    return Interpreter(*SERVICES, under=under, env=dict(environment))


def _write(path: Path, text: str) -> None:
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").replace(path)
