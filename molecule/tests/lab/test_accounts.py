"""Accounts at work: what one of them uploads can be read by the services of its outlet."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

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
