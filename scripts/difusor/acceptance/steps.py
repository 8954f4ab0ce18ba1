"""The steps of an acceptance, in their order: this table is its table of contents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from difusor.acceptance import comparison, doing, lockout, measured, standing, visitor
from difusor.acceptance.case import Case
from difusor.acceptance.journal import Journal, Outcome


@dataclass(frozen=True)
class Step:
    """One step: its name in the journal, its title, what it does with the case in its own folder.

    `needs`: steps without which it makes no sense; it is left out when one of them failed. `after`: a step that must
    have been tried, whether it succeeded or not. `reads`: steps whose folders it gets as further arguments.
    `ending`: it gives the server back, and is left out when the server is to be kept.
    """

    name: str
    title: str
    run: Callable[..., Outcome]
    needs: tuple[str, ...] = ()
    after: str = ""
    reads: tuple[str, ...] = ()
    ending: bool = False


STEPS = (
    Step("before", "Cómo está el servidor antes", standing.before),
    Step("preflight", "Diagnóstico", doing.preflight, needs=("before",)),
    Step("visitor", "Una cuenta ordinaria, como la tiene el medio", visitor.arrive, needs=("preflight",)),
    Step("rehearse", "Ensayo en seco", doing.rehearse, needs=("preflight",)),
    Step("apply", "Instalación", doing.apply, needs=("preflight",)),
    Step("repeat", "Segunda vuelta, que nada cambia", doing.repeat, needs=("apply",)),
    Step("corte", "Un corte de ensayo", doing.corte, needs=("apply",)),
    Step("report", "Dictamen", measured.report, needs=("apply",)),
    Step("restart", "Reinicio", doing.restart, needs=("apply",)),
    Step("again", "Dictamen después del reinicio", measured.report_again, needs=("restart",), reads=("report",)),
    Step("visit", "Subida y tarea de esa cuenta", visitor.work, needs=("visitor", "apply"), reads=("visitor",)),
    Step("complaints", "Negativas y avisos", standing.complaints, needs=("apply",), reads=("before",)),
    Step("lockout", "El operador queda fuera y vuelve a entrar", lockout.shut_out, needs=("apply",)),
    Step("updates", "Ensayo de unattended-upgrade", doing.updates, needs=("apply",)),
    Step("upgrade", "Actualización, sin nadie que responda", doing.upgrade, needs=("corte",), reads=("corte",)),
    Step("remove", "Devolución del servidor", doing.remove, after="apply", ending=True),
    Step("dismiss", "Se va la cuenta ordinaria", visitor.leave, after="visitor", reads=("visitor",)),
    Step("bare", "Reinicio del servidor devuelto", doing.restart_bare, needs=("remove",), ending=True),
    Step("compare", "Comparación", comparison.compare, ("before",), "apply", reads=("before", "upgrade"), ending=True),
)


def folders(journal: Journal, steps: Sequence[Step] = STEPS) -> dict[str, Path]:
    """Return the folder of each step in a journal, by the step's name; it begins with the step's number."""
    return {step.name: journal.folder / f"{number:02}-{step.name}" for number, step in enumerate(steps, 1)}


def perform(step: Step, case: Case, places: Mapping[str, Path]) -> Outcome:
    """Do one step in its own folder."""
    places[step.name].mkdir(mode=0o700, exist_ok=True)
    return step.run(case, places[step.name], *(places[name] for name in step.reads))
