"""Begins an acceptance, or goes on with one that was interrupted; every refusal comes before anything is touched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from corte.format import instants
from corte.format.errors import why
from difusor.acceptance import refusals, run
from difusor.acceptance.archive import Archive, pack
from difusor.acceptance.case import Case
from difusor.acceptance.journal import INSTANT, Journal, Start, alone, latest, shelf
from difusor.acceptance.steps import STEPS, Step
from difusor.project import UnusableError


def begin(case: Case, name: str | None, keep: bool) -> tuple[run.Result, Archive]:
    """Begin an acceptance; return its result and archive.

    UnusableError, click.UsageError or LostError say why it cannot begin.
    """
    with alone(case.inventory) as lock:
        case = replace(case, lock=lock)
        refusals.check_rehearsal(case)
        before = latest(case.inventory)
        if before and not before.ended:
            raise UnusableError(
                f"la aceptación de {before.folder.name} quedó a medias: sígala con {before.going_on}, o déjela: "
                f"{before.giving_up}"
            )
        host_key, machine = refusals.check_server(case)
        refusals.check_name(case, name)
        journal = Journal(shelf(case.inventory) / f"{instants.now():{INSTANT}}")
        journal.begin(refusals.beginning(case, keep, host_key, machine))
        return _finish(case, journal, keep)


def resume(
    inventory: Path, key: Path | None = None, authority: Path | None = None, keep: bool = False
) -> tuple[run.Result, Archive]:
    """Go on with the last acceptance of an inventory after its last step that ended.

    What is given may repeat what it began with; UnusableError when it says something else.
    """
    with alone(inventory) as lock:
        journal = latest(inventory)
        if journal is None or journal.ended:
            raise UnusableError(f"no hay ninguna aceptación a medias de {inventory.name}; sin --resume comienza una")
        start = journal.start()
        _refuse_another(start, key, authority, keep)
        began_with = Path(start.authority) if start.authority else None
        case = Case(inventory, refusals.only_server(inventory), Path(start.key), began_with, lock)
        known = case.known()
        if known.unreachable:
            raise UnusableError(f"{known.unreachable}; cuando responda, repita {journal.going_on}")
        found = known.identity
        now = refusals.beginning(case, start.keep, found.get("ssh_host_key", ""), found.get("machine_id", ""))
        refusals.check_same(journal, now)
        return _finish(case, journal, start.keep)


def _refuse_another(start: Start, key: Path | None, authority: Path | None, keep: bool) -> None:
    """Refuse options that an acceptance would go on without: above all --keep, without which the server is cleared."""
    for option, given, began_with in (("--key", key, start.key), ("--ca", authority, start.authority)):
        if given and str(given) != began_with:
            how = f"con {began_with}" if began_with else "sin ella"
            raise UnusableError(f"{option} no cambia a la mitad: esa aceptación comenzó {how}; repita sin {option}")
    if keep and not start.keep:
        raise UnusableError(
            "esa aceptación comenzó sin --keep y al terminar devuelve el servidor; repita sin --keep, e instale después"
        )


def _finish(case: Case, journal: Journal, keep: bool, steps: Sequence[Step] = STEPS) -> tuple[run.Result, Archive]:
    """Do what is left and pack it; BrokenOffError when somebody or this machine's disk stops it."""
    try:
        return run.go(case, journal, keep, steps), pack(journal, case)
    except KeyboardInterrupt as interrupt:
        raise run.BrokenOffError(
            f"usted interrumpió la aceptación. Lo que ya terminó está guardado; siga con {journal.going_on}"
        ) from interrupt
    except OSError as error:
        raise run.BrokenOffError(
            f"esta máquina no pudo guardar lo visto ({why(error)}). Haga lugar, y siga con {journal.going_on}"
        ) from error
