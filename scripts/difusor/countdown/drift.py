"""Judges what changed on a server since its difusor was frozen (`difusor freeze`)."""

from __future__ import annotations

from pathlib import Path

from difusor.baseline import record
from difusor.baseline.look import signers as listed
from difusor.baseline.record import BaselineError, Look, UnverifiedError
from difusor.countdown.checks import Check, bad, good, some, warn
from difusor.inventory import Election
from difusor.terminal import plain
from difusor.terminal.arguments import from_project


def judge(register: Path, election: Election, host: str, look: Look, given: str) -> Check:
    """Return the check of a server called `host`; `register`: the file of its baseline, `given`: what follows -i."""
    if not register.exists():
        return warn(
            "drift", "no hay registro con que comparar",
            f"cuando lo auditado esté listo: ./difusor freeze -i {given} --key LLAVE",
        )  # fmt: skip
    try:
        signed = record.read(register)
        record.refuse_past(signed, election)
        changes = record.drift(signed, host, look)["changes"]
    except UnverifiedError as error:
        return bad("drift", str(error), "corríjalo en esta máquina y repita; el registro puede estar bien, y se queda")
    except BaselineError as error:
        return bad("drift", str(error), "recupere el registro de su copia, o registre otra vez en otra carpeta")
    if signed.fingerprint not in listed(election.allowed_signers):
        return bad(
            "drift", f"el registro lo firmó {signed.fingerprint[:16]}…, que no firma en esta elección",
            "registre otra vez en otra carpeta (freeze --output), y désela a countdown con --against",
        )  # fmt: skip
    if changes:
        against = f"./difusor report -i {given} --against {from_project(register)}"
        return bad(
            "drift", f"desde el registro cambió {some([plain(each['name'], 60) for each in changes])}",
            f"averigüe quién ({against}); si es indebido, ./difusor apply -i {given}; si es debido, registre otra vez "
            "en otra carpeta (freeze --output) y désela con --against",
        )  # fmt: skip
    return good("drift", f"ninguno desde {signed.baseline.taken.astimezone(election.catalog.zone):%d/%m}")
