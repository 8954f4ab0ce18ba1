"""The institute's user and its sessions: keys, sudo and its log, warnings, ends of sessions and of unused accounts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from testinfra.host import Host

Expect = Callable[[str], dict[str, Any]]
Record = Callable[[object], None]


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
    if not user.password.startswith("$"):  # a rule that is read later, as that of a group, could ask it for a password
        done = host.run(f"runuser -u {name} -- sudo --non-interactive --user='#{uid}' /usr/bin/id --user")
        assert done.stdout.strip() == str(uid), done.stderr


@pytest.mark.clause("SW-05", "SW-03")
def test_institute_user_can_log_in(host: Host, variables: dict[str, Any], record_evidence: Record) -> None:
    """El usuario del Instituto tiene las llaves registradas y ninguna otra, o una contraseña con hash SHA-512."""
    user = host.user(variables["difusor_admin_user"])
    listed = host.run(f"cat {user.home}/.ssh/authorized_keys {user.home}/.ssh/authorized_keys2").stdout.splitlines()
    found = {line.split()[1] for line in listed if line.strip() and not line.startswith("#")}
    registered = {key.split()[1] for key in variables["difusor_admin_keys"]}
    hashed = user.password.startswith("$6$")
    record_evidence(f"{len(found)} llaves autorizadas; contraseña {'con hash SHA-512' if hashed else 'deshabilitada'}")
    assert found == registered
    assert found or hashed
    assert hashed or user.password in ("*", "!")


@pytest.mark.criterion("SW-05")
def test_a_login_shows_the_warning(host: Host, record_evidence: Record) -> None:
    """Antes de entrar por consola, y al entrar, se avisa en español y en inglés que la sesión se registra."""
    before = host.check_output("script --quiet --command 'agetty --show-issue' /dev/null")  # agetty wants a terminal
    after = host.check_output("cat /etc/motd /etc/motd.d/*")
    record_evidence(before)
    for text in (before, after):
        assert "Acceso solo para personal autorizado" in text
        assert "All activity may be monitored and reported." in text


@pytest.mark.criterion("SW-05")
def test_new_accounts_close_after_their_password_expires(
    host: Host, variables: dict[str, Any], record_evidence: Record
) -> None:
    """Una cuenta nueva con la contraseña vencida se cierra en un mes; la del Instituto nunca vence."""
    days = int(host.check_output("useradd --defaults").partition("INACTIVE=")[2].split()[0])
    expires = host.check_output("getent shadow %s", variables["difusor_admin_user"]).split(":")[4]
    record_evidence(f"INACTIVE={days}; cuenta del Instituto: {expires} días")
    assert 0 <= days <= 30
    assert int(expires) == 99999


@pytest.mark.criterion("SW-05")
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


@pytest.mark.criterion("SW-05")
def test_idle_sessions_end_and_their_files_are_private(host: Host, record_evidence: Record) -> None:
    """Una sesión sin uso se cierra en diez minutos, lo que root crea no lo leen otros y nada vuelca memoria."""
    shell = host.check_output("bash -lic 'echo $TMOUT $(umask) $(ulimit -Hc)'").split()
    record_evidence(dict(zip(("TMOUT", "umask", "core"), shell, strict=True)))
    assert 0 < int(shell[0]) <= 600
    assert int(shell[1], 8) & 0o027 == 0o027
    assert host.file("/etc/security/limits.d/60-prep-difusor.conf").contains("hard core 0")
    assert host.sysctl("fs.suid_dumpable") == 0
