"""Fixtures that scan all TCP ports of the server's addresses from a vantage point, and routes to its containers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from testinfra.backend.ssh import SshBackend
from testinfra.host import Host

from difusor.servers import portscan
from difusor.spec import Spec
from difusor.suite import link, machine, ports

Record = Callable[[object], None]
SCANNER = Path(portscan.__file__).read_text(encoding="utf-8")
EVERY_PORT = "1-65535"
WAIT = 2.6  # seconds for an answer; TCP sends its second attempt after one second, new kernels a third after two
WAIT_IN_LAB = 0.9
"""Seconds for an answer to one attempt where the lab's server is a container. Its virtual network loses only what
overfills a queue, and a known port in every volley notices that; the second and third attempts at all silent ports
would be a third of a scan. An emulated machine may take longer to answer.
"""


@pytest.fixture(scope="module")
def own_addresses(host: Host) -> tuple[list[str], list[str]]:
    """Return the server's addresses that are scanned besides the public one, and those that are not."""
    told = [host.check_output(f"ip -json {family} route show default") or "[]" for family in ("-4", "-6")]
    hops = [hop for text in told for route in json.loads(text) for hop in (route, *route.get("nexthops", []))]
    links = json.loads(host.check_output("ip -json address show scope global"))
    return machine.reachable(links, {hop["dev"] for hop in hops if "dev" in hop})


@pytest.fixture
def entry(
    host: Host, trusted: Host, variables: dict[str, Any], own_addresses: tuple[list[str], list[str]]
) -> tuple[str, bool]:
    """Return (the server's private address by which this machine comes in, if any; whether another one leads it there).

    Only of this machine that is known: for another vantage point the address may be somebody else's.
    """
    server = host.backend.ansible_runner.get_host(host.backend.host).backend
    if trusted.backend.get_connection_type() != "local" or not isinstance(server, SshBackend):
        return "", False
    try:
        addresses, is_led = link.way_in(server)
    except link.LinkError:
        return "", False
    found = addresses.intersection(own_addresses[1]) - {variables["difusor_public_address"]}
    return min(found, default="") if not is_led else "", is_led


@pytest.fixture
def every_port(
    variables: dict[str, Any], own_addresses: tuple[list[str], list[str]], call: Spec, record_evidence: Record
) -> Callable[..., dict[str, list[int]]]:
    """Return a function that scans every address from a vantage point, and says which was left out.

    What nobody scans may have anything open.
    """
    scanned, private = own_addresses

    def scanned_from(vantage: Host, *more: str) -> dict[str, list[int]]:
        found = scan_every_port(vantage, variables, [*scanned, *more], call.web_ports)
        if inner := [each for each in private if each not in found]:
            record_evidence(f"no se recorren {', '.join(inner)}: no son públicas")
        if unrouted := [each for each in scanned if each not in found]:
            record_evidence(f"no se recorren {', '.join(unrouted)}: el punto de observación no tiene ruta hasta ahí")
        return found

    return scanned_from


@pytest.fixture
def open_to_anyone(untrusted: Host, every_port: Callable[..., dict[str, list[int]]]) -> dict[str, list[int]]:
    """Return every TCP port that answers the untrusted vantage point, by address."""
    return every_port(untrusted)


@pytest.fixture
def open_to_trusted(
    trusted: Host, entry: tuple[str, bool], every_port: Callable[..., dict[str, list[int]]]
) -> dict[str, list[int]]:
    """Return every TCP port that answers the trusted vantage point, by address."""
    return every_port(trusted, *filter(None, entry[:1]))


def scan(vantage: Host, targets: dict[str, str], known: str = "", wait: float = WAIT) -> dict[str, list[int]]:
    """Scan each address's ports, all addresses at the same time: a scan of a silent firewall is mostly waiting."""

    def one(target: tuple[str, str]) -> list[int]:
        found: list[int] = json.loads(
            vantage.check_output("python3 -c %s %s %s %s %s", SCANNER, *target, str(wait), known)
        )
        return found

    with ThreadPoolExecutor() as pool:
        return dict(zip(targets, pool.map(one, targets.items()), strict=True))


def scan_every_port(vantage: Host, variables: dict[str, Any], more: list[str], web: list[int]) -> dict[str, list[int]]:
    """Scan every port of the public address, and of the addresses in `more` to which the vantage point has a route.

    The test is skipped where an address answered on the web ports, and not any more during the scan: that other ports
    said nothing then proves nothing.
    """
    routed = [each for each in more if vantage.run("ip route get %s", each).succeeded]
    addresses = [variables["difusor_public_address"], *routed]
    known, wait = ",".join(map(str, web)), WAIT_IN_LAB if variables.get("lab_server") == "host" else WAIT
    reached = scan(vantage, dict.fromkeys(addresses, known), known, wait)
    found = scan(vantage, dict.fromkeys(addresses, EVERY_PORT), known, wait)
    for address in addresses:
        if reached[address] and not found[address]:
            pytest.skip(f"{address} dejó de contestarle al punto de observación durante el recorrido de los puertos")
    return found


def whose(host: Host, vantage: Host, extra: dict[str, set[int]], web: list[int]) -> tuple[set[int], str]:
    """Return those of the ports in `extra` at which the server itself answers, and why nothing is known of the others.

    The vantage point asks once more, and asks addresses that nobody has; the server says what waits there.
    """
    asked = {address: ",".join(map(str, ports.sample(found))) for address, found in extra.items()}
    for address, named in [*asked.items()]:
        nobodys = ports.nobodys(address)
        asked[nobodys] = f"{asked[nobodys]},{named}" if nobodys in asked else named
    again = scan(vantage, asked, ",".join(map(str, web)))
    told = [host.check_output(command) for command in (ports.SOCKETS, ports.TRANSLATIONS)]
    return ports.whose(extra, again, *told)


@contextmanager
def routes(vantage: Host, destinations: list[str], gateway: str) -> Iterator[tuple[list[str], str]]:
    """Route the vantage point's traffic to `destinations` through the server.

    Yield those whose route leads there, and why others' does not: to them the vantage point, which may have a Docker of
    its own, would ask another machine that happens to have the server's private address.
    """
    made = [vantage.run("ip route add %s via %s", destination, gateway) for destination in destinations]
    shown = {each: vantage.run("ip route get %s", each).stdout for each in destinations}
    complaints = dict.fromkeys(each.stderr.strip() for each in made if each.failed)
    try:
        yield [each for each in destinations if f" via {gateway} " in shown[each]], "; ".join(complaints)
    finally:
        for destination, added in zip(destinations, made, strict=True):
            if added.succeeded:
                vantage.run("ip route delete %s via %s", destination, gateway)
