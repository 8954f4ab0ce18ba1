"""site.yml run again on the lab's server with other values, as an operator does on election night."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from passlib.hash import sha512_crypt
from testinfra.host import Host

from difusor.lab.images import save
from difusor.project import ROOT
from difusor.suite.waiting import until

Record = Callable[[object], None]
Site = Callable[..., str]

# Asks, until it is told to stop, for the page, for data and, through the WAF, for a constant answer and for what the
# application computes (the reference application computes nothing and says 404); prints how many answers came and every
# other status.
CITIZEN = """
import collections, http.client, os, ssl, sys, time
counts, asked = collections.Counter(), 0
wanted = {"/": 200, "/datos/corte.json": 200, "/.well-known/prep/waf/": 200, "/consulta/casillas": 404}
while not os.path.exists("/tmp/stop"):
    name = list(wanted)[asked % len(wanted)]
    asked += 1
    try:
        connection = http.client.HTTPSConnection(sys.argv[1], timeout=10, context=ssl._create_unverified_context())
        connection.request("GET", name)
        counts[name, connection.getresponse().status] += 1
        connection.close()
    except OSError as error:
        counts[name, repr(error)] += 1
    time.sleep(0.05)  # pace: twenty visits a second
print(sum(counts.values()), {key: number for key, number in counts.items() if key[1] != wanted[key[0]]})
"""


@pytest.mark.clause("SW-02")
def test_preview_of_a_finished_server_changes_nothing(site: Site, record_evidence: Record) -> None:
    """El ensayo en seco sobre el servidor terminado no anuncia ningún cambio."""
    recap = site({}, "--check", "--diff").partition("PLAY RECAP")[2]
    changes = re.findall(r"changed=(\d+)", recap)
    record_evidence(f"changed={', '.join(changes)}")
    assert set(changes) == {"0"}


# Each entry: a command that changes the server by hand, a command that shows the state, and what it prints once the
# site has repaired it. PREP and WAF stand for the containers' names, RULES for the number of firewall rules.
DRIFT = [
    ("chmod 600 /etc/nginx/nginx.conf", "stat --format=%a /etc/nginx/nginx.conf", "644"),
    ("echo bindaddress ::1 >>/etc/chrony/chrony.conf", "grep --count bindaddress.::1 /etc/chrony/chrony.conf", "0"),
    ("rm /etc/docker/daemon.json", "grep --count no-new-privileges /etc/docker/daemon.json", "1"),
    ("rm /etc/nginx/sites-enabled/prep", "readlink /etc/nginx/sites-enabled/prep", "../sites-available/prep"),
    ("chown root /srv/prep/almacen", "stat --format=%U /srv/prep/almacen", "prep-corte"),
    ("touch /etc/cron.deny", "test -e /etc/cron.deny || echo absent", "absent"),
    ("systemctl disable --quiet --now prep-certificate.timer", "systemctl is-active prep-certificate.timer", "active"),
    ("systemctl disable --quiet chrony", "systemctl is-enabled chrony", "enabled"),
    ("systemctl stop prep-corte-intake.path", "systemctl is-active prep-corte-intake.path", "active"),
    ("systemctl stop fail2ban", "systemctl is-active fail2ban", "active"),
    ("usermod --home / prep-entrada", "getent passwd prep-entrada | cut --delimiter=: --fields=6", "/nonexistent"),
    ("docker update --pids-limit 32 PREP", "docker inspect --format={{.HostConfig.PidsLimit}} PREP", "64"),
    ("docker pause WAF", "docker inspect --format={{.State.Status}} WAF", "running"),
    ("iptables --delete ufw-user-input 1", "iptables --list-rules ufw-user-input | wc --lines", "RULES"),
]


@pytest.mark.clause("SW-02")
def test_whatever_was_changed_by_hand_is_mended(host: Host, site: Site, record_evidence: Record) -> None:
    """Lo que alguien altera a mano en el servidor vuelve a su estado con la siguiente ejecución."""
    names = {"RULES": host.check_output("iptables --list-rules ufw-user-input | wc --lines")}
    for role in ("prep", "waf"):
        label = f"label=prep-difusor.role={role}"
        names[role.upper()] = host.check_output("docker ps --filter %s --format '{{.Names}}'", label)
    drift = [[_named(part, names) for part in each] for each in DRIFT]
    for change, _, _ in drift:
        host.check_output(change)
    site()
    found = {show: host.run(show).stdout.strip() for _, show, _ in drift}
    record_evidence(f"{len(drift)} cambios a mano: {'; '.join(change for change, _, _ in drift)}")
    assert found == {show: wanted for _, show, wanted in drift}


def _named(text: str, names: dict[str, str]) -> str:
    for placeholder, name in names.items():
        text = text.replace(placeholder, name)
    return text


@pytest.mark.clause("DG-12")
def test_preview_of_giving_the_server_back(host: Host, pytestconfig: pytest.Config, record_evidence: Record) -> None:
    """El ensayo de la devolución del servidor dice qué vuelve y qué se va, y no toca nada."""
    before = host.check_output("ls -lR /etc | sha256sum")
    result = _play(pytestconfig, "remove.yml", {"remove_early": True})
    assert result.returncode == 0, result.stdout[-3000:]
    returns, _, leaves = result.stdout.partition("Archivos del proyecto que se van:")
    assert re.search(r"^ */etc/login\.defs$", returns, re.MULTILINE)
    assert re.search(r"^ */etc/ssh/sshd_config\.d/00-prep-difusor\.conf$", leaves, re.MULTILINE)
    assert re.search(r"^ *docker\.io$", leaves, re.MULTILINE)
    assert host.check_output("ls -lR /etc | sha256sum") == before
    record_evidence(re.findall(r"(\w+=\d+)", result.stdout.partition("PLAY RECAP")[2])[:4])


@pytest.mark.clause("DG-12")
def test_what_others_have_in_docker_keeps_it(host: Host, pytestconfig: pytest.Config, record_evidence: Record) -> None:
    """Si el difusor ya usa el Docker que trajo el proyecto, al devolver el servidor se queda, con lo que tiene."""
    host.check_output("docker volume create ajeno")
    try:
        result = _play(pytestconfig, "remove.yml", {"remove_early": True})
    finally:
        host.check_output("docker volume rm ajeno")
    assert result.returncode == 0, result.stdout[-3000:]
    leaving = result.stdout.partition("Paquetes que se van")[2].partition("PLAY RECAP")[0].split()
    record_evidence(f"se van {len(leaving)} paquetes; docker.io se queda")
    assert "fail2ban" in leaving
    assert "docker.io" not in leaving


@pytest.mark.clause("SW-03", "DG-07")
def test_secrets_are_shown_nowhere(host: Host, site: Site, variables: dict[str, Any], record_evidence: Record) -> None:
    """Un secreto que se instala no aparece en lo que Ansible imprime ni en las bitácoras del servidor."""
    canary = "canario-" + hashlib.sha256(os.urandom(8)).hexdigest()[:16]
    password_hash = sha512_crypt.hash(canary)
    values = {"difusor_rsync_secret": canary, "difusor_admin_password_hash": password_hash}
    printed = site(values, "--tags", "accounts,rsync", "--diff", "-vvv")
    assert "/etc/rsyncd.secrets" in printed
    assert password_hash in host.check_output("getent shadow %s", variables["difusor_admin_user"])
    host.check_output("journalctl --sync")
    logs = host.check_output("journalctl --quiet --no-pager --output=cat; find /var/log -name '*.log' -exec cat {} +")
    secrets = [canary, password_hash, variables["difusor_rsync_secret"], variables["difusor_admin_password_hash"]]
    for secret in secrets:
        assert secret not in printed
        assert secret not in logs
    site({}, "--tags", "accounts,rsync")
    record_evidence(f"{len(secrets)} secretos buscados en la salida con -vvv --diff, en el journal y en /var/log")


@pytest.mark.clause("SW-02", "DG-02")
def test_upgrade_and_back_lose_no_request(
    untrusted: Host, host: Host, site: Site, variables: dict[str, Any], tmp_path: Path, record_evidence: Record
) -> None:
    """Cambiar la imagen del PREP y volver a la anterior no pierde ninguna de las visitas que llegan mientras tanto."""
    other = _other_image(variables["difusor_prep_image"]["archive"], tmp_path / "prep.tar.gz")
    with ThreadPoolExecutor() as pool:
        visiting = pool.submit(
            untrusted.check_output, "rm -f /tmp/stop; python3 -c %s %s", CITIZEN, variables["difusor_fqdn"]
        )
        try:
            site({"difusor_prep_image": other})
            assert other["sha256"][:12] in host.check_output("docker ps --filter label=prep-difusor.role=prep")
            site()
        finally:
            untrusted.check_output("touch /tmp/stop")
        visits, _, lost = visiting.result().partition(" ")
    assert other["sha256"][:12] not in host.check_output("docker ps --all --filter label=prep-difusor.role=prep")
    record_evidence(f"{visits} visitas durante la actualización y la vuelta; perdidas: {lost}")
    assert int(visits) > 100
    assert lost == "{}"


@pytest.mark.clause("SW-02", "DG-02")
def test_upgrade_after_a_run_that_was_killed(
    untrusted: Host, host: Host, site: Site, variables: dict[str, Any], record_evidence: Record
) -> None:
    """Si una ejecución murió antes de avisar a nginx, la siguiente le avisa antes de quitar el contenedor anterior."""
    upstreams = "/etc/nginx/conf.d/prep-upstreams.conf"
    image = host.check_output("docker ps --filter label=prep-difusor.role=prep --format '{{.Image}}'")
    host.check_output(
        "docker run --detach --name prep-anterior --label prep-difusor.role=prep --network prep --tmpfs /tmp "
        f"--read-only --publish 127.0.0.1:19999:8080 --volume /srv/prep/publico:/srv/prep:ro {image}"
    )
    host.check_output(
        f"cp -p {upstreams} /run/upstreams && sed -i 's/127.0.0.1:[0-9]*/127.0.0.1:19999/' {upstreams} && "
        "systemctl reload nginx"
    )
    visit = "curl --silent --insecure --output /dev/null --write-out '%%{http_code}' https://%s/%s"

    def visits() -> str:
        untrusted.check_output(visit, variables["difusor_fqdn"], "consulta/casillas?visita=anterior")
        return str(host.check_output("docker logs prep-anterior 2>&1"))

    try:
        until(visits, lambda log: "visita=anterior" in log, what="nginx lleve las visitas al contenedor anterior")
    finally:
        host.check_output(f"cp -p /run/upstreams {upstreams}")
    site()
    answer = untrusted.check_output(visit, variables["difusor_fqdn"], "")
    left = host.check_output("docker ps --all --filter label=prep-difusor.role --format '{{.Names}}'").split()
    record_evidence(f"la página responde {answer}; contenedores: {left}")
    assert "prep-anterior" not in left
    assert answer == "200"


@pytest.mark.clause("RED-04", "DG-12")
def test_removed_address_is_refused(
    trusted: Host, site: Site, variables: dict[str, Any], record_evidence: Record
) -> None:
    """Una dirección que se quita de las confiables deja de entrar por SSH y rsync tras la siguiente ejecución."""
    address = trusted.check_output("hostname -I").split()
    remaining = [each for each in variables["election_trusted_addresses"] if each not in address]
    assert _reaches(trusted, variables) == {22: True, 873: True}
    site({"election_trusted_addresses": remaining}, "--tags", "ufw,rsync,fail2ban")
    reached = _reaches(trusted, variables)
    record_evidence(f"sin {', '.join(address)} en la lista, desde ahí: {reached}")
    assert reached == {22: False, 873: False}
    site({}, "--tags", "ufw,rsync,fail2ban")
    assert _reaches(trusted, variables) == {22: True, 873: True}


@pytest.mark.clause("SW-05", "DG-12")
def test_renamed_user_of_the_institute_leaves(
    host: Host, site: Site, variables: dict[str, Any], record_evidence: Record
) -> None:
    """Al cambiar de nombre el usuario del Instituto, el anterior deja de existir, con lo que tenía abierto."""
    former, renamed = variables["difusor_admin_user"], "impepac2"
    session = "prep-difusor-session"
    host.check_output("systemd-run --quiet --uid=%s --unit=%s sleep infinity", former, session)
    site({"difusor_admin_user": renamed}, "--tags", "rollback,accounts,ssh")
    assert host.user(renamed).exists
    assert not host.user(former).exists
    assert host.run("systemctl is-active --quiet %s", session).rc != 0, "lo que tenía abierto sigue"
    host.run("systemctl reset-failed %s", session)
    site({}, "--tags", "rollback,accounts,ssh")
    record_evidence(f"{former}, {renamed}, y de vuelta")
    assert host.user(former).exists
    assert not host.user(renamed).exists


# Inventory of an election that is over, on a server where the last signed corte has postponed the end.
OVER = {
    "election_opens": "2024-06-03T02:00Z",
    "election_closes": "2024-06-04T02:00Z",
    "election_retain_until": "2024-06-10T06:00Z",
}


@pytest.mark.clause("DG-02")
@pytest.mark.parametrize("window", [{}, OVER], ids=["inventario", "último corte"])
def test_upgrade_waits_until_nothing_is_published(
    pytestconfig: pytest.Config, window: dict[str, str], record_evidence: Record
) -> None:
    """Con los resultados publicados, actualizar el servidor se niega, salvo que alguien responda por ello."""
    refused, answered = (
        _play(pytestconfig, "upgrade.yml", {**window, **answer}) for answer in ({}, {"upgrade_reason": "prueba"})
    )
    record_evidence(" ".join(refused.stdout.split())[-400:])
    assert refused.returncode == 2
    assert "nada se tocó" in " ".join(refused.stdout.split())
    assert "Install the security updates" not in refused.stdout
    assert answered.returncode == 0, answered.stdout[-3000:]
    assert "Install the security updates" in answered.stdout


@pytest.mark.clause("DG-02")
@pytest.mark.parametrize("window", [{}, OVER], ids=["inventario", "último corte"])
def test_giving_the_server_back_waits_until_nothing_is_shown(
    pytestconfig: pytest.Config, window: dict[str, str], record_evidence: Record
) -> None:
    """Mientras la ciudadanía puede ver los resultados, devolver el servidor se niega."""
    refused = _play(pytestconfig, "remove.yml", window)
    record_evidence(" ".join(refused.stdout.split())[-400:])
    assert refused.returncode == 2
    assert "nada se tocó" in " ".join(refused.stdout.split())


def _play(pytestconfig: pytest.Config, name: str, values: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """Run a playbook in check mode with other values for some variables."""
    command = ["ansible-playbook", "-i", pytestconfig.option.ansible_inventory, f"playbooks/{name}", "--check"]
    command += ["--extra-vars", json.dumps(values)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def _reaches(vantage: Host, variables: dict[str, Any]) -> dict[int, bool]:
    """Return, by port, whether a vantage point can connect to SSH and rsync."""
    return {
        port: vantage.run("timeout 3 bash -c 'exec 3<>/dev/tcp/%s/%s'", variables["ansible_host"], str(port)).rc == 0
        for port in (22, 873)
    }


def _other_image(archive: str, copy: Path) -> dict[str, str]:
    """Save an image that differs from the one in `archive` only by a label; return it as the inventory names it."""
    loaded = _docker("load", "--quiet", "--input", archive).rpartition(": ")[2]
    container = _docker("create", loaded)
    identity = _docker("commit", "--change", "LABEL upgrade=tested", container)
    _docker("rm", container)
    save(identity, copy)
    return {"archive": str(copy), "sha256": hashlib.sha256(copy.read_bytes()).hexdigest()}


def _docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout.strip()
