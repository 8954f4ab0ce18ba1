"""Judges what a server's owner has set up beside the project: what stops a run, and what stays open or closed.

Sentences are Spanish, because a difusor's administrator reads them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from difusor.servers import webserver
from difusor.servers.logins import Login

ADMINS = "sudo"
"""The group that the institute's account belongs to once it is set up."""
SPELLING = {
    "allowusers": "AllowUsers",
    "denyusers": "DenyUsers",
    "allowgroups": "AllowGroups",
    "denygroups": "DenyGroups",
}
"""SSH's access lists as its manual writes them, by the name that `sshd -T` prints."""
SESSION = {
    "pubkeyauthentication": "PubkeyAuthentication",
    "authenticationmethods": "AuthenticationMethods",
    "authorizedkeysfile": "AuthorizedKeysFile",
    "forcecommand": "ForceCommand",
    "chrootdirectory": "ChrootDirectory",
}
"""The settings that decide whether an account gets a session of its own by its key, spelt in the same way."""
ADMITTING = {
    "pubkeyauthentication": "yes",
    "authenticationmethods": "any|publickey",
    "authorizedkeysfile": r".*\.ssh/authorized_keys",
}
"""With which words in its value a setting of SESSION lets the account in; one that is not here, only with `none`."""
UPDATING = ("apt-daily.timer", "apt-daily-upgrade.timer")
"""The timers of apt's updates."""
OF_IPTABLES = re.compile(r"ip6? (filter|nat|mangle|raw|security)$")
"""Tables of nft that iptables makes and uses under these names, beside the chains that others make there."""


@dataclass(frozen=True)
class Door:
    """What SSH says of one account when it comes from `address`: its access lists in force, which hold patterns.

    `matched`: those of SESSION that a Match block says, by name; `general`: those that are said for everybody;
    `is_broken`: whether sshd ends at such a block.
    """

    address: str
    lists: Mapping[str, Sequence[str]]
    matched: Mapping[str, str] = field(default_factory=dict)
    is_broken: bool = False
    general: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Neighbours:
    """What the module server_probe found of the owner's ports, rules and access lists of SSH."""

    account: str = ""  # the institute's; empty while no inventory names it
    groups: frozenset[str] = frozenset()  # of that account, if it exists already
    doors: tuple[Door, ...] = ()
    files: Mapping[str, Sequence[str]] = field(default_factory=dict)  # of SSH's configuration, by access list
    overriding: Mapping[str, str] = field(default_factory=dict)  # settings of SSH whose value replaces the project's
    methods: str = ""  # that SSH asks of everybody (AuthenticationMethods)
    places: Mapping[str, Sequence[str]] = field(default_factory=dict)  # lines of SSH's configuration, by setting
    entered: tuple[Login, ...] = ()  # who has logged in by SSH of late
    detour: tuple[str, ...] = ()  # interfaces by which the operator comes in and is answered, where these differ
    tunnel: tuple[tuple[str, str, int, str], ...] = ()  # (interface, kind, port, protocol) where the operator's begins
    excepted: tuple[tuple[str, str, str], ...] = ()  # (path, Match line, setting) of SSH's blocks about ways to log in
    wrapped: Mapping[str, Sequence[str]] = field(default_factory=dict)  # lines about sshd of hosts.allow and hosts.deny
    choosing: tuple[str, ...] = ()  # lines of PAM by which only some accounts log in by SSH
    keyed: tuple[str, ...] = ()  # who may become root by sudo and has a key
    datagrams: tuple[tuple[str, int, str], ...] = ()  # (address, UDP port, program; empty when unknown)
    raw: tuple[tuple[int, str], ...] = ()  # (protocol of IP, program; empty when unknown)
    published: tuple[str, ...] = ()  # by Docker, such as 8080/tcp
    accepting: tuple[str, ...] = ()  # rules of iptables
    shutting: tuple[str, ...] = ()  # rules of iptables; "nft inet filter", "nft inet filter: drop"
    limiting: tuple[str, ...] = ()  # rules that limit what all visitors together get
    limiting_each: tuple[str, ...] = ()  # rules that limit what each source gets
    tables: tuple[str, ...] = ()  # of nftables
    shaped: tuple[str, ...] = ()  # interfaces with a queue of the owner's where the project wants its own
    routed: tuple[str, ...] = ()  # interfaces of virtual machines and tunnels whose packets will not pass any more
    swarm: bool = False
    diverting: tuple[tuple[str, tuple[int, ...]], ...] = ()  # rules that lead ports elsewhere, each with its ports
    masked: tuple[str, ...] = ()  # units of systemd that the roles start
    running: tuple[str, ...] = ()  # services of the owner's that may disturb the page
    jails: tuple[str, ...] = ()  # of the owner's fail2ban, that shut out an address from the page's ports
    settings: tuple[webserver.Setting, ...] = ()  # what the owner's files of nginx say outside of any block
    others_ports: tuple[webserver.Setting, ...] = ()  # what nginx listens on for streams and mail
    samples: tuple[str, ...] = ()  # nginx's files of sites that are as a package has brought them
    main: tuple[webserver.Setting, ...] = ()  # what the owner's own nginx.conf says
    closed_pools: tuple[str, ...] = ()  # of PHP-FPM, whose sockets www-data may not open
    refused: tuple[tuple[str, str, str], ...] = ()  # (program, place, reason): with these it would not start again
    mirror_of: tuple[str, ...] = ()  # names of the page for which an earlier run has set up this server
    modules: tuple[str, ...] = ()  # of the owner's rsync daemon
    ssh_included: bool = True  # whether SSH's main file includes the folder of its drop-ins for everybody
    standalone: tuple[str, ...] = ()  # certificates for whose renewal certbot has to have port 80
    upgraded: tuple[str, ...] = ()  # origins besides the distribution's of which the server installs updates by itself
    updates_off: tuple[str, ...] = ()  # files of apt that say that it installs none, and timers that are off
    halting: tuple[str, ...] = ()  # settings of auditd that stop the server when its log is full
    flushing: bool = False  # whether nftables.service empties the packet filter at boot
    emptying: tuple[tuple[str, str, str], ...] = ()  # (path, command, starter): jobs of the owner's that do


def problems(found: Neighbours, ports: Collection[int] = (), hosts: Collection[str] = ()) -> list[str]:
    """Return every reason not to go on, one sentence each.

    `ports` are the TCP ports that the project needs for itself, `hosts` the names of the page.
    """
    return [
        *_elsewhere(found, hosts),
        *_shut_out(found),
        *_shutting(found),
        *_limiting(found),
        *_diverting(found, ports),
        *_shaped(found),
        *_swarm(found),
        *_units(found),
        *_files(found),
        *_emptying(found),
        *webserver.problems(found.settings, ports, hosts, found.samples),
        *(() if found.mirror_of else webserver.nameless(found.settings, ports, found.samples)),
        *webserver.colliding(found.others_ports, ports),
        *webserver.lost(found.main, found.closed_pools),
    ]


def stays_open(found: Neighbours, programs: Iterable[tuple[int, str, str]]) -> tuple[list[str], list[str]]:
    """Divide `programs` that other hosts reach, as (port, protocol, name), into what the firewall closes and what not.

    Ports that Docker publishes stay open, because its rules come before the firewall's; so do those that the owner's
    own rules of iptables name.
    """
    published = {port for each in found.published for port in ports_of(each)}
    closed: list[str] = []
    opened: list[str] = []
    for port, protocol, name in sorted(set(programs)):
        if (port, protocol) in published:
            continue
        told = f"{name or 'desconocido'} ({port}{'' if protocol == 'tcp' else f'/{protocol}'})"
        (opened if any(_names(rule, port, protocol) for rule in found.accepting) else closed).append(told)
    return closed, [*opened, *(f"Docker ({port.removesuffix('/tcp')})" for port in found.published)]


def ports_of(published: str) -> Iterator[tuple[int, str]]:
    """Yield (port, protocol) for what Docker shows as 8080/tcp or 8080-8082/tcp."""
    numbers, _, protocol = published.partition("/")
    first, _, last = numbers.partition("-")
    yield from ((port, protocol) for port in range(int(first), int(last or first) + 1))


def _names(rule: str, port: int, protocol: str) -> bool:
    """Tell whether a rule of iptables admits this port by its number."""
    named = re.search(r"--dports? (\S+)", rule)
    if not named or f"-p {protocol}" not in rule:
        return False
    ranges = [each.split(":") for each in named[1].split(",")]
    return any(int(bounds[0]) <= port <= int(bounds[-1]) for bounds in ranges)


def _shut_out(found: Neighbours) -> Iterator[str]:
    """Tell of access lists that keep the institute's account out, each once with all the addresses it holds for."""
    reasons: dict[str, list[str]] = {}
    groups = {found.account, ADMINS} | found.groups
    for door in found.doors:
        if refusal := _refusal(door, found, groups):
            reasons.setdefault(refusal, []).append(door.address)
    for refusal, addresses in reasons.items():
        origins = ", ".join(addresses)
        yield f"SSH no dejaría entrar a «{found.account}», la cuenta del Instituto, desde {origins}: {refusal}"


def _refusal(door: Door, found: Neighbours, groups: Iterable[str]) -> str:
    """Return why sshd refuses the account, in the order in which sshd asks; empty when it does not."""

    def listed(name: str, names: Iterable[str]) -> bool:
        return any(_matches(pattern, each, door.address) for pattern in door.lists[name] for each in names)

    def told(name: str) -> str:
        where = " y ".join(found.files.get(name, ())) or "un archivo que /etc/ssh/sshd_config incluye"
        return f"{SPELLING[name]} {' '.join(door.lists[name])} (en {where})"

    for kind, names in (("users", [found.account]), ("groups", sorted(groups))):
        if listed(f"deny{kind}", names):
            return f"lo niega {told(f'deny{kind}')}; quítelo de ahí"
        if door.lists[f"allow{kind}"] and not listed(f"allow{kind}", names):
            return f"no está en {told(f'allow{kind}')}; agregue {found.account if kind == 'users' else ADMINS}"
    return _blocked(door)


def _blocked(door: Door) -> str:
    """Return what a Match block of SSH says by which the account gets no session by its key; empty when none does."""
    if door.is_broken:
        return "sshd no acepta un bloque Match que vale para ella; corríjalo en /etc/ssh/sshd_config o sshd_config.d"
    for said in unfit(door.matched):
        return (
            f"un bloque Match dice para ella «{said}»; exclúyala de ese bloque (en "
            "/etc/ssh/sshd_config o sshd_config.d)"
        )
    return ""


def unfit(said: Mapping[str, str]) -> Iterator[str]:
    """Yield those settings of SESSION, as sshd_config has them, by which an account gets no session by its key."""
    for name, value in said.items():
        if not any(re.fullmatch(ADMITTING.get(name, "none"), word) for word in value.split()):
            yield f"{SESSION[name]} {value}"


def _matches(pattern: str, name: str, address: str) -> bool:
    """Tell whether sshd takes an entry of a list, NAME or NAME@HOSTS, for this name from this address."""
    who, at, hosts = pattern.rpartition("@") if "@" in pattern else (pattern, "", "")
    return _fits(who, name) and (not at or _from(hosts, address))


def _from(hosts: str, address: str) -> bool:
    """Tell whether a comma-separated list of networks and wildcards has this address and nowhere denies it."""
    found = False
    for entry in hosts.split(","):
        wanted = entry.removeprefix("!")
        if "/" in wanted:
            try:
                fits = ipaddress.ip_address(address) in ipaddress.ip_network(wanted, strict=False)
            except ValueError:
                fits = False
        else:
            fits = _fits(wanted.lower(), address.lower())
        if fits and entry.startswith("!"):
            return False
        found = found or fits
    return found


def _fits(pattern: str, text: str) -> bool:
    """Match like sshd: `*` is any text, `?` is one character, and nothing else is special."""
    parts = {"*": ".*", "?": "."}
    return re.fullmatch("".join(parts.get(each, re.escape(each)) for each in pattern), text) is not None


def _shutting(found: Neighbours) -> Iterator[str]:
    for rule in found.shutting:
        table, _, line = rule.removeprefix("nft ").partition(": ")
        if rule.startswith("nft ") and line:
            yield (
                f"la regla «{line}» de la tabla de nft «{table}» niega también la página o los cortes, y UFW no puede "
                "admitirlos; quite esa regla, y de donde se carga al arrancar (/etc/nftables.conf)"
            )
        elif OF_IPTABLES.match(table) and rule.startswith("nft "):
            yield (
                f"una cadena de la tabla de nft «{table}» niega por omisión lo que llega, también a la página y a los "
                f"cortes, y UFW no puede admitirlo; retírela (nft flush chain {table} CADENA, nft delete chain {table} "
                "CADENA, y de /etc/nftables.conf), y a la tabla dele otro nombre: el suyo es el de una de iptables, en "
                "la que están las reglas de UFW y de Docker"
            )
        elif rule.startswith("nft "):
            yield (
                f"la tabla de nft «{table}» niega por omisión lo que llega, también a la página y a los cortes, y UFW "
                f"no puede admitirlo; retírela (nft delete table {table}, y de /etc/nftables.conf)"
            )
        else:
            yield (
                f"iptables niega con «{rule}» también la página o los cortes, antes de preguntar a UFW; quite esa "
                "regla, y de donde se carga al arrancar"
            )


def _limiting(found: Neighbours) -> Iterator[str]:
    for rule in found.limiting:
        yield (
            f"«{rule}» limita lo que todos los visitantes juntos piden de la página, o el Instituto al entregar, y la "
            "cerraría a casi todos cuando vengan muchos; quite ese límite, y de donde se carga al arrancar"
        )


def _elsewhere(found: Neighbours, hosts: Collection[str]) -> Iterator[str]:
    """Tell of a server that is another difusor's mirror, whose page would end: the inventory has the wrong address."""
    if found.mirror_of and hosts and not {*found.mirror_of} & {*hosts}:
        yield (
            f"este servidor ya es el espejo de {' y '.join(found.mirror_of)}, y el inventario, de {' y '.join(hosts)}; "
            "revise ansible_host, o, si es el mismo difusor con otro nombre, agregue el anterior a difusor_aliases por "
            "esta vez (con un certificado para los dos nombres) o devuelva antes el servidor (./difusor remove)"
        )


def _diverting(found: Neighbours, ports: Collection[int]) -> Iterator[str]:
    for rule, led in found.diverting:
        for port in sorted({*led} & {*ports}):
            yield (
                f"«{rule}» desvía lo que llega al puerto {port}, que el proyecto necesita; quite esa regla, y de donde "
                "se carga al arrancar"
            )


def _units(found: Neighbours) -> Iterator[str]:
    for unit in found.masked:
        if found.mirror_of and unit in UPDATING:
            continue  # somebody's who wants no update that night must not stop a late change
        yield f"{unit} está enmascarado y no podría arrancar; systemctl unmask {unit}"


def _files(found: Neighbours) -> Iterator[str]:
    if found.modules:
        yield (
            f"/etc/rsyncd.conf ya sirve {', '.join(found.modules)} por rsync, y el proyecto necesita ese archivo y el "
            "puerto 873 para los cortes; lleve eso a otro servidor, o borre el archivo si ya no se usa"
        )
    if not found.ssh_included:
        yield (
            "/etc/ssh/sshd_config no incluye /etc/ssh/sshd_config.d, y sshd no leería la configuración del proyecto; "
            "ponga como primera línea «Include /etc/ssh/sshd_config.d/*.conf»"
        )
    for setting in found.halting:
        yield (
            f"auditd detendría el servidor al llenarse su bitácora, que no rota («{setting}» en "
            "/etc/audit/auditd.conf), y las reglas del proyecto la harán crecer más; ponga max_log_file_action = "
            "rotate, o suspend en vez de halt"
        )
    for program, place, reason in found.refused:
        yield (
            f"{program} no acepta {place} («{reason}») y no volvería a arrancar, por ejemplo al reiniciar el servidor; "
            f"corríjalo o retírelo, y compruébelo con sudo {program} -t"
        )
    if found.flushing:
        yield (
            "nftables.service vacía al arrancar (flush ruleset) también las reglas de UFW y de Docker; quite esa línea "
            "de /etc/nftables.conf y vacíe ahí solo sus tablas (flush table), o systemctl disable nftables"
        )


def _emptying(found: Neighbours) -> Iterator[str]:
    for path, command, starter in found.emptying:
        called = f", que corre desde {starter}," if starter != path else ""
        yield (
            f"«{command}» en {path}{called} quita las reglas de UFW y de Docker cada vez que corre, por ejemplo al "
            "reiniciar, y el servidor quedaría abierto o cerrado para todos; quítelo de ahí, y pase a UFW las reglas "
            "que deban quedarse"
        )


def _shaped(found: Neighbours) -> Iterator[str]:
    for interface in found.shaped:
        yield (
            f"{interface} ya tiene un control de tráfico (tc): quítelo, o escriba en main.yml difusor_uplink_mbps: "
            "null, con que no se aparta nada del enlace"
        )


def _swarm(found: Neighbours) -> Iterator[str]:
    if found.swarm:
        yield (
            "el Docker del servidor forma parte de un swarm, con el que un reinicio del motor detendría la página; "
            "use otro servidor, o sáquelo de él (docker swarm leave)"
        )
