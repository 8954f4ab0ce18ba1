"""What is in force in the server's kernel; needs a virtual machine, as containers use the kernel of their host."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from testinfra.host import Host

from difusor.suite.machine import roots_alone

pytestmark = pytest.mark.vm

Record = Callable[[object], None]

# Values that the kernel has once for the whole machine; a container would show those of its host.
KERNEL = {
    "dev.tty.ldisc_autoload": 0,
    "fs.protected_fifos": 2,
    "fs.protected_hardlinks": 1,
    "fs.protected_regular": 2,
    "fs.protected_symlinks": 1,
    "fs.suid_dumpable": 0,
    "kernel.dmesg_restrict": 1,
    "kernel.kptr_restrict": 2,
    "kernel.perf_event_paranoid": 4,
    "kernel.randomize_va_space": 2,
    "kernel.sysrq": 0,
    "kernel.yama.ptrace_scope": 1,
    "net.core.bpf_jit_harden": 2,
    "net.ipv4.conf.all.log_martians": 1,
    "net.ipv4.conf.all.rp_filter": 1,
    "net.ipv4.ip_forward": 1,  # Docker turns it on
    "net.ipv4.tcp_syncookies": 1,
}


@pytest.mark.criterion("RED-06")
def test_kernel_has_the_values(host: Host, record_evidence: Record) -> None:
    """El núcleo tiene en vigor los parámetros que limitan a quien ya entró y resisten a quien inunda."""
    found = {name: host.sysctl(name) for name in KERNEL}
    record_evidence(found)
    # Who has closed it further keeps that.
    assert found == {**KERNEL, "kernel.yama.ptrace_scope": max(1, found["kernel.yama.ptrace_scope"])}


@pytest.mark.criterion("SW-02", "RED-03")
def test_containers_are_confined_by_apparmor(host: Host, record_evidence: Record) -> None:
    """AppArmor está en vigor y confina a cada proceso de los contenedores con el perfil de Docker, en modo estricto."""
    assert host.file("/sys/module/apparmor/parameters/enabled").content_string.strip() == "Y"
    identities = host.check_output("docker ps --quiet --filter label=prep-difusor.role").split()
    listed = [host.check_output(f"docker top {each} -eo pid,comm").splitlines()[1:] for each in identities]
    labels = {line.strip(): host.run(f"cat /proc/{line.split()[0]}/attr/current") for each in listed for line in each}
    # A process that has ended meanwhile, such as a health check, has no profile to read.
    confined = {process: label.stdout.strip() for process, label in labels.items() if label.succeeded}
    record_evidence(confined)
    assert confined
    assert set(confined.values()) == {"docker-default (enforce)"}


@pytest.mark.criterion("SW-05")
def test_kernel_audits(host: Host, record_evidence: Record) -> None:
    """El núcleo tiene cargadas las reglas de auditoría y las aplica."""
    status = dict(line.split()[:2] for line in host.check_output("auditctl -s").splitlines() if len(line.split()) == 2)
    loaded = host.check_output("auditctl -l").splitlines()
    written = host.check_output("grep -cE '^-[wa] ' /etc/audit/audit.rules")
    record_evidence(f"{len(loaded)} reglas en vigor de {written} escritas; perdidos: {status['lost']}")
    assert status["enabled"] in ("1", "2")
    assert len(loaded) > 100


@pytest.mark.criterion("SW-05")
def test_memory_filesystems_give_no_privileges(host: Host, record_evidence: Record) -> None:
    """Lo que cualquiera puede escribir en memoria no da privilegios ni es un dispositivo."""
    lines = host.check_output("findmnt --raw --noheadings --types tmpfs --output TARGET,OPTIONS").splitlines()
    mounted = {target: options.split(",") for target, options in map(str.split, lines)}
    record_evidence(mounted)
    assert {"/dev/shm", "/run/lock"} <= mounted.keys()
    others = {target: set(options) for target, options in mounted.items() if not roots_alone(options)}
    assert [target for target, options in others.items() if not {"nosuid", "nodev"} <= options] == []


@pytest.mark.clause("SW-04")
def test_chrony_owns_the_clock(host: Host, record_evidence: Record) -> None:
    """Chrony gobierna el reloj del núcleo, que se da por sincronizado; ningún otro programa lo mueve."""
    command = host.check_output("tr '\\0' ' ' </proc/$(systemctl show -p MainPID --value chrony)/cmdline")
    synchronised = host.check_output("timedatectl show -p NTPSynchronized --value")
    others = host.run("systemctl is-active systemd-timesyncd ntp ntpsec openntpd").stdout.split()
    record_evidence(f"{command}; núcleo sincronizado: {synchronised}; otros: {others}")
    assert "-x" not in command.split()
    assert synchronised == "yes"
    assert "active" not in others
