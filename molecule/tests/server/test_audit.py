"""The audit rules, and AIDE's comparison of the system with its authorised state."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from testinfra.host import Host

from difusor.suite.waiting import until

Record = Callable[[object], None]

AIDE = 300.0  # seconds within which AIDE must have read the whole system
PRIVILEGED = (
    "/usr/bin/sudo",
    "/usr/bin/su",
    "/usr/bin/passwd",
    "/usr/bin/chage",
    "/usr/bin/mount",
    "/usr/sbin/usermod",
)
WATCHED = (
    "/etc/sudoers",
    "/etc/passwd",
    "/etc/ssh",
    "/etc/nginx",
    "/etc/prep-corte",
    "/etc/docker",
    "/run/containerd/containerd.sock",  # its folder has to stand before the rules are loaded, also at boot
)


@pytest.mark.criterion("SW-05")
def test_changes_are_audited(host: Host, record_evidence: Record) -> None:
    """La auditoría dice quién cambió usuarios, sudo, SSH, Docker, nginx o cortes, y quién usó programas de root."""
    contained = host.run("test -e /.dockerenv || systemd-detect-virt --container --quiet").rc == 0
    # In a container the kernel does not tell its audit rules; there the file of rules that a server would load is read.
    rules = host.check_output("cat /etc/audit/audit.rules" if contained else "auditctl -l")
    wanted = [*WATCHED, host.check_output('realpath "$(command -v dockerd)"')]
    watched = [name for name in wanted if f"-w {name} " in rules]
    privileged = [name for name in PRIVILEGED if f"path={name} " in rules]
    running = host.service("auditd").is_running
    state = "activo" if running else "sin núcleo propio" if contained else "detenido"
    record_evidence(f"auditd {state}; cambios: {watched}; uso: {privileged}")
    assert host.service("auditd").is_enabled
    assert running or contained
    assert watched == wanted
    assert privileged == list(PRIVILEGED)


@pytest.mark.criterion("RED-03")
def test_programs_are_the_authorised_ones(host: Host, record_evidence: Record) -> None:
    """AIDE compara cada día el sistema con su estado autorizado; desde entonces ningún programa ha cambiado."""
    until(
        lambda: host.run("systemctl is-active aiderenew.service").stdout.strip(),
        lambda state: state != "activating",
        what="termine de autorizarse el estado del sistema",
        within=AIDE,
    )
    database = host.file("/var/lib/prep-aide/aide.db")
    check = host.run("aide --config /etc/aide/aide.conf --limit '^/usr/s?bin/' --check")
    record_evidence(f"estado autorizado el {database.mtime}; {check.stdout.strip()[-300:]}")
    assert host.service("aidecheck.timer").is_enabled
    assert host.service("aidecheck.timer").is_running
    assert (database.user, database.mode & 0o077) == ("root", 0)
    assert database.contains("^/etc/ssh/sshd_config ")
    assert check.rc == 0
