"""What citizens see when a part of the server fails: each part is stopped, the page asked for, the part restarted."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from patience import pausing, send_patiently
from testinfra.host import Host
from web_fixtures import declared, page_files, request

from difusor.inventory.excepted import INSPECTED
from difusor.servers.rawhttp import send
from difusor.suite.waiting import until

Record = Callable[[object], None]
Ask = Callable[[], dict[str, list[int]]]
pytestmark = pytest.mark.clause("DG-02")
# The reference application computes nothing: it answers 404, and by that one sees that it was asked.
SERVED = {"page": [200], "data": [200], "computed": [404], "inspected": [200]}
MANY = 60
"""Long requests, of which either container once wrote more than its pipe holds: 35 sufficed."""
FULL = ("/var/log/nginx", "/var/cache/nginx", "/var/lib/nginx")
"""The folders of the disk in which nginx writes."""
FILL = """
mkdir -p {0}; cd {0}
find . -type d | tar --no-recursion --files-from - --create --file /run/prueba.tar || test $? = 1
mount -t tmpfs -o size=128k,mode=0755 tmpfs {0}; cd {0}
tar --extract --preserve-permissions --file /run/prueba.tar; rm /run/prueba.tar
cat /dev/zero >full 2>/dev/null || true
"""
"""Puts a full file system with the same folders in the place of one of them.

With 1 tar ends when nginx put a file into a folder just then: only the folders themselves are copied.
"""
KEEPER = "prep-containers.service"
ENDED = (
    "chrony.service", "docker.service", "fail2ban.service", "nginx.service", "prep-clock.service",
    "prep-corte-gate.service", "rsync.service", "ssh.service", KEEPER,
)  # fmt: skip
LIFETIME = 10
"""Seconds that nginx keeps an answer of the application."""
BACK = 180.0
"""Seconds in which a container comes back, and is reached; Docker waits up to a minute between two starts."""
FORGET = """
import json, sys
with open(sys.argv[1], "r+") as file:
    known = json.load(file)
    known["State"].update(Running=False, Pid=0)
    file.seek(0)
    file.truncate()
    json.dump(known, file)
"""
"""Makes Docker, while it is stopped, take a container that runs for one that has ended."""


@pytest.fixture
def ask(host: Host, variables: dict[str, Any]) -> Iterator[Ask]:
    """Return a function that asks for a page (cached by now), the corte's data, and by the WAF for two more things.

    These are what the application computes, and the constant answer.

    Afterwards the fixture checks that everything is served as before.
    """
    base = variables["difusor_path"]
    paths = {"page": base, "data": f"{base}datos/corte.json", "inspected": INSPECTED}
    paths["computed"] = f"{declared(variables)[0]}casillas"

    def run() -> dict[str, list[int]]:
        texts = [
            f"GET {path} HTTP/1.1\r\nHost: {variables['difusor_fqdn']}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
            for path in paths.values()
        ]
        answers = send(host, variables, texts)
        return {name: answer["statuses"] for name, answer in zip(paths, answers, strict=True)}

    assert run() == SERVED
    yield run
    until(run, lambda found: found == SERVED, what="todo se sirva otra vez")


@pytest.mark.parametrize(("role", "lost"), [("waf", {"computed", "inspected"}), ("prep", {"computed"})])
def test_without_waf_or_application_the_site_goes_on(
    host: Host, ask: Ask, role: str, lost: set[str], record_evidence: Record
) -> None:
    """Con el WAF o la aplicación caídos siguen los datos y las páginas vistas; lo que pasaba por ellos se niega."""
    container = _container(host, role)
    host.check_output("systemctl stop %s && docker kill %s", KEEPER, container)
    try:
        found = ask()
    finally:
        host.check_output("docker start %s && systemctl start %s", container, KEEPER)
    record_evidence(found)
    assert found == SERVED | {name: [502] for name in lost}


def test_containers_that_docker_leaves_away_come_back(host: Host, ask: Ask, record_evidence: Record) -> None:
    """Vuelven solos el contenedor en pausa y el que Docker da por terminado aunque corre, que Docker ya no repone."""
    application, firewall = _container(host, "prep"), _container(host, "waf")
    identity = host.check_output("docker inspect --format={{.Id}} %s", application)
    host.check_output("systemctl stop docker.socket docker.service")
    host.check_output("python3 -c %s %s", FORGET, f"/var/lib/docker/containers/{identity}/config.v2.json")
    host.check_output(f"systemctl start docker.service && {{ {pausing(firewall)}; }}")
    wanted = dict.fromkeys((application, firewall), "running healthy")
    show = "docker inspect --format '{{.Name}} {{.State.Status}} {{.State.Health.Status}}' %s %s"

    def look() -> dict[str, str]:
        lines = host.check_output(show, application, firewall).splitlines()
        return dict(line.lstrip("/").split(" ", 1) for line in lines)

    until(look, lambda found: found == wanted, what="los dos contenedores corran sanos", within=BACK)
    until(ask, lambda found: found == SERVED, what="todo se sirva otra vez", within=BACK)
    said = host.check_output("journalctl --unit=%s --lines=4 --output=cat --no-pager", KEEPER)
    record_evidence(said)
    assert application in said


@pytest.mark.usefixtures("ask")
def test_services_that_somebody_ends_come_back(host: Host, record_evidence: Record) -> None:
    """Los servicios que alguien termina por error, como con `pkill nginx`, vuelven solos."""

    def processes() -> dict[str, str]:
        found = host.check_output(f"systemctl show --property=MainPID --value {' '.join(ENDED)}").split()
        return dict(zip(ENDED, found, strict=True))

    before = processes()
    assert "0" not in before.values(), before
    host.check_output(f"kill {' '.join(before.values())}")
    after = until(
        processes,
        lambda now: all(now[unit] not in ("0", pid) for unit, pid in before.items()),
        what="todos los servicios corran otra vez",
    )
    record_evidence(f"procesos antes: {before}; después: {after}")
    until(
        lambda: host.run(f"systemctl is-active {' '.join(ENDED)}").stdout.split(),
        lambda states: set(states) == {"active"},
        what="todos los servicios estén activos",
    )


def test_a_run_connects_the_application_again(
    host: Host, ask: Ask, run_site: Callable[..., str], record_evidence: Record
) -> None:
    """Si alguien desconecta del puente la aplicación, no se la alcanza hasta la siguiente ejecución."""
    _await_health(host)
    for interface in host.check_output("ls /sys/class/net/br-prep/brif").split():
        host.check_output("ip link set %s nomaster", interface)
    found = ask()
    run_site({}, "--tags", "docker,prep")
    back = ask()
    record_evidence(f"desconectada: {found}")
    assert found["computed"] in ([502], [504])
    assert back == SERVED


def test_without_room_on_the_disk_the_site_goes_on(
    host: Host, variables: dict[str, Any], ask: Ask, record_evidence: Record
) -> None:
    """Con el disco lleno todo se sigue sirviendo, también las páginas cuya copia caduca entretanto."""
    reopen = "systemctl kill --kill-who=main --signal=USR1 nginx.service"
    # Mount inside nginx's sandbox: a mount made outside may not be visible there.
    inside = "nsenter --mount --target $(systemctl show --property MainPID --value nginx.service)"
    files = [request(variables, name) for name in page_files(host, variables)]
    host.check_output(f"{inside} sh -c %s && {reopen}", "set -e" + "".join(map(FILL.format, FULL)))
    try:
        time.sleep(LIFETIME + 1)  # pace: by then all that nginx keeps has to be renewed
        found = ask()
        scripts = [answer["statuses"] for answer in send(host, variables, files)]
        room = host.check_output(f"{inside} df --output=avail {' '.join(FULL)} | tail -n +2").split()
    finally:
        host.check_output(f"{inside} umount --lazy {' '.join(FULL)} && {reopen}")
    record_evidence(f"{room} bytes libres: {found}, {scripts}")
    assert set(room) == {"0"}
    assert found == SERVED
    assert scripts == [[200]] * len(files)


def test_without_its_certificate_a_reload_changes_nothing(host: Host, ask: Ask, record_evidence: Record) -> None:
    """Sin certificado nginx dice cuál archivo falta y no arranca a medias; el que ya corre sigue sirviendo."""
    path = _certificate(host)
    host.check_output("mv %s %s.away", path, path)
    try:
        test = host.run("nginx -t")
        host.run("systemctl reload nginx.service")
        found = ask()
    finally:
        host.check_output("mv %s.away %s", path, path)
        host.check_output("systemctl reload nginx.service")
    record_evidence(f"{test.stderr.splitlines()[0]}; mientras tanto: {json.dumps(found)}")
    assert test.failed
    assert path in test.stderr
    assert found == SERVED


def test_a_certificate_about_to_end_raises_an_alarm(host: Host, record_evidence: Record) -> None:
    """Un certificado al que le quedan pocos días hace fallar a su vigía, y la bitácora dice por qué."""
    path, since = _certificate(host), host.check_output("date +%s")
    host.check_output("mv %s %s.away", path, path)
    try:
        make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=x -days 2"
        host.check_output(f"{make} -keyout %s -out %s 2>/dev/null", path, path)
        alarmed = host.run("systemctl start prep-certificate.service")
    finally:
        host.check_output("mv %s.away %s && systemctl start prep-certificate.service", path, path)
    journal = "journalctl --sync && journalctl --unit=prep-certificate.service --since=@%s --output=cat"
    told = host.check_output(journal, since)
    record_evidence(told)
    assert alarmed.failed
    assert "Certificate will expire" in told


def test_without_docker_the_corte_goes_on(host: Host, ask: Ask, record_evidence: Record) -> None:
    """Con Docker detenido los datos y las páginas vistas siguen; al volver, todo vuelve solo."""
    _await_health(host)
    host.check_output("systemctl stop docker.socket docker.service")
    try:
        found = ask()
    finally:
        host.check_output("systemctl start docker.service")
    record_evidence(found)
    assert (found["page"], found["data"]) == ([200], [200])


def test_without_docker_nothing_waits_for_its_log_to_be_read(
    host: Host, variables: dict[str, Any], ask: Ask, record_evidence: Record
) -> None:
    """Con Docker detenido, WAF y aplicación responden aunque hayan escrito más bitácora de la que alguien lee.

    A pipe to Docker holds 64 kB twice.
    """
    _await_health(host)
    attack, mark = "q=%3Cscript%3Ealert(1)%3C/script%3E", host.check_output("date +%s%N")
    junk = "&".join(f"a{number}={'x' * 380}" for number in range(4))
    paths = [f"{declared(variables)[0]}casillas?{junk}", f"{INSPECTED}?{attack}&{junk}"]
    firewall = _container(host, "waf")
    host.check_output("systemctl stop docker.socket docker.service")
    try:
        before = ask()  # Docker 20.10.5 (Debian 11) takes the application's port with it
        answers = send_patiently(host, variables, [request(variables, path) for path in paths for _ in range(MANY)])
        found = until(ask, lambda seen: [429] not in seen.values(), what="el límite dejara preguntar otra vez")
    finally:
        host.check_output("systemctl start docker.service")
    # Who is not there answers either way, by how long nginx has waited.
    away = {504: 502} if before["computed"] == [502] else {}
    statuses = Counter(away.get(status, status) for answer in answers for status in answer["statuses"])
    record_evidence(f"{dict(statuses)}; antes: {before}; después: {found}")
    assert statuses == {before["computed"][0]: MANY, 403: MANY}
    assert before["computed"] in ([404], [502])
    assert found == before == SERVED | {"computed": before["computed"]}
    send_patiently(host, variables, [request(variables, f"{INSPECTED}?{attack}&{mark}=1")])
    until(
        lambda: host.run("docker logs --tail 100 %s 2>&1 | grep --count %s", firewall, mark).stdout.strip(),
        lambda lines: lines not in ("", "0"),
        what="Docker lea otra vez la bitácora del WAF",
    )


def _await_health(host: Host) -> None:
    """Wait for the application's own check; Docker 20.10 checks it no more if it is restarted before the first one."""
    healthy = "docker ps --quiet --filter label=prep-difusor.role=prep --filter health=healthy"
    until(lambda: host.check_output(healthy), what="la aplicación se diga sana")


def _container(host: Host, role: str) -> str:
    return host.check_output("docker ps --filter label=prep-difusor.role=%s --format '{{.Names}}'", role)


def _certificate(host: Host) -> str:
    """Return the file of the page's certificate and key."""
    return host.check_output("nginx -T 2>/dev/null | sed -n 's/^ *ssl_certificate \\(.*\\);/\\1/p' | tail -n 1")
