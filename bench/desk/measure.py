"""Measures the desk's verbs with so many difusores: measure.py FOLDER MACHINE DIFUSORES.

Each is enrolled with a form, a logo and both papers, as a clerk does it. Prints one line; exit status 1 when a verb
does not answer as it has to, so that no failure is measured for a quick answer.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from corte.format import instants
from difusor.lab.desk import forms, mail
from difusor.lab.desk.office import ELECTION, Office, opened
from difusor.lab.desk.outlets import Outlet, good
from difusor.partners.filing import filing
from difusor.partners.filing.filing import Filing
from difusor.partners.filing.papers import Paper
from difusor.partners.form.values import plain_words

LIKE = "ribera-2027"
ROUNDS = 5
KINDS = ("Diario", "Radio", "Televisora", "Semanario", "Gaceta", "Portal", "Universidad")
WORDS = ("Ahuehuete", "Jacaranda", "Mezquite", "Bugambilia", "Cempasúchil", "Quetzal", "Xoloitzcuintle")


def main() -> None:
    """Make the office, measure each verb, and print the medians."""
    folder, machine, many = Path(sys.argv[1]).resolve(), sys.argv[2], int(sys.argv[3])
    if not 1 <= many <= (most := len(KINDS) * len(WORDS) - ROUNDS - 1):
        sys.exit(f"from 1 to {most} difusores: there are no more names that do not look alike")
    with opened(folder, LIKE, instants.now().replace(microsecond=0)) as office:
        outlets = [_outlet(number) for number in range(1, many + ROUNDS + 1)]
        further = iter(outlets[many:])
        for outlet in outlets[:many]:
            _enrol(office, outlet)
        took = {
            "status": _measure(lambda: _status(many)),
            "list": _measure(lambda: _list(many)),
            "list_written": _measure(lambda: _list(many, str(office.folder / "lista"), "--key", str(office.key))),
            "enroll_check": _measure(lambda: _enroll(office, outlets[many], "revisado", "--check")),
            "enroll": _measure(lambda: _enroll(office, next(further), "creado")),
        }
    figures = " ".join(f"{name}={seconds:.2f}s" for name, seconds in took.items())
    print(f"desk: {many} difusores, {figures} load={os.getloadavg()[0]:.1f} ({machine})")


def _outlet(number: int) -> Outlet:
    """Return an outlet whose form has no mistake; no two have names or domains that look alike."""
    name = f"{KINDS[number % len(KINDS)]} {WORDS[number // len(KINDS)]}"
    return Outlet(number, f"medio {number}", good(number, name, f"{'-'.join(plain_words(name))}.com.mx"))


def _enrol(office: Office, outlet: Outlet) -> None:
    """Enrol an outlet with its form, and file its oficio and its letter."""
    for step in forms.mailed(office, outlet):
        if step.wrong or step.refused:
            sys.exit(f"{step.title}: {step.wrong or step.refused}")
    kinds: dict[Paper, str] = {"oficio": outlet.folio, "carta": f"CARTA/{outlet.number:02}"}
    for paper, folio in kinds.items():
        scan = office.mail / f"digitalizados/{outlet.id}-{paper}.png"
        mail.write_scan(scan, f"{paper} {folio}", outlet.name)
        filing.file(office.folder / "inventories" / outlet.id, scan, Filing(paper, folio))


def _measure(once: Callable[[], float]) -> float:
    """Return the median of the seconds that a verb takes."""
    return statistics.median(once() for _ in range(ROUNDS))


def _status(many: int) -> float:
    seconds, said = _run("status", "--json", accept=(0, 1))
    return seconds if len(json.loads(said)["rows"]) == many else sys.exit(f"status: {said}")


def _list(many: int, *words: str) -> float:
    seconds, said = _run("list", *words, "--json")
    return seconds if len(json.loads(said)["listed"]) == many else sys.exit(f"list: {said}")


def _enroll(office: Office, outlet: Outlet, awaited: str, *words: str) -> float:
    form = office.mail / outlet.folder / "anexo2.xlsx"
    mail.write_form(form, outlet.said, office.election.name)
    mail.write_logo(form.with_name(str(outlet.said["logotipo"])), outlet.name)
    received = office.day(outlet.day).isoformat()
    noticed = ("--folio", outlet.folio, "--notified", received, "--received", received, "--ssh-key", str(office.key))
    seconds, said = _run("enroll", str(form), *noticed, "--json", *words)
    return seconds if json.loads(said)["outcome"] == awaited else sys.exit(f"enroll: {said}")


def _run(verb: str, *words: str, accept: tuple[int, ...] = (0,)) -> tuple[float, str]:
    """Run a verb as a command; return the seconds and what it printed."""
    command = [sys.executable, "-m", "difusor", verb, *words, *(("--election", ELECTION) if verb != "enroll" else ())]
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in accept:
        sys.exit(f"{verb}: {done.stdout}{done.stderr}")
    return time.monotonic() - started, done.stdout


if __name__ == "__main__":
    main()
