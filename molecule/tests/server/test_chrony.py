"""The server's clock, as chrony measures it against its NTP servers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from clock_fixtures import compared
from testinfra.host import Host

Expect = Callable[[str], dict[str, Any]]
Record = Callable[[object], None]

# Positions of fields in the output of `chronyc -c tracking`.
NAME, STRATUM, OFFSET, LEAP = 1, 2, 4, 13


@pytest.mark.clause("SW-04")
def test_clock_is_synchronised(host: Host, expect: Expect, record_evidence: Record) -> None:
    """El reloj está sincronizado y su diferencia con la hora de los servidores NTP es menor que la requerida."""
    fields = host.check_output("chronyc -c tracking").split(",")
    record_evidence(
        f"servidor {fields[NAME]}, estrato {fields[STRATUM]}, diferencia {fields[OFFSET]} s, {fields[LEAP]}"
    )
    assert fields[LEAP] in ("Normal", "Insert second", "Delete second")
    assert abs(float(fields[OFFSET])) < expect("SW-04")["max_offset_seconds"]


@pytest.mark.clause("SW-04", "DG-05")
def test_clock_agrees_with_the_institute_s(host: Host, record_evidence: Record) -> None:
    """El reloj del servidor dice la hora que dice el del Instituto: sus servidores NTP no la dan mal.

    A network may lead NTP's port to a server of its own, and chrony then agrees with a wrong time.
    """
    seconds = compared(host, record_evidence)
    assert not seconds, f"difieren {seconds:+.0f} s; vea cuál está mal (timedatectl, en las dos máquinas) y repita"


@pytest.mark.clause("SW-04")
def test_servers_answer(host: Host, expect: Expect, record_evidence: Record) -> None:
    """Los servidores NTP configurados responden por el puerto UDP requerido, de salida."""
    sources = [line.split(",") for line in host.check_output("chronyc -c -n sources").splitlines()]
    answering = [source for source in sources if int(source[5], 8)]
    record_evidence(", ".join(f"{source[2]} (estado {source[1]}, alcance {source[5]})" for source in sources))
    assert answering
    ports = {line.split(",")[2] for line in host.check_output("chronyc -c -n ntpdata").splitlines()}
    assert ports == {str(expect("SW-04")["port"])}


@pytest.mark.clause("SW-04")
def test_client_starts_with_the_server_and_serves_nobody(host: Host, expect: Expect, record_evidence: Record) -> None:
    """El cliente NTP arranca con el servidor, es el único que mueve el reloj y no atiende peticiones de nadie."""
    listening = host.check_output("ss -Hlun").splitlines()
    record_evidence("; ".join(line.split()[3] for line in listening))
    assert host.service("chrony").is_running
    assert host.service("chrony").is_enabled
    assert not host.service("systemd-timesyncd").is_running
    assert not [line for line in listening if line.split()[3].endswith(f":{expect('SW-04')['port']}")]
