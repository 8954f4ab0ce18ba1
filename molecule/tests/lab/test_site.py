"""site.yml run again on the lab's server with other values, as an operator does on election night.

What somebody has changed by hand and what a killed run has left are put right by one run, and judged by a test each.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from patience import pausing
from site_runs import changed_tasks
from testinfra.host import Host

from difusor.suite.waiting import until

Record = Callable[[object], None]
Site = Callable[..., str]
Preview = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def preview(play: Callable[..., subprocess.CompletedProcess[str]]) -> Preview:
    """Return a function that runs a playbook of playbooks/ in check mode with other values for some variables."""
    return lambda name, values, *options: play(f"playbooks/{name}.yml", values, "--check", *options)


@pytest.mark.clause("SW-02")
def test_preview_of_a_finished_server_changes_nothing(site: Site, record_evidence: Record) -> None:
    """El ensayo en seco sobre el servidor terminado no anuncia ningún cambio."""
    said = site({}, "--check", "--diff")
    changes = re.findall(r"changed=(\d+)", said.partition("PLAY RECAP")[2])
    record_evidence(f"changed={', '.join(changes)}")
    assert set(changes) == {"0"}, changed_tasks(said)


FORMER = "prep-anterior"
"""A container that an earlier version of the site's would have had."""
CONFIGURATION = "/run/prueba-anterior.conf"

# Each entry: a command that changes the server by hand, a command that shows the state, and what it prints once the
# site has repaired it. PREP and WAF stand for the containers' names, RULES for the number of firewall rules. None is of
# nginx's own files, since nginx would be told of the repair, and of the new containers with it; test_late_changes has
# these.
DRIFT = [
    # First: it would itself undo what is done to the containers.
    ("systemctl stop prep-containers.service", "systemctl is-active prep-containers.service", "active"),
    ("echo bindaddress ::1 >>/etc/chrony/chrony.conf", "grep --count bindaddress.::1 /etc/chrony/chrony.conf", "0"),
    ("rm /etc/docker/daemon.json", "grep --count live-restore /etc/docker/daemon.json", "1"),
    ("touch /etc/cron.deny", "test -e /etc/cron.deny || echo absent", "absent"),
    ("systemctl disable --quiet --now prep-certificate.timer", "systemctl is-active prep-certificate.timer", "active"),
    ("systemctl disable --quiet --now logrotate.timer", "systemctl is-enabled logrotate.timer", "enabled"),
    ("systemctl disable --quiet chrony", "systemctl is-enabled chrony", "enabled"),
    ("systemctl stop prep-corte-intake.path", "systemctl is-active prep-corte-intake.path", "active"),
    ("systemctl stop fail2ban", "systemctl is-active fail2ban", "active"),
    ("usermod --home / prep-entrada", "getent passwd prep-entrada | cut --delimiter=: --fields=6", "/nonexistent"),
    ("docker update --pids-limit 32 PREP", "docker inspect --format={{.HostConfig.PidsLimit}} PREP", "64"),
    (
        f"docker stop PREP && docker network disconnect --force prep {FORMER} && docker network rm prep",
        "docker inspect --format={{.State.Status}} PREP",
        "running",
    ),
    (pausing("WAF"), "docker inspect --format={{.State.Status}} WAF", "running"),
    ("iptables -P INPUT ACCEPT && iptables -F INPUT", "iptables -S INPUT | grep --count ufw-before-input", "1"),
    ("sysctl --write net.ipv4.tcp_syncookies=0", "sysctl --values net.ipv4.tcp_syncookies", "1"),
    ("sysctl --write net.ipv4.conf.eth0.rp_filter=2", "sysctl --values net.ipv4.conf.eth0.rp_filter", "1"),
    ("tc qdisc delete dev eth0 root", "tc qdisc show dev eth0 | grep --count 'htb 50e: root'", "1"),
    ("iptables --delete ufw-user-input 1", "iptables --list-rules ufw-user-input | wc --lines", "RULES"),
    ("chmod 700 /etc/prep-corte", "stat --format=%a /etc/prep-corte", "755"),
    # Last: the gate ends and starts again every second meanwhile, and its start would start the path unit, too.
    ("chown root /srv/prep/almacen", "stat --format=%U /srv/prep/almacen", "prep-corte"),
]


@dataclass(frozen=True)
class PutRight:
    """What one run made of a server that was changed by hand, and on which an earlier run had been killed."""

    drift: list[list[str]]
    """DRIFT with the names of this server's containers."""
    found: dict[str, str]
    """What the commands of DRIFT that show the state printed after the run."""
    containers: list[str]
    """The containers of the PREP and the WAF that were left, stopped ones too."""
    statuses: dict[str, str]
    """What a visitor got for the page, and for what the application computes."""


@pytest.fixture(scope="module")
def put_right(host: Host, untrusted: Host, run_site: Site, variables: dict[str, Any]) -> PutRight:
    """Leave what a killed run leaves, change by hand what DRIFT says, and let one run put all right."""
    names = {"RULES": host.check_output("iptables --list-rules ufw-user-input | wc --lines")}
    for role in ("prep", "waf"):
        label = f"label=prep-difusor.role={role}"
        names[role.upper()] = host.check_output("docker ps --filter %s --format '{{.Names}}'", label)
    drift = [[_named(part, names) for part in each] for each in DRIFT]
    try:
        _kill_before_nginx_is_told(host, untrusted, variables["difusor_fqdn"])
        for change, _, _ in drift:
            host.check_output(change)
    finally:  # also when one cannot be made: what was altered by then would fail the tests after this one
        run_site()
    return PutRight(
        drift=drift,
        found={show: host.run(show).stdout.strip() for _, show, _ in drift},
        containers=host.check_output("docker ps --all --filter label=prep-difusor.role --format '{{.Names}}'").split(),
        statuses={
            path: untrusted.check_output(VISIT, variables["difusor_fqdn"], path)
            for path in ("", f"{COMPUTED}?visita=nueva")
        },
    )


COMPUTED = "consulta/casillas"
VISIT = "curl --silent --insecure --output /dev/null --write-out '%%{http_code}' https://%s/%s"


def _kill_before_nginx_is_told(host: Host, untrusted: Host, name: str) -> None:
    """Leave the server as a run that was killed after it had written nginx's upstreams, and before nginx read them.

    nginx brings visits to another container of the application, whose log shows them.
    """
    upstreams = "/etc/nginx/conf.d/prep-upstreams.conf"
    image = host.check_output("docker ps --filter label=prep-difusor.role=prep --format '{{.Image}}'")
    # The image logs no requests; this container does.
    host.check_output(
        "docker cp $(docker ps --quiet --filter label=prep-difusor.role=prep):/etc/nginx/nginx.conf - | tar -xO | "
        f"sed 's|access_log off|access_log /dev/stdout|' >{CONFIGURATION} && chmod 0644 {CONFIGURATION}"
    )
    host.check_output(
        f"docker run --detach --name {FORMER} --label prep-difusor.role=prep --network prep --tmpfs /tmp "
        f"--volume {CONFIGURATION}:/etc/nginx/nginx.conf:ro "
        f"--read-only --publish 127.0.0.1:19999:8080 --volume /srv/prep/publico:/srv/prep:ro {image}"
    )
    host.check_output(
        f"cp -p {upstreams} /run/upstreams && sed -i 's/127[0-9.]*:[0-9]*/127.0.0.1:19999/' {upstreams} && "
        "systemctl reload nginx"
    )

    def visits() -> str:
        untrusted.check_output(VISIT, name, f"{COMPUTED}?visita=anterior")
        return str(host.check_output(f"docker logs {FORMER} 2>&1"))

    try:
        until(visits, lambda log: "visita=anterior" in log, what="nginx lleve las visitas al contenedor anterior")
    finally:
        host.check_output(f"cp -p /run/upstreams {upstreams}; rm {CONFIGURATION}")


def _named(text: str, names: dict[str, str]) -> str:
    for placeholder, name in names.items():
        text = text.replace(placeholder, name)
    return text


@pytest.mark.clause("SW-02")
def test_changes_by_hand_are_undone(put_right: PutRight, record_evidence: Record) -> None:
    """Lo que alguien altera a mano en el servidor vuelve a su estado con la siguiente ejecución."""
    drift = put_right.drift
    record_evidence(f"{len(drift)} cambios a mano: {'; '.join(change for change, _, _ in drift)}")
    assert put_right.found == {show: wanted for _, show, wanted in drift}


@pytest.mark.clause("SW-02", "DG-02")
def test_upgrade_after_a_run_that_was_killed(put_right: PutRight, record_evidence: Record) -> None:
    """Si una ejecución murió antes de avisar a nginx, la siguiente le avisa antes de quitar el contenedor anterior."""
    page, computed = put_right.statuses.values()
    record_evidence(f"la página responde {page}; contenedores: {put_right.containers}")
    assert FORMER not in put_right.containers
    assert page == "200"
    assert computed == "404", "la aplicación, que no calcula nada, no fue alcanzada"


@pytest.mark.clause("DG-12")
def test_preview_of_giving_the_server_back(host: Host, preview: Preview, record_evidence: Record) -> None:
    """El ensayo de la devolución del servidor dice qué vuelve y qué se va, y no toca nada."""
    before = host.check_output("ls -lR /etc | sha256sum")
    result = preview("remove", {"remove_early": True})
    assert result.returncode == 0, result.stdout[-3000:]
    returns, _, leaves = result.stdout.partition("Archivos del proyecto que se van:")
    assert re.search(r"^ */etc/login\.defs$", returns, re.MULTILINE)
    assert re.search(r"^ */etc/ssh/sshd_config\.d/00-prep-difusor\.conf$", leaves, re.MULTILINE)
    theirs = host.run("docker inspect vecino-uno").rc == 0  # the lab's outlet ran Docker before
    assert (re.search(r"^ *docker\.io$", leaves, re.MULTILINE) is None) is theirs
    assert host.check_output("ls -lR /etc | sha256sum") == before
    record_evidence(re.findall(r"(\w+=\d+)", result.stdout.partition("PLAY RECAP")[2])[:4])


@pytest.mark.clause("DG-12")
def test_docker_stays_when_others_use_it(host: Host, preview: Preview, record_evidence: Record) -> None:
    """Si el difusor ya usa el Docker que trajo el proyecto, al devolver el servidor se queda, con lo que tiene."""
    host.check_output("docker volume create ajeno")
    try:
        result = preview("remove", {"remove_early": True}, "--tags", "docker,packages")
    finally:
        host.check_output("docker volume rm ajeno")
    assert result.returncode == 0, result.stdout[-3000:]
    leaving = result.stdout.partition("Paquetes que se van")[2].partition("PLAY RECAP")[0].split()
    record_evidence(f"se van {len(leaving)} paquetes; docker.io se queda")
    assert "fail2ban" in leaving
    assert "docker.io" not in leaving


# Inventory of an election that is over, on a server where the last signed corte has postponed the end.
OVER = {
    "election_opens": "2024-06-03T02:00Z",
    "election_closes": "2024-06-04T02:00Z",
    "election_retain_until": "2024-06-10T06:00Z",
}


@pytest.mark.clause("DG-02")
@pytest.mark.parametrize("window", [{}, OVER], ids=["inventario", "último corte"])
def test_upgrade_waits_until_nothing_is_published(
    preview: Preview, window: dict[str, str], record_evidence: Record
) -> None:
    """Con los resultados publicados, actualizar el servidor se niega."""
    refused = preview("upgrade", window)
    record_evidence(" ".join(refused.stdout.split())[-400:])
    assert refused.returncode == 2
    assert "nada se tocó" in " ".join(refused.stdout.split())
    assert "Install the security updates" not in refused.stdout


@pytest.mark.clause("DG-02")
def test_upgrade_goes_on_when_somebody_answers_for_it(preview: Preview) -> None:
    """Con los resultados publicados se actualiza si alguien responde por ello; tests/playbooks juzga cada ventana."""
    answered = preview("upgrade", {**OVER, "upgrade_reason": "prueba"})
    assert answered.returncode == 0, answered.stdout[-3000:]
    assert "Install the security updates" in answered.stdout


@pytest.mark.clause("DG-02")
def test_giving_the_server_back_waits_until_nothing_is_shown(preview: Preview, record_evidence: Record) -> None:
    """Mientras se ven los resultados, devolver el servidor se niega; tests/playbooks juzga cada ventana."""
    refused = preview("remove", OVER)
    record_evidence(" ".join(refused.stdout.split())[-400:])
    assert refused.returncode == 2
    assert "nada se tocó" in " ".join(refused.stdout.split())
