"""Logs of the outlet's own sites, which share the page's nginx: written, sent on and rotated as before the project."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from testinfra.host import Host
from web_fixtures import get

from difusor.servers.rawhttp import send
from difusor.suite.waiting import until

Record = Callable[[object], None]
pytestmark = pytest.mark.criterion("RED-06")

SITE, PORT = "/etc/nginx/conf.d/diario.conf", 8099
TEXT = """server {
    listen 127.0.0.1:8099;
    server_name diario.example;
    root /var/www/diario;
    access_log /var/log/nginx/diario.log;
}
"""
FILTER = "/etc/rsyslog.d/10-prep-difusor.conf"
HOOK, RAN = "/etc/logrotate.d/httpd-prerotate/diario", "/run/prueba-antes-de-rotar"
HOOKED = f"install -d {HOOK.rpartition('/')[0]} && printf '#!/bin/sh\\ntouch {RAN}\\n' >{HOOK} && chmod 755 {HOOK}"
RUN = "logrotate --force --state /run/prueba-rotacion /etc/logrotate.d/nginx"
ASK = "import sys, urllib.error, urllib.request as r\ntry: r.urlopen(sys.argv[1])\nexcept urllib.error.HTTPError: pass"


@pytest.fixture
def visit(host: Host) -> Iterator[Callable[[str], None]]:
    """Return a function that asks a site of the outlet's for a file that it lacks; the site goes afterwards."""
    host.check_output("printf %%s %s >%s && nginx -t -q && systemctl reload nginx.service", TEXT, SITE)

    def ask(mark: str) -> None:
        until(
            lambda: host.run(f"python3 -c %s http://127.0.0.1:{PORT}/%s", ASK, mark).succeeded, what="el sitio responda"
        )

    yield ask
    host.check_output(f"rm -f {SITE} && nginx -t -q && systemctl reload nginx.service")
    host.check_output(f"rm -rf /var/log/nginx/diario.log* {HOOK} {RAN} /run/prueba-rotacion")
    host.run("rmdir --ignore-fail-on-non-empty /etc/logrotate.d/httpd-prerotate")


@pytest.fixture
def mark(host: Host) -> str:
    """Return a word that no log has yet."""
    return f"marca{host.check_output('date +%s%N')}"


def test_errors_of_the_owners_sites_are_where_he_looks_for_them_and_the_pages_are_not(
    host: Host, variables: dict[str, Any], visit: Callable[[str], None], mark: str, record_evidence: Record
) -> None:
    """Los errores de los sitios del difusor siguen en /var/log/nginx/error.log; los de la página, en el journal."""
    visit(f"suyo-{mark}")
    asked = get(variables["difusor_fqdn"], f"/.well-known/acme-challenge/pagina-{mark}")
    assert send(host, variables, [asked], port=80)[0]["statuses"] == [404]
    told = until(
        lambda: host.run("journalctl --sync; journalctl --identifier=nginx_prep --output=cat | grep %s", mark).stdout,
        what="nginx deje dicho el error de la página",
    )
    error = until(
        lambda: host.run("grep %s /var/log/nginx/error.log", f"suyo-{mark}").stdout, what="nginx anote el del sitio"
    )
    record_evidence(f"{error} {told}")
    assert f"pagina-{mark}" in told and f"suyo-{mark}" not in told
    files = "/var/log/nginx/error.log /var/log/syslog /var/log/messages /var/log/daemon.log"
    assert not host.run(f"grep --files-with-matches --no-messages %s {files}", f"pagina-{mark}").stdout


def test_rsyslog_sends_on_what_the_owner_logs(host: Host, mark: str, record_evidence: Record) -> None:
    """rsyslog, donde lo hay, sigue copiando lo que se anota con el nombre nginx; lo de la página no."""
    if not host.package("rsyslog").is_installed:
        record_evidence("este servidor no tiene rsyslog")
        assert not host.file(FILTER).exists
        return
    for tag in ("nginx_prep", "nginx_refused", "nginx", "nginx_diario"):
        host.check_output("logger --tag %s %s", tag, f"{mark}-{tag}")
    found = until(
        lambda: host.run("grep --no-filename --only-matching %s /var/log/syslog", f"{mark}-.*").stdout.split(),
        lambda lines: f"{mark}-nginx_diario" in lines,
        what="rsyslog copie lo del difusor",
    )
    record_evidence(found)
    assert found == [f"{mark}-nginx", f"{mark}-nginx_diario"]


def test_the_owners_logs_are_rotated_as_the_package_says(
    host: Host, visit: Callable[[str], None], mark: str, record_evidence: Record
) -> None:
    """La rotación del paquete corre sus avisos previos, guarda la bitácora del difusor y no toca la de la página."""
    visit(f"antes-{mark}")
    until(lambda: host.run("grep %s /var/log/nginx/diario.log", mark).stdout, what="nginx anote la visita")
    host.check_output(HOOKED)
    page = host.check_output("stat --format=%i /var/log/nginx/prep/access.log")
    host.check_output(RUN)
    visit(f"despues-{mark}")
    after = until(lambda: host.run("grep %s /var/log/nginx/diario.log", mark).stdout, what="nginx anote la siguiente")
    kept = host.check_output("cat /var/log/nginx/diario.log.1")
    stanza = hashlib.md5(host.file("/etc/logrotate.d/nginx").content).hexdigest()
    packaged = host.check_output("dpkg-query --show --showformat '${Conffiles}' nginx-common")
    timer = host.check_output("systemctl show logrotate.timer --property TimersCalendar --value")
    record_evidence(f"{timer}; {after}")
    assert host.file(RAN).exists
    assert f"antes-{mark}" in kept and f"antes-{mark}" not in after and f"despues-{mark}" in after
    assert f"/etc/logrotate.d/nginx {stanza}" in packaged
    assert host.check_output("stat --format=%i /var/log/nginx/prep/access.log") == page
    assert "*:00/2:00" not in timer
