"""The edge: encrypted, for the known names only, read-only, bounded, and silent while the gate is closed."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from testinfra.host import Host

from difusor.servers.rawhttp import send
from difusor.suite.waiting import until

Expect = Callable[[str], dict[str, Any]]
Record = Callable[[object], None]
Answer = dict[str, Any]
STATUS = "/.well-known/prep/estado.json"
STRANGER = "otro-sitio.example"
# Enough for any burst that is allowed: what a flood's first instant looks like. The answers to so many requests on one
# connection wait in its buffers until they are read.
FLOOD_CONNECTIONS = 24
FLOOD_LENGTH = 100
FLOODS = 6  # at most: a server that is busy with something else may not even answer as fast as its limit allows
HANDSHAKE = """
import json, socket, ssl, sys, warnings
warnings.simplefilter("ignore")
found = {}
for version in ("TLSv1", "TLSv1_1", "TLSv1_2", "TLSv1_3"):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    try:
        with socket.create_connection((sys.argv[1], 443), timeout=15) as plain:
            with context.wrap_socket(plain, server_hostname=sys.argv[2]) as connection:
                found[version.replace("_", ".")] = connection.cipher()[0]
    except ssl.SSLError as error:
        found[version.replace("_", ".")] = error.reason
print(json.dumps(found))
"""


@pytest.mark.clause("DG-02")
def test_plain_http_leads_to_https(untrusted: Host, variables: dict[str, Any], record_evidence: Record) -> None:
    """Quien llega por HTTP es enviado a la misma dirección por HTTPS."""
    name, path = variables["difusor_fqdn"], f"{variables['difusor_path']}index.html"
    (answer,) = send(untrusted, variables, [get(name, path)], port=80)
    record_evidence(answer["head"].splitlines()[0])
    assert answer["statuses"] == [301]
    assert f"location: https://{name}{path}" in answer["head"].lower()


@pytest.mark.clause("DG-02")
def test_old_encryption_is_refused(
    untrusted: Host, variables: dict[str, Any], expect: Expect, record_evidence: Record
) -> None:
    """El servidor acepta TLS desde la versión exigida y rechaza toda versión anterior."""
    address, name = variables["difusor_public_address"], variables["difusor_fqdn"]
    found = json.loads(untrusted.check_output("python3 -c %s %s %s", HANDSHAKE, address, name))
    record_evidence(found)
    floor = expect("DG-02")["tls_floor"]
    for version, result in found.items():
        if version >= floor:
            assert result.startswith(("TLS_", "ECDHE-")), f"{version}: {result}"
        else:
            assert "ALERT_PROTOCOL_VERSION" in result, f"{version} no fue rechazado por el servidor: {result}"


@pytest.mark.clause("DG-02")
def test_certificate_is_for_this_name_and_lasts(
    host: Host, variables: dict[str, Any], expect: Expect, record_evidence: Record
) -> None:
    """El certificado es para el nombre de la página, le quedan días suficientes y el servidor lo vigila a diario."""
    name, days = variables["difusor_fqdn"], expect("DG-02")["certificate_days"]
    shown = "openssl s_client -connect 127.0.0.1:443 -servername %s </dev/null 2>/dev/null | openssl x509"
    certificate = x509.load_pem_x509_certificate(host.check_output(shown, name).encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    record_evidence(f"{names.get_values_for_type(x509.DNSName)}, le quedan {left.days} días")
    assert name in names.get_values_for_type(x509.DNSName)
    assert left.days >= days
    assert host.service("prep-certificate.timer").is_running
    assert host.service("prep-certificate.timer").is_enabled


@pytest.mark.clause("RED-07")
def test_unknown_names_get_no_answer(untrusted: Host, variables: dict[str, Any], record_evidence: Record) -> None:
    """Una solicitud con un nombre ajeno, en el saludo TLS o en Host, se queda sin respuesta."""
    name, path = variables["difusor_fqdn"], variables["difusor_path"]
    requests = [get(STRANGER, path), get(f"{name}.{STRANGER}", path), f"GET {path} HTTP/1.0\r\n\r\n"]
    answers = (
        send(untrusted, variables, requests)
        + send(untrusted, variables, requests, server_name=STRANGER)
        + send(untrusted, variables, requests, port=80)
    )
    record_evidence(
        f"{len(answers)} solicitudes con nombres ajenos: {sum(not a['statuses'] for a in answers)} sin respuesta"
    )
    assert not any(answer["statuses"] for answer in answers)


@pytest.mark.xdist_group("limits")
@pytest.mark.clause("RED-07")
def test_only_reading_is_possible(host: Host, variables: dict[str, Any], record_evidence: Record) -> None:
    """Solo se admiten GET y HEAD; los demás métodos se cierran sin llegar a la aplicación."""
    name, path = variables["difusor_fqdn"], variables["difusor_path"]
    methods = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "GETX"]
    requests = [f"{each} {path} HTTP/1.1\r\nHost: {name}\r\nContent-Length: 3\r\n\r\na=b" for each in methods]
    answers = dict(zip(methods, send(host, variables, requests), strict=True))
    record_evidence({method: answer["statuses"] or "sin respuesta" for method, answer in answers.items()})
    assert all(not answer["statuses"] or answer["statuses"][0] in (400, 405) for answer in answers.values())


@pytest.mark.xdist_group("limits")
@pytest.mark.clause("DG-04")
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
@pytest.mark.clause("DG-07")
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
    """Una ráfaga desde una sola dirección se recorta: lo que excede el límite recibe un rechazo barato."""
    text = get(variables["difusor_fqdn"], STATUS).replace("GET", "HEAD", 1)
    statuses: Counter[int] = Counter()
    refused = floods = 0
    while not refused and floods < FLOODS:
        floods += 1
        answers = send(host, variables, [text] * FLOOD_CONNECTIONS, ahead=FLOOD_LENGTH)
        statuses.update(status for answer in answers for status in answer["statuses"])
        refused = sum(statuses[status] for status in expect("RED-06")["refused_status"])
    record_evidence(f"{floods * FLOOD_CONNECTIONS * FLOOD_LENGTH} solicitudes: {dict(statuses)}")
    assert refused > 0
    assert statuses[200] > 0, "el límite no deja pasar ni lo permitido"


@pytest.mark.clause("RED-06")
def test_slow_clients_lose_their_place(host: Host, variables: dict[str, Any], record_evidence: Record) -> None:
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


@pytest.mark.lab
@pytest.mark.clause("RED-06")
def test_a_flood_does_not_fill_the_disk_with_logs(host: Host, record_evidence: Record) -> None:
    """Toda bitácora tiene un tope: la de nginx se corta por tamaño cada diez minutos."""
    log, limit = "/var/log/nginx/access.log", host.check_output("sed -n 's/ *maxsize //p' /etc/logrotate.d/nginx")
    every = host.check_output("systemctl show logrotate.timer --property TimersCalendar --value")
    host.check_output(f"truncate --size=+{limit} {log} && systemctl start logrotate.service")
    size = host.file(log).size
    host.check_output(f"find {log}-* -newer /etc/logrotate.d/nginx -mmin -1 -delete")
    containers = host.check_output(
        "docker inspect --format '{{index .HostConfig.LogConfig.Config \"max-size\"}}' $(docker ps -q)"
    )
    journal = host.check_output(
        "systemd-analyze cat-config systemd/journald.conf | sed -n 's/^SystemMaxUse=//p' | tail -n 1"
    )
    record_evidence(f"nginx {limit}, {every}; contenedores {containers.split()}; journal {journal}")
    assert size < 10_000_000
    assert "*:00/10:00" in every
    assert all(re.fullmatch(r"\d+m", each) for each in containers.split())
    assert re.fullmatch(r"\d+[MG]", journal)


@pytest.mark.clause("RED-06")
def test_nginx_returns_by_itself(host: Host, record_evidence: Record) -> None:
    """nginx arranca con el servidor y vuelve solo si falla."""
    nginx = host.service("nginx")
    restart = host.check_output("systemctl show --property Restart --value nginx.service")
    record_evidence(f"activo={nginx.is_running}, al arranque={nginx.is_enabled}, Restart={restart}")
    assert nginx.is_running
    assert nginx.is_enabled
    assert restart == "on-failure"


@pytest.fixture
def closed_gate(host: Host, variables: dict[str, Any]) -> Iterator[None]:
    """Keep the gate closed for the length of a test: its file goes with its service."""
    page = [get(variables["difusor_fqdn"], variables["difusor_path"])]
    before = send(host, variables, page)[0]["statuses"]
    host.check_output("systemctl stop prep-corte-gate.service")
    yield
    host.check_output("systemctl start prep-corte-gate.service")
    until(lambda: send(host, variables, page)[0]["statuses"], lambda now: now == before, what="la compuerta vuelva")


@pytest.mark.lab
@pytest.mark.xdist_group("outside")
@pytest.mark.clause("DG-05")
@pytest.mark.usefixtures("closed_gate")
def test_stopped_gate_shows_nothing(
    host: Host, variables: dict[str, Any], expect: Expect, record_evidence: Record
) -> None:
    """Con la compuerta detenida toda ruta da el aviso de espera, aunque esté en caché, y el estado calla."""
    name, base = variables["difusor_fqdn"], variables["difusor_path"]
    paths = ["", "index.html", "datos/corte.json", "datos/gubernatura.json", "descargas/", "corte.json", "?a=1", "nada"]
    answers = send(host, variables, [get(name, f"{base}{path}") for path in paths])
    status, notice = send(host, variables, [get(name, STATUS), get(name, f"{base}_aviso/aviso.css")])
    record_evidence({path or base: answer["statuses"] for path, answer in zip(paths, answers, strict=True)})
    for answer in answers:
        assert answer["statuses"] == [expect("DG-05")["closed_status"]]
        assert headers_of(answer)["retry-after"].isdigit()
        assert headers_of(answer)["cache-control"] == "no-store"
        assert "Los resultados aún no están a la vista" in answer["body"]
    assert status["statuses"] == [503]
    assert notice["statuses"] == [200]


def get(name: str, path: str) -> str:
    """Return a plain GET."""
    return f"GET {path} HTTP/1.1\r\nHost: {name}\r\nUser-Agent: dictamen\r\nAccept: */*\r\nConnection: close\r\n\r\n"


def headers_of(answer: Answer) -> dict[str, str]:
    """Return the headers of an answer, names in lower case."""
    lines = [line.partition(":") for line in answer["head"].splitlines()[1:]]
    return {name.strip().lower(): value.strip() for name, _, value in lines}
