"""Accounts at work: what one of them uploads can be read by the services of its outlet."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

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
