"""The institute's half of a revocation (clause 12): its record in the difusor's inventory, and that server's secrets.

The record is written first and whole, and everything else follows from it: verbs and playbooks read it as the variable
`difusor_revocations`. Each function may be interrupted anywhere and called again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter

from corte.format import files, instants
from difusor import spec
from difusor.inventory import Revocation, sources, zone_of
from difusor.inventory.parts import Finality, Restoration
from difusor.inventory.passwords import DRAWN, NAME
from difusor.inventory.variables import reseal
from difusor.inventory.vaults import opening
from difusor.partners import election
from difusor.partners.facts import FactError, data
from difusor.partners.inventory import drawn_secrets
from difusor.process import account
from difusor.project import DAMAGE, UnusableError, given, locked
from difusor.spec import reading
from difusor.terminal import by_clocks

VARIABLE = sources.REVOKED
BLOCKS = "DG-12"
"""The clause by which the institute may take a difusor off the list."""
SECRET = "vault_difusor_rsync_secret"
HEAD = """\
---
# Cuándo y por qué el Instituto retiró a este difusor de la lista (disposición general 12), y si volvió. Lo escriben
# «difusor revoke» y «difusor restore»: no se edita a mano, y no se borra, porque es el expediente.
"""
_RECORD = TypeAdapter(list[Revocation])


@dataclass(frozen=True)
class Order:
    """What the institute orders: who, why, by which provision of the call, on what evidence, and whether for good."""

    by: str
    reason: str
    provision: str = BLOCKS
    evidence: tuple[Path, ...] = ()
    final: bool = False


def file(inventory: Path) -> Path:
    """Return where an inventory has its record: beside the facts of the partner that is called as its folder."""
    return inventory / f"group_vars/{inventory.name}" / sources.REVOCATIONS


def read(inventory: Path) -> list[Revocation]:
    """Return an inventory's revocations, the last one last; UnusableError when the record cannot be understood."""
    path = file(inventory)
    try:
        return _RECORD.validate_python(reading.values(files.small(path))[VARIABLE])
    except FileNotFoundError:
        return []
    except (yaml.YAMLError, *DAMAGE):
        raise UnusableError(
            f"{path} no se entiende, y mientras tanto nada se le envía; recupérelo de su copia"
        ) from None


def in_force(inventory: Path) -> Revocation | None:
    """Return the revocation by which the difusor is off the list now; None when it is not."""
    record = read(inventory)
    return record[-1] if record and record[-1].in_force else None


def refuse_revoked(inventory: Path, what: str) -> None:
    """Raise UnusableError when the difusor is off the list; `what` is what is not done then, as «no se dictamina»."""
    if found := in_force(inventory):
        told = by_clocks(found.told, zone_of(inventory))
        back = f"./difusor restore {given(inventory)} --reason RAZÓN"
        raise UnusableError(f"{inventory.name} está {told}. Por eso {what}; para que vuelva: {back}")


def of(inventory: Path, order: Order) -> Revocation:
    """Return the revocation that an order makes now; FactError when a value cannot be used, OSError for evidence."""
    _refuse_unless_data({"--by": order.by, "--reason": order.reason})
    if order.provision not in (known := _provisions(inventory, order.provision)):
        raise FactError({"--provision": f"«{order.provision}» no es una cláusula; las hay: {', '.join(known)}"})
    for each in order.evidence:
        _refuse_unless_data({"--evidence": str(each)})
    evidence = [{"document": str(each), "sha256": _digest(each)} for each in order.evidence]
    said = {
        "since": instants.write(_now()), "by": order.by.strip(), "reason": order.reason.strip(),
        "provision": order.provision, "evidence": evidence, "final": order.final,
    }  # fmt: skip
    return Revocation.model_validate(said)


def _digest(document: Path) -> str:
    """Return the SHA-256 of a document, which may be a film."""
    with files.opened(document) as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _provisions(inventory: Path, asked: str) -> tuple[str, ...]:
    """Return the clauses of the difusor's call.

    An election that cannot be read by itself does not keep anybody from revoking: what looks like a clause is one then.
    """
    try:
        return spec.load(election.of(inventory).spec).ids
    except (UnusableError, spec.SpecError):
        return (asked,) if re.fullmatch(spec.CLAUSE_ID, asked) else ()


def revoke(inventory: Path, order: Order) -> tuple[Revocation, bool]:
    """Write the record, unless one is in force; return it and whether it is new.

    One in force that was not final becomes so with a final order, and keeps its first reason. FactError, OSError or
    UnusableError say why it cannot be; nothing has changed then. An order to restore that was not finished ends with a
    new revocation.
    """
    new = of(inventory, order)
    with _alone(inventory):
        record = read(inventory)
        if record and record[-1].state == "revoked":
            if order.final and not record[-1].final:
                record[-1] = record[-1].model_copy(update={"final": True, "made_final": _finality(new)})
                _write(inventory, record)
            return record[-1], False
        if record and record[-1].state == "restoring":
            record[-1] = record[-1].model_copy(update={"state": "restored"})
        _write(inventory, [*record, new])
    return new, True


def _finality(new: Revocation) -> Finality:
    said = new.model_dump(include={"by", "reason", "provision", "evidence"})
    return Finality.model_validate({"at": instants.write(new.since), **said})


def unrecorded(inventory: Path, order: Order, stands: Revocation) -> tuple[str, ...]:
    """Return the options of an order of which the record that stands says something else, because it was there before.

    What an order says when nobody gave the option, the account and the clause of revocations, is not meant.
    """
    new = of(inventory, order)
    noted: list[Revocation | Finality] = [stands, *([stands.made_final] if stands.made_final else [])]
    hashes = {paper.sha256 for each in noted for paper in each.evidence}
    other = {
        "--reason": new.reason not in {each.reason for each in noted},
        "--by": new.by not in {account(), *(each.by for each in noted)},
        "--provision": new.provision not in {BLOCKS, *(each.provision for each in noted)},
        "--evidence": any(paper.sha256 not in hashes for paper in new.evidence),
    }
    return tuple(option for option, is_other in other.items() if is_other)


def rotate(inventory: Path) -> None:
    """Draw the secrets of that server anew in the vault, once for each revocation; UnusableError says why not.

    The new ones reach the server with a restoration, so whoever knows the old ones can never use them again.
    """
    with _alone(inventory):
        record = read(inventory)
        if not record or record[-1].rotated:
            return
        vault = inventory / f"group_vars/{inventory.name}/vault.yml"
        drawn = drawn_secrets()
        wanted = {SECRET: drawn["rsync_secret"], NAME: drawn["password_hash"], DRAWN: drawn["password"]}
        try:
            reseal(vault, lambda text: _with(text, wanted, vault))
        except (yaml.YAMLError, *DAMAGE):  # ansible-vault edit takes whatever is typed
            raise UnusableError(
                f"lo que guarda {vault} no es YAML de renglones «nombre: valor» en UTF-8; corríjalo: ansible-vault "
                f"edit {opening(vault)} {vault}"
            ) from None
        _write(inventory, [*record[:-1], record[-1].model_copy(update={"rotated": _now()})])


def acknowledge(inventory: Path, server: str) -> None:
    """Note that a server shows the notice and has nothing of the institute any more."""
    with _alone(inventory):
        record = read(inventory)
        if record and record[-1].state == "revoked" and server not in record[-1].servers:
            servers = {**record[-1].servers, server: _now()}
            _write(inventory, [*record[:-1], record[-1].model_copy(update={"servers": servers})])


def order_restoration(inventory: Path, by: str, reason: str) -> Revocation | None:
    """Note that the difusor shall come back; None when nothing is to be restored, UnusableError when it may not be."""
    _refuse_unless_data({"--by": by, "--reason": reason})
    with _alone(inventory):
        record = read(inventory)
        last = record[-1] if record else None
        if last is None or not last.in_force:
            return None
        if last.final:
            ordered = last.made_final
            at, by = (ordered.at, ordered.by) if ordered else (last.since, last.by)
            since = by_clocks(instants.write(at), zone_of(inventory))
            raise UnusableError(
                f"{inventory.name} fue revocado de manera definitiva el {since} por {by}: no se restablece, y "
                "nada cambió"
            )
        if last.state == "revoked":
            said = {"at": instants.write(_now()), "by": by.strip(), "reason": reason.strip()}
            restored = Restoration.model_validate(said)
            last = last.model_copy(update={"state": "restoring", "restored": restored})
            _write(inventory, [*record[:-1], last])
    return last


def end(inventory: Path) -> None:
    """Note that the difusor is back, and on the list again; not when it was revoked anew while it was coming back."""
    with _alone(inventory):
        record = read(inventory)
        if record and record[-1].state == "restoring":
            _write(inventory, [*record[:-1], record[-1].model_copy(update={"state": "restored"})])


def _refuse_unless_data(values: Mapping[str, str]) -> None:
    """Raise FactError for what is empty or what Ansible would not take as plain text."""
    faults = {}
    for option, value in values.items():
        try:
            if not data(value):
                faults[option] = "está vacío; escriba la razón y quién lo ordena"
        except ValueError as error:
            faults[option] = str(error)
    if faults:
        raise FactError(faults)


def _with(text: str, wanted: Mapping[str, str], vault: Path) -> str:
    """Return a vault's text with these values; UnusableError when it keeps one of them in a way that is not known."""
    there = [name for name in wanted if re.search(rf"(?m)^{name}:", text)]
    kept = "".join(line for line in text.splitlines(keepends=True) if line.partition(":")[0] not in wanted)
    changed = kept.rstrip() + "\n" + "".join(f"{name}: {json.dumps(value)}\n" for name, value in wanted.items())
    found = reading.values(changed)
    if not {SECRET, NAME} <= {*there} or any(found.get(name) != value for name, value in wanted.items()):
        raise UnusableError(
            f"{vault} no tiene {SECRET} y {NAME} en renglones propios; cámbielos: ansible-vault edit {opening(vault)} "
            f"{vault}"
        )
    return changed


def _write(inventory: Path, record: list[Revocation]) -> None:
    values: list[Any] = [json.loads(each.model_dump_json(exclude_none=True)) for each in record]
    body = json.dumps({VARIABLE: values}, ensure_ascii=False, indent=1)
    files.replace(file(inventory), f"{HEAD}{body}\n".encode())


@contextmanager
def _alone(inventory: Path) -> Iterator[None]:
    """Keep another run from changing the record at the same time; UnusableError when there is no place for a record."""
    folder = file(inventory).parent
    if not folder.is_dir():
        raise UnusableError(f"{inventory.name} no tiene {folder}, donde quedaría anotado; nada cambió")
    with locked(folder):
        yield


def _now() -> datetime:
    return instants.now().replace(microsecond=0)
