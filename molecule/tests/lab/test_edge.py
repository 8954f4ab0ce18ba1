"""The edge with values that the lab does not have: behind a CDN, locked, with a certificate from ACME."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from testinfra.host import Host

from difusor.suite.waiting import until

Record = Callable[[object], None]
Site = Callable[..., str]


@pytest.mark.clause("RED-06", "RED-03")
def test_behind_a_cdn_locked_and_dynamic(
    host: Host, trusted: Host, untrusted: Host, site: Site, variables: dict[str, Any], record_evidence: Record
) -> None:
    """Tras una CDN solo a ella se le cree quién visita y nadie más llega.

    And a PREP that is declared open gets static names at once, and through the WAF all others and what it computes; the
    engine lists the files of its image, which is given by a registry's reference here, as the archive does.
    """
    cdn = next(each for each in untrusted.check_output("hostname -I").split() if ":" not in each)
    name, address = variables["difusor_fqdn"], variables["difusor_public_address"]
    mark = hashlib.sha256(os.urandom(8)).hexdigest()[:16]
    curl = "curl --silent --insecure --max-time 5 --output /dev/null --write-out '%%{http_code}' --resolve %s"
    ask = f"{curl} --header 'X-Forwarded-For: 203.0.113.9' --user-agent %s https://{name}/%s"
    tags = ("--tags", "nginx,ufw,fail2ban")
    values = {"difusor_cdn_ranges": [f"{cdn}/32"], "difusor_origin_lock": True}
    known = "grep 'location = /' /etc/nginx/sites-available/prep"
    listed = host.check_output(known)
    pulled = {"reference": f"registro.test/prep@sha256:{variables['difusor_prep_image']['sha256']}"}
    with _reloading(host):
        site({**values, "election_open_application": True, "difusor_prep_image": pulled}, *tags)
    try:
        asked_of_the_engine = host.check_output(known)
        through = untrusted.check_output(ask, f"{name}:443:{address}", f"cdn-{mark}", "")
        direct = trusted.check_output(ask, f"{name}:443:{address}", f"directo-{mark}", "")
        names = {
            "distrito": f"{variables['election_dynamic_paths'][0]['path']}casillas",
            "otro": "ajena",
            "fbclid": "ajena.html",
        }
        for argument, path in names.items():
            trusted.check_output(ask, f"{name}:443:{address}", "calculado", f"{path}?{argument}={mark}")
        six = untrusted.run(f"curl --silent --insecure --max-time 2 --ipv6 --output /dev/null https://{name}/")
    finally:
        with _reloading(host):  # workers that end write the last lines of their log
            site({}, *tags)
    logged = host.check_output("grep -hF %s /var/log/nginx/access.log", mark)
    visitors = {line.rpartition(f"-{mark}")[0].rpartition('"')[2]: line.split()[0] for line in logged.splitlines()}
    roads = {each[0]: each[1:] for each in re.findall(rf"\?(\w+)={mark} .* fast=(\d) .* upstream=(\S+)", logged)}
    record_evidence(f"por la CDN {through}, directo {direct}; vistos como {visitors}; caminos: {roads}")
    assert "/index.html" in listed and asked_of_the_engine == listed
    assert (through, direct) == ("200", "200")
    assert visitors["cdn"] == "203.0.113.9"
    assert visitors["directo"] in trusted.check_output("hostname -I").split()
    assert {argument: fast for argument, (fast, _) in roads.items()} == {"distrito": "0", "otro": "0", "fbclid": "1"}
    assert "-" not in [asked for _, asked in roads.values()], "a la aplicación abierta no se le preguntó"
    assert six.failed, "otra dirección llegó al origen"
    open_again = untrusted.run(f"curl --silent --insecure --max-time 5 --ipv6 --output /dev/null https://{name}/")
    assert open_again.succeeded


@contextmanager
def _reloading(host: Host) -> Iterator[None]:
    """After a block that reloads nginx, wait until its old workers have ended: the reload itself returns earlier."""
    workers = "pgrep --parent $(systemctl show --property MainPID --value nginx.service)"
    before = set(host.check_output(workers).split())
    yield
    until(
        lambda: before & set(host.check_output(workers).split()),
        lambda left: not left,
        what="se vayan los procesos de nginx que servían antes",
    )


@pytest.fixture
def authority(trusted: Host, host: Host) -> Iterator[str]:
    """Start an ACME authority on the institute's machine, have the server trust it; return its directory's address."""
    if trusted.run("apt-get -qq update && apt-get -qq install --yes --no-install-recommends pebble").failed:
        pytest.skip("esta distribución no tiene pebble, la autoridad ACME de pruebas")
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
    believed = "/usr/local/share/ca-certificates/acme.crt"
    host.check_output("echo %s >%s && update-ca-certificates", trusted.file("/run/acme.pem").content_string, believed)
    yield "https://instituto:14000/dir"
    trusted.check_output("systemctl stop acme.service")
    host.check_output("rm -r %s /etc/letsencrypt && update-ca-certificates", believed)


@pytest.mark.clause("DG-02")
def test_certificate_is_obtained_and_renewed(
    host: Host, site: Site, authority: str, variables: dict[str, Any], record_evidence: Record
) -> None:
    """El servidor obtiene por sí mismo su certificado de una autoridad ACME; nginx sirve el renovado y el ampliado."""
    shown = "openssl s_client -connect 127.0.0.1:443 </dev/null 2>/dev/null | openssl x509 -noout -issuer -serial"
    values = {"difusor_tls_mode": "acme", "nginx_acme_directory": authority}
    joins = f"prep-{variables['lab']}-difusor.prep-{variables['lab']}"
    with _reloading(host):
        site(values, "--tags", "packages,nginx")
    try:
        first = host.check_output(shown)
        host.check_output("certbot renew --quiet --force-renewal --no-random-sleep-on-renew")
        second = until(lambda: host.check_output(shown), lambda now: now != first, what="nginx sirva el renovado")
        site({**values, "difusor_aliases": [*variables["difusor_aliases"], joins]}, "--tags", "nginx")
        named = until(
            lambda: host.check_output(f"{shown} -ext subjectAltName"),
            lambda told: f"DNS:{joins}" in told,
            what=f"nginx sirva un certificado también para {joins}",
        )
    finally:
        with _reloading(host):
            site({}, "--tags", "nginx")
    record_evidence(f"{first}; renovado: {second}; ampliado: {named}")
    assert "Pebble" in first
    assert "Pebble" in second
    assert "Pebble" not in host.check_output(shown)
