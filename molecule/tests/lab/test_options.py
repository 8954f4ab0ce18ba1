"""What an inventory may ask for and the lab's does not: a CDN, an open application, ACME, and the sensor (Suricata).

A run of site.yml costs more than what these tests look at, so they share four: the first turns on the edge's options,
the second asks for rules that the sensor refuses, the third adds a name and the sensor, the last takes all back.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host
from web_fixtures import reloading

from difusor.servers.rawhttp import send
from difusor.suite.waiting import until

Record = Callable[[object], None]
Site = Callable[..., str]
EDGE = "nginx,ufw,fail2ban"
RULE = 'reject http any any -> any any (msg:"marca"; http.uri; content:"%s"; sid:9000001;)\n'
LOOK = "0000000000002000"  # CAP_NET_RAW
KNOWN = "grep 'location = /' /etc/nginx/sites-available/prep"
SHOWN = "openssl s_client -connect 127.0.0.1:443 </dev/null 2>/dev/null | openssl x509 -noout -issuer -serial"


@dataclass(frozen=True)
class Visits:
    """What visitors got from a server that is behind a CDN and locked, with an open application."""

    listed: str
    """The known files when the image is an archive, and"""
    listed_by_the_engine: str
    """when it was pulled from a registry."""
    through: str
    """The status by the CDN, and"""
    direct: str
    """without it."""
    visitors: dict[str, str]
    """The address that the log has of each of the two."""
    roads: dict[str, tuple[str, str]]
    """By a mark of the request, "1" for the fast road, and the upstream that answered."""
    another: bool
    """Whether an address that is not the CDN's got through."""


@dataclass(frozen=True)
class Certificates:
    """Issuer and serial of what nginx served at first, after a renewal, and after a name was added."""

    first: str
    renewed: str
    named: str


@dataclass(frozen=True)
class Sensor:
    """What the sensor saw of an attack, what it may do, and what the page answered while it ran and after it died."""

    alerts: list[dict[str, Any]]
    statuses: list[int]
    listeners: set[str]
    """Those that came with it."""
    process: str
    served: list[list[int]]


@dataclass(frozen=True)
class Options:
    """What was seen while the options were on, and after they were taken back."""

    visits: Visits
    certificates: Certificates | None
    """None where the distribution has no authority to test with."""
    sensor: Sensor | None
    """None where the distribution has no Suricata."""
    refusal: str
    """What the run with the wrong rules said."""
    open_again: bool
    """Whether any address gets through again."""
    issuer: str
    """Of the certificate that is served again."""
    renewing: str
    """What certbot would still renew."""
    left: list[str]
    """What is left of the sensor: packages, and paths."""


@pytest.fixture(scope="module")
def options(
    host: Host, trusted: Host, untrusted: Host, run_site: Site, authority: str, variables: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Options:  # fmt: skip
    """Turn the options on, use them, and take them back."""
    rules = tmp_path_factory.mktemp("rules")
    mark = hashlib.sha256(os.urandom(8)).hexdigest()[:16]
    edge = _edge(untrusted, variables) | (_acme(authority) if authority else {})
    has_sensor = host.run("apt-get --simulate install suricata").succeeded
    sensor = {"difusor_sensor": True, "difusor_sensor_rules": _pinned(rules / "marca.rules", RULE % mark)}
    wrong = {"difusor_sensor": True, "difusor_sensor_rules": _pinned(rules / "mala.rules", "alert sin sentido\n")}
    listed, start = host.check_output(KNOWN), _paths(host)
    try:
        with reloading(host):
            run_site(edge, "--tags", f"packages,{EDGE}")
        visits = _visit(host, trusted, untrusted, variables, listed, mark)
        packages, paths, listening = _packages(host), _paths(host), _listeners(host)
        with pytest.raises(AssertionError) as refused:
            run_site({**edge, **wrong}, "--tags", "suricata")
        assert not host.service("suricata").is_running
        if authority:
            first, renewed = _renew(host)
            edge["difusor_aliases"] = [*variables["difusor_aliases"], _joins(variables)]
        run_site({**edge, **(sensor if has_sensor else {})}, "--tags", "nginx,suricata")
        certificates = Certificates(first, renewed, _named(host, variables)) if authority else None
        seen = _provoke(host, untrusted, variables, mark, listening) if has_sensor else None
    finally:
        with reloading(host):  # workers that end write the last lines of their log
            run_site({}, "--tags", f"{EDGE},suricata")
    ask = f"curl --silent --insecure --max-time 5 --ipv6 --output /dev/null https://{variables['difusor_fqdn']}/"
    return Options(
        _logged(host, visits, mark), certificates, seen, str(refused.value), untrusted.run(ask).succeeded,
        host.check_output(SHOWN), host.run("ls /etc/letsencrypt/renewal/*.conf").stdout,
        sorted(_packages(host) - packages) + sorted(_paths(host) - paths - start),
    )  # fmt: skip


@pytest.mark.clause("RED-06", "RED-03")
def test_behind_a_cdn_locked_and_dynamic(options: Options, trusted: Host, record_evidence: Record) -> None:
    """Tras una CDN solo a ella se le cree quién visita y nadie más llega.

    And a PREP that is declared open gets static names at once, and through the WAF all others and what it computes; the
    engine lists the files of its image, which is given by a registry's reference here, as the archive does.
    """
    seen = options.visits
    record_evidence(
        f"por la CDN {seen.through}, directo {seen.direct}; vistos como {seen.visitors}; caminos: {seen.roads}"
    )
    assert "/index.html" in seen.listed and seen.listed_by_the_engine == seen.listed
    assert (seen.through, seen.direct) == ("200", "200")
    assert seen.visitors["cdn"] == "203.0.113.9"
    assert seen.visitors["directo"] in trusted.check_output("hostname -I").split()
    fast = {argument: fast for argument, (fast, _) in seen.roads.items()}
    assert fast == {"distrito": "0", "otro": "0", "fbclid": "1"}
    assert "-" not in [asked for _, asked in seen.roads.values()], "a la aplicación abierta no se le preguntó"
    assert not seen.another, "otra dirección llegó al origen"
    assert options.open_again


@pytest.mark.clause("DG-02")
def test_certificate_is_obtained_and_renewed(
    options: Options, variables: dict[str, Any], record_evidence: Record
) -> None:
    """El servidor obtiene por sí mismo su certificado de una autoridad ACME; nginx sirve el renovado y el ampliado."""
    seen = options.certificates
    if seen is None:  # Debian has it, and runs this test; a lab of another distribution may lack it
        pytest.skip("esta distribución no tiene pebble, la autoridad ACME de pruebas")
    record_evidence(f"{seen.first}; renovado: {seen.renewed}; ampliado: {seen.named}")
    assert "Pebble" in seen.first
    assert "Pebble" in seen.renewed and seen.renewed != seen.first
    assert f"DNS:{_joins(variables)}" in seen.named
    assert "Pebble" not in options.issuer
    assert options.renewing == "", "certbot lo renueva sin nginx, y fallaría dos veces al día"


def test_sensor_reports_an_attack_and_is_removed_completely(
    options: Options, untrusted: Host, record_evidence: Record
) -> None:
    """El sensor avisa de un ataque y de quién viene sin estorbarlo; muerto, la página sigue; apagado, no queda nada."""
    seen = options.sensor
    if seen is None:
        assert "ya no tiene el paquete suricata" in " ".join(options.refusal.split())
        return
    record_evidence(seen.alerts)
    assert "rechazó la nueva configuración, volvió la anterior" in " ".join(options.refusal.split())
    assert {alert["alert"]["signature"] for alert in seen.alerts} >= {"marca", "SURICATA HTTP missing Host header"}
    assert {alert["src_ip"] for alert in seen.alerts} <= set(untrusted.check_output("hostname -I").split())
    assert {alert["alert"]["action"] for alert in seen.alerts} == {"allowed"}
    assert seen.statuses == [400], "un visitante no recibió su respuesta"
    assert seen.listeners == set()
    assert re.search(r"^Uid:\t[1-9]", seen.process, re.MULTILINE)
    assert set(re.findall(r"^Cap(?:Prm|Eff|Bnd):\t(\w+)$", seen.process, re.MULTILINE)) == {LOOK}
    assert seen.served == [[200]] * 3
    assert options.left == []


# The CDN, its visitors, and the open application


def _edge(cdn: Host, variables: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a server that only the CDN reaches, with an open application from a registry."""
    address = next(each for each in cdn.check_output("hostname -I").split() if ":" not in each)
    pulled = {"reference": f"registro.test/prep@sha256:{variables['difusor_prep_image']['sha256']}"}
    return {
        "difusor_cdn_ranges": [f"{address}/32"],
        "difusor_origin_lock": True,
        "election_open_application": True,
        "difusor_prep_image": pulled,
    }


def _visit(host: Host, trusted: Host, untrusted: Host, variables: dict[str, Any], listed: str, mark: str) -> Visits:
    """Ask by the CDN and past it, and for what is static and computed; the log is read when its writers have ended."""
    name, address = variables["difusor_fqdn"], variables["difusor_public_address"]
    curl = "curl --silent --insecure --max-time 5 --output /dev/null --write-out '%%{http_code}' --resolve %s"
    ask = f"{curl} --header 'X-Forwarded-For: 203.0.113.9' --user-agent %s https://{name}/%s"
    through = untrusted.check_output(ask, f"{name}:443:{address}", f"cdn-{mark}", "")
    direct = trusted.check_output(ask, f"{name}:443:{address}", f"directo-{mark}", "")
    computed = f"{variables['election_dynamic_paths'][0]['path']}casillas"
    for argument, path in {"distrito": computed, "otro": "ajena", "fbclid": "ajena.html"}.items():
        trusted.check_output(ask, f"{name}:443:{address}", "calculado", f"{path}?{argument}={mark}")
    six = untrusted.run(f"curl --silent --insecure --max-time 2 --ipv6 --output /dev/null https://{name}/")
    return Visits(listed, host.check_output(KNOWN), through, direct, {}, {}, six.succeeded)


def _logged(host: Host, visits: Visits, mark: str) -> Visits:
    """Return the visits with what nginx's log says of them."""
    lines = host.check_output("zgrep -hF %s /var/log/nginx/prep/access.log*", mark)  # at midnight the logs are rotated
    visitors = {line.rpartition(f"-{mark}")[0].rpartition('"')[2]: line.split()[0] for line in lines.splitlines()}
    roads = {
        each[0]: (each[1], each[2]) for each in re.findall(rf"\?(\w+)={mark} .* fast=(\d) .* upstream=(\S+)", lines)
    }
    return replace(visits, visitors=visitors, roads=roads)


# The authority, and its certificates


@pytest.fixture(scope="module")
def authority(trusted: Host, host: Host) -> Iterator[str]:
    """Start an ACME authority on the institute's machine, have the server trust it; return its directory's address.

    An empty address where the distribution has no such authority.
    """
    install = "apt-get -qq update && apt-get -qq install --yes --no-install-recommends pebble"
    if trusted.run(f"command -v pebble || {{ {install}; }}").failed:  # Debian's images have it already
        yield ""
        return
    trusted.check_output(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=instituto "
        "-addext subjectAltName=DNS:instituto -keyout /run/acme.key -out /run/acme.pem 2>/dev/null"
    )
    settings = {"certificate": "/run/acme.pem", "privateKey": "/run/acme.key", "httpPort": 80, "tlsPort": 443}
    settings |= {"listenAddress": "[::]:14000", "managementListenAddress": "[::1]:15000"}
    trusted.check_output("echo %s >/run/acme.json", json.dumps({"pebble": settings}))
    trusted.check_output(
        "systemd-run --quiet --unit=acme --setenv=PEBBLE_VA_NOSLEEP=1 --setenv=PEBBLE_WFE_NONCEREJECT=0 "
        "pebble -config /run/acme.json"
    )
    until(
        lambda: trusted.run("curl --silent --show-error --insecure https://localhost:14000/dir"),
        lambda answer: answer.succeeded,
        what="la autoridad ACME responda",
    )
    # Only added to the list: update-ca-certificates links every authority anew, which takes two seconds of a processor.
    believed, before = "/etc/ssl/certs/ca-certificates.crt", "/run/ca-certificates.crt"
    host.check_output(f"cp --preserve {believed} {before}")
    host.check_output(f"echo %s >>{believed}", trusted.file("/run/acme.pem").content_string)
    yield "https://instituto:14000/dir"
    trusted.check_output("systemctl stop acme.service")
    host.check_output(f"mv {before} {believed} && rm -r /etc/letsencrypt")


def _acme(authority: str) -> dict[str, str]:
    return {"difusor_tls_mode": "acme", "nginx_acme_directory": authority}


def _joins(variables: dict[str, Any]) -> str:
    """Return the name that is added to the certificate: that of the server's container on the lab's network."""
    return f"prep-{variables['lab']}-difusor.prep-{variables['lab']}"


def _renew(host: Host) -> tuple[str, str]:
    """Renew the certificate by force; return what nginx serves before and after."""
    first = host.check_output(SHOWN)
    host.check_output("certbot renew --quiet --force-renewal --no-random-sleep-on-renew")
    return first, until(lambda: host.check_output(SHOWN), lambda now: now != first, what="nginx sirva el renovado")


def _named(host: Host, variables: dict[str, Any]) -> str:
    """Return what nginx serves once the certificate has the added name."""
    told: str = until(
        lambda: host.check_output(f"{SHOWN} -ext subjectAltName"),
        lambda told: f"DNS:{_joins(variables)}" in told,
        what=f"nginx sirva un certificado también para {_joins(variables)}",
    )
    return told


# The sensor


def _pinned(path: Path, text: str) -> dict[str, str]:
    """Write rules to a file; return its path and SHA-256 as the inventory gives them."""
    path.write_text(text)
    return {"file": str(path), "sha256": hashlib.sha256(text.encode()).hexdigest()}


def _provoke(host: Host, attacker: Host, variables: dict[str, Any], mark: str, listening: set[str]) -> Sensor:
    """Attack until the sensor tells; then end it in two ways, and ask for the page before and after each."""
    alerts, statuses = _attack(host, attacker, variables, mark)
    more = _listeners(host) - listening
    process = host.check_output("cat /proc/$(systemctl show --property=MainPID --value suricata)/status")
    served = [_page(attacker, variables)]
    for end in ("kill --signal=KILL", "stop"):
        host.check_output(f"systemctl {end} suricata.service")
        served.append(_page(attacker, variables))
    return Sensor(alerts, statuses, more, process, served)


def _attack(host: Host, attacker: Host, variables: dict[str, Any], mark: str) -> tuple[list[dict[str, Any]], list[int]]:
    """Send by plain HTTP what two rules match until the journal has both alerts; return them and the last statuses."""
    statuses: list[int] = []
    since = host.check_output("date +%s")
    journal = "journalctl --sync; journalctl --identifier=suricata_alert --since=@%s --output=cat"

    def attack() -> list[dict[str, Any]]:
        (answer,) = send(attacker, variables, [f"GET /?{mark} HTTP/1.1\r\nConnection: close\r\n\r\n"], port=80)
        statuses[:] = answer["statuses"]
        lines = host.check_output(journal, since).splitlines()
        return [alert for alert in map(json.loads, lines) if alert["dest_port"] == 80]

    told = until(attack, lambda alerts: len(alerts) >= 2, what="el sensor avise del ataque dos veces", every=1)
    return told, statuses


def _page(visitor: Host, variables: dict[str, Any]) -> list[int]:
    request = f"GET {variables['difusor_path']} HTTP/1.1\r\nHost: {variables['difusor_fqdn']}\r\nAccept: */*\r\n"
    statuses: list[int] = send(visitor, variables, [request + "Connection: close\r\n\r\n"])[0]["statuses"]
    return statuses


def _listeners(host: Host) -> set[str]:
    return set(host.check_output("ss -Hlntu | awk '{print $1, $5}'").splitlines())


def _packages(host: Host) -> set[str]:
    return set(host.check_output("dpkg-query --show").splitlines())


def _paths(host: Host) -> set[str]:
    """Return the paths that something may have left: all of /etc, and those with the sensor's name."""
    named = "find /run /usr /var -xdev -iname '*suricata*' -not -path '/var/cache/*'"
    certificates = "-not -path '/etc/letsencrypt/*'"  # those of the authority, which this is not about
    return set(host.check_output(f"find /etc {certificates}; {named}").splitlines())
