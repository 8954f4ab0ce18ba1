"""The institute's user, and what protects the server below its services."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from testinfra.host import Host

Expect = Callable[[str], dict[str, Any]]
Record = Callable[[object], None]

# Runtime values, read from the kernel: the file alone would prove nothing, UFW or another file may come after it.
KERNEL = {
    "net.ipv4.tcp_syncookies": 1,
    "net.ipv4.conf.all.rp_filter": 1,
    "net.ipv4.conf.all.accept_redirects": 0,
    "net.ipv4.conf.all.send_redirects": 0,
    "net.ipv4.conf.all.accept_source_route": 0,
    "net.ipv6.conf.all.accept_redirects": 0,
    "net.ipv4.icmp_echo_ignore_broadcasts": 1,
}


@pytest.mark.clause("SW-05")
def test_institute_user_has_root_privileges(
    host: Host, variables: dict[str, Any], expect: Expect, record_evidence: Record
) -> None:
    """El usuario del Instituto existe y sudo le permite ejecutar cualquier orden con privilegios de root."""
    name, uid = variables["difusor_admin_user"], expect("SW-05")["uid"]
    user = host.user(name)
    assert user.exists
    allowed = host.run(f"sudo --list --other-user={name} --user='#{uid}' /usr/bin/id")
    rules = host.check_output(f"sudo --list --other-user={name}")
    record_evidence(f"{name} (grupos {', '.join(user.groups)}): {rules.split('commands on', 1)[-1]}")
    assert allowed.rc == 0
    assert "(ALL : ALL)" in rules


@pytest.mark.clause("SW-05", "SW-03")
def test_institute_user_can_log_in(host: Host, variables: dict[str, Any], record_evidence: Record) -> None:
    """El usuario del Instituto tiene las llaves registradas y ninguna otra, o una contraseña con hash SHA-512."""
    user = host.user(variables["difusor_admin_user"])
    listed = host.run(f"cat {user.home}/.ssh/authorized_keys").stdout.splitlines()
    found = {line.split()[1] for line in listed if line.strip() and not line.startswith("#")}
    registered = {key.split()[1] for key in variables["difusor_admin_keys"]}
    hashed = user.password.startswith("$6$")
    record_evidence(f"{len(found)} llaves autorizadas; contraseña {'con hash SHA-512' if hashed else 'deshabilitada'}")
    assert found == registered
    assert found or hashed
    assert hashed or user.password in ("*", "!")


@pytest.mark.clause("RED-06")
@pytest.mark.parametrize("name", KERNEL)
def test_kernel_parameters(host: Host, name: str, record_evidence: Record) -> None:
    """El núcleo del servidor resiste inundaciones SYN, suplantación de direcciones y redirecciones de ruta."""
    value = host.sysctl(name)
    record_evidence(f"{name} = {value}")
    assert value == KERNEL[name]


@pytest.mark.clause("RED-03")
def test_security_updates_are_automatic_or_frozen(
    host: Host, variables: dict[str, Any], record_evidence: Record
) -> None:
    """Las actualizaciones de seguridad se instalan solas, salvo que el Instituto las haya congelado para la jornada."""
    period = host.check_output("apt-config shell V APT::Periodic::Unattended-Upgrade").strip()
    frozen = variables.get("base_updates_frozen", False)
    record_evidence(f"APT::Periodic::Unattended-Upgrade {period}; congeladas: {'sí' if frozen else 'no'}")
    assert host.package("unattended-upgrades").is_installed
    assert period == f"V='{0 if frozen else 1}'"
