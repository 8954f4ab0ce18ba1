"""Judges what changed on a server since its difusor was frozen (`difusor freeze`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from difusor.baseline import record
from difusor.baseline.look import signers as listed
from difusor.baseline.record import BaselineError, Look, UnverifiedError
from difusor.countdown.checks import Check, bad, good, warn
from difusor.inventory import Election
from difusor.project import build, from_project
from difusor.terminal import plain, some

SYSTEM = {"kernel": "otro núcleo", "system": "otra versión del sistema"}
"""What of a server's identity is another after its updates and a restart, and how that is told."""
WRITTEN = {
    "/etc/ld.so.cache": "", "/etc/ssh/moduli": "openssh-",
    **dict.fromkeys(("/etc/debian_version", "/etc/issue", "/etc/issue.net", "/etc/lsb-release"), "base-files:"),
}  # fmt: skip
"""Files that updates write anew and that run nothing, by how the names of their packages begin ("" is any)."""
AUTHORITIES = ("/etc/ssl/certs/", "/etc/ca-certificates.conf")
"""What the package ca-certificates writes anew with each update."""
KERNEL = "linux-"
"""How the packages of kernels begin, in Debian and Ubuntu."""


def judge(register: Path, election: Election, host: str, look: Look, given: str) -> Check:
    """Return the check of a server called `host`; `register`: the file of its baseline, `given`: what follows -i."""
    if not register.exists():
        return warn(
            "drift", "no hay registro con que comparar",
            f"cuando lo auditado esté listo: {_freeze(register, given)}",
        )  # fmt: skip
    try:
        signed = record.read(register)
        record.refuse_past(signed, election)
        changes = record.drift(signed, host, look)["changes"]
    except UnverifiedError as error:
        return bad("drift", str(error), "corríjalo en esta máquina y repita; el registro puede estar bien, y se queda")
    except BaselineError as error:
        return bad("drift", str(error), f"recupere el registro de su copia, o {_again(register, given)}")
    if signed.fingerprint not in listed(election.allowed_signers):
        return bad(
            "drift", f"el registro lo firmó {signed.fingerprint[:16]}…, que no firma en esta elección",
            _again(register, given),
        )  # fmt: skip
    packages = [each["name"] for each in changes if each["kind"] == "packages"]
    updates = [each for each in changes if _is_of_update(each, packages)]
    strange = [each for each in changes if not _is_of_update(each, packages)]
    against = f"./difusor report -i {given} --against {from_project(register)}"
    since, told = f"{signed.baseline.taken.astimezone(election.catalog.zone):%d/%m}", _told(updates)
    if strange:
        strange.sort(key=lambda each: bool(each["before"]))  # what is new is named before what was there
        found = f"desde el registro cambió {some([plain(each['name'], 60) for each in strange])}"
        return bad(
            "drift", f"{found}; además, {told}" if updates else found,
            f"averigüe quién ({against}); si es indebido, ./difusor apply -i {given}; si es debido, "
            f"{_again(register, given)}",
        )  # fmt: skip
    if others := [each for each in updates if each["kind"] == "packages" and _is_another(each)]:
        return warn(
            "drift", f"desde el registro se instaló o quitó {some([plain(each['name'], 60) for each in others])}",
            f"si no fue una actualización, averigüe quién ({against})",
        )  # fmt: skip
    return good("drift", f"{told} desde {since}" if updates else f"ninguno desde {since}")


def _again(register: Path, given: str) -> str:
    """Return how a server is registered anew where the registers of all are, which are compared together."""
    file = from_project(register)
    return f"guarde con otro nombre {file} y {file.name}.sig, y registre otra vez: {_freeze(register, given)}"


def _freeze(register: Path, given: str) -> str:
    """Return the command that writes this register; `given` follows -i."""
    is_default = register.parent.resolve() == (build() / "registro").resolve()
    output = "" if is_default else f" --output {from_project(register.parent)}"
    return f"./difusor freeze -i {given} --key LLAVE{output}"


def _is_of_update(change: Mapping[str, str], packages: Sequence[str]) -> bool:
    """Tell whether a change is what automatic updates, and the restart after them, make of a server.

    `packages`: the names of those that changed too.
    """
    if change["kind"] == "files" and change["name"].startswith(AUTHORITIES):
        return "ca-certificates:all" in packages or "ca-certificates" in packages
    if change["kind"] == "files":
        beginning = WRITTEN.get(change["name"])
        return beginning is not None and any(each.startswith(beginning) for each in packages)
    return change["kind"] == "packages" or (change["kind"] == "server" and change["name"] in SYSTEM)


def _is_another(package: Mapping[str, str]) -> bool:
    """Tell whether a package is new or gone; not one of a kernel, each of whose versions has packages of its own."""
    return not (package["before"] and package["after"]) and not package["name"].startswith(KERNEL)


def _told(updates: Sequence[Mapping[str, str]]) -> str:
    """Return what was updated, in numbers and words."""
    count = sum(each["kind"] == "packages" for each in updates)
    packages = ["un paquete actualizado" if count == 1 else f"{count:,} paquetes actualizados"] if count else []
    return " y ".join([*packages, *(SYSTEM[each["name"]] for each in updates if each["kind"] == "server")])
