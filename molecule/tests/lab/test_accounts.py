"""Accounts at work: what one of them uploads can be read by its outlet's services, and who loses his key goes."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

from difusor.suite.waiting import until

Site = Callable[..., str]
Play = Callable[..., subprocess.CompletedProcess[str]]
Record = Callable[[object], None]
GUEST = "prueba-subida"
SESSIONS = "/etc/pam.d/common-session"
# As on Ubuntu and Debian 13, where the umask of login.defs holds for sessions without a shell too.
WITH_UMASK = f"""
cp --archive {SESSIONS} /run/prueba-sesiones
grep --quiet pam_umask {SESSIONS} || echo 'session optional pam_umask.so' >>{SESSIONS}
"""


@pytest.fixture
def guest(host: Host, variables: dict[str, Any]) -> Iterator[None]:
    """Add an account that logs in with the operator's key, on a server that has pam_umask; remove both afterwards."""
    host.check_output("useradd --create-home --user-group --password '*' %s", GUEST)
    keys = f"/home/{variables['ansible_user']}/.ssh/authorized_keys"
    host.check_output("install -D --owner=%s --mode=600 %s /home/%s/.ssh/authorized_keys", GUEST, keys, GUEST)
    host.check_output(WITH_UMASK)
    yield
    host.check_output(f"mv /run/prueba-sesiones {SESSIONS}")
    host.check_output("userdel --remove %s", GUEST)


@pytest.mark.usefixtures("guest")
def test_what_an_account_uploads_can_be_read_by_services(
    host: Host, variables: dict[str, Any], tmp_path: Path, record_evidence: Record
) -> None:
    """Lo que una cuenta ordinaria sube por SFTP lo pueden leer los servicios del difusor, también con pam_umask."""
    page = tmp_path / "nota.html"
    page.write_text("una nota\n")
    page.chmod(0o644)
    options = [*shlex.split(variables["ansible_ssh_common_args"]), "-o", "BatchMode=yes", "-o", "ControlPath=none"]
    options += ["-i", variables["ansible_ssh_private_key_file"], "-b", "-"]
    target = f"{GUEST}@{variables['ansible_host']}"
    subprocess.run(
        ["sftp", *options, target],
        input=f"put {page} nota.html\n",
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    mode = host.check_output("stat --format=%%a /home/%s/nota.html", GUEST)
    record_evidence(f"lo subido queda con modo {mode}")
    assert mode == "644"


def test_an_account_that_ends_before_the_page_does_is_told_and_the_institutes_does_not(
    host: Host, play: Play, variables: dict[str, Any], record_evidence: Record
) -> None:
    """Si el difusor hizo la cuenta del Instituto hasta cierto día, la revisión lo dice y la instalación se lo quita."""
    user, now = variables["difusor_admin_user"], datetime.now(UTC)
    day = f"{now + timedelta(days=10):%Y-%m-%d}"
    until = (now + timedelta(days=30)).isoformat()
    host.check_output("chage --expiredate %s %s", day, user)
    try:
        limit = f"localhost,{variables['inventory_hostname']}"
        told = play("playbooks/preflight.yml", {"preflight_until": until}, "--limit", limit)
        done = play("site.yml", {}, "--tags", "accounts", "--skip-tags", "authorise")
        left = host.check_output("getent shadow %s", user).split(":")[7]
    finally:
        host.check_output("chage --expiredate -1 %s", user)
    record_evidence(f"vencía el {day}; después de la instalación: «{left}»")
    assert f"{user} ({day}; la instalación lo quita)" in " ".join(told.stdout.split()), told.stdout + told.stderr
    assert done.returncode == 0, done.stdout + done.stderr
    assert left == ""


@contextmanager
def logged_in(variables: dict[str, Any], key: str) -> Iterator[subprocess.Popen[bytes]]:
    """Keep a session of the institute's account open, which this key opens and which runs one program."""
    options = [*shlex.split(variables["ansible_ssh_common_args"]), "-o", "BatchMode=yes", "-o", "ControlPath=none"]
    target = f"{variables['difusor_admin_user']}@{variables['ansible_host']}"
    command = ["ssh", *options, "-o", "IdentitiesOnly=yes", "-i", key, target, "sleep infinity"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def as_the_institute(host: Host, variables: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Let a run log in as the institute's account, without its password; return the values that such a run takes."""
    rule, user = "/etc/sudoers.d/zzz-prueba", variables["difusor_admin_user"]
    host.check_output("echo '%s ALL=(ALL) NOPASSWD: ALL' >%s", user, rule)
    yield {"ansible_user": user}
    host.check_output("rm %s", rule)


def test_who_loses_his_key_loses_his_session(
    host: Host,
    variables: dict[str, Any],
    site: Site,
    as_the_institute: dict[str, Any],
    tmp_path: Path,
    record_evidence: Record,
) -> None:
    """Al quitar una llave de la cuenta del Instituto terminan sus sesiones; a quien entra así, un AVISO lo dice."""
    lost, user = tmp_path / "perdida", variables["difusor_admin_user"]
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", lost], check=True)
    both = [*variables["difusor_admin_keys"], lost.with_suffix(".pub").read_text().strip()]
    role = ("--tags", "accounts")

    def running() -> int:
        return int(host.run("pgrep --count --uid %s --exact sleep", user).stdout)

    with logged_in(variables, variables["ansible_ssh_private_key_file"]) as kept:
        until(running, lambda count: count == 1, what="la sesión del Instituto esté abierta")
        site({"difusor_admin_keys": both}, *role)
        assert running() == 1, "una llave que se agrega no cierra nada"
        with logged_in(variables, str(lost)) as stolen:
            until(running, lambda count: count == 2, what="la sesión con la otra llave esté abierta")
            said = " ".join(site(as_the_institute, *role).split())
            assert f"AVISO: se quitó una llave de {user}, la cuenta con la que usted entra" in said, said
            assert running() == 2, "esa ejecución se habría cortado a sí misma"
            site({"difusor_admin_keys": both}, *role)
            site({}, *role)
            until(running, lambda count: count == 0, what="las sesiones terminen")
            ended = [process.wait(timeout=30) for process in (kept, stolen)]
    record_evidence(f"las dos sesiones terminaron (ssh: {ended}); entrando con {user} siguieron y un AVISO lo dijo")
    assert ended == [255, 255]
