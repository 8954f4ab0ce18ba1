"""The server's ports from outside: web ports for anyone, SSH and rsync for trusted addresses too, no other port.

These tests make connections from other hosts; none of them reads the firewall's rules on the server.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from corte_fixtures import is_signed, papers
from port_fixtures import EVERY_PORT, routes, scan, whose
from testinfra.backend.ssh import SshBackend
from testinfra.host import Host

from corte.format import instants
from difusor.inventory import attestations
from difusor.publish.mirror import Mirror
from difusor.publish.standing import is_of
from difusor.publish.target import Target
from difusor.spec import Spec
from difusor.suite import link, ports
from difusor.suite.turns import turn

Expect = Callable[[str], dict[str, Any]]
Record = Callable[[object], None]
OTHERWISE = (
    "Haga que esta máquina llegue ahí por SSH, o archive el documento que acredita el enlace: "
    "./difusor file ARCHIVO -i DIFUSOR --as constancia --clause RED-01"
)


@pytest.mark.clause("RED-03", "DG-02")
def test_web_is_open_to_anyone(untrusted: Host, variables: dict[str, Any], call: Spec, record_evidence: Record) -> None:
    """Desde una dirección cualquiera, la dirección pública del servidor acepta conexiones en los puertos web."""
    address = variables["difusor_public_address"]
    required = call.web_ports
    wanted = ",".join(map(str, required))
    found = scan(untrusted, {address: wanted}, known=wanted)[address]
    record_evidence(f"{address}: abiertos {found}")
    assert found == required, f"abiertos {found}; se requieren {required}"


@pytest.mark.clause("RED-03", "RED-04")
def test_nothing_else_is_open_to_anyone(
    host: Host,
    untrusted: Host,
    open_to_anyone: dict[str, list[int]],
    variables: dict[str, Any],
    call: Spec,
    record_evidence: Record,
) -> None:
    """Desde una dirección cualquiera, de los 65,535 puertos TCP solo responden los web."""
    if not any(open_to_anyone.values()) and not variables.get("difusor_origin_lock"):
        # A perimeter between the two, or the vantage point's own: the clause is then not verified.
        pytest.skip("el punto de observación no alcanza ni los puertos web: que otros callen no prueba nada")
    web = set(call.web_ports)
    for address, found in open_to_anyone.items():
        said = ports.told(found) if found else "ninguno; desde aquí no se llega"
        record_evidence(f"{address}: de los puertos {EVERY_PORT} responden {said}")
    _nothing_else(host, untrusted, ports.beyond(open_to_anyone, web), web)
    _heard_everything(open_to_anyone, web)


@pytest.mark.clause("RED-04")
def test_trusted_addresses_reach_their_services(
    host: Host,
    trusted: Host,
    entry: tuple[str, bool],
    open_to_trusted: dict[str, list[int]],
    variables: dict[str, Any],
    call: Spec,
    expect: Expect,
    record_evidence: Record,
) -> None:
    """Desde una dirección confiable responden además SSH y rsync, y ningún otro puerto TCP."""
    web, closed = set(call.web_ports), set(expect("RED-04")["ports"])
    public, (own, is_led) = variables["difusor_public_address"], entry
    for address, found in open_to_trusted.items():
        record_evidence(f"{address}: de los puertos {EVERY_PORT} responden {ports.told(found)}")
    # IPv6 is required if the list has an IPv6 address of this vantage point: then a closed port answers by IPv6.
    reached = ports.required(open_to_trusted, closed, public, own)
    if public not in reached:
        record_evidence(f"SSH y rsync, en {own}, por donde el Instituto administra el servidor")
    missing = {(address, port) for address in reached for port in closed - set(open_to_trusted[address])}
    if is_led and missing == {(public, port) for port in closed}:
        pytest.skip(
            f"el Instituto llega al servidor a través de otra máquina (ProxyJump), y aquí {public} no contesta en "
            f"{ports.told(closed)}: que ahí se llegue, solo se ve desde esa máquina"
        )
    assert not missing, f"no responden {sorted(missing)}"
    _nothing_else(host, trusted, ports.beyond(open_to_trusted, web | closed), web)
    _heard_everything({address: open_to_trusted[address] for address in reached}, web)


def _nothing_else(host: Host, vantage: Host, extra: dict[str, set[int]], web: set[int]) -> None:
    """Fail when the server answers at one of these ports, by address; skip the test when others answer in its place."""
    if extra:
        servers, doubt = whose(host, vantage, extra, sorted(web))
        assert not servers, f"también responden {ports.told(servers)}"
        pytest.skip(f"no se sabe si el servidor tiene abiertos otros puertos: {doubt}")


def _heard_everything(answers: dict[str, list[int]], web: set[int]) -> None:
    """Skip the test when a scan lost answers: it leaves out a web port that stayed silent beside other ports.

    That the web ports are open is another test's subject (`test_web_is_open_to_anyone`).
    """
    for address, found in answers.items():
        if found and (unheard := web - set(found)):
            silent = ", ".join(map(str, sorted(unheard)))
            pytest.skip(
                f"el recorrido de {address} perdió respuestas (en un tramo calló {silent}), y un puerto abierto pudo "
                "pasar por cerrado; repita el dictamen con el enlace y el servidor desocupados"
            )


@pytest.mark.clause("RED-03")
def test_containers_are_unreachable(
    host: Host, untrusted: Host, variables: dict[str, Any], record_evidence: Record
) -> None:
    """Los contenedores solo responden dentro del servidor, aunque desde fuera se trace una ruta hasta ellos."""
    targets = _container_ports(host)
    assert targets, "no hay contenedores con dirección de red: nada publica la página"
    inside = scan(host, targets)
    with turn("rutas"), routes(untrusted, list(targets), variables["difusor_public_address"]) as (routed, complaint):
        outside = scan(untrusted, {address: targets[address] for address in routed})
    record_evidence(f"desde el servidor responden {inside}")
    if routed:
        record_evidence(f"desde fuera, por una ruta trazada hasta ellos, {outside}")
    if unrouted := sorted(targets.keys() - routed):
        record_evidence(f"desde fuera no hay ruta posible hasta {', '.join(unrouted)}: {complaint}")
    assert any(inside.values()), "ningún contenedor responde siquiera desde el servidor"
    assert not any(outside.values()), "un contenedor responde desde fuera"


@pytest.mark.clause("RED-01")
@pytest.mark.timing("a machine whose processors have no time for ssh makes the link seem slower")
@pytest.mark.xdist_group("outside")  # while it fills the link, an answer to the others' questions could be lost
def test_bandwidth(
    host: Host,
    variables: dict[str, Any],
    mirror: Mirror,
    base: str,
    target: Target,
    tmp_path: Path,
    expect: Expect,
    record_evidence: Record,
    attested: Callable[[str], None],
) -> None:
    """El enlace alcanza lo requerido en ambos sentidos: medido contra el Instituto o, si no se puede, con documento."""
    has_paper = bool(attestations(variables, "RED-01"))
    not_now = "" if "lab" in variables else _not_now(mirror, base, target, tmp_path)
    if not_now and not has_paper:
        pytest.skip(f"el enlace {not_now}")  # the clause is then not verified, which the dictamen says with this reason
    server = host.backend.ansible_runner.get_host(host.backend.host).backend
    if not_now or not isinstance(server, SshBackend):
        attested("RED-01")
        return
    required, address = expect("RED-01"), variables["difusor_public_address"]
    with turn("enlace"):  # the institute's own link carries one measurement at a time
        try:
            way = link.road(server, address)
            sends, gets = link.measure(server, required["payload_mbps"], way)
        except link.LinkError as error:
            # Nothing is known of the link then: the clause is not verified, unless a document vouches for it.
            missed = f"no se pudo medir el enlace por SSH hasta {address}, la dirección pública: {error}"
            if not has_paper:
                pytest.skip(f"{missed}. {OTHERWISE}")
            record_evidence(missed)
            attested("RED-01")
            return
    where = ", en la red virtual del laboratorio" if "lab" in variables else ""
    record_evidence(
        f"con ssh de OpenSSH hasta {address}, puerto {way.port}, {link.STREAMS} conexiones a la vez: el servidor "
        f"envía {sends.mbps:.0f} Mbps ({sends.carried / 1e6:.0f} MB en {sends.seconds:.1f} s) y recibe {gets.mbps:.0f} "
        f"Mbps ({gets.carried / 1e6:.0f} MB en {gets.seconds:.1f} s) contra el Instituto{where}"
    )
    least = min(sends.mbps, gets.mbps)
    assert least >= required["payload_mbps"], (
        f"un sentido lleva {least:.0f} Mbps de datos; un enlace de {required['mbps']} Mbps lleva "
        f"{required['payload_mbps']} y el resto son cabeceras. Si ningún difusor lo alcanza, el límite es el enlace "
        "desde el que se mide"
    )


def _not_now(mirror: Mirror, base: str, target: Target, folder: Path) -> str:
    """Return why the link is not measured now, by the election's window and by the one signed with the shown corte.

    Not by what the server says of its hours: one that never closes would never be measured.
    """
    shown = papers(mirror, base, folder)
    is_known = shown and is_signed(shown, target) and is_of(shown.manifest, target.election)
    return link.results_are_out(target.election.window, shown.manifest if is_known else None, instants.now())


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
