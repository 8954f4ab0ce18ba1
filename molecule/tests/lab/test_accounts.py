"""Accounts at work: what one of them uploads can be read by its outlet's services, and who loses his key goes."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

from difusor.suite.waiting import until

Site = Callable[..., str]
Play = Callable[..., subprocess.CompletedProcess[str]]
Record = Callable[[object], None]
ROLE = ("--tags", "accounts")
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


@dataclass(frozen=True)
class Added:
    """What a run left that added a key to the institute's account, which was to end in some days."""

    lost: Path
    """The key's private half."""
    values: dict[str, Any]
    """What the run was given: the inventory's keys, and that one."""
    kept: subprocess.Popen[bytes]
    """A session that one of the inventory's keys has opened before the run."""
    sessions: int
    """The sessions of that account after the run."""
    day: str
    """The day on which the account was to end."""
    told: str
    """What the preflight said before the run."""
    left: str
    """The account's end after the run, in days since 1970; empty where it has none."""


@pytest.fixture(scope="module")
def added(
    host: Host, play: Play, run_site: Site, variables: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Added]:
    """Let a run add a key to the institute's account while a session is open, and while the account is to end."""
    lost, user, now = tmp_path_factory.mktemp("llave") / "perdida", variables["difusor_admin_user"], datetime.now(UTC)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", lost], check=True)
    values = {"difusor_admin_keys": [*variables["difusor_admin_keys"], lost.with_suffix(".pub").read_text().strip()]}
    day = f"{now + timedelta(days=10):%Y-%m-%d}"
    limit = f"localhost,{variables['inventory_hostname']}"
    with logged_in(variables, variables["ansible_ssh_private_key_file"]) as kept:
        until(lambda: sessions(host, user), lambda count: count == 1, what="la sesión del Instituto esté abierta")
        host.check_output("chage --expiredate %s %s", day, user)
        try:
            seen = {"preflight_until": (now + timedelta(days=30)).isoformat()}
            told = play("playbooks/preflight.yml", seen, "--limit", limit)
            run_site(values, *ROLE)
            left = host.check_output("getent shadow %s", user).split(":")[7]
        finally:
            host.check_output("chage --expiredate -1 %s", user)
        said = " ".join((told.stdout + told.stderr).split())
        yield Added(lost, values, kept, sessions(host, user), day, said, left)
    keys = host.file(f"/home/{user}/.ssh/authorized_keys").content_string
    if values["difusor_admin_keys"][-1] in keys:  # the test that removes it did not run, or failed
        run_site({}, *ROLE)


def sessions(host: Host, user: str) -> int:
    """Return how many sessions of `logged_in` an account has."""
    return int(host.run("pgrep --count --uid %s --exact sleep", user).stdout)


def test_an_account_that_ends_before_the_page_does_is_told_and_the_institutes_does_not(
    added: Added, variables: dict[str, Any], record_evidence: Record
) -> None:
    """Si el difusor hizo la cuenta del Instituto hasta cierto día, la revisión lo dice y la instalación se lo quita."""
    record_evidence(f"vencía el {added.day}; después de la instalación: «{added.left}»")
    assert f"{variables['difusor_admin_user']} ({added.day}; la instalación lo quita)" in added.told, added.told
    assert added.left == ""


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
    added: Added,
    run_site: Site,
    as_the_institute: dict[str, Any],
    record_evidence: Record,
) -> None:
    """Al quitar una llave de la cuenta del Instituto terminan sus sesiones; a quien entra así, un AVISO lo dice."""
    user = variables["difusor_admin_user"]

    def running() -> int:
        return sessions(host, user)

    assert added.sessions == 1, "una llave que se agrega no cierra nada"
    with logged_in(variables, str(added.lost)) as stolen:
        until(running, lambda count: count == 2, what="la sesión con la otra llave esté abierta")
        said = " ".join(run_site(as_the_institute, *ROLE).split())
        assert f"AVISO: se quitó una llave de {user}, la cuenta con la que usted entra" in said, said
        assert running() == 2, "esa ejecución se habría cortado a sí misma"
        run_site(added.values, *ROLE)
        run_site({}, *ROLE)
        until(running, lambda count: count == 0, what="las sesiones terminen")
        ended = [process.wait(timeout=30) for process in (added.kept, stolen)]
    record_evidence(f"las dos sesiones terminaron (ssh: {ended}); entrando con {user} siguieron y un AVISO lo dijo")
    assert ended == [255, 255]
