"""Judges what was seen on a server against its inventory and its election."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from difusor.baseline.look import fingerprint
from difusor.baseline.look import signers as listed
from difusor.baseline.record import Look
from difusor.countdown import services, window
from difusor.countdown.checks import Check, bad, good, warn
from difusor.countdown.look import FAMILIES, SHOWN, admitted
from difusor.countdown.seen import Disk, Own, Seen, Server, UfwFiles
from difusor.countdown.services import ABSENT, CHRONY
from difusor.inventory import Election, Host
from difusor.project import ROOT, is_stray
from difusor.spec.expected import SSH_PORT
from difusor.terminal import plain, some

GIGABYTE = 1000**3
FULL, NEARLY_FULL = 1 * GIGABYTE, 4 * GIGABYTE
"""Free bytes below which a night may not fit, and below which one could run short."""
TEMPORARY = ("/tmp", "/var/tmp")
"""Where temporary files are, when that is a file system of its own; the second one where the first leads there."""
MEGABYTE = 1000**2
TEMPORARY_FULL, TEMPORARY_NEARLY_FULL, TEMPORARY_FILES = 16 * MEGABYTE, 64 * MEGABYTE, 100
"""Free bytes and files that these need."""
FEW_FILES = 0.05
"""The share of free files (inodes) below which a disk counts as full."""
CLOCK_SLACK = 2.0
"""Seconds by which a server's clock may differ from this machine's, beyond the time that the question took."""
CLOCK_AGE = timedelta(minutes=4)
"""How old the gate's last look at its clock may be: it looks every minute, and tells so every half."""
CODE = "/usr/local/lib/prep-corte/corte"
"""Where a server has the code that takes in cortes, of which the same version signs them here."""
PUBLIC = "/srv/prep/publico"
"""What everybody may read; files of the store that are not public yet lie elsewhere."""
KEPT = "fuera de /srv/prep, /var/lib/docker, /var/lib/containerd, /var/lib/prep-difusor y /var/log"
"""Where nothing is deleted to make room: cortes, containers, what the roles know of the server, and evidence."""
FOREIGN = (
    "si sigue, la regla no es del proyecto: en el servidor, sudo ufw status numbered y sudo iptables -S (o ip6tables) "
    "dicen cuál es; quítela"
)
IMAGES = {"prep": "el PREP", "waf": "el WAF"}


def judge(host: Host, seen: Seen, given: str) -> list[Check]:
    """Return the checks of a server; `given` is what follows -i in the commands that mend it."""
    server = seen.server
    return [
        services.judge(host, seen, given),
        _code(seen.look, given),
        window.judge(host.election, server, given),
        _clock(server, seen.asked, seen.answered, given),
        _signers(host.election, server, seen.look, given),
        _image(host, server, given),
        _trusted(host, server, given) or _ufw_files(host, seen.ufw_files, given),
        _room(server, given),
    ]


def entered(host: Host, own: Own, given: str) -> Check | None:
    """Return the red check of who enters as the institute's account with a key that its inventory does not have.

    So it is where an image of before a key was removed came back, or where the server was down when `apply` removed it.
    """
    partner = host.partner
    wanted = [*partner.admin_keys, *filter(None, [partner.break_glass_key])]
    strange = sorted(own.keys.keys() - {fingerprint(each.split()[1]) for each in wanted})
    if not strange:
        return None
    path = own.keys[strange[0]]  # the next look names the others' places
    is_left = path.endswith("authorized_keys2")  # a run makes the other files anew, and this one stays
    repair = f"en el servidor: quítela de {plain(path, 100)}" if is_left else f"./difusor apply -i {given}"
    return bad(
        "server", f"entra además {some([plain(each, 60) for each in strange])}, que no está en difusor_admin_keys",
        f"{repair}; averigüe desde cuándo",
    )  # fmt: skip


def _room(server: Server, given: str) -> Check:
    """Return the worst check of a server's file systems; those of temporary files need little, and are judged apart."""
    others = {place: disk for place, disk in server.disks.items() if place not in TEMPORARY}
    checks = [_disk(server.model_copy(update={"disks": others}), given)]
    checks += [_temporary(place, server.disks[place]) for place in TEMPORARY if place in server.disks]
    return max(checks, key=lambda each: ("good", "warn", "bad").index(each.state))


def _temporary(place: str, disk: Disk) -> Check:
    """Return the check of the file system where the signatures of cortes are verified, in a folder of the unit's."""
    told, is_full = f"{disk.free / MEGABYTE:,.0f} MB libres", disk.free < TEMPORARY_FULL
    if disk.read_only:
        told, is_full = "no admite escritura", True
    elif disk.files and disk.free_files < TEMPORARY_FILES:
        told, is_full = f"no admite más archivos (quedan {disk.free_files:,})", True
    elif disk.free >= TEMPORARY_NEARLY_FULL:
        return good("disk", told)
    return (bad if is_full else warn)(
        "disk", f"{place}, donde se comprueban las firmas: {told}",
        f"en el servidor: findmnt {place} y sudo du -xhd1 {place} | sort -h dicen qué es y qué lo ocupa; borre lo que "
        "sobra, o amplíelo",
    )  # fmt: skip


def _code(look: Look, given: str) -> Check:
    here = ROOT / "scripts/corte"
    installed = (path for path in here.rglob("*.py") if not is_stray(path.name))
    digests = {path.relative_to(here): hashlib.sha256(path.read_bytes()).hexdigest() for path in installed}
    if all(look.files.get(f"{CODE}/{path}", "").endswith(f" {digest}") for path, digest in digests.items()):
        return good("code", "la de esta máquina")
    return bad(
        "code",
        "el servidor tiene otra versión del proyecto que esta máquina y puede rechazar los cortes que aquí se firman",
        f"si la atrasada es esta máquina, git pull aquí antes que nada; si es el servidor, ./difusor apply -i {given}",
    )  # fmt: skip


def _clock(server: Server, asked: datetime, answered: datetime, given: str) -> Check:
    repair = (
        f"en el servidor: {services.unmasked([CHRONY], server.at_boot)}sudo systemctl restart chrony, espere dos "
        "minutos y repita; chronyc sources dice quién le responde (UDP 123 de salida)"
    )
    state = server.units.get(CHRONY, "ausente")
    if state == ABSENT:
        return bad("clock", "chrony ya no está instalado y la compuerta no abriría", services.reinstall(given))
    if state != "active":
        return bad("clock", f"chrony no corre ({plain(state, 40)}) y la compuerta no abriría", repair)
    here = datetime.fromtimestamp(server.now, UTC)
    if seconds := apart(here, asked, answered):
        return bad(
            "clock",
            f"está {seconds:+.0f} s del de esta máquina",
            f"vea cuál está mal (timedatectl, en las dos); {repair}",
        )
    clock = (server.status or {}).get("clock")
    clock = clock if isinstance(clock, dict) else {}
    checked = window.instant(clock.get("checked"))
    if checked is None or here - checked > CLOCK_AGE:
        return bad(
            "clock", "la compuerta no ha mirado su reloj en los últimos minutos",
            "en el servidor: sudo systemctl restart prep-corte-gate",
        )  # fmt: skip
    if clock.get("synchronised") is not True:
        return bad("clock", "la compuerta no lo da por sincronizado y no abriría", repair)
    offset = clock.get("offset_seconds")
    return good("clock", f"sincronizado ({offset:+.4f} s)" if isinstance(offset, float) else "sincronizado")


def apart(there: datetime, asked: datetime, answered: datetime) -> float:
    """Return by how many seconds a clock differs that was read between two instants of this one; 0 within the slack."""
    slack = timedelta(seconds=CLOCK_SLACK)
    if asked - slack <= there <= answered + slack:
        return 0.0
    return (there - (asked if there < asked else answered)).total_seconds()


def _signers(election: Election, server: Server, look: Look, given: str) -> Check:
    repair = f"./difusor signers -i {given}"
    wanted = listed(election.allowed_signers)
    wrong = [f"{key[:16]}… no es de la elección" for key in look.signers.keys() - wanted.keys()]
    wrong += [f"falta {wanted[key].partition(' ')[0]} ({key[:16]}…)" for key in wanted.keys() - look.signers.keys()]
    wrong += [
        f"{key[:16]}… vale con otros límites" for key in wanted.keys() & look.signers.keys()
        if wanted[key] != look.signers[key]
    ]  # fmt: skip
    if wrong:
        return bad(
            "signers",
            f"el servidor no admite a los de la elección: {some(sorted(wrong))}",
            f"{repair} los repone; averigüe quién los cambió",
        )
    if server.revoked is None:
        return bad("signers", "falta su lista de llaves revocadas y rechazaría todos los cortes", f"{repair} la repone")
    if _keys(server.revoked) != _keys(election.revoked):
        return bad("signers", "su lista de llaves revocadas no es la de la elección", repair)
    if gap := _gap(election):
        needs = "" if gap < election.closes else ", y aún se firman el corte del cierre y lo que después se ordene"
        return (warn if needs else bad)(
            "signers", f"ninguna llave vale desde {window.told(gap, election)}{needs}",
            f"corrija las fechas en election_signers y ejecute {repair}",
        )  # fmt: skip
    return good("signers", f"{len(wanted)} como en la elección")


def _gap(election: Election) -> datetime | None:
    """Return the first instant from the opening on at which nobody may sign; None when there is none.

    Where results are retained, the corte of the closing hour is signed after the close, and so is what the institute
    orders then.
    The signers of a night may take turns, each with a key of his own.
    """
    revoked = {each.split()[1] for each in election.revoked_keys}
    signers = [each for each in election.signers if each.key.split()[1] not in revoked]
    at, end = election.opens, election.window.retain_until
    if end > election.closes:  # else no mirror takes anything after the close
        end = max(end, election.closes + timedelta(minutes=election.interval_minutes))
    while at < end:
        valid = [each.valid_before for each in signers if each.valid_after <= at < each.valid_before]
        if not valid:
            return at
        at = max(valid)
    return None


def _keys(text: str) -> set[str]:
    return {line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")}


def _image(host: Host, server: Server, given: str) -> Check:
    apply = f"./difusor apply -i {given}"
    if server.containers is None:
        return bad("image", "Docker no responde", "en el servidor: sudo systemctl restart docker")
    running = [each for each in server.containers if each.state == "running"]
    for role, title in IMAGES.items():
        image = getattr(host.partner, f"{role}_image")
        digest = (image.sha256 or str(image.reference).partition("@sha256:")[2])[:12]
        ours = [each for each in running if each.role == role]
        if not ours:
            return bad("image", f"no corre {title}", f"en el servidor: sudo docker ps --all; si no vuelve, {apply}")
        if other := next((each for each in ours if each.image != f"prep-difusor/{role}:{digest}"), None):
            return bad(
                "image", f"{title} corre {plain(other.image, 60)} y el inventario fija {digest}",
                f"si la fijada es la debida, {apply}; averigüe quién la cambió",
            )  # fmt: skip
        if any(each.health == "unhealthy" for each in ours):
            return bad(
                "image",
                f"{title} no pasa su propia comprobación",
                f"en el servidor: sudo docker restart {role}-{digest}",
            )
        if any(each.health == "healthy" and not each.reached for each in ours):
            return bad(
                "image", f"{title} corre, pero nginx no lo alcanza: alguien vació las reglas de Docker o quitó su red",
                f"{apply} lo repone; en el servidor, sudo systemctl restart docker repone las reglas sin detenerlo",
            )  # fmt: skip
        if any(each.health == "starting" for each in ours):
            return warn(
                "image", f"{title} apenas arrancó y aún no pasa su comprobación",
                f"espere un minuto y repita; si sigue así, en el servidor: sudo docker restart {role}-{digest}",
            )  # fmt: skip
    return good("image", "las fijadas, sanas")


def _trusted(host: Host, server: Server, given: str) -> Check | None:
    """Return the red check of whom a server admits now; None when these are the trusted addresses."""
    repair = f"./difusor trusted -i {given}"
    wanted = _wanted(host)
    if server.denies is False:
        return bad(
            "trusted", "el cortafuegos no está en vigor: cualquiera llega a SSH, a rsync y a lo demás que escuche",
            f"./difusor apply -i {given} lo repone; averigüe quién lo apagó o vació sus reglas",
        )  # fmt: skip
    if server.admitted is None:
        return bad("trusted", "no se pudieron leer las reglas del cortafuegos", "en el servidor: sudo ufw status")
    missing, strange = _compared(host, server.admitted)
    if missing:
        return bad("trusted", f"el cortafuegos no admite a {some(missing)}", repair)
    if strange:
        return bad("trusted", f"el cortafuegos admite a {some(strange)}, que no es de la lista", f"{repair}; {FOREIGN}")
    if {_network(each) for each in server.allowed or ()} != wanted:
        return bad("trusted", "rsync no admite exactamente las direcciones de la lista", repair)
    return None


def _ufw_files(host: Host, ufw_files: UfwFiles, given: str) -> Check:
    """Return the check of whom a server will admit after its next start: UFW then loads its files, and only then."""
    repair = f"./difusor apply -i {given} lo repone, o dice qué corregir"
    if ufw_files.unloadable:
        path, said = next(iter(ufw_files.unloadable.items()))  # the next look names the others
        return bad(
            "trusted", f"cuando el servidor arranque, el cortafuegos no cargará {plain(path, 60)} y quizá no admita a "
            f"nadie: {f'«{plain(said, 300)}»' if said else 'no hay nada en él'}",
            f"antes de reiniciarlo: {repair}",
        )  # fmt: skip
    rules = [rule for chain, lines in ufw_files.rules.items() for rule in admitted("\n".join(lines), chain)]
    missing, strange = _compared(host, rules)
    if len(ufw_files.rules) == len(FAMILIES) and (missing or strange):
        told = f"no admitirá a {some(missing)}" if missing else f"admitirá a {some(strange)}, que no es de la lista"
        return bad(
            "trusted", f"cuando el servidor arranque, el cortafuegos {told}: sus archivos están dañados o son otros",
            f"antes de reiniciarlo: {repair}",
        )  # fmt: skip
    return good("trusted", f"{len(_wanted(host))} en la lista y en el cortafuegos")


def _wanted(host: Host) -> set[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    return {ipaddress.ip_network(each) for each in host.election.trusted_addresses + host.partner.trusted_addresses}


def _compared(host: Host, rules: Iterable[Sequence[str]]) -> tuple[list[str], list[str]]:
    """Return who of the list lacks a rule, and who has one and is not on it; a rule is [ports, source]."""
    wanted = _wanted(host)
    closed = (SSH_PORT, host.rsync_port)  # only trusted addresses reach them
    found = {(port, _network(source)) for ports, source in rules for port in closed if _contains(ports, port)}
    missing = {network for network in wanted for port in closed if (port, network) not in found}
    strange = {network for _, network in found} - wanted
    return sorted(map(str, missing)), sorted("cualquiera" if each is None else str(each) for each in strange)


def _contains(ports: str, port: int) -> bool:
    """Tell whether a rule's ports ("22", "80,443", "1:1000"; "" is all) contain one."""
    bounds = (each.partition(":") for each in (ports or "0:65535").split(","))
    try:
        return any(int(first) <= port <= int(last or first) for first, _, last in bounds)
    except ValueError:
        return True  # what is not understood may be the port


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """Return the network of a rule's source; None for everybody, and for what is no address."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _disk(server: Server, given: str) -> Check:
    for folder, disk in server.disks.items():
        place = plain(folder)
        if disk.read_only:
            return bad(
                "disk", f"{place} no admite escritura",
                "el disco puede estar fallando: sudo dmesg en el servidor; hable con su difusor",
            )  # fmt: skip
        if disk.free_files < disk.files * FEW_FILES:
            return bad(
                "disk", f"{place} no admite más archivos (quedan {disk.free_files:,} de {disk.files:,})",
                f"en el servidor: sudo du --inodes -xd1 {place} | sort -n dice dónde hay tantos; borre los que sobren "
                f"{KEPT}, o amplíe el disco",
            )  # fmt: skip
        if disk.free < FULL:
            return bad("disk", *_filled(place, disk))
    if closed := _closed(server, given):
        return closed
    for folder, disk in server.disks.items():
        if disk.free < NEARLY_FULL:
            return warn("disk", *_filled(plain(folder), disk))
    least = min(server.disks.values(), key=lambda each: each.free, default=None)
    if least is None:
        return bad("disk", "no se pudo leer ningún disco", "en el servidor: df -h")
    return good("disk", f"{least.free / GIGABYTE:,.0f} GB libres")


def _closed(server: Server, given: str) -> Check | None:
    """Return the red check of folders of /srv/prep that are missing, or shut to who writes or reads there."""
    if server.unwritable:
        folder, user = next(iter(server.unwritable.items()))  # the remedy is the others' too
        return bad(
            "disk", f"{plain(user, 40)} no puede escribir en {plain(folder)}" if user else f"falta {plain(folder)}",
            f"./difusor apply -i {given} lo repone; si sigue, en el servidor: namei -l {plain(folder)}; averigüe quién "
            "lo cambió",
        )  # fmt: skip
    if server.readable is False:
        return bad(
            "disk", "nginx no puede leer el corte que se muestra: alguien quitó permisos en /srv/prep",
            f"en el servidor: sudo chmod o+x /srv /srv/prep && sudo chmod -R o+rX {PUBLIC}; si sigue: namei -l {SHOWN}",
        )  # fmt: skip
    return None


def _filled(place: str, disk: Disk) -> tuple[str, str]:
    """Return what is told of a disk with little room, and what to do."""
    return (
        f"{place} tiene {disk.free / GIGABYTE:.1f} GB libres",
        f"en el servidor: sudo du -xhd1 {place} | sort -h dice qué lo ocupa; borre lo que sobre {KEPT}, o amplíe el "
        "disco",
    )
