"""Kernel parameters and refused modules; a container has its own network parameters, and the same files."""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import fnmatchcase

import pytest
from testinfra.host import Host

Record = Callable[[object], None]

# Values in force in the kernel: the project's own file proves nothing, because UFW or another file may override it.
KERNEL = {
    "net.ipv4.tcp_syncookies": 1,
    "net.ipv4.conf.all.rp_filter": 1,
    "net.ipv4.conf.all.accept_redirects": 0,
    "net.ipv4.conf.all.send_redirects": 0,
    "net.ipv4.conf.all.accept_source_route": 0,
    "net.ipv6.conf.all.accept_redirects": 0,
    "net.ipv4.icmp_echo_ignore_broadcasts": 1,
    "net.ipv4.ip_unprivileged_port_start": 1024,
}
# Values of each interface, as the kernel goes by them: with IPv4 the larger of its own and that of `all`. Debian 13
# sets a looser rp_filter for each interface.
INTERFACES = {
    "ipv4/conf/*/rp_filter": 1,
    "ipv4/conf/*/accept_redirects": 0,
    "ipv4/conf/*/send_redirects": 0,
    "ipv6/conf/*/accept_redirects": 0,
}
# systemd-networkd does not read the kernel's accept_ra: the firewall keeps an advertisement from it.
REFUSED = "-A prep-input -p ipv6-icmp -m icmp6 --icmpv6-type 134 -j DROP"
# Kernel modules that a web server does not need.
BLOCKED = ("cramfs", "dccp", "hfs", "jffs2", "rds", "sctp", "tipc")


@pytest.mark.criterion("RED-06")
def test_router_advertisements_are_refused_unless_ipv6_depends_on_them(host: Host, record_evidence: Record) -> None:
    """Un anuncio de ruta falso no desvía el tráfico de un servidor cuya red IPv6 no llega por anuncios."""
    routes = host.check_output("ip -6 route show")
    addresses = host.check_output("ip -6 -oneline address show scope global dynamic")
    accepted = host.sysctl("net.ipv6.conf.default.accept_ra")
    first = host.check_output("ip6tables -S prep-input").splitlines()[1]
    record_evidence(
        f"accept_ra = {accepted}; {first}; rutas: {routes}; direcciones por anuncio: {addresses or 'ninguna'}"
    )
    depends = addresses or re.search(r"\bproto (kernel_)?ra\b", routes)
    assert depends or (accepted, first) == (0, REFUSED)


@pytest.mark.criterion("RED-06")
@pytest.mark.parametrize("name", KERNEL)
def test_kernel_parameters(host: Host, name: str, record_evidence: Record) -> None:
    """El núcleo del servidor resiste inundaciones SYN, suplantación de direcciones y redirecciones de ruta."""
    value = host.sysctl(name)
    record_evidence(f"{name} = {value}")
    assert value == KERNEL[name]


@pytest.mark.criterion("RED-06")
@pytest.mark.parametrize("name", INTERFACES)
def test_each_interface_has_the_kernel_parameters(host: Host, name: str, record_evidence: Record) -> None:
    """Ninguna interfaz de red acepta un origen que no llega por ella, ni sigue o envía redirecciones de ruta."""
    # One that goes away meanwhile is no fault.
    listed = host.run(f"grep -H . /proc/sys/net/{name}").stdout.splitlines()
    values = {path.split("/")[6]: int(value) for path, value in (line.rsplit(":", 1) for line in listed)}
    for_all = values["all"] if name.startswith("ipv4") else 0
    found = {interface: max(value, for_all) for interface, value in values.items()}
    said = host.run("cat /etc/sysctl.conf /etc/sysctl.d/*.conf /run/sysctl.d/*.conf /usr/lib/sysctl.d/*.conf")
    record_evidence(f"{name}: {found}")
    wrong = {interface for interface, value in found.items() if value != INTERFACES[name]}
    assert {each for each in wrong if each in ("all", "default") or not _named(said.stdout, name, each)} == set()


def _named(text: str, name: str, interface: str) -> bool:
    """Tell whether files of kernel parameters set one of these of an interface by its name, or by a part of it."""
    everyone = f"net/{name}".replace("/", ".")
    names = {line.partition("=")[0].strip(" -").replace("/", ".") for line in text.splitlines()}
    return any(fnmatchcase(everyone.replace("*", interface), each) for each in names - {everyone})


@pytest.mark.criterion("RED-03")
def test_rare_kernel_modules_never_load(host: Host, record_evidence: Record) -> None:
    """El núcleo no carga sistemas de archivos ni protocolos de red raros, que un espejo no usa."""
    rules = host.check_output("cat /etc/modprobe.d/*.conf").splitlines()
    loaded = {line.split()[0] for line in host.run("cat /proc/modules").stdout.splitlines()}
    record_evidence(f"bloqueados: {', '.join(line.split()[1] for line in rules if line.startswith('install '))}")
    assert [name for name in BLOCKED if f"install {name} /bin/true" not in rules] == []
    assert not loaded & set(BLOCKED)
