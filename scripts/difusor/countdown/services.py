"""Judges whether what a night needs runs on a server, and would start with it again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from difusor.countdown.checks import Check, bad, good, warn
from difusor.countdown.look import BESIDE, TESTS
from difusor.countdown.seen import Seen, Server
from difusor.inventory import Host
from difusor.project import ROOT
from difusor.terminal import plain, some

CHRONY = "chrony.service"
"""Which the check of the clock judges."""
NOT_AT_BOOT = {
    "disabled": "en el servidor: sudo systemctl enable {units}",
    "masked": "en el servidor: sudo systemctl unmask {units} && sudo systemctl enable {units}",
    "ENABLED=no": "./difusor apply -i {given} lo pone en vigor también al arrancar",
}
"""States in which a unit, or the firewall, does not start with the server, and what mends them."""
STARTED = "prep-corte-intake.path"
"""Starts with the server even if it is disabled: the gate's unit starts it."""
ABSENT = "not-found"
"""The state of a unit whose package somebody has removed, perhaps by installing another that takes its place."""
LACKED = {
    "fail2ban.service": "nada detiene a quien prueba contraseñas por SSH",
    "certbot.timer": "nadie renueva el certificado de la página",
}
"""What is lost without units that a night can begin without."""
RENEWAL = "certbot.timer"
"""Only where the server gets its certificate by itself."""
ALARM = "prep-certificate.service"
"""Looks once a day, and stays failed when something was wrong."""
ENTRANCES = ("ssh.service", "ssh.socket")
"""One of them starts with the server, which one depends on the release."""
NGINX = "/etc/nginx/nginx.conf"
CERTIFICATES = "/etc/ssl/private/prep-"
"""How the files begin that the server makes of its certificates, which are on no list."""
MANAGED = "Managed by prep-difusor: change the inventory or the role, not this file."
"""What the first line of every file says that the project installs (plugins/action/managed_files.py)."""


def judge(host: Host, seen: Seen, given: str) -> Check:
    """Return the check of a server's services; `given` is what follows -i in the commands that mend them."""
    server = seen.server
    if not server.units:
        return bad("services", "systemd no dice cómo están", "en el servidor: systemctl --failed")
    needed = {unit: state for unit, state in server.units.items() if unit not in BESIDE}
    return (
        _stopped(needed, server.at_boot, given)
        or _changed(seen, given)
        or _at_boot(server.at_boot, given)
        or _lacked(host, server, given)
        or good("services", f"{len(needed) - 1} en marcha")
    )


def _stopped(needed: dict[str, str], at_boot: dict[str, str], given: str) -> Check | None:
    """Return the red check of units that do not run."""
    stopped = {unit: state for unit, state in needed.items() if state != "active" and unit != CHRONY}
    if absent := [plain(unit, 60) for unit, state in stopped.items() if state == ABSENT]:
        return bad("services", f"ya no está instalado {some(absent)}", reinstall(given))
    if not stopped:
        return None
    told = some([f"{plain(unit, 60)} ({plain(state, 20)})" for unit, state in stopped.items()])
    return bad(
        "services", f"no corre {told}",
        f"en el servidor: {unmasked(stopped, at_boot)}sudo systemctl start {plain(' '.join(stopped), 200)}; si se "
        f"detiene otra vez, ./difusor preflight -i {given} dice si otro programa ocupa su puerto, y journalctl -u lo "
        "demás",
    )  # fmt: skip


def _changed(seen: Seen, given: str) -> Check | None:
    """Return the red check of units that run, and not as they would with what is in their files and folders now."""
    server, own = seen.server, seen.own
    if not seen.look.files.get(NGINX, "").endswith(f" {nginx_digest()}"):
        return bad(
            "services", "nginx.conf no es el del proyecto en esta versión y nginx puede atender a muchos menos",
            f"./difusor apply -i {given} lo repone; averigüe quién lo cambió, o qué actualización",
        )  # fmt: skip
    if own.closed:
        told = some([plain(path, 100) for path in own.closed])
        return bad(
            "services", f"prep-corte no puede leer {told}: no admitiría ningún corte",
            f"./difusor apply -i {given} lo repone; averigüe quién lo cambió; si sigue, en el servidor: "
            f"namei -l {plain(own.closed[0])}",
        )  # fmt: skip
    if server.refused:
        daemon, reason = next(iter(server.refused.items()))  # the next look names the other
        test = TESTS.get(daemon, (plain(daemon, 20), "-t"))
        remedy = f"en el servidor: corrija o retire ese archivo, y sudo {' '.join(test)}"
        if _is_own(reason, test[-1], own.paths):
            remedy = (
                f"ese archivo es del proyecto, no lo retire: ./difusor apply -i {given} lo repone; si sigue, otro "
                f"archivo choca con él: en el servidor, sudo {' '.join(test)}"
            )
        return bad(
            "services", f"{plain(daemon, 20)} corre, pero no volvería a arrancar: «{plain(reason, 300)}»", remedy
        )
    if server.elsewhere:
        told = some([plain(unit, 60) for unit in server.elsewhere])
        return bad(
            "services", f"un disco montado o un cambio de carpeta dejó a {told} fuera de /srv/prep",
            "en el servidor: sudo systemctl restart prep-corte-gate.service prep-corte-intake.path rsync.service; si "
            "llegó un corte mientras tanto, envíelo otra vez",
        )  # fmt: skip
    if own.altered:
        return bad(
            "services", f"no está como lo dejó la última ejecución: {some([plain(path, 100) for path in own.altered])}",
            f"./difusor apply -i {given} lo repone; averigüe quién lo cambió",
        )  # fmt: skip
    return None


def _is_own(reason: str, tested: str, paths: list[str]) -> bool:
    """Tell whether what a daemon refuses names a file of the project's; without any path it is about the one tested."""
    named = [each.rstrip(".") for each in re.findall(r"/[\w.+/-]+", reason)] or [tested]
    return any(each in paths or each.startswith(CERTIFICATES) for each in named)


def nginx_digest() -> str:
    """Return the SHA-256 of the nginx.conf that this version installs, the same on every server."""
    template = (ROOT / f"roles/nginx/templates{NGINX}.j2").read_text(encoding="utf-8")
    return hashlib.sha256(template.replace("{{ ansible_managed }}", MANAGED).encode()).hexdigest()


def _at_boot(states: dict[str, str], given: str) -> Check | None:
    """Return the red check of units that run and would not start with the server."""
    lost = {
        unit: state for unit, state in states.items() if state in NOT_AT_BOOT and unit != STARTED and unit not in BESIDE
    }
    if not lost:
        return None
    told = some([f"{plain(unit, 60)} ({state})" for unit, state in lost.items()])
    mended = [
        remedy.format(units=plain(" ".join(units), 200), given=given)
        for state, remedy in NOT_AT_BOOT.items()
        if (units := [unit for unit in lost if lost[unit] == state])
    ]
    return bad("services", f"no arrancaría con el servidor: {told}", f"{'; '.join(mended)}; averigüe quién lo cambió")


def _lacked(host: Host, server: Server, given: str) -> Check | None:
    """Return the warning of what a night can begin without."""
    for unit, loss in LACKED.items():
        state, boot = server.units.get(unit, ABSENT), server.at_boot.get(unit, "")
        if unit == RENEWAL and host.partner.tls_mode != "acme":
            continue
        if state == ABSENT:
            return warn("services", f"ya no está instalado {unit}: {loss}", reinstall(given))
        if state != "active" or boot in NOT_AT_BOOT:
            stopped = f"no corre {unit} ({plain(state, 20)})"
            told = stopped if state != "active" else f"{unit} no arrancaría con el servidor ({boot})"
            return warn("services", f"{told}: {loss}", _enabled(unit, boot))
    if server.units.get(ALARM) == "failed":
        return warn(
            "services", f"{ALARM} falló: al certificado le quedan pocos días, o nginx no sirve el de su archivo",
            f"en el servidor: systemctl status {ALARM} dice cuál; corregido eso, sudo systemctl start {ALARM}",
        )  # fmt: skip
    starts = {unit: server.at_boot.get(unit, "") for unit in ENTRANCES}
    if {*starts.values()} <= {*NOT_AT_BOOT, ""} and any(starts.values()):
        unit = next(unit for unit, state in starts.items() if state)
        return warn(
            "services", f"SSH no arrancaría con el servidor: {unit} ({starts[unit]})", _enabled(unit, starts[unit])
        )
    return None


def _enabled(unit: str, boot: str) -> str:
    unmask = unmasked([unit], {unit: boot})
    return f"en el servidor: {unmask}sudo systemctl enable --now {unit}; averigüe quién lo cambió"


def unmasked(units: Iterable[str], at_boot: dict[str, str]) -> str:
    """Return what goes before the command that starts these units: systemd refuses to start one that is masked."""
    masked = [unit for unit in units if at_boot.get(unit) == "masked"]
    return f"sudo systemctl unmask {plain(' '.join(masked), 200)} && " if masked else ""


def reinstall(given: str) -> str:
    """Return what brings back a package that somebody has removed."""
    return f"./difusor apply -i {given} lo instala de nuevo; averigüe quién lo quitó, o qué programa lo desplazó"
