"""The steps that only look at the server: before everything, while it serves, and after it was given back."""

from __future__ import annotations

from pathlib import Path

from difusor.acceptance import state
from difusor.acceptance.case import VERB_LOG, Case
from difusor.acceptance.journal import Outcome, Verdict
from difusor.acceptance.measured import SHOWN
from difusor.project import write
from difusor.terminal import some

JOURNAL = "journalctl --boot --priority=warning --no-pager --quiet --output=short-iso | tail --bytes=4000000"


def before(case: Case, folder: Path) -> Outcome:
    """Write down how the server stands."""
    settle(case, folder)
    now = state.take(case)
    state.save(now, folder)
    where = f", en un contenedor ({now['system']['container']})" if now["system"]["container"] else ""
    counts = f"{len(now['files'])} archivos y carpetas, {len(now['packages'])} paquetes"
    return Outcome(Verdict.PASSED, f"{counts}, {len(now['ports'])} puertos{where}", {"system": now["system"]})


def settle(case: Case, folder: Path) -> None:
    """Wait until nobody installs packages, as on a server's first boot: half-way, it would stand as it never stays."""
    case.play("Esperar a que nadie instale paquetes en el servidor", folder / VERB_LOG, "settle.yml")


def complaints(case: Case, folder: Path, earlier: Path) -> Outcome:
    """Read what the server has denied and warned of since its boot; failed for new denials and failed units."""
    was, now = state.saved(earlier), state.take(case)
    warnings = case.ask(JOURNAL)
    write(folder / "avisos.log", warnings)
    new = [each.name for each in state.differences(was, now, ["failed", "denials"]) if each.before == state.ABSENT]
    write(folder / "negativas.txt", "".join(f"{name}\n" for name in now["denials"]))
    counted = f"{len(warnings.splitlines())} avisos, guardados para leerse"
    if new:
        return Outcome(Verdict.FAILED, f"nuevas negativas o unidades caídas: {some(new, SHOWN)}; {counted}")
    if not now["system"]["kernel_log"]:
        return Outcome(Verdict.UNVERIFIED, f"ninguna unidad cayó; las negativas del núcleo no se ven aquí; {counted}")
    return Outcome(Verdict.PASSED, f"ninguna negativa nueva ni unidad caída; {counted}")
