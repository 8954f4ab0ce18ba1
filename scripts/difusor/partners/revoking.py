"""Takes a difusor off the list, and back, at both ends: the institute's at once, a server's as soon as it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from difusor.inventory import InventoryError, Revocation, load
from difusor.inventory.variables import read
from difusor.partners import notification, revocation
from difusor.partners.revocation import Order
from difusor.project import UnusableError, fallen, refusal
from difusor.servers import playbook
from difusor.servers.playbook import Options

REVOKE, RESTORE = "playbooks/revoke.yml", "playbooks/restore.yml"
REVOKED = "corte_revoked"
"""The variable that the record decides; a preview, which writes no record, gives it by hand."""


@dataclass(frozen=True)
class Result:
    """What is done and what is not: `record` is None when there was nothing to restore; `is_new`: ordered just now.

    `servers` have done their half. `pending`: sentences on what is missing, without their full stop. `paper`: the
    notification to the difusor. `overtaken`: while it was being restored somebody revoked it anew, which is `record`.
    `unrecorded`: options of an order that came when the difusor was off the list already, which are not in the record.
    """

    difusor: str
    record: Revocation | None
    is_new: bool = False
    servers: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    paper: Path | None = None
    overtaken: bool = False
    unrecorded: tuple[str, ...] = ()


def revoke(inventory: Path, order: Order, options: Options) -> Result:
    """Revoke a difusor; FactError or UnusableError say why the order cannot be taken, and nothing has changed then."""
    if options.check:
        done, pending = _run(REVOKE, inventory, _servers(inventory), options, {REVOKED: True})
        return Result(inventory.name, revocation.of(inventory, order), False, done, pending)
    record, is_new = revocation.revoke(inventory, order)
    other = () if is_new else revocation.unrecorded(inventory, order, record)
    trouble = [*_rotated(inventory)]
    record = revocation.in_force(inventory) or record  # which says now whether the old secrets are worth nothing
    try:
        servers = _servers(inventory)
    except InventoryError as error:
        return Result(inventory.name, record, is_new, pending=(*trouble, str(error)), unrecorded=other)
    waiting = [server for server in servers if server not in record.servers]
    done, pending = _run(REVOKE, inventory, waiting, options, {}, revocation.acknowledge)
    paper = None
    try:
        paper = notification.write(load(inventory)[0], record, inventory.name)
    except (OSError, UnusableError) as error:
        trouble.append(f"la notificación no se pudo hacer: {refusal(error).rstrip('.')}")
    except Exception as error:  # a fault of this program's: all else is done, and has to be told
        trouble.append(f"la notificación no se pudo hacer: {fallen(error)}")
    return Result(
        inventory.name, record, is_new, (*record.servers, *done), (*trouble, *pending), paper, unrecorded=other
    )  # fmt: skip


def restore(inventory: Path, by: str, reason: str, options: Options) -> Result:
    """Restore a difusor; FactError or UnusableError say why it may not come back, and nothing has changed then."""
    if options.check:
        found = revocation.in_force(inventory)
        done, pending = _run(RESTORE, inventory, _servers(inventory), options, {REVOKED: False}) if found else ((), ())
        return Result(inventory.name, found, False, done, pending)
    record = revocation.order_restoration(inventory, by, reason)
    if record is None:
        return Result(inventory.name, None)
    if trouble := _rotated(inventory):  # the old secret must not come back
        return Result(inventory.name, record, pending=trouble)
    done, pending = _run(RESTORE, inventory, _servers(inventory), options, {})
    if not pending:
        revocation.end(inventory)
    if (anew := revocation.in_force(inventory)) and anew.state == "revoked":
        return Result(inventory.name, anew, False, done, pending, overtaken=True)
    return Result(inventory.name, record, True, done, pending)


def _rotated(inventory: Path) -> tuple[str, ...]:
    """Draw the server's secrets anew; return why that is still to be done, if it is."""
    try:
        revocation.rotate(inventory)
    except (OSError, UnusableError) as error:
        return (f"sus secretos no se cambiaron en la bóveda: {refusal(error).rstrip('.')}",)
    return ()


def _servers(inventory: Path) -> list[str]:
    return read(inventory, only=frozenset({"ansible_host"})).groups.get("difusores", [])


def _run(
    book: str,
    inventory: Path,
    servers: list[str],
    options: Options,
    values: dict[str, bool],
    note: Callable[[Path, str], None] = lambda inventory, server: None,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Run a playbook for each server, so that one that does not answer holds up no other; return (done, pending).

    `note` is called with each server that is done, at once: the operator may end the wait for the next one.
    """
    done, pending = [], []
    for server in servers:
        if playbook.run(book, [inventory], replace(options, limit=server), values) != 0:
            pending.append(f"{server} aún no ha hecho su parte; la causa está arriba")
            continue
        done.append(server)
        try:
            note(inventory, server)
        except (OSError, UnusableError) as error:
            pending.append(f"{server} hizo su parte y no se pudo anotar: {refusal(error).rstrip('.')}")
    return tuple(done), tuple(pending)
