"""The server's ports from outside: web ports for anyone, SSH and rsync for trusted addresses too, no other port.

These tests make connections from other hosts; none of them reads the firewall's rules on the server.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from port_fixtures import EVERY_PORT, scan
from testinfra.host import Host

Expect = Callable[[str], dict[str, Any]]
Record = Callable[[object], None]
WARM_UP = 2_500_000  # bytes each way before the time counts: TCP begins slowly
TRANSFER = 25_000_000  # bytes each way that are timed: two seconds at 100 Mbps


@pytest.mark.clause("RED-03", "DG-02")
def test_web_is_open_to_anyone(
    untrusted: Host, variables: dict[str, Any], expect: Expect, record_evidence: Record
) -> None:
    """Desde una dirección cualquiera, la dirección pública del servidor acepta conexiones en los puertos web."""
    address = variables["difusor_public_address"]
    required = expect("RED-03")["ports"]
    wanted = ",".join(map(str, required))
    found = scan(untrusted, {address: wanted}, known=wanted)[address]
    record_evidence(f"{address}: abiertos {found}")
    assert found == required, f"abiertos {found}; se requieren {required}"


@pytest.mark.clause("RED-03", "RED-04")
def test_nothing_else_is_open_to_anyone(
    open_to_anyone: dict[str, list[int]], variables: dict[str, Any], expect: Expect, record_evidence: Record
) -> None:
    """Desde una dirección cualquiera, de los 65,535 puertos TCP solo responden los web."""
    if not any(open_to_anyone.values()) and not variables.get("difusor_origin_lock"):
        pytest.skip("el punto de observación no alcanza ni los puertos web: que otros callen no prueba nada")
    web = set(expect("RED-03")["ports"])
    for address, ports in open_to_anyone.items():
        record_evidence(
            f"{address}: de los puertos {EVERY_PORT} responden {ports or 'ninguno; desde aquí no se llega'}"
        )
        assert not ports or web <= set(ports), f"{address}: el recorrido no vio ni {sorted(web)}, que están abiertos"
    extra = {port for ports in open_to_anyone.values() for port in ports} - web
    assert not extra, f"también responden {sorted(extra)}"


@pytest.mark.clause("RED-04")
def test_trusted_addresses_reach_their_services(
    open_to_trusted: dict[str, list[int]], variables: dict[str, Any], expect: Expect, record_evidence: Record
) -> None:
    """Desde una dirección confiable responden además SSH y rsync, y ningún otro puerto TCP."""
    web, closed = set(expect("RED-03")["ports"]), set(expect("RED-04")["ports"])
    for address, ports in open_to_trusted.items():
        record_evidence(f"{address}: de los puertos {EVERY_PORT} responden {ports}")
    # IPv6 is required if the list has an IPv6 address of this vantage point: then a closed port answers by IPv6.
    reached = {a for a, ports in open_to_trusted.items() if closed & set(ports)} | {variables["difusor_public_address"]}
    missing = {(address, port) for address in reached for port in (web | closed) - set(open_to_trusted[address])}
    extra = {port for ports in open_to_trusted.values() for port in ports} - web - closed
    assert not missing, f"no responden {sorted(missing)}"
    assert not extra, f"también responden {sorted(extra)}"


@pytest.mark.clause("RED-03")
def test_containers_are_unreachable(
    host: Host, untrusted: Host, variables: dict[str, Any], record_evidence: Record
) -> None:
    """Los contenedores solo responden dentro del servidor, aunque desde fuera se trace una ruta hasta ellos."""
    targets = _container_ports(host)
    assert targets, "no hay contenedores con dirección de red: nada publica la página"
    inside = scan(host, targets)
    with _routes(untrusted, list(targets), variables["difusor_public_address"]) as complaint:
        outside = scan(untrusted, targets)
    record_evidence(f"desde el servidor responden {inside}; desde fuera, {outside}")
    if complaint:
        record_evidence(f"sin ruta posible desde el punto de observación: {complaint}")
    assert any(inside.values()), "ningún contenedor responde siquiera desde el servidor"
    assert not any(outside.values()), "un contenedor responde desde fuera"


@pytest.mark.clause("RED-01")
def test_bandwidth(
    host: Host,
    request: pytest.FixtureRequest,
    variables: dict[str, Any],
    expect: Expect,
    record_evidence: Record,
    attested: Callable[[str], None],
) -> None:
    """El enlace alcanza lo requerido en ambos sentidos: medido contra el Instituto o, si no se puede, con documento."""
    rates = _rates(host, request)
    if rates is None:
        attested("RED-01")
        return
    where = ", en la red virtual del laboratorio" if "lab" in variables else ""
    record_evidence(f"{rates[0]:.0f} Mbps de subida y {rates[1]:.0f} Mbps de bajada contra el Instituto{where}")
    required = expect("RED-01")
    assert min(rates) >= required["payload_mbps"], (
        f"un sentido lleva {min(rates):.0f} Mbps de datos; un enlace de {required['mbps']} Mbps lleva "
        f"{required['payload_mbps']} y el resto son cabeceras"
    )


def _container_ports(host: Host) -> dict[str, str]:
    """Return the address of every running container, with the ports to try: those it declares and the low ones."""
    running = host.check_output("docker ps --quiet").split()
    described = json.loads(host.check_output("docker inspect " + " ".join(running))) if running else []
    ports = {}
    for container in described:
        declared = [port.partition("/")[0] for port in container["Config"].get("ExposedPorts") or {}]
        for network in container["NetworkSettings"]["Networks"].values():
            if network["IPAddress"]:
                ports[network["IPAddress"]] = ",".join(["1-1024", *declared])
    return ports


@contextmanager
def _routes(vantage: Host, destinations: list[str], gateway: str) -> Iterator[str]:
    """Route the vantage point's traffic to `destinations` through the server; yield the error, or an empty text."""
    complaint = ""
    try:
        for destination in destinations:
            complaint += vantage.run("ip route add %s via %s", destination, gateway).stderr.strip()
        yield complaint
    finally:
        for destination in destinations:
            vantage.run("ip route delete %s via %s", destination, gateway)


# Each says when the warm-up has come, and when all has: the times between count.
RECEIVER = f"""
import os, signal, socket
server = socket.create_server(("", 0))
print(server.getsockname()[1], flush=True)
if os.fork():
    os._exit(0)
os.setsid()
signal.alarm(60)
for stream in range(3):
    os.dup2(os.open(os.devnull, os.O_RDWR), stream)
peer = server.accept()[0]
for left in ({WARM_UP}, {TRANSFER}):
    while left > 0:
        left -= len(peer.recv(min(left, 1 << 16))) or left
    peer.sendall(b".")
peer.sendall(bytes({WARM_UP + TRANSFER}))
"""
SENDER = f"""
import socket, sys, threading, time
peer = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=20)
threading.Thread(target=peer.sendall, args=(bytes({WARM_UP + TRANSFER}),), daemon=True).start()
peer.recv(1)
started = time.monotonic()
peer.recv(1)
up = time.monotonic() - started
times = []
for left in ({WARM_UP}, {TRANSFER}):
    while left > 0:
        left -= len(peer.recv(min(left, 1 << 16))) or left
    times.append(time.monotonic())
print(up, times[1] - times[0])
"""


def _rates(host: Host, request: pytest.FixtureRequest) -> tuple[float, float] | None:
    """Return Mbps up and down between server and trusted vantage point, or None if they cannot be measured."""
    try:
        trusted: Host = request.getfixturevalue("trusted")
    except pytest.skip.Exception:  # this server has no such vantage point
        return None
    addresses = json.loads(trusted.check_output("ip -json -4 address show scope global"))
    port = trusted.check_output("python3 -c %s", RECEIVER)
    for address in [each["local"] for interface in addresses for each in interface["addr_info"]]:
        timed = host.run("python3 -c %s %s %s", SENDER, address, port)
        if timed.succeeded:
            up, down = (TRANSFER * 8 / 1e6 / float(seconds) for seconds in timed.stdout.split())
            return up, down
    return None
