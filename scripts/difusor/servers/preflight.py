"""Judges a server before anything on it is touched: what stops the run.

Sentences are Spanish, because a difusor's administrator reads them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from difusor.inventory.values import RSA_BITS, rsa_bits
from difusor.servers import engine, ground, logins, neighbours, sshd, ways, webserver, wrappers
from difusor.servers.ground import Ground
from difusor.servers.neighbours import Neighbours

GIGABYTE = 1000**3
REQUIRES_RSA_SIZE = (9, 1)  # the OpenSSH from which on the role ssh can demand it (RequiredRSASize)
SSH = 22
ACCOUNT_COMMENT = "Instituto (PREP)"
"""What the role accounts says of the account that it has set up (`_accounts_admin_comment`)."""
FIRST_UID = 1000
"""Of the accounts of people; those of services have lower ones."""
WITHOUT_OWNERS = re.compile(r"cifs|smb3|smbfs|vfat|msdos|exfat|ntfs3?|fuse.*|9p")
"""Kinds of file systems that have no owners, links or permissions of Linux, or not all of them."""
SAMPLE_SITE = "/etc/nginx/sites-enabled/default"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""What Docker calls the architectures that the kernel names."""


@dataclass(frozen=True)
class Machine:
    """What was read of one server: Ansible's facts, its packages, and what the module server_probe found."""

    facts: Mapping[str, Any]
    packages: frozenset[str]  # a snap is called snap/<name>
    free: Mapping[str, int]  # bytes by folder
    listeners: tuple[tuple[str, int, str, str], ...]  # (address, TCP port, program, unit; empty when unknown)
    mhz: int  # 0 when unknown
    sites: tuple[str, ...] = ()  # the owner's nginx files
    openssh: str = ""  # version of the package openssh-server
    login_keys: tuple[str, ...] = ()  # lines of the authorized_keys of the account that Ansible logs in with
    rules: tuple[str, ...] = ()  # UFW rules of the server's owner that admit something
    denials: tuple[str, ...] = ()  # UFW rules that deny the page to everybody
    limits: tuple[str, ...] = ()  # UFW rules that limit what each address gets of it
    neighbours: Neighbours = field(default_factory=Neighbours)
    real: Mapping[str, str] = field(default_factory=dict)  # where these folders are in truth, by folder
    keys: tuple[str, ...] = ()  # public keys that open the institute's account now, each as type and key
    has_password: bool = False  # whether that account has one
    uid: int = 0  # of that account, 0 when there is none
    kinds: Mapping[str, str] = field(default_factory=dict)  # of the file systems that hold these folders
    ipv6: bool = True  # whether the kernel has it
    free_files: Mapping[str, int] = field(default_factory=dict)  # how many more fit, by folder; -1 for any number
    ground: Ground = field(default_factory=Ground)

    @property
    def operator(self) -> str:
        """The address the operator comes from; empty when the connection is not SSH."""
        connection: str = self.facts.get("env", {}).get("SSH_CONNECTION", "")
        return connection.partition(" ")[0].partition("%")[0]

    @property
    def entrance(self) -> int:
        """The server's port that the operator came in by, 0 when unknown; a router may forward another one to it."""
        connection = self.facts.get("env", {}).get("SSH_CONNECTION", "").split()
        return int(connection[3]) if len(connection) == 4 else 0

    @property
    def release(self) -> tuple[str, str]:
        """Distribution and release, as (Ubuntu, 22.04) or (Debian, 12)."""
        distribution, version = self.facts["distribution"], self.facts["distribution_version"]
        return distribution, version if distribution == "Ubuntu" else version.partition(".")[0]


def problems(
    server: Machine,
    *,
    releases: Mapping[str, Iterable[str]],
    free_gb: Mapping[str, float],
    finished_free_gb: float,
    port_owners: Mapping[int, str],
    conflicts: Mapping[str, str],
    kept_rules: Iterable[str],
    sensorless: Mapping[str, Iterable[str]],
    trusted: Iterable[str],
    hosts: Collection[str] = (),
    keys: Iterable[str] = (),
    by_password: bool = False,
    break_glass: bool = False,
    strict_paths: bool = True,
    images: Iterable[tuple[str, str]] = (),
    others: Iterable[str] = (),
    subnet: str = "",
    behind: Collection[str] = (),
) -> list[str]:
    """Return every reason not to go on, one sentence each.

    `releases` are the supported versions of each distribution, `free_gb` the gigabytes that each folder must have free,
    `finished_free_gb` what is enough on a server that an earlier run has set up, `port_owners` the package whose
    service may listen on each TCP port, `conflicts` a sentence for each package that must not be installed,
    `kept_rules` the owner's UFW rules that may stay, `sensorless` the versions without the requested sensor, `trusted`
    addresses and networks, `hosts` the names of the page, `keys` the public keys that will open the institute's
    account, `by_password` whether SSH goes on admitting passwords, `break_glass` whether one more key opens that
    account by a file of root, `strict_paths` whether the kernel will drop what comes by another interface than its
    answer goes, `images` the archive and the architecture of each image, "" when it is unknown; `others` addresses and
    names that the server has to reach, `subnet` the containers' addresses, `behind` servers that ssh reaches by it.
    """
    return [
        *_unsupported(server, releases),
        *_foreign(server, images),
        *_without_ipv6(server),
        *_half_way(server),
        *_as_root(server),
        *_sensorless(server, sensorless),
        *_locked_out(server, trusted),
        *ways.problems(server.neighbours, server.rules, behind, strict_paths=strict_paths),
        *engine.problems(server.facts, [*trusted, *others], subnet),
        *_somebodys(server, keys),
        *_by_another_port(server),
        *_short_keys(server),
        *logins.loosened(server.neighbours.excepted, by_password),
        *_ended_by_ssh(server, by_password=by_password, break_glass=break_glass),
        *_full(server, free_gb, finished_free_gb),
        *ground.problems(server.ground, server.neighbours, server.facts, server.free_files),
        *_unfit(server),
        *_occupied(server, port_owners),
        *_of_nginx(server),
        *_conflicting(server, conflicts),
        *_undecided(server, kept_rules),
        *neighbours.problems(server.neighbours, port_owners, hosts),
    ]


def _conflicting(server: Machine, conflicts: Mapping[str, str]) -> Iterator[str]:
    for package, reason in conflicts.items():
        if package in server.packages:
            yield f"está instalado {package} y {reason}; desinstálelo ({_removal(package)})"


def _undecided(server: Machine, kept_rules: Iterable[str]) -> list[str]:
    """Name the owner's UFW rules that the inventory does not decide about."""
    admitted = [
        f"UFW admite «{rule}» por una regla ajena; si debe quedarse, o mientras usted entre por ella, agréguela "
        "tal cual a difusor_kept_ufw_rules; si no, bórrela (ufw delete)"
        for rule in server.rules
        if rule not in kept_rules and rule not in server.limits
    ]
    denied = (
        f"UFW niega «{rule}» a cualquiera, y esa regla vale antes que la de la página; bórrela (ufw delete)"
        for rule in server.denials
    )
    limited = (
        f"UFW limita con «{rule}» a seis conexiones en treinta segundos lo que cada dirección pide de la página, y la "
        "de una red móvil es la de cientos de teléfonos; bórrela (ufw delete)"
        for rule in server.limits
    )
    return [*admitted, *denied, *limited]


def exposed(server: Machine, port_owners: Collection[int]) -> tuple[list[str], list[str]]:
    """Return what other hosts reach now: (what the firewall will close, what stays open), each as "mysqld (3306)"."""
    programs = [
        *((port, "tcp", program) for address, port, program, _ in server.listeners if not _own(address)),
        *((port, "udp", program) for address, port, program in server.neighbours.datagrams if not _own(address)),
    ]
    ours = {SSH, *port_owners}
    closed, opened = neighbours.stays_open(
        server.neighbours, [each for each in programs if each[0] not in ours or each[1] != "tcp"]
    )
    others = {f"{program or 'desconocido'} (protocolo {number} de IP)" for number, program in server.neighbours.raw}
    return [*closed, *sorted(others)], opened


def left_outside(server: Machine, trusted: Iterable[str]) -> list[str]:
    """Return the addresses from which others have come in by SSH of late, and which the firewall will not admit."""
    networks = [ipaddress.ip_network(origin) for origin in trusted]
    return [
        address
        for address in dict.fromkeys(each.address for each in server.neighbours.entered)
        if not any(ipaddress.ip_address(address) in network for network in networks)
    ]


def ends(server: Machine, *, by_password: bool) -> dict[str, list[str]]:
    """Return what ends for those who came in by SSH of late: {refused, closing, unattended}, each a list of texts.

    `by_password`: whether passwords stay admitted.
    """
    found, version = server.neighbours, _openssh(server)
    is_new = bool(found.entered) and not found.mirror_of
    return {
        "refused": logins.refused(found.entered, by_password=by_password, long_rsa=version >= REQUIRES_RSA_SIZE),
        "closing": logins.closing(version, ecdsa="ssh_host_key_ecdsa_public" in server.facts) if is_new else [],
        "unattended": logins.unattended(found.entered, found.keyed, found.account, server.facts.get("user_id", "")),
    }


def _own(address: str) -> bool:
    return address not in ("*", "") and ipaddress.ip_address(address).is_loopback


def _removal(package: str) -> str:
    return f"snap remove {package.removeprefix('snap/')}" if package.startswith("snap/") else f"apt remove {package}"


def _unsupported(server: Machine, releases: Mapping[str, Iterable[str]]) -> Iterator[str]:
    distribution, version = server.release
    if version not in releases.get(distribution, ()):
        known = ", ".join(releases.get("Ubuntu", ()))
        yield f"el sistema es {distribution} {version}, que no se admite; instale Ubuntu Server (versiones: {known})"


def _foreign(server: Machine, images: Iterable[tuple[str, str]]) -> Iterator[str]:
    kernel = server.facts["architecture"]
    own = ARCHITECTURES.get(kernel, kernel)
    for archive, architecture in images:
        if architecture not in ("", own):
            yield (
                f"{archive} es una imagen para {architecture} y el servidor es {own}, donde no corre; use un servidor "
                f"{architecture}, o una imagen para {own} (./difusor images la hace para la máquina en que se corre)"
            )


def _sensorless(server: Machine, releases: Mapping[str, Iterable[str]]) -> Iterator[str]:
    distribution, version = server.release
    if version in releases.get(distribution, ()):
        yield f"{distribution} {version} ya no tiene el paquete suricata; ponga difusor_sensor en false"


def _without_ipv6(server: Machine) -> Iterator[str]:
    if not server.ipv6:
        yield (
            "el núcleo no tiene IPv6 (ipv6.disable=1), sin el cual el paquete de nginx no se instala; quite ese "
            "parámetro de /etc/default/grub, corra update-grub y reinicie; para no usar IPv6 basta con "
            "net.ipv6.conf.all.disable_ipv6=1 en /etc/sysctl.d"
        )


def _half_way(server: Machine) -> Iterator[str]:
    """Tell of packages that the first run would stumble over; a later one finishes what an earlier one has left."""
    names = server.facts.get("packages_unfinished")
    if names and not server.facts.get("recorded"):
        yield (
            f"dpkg dejó a medias {', '.join(names)}, y apt no podría instalar nada más; termínelo con sudo dpkg "
            "--configure -a, y si no basta, con sudo apt --fix-broken install"
        )


def _full(server: Machine, free_gb: Mapping[str, float], finished_free_gb: float) -> Iterator[str]:
    for path, gigabytes in free_gb.items():
        needed = min(gigabytes, finished_free_gb) if server.neighbours.mirror_of else gigabytes
        if server.free[path] < needed * GIGABYTE:
            place, free = server.real.get(path, path), server.free[path] / GIGABYTE
            yield f"{place} tiene {free:.1f} GB libres y necesita {needed}; libere espacio o amplíe el disco"


def _unfit(server: Machine) -> Iterator[str]:
    """Tell of folders that links lead to where the project's services, which see no home folders, cannot go.

    Also of a file system on which the first run would end when it gives the store to its owner, or links a corte.
    """
    for path, real in server.real.items():
        if path.startswith("/srv") and re.match("/(home|root|run/user)/", real):
            yield (
                f"{path} lleva a {real}, y los servicios del proyecto no ven las carpetas personales; móntelo ahí con "
                "mount --bind (y en /etc/fstab) en vez de enlazarlo"
            )
    for path, kind in server.kinds.items():
        if path.startswith("/srv") and WITHOUT_OWNERS.fullmatch(kind) and not server.neighbours.mirror_of:
            yield (
                f"{path} está en un sistema de archivos {kind}, sin dueños, permisos o enlaces como los de Linux, y no "
                "puede guardar los cortes; monte ahí un disco con ext4 o xfs"
            )


def remote(server: Machine) -> list[str]:
    """Return the folders of the cortes that another host's disk holds, as "/srv/prep (nfs4)"."""
    return [f"{path} ({kind})" for path, kind in server.kinds.items() if path.startswith("/srv") and "nfs" in kind]


def _occupied(server: Machine, port_owners: Mapping[int, str]) -> Iterator[str]:
    """Tell of ports that anything but the service of the right package has: by its unit, as names can be the same."""
    taken = set()
    for port, program, unit in sorted({(port, program, unit) for _, port, program, unit in server.listeners}):
        package = port_owners.get(port, "")
        # Of a flavour that an outlet has chosen, as nginx-extras, only the common files' package has the name.
        installed = {package, f"{package}-common"} & server.packages
        if package and (unit != f"{package}.service" or not installed):
            taken.add(port)
            where = f" ({unit})" if unit and unit != f"{program}.service" else ""
            yield f"el puerto {port} lo ocupa {program or 'otro programa'}{where}; detenga y desinstale ese programa"
    for published in server.neighbours.published:
        for port, protocol in neighbours.ports_of(published):
            if protocol == "tcp" and port in port_owners and port not in taken:
                yield f"Docker publica el puerto {port} para un contenedor; publíquelo en otro puerto, o deténgalo"


def _of_nginx(server: Machine) -> Iterator[str]:
    yield from webserver.limitless(server.packages, server.release)
    if SAMPLE_SITE in server.sites:
        yield f"{SAMPLE_SITE} es la muestra de nginx, que se retira, y tiene un sitio propio; déle otro nombre"


def _as_root(server: Machine) -> Iterator[str]:
    # The facts are gathered without sudo, so user_id is the user that logs in.
    if server.operator and server.facts.get("user_id") == "root":
        yield "usted entra por SSH como root, lo que se va a cerrar; use una cuenta con sudo y una llave"


def _locked_out(server: Machine, trusted: Iterable[str]) -> Iterator[str]:
    if wrappers.LIBRARY in server.packages:
        yield from wrappers.problems(server.neighbours.wrapped, trusted)
    if not server.operator:
        return
    address = ipaddress.ip_address(server.operator)
    address = getattr(address, "ipv4_mapped", None) or address
    if not any(address in ipaddress.ip_network(origin) for origin in trusted):
        told = ways.of_a_router(str(address), server.facts)
        yield (
            f"usted entra desde {address}, que no es una dirección confiable, y el cortafuegos lo dejaría fuera; "
            f"{f'{told[0]}; si lo es, ' if told else ''}agréguela a difusor_trusted_addresses o a "
            "election_trusted_addresses"
        )


def _ended_by_ssh(server: Machine, *, by_password: bool, break_glass: bool) -> Iterator[str]:
    """Tell of SSH's own settings for everybody at which a first run would end: a later one finds all of it in force."""
    found = server.neighbours
    if not found.mirror_of:
        yield from sshd.overridden(found, is_dual=SSH in server.facts.get("dual_stack_ports", ()))
        yield from sshd.unsatisfied(found, by_password)
        # Of the account in use, and without SSH, the role proves no login of its own.
        if server.operator and server.facts.get("user_id") != found.account:
            yield from sshd.without_session(found, by_password=by_password, break_glass=break_glass)


def _somebodys(server: Machine, keys: Iterable[str]) -> Iterator[str]:
    """Tell of an account of the institute's name that is somebody else's, who would lose his keys and his password.

    With those of the account in use, which cannot be found twice, the run would lose sudo before its end.
    """
    name = server.neighbours.account
    known = server.facts.get("accounts", {}).get(name, {})
    if not known or known.get("comment") == ACCOUNT_COMMENT:
        return
    if server.uid < FIRST_UID or known["home"] != f"/home/{name}":
        yield (
            f"la cuenta «{name}» del servidor es de un servicio, o no tiene su carpeta en /home (UID {server.uid}, "
            f"{known['home']}); ponga otro nombre en difusor_admin_user"
        )
        return
    if server.facts.get("user_id") == name:
        yield (
            f"usted entra con «{name}», la cuenta de difusor_admin_user, que no hizo el proyecto y cuya contraseña y "
            "llaves cambiarían mientras la usa; entre la primera vez con otra cuenta con sudo (ansible_user), o ponga "
            "otro nombre en difusor_admin_user"
        )
        return
    wanted = {" ".join(key.split()[:2]) for key in keys}
    lost = [*(["su contraseña"] if server.has_password else []), *(["llaves"] if {*server.keys} - wanted else [])]
    if lost:
        yield (
            f"la cuenta «{name}» ya existe en el servidor, no la hizo el proyecto, y perdería {' y '.join(lost)}; si "
            "es de alguien más, ponga otro nombre en difusor_admin_user; si es la del Instituto, agregue sus llaves a "
            "difusor_admin_keys y quítele la contraseña (passwd --lock)"
        )


def _by_another_port(server: Machine) -> Iterator[str]:
    # Where ssh.socket listens, as on Ubuntu since 22.10, a reload of the daemon opens no other port.
    if server.entrance not in (0, SSH):
        yield (
            f"usted entra por el puerto {server.entrance} del servidor, y el cortafuegos admitirá SSH solo en el "
            f"{SSH}, el de la convocatoria; agregue «Port {SSH}» al principio de /etc/ssh/sshd_config y, en el "
            "servidor: sudo systemctl daemon-reload && sudo systemctl restart ssh.socket, si systemctl is-active "
            "ssh.socket dice «active», y si no, sudo systemctl reload ssh; solo cuando ya se entre con "
            f"ssh -p {SSH}, quite ansible_port de hosts.yml"
        )


def _openssh(server: Machine) -> tuple[int, ...]:
    """Return the version of the server's OpenSSH as (9, 6), empty when it is unknown."""
    version = re.match(r"(?:\d+:)?(\d+)\.(\d+)", server.openssh)
    return tuple(map(int, version.groups())) if version else ()


def _short_keys(server: Machine) -> Iterator[str]:
    """Tell of an account whose every key the server will refuse: RSA of less than RSA_BITS, as EC2 makes."""
    if not server.operator or _openssh(server) < REQUIRES_RSA_SIZE:
        return
    bits = [rsa_bits(line) for line in server.login_keys]
    if bits and all(0 < each < RSA_BITS for each in bits):
        yield (
            f"la llave con que usted entra es RSA de {max(bits)} bits y el servidor pedirá {RSA_BITS} o más; agregue "
            "otra a su cuenta (ssh-keygen -t ed25519, ssh-copy-id) y repita"
        )
