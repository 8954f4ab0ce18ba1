"""The present instant, for tests that judge a server by it: known where the server's clock and this machine's agree."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from testinfra.host import Host

from corte.format import instants
from difusor.countdown.inside import apart

Record = Callable[[object], None]
Now = Callable[[], datetime]


@pytest.fixture
def now(host: Host) -> Now:
    """Return the function that returns the present instant; it skips the test where nobody knows it, as `compared`."""

    def known() -> datetime:
        compared(host)
        return instants.now()

    return known


def compared(host: Host, record: Record = lambda _: None) -> float:
    """Return by how many seconds the server's clock differs from this machine's; 0 when they agree.

    The test is skipped where they differ and nothing keeps this machine's: after a sleep, that may be the wrong one.
    """
    asked = instants.now()
    there = datetime.fromtimestamp(float(host.check_output("date +%s.%N")), UTC)
    answered = instants.now()
    record(f"{there.isoformat()} en el servidor; aquí, entre {asked.isoformat()} y {answered.isoformat()}")
    seconds = apart(there, asked, answered)
    if seconds and not is_synchronised_here():
        pytest.skip(
            f"el reloj del servidor y el de esta máquina difieren {seconds:+.0f} s, y el de aquí no está sincronizado: "
            "no se sabe cuál está mal; sincronícelo por NTP (timedatectl set-ntp true) y repita"
        )
    return seconds


def is_synchronised_here() -> bool:
    """Tell whether an NTP server keeps the clock of this machine, as far as its systemd knows."""
    asked = ["timedatectl", "show", "--property", "NTPSynchronized", "--value"]
    with suppress(OSError):
        return subprocess.run(asked, capture_output=True, text=True).stdout.strip() == "yes"
    return False
