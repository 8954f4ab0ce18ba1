"""nginx asked on the server itself: certificate, methods, headers, limits, log of refusals, restart after a failure."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from clock_fixtures import Now
from cryptography import x509
from testinfra.host import Host
from web_fixtures import STATUS, get, headers_of

from difusor.inventory.excepted import INSPECTED
from difusor.servers.limits import LOGGED
from difusor.servers.rawhttp import send
from difusor.suite.waiting import until

Expect = Callable[[str], dict[str, Any]]
Record = Callable[[object], None]
Answer = dict[str, Any]
# A flood that exceeds what the WAF's road admits and lets wait. All its requests are sent before any answer is read, so
# each connection sends only as many as have room for their answers in its buffers.
FLOOD_CONNECTIONS = 300  # more requests at once than the limit lets wait, however slowly the server answers them
FLOOD_AHEAD = 1
FLOODS = 6  # at most: a busy server may answer so slowly that a single flood does not reach the limit


@pytest.mark.criterion("DG-02")
def test_certificate_lasts_and_is_watched(
    host: Host, variables: dict[str, Any], criteria: dict[str, Any], now: Now, record_evidence: Record
) -> None:
    """Al certificado le quedan días suficientes y el servidor lo vigila a diario."""
    name, days = variables["difusor_fqdn"], criteria["certificate_days"]
    shown = "openssl s_client -connect 127.0.0.1:443 -servername %s </dev/null 2>/dev/null | openssl x509"
    certificate = x509.load_pem_x509_certificate(host.check_output(shown, name).encode())
    left = certificate.not_valid_after_utc - now()
    record_evidence(f"le quedan {left.days} días")
    assert left.days >= days, f"al certificado le quedan {left.days} días de {days}"
    assert host.service("prep-certificate.timer").is_running
    assert host.service("prep-certificate.timer").is_enabled


@pytest.mark.xdist_group("limits")
@pytest.mark.clause("RED-07")
def test_only_reading_is_possible(host: Host, variables: dict[str, Any], record_evidence: Record) -> None:
    """Solo se admiten GET y HEAD, sin cuerpo; los demás métodos se cierran sin llegar a la aplicación."""
    name, path = variables["difusor_fqdn"], variables["difusor_path"]
    methods = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "GETX", "GET"]
    requests = [f"{each} {path} HTTP/1.1\r\nHost: {name}\r\nContent-Length: 3\r\n\r\na=b" for each in methods]
    answers = dict(zip(methods, send(host, variables, requests), strict=True))
    record_evidence({method: answer["statuses"] or "sin respuesta" for method, answer in answers.items()})
    assert all(not answer["statuses"] or answer["statuses"][0] in (400, 405) for answer in answers.values())


@pytest.mark.xdist_group("limits")
@pytest.mark.criterion("DG-04")
def test_browsers_run_nothing_from_elsewhere(host: Host, variables: dict[str, Any], record_evidence: Record) -> None:
    """La página solo puede cargar lo que sirve este mismo sitio, y nadie puede enmarcarla: cabeceras de seguridad."""
    (answer,) = send(host, variables, [get(variables["difusor_fqdn"], variables["difusor_path"])])
    record_evidence(answer["head"])
    headers = headers_of(answer)
    assert headers["content-security-policy"].startswith("default-src 'self';")
    assert "unsafe" not in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["server"] == "nginx", "la cabecera Server dice la versión"


@pytest.mark.xdist_group("limits")
@pytest.mark.criterion("DG-07")
def test_status_is_public_and_fresh(host: Host, variables: dict[str, Any], record_evidence: Record) -> None:
    """El estado público del espejo se puede consultar siempre y nadie lo guarda en caché."""
    (answer,) = send(host, variables, [get(variables["difusor_fqdn"], STATUS)])
    assert answer["statuses"] == [200]
    record_evidence(f"compuerta: {json.loads(answer['body'])['gate']['state']}")
    assert headers_of(answer)["cache-control"] == "no-store"


@pytest.mark.xdist_group("limits")
@pytest.mark.clause("RED-06")
def test_flood_from_one_address_is_cut(
    host: Host, variables: dict[str, Any], expect: Expect, record_evidence: Record
) -> None:
    """Una ráfaga de solicitudes caras desde una dirección se recorta, y a ella se le sigue sirviendo la página."""
    name, path = variables["difusor_fqdn"], variables["difusor_path"]
    dear = get(name, f"{INSPECTED}?revision=1").replace("GET", "HEAD", 1)
    statuses: Counter[int] = Counter()
    page = send(host, variables, [get(name, path)])[0]["statuses"]
    refused = floods = 0
    while not refused and floods < FLOODS:
        floods += 1
        answers = send(host, variables, [dear] * FLOOD_CONNECTIONS, ahead=FLOOD_AHEAD)
        statuses.update(status for answer in answers for status in answer["statuses"])
        refused = sum(statuses[status] for status in expect("RED-06")["refused_status"])
    cheap = [answer["statuses"] for answer in send(host, variables, [get(name, STATUS), get(name, path)])]
    record_evidence(f"{floods * FLOOD_CONNECTIONS * (FLOOD_AHEAD + 1)} solicitudes: {dict(statuses)}; después, {cheap}")
    assert refused > 0
    assert statuses[200] > 0, "el límite no deja pasar ni lo permitido"
    assert cheap == [[200], page], "la misma dirección ya no recibe la página"


@pytest.mark.clause("RED-06")
def test_slow_clients_are_disconnected(host: Host, variables: dict[str, Any], record_evidence: Record) -> None:
    """A quien empieza una solicitud y no la termina se le cierra la conexión."""
    begun = f"GET {variables['difusor_path']} HTTP/1.1\r\nHost: {variables['difusor_fqdn']}\r\nX-Slow: "
    (answer,) = send(host, variables, [begun])
    record_evidence(f"cerrada por el servidor, {answer['statuses'] or 'sin respuesta'}")
    assert not answer["statuses"] or answer["statuses"] == [408]
    assert answer["closed"], "el servidor no cerró la conexión"


@pytest.mark.clause("RED-06")
def test_kernel_survives_syn_floods(host: Host, record_evidence: Record) -> None:
    """El núcleo responde con SYN cookies y la cola de conexiones de nginx es amplia."""
    cookies = host.sysctl("net.ipv4.tcp_syncookies")
    queue = int(host.check_output("ss -Hltn 'sport = :443' | awk '{print $3}' | sort -n | head -n 1"))
    record_evidence(f"tcp_syncookies={cookies}, cola={queue}")
    assert cookies == 1
    assert queue >= 4096


@pytest.mark.criterion("RED-06")
def test_nginx_returns_by_itself(host: Host, record_evidence: Record) -> None:
    """nginx arranca con el servidor y vuelve solo si termina."""
    nginx = host.service("nginx")
    restart = host.check_output("systemctl show --property Restart --value nginx.service")
    record_evidence(f"activo={nginx.is_running}, al arranque={nginx.is_enabled}, Restart={restart}")
    assert nginx.is_running
    assert nginx.is_enabled
    assert restart == "always"


@pytest.mark.xdist_group("limits")
@pytest.mark.clause("RED-03")
def test_refusals_are_logged_with_cause_and_address(
    host: Host, variables: dict[str, Any], record_evidence: Record
) -> None:
    """De lo que rechaza, nginx deja dicho en la bitácora la causa y la dirección verdadera, sin texto ajeno."""
    name, base = variables["difusor_fqdn"], variables["difusor_path"]
    since = host.check_output("date +%s")
    if send(host, variables, [get(name, base)])[0]["statuses"] == [503]:
        pytest.skip("la compuerta está cerrada: todo recibe el aviso de espera")
    send(host, variables, [get(name, f"{INSPECTED}?q=%3Cscript%3Ealert(1)%3C/script%3E")])
    # nginx logs a request after it has answered it, so the line may come later.
    journal = "journalctl --sync && journalctl --since=@%s --identifier=nginx_refused --output=cat"

    def look() -> list[str]:
        """Search for programs as often as it takes: nginx notes one of so many searches, by lot."""
        send(host, variables, [get(name, f"{base}x/wp-login.php")], ahead=LOGGED)
        return host.check_output(journal, since).splitlines()

    told = until(
        look,
        lambda lines: {"127.0.0.1 scanner", "127.0.0.1 waf"} <= set(lines),
        what="nginx deje dicho lo que rechazó",
    )
    # Files of rsyslog, where it is installed, must not get these lines: only the journal limits their number.
    logs = "/var/log/syslog /var/log/messages /var/log/daemon.log"
    copies = host.run(f"grep --files-with-matches --no-messages nginx_refused {logs}").stdout
    record_evidence(sorted(set(told)))
    assert not copies
    assert all(re.fullmatch(r"[0-9a-f.:]+ (?:waf|limit|method|scanner)", line) for line in told)
