"""A revocation at both ends (clause 12): while the server does not answer, when it is back, and undone.

A run of a playbook costs more than what these tests look at, so they share the runs. The difusor is revoked from a home
of its own, with a copy of the inventory, whose vault may change.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import command_kit
import pytest
from ansible_kit import ansible, in_path
from interpreter_kit import interpreter
from site_runs import LONGEST, NO_SCAN, changed_tasks
from testinfra.host import Host

from difusor import inventory
from difusor.project import HOME, ROOT, VAULT_PASSWORD, VAULTS
from difusor.publish.mirror import Mirror
from difusor.publish.target import Target
from difusor.suite.waiting import until

Record = Callable[[object], None]
Expect = Callable[[str], dict[str, Any]]
Said = tuple[int, str]
"""The exit status of a verb, and all that it printed."""

ROLES = "rsync,corte,nginx,accounts,ssh"
"""The tags of the roles that a revocation concerns."""
UNITS = "rsync.service prep-corte-gate.service prep-corte-intake.path prep-corte-intake.service"
RESULTS = "datos/corte.json"
GIVEN_UP = 5
"""Seconds after which a server that does not answer is given up; an institute waits twenty."""
REASON = "alteró la página"
SECRET = (
    "import pathlib, sys; from difusor.publish import target; print(target.read(pathlib.Path(sys.argv[1]))[0].secret)"
)
# Asks for the results until it is told to stop; prints when the last answer with results came (seconds since 1970).
CITIZEN = """
import http.client, os, ssl, sys, time
last = 0.0
while not os.path.exists("/tmp/stop"):
    try:
        page = http.client.HTTPSConnection(sys.argv[1], timeout=5, context=ssl._create_unverified_context())
        page.request("GET", sys.argv[2])
        last = time.time() if page.getresponse().status == 200 else last
    except OSError:
        pass
    time.sleep(0.1)  # pace: ten visits a second
print(last)
"""


@dataclass(frozen=True)
class Seen:
    """The server and its page at one moment."""

    page: int
    text: str
    pushes: tuple[str, ...]
    """What became of a push with the secret of before, and with that of now: empty when it was taken."""
    secret: bool
    signers: bool
    running: str
    """Those of UNITS that run or start at boot."""
    account: bool


@dataclass(frozen=True)
class Revoked:
    """What was said and seen, in this order."""

    absent: Said
    published: Said
    back: Seen
    revoked: Said
    seconds: float
    """From the command to the last answer with results that a citizen got."""
    dark: Seen
    audited: Said
    again: Said
    site: str
    stale: Said
    kept: Seen
    restored: Said
    light: Seen
    journal: str
    secrets: tuple[str, str]


class Institute:
    """A home from which the lab's difusor is revoked and restored."""

    def __init__(self, home: Path, variables: dict[str, Any], environment: Mapping[str, str]) -> None:
        for name in ("inventories/demo", "elections"):
            shutil.copytree(ROOT / name, home / name, symlinks=True)
        shutil.copyfile(ROOT / "inventories/demo/vault-password.txt", home / VAULT_PASSWORD)
        (home / "build").symlink_to(ROOT / "build")
        self.inventory = home / "inventories/demo"
        self.environment = {
            **environment, HOME: str(home), VAULTS: f"difusores@{home / VAULT_PASSWORD}", "COLUMNS": "300",
            "ANSIBLE_TIMEOUT": str(GIVEN_UP),
        }  # fmt: skip
        self.target = Target.of(inventory.Host.of(variables["inventory_hostname"], variables))
        self.account = variables["difusor_admin_user"]

    def verb(self, *words: object) -> Said:
        """Run a verb of `difusor` on the copy."""
        done = command_kit.difusor(*map(str, words), env=self.environment, timeout=LONGEST)
        return done.returncode, done.stdout + done.stderr

    def site(self) -> str:
        """Run site.yml as somebody does who knows of no revocation; return what it printed."""
        status, said = self._play(self.inventory, "site.yml", "--tags", ROLES)
        assert status == 0, said
        return said

    def stale(self) -> Said:
        """Run a playbook from the lab's own folder, which knows of no revocation."""
        return self._play(ROOT / "inventories/demo", "playbooks/trusted.yml")

    def secret(self) -> str:
        """Return the secret that the copy's vault has now."""
        python = interpreter(*command_kit.IMPORTED)
        done = python.run("-c", SECRET, self.inventory, cwd=ROOT, env=self.environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def look(self, host: Host, folder: Path, secrets: tuple[str, ...]) -> Seen:
        """Look at the server, and at its page as the institute's machine gets it."""
        with Mirror(self.target, forgiving=True) as mirror:
            answer = mirror.get(mirror.url.replace("/.well-known/prep/estado.json", self.target.path + RESULTS))
        return Seen(
            page=answer.status_code,
            text=answer.text,
            pushes=tuple(_pushed(folder, replace(self.target, secret=secret)) for secret in secrets),
            secret=host.file("/etc/rsyncd.secrets").exists,
            signers=host.file("/etc/prep-corte/allowed_signers").exists,
            running=host.run(f"systemctl is-active {UNITS}; systemctl is-enabled {UNITS}").stdout,
            account=host.user(self.account).exists,
        )

    def _play(self, folder: Path, *words: str) -> Said:
        done = ansible("playbook", "-i", folder, *words, env=self.environment, timeout=LONGEST)
        return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def institute(
    host: Host, tmp_path_factory: pytest.TempPathFactory, variables: dict[str, Any], play: Callable[..., Any]
) -> Iterator[Institute]:
    """Return the institute; at the end the server gets again what the lab's own inventory says."""
    with in_path() as environment:
        yield Institute(tmp_path_factory.mktemp("instituto"), variables, environment)
    done = play("playbooks/restore.yml", {})
    assert done.returncode == 0, done.stdout + done.stderr
    host.run(NO_SCAN)


@pytest.fixture(scope="module")
def revoked(
    host: Host,
    untrusted: Host,
    institute: Institute,
    variables: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Revoked:
    """Revoke the difusor while its server is away, again when it is back, run the site, and restore it."""
    folder = tmp_path_factory.mktemp("vacio")
    container = f"prep-{variables['lab']}-difusor"
    before = institute.target.secret
    subprocess.run(["docker", "pause", container], check=True, capture_output=True)
    try:
        absent = institute.verb(
            "revoke", "demo", "--reason", REASON, "--by", "Secretaría Ejecutiva", "--provision", "DG-04"
        )
        published = institute.verb("publish", _newest(variables), "-i", "demo")
    finally:
        subprocess.run(["docker", "unpause", container], check=True, capture_output=True)
    now = institute.secret()
    secrets = (before, now)
    until(lambda: host.run("true").rc, lambda rc: rc == 0, what="el servidor conteste otra vez")
    # A machine that stood still doubts its clock, and then the gate would not show anything until chrony is sure again.
    host.check_output("systemctl restart chrony.service && chronyc waitsync 240 0.1 0 0.5")
    back = institute.look(host, folder, secrets)
    results = variables["difusor_path"] + RESULTS
    with ThreadPoolExecutor() as pool:
        visiting = pool.submit(
            untrusted.check_output, "rm -f /tmp/stop; python3 -c %s %s %s", CITIZEN, variables["difusor_fqdn"], results
        )
        began = time.time()
        try:
            done = institute.verb("revoke", "demo", "--reason", "otra razón")
        finally:
            untrusted.check_output("touch /tmp/stop")
        last = float(visiting.result())
    host.run(NO_SCAN)
    dark = institute.look(host, folder, secrets)
    audited = institute.verb("audit", "-i", "demo")
    again = institute.verb("revoke", "demo", "--reason", REASON)
    site = institute.site()
    host.run(NO_SCAN)
    stale = institute.stale()
    kept = institute.look(host, folder, secrets)
    restored = institute.verb("restore", "demo", "--reason", "se aclaró")
    host.run(NO_SCAN)
    light = institute.look(host, folder, secrets)
    host.check_output("journalctl --sync")
    journal = host.check_output("journalctl --quiet --no-pager --output=cat --since=-20min")
    return Revoked(
        absent, published, back, done, last - began, dark, audited, again, site, stale, kept, restored, light, journal,
        secrets,
    )  # fmt: skip


def test_the_institutes_half_holds_although_the_server_does_not_answer(
    revoked: Revoked, record_evidence: Record
) -> None:
    """Aunque el servidor no responda, el Instituto deja de enviarle cortes en ese momento y cambia sus secretos."""
    status, said = revoked.absent
    record_evidence(f"con el servidor en pausa: termina con {status}; al publicar, «fuera de la lista»")
    assert status == 3 and REASON in said
    assert revoked.secrets[0] != revoked.secrets[1]
    assert revoked.published[0] == 1 and "fuera de la lista" in revoked.published[1]
    assert "sin respuesta" not in revoked.published[1]
    assert revoked.back.page == 200 and revoked.back.pushes[0] == "", "its half is still to be done"


def test_a_server_that_came_back_shows_the_notice_and_takes_nothing(
    revoked: Revoked, expect: Expect, record_evidence: Record
) -> None:
    """Al repetir, el sitio muestra un aviso en vez de resultados y no queda secreto, firmante, servicio ni cuenta."""
    record_evidence(f"último resultado visible a los {revoked.seconds:.1f} s; responde {revoked.dark.page}")
    record_evidence(f"envíos con los secretos de antes y de ahora: {revoked.dark.pushes}")
    assert revoked.revoked[0] == 0 and REASON in revoked.revoked[1], "the first order stands"
    for seen in (revoked.dark, revoked.kept):
        assert seen.page == 410 and "ya no es difusor oficial" in seen.text
        assert all(seen.pushes) is expect("DG-12")["refused"]
        assert not (seen.secret or seen.signers or seen.account)
        assert set(seen.running.split()) <= {"inactive", "failed", "disabled", "static"}, seen.running
    assert revoked.audited[0] == 0 and "su sitio muestra el aviso" in revoked.audited[1]
    assert not [secret for secret in revoked.secrets if secret in revoked.journal + revoked.revoked[1]]


def test_neither_the_verb_again_nor_the_site_changes_anything(revoked: Revoked, record_evidence: Record) -> None:
    """Repetir la revocación no hace nada más, y ninguna otra ejecución devuelve la página, ni desde otra carpeta."""
    record_evidence("site.yml sobre un difusor revocado: sin cambios, y con el aviso en la página")
    record_evidence("trusted.yml desde una carpeta sin el expediente: se niega")
    assert revoked.again[0] == 0 and "PLAY" not in revoked.again[1]
    assert "changed=0" in revoked.site, changed_tasks(revoked.site)
    assert "fuera de la lista" in revoked.site
    status, said = revoked.stale
    assert status == 2 and "fue retirado de la lista el " in " ".join(said.split()), said


def test_restored_it_shows_what_it_showed_with_a_new_secret(revoked: Revoked, record_evidence: Record) -> None:
    """Restablecido, vuelve a mostrar lo último que mostraba y recibe envíos solo con el secreto nuevo."""
    record_evidence(f"responde {revoked.light.page}; con el secreto anterior: {revoked.light.pushes[0]}")
    assert revoked.restored[0] == 0, revoked.restored[1]
    assert (revoked.light.page, revoked.light.text) == (200, revoked.back.text)
    former, new = revoked.light.pushes
    assert "auth failed" in former and new == ""
    assert revoked.light.secret and revoked.light.signers and revoked.light.account


def _newest(variables: dict[str, Any]) -> Path:
    """Return the folder of the corte that the lab signed last."""
    return max(Path(variables["lab_dir"]).glob("cortes/**/corte.json.sig")).parent


def _pushed(folder: Path, target: Target) -> str:
    """Push an empty folder for a trial, which changes nothing; return what rsync says when it is refused."""
    environment = {**os.environ, "RSYNC_PASSWORD": target.secret, "LC_ALL": "C"}
    command = ["rsync", "--contimeout=10", "--timeout=30", "--dry-run", "--recursive", f"{folder}/", target.url]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    return done.stderr.strip().splitlines()[0] if done.returncode else ""
