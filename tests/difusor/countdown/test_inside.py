"""What was seen on a server: each thing that would spoil the night is red, with what to do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import plugin_kit
import pytest
import role_kit
from corte_kit import make_key
from countdown_kit import DISK, DROP_IN, EXPECTED, host, look, own, seen, server
from hypothesis import given
from hypothesis import strategies as st
from inventory_kit import KEY
from pydantic import ValidationError

from corte.format import instants, record
from difusor.baseline.look import fingerprint
from difusor.countdown import inside, services
from difusor.countdown.checks import Check
from difusor.countdown.look import TESTS
from difusor.countdown.seen import Server

Said = dict[str, Any]
STOLEN = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICQn370pnXsnrYRik6ZwTgdm98+rHn4tKSdNw0EAOTOm"


def judged(change: Callable[[Said], object] = lambda said: None, **variables: Any) -> dict[str, Check]:
    """Return the checks by key, of a server whose description a change has altered."""
    said, partner = server(), host(**variables)
    change(said)
    return {each.key: each for each in inside.judge(partner, seen(said, host().election), "diario")}


def wrong(checks: dict[str, Check]) -> dict[str, str]:
    return {key: each.state for key, each in checks.items() if each.state != "good"}


def test_a_server_that_is_ready_is_green_throughout() -> None:
    checks = judged()
    assert wrong(checks) == {} and len(checks) == 8
    assert not any(each.remedy for each in checks.values())


def stop(unit: str, state: str = "failed") -> Callable[[Said], object]:
    return lambda said: said["units"].update({unit: state})


def boot(unit: str, state: str) -> Callable[[Said], object]:
    return lambda said: said["at_boot"].update({unit: state})


def contained(role: int, **values: object) -> Callable[[Said], object]:
    return lambda said: said["containers"][role].update(values)


def configured(**values: object) -> Callable[[Said], object]:
    return lambda said: said.update(config=json.loads(record.content({**EXPECTED, **values})))


def damaged(said: Said) -> None:
    said["config"]["value"]["opens"] = "2024-06-03T04:00:00Z"


def clocked(**values: object) -> Callable[[Said], object]:
    return lambda said: said["status"]["clock"].update(values)


RED: dict[str, tuple[str, Callable[[Said], object], str, str]] = {
    "gate": ("services", stop("prep-corte-gate.service"), "no corre prep-corte-gate.service", "systemctl start"),
    "daemon": ("services", stop("rsync.service"), "no corre rsync.service", "dice si otro programa ocupa"),
    "time after a cut": ("services", stop("prep-clock.service"), "no corre prep-clock.service", "systemctl start"),
    "logs for ever": (
        "services", boot("prep-logrotate.timer", "disabled"), "no arrancaría con el servidor: prep-logrotate.timer",
        "sudo systemctl enable prep-logrotate.timer",
    ),
    "removed": ("services", stop("rsync.service", "not-found"), "ya no está instalado rsync", "apply -i diario lo"),
    "other clock": ("clock", stop("chrony.service", "not-found"), "chrony ya no está instalado", "apply -i diario lo"),
    "no start": (
        "services", lambda said: said["refused"].update(nginx="[emerg] x in /etc/nginx/diario:1"),
        "nginx corre, pero no volvería a arrancar: «[emerg] x in /etc/nginx/diario:1»", "sudo nginx -t",
    ),
    "no clock again": (
        "services", lambda said: said["refused"].update(chronyd="Fatal error : Invalid directive at line 3"),
        "chronyd corre, pero no volvería a arrancar", "sudo chronyd -p -f /etc/chrony/chrony.conf",
    ),
    "another folder": (
        "services", lambda said: said["elsewhere"].append("rsync.service"),
        "dejó a rsync.service fuera de /srv/prep", "systemctl restart prep-corte-gate.service",
    ),
    "disabled": (
        "services", boot("nginx.service", "disabled"),
        "no arrancaría con el servidor: nginx.service (disabled)",
        "en el servidor: sudo systemctl enable nginx.service; averigüe",
    ),
    "masked": (
        "services", boot("docker.service", "masked"), "no arrancaría con el servidor: docker.service (masked)",
        "sudo systemctl unmask docker.service && sudo systemctl enable docker.service",
    ),
    "firewall disabled": (
        "services", boot("ufw.service", "disabled"), "no arrancaría con el servidor: ufw.service (disabled)",
        "sudo systemctl enable ufw.service",
    ),
    "firewall off at boot": (
        "services", boot("ufw.service", "ENABLED=no"), "no arrancaría con el servidor: ufw.service (ENABLED=no)",
        "./difusor apply -i diario lo pone en vigor",
    ),
    "chrony": ("clock", stop("chrony.service"), "chrony no corre (failed)", "systemctl restart chrony"),
    "no chrony": ("clock", lambda said: said["units"].pop("chrony.service"), "chrony no corre (ausente)", "chrony"),
    "unsynchronised": ("clock", clocked(synchronised=False), "no abriría", "espere dos minutos"),
    "old": ("clock", clocked(checked="2024-06-02T00:00:00Z"), "no ha mirado su reloj", "restart prep-corte-gate"),
    "no status": ("clock", lambda said: said.update(status=None), "no ha mirado su reloj", "restart prep-corte-gate"),
    "an hour": ("clock", lambda said: said.update(now=said["now"] + 3600), "está +3600 s del de esta", "timedatectl"),
    "behind": ("clock", lambda said: said.update(now=said["now"] - 60), "está -60 s del de esta", "timedatectl"),
    "rehearsal": ("window", configured(environment="simulacro"), "el servidor es simulacro", "entero, sin --tags"),
    "half a rehearsal": (
        "window", lambda said: said.update(rehearsal=True), "nginx dicen todavía «Simulacro»", "entero, sin --tags",
    ),
    "another's hold": (
        "window", lambda said: said.update(held=[1715000000, 1715100000]),
        "automáticas esperan de 06/05/2024 05:53:20 PDT", "./difusor apply -i diario, entero, sin --tags",
    ),
    "short hold": (
        "window", lambda said: said.update(held=[1717293600, 1717469999]), "no mientras se publica", "sin --tags",
    ),
    "no hold": ("window", lambda said: said.update(held=None), "automáticas no esperan", "./difusor apply -i diario"),
    "wrong zone": ("window", configured(opens="2024-06-02T20:00:00Z"), "es 02/06/2024 13:00:00 PDT", "./difusor apply"),
    "wrong interval": (
        "window", configured(interval_minutes=30), "entre cortes (en minutos) en el servidor es 30 y debe ser 10",
        "./difusor apply -i diario, entero, sin --tags",
    ),
    "no window": ("window", configured(closes=None), "el cierre en el servidor es None", "./difusor apply -i diario"),
    "a bit of the window": ("window", damaged, "/etc/prep-corte/server.json está dañado", "./difusor apply -i diario"),
    "bare": ("window", lambda said: said.update(config=None), "de ninguna elección", "./difusor apply -i diario"),
    "stopped": ("image", contained(0, state="exited"), "no corre el PREP", "docker ps --all"),
    "another": ("image", contained(1, image="ajena:1"), "el WAF corre ajena:1", "./difusor apply -i diario"),
    "sick": ("image", contained(1, health="unhealthy"), "el WAF no pasa su propia comprobación", "docker restart waf-"),
    "no rules of Docker": ("image", contained(0, reached=False), "el PREP corre, pero nginx no lo", "restart docker"),
    "no docker": ("image", lambda said: said.update(containers=None), "Docker no responde", "restart docker"),
    "missing": (
        "trusted", lambda said: said["admitted"].remove(["873", "2001:db8::4/128"]),
        "no admite a 2001:db8::4/128", "./difusor trusted -i diario",
    ),
    "stranger": (
        "trusted", lambda said: said["admitted"].append(["22", "203.0.113.9/32"]),
        "admite a 203.0.113.9/32, que no es de la lista", "./difusor trusted -i diario",
    ),
    "everybody": ("trusted", lambda said: said["admitted"].append(["22", ""]), "admite a cualquiera", "trusted"),
    "all ports": (
        "trusted", lambda said: said["admitted"].append(["", "203.0.113.0/24"]),
        "admite a 203.0.113.0/24, que no es de la lista", "sudo ufw status numbered",
    ),
    "range": ("trusted", lambda said: said["admitted"].append(["80,1:1000", ""]), "admite a cualquiera", "iptables -S"),
    "odd": ("trusted", lambda said: said["admitted"].append(["ssh", ""]), "admite a cualquiera", "trusted"),
    "rsync": ("trusted", lambda said: said["allowed"].pop(), "rsync no admite exactamente", "./difusor trusted"),
    "open": ("trusted", lambda said: said.update(denies=False, admitted=None), "no está en vigor", "./difusor apply"),
    "no rules": ("trusted", lambda said: said.update(admitted=None), "reglas del cortafuegos", "ufw status"),
    "full": ("disk", lambda said: said["disks"].update({"/srv/prep/entrada": DISK | {"free": 10**8}}),
             "/srv/prep/entrada tiene 0.1 GB libres", "du -xhd1 /srv/prep/entrada"),
    "full temporary": ("disk", lambda said: said["disks"].update({"/tmp": DISK | {"free": 0}}),
        "/tmp, donde se comprueban las firmas: 0 MB libres", "du -xhd1 /tmp"),
    "no temporary inodes": ("disk", lambda said: said["disks"].update({"/tmp": DISK | {"free_files": 3}}),
        "no admite más archivos (quedan 3)", "findmnt /tmp"),
    "no inodes": ("disk", lambda said: said["disks"]["/"].update(free_files=9), "quedan 9 de 16", "--inodes -xd1 /"),
    "read only": ("disk", lambda said: said["disks"]["/"].update(read_only=True), "/ no admite escritura", "dmesg"),
    "no folder": (
        "disk", lambda said: said["unwritable"].update({"/srv/prep/entrada": ""}),
        "falta /srv/prep/entrada", "./difusor apply -i diario lo repone",
    ),
    "shut folder": (
        "disk", lambda said: said["unwritable"].update({"/srv/prep/almacen": "prep-corte"}),
        "prep-corte no puede escribir en /srv/prep/almacen", "namei -l /srv/prep/almacen",
    ),
    "unread": (
        "disk", lambda said: said.update(readable=False),
        "nginx no puede leer el corte que se muestra", "sudo chmod -R o+rX /srv/prep/publico",
    ),
    "no disk": ("disk", lambda said: said["disks"].clear(), "ningún disco", "df -h"),
    "revoked": (
        "signers", lambda said: said.update(revoked="ssh-ed25519 AAAA x"),
        "revocadas no es", "./difusor signers -i diario",
    ),
    "no list of revoked keys": (
        "signers", lambda said: said.update(revoked=None),
        "falta su lista de llaves revocadas", "./difusor signers -i diario la repone",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RED)
def test_what_would_spoil_the_night_is_red_and_says_what_to_do(name: str) -> None:
    key, change, found, remedy = RED[name]
    checks = judged(change)
    assert wrong(checks) == {key: "bad"}
    assert found in checks[key].found and remedy in checks[key].remedy


def test_what_is_not_as_the_last_run_left_it_is_red() -> None:
    """As the site of an emptied file: nginx went on with what it had read, and the page went at the next restart."""
    election, paths = host().election, ["/etc/rsyncd.secrets", "/etc/nginx/sites-available/prep"]
    checks = inside.judge(host(), seen(server(), election, {**own(), "altered": paths}), "diario")
    assert wrong({each.key: each for each in checks}) == {"services": "bad"}
    assert checks[0].found.endswith("última ejecución: /etc/rsyncd.secrets, /etc/nginx/sites-available/prep")
    assert checks[0].remedy.startswith("./difusor apply -i diario lo repone")


@pytest.mark.parametrize(
    ("daemon", "reason"),
    [
        ("nginx", 'nginx: [emerg] unknown directive "\x01" in /etc/nginx/sites-enabled/prep:57'),
        ("nginx", 'nginx: [emerg] cannot load certificate "/etc/ssl/private/prep-acme.pem": PEM_read_bio() failed'),
        ("sshd", f"{DROP_IN}: line 5: Bad configuration option: Prot"),
        ("sshd", f"{DROP_IN} line 5: no argument"),
        ("chronyd", "2027-06-06T18:00:00Z Fatal error : Invalid directive at line 3"),
        ("chronyd", "Fatal error : Invalid directive at line 3 in file /etc/chrony/chrony.conf."),
    ],
)
def test_nobody_is_told_to_take_away_a_file_of_the_projects(daemon: str, reason: str) -> None:
    """Without the page's site nginx starts, and serves no page; the countdown was green then."""
    remedy = judged(lambda said: said["refused"].update({daemon: reason}))["services"].remedy
    assert "es del proyecto, no lo retire: ./difusor apply -i diario lo repone" in remedy
    assert "corrija o retire" not in remedy and f"sudo {' '.join(TESTS[daemon])}" in remedy


def test_an_outlets_file_is_the_outlets_to_correct() -> None:
    for reason in ("[emerg] x in /etc/nginx/diario:1", 'cannot load certificate "/etc/ssl/private/diario.pem"', "x"):
        remedy = judged(lambda said, reason=reason: said["refused"].update(nginx=reason))["services"].remedy
        assert remedy == "en el servidor: corrija o retire ese archivo, y sudo nginx -t"


def test_what_the_user_who_verifies_cortes_may_not_read_is_red() -> None:
    """As after `chmod 700 /etc/prep-corte`: no corte was taken, and the countdown was green."""
    election, paths = host().election, [f"/etc/prep-corte/{name}" for name in "abcd"]
    checks = inside.judge(host(), seen(server(), election, {**own(), "closed": paths}), "diario")
    assert wrong({each.key: each for each in checks}) == {"services": "bad"}
    assert checks[0].found.startswith("prep-corte no puede leer /etc/prep-corte/a, ") and " y 1 más" in checks[0].found
    assert checks[0].remedy.startswith("./difusor apply -i diario lo repone") and "namei -l" in checks[0].remedy


def test_a_server_that_shows_no_corte_yet_is_ready() -> None:
    assert wrong(judged(lambda said: said.update(readable=None))) == {}


def test_a_server_whose_units_cannot_be_read_is_red() -> None:
    assert wrong(judged(lambda said: said["units"].clear())) == {"services": "bad", "clock": "bad"}


@pytest.mark.parametrize("state", ["static", "indirect", "generated", "enabled-runtime", "alias", ""])
def test_a_unit_that_starts_otherwise_is_not_called_wrong(state: str) -> None:
    assert wrong(judged(boot("rsync.service", state))) == {}
    assert wrong(judged(boot("prep-corte-intake.path", "disabled"))) == {}, "the gate's unit starts it"


def test_a_unit_that_is_stopped_and_masked_is_unmasked_before_it_is_started() -> None:
    """systemd refuses to start a masked unit, which is all that was told."""

    def change(said: Said) -> None:
        said["units"].update(dict.fromkeys(("rsync.service", "nginx.service", "chrony.service"), "inactive"))
        said["at_boot"].update({"rsync.service": "masked", "chrony.service": "masked"})

    checks = judged(change)
    start = "sudo systemctl start rsync.service nginx.service; si"
    assert f"en el servidor: sudo systemctl unmask rsync.service && {start}" in checks["services"].remedy
    assert "sudo systemctl unmask chrony.service && sudo systemctl restart chrony, " in checks["clock"].remedy


def test_everything_that_would_not_start_with_the_server_is_told_at_once() -> None:
    def change(said: Said) -> None:
        said["at_boot"].update({"nginx.service": "disabled", "rsync.service": "disabled", "ufw.service": "masked"})

    services = judged(change)["services"]
    assert "rsync.service (disabled), nginx.service (disabled), ufw.service (masked)" in services.found
    assert "systemctl enable rsync.service nginx.service; en el servidor: sudo systemctl unmask ufw" in services.remedy


def test_a_corte_of_another_opening_that_would_keep_out_the_right_ones_is_told() -> None:
    """As when the opening was moved after the corte of zeros had come: every corte before the old one is refused."""
    kept = {"sequence": 1, "opens": "2024-06-03T04:00:00Z", "manifest_sha256": "a" * 64}
    checks = judged(lambda said: said["status"].update(other_opening=kept))
    assert wrong(checks) == {"window": "warn"}
    assert "de otra apertura (el 1, que abría 02/06/2024 21:00:00 PDT)" in checks["window"].found
    assert "--withdraw" in checks["window"].remedy
    for nothing in (None, "x", []):
        assert wrong(judged(lambda said, nothing=nothing: said["status"].update(other_opening=nothing))) == {}
    for odd in ({}, {"sequence": "\x1b", "opens": ["\n"]}):
        (found,) = [judged(lambda said, odd=odd: said["status"].update(other_opening=odd))["window"].found]
        assert found.isprintable()


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"election_opens": "2024-06-03T02:00:00Z"}, "la convocatoria dice que se publica de las 20:00 a las 20:00 y"),
        ({"election_opens": "2024-06-03T02:00:00Z"}, "la publicación dura 25 horas"),
        ({"election_day": "2024-05-26"}, "election_day es 2024-05-26 y la publicación abre el 2024-06-02, ni ese día"),
        ({"election_opens": "2024-06-03T04:00:00Z", "election_environment": "simulacro"}, ""),
    ],
)
def test_hours_that_the_call_does_not_have_are_told_before_the_night(changes: dict[str, str], found: str) -> None:
    """Only a run said so, weeks before; the hours of a rehearsal are its own."""
    partner, told = host(**changes), server()
    configured(opens=instants.write(partner.election.opens), environment=partner.election.environment)(told)
    told["rehearsal"] = partner.election.environment == "simulacro"
    check = {each.key: each for each in inside.judge(partner, seen(told, partner.election), "diario")}["window"]
    assert check.state == ("warn" if found else "good"), check
    assert found in check.found and ("si así se decidió, nada" in check.remedy) is bool(found)


@pytest.mark.parametrize(
    ("gate", "held", "state"),
    [
        ({}, {}, "good"),
        ({"closes": "2024-06-04T03:00:00Z"}, {}, "bad"),
        ({"retain_until": "2024-06-11T05:59:00Z"}, {}, "bad"),
        ({"opens": "2024-06-03T02:00:00Z"}, {}, "bad"),
        ({"closes": None}, {}, "bad"),
        ({}, {"held": [1715000000, 1715100000]}, "bad"),
        ({}, {"rehearsal": True}, "bad"),
    ],
    ids=["moved", "not sent yet", "retained longer", "another opening", "no close", "another's hold", "rehearsal"],
)
@pytest.mark.parametrize("closes", ["2024-06-04T04:00:00Z", "2024-06-04T02:30:00Z"], ids=["later", "earlier"])
def test_a_close_that_a_signed_corte_moved_is_the_gates(
    closes: str, gate: dict[str, Any], held: dict[str, Any], state: str
) -> None:
    """As the runbook says, it is ordered with `sign --close` and written into the election: no run is needed for it."""
    partner, told = host(election_closes=closes), server()
    hours = {name: instants.write(value) for name, value in vars(partner.election.window).items()}
    told["status"] |= {"election": "estatal-2024", "environment": "official", "gate": {**hours, **gate}}
    told |= held
    check = {each.key: each for each in inside.judge(partner, seen(told, partner.election), "diario")}["window"]
    assert check.state == state, check


def test_a_late_change_of_signers_after_it_leaves_only_the_hours_to_be_told() -> None:
    """`signers` writes server.json anew; until when updates wait only a whole run writes, and the gate holds them."""
    partner, told = host(election_closes="2024-06-04T04:00:00Z"), server()
    hours = {name: instants.write(value) for name, value in vars(partner.election.window).items()}
    told["status"] |= {"election": "estatal-2024", "environment": "official", "gate": hours}
    configured(closes="2024-06-04T04:00:00Z")(told)
    check = {each.key: each for each in inside.judge(partner, seen(told, partner.election), "diario")}["window"]
    assert check.state == "warn" and "la publicación dura 25 horas" in check.found and "actualiz" not in check.found


def test_the_gate_of_another_election_moves_no_close() -> None:
    partner, told = host(election_closes="2024-06-04T04:00:00Z"), server()
    hours = {name: instants.write(value) for name, value in vars(partner.election.window).items()}
    told["status"] |= {"election": "otra-2024", "environment": "official", "gate": hours}
    check = {each.key: each for each in inside.judge(partner, seen(told, partner.election), "diario")}["window"]
    assert check.state == "bad" and "el cierre en el servidor es 03/06/2024 20:00:00 PDT" in check.found


def test_cortes_containers_and_evidence_are_not_deleted_to_make_room() -> None:
    """What takes most of a disk may well be the corte that is shown, or that waits."""
    for amount in ("free", "free_files"):
        remedy = judged(lambda said, amount=amount: said["disks"]["/"].update({amount: 0}))["disk"].remedy
        assert " fuera de /srv/prep, /var/lib/docker, " in remedy and "y /var/log, o amplíe el disco" in remedy


def test_what_only_has_to_be_known_is_a_warning() -> None:
    assert wrong(judged(lambda said: said["disks"]["/"].update(free=2 * 10**9))) == {"disk": "warn"}
    assert wrong(judged(lambda said: said["disks"].update({"/tmp": DISK | {"free": 5 * 10**7}}))) == {"disk": "warn"}
    starting = judged(contained(0, health="starting"))
    assert wrong(starting) == {"image": "warn"}
    assert "si sigue así, en el servidor: sudo docker restart prep-" in str(starting)


def test_temporary_files_need_little_room() -> None:
    """By the bounds of other disks each tmpfs would be full; it does not stand for the room of the night either."""
    memory = {"size": 10**9, "free": 5 * 10**8, "files": 0, "free_files": 0, "read_only": False}
    found = judged(lambda said: said["disks"].update({"/tmp": memory}))["disk"]
    assert (found.state, found.found) == ("good", "78 GB libres")

    def change(said: Said) -> None:
        said["disks"]["/"].update(free=0)
        said["disks"].update({"/tmp": memory | {"free": 3 * 10**7}})

    assert judged(change)["disk"].found.startswith("/ tiene 0.0 GB"), "the worse one is told"


def test_a_server_of_another_version_of_the_project_is_red() -> None:
    """It may refuse what this version signs, all night long."""
    election = host().election
    path = f"{inside.CODE}/format/manifest.py"
    files = look(election).files
    for there in ({**files, path: "0644 root:root aa"}, {services.NGINX: files[services.NGINX]}):
        checks = {each.key: each for each in inside.judge(host(), seen(server(), election, files=there), "diario")}
        assert wrong(checks) == {"code": "bad"}
        assert "otra versión" in checks["code"].found
        assert "si la atrasada es esta máquina, git pull" in checks["code"].remedy
        assert checks["code"].remedy.endswith("si es el servidor, ./difusor apply -i diario")


def test_an_nginx_conf_that_is_not_the_projects_is_red() -> None:
    """As the package's, which an upgrade puts there: it starts, and serves few visitors."""
    election = host().election
    files = look(election).files
    for there in ({**files, services.NGINX: "0644 root:root aa"}, {**files, services.NGINX: ""}):
        checks = {each.key: each for each in inside.judge(host(), seen(server(), election, files=there), "diario")}
        assert wrong(checks) == {"services": "bad"}
        assert checks["services"].found.startswith("nginx.conf no es el del proyecto")
        assert "./difusor apply -i diario" in checks["services"].remedy


def test_an_nginx_conf_that_keeps_nginx_from_starting_is_told_first() -> None:
    """The daemon names a file to correct, but a run of the site brings the right one."""
    said, election = server(), host().election
    said["refused"]["nginx"] = "[emerg] x in /etc/nginx/nginx.conf:1"
    files = {**look(election).files, services.NGINX: "0644 root:root aa"}
    checks = inside.judge(host(), seen(said, election, files=files), "diario")
    assert checks[0].found.startswith("nginx.conf no es el del proyecto")


def test_the_projects_nginx_conf_is_the_one_that_its_role_installs() -> None:
    managed = plugin_kit.load("action/managed_files.py").MANAGED
    installed = role_kit.render("nginx", services.NGINX.lstrip("/"), {"ansible_managed": managed})
    assert services.nginx_digest() == hashlib.sha256(installed.encode()).hexdigest()


def test_a_signer_that_is_not_the_elections_is_red() -> None:
    election = host().election
    ((key, limits),) = look(election).signers.items()
    for signers, told in (
        ({}, "falta firma@instituto.mx"),
        ({key: limits, "SHA256:ajena": "x"}, "SHA256:ajena… no es de la elección"),
        ({key: "firma@instituto.mx cert-authority"}, "vale con otros límites"),
    ):
        checks = {each.key: each for each in inside.judge(host(), seen(server(), election, signers=signers), "diario")}
        assert wrong(checks) == {"signers": "bad"}
        assert told in checks["signers"].found and "./difusor signers -i diario" in checks["signers"].remedy


def test_from_opening_to_the_end_somebody_may_sign_at_every_instant(tmp_path: Path) -> None:
    """One key for all of it, or several in turns; not one that is revoked."""
    (one,) = host().election.signers
    middle, other = one.valid_after.replace(year=2024, month=6, day=3, hour=12), make_key(tmp_path, "otra")
    early = one.model_dump(mode="json") | {"valid_before": instants.write(middle)}
    late = one.model_dump(mode="json") | {
        "valid_after": instants.write(middle), "key": other.with_suffix(".pub").read_text().strip(),
    }  # fmt: skip
    too_early = early | {"valid_before": instants.write(middle - timedelta(seconds=1))}
    election = host().election
    assert election.retain_until is not None
    to_the_close, to_the_end = (
        early | {"valid_before": instants.write(at)} for at in (election.closes, election.retain_until)
    )
    alone = {"election_retain_until": None, "election_retention_order": None}
    next_one = to_the_close | {"valid_before": instants.write(election.closes + timedelta(minutes=10))}
    for signers, revoked, more, state in (
        ([early], [], {}, "bad"), ([late, early], [], {}, "good"), ([late, too_early], [], {}, "bad"),
        ([late, early], [late["key"]], {}, "bad"), ([to_the_close], [], {}, "warn"), ([to_the_end], [], {}, "good"),
        ([next_one], [], {}, "warn"), ([to_the_close], [], alone, "good"), ([next_one], [], alone, "good"),
    ):  # fmt: skip
        partner, told = host(election_signers=signers, election_revoked_keys=revoked, **more), server()
        told["revoked"] = partner.election.revoked
        checks = {each.key: each for each in inside.judge(partner, seen(told, partner.election), "diario")}
        assert checks["signers"].state == state, checks["signers"]
        assert state == "good" or checks["signers"].found.startswith("ninguna llave vale desde ")
        assert ("se firman el corte del cierre" in checks["signers"].found) is (state == "warn")


def test_other_ports_may_be_open_to_others() -> None:
    """Which ports answer is the audit's to judge; here it is who reaches SSH and rsync."""
    said, partner = server(), host()
    said["admitted"] += [["23:872", ""], ["9100,9200:9300", "203.0.113.9/32"]]
    checks = inside.judge(partner, seen(said, partner.election), "diario")
    assert wrong({each.key: each for each in checks}) == {}


def test_cortes_may_come_on_another_port() -> None:
    """The one that the call names, not rsync's own."""
    said, partner = server(), host(rsync_port=8730)
    for rule in said["admitted"]:
        rule[0] = rule[0].replace("873", "8730")
    checks = inside.judge(partner, seen(said, partner.election), "diario")
    assert wrong({each.key: each for each in checks}) == {}


def test_a_clock_is_not_wrong_because_the_look_took_long() -> None:
    said = server()
    late = seen(said, host().election)
    long = replace(late, asked=late.asked - timedelta(seconds=50), answered=late.answered + timedelta(seconds=50))
    assert wrong({each.key: each for each in inside.judge(host(), long, "diario")}) == {}


def keyed(files: dict[str, str], **variables: Any) -> Check | None:
    """Return the check of an account that is entered with these keys, by the files in which they are."""
    keys = {fingerprint(each.split()[1]): path for each, path in files.items()}
    said = seen(server(), host().election, {**own(), "keys": keys})
    return inside.entered(host(**variables), said.own, "diario")


def test_a_key_that_the_inventory_does_not_have_is_red() -> None:
    """As one that was stolen, removed, and is back with an image of the server of before."""
    home = "/home/instituto/.ssh"
    found = keyed({KEY: f"{home}/authorized_keys", STOLEN: f"{home}/authorized_keys"})
    assert found and (found.key, found.state) == ("server", "bad")
    told = fingerprint(STOLEN.split()[1])
    assert found.found == f"entra además {told}, que no está en difusor_admin_keys"
    assert found.remedy == "./difusor apply -i diario; averigüe desde cuándo"
    second = keyed({STOLEN: f"{home}/authorized_keys2"})
    assert second and second.remedy.startswith(f"en el servidor: quítela de {home}/authorized_keys2; ")


def test_the_inventorys_keys_are_good_whatever_stands_beside_them() -> None:
    """A comment, or the key that is kept offline; and nobody enters where there is no key yet."""
    path = "/etc/ssh/prep-break-glass"
    assert keyed({KEY: "/home/instituto/.ssh/authorized_keys"}, difusor_admin_keys=[f"{KEY}  ana@instituto"]) is None
    assert keyed({STOLEN: path}, difusor_break_glass_key=STOLEN) is None
    assert keyed({STOLEN: path}) is not None, "that key was exchanged for another since"
    assert keyed({}) is None


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["clock", "checked", "opens"]), inner),
    max_leaves=4,
)


@given(key=st.sampled_from(sorted(server())), value=ANY)
def test_whatever_a_server_answers_is_refused_or_judged(key: str, value: object) -> None:
    try:
        said = Server.model_validate_json(json.dumps({**server(), key: value}))
    except ValidationError:
        return
    checks = inside.judge(host(), seen(json.loads(said.model_dump_json()), host().election), "diario")
    judged_keys = ["services", "code", "window", "clock", "signers", "image", "trusted", "disk"]
    assert [each.key for each in checks] == judged_keys
    assert all(each.found.isprintable() for each in checks)


def test_no_instant_of_a_server_is_beyond_the_calendar_and_no_disk_beyond_arithmetic() -> None:
    full = server()["disks"]["/"]
    for said in (
        *({"now": now} for now in (1e300, -1.0, 2.0**37)),
        *({"disks": {"/": {**full, amount: 10**400}}} for amount in ("size", "free", "files", "free_files")),
    ):
        with pytest.raises(ValidationError):
            Server.model_validate_json(json.dumps({**server(), **said}))


@pytest.mark.parametrize(("there", "seconds"), [(-1.5, 0.0), (0.5, 0.0), (2.5, 0.0), (601.0, 600.0), (-60.0, -60.0)])
def test_a_clock_may_differ_by_what_the_question_took_and_a_little(there: float, seconds: float) -> None:
    asked = datetime(2030, 6, 2, 20, tzinfo=UTC)
    assert inside.apart(asked + timedelta(seconds=there), asked, asked + timedelta(seconds=1)) == seconds
