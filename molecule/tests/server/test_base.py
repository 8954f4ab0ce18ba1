"""The institute's user, and the hardening of the server itself: kernel, passwords, sudo, audit, AIDE, sandboxes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from testinfra.host import Host

from difusor.suite.waiting import until

Expect = Callable[[str], dict[str, Any]]
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
}
AIDE = 300.0  # seconds within which AIDE must have read the whole system
# Kernel modules that a web server does not need.
BLOCKED = ("cramfs", "dccp", "hfs", "jffs2", "rds", "sctp", "tipc")
PRIVILEGED = (
    "/usr/bin/sudo",
    "/usr/bin/su",
    "/usr/bin/passwd",
    "/usr/bin/chage",
    "/usr/bin/mount",
    "/usr/sbin/usermod",
)
# Bit numbers of capabilities (man capabilities): load modules, trace other processes, administer the system.
POWERS = {"CAP_SYS_MODULE": 16, "CAP_SYS_PTRACE": 19, "CAP_SYS_ADMIN": 21}
WATCHED = (
    "/etc/sudoers",
    "/etc/passwd",
    "/etc/ssh",
    "/etc/nginx",
    "/etc/prep-corte",
    "/etc/docker",
    "/usr/bin/dockerd",
)


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


@pytest.mark.clause("SW-05")
def test_whoever_logs_in_is_warned(host: Host, record_evidence: Record) -> None:
    """Antes de entrar por consola, y al entrar, se avisa en español y en inglés que la sesión se registra."""
    before = host.check_output("script --quiet --command 'agetty --show-issue' /dev/null")  # agetty wants a terminal
    after = host.check_output("cat /etc/motd /etc/motd.d/*")
    record_evidence(before)
    for text in (before, after):
        assert "Acceso solo para personal autorizado" in text
        assert "All activity may be monitored and reported." in text


@pytest.mark.clause("RED-06")
def test_router_advertisements_are_refused_unless_ipv6_depends_on_them(host: Host, record_evidence: Record) -> None:
    """Un anuncio de ruta falso no desvía el tráfico de un servidor cuya red IPv6 no llega por anuncios."""
    routes = host.check_output("ip -6 route show")
    addresses = host.check_output("ip -6 -oneline address show scope global dynamic")
    accepted = host.sysctl("net.ipv6.conf.default.accept_ra")
    record_evidence(f"accept_ra = {accepted}; rutas: {routes}; direcciones por anuncio: {addresses or 'ninguna'}")
    assert accepted == 0 or "proto ra" in routes or addresses


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
    frozen = variables.get("packages_updates_frozen", False)
    record_evidence(f"APT::Periodic::Unattended-Upgrade {period}; congeladas: {'sí' if frozen else 'no'}")
    assert host.package("unattended-upgrades").is_installed
    assert period == f"V='{0 if frozen else 1}'"
    for unit in ("apt-daily.service", "apt-daily-upgrade.service"):  # they wait while results are published
        assert "prep-updates-due" in host.check_output("systemctl show %s --property=ExecCondition", unit)


@pytest.mark.clause("SW-05")
def test_failed_passwords_lock_for_a_while_and_weak_ones_are_refused(host: Host, record_evidence: Record) -> None:
    """Tras cuatro contraseñas fallidas la cuenta espera quince minutos; una corta o repetida no se acepta."""
    tried = [line for line in active(host, "/etc/pam.d/common-auth") if not line.startswith("session")]
    changed = active(host, "/etc/pam.d/common-password")
    pwscore = host.check_output("grep '^minlen' /etc/security/pwquality.conf")
    record_evidence("; ".join([*tried, *changed, pwscore.strip()]))
    modules = [next(word for word in line.split() if word.startswith("pam_")) for line in tried]
    assert modules[:3] == ["pam_faillock.so", "pam_unix.so", "pam_faillock.so"]
    assert all("deny=4" in line and "unlock_time=900" in line for line in tried if "pam_faillock" in line)
    assert [name for line in changed for name in line.split() if name in ("pam_pwquality.so", "pam_pwhistory.so")] == [
        "pam_pwquality.so",
        "pam_pwhistory.so",
    ]
    assert int(pwscore.split("=")[1].split()[0]) >= 15


@pytest.mark.clause("SW-05")
def test_new_accounts_close_when_forgotten(host: Host, variables: dict[str, Any], record_evidence: Record) -> None:
    """Una cuenta nueva con la contraseña vencida se cierra en un mes; la del Instituto nunca vence."""
    days = int(host.check_output("useradd --defaults").partition("INACTIVE=")[2].split()[0])
    expires = host.check_output("getent shadow %s", variables["difusor_admin_user"]).split(":")[4]
    record_evidence(f"INACTIVE={days}; cuenta del Instituto: {expires} días")
    assert 0 <= days <= 30
    assert int(expires) == 99999


@pytest.mark.clause("SW-05")
def test_privileged_work_is_recorded(host: Host, record_evidence: Record) -> None:
    """Cada orden con sudo queda en una bitácora que solo root lee, y se ejecuta en una terminal propia."""
    settings = host.check_output("grep -rhs '^Defaults' /etc/sudoers /etc/sudoers.d").splitlines()
    if "sudo-rs" in host.check_output("sudo --version"):  # Ubuntu's sudo since 26.04; it writes to the journal only
        told = host.check_output("journalctl --sync && journalctl --quiet --identifier sudo --lines 1")
        record_evidence(f"{told}; {'; '.join(settings)}")
        assert told
    else:
        log = host.file("/var/log/sudo.log")
        record_evidence(f"{log.path} {log.user}:{log.group} {log.mode:o}; {'; '.join(settings)}")
        assert (log.user, log.mode) == ("root", 0o600)
        assert log.size > 0
    assert "Defaults use_pty" in settings
    assert host.run("visudo --check").rc == 0


@pytest.mark.clause("SW-05")
def test_changes_are_audited(host: Host, record_evidence: Record) -> None:
    """La auditoría dice quién cambió usuarios, sudo, SSH, Docker, nginx o cortes, y quién usó programas de root."""
    contained = host.run("test -e /.dockerenv || systemd-detect-virt --container --quiet").rc == 0
    # In a container the kernel does not tell its audit rules; there the file of rules that a server would load is read.
    rules = host.check_output("cat /etc/audit/audit.rules" if contained else "auditctl -l")
    watched = [name for name in WATCHED if f"-w {name} " in rules]
    privileged = [name for name in PRIVILEGED if f"path={name} " in rules]
    running = host.service("auditd").is_running
    state = "activo" if running else "sin núcleo propio" if contained else "detenido"
    record_evidence(f"auditd {state}; cambios: {watched}; uso: {privileged}")
    assert host.service("auditd").is_enabled
    assert running or contained
    assert watched == list(WATCHED)
    assert privileged == list(PRIVILEGED)


@pytest.mark.clause("RED-03")
def test_programs_are_the_authorised_ones(host: Host, record_evidence: Record) -> None:
    """AIDE compara cada día el sistema con su estado autorizado; desde entonces ningún programa ha cambiado."""
    until(
        lambda: host.run("systemctl is-active aiderenew.service").stdout.strip(),
        lambda state: state != "activating",
        what="termine de autorizarse el estado del sistema",
        within=AIDE,
    )
    database = host.file("/var/lib/aide/aide.db")
    check = host.run("aide --config /etc/aide/aide.conf --limit '^/usr/s?bin/' --check")
    record_evidence(f"estado autorizado el {database.mtime}; {check.stdout.strip()[-300:]}")
    assert host.service("aidecheck.timer").is_enabled
    assert host.service("aidecheck.timer").is_running
    assert (database.user, database.mode & 0o077) == ("root", 0)
    assert database.contains("^/etc/ssh/sshd_config ")
    assert check.rc == 0


@pytest.mark.clause("RED-03")
@pytest.mark.parametrize("unit", ["nginx.service", "fail2ban.service"])
def test_services_are_confined(host: Host, unit: str, record_evidence: Record) -> None:
    """Quien entrara por nginx o fail2ban no podría cambiar programas ni configuración, ni mandar sobre el núcleo."""
    pid = host.check_output("systemctl show --property MainPID --value %s", unit)
    lines = host.check_output(f"cat /proc/{pid}/status").splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    folders = ("/usr/bin", "/usr/local/lib", "/etc/systemd", "/etc/nginx", "/etc/ssh")
    writable = [each for each in folders if host.run(f"nsenter --mount --target {pid} test -w {each}").rc == 0]
    powers = [name for name, bit in POWERS.items() if int(status["CapBnd"], 16) >> bit & 1]
    record_evidence(f"capacidades {status['CapBnd']}, Seccomp {status['Seccomp']}; escribe en {writable or 'ninguna'}")
    assert writable == []
    assert powers == []
    assert status["Seccomp"] == "2"


@pytest.mark.clause("RED-03")
def test_rare_kernel_modules_never_load(host: Host, record_evidence: Record) -> None:
    """El núcleo no carga sistemas de archivos ni protocolos de red raros, que un espejo no usa."""
    rules = host.check_output("cat /etc/modprobe.d/*.conf").splitlines()
    loaded = {line.split()[0] for line in host.run("cat /proc/modules").stdout.splitlines()}
    record_evidence(f"bloqueados: {', '.join(line.split()[1] for line in rules if line.startswith('install '))}")
    assert [name for name in BLOCKED if f"install {name} /bin/true" not in rules] == []
    assert not loaded & set(BLOCKED)


@pytest.mark.clause("SW-05")
def test_sessions_end_and_keep_to_themselves(host: Host, record_evidence: Record) -> None:
    """Una sesión sin uso se cierra en diez minutos, lo que crea no lo leen otros y nada vuelca memoria."""
    shell = host.check_output("bash -lc 'echo $TMOUT $(umask) $(ulimit -Hc)'").split()
    record_evidence(dict(zip(("TMOUT", "umask", "core"), shell, strict=True)))
    assert 0 < int(shell[0]) <= 600
    assert int(shell[1], 8) & 0o027 == 0o027
    assert host.file("/etc/security/limits.d/60-prep-difusor.conf").contains("hard core 0")
    assert host.sysctl("fs.suid_dumpable") == 0


def active(host: Host, path: str) -> list[str]:
    """Return the lines of a configuration file that are neither empty nor comments."""
    return [line.strip() for line in host.check_output(f"cat {path}").splitlines() if line.strip() and line[0] != "#"]
