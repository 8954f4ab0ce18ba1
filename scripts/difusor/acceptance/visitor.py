"""The ordinary account of an acceptance: it is there before the installation, uploads a file, and has a job of cron."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from difusor.acceptance.case import TRANSFER, VERB_LOG, Case
from difusor.acceptance.journal import VISITOR as NAME
from difusor.acceptance.journal import Outcome, Verdict
from difusor.project import write
from difusor.servers import child
from difusor.suite.waiting import until
from difusor.terminal import StepFailed, plain

KEY = "llave"
JOB_SECONDS = 150
"""Within this a job that runs every minute must have run."""
READERS = 0o004
"""The bit of a file's mode with which services of the outlet read what its people upload."""
SINCE = "find %s -maxdepth 1 -name tarea -newermt %s -printf '%%m %%f\\n'"


def arrive(case: Case, folder: Path) -> Outcome:
    """Create the account with its job of cron, and upload a file, as it is possible before the installation."""
    key = folder / KEY
    if not key.exists():
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", NAME, "-f", str(key)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    public = key.with_suffix(".pub").read_text(encoding="utf-8").strip()
    words = ["-e", f"visitor_name={NAME}", "-e", f'{{"visitor_key": "{public}"}}']
    case.play("Cuenta ordinaria", folder / VERB_LOG, "visitor.yml", *words)
    try:
        mode = _upload(case, folder, key)
    except StepFailed as failure:  # such as a server that lists who may enter (AllowUsers): no fault of the project's
        return Outcome(Verdict.UNVERIFIED, f"antes de instalar nada, {failure}, y no se puede comparar")
    cron = bool(case.ask("command -v crontab || true").strip())
    return Outcome(
        Verdict.PASSED, f"{NAME} entra y sube un archivo, que queda con modo {mode:04o}", {"mode": mode, "cron": cron}
    )


def work(case: Case, folder: Path, home: Path) -> Outcome:
    """Upload a file after the installation and wait for the job; `home` is the folder of the step `arrive`."""
    before = case.facts["visitor"]
    mode = _upload(case, folder, home / KEY)
    if (before["mode"] & READERS) > (mode & READERS):
        return Outcome(
            Verdict.FAILED,
            f"lo que sube una cuenta ordinaria queda con modo {mode:04o}, y antes con {before['mode']:04o}: los "
            "servicios del medio no podrían leerlo",
        )
    uploaded = f"lo subido queda con modo {mode:04o}, como antes podían leerlo los servicios"
    if not before["cron"]:
        return Outcome(Verdict.UNVERIFIED, f"{uploaded}; el servidor no tiene cron, y ninguna tarea se probó")
    now = case.ask("date --iso-8601=seconds").strip()
    home_folder = case.ask("getent passwd %s | cut -d: -f6", NAME).strip()
    try:
        lines = until(
            lambda: case.ask(SINCE, home_folder, now), what="la tarea de cron corra", within=JOB_SECONDS, every=2
        )
    except AssertionError:
        return Outcome(Verdict.FAILED, f"la tarea de cron de {NAME} no corrió en {JOB_SECONDS} s; antes existía")
    return Outcome(Verdict.PASSED, f"{uploaded}, y su tarea de cron corre: {plain(lines.split(chr(10))[0])}")


def leave(case: Case, folder: Path, home: Path) -> Outcome:
    """Remove the account with everything of it, and its key here."""
    case.play(
        "Se va la cuenta ordinaria", folder / VERB_LOG, "visitor.yml",
        "-e", f"visitor_name={NAME}", "-e", "visitor_state=absent",
    )  # fmt: skip
    for name in (KEY, f"{KEY}.pub"):
        (home / name).unlink(missing_ok=True)
    return Outcome(Verdict.PASSED, f"{NAME} y su carpeta se quitaron")


def quoted(path: Path) -> str:
    """Return a path as one word of sftp's commands; a home may have spaces in its path."""
    return '"' + re.sub(r'(["\\])', r"\\\1", str(path)) + '"'


def _upload(case: Case, folder: Path, key: Path) -> int:
    """Upload a file by SFTP as the account; return the mode that it has on the server."""
    source, orders = folder / "subida.txt", folder / "sftp.txt"
    write(source, "una subida de prueba\n")
    source.chmod(0o664)
    write(orders, f"put {quoted(source)} subida.txt\nls -l subida.txt\nrm subida.txt\n")
    # OpenSSH's sftp asks for the mode of the file here; 0664 is what the account would have with umask 002.
    try:
        done = child.run([*case.login("sftp", user=NAME, key=key), "-b", str(orders), case.address], TRANSFER)
    except child.BoundError:
        raise StepFailed(f"{NAME} no pudo subir un archivo por SFTP: el servidor no terminó de responder") from None
    said = done.stdout.decode(errors="replace")
    write(folder / "sftp.log", said + done.stderr.decode(errors="replace"))
    if done.status:
        raise StepFailed(
            f"{NAME} no pudo subir un archivo por SFTP: «{plain(done.stderr.decode(errors='replace'), 300)}»"
        )
    shown = next(line for line in said.splitlines() if line.startswith("-"))
    return sum(0o400 >> place for place, letter in enumerate(shown[1:10]) if letter not in "-")
