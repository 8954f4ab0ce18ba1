"""Finds, in the owner's own files of nginx, what would alter the page, stand in its way, or be lost with it.

What such a file says outside of any server block holds for all of nginx. Most of it the PREP's server blocks undo
(roles/nginx/templates/etc/nginx/snippets/prep-own.conf.j2); this names the rest. It also names the sites that would
take the page's visitors, and what the owner's nginx.conf says that the project's does not.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache

from difusor.project import ROOT

CONFIGURATION = ROOT / "roles/nginx/templates/etc/nginx"
# Directives that alter answers or refuse requests, and that a server block cannot undo, or only where their module is
# installed.
LASTING = re.compile(
    r"add_trailer|auth_(?:jwt|ldap|pam)\w*|(?:brotli|zstd|pagespeed|modsecurity|naxsi|perl|js|xslt|image_filter)(?:_\w+)?"
    r"|more_(?:set|clear)_(?:input_)?headers|proxy_set_body|slice|ssl_conf_command|\w+_by_lua(?:_\w+)?"
    r"|(?:Security|Learning|Deny)\w+|testcookie\w*|fancyindex|vod_?\w*|geoip2?_proxy"
)
HARMLESS = re.compile(
    r"(?:brotli|zstd)_(?:comp_level|min_length|types|window|buffers)|js_(?:import|path|set)|perl_(?:set|modules|require)"
)
# Names that exist once in all of nginx: of variables, zones, upstreams, forms of log lines.
VARIABLE = re.compile(r"(?:map|geo|split_clients|geoip2) .*?(\$\w+)$|set (\$\w+)|(?:perl|js)_set (\$\w+)")
OURS = ("/etc/nginx/sites-enabled/prep", "/etc/nginx/conf.d/prep-")
"""How the paths begin that the role nginx installs where nginx looks for sites."""
SHARED = re.compile(
    r"(?:backlog|rcvbuf|sndbuf|fastopen|ipv6only|so_keepalive|accept_filter|setfib)=.*|bind|deferred|reuseport"
    r"|proxy_protocol|multipath"
)
"""Options of `listen` that hold for all sites of an address: nginx lets one site give them, or they change them all."""
# What the owner's nginx.conf may say and nobody miss: the project's says it too, or another figure is no harm.
UNMISSED = re.compile(
    r"worker_\w+|pid|pcre_jit|default_type|sendfile\w*|tcp_\w+|types_hash_\w+|gzip\w*|server_tokens"
    r"|keepalive_\w+|reset_timedout_connection|ssl_protocols|ssl_prefer_server_ciphers|multi_accept|use|accept_mutex"
    r"|events|http|aio|directio|open_file_cache\w*|timer_resolution"
)
WRITTEN = re.compile(r"(?:access|error)_log|\w+_(?:cache|temp)_path")
"""Directives that say where nginx writes."""
UNWRITABLE = ("/etc/", "/usr/", "/boot/")
"""What the unit of the project's nginx may only read (ProtectSystem=full); `nginx -t` runs outside of it."""
INCLUDED = re.compile(
    r"(?:/etc/nginx/)?(?:mime\.types|modules-enabled/\*\.conf|conf\.d/\*\.conf|sites-enabled/\*(?:\.conf)?)"
)
# What the packages say of logs, which nginx does too where nothing is said. Another place or level would be missed.
PACKAGED = re.compile(r"error_log /var/log/nginx/error\.log( error)?|access_log /var/log/nginx/access\.log( combined)?")
SAMPLE = "/etc/nginx/sites-enabled/default"
"""The distribution's own site, which the run takes away."""
ANY = ("", "::")
"""How the addresses of those sockets are told to which everybody comes, of IPv4 and of IPv6."""
ROOM, LONGEST = "server_names_hash_bucket_size", 46
"""What the project's nginx says for the whole server where a name of the page is longer than that many characters."""
LIGHT = "nginx-light"
LIMITLESS = (("Debian", "11"), ("Ubuntu", "22.04"))
"""Where that package is an nginx of its own, without modules that the page needs; later it is the same one."""
NAMED = re.compile(r"(?:\bkeys_zone=|\bzone=|\bshared:)(\w+)|^(?:upstream|log_format) (\w+)")


@dataclass(frozen=True)
class Setting:
    """One directive: its file, its line, its words without the semicolon or brace, and the blocks around it (a/b)."""

    path: str
    line: int
    words: tuple[str, ...]
    within: str = ""


@dataclass
class Site:
    """One server block of the owner's: where it is, what it listens on (address, port, options), and its names."""

    path: str
    line: int
    listens: list[tuple[str, int, tuple[str, ...]]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    is_bound: bool = False  # whether it says on what, be it a unix socket
    refuses: bool = False  # whether it gives nobody anything but an error

    def shared(self, ports: Collection[int]) -> list[tuple[str, int, tuple[str, ...]]]:
        """Return what it listens on that is one of the page's ports; 80 where it says nothing."""
        listens = self.listens if self.is_bound else [("", 80, ())]
        return [each for each in listens if each[1] in ports and "quic" not in each[2]]

    @property
    def place(self) -> str:
        """Where it is, as an administrator finds it."""
        return f"{self.path}:{self.line}"


def limitless(packages: Collection[str], release: tuple[str, str]) -> Iterator[str]:
    """Tell of an nginx that cannot limit what each visitor asks for: with the page's configuration it would not start.

    The package nginx, which the role installs, is content with it.
    """
    if LIGHT in packages and release in LIMITLESS:
        yield (
            f"está instalado {LIGHT}, que no tiene los límites por visitante que la página necesita; cámbielo por el "
            "completo, que conserva los sitios (sudo apt install nginx-core)"
        )


def problems(
    settings: Iterable[Setting],
    ports: Collection[int] = (),
    hosts: Collection[str] = (),
    samples: Collection[str] = (),
) -> Iterator[str]:
    """Yield a sentence for each thing that the page cannot live beside, without its full stop.

    `ports` are the page's, `hosts` its names, `samples` the files that are as a package has brought them.
    """
    settings, hosts = list(settings), {host.lower() for host in hosts}
    for path in sorted({each.path for each in settings if each.path.startswith(OURS)}):
        yield f"{path} es un nombre que usa el proyecto, y tiene un sitio propio; déle otro nombre"
    for each in settings:
        directive, where = each.words[0], f"{each.path}:{each.line}"
        if WRITTEN.fullmatch(directive) and "".join(each.words[1:2]).startswith(UNWRITABLE):
            yield (
                f"{where} escribe en {each.words[1]}, y el nginx del proyecto solo lee /etc, /usr y /boot: no volvería "
                "a arrancar, aunque nginx -t lo acepte; use una ruta de /var"
            )
        if each.within:
            continue
        if directive == ROOM and any(len(host) > LONGEST for host in hosts):
            yield (
                f"{where} fija {ROOM}, que por el nombre de la página, de más de {LONGEST} letras, fijará el proyecto, "
                "con lugar de sobra; nginx no lo admite dos veces: quite ese renglón"
            )
        if LASTING.fullmatch(directive) and not HARMLESS.fullmatch(directive) and each.words[1:] != ("off",):
            yield f"{where} pone «{directive}» para todo nginx y alteraría la página; páselo a los server de sus sitios"
        for name in names(" ".join(each.words)) & _ours():
            yield f"{where} define «{name}», un nombre que usa la página; déle otro ahí y donde sus sitios lo usan"
    for site in sites(settings):
        if site.path != SAMPLE or site.path not in samples:
            yield from _taking(site, ports, hosts)


def _taking(site: Site, ports: Collection[int], hosts: Collection[str]) -> Iterator[str]:
    """Tell of a site that would get the page's visitors, or with which nginx does not start."""
    shared = site.shared(ports)
    claimed = site.names & {*hosts, *(f".{host}" for host in hosts)}
    for name in sorted(claimed) if shared else ():
        yield f"{site.place} es un sitio de «{name}», el nombre de la página; quítelo o déle otro nombre"
    for address, port, options in shared:
        said = f"{site.place} escucha en el puerto {port}"
        if address not in ANY and not _is_loopback(address):
            yield (
                f"{said} de {address}, y nginx daría ahí ese sitio en vez de la página; quite la dirección "
                f"(listen {'[::]:' if ':' in address else ''}{port})"
            )
        if _is_default(options):
            named = ", y escriba en su server_name todos los nombres por los que lo visitan: a los demás no contestaría"
            yield f"{said} por omisión, como la página; quítele default_server{'' if site.refuses else named}"
        if given := [option for option in options if SHARED.fullmatch(option)]:
            yield f"{said} con «{' '.join(given)}», que vale para todos los sitios de ese puerto; quítelo"


def nameless(settings: Iterable[Setting], ports: Collection[int], samples: Collection[str] = ()) -> Iterator[str]:
    """Yield a sentence for each site that answers to any name only because nginx has no other there for it.

    The page's own server for names that nobody has would take its visitors. Of one that says default_server `problems`
    tells.
    """
    for site, where in _defaults(settings, ports, samples):
        explicit = any(_is_default(options) for _, _, options in site.shared(ports))
        if not explicit and not _named(site):
            many = len(where) > 1
            yield (
                f"{site.place} contesta hoy a cualquier nombre en {'los puertos' if many else 'el puerto'} "
                f"{' y '.join(map(str, where))}, por ser ahí el primer sitio de nginx, y ya no contestaría a ninguno; "
                "escriba en su server_name todos los nombres por los que lo visitan"
            )


def unlisted(settings: Iterable[Setting], ports: Collection[int], samples: Collection[str] = ()) -> list[str]:
    """Return the sites that answer today also to names that they do not list, each as "PATH:LINE (NAMES)"."""
    return [_told(site) for site, _ in _defaults(settings, ports, samples) if _named(site)]


def beside(settings: Iterable[Setting], ports: Collection[int], samples: Collection[str] = ()) -> list[str]:
    """Return the owner's sites that others reach at the page's ports, in the same form."""
    return [
        _told(site)
        for site in sites(settings)
        if site.path not in samples and any(not _is_loopback(address) for address, *_ in site.shared(ports))
    ]


def _defaults(
    settings: Iterable[Setting], ports: Collection[int], samples: Collection[str]
) -> list[tuple[Site, list[int]]]:
    """Return the owner's sites that nginx gives today who asks for an unknown name, each with its ports.

    It is the one that says so, or else the first. With one that refuses everybody nobody loses anything.
    """
    first: dict[tuple[str, int], Site] = {}
    chosen: dict[tuple[str, int], Site] = {}
    for site in sites(settings):
        for address, port, options in site.shared(ports):
            if address in ANY:  # at an address of its own a site answers there alone
                first.setdefault((address, port), site)
                if _is_default(options):
                    chosen[address, port] = site
    found: dict[int, tuple[Site, list[int]]] = {}
    for (_, port), site in sorted({**first, **chosen}.items(), key=lambda each: each[0]):
        if site.path not in samples and not site.refuses:
            _, where = found.setdefault(id(site), (site, []))
            where += [] if port in where else [port]
    return list(found.values())


def _is_default(options: Collection[str]) -> bool:
    return bool({"default_server", "default"} & {*options})


def _named(site: Site) -> bool:
    """Tell whether a site has a name by which somebody on the Internet can ask for it: not `_`, nor localhost."""
    return any("." in name or name.startswith("~") for name in site.names)


def _told(site: Site) -> str:
    return f"{site.place} ({' '.join(sorted(site.names)) or 'sin nombre'})"


def sites(settings: Iterable[Setting]) -> list[Site]:
    """Return the server blocks that stand in no block."""
    found: list[Site] = []
    for each in settings:
        if each.words[0] == "server" and not each.within:
            found.append(Site(each.path, each.line))
        elif each.within == "server" and found:
            _read(found[-1], each.words)
    return found


def _read(site: Site, words: tuple[str, ...]) -> None:
    """Note what one directive of a site says of it."""
    value = "".join(words[1:2])
    if words[0] == "server_name":
        site.names |= {name.lower() for name in words[1:]}
    elif words[0] == "listen":
        bound = _bound(value)
        site.is_bound = True
        site.listens += [(*bound, words[2:])] if bound else []
    elif words[0] == "return":
        site.refuses = site.refuses or bool(re.fullmatch(r"4\d\d", value))
    elif words[0] == "ssl_reject_handshake":
        site.refuses = site.refuses or value == "on"


def colliding(listens: Iterable[Setting], ports: Collection[int]) -> Iterator[str]:
    """Yield a sentence for each `listen` of a stream's or mail's server on one of the project's ports.

    Also at an address of its own: the page's sockets are everybody's. `nginx -t` does not say so.
    """
    for each in listens:
        span = re.fullmatch(r"(?:.*:)?(\d+)(?:-(\d+))?", each.words[1]) if each.words[1:] else None
        if span is None or "udp" in each.words or each.words[1].startswith("unix:"):
            continue
        for port in (port for port in sorted(ports) if int(span[1]) <= port <= int(span[2] or span[1])):
            yield (
                f"{each.path}:{each.line} escucha en el puerto {port} en un bloque {each.within.partition('/')[0]}, y "
                "nginx no volvería a arrancar con la página en ese puerto, aunque nginx -t lo acepte; use otro puerto, "
                "o lleve eso a otro servidor"
            )


def _bound(text: str) -> tuple[str, int] | None:
    """Return the address ("", "::": any) and the port of a `listen`; None for a unix socket."""
    match = re.fullmatch(r"(?:(\[[^]]*\]|[^:\[\]]+):)?(\d+)|(\[[^]]*\]|[^:\[\]]+)", text)
    if not match:
        return None
    address = (match[1] or match[3] or "").strip("[]")
    return "" if address in ("*", "0.0.0.0") else address, int(match[2] or 80)


def _is_loopback(address: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(address).is_loopback
    return address == "localhost"


def lost(main: Iterable[Setting], closed_pools: Collection[str] = ()) -> Iterator[str]:
    """Yield a sentence for what an nginx.conf says (its two outer levels) that would be missed when it is replaced.

    `closed_pools` are those of PHP-FPM whose sockets www-data may not open.
    """
    found: dict[str, list[str]] = {"conf.d": [], "modules-enabled": []}
    for each in main:
        words = each.words
        if words[0] == "user":
            if words[1:2] != ("www-data",):
                pools = f" y a los sockets de sus pools de PHP ({', '.join(closed_pools)})" if closed_pools else ""
                yield (
                    f"{each.path}:{each.line} corre nginx como «{' '.join(words[1:2])}», y el proyecto lo corre como "
                    f"www-data: dé a www-data acceso a sus sitios{pools}, y póngalo ahí"
                )
        elif not _is_unmissed(words):
            # Beside the one of nginx.conf, another error_log outside of http would write each line twice.
            folder = "conf.d" if each.within == "http" or words[0] == "error_log" else "modules-enabled"
            found[folder].append(f"{words[0]} (línea {each.line})")
    for folder, names_there in found.items():
        if names_there:
            yield (
                f"/etc/nginx/nginx.conf, que el proyecto reemplaza, pone además {', '.join(names_there)}; páselo a un "
                f"archivo de /etc/nginx/{folder}"
            )


def _is_unmissed(words: tuple[str, ...]) -> bool:
    """Tell whether the project's nginx.conf says the same as these words, or what does no harm."""
    if words[0] == "include":
        return bool(INCLUDED.fullmatch(words[-1]))
    return bool(UNMISSED.fullmatch(words[0]) or PACKAGED.fullmatch(" ".join(words)))


def names(directive: str) -> set[str]:
    """Return the names that a directive, written with single spaces, defines for all of nginx."""
    found = [*VARIABLE.findall(directive), *NAMED.findall(directive)]
    return {name for each in found for name in each if name}


@cache
def _ours() -> frozenset[str]:
    """Return the names that the PREP's configuration defines."""
    found: set[str] = set()
    for path in sorted(CONFIGURATION.rglob("prep*.j2")):
        for statement in re.split(r"[;{}\n]", path.read_text(encoding="utf-8")):
            found |= names(" ".join(statement.split()))
    return frozenset(found)
