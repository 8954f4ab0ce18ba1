"""Refuses that `publish` signs the first corte of a machine where mirrors show that another machine signed before.

What that one ordered is not known here, and a corte without it ends light mode, or is refused where counts fell.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from corte.format import instants, manifest
from corte.format.standing import Standing
from difusor.inventory import Election
from difusor.project import UnusableError
from difusor.publish.mirror import Mirror, stands
from difusor.publish.standing import Records
from difusor.publish.target import Target


def check(election: Election, targets: list[Target]) -> None:
    """Ask the mirrors if no corte of this opening was signed or published here; UnusableError names what to do.

    A mirror that does not answer says nothing.
    """
    if Records(election).newest() is not None:
        return
    with ThreadPoolExecutor(max_workers=len(targets)) as pool:
        answers = list(zip(targets, pool.map(_status, targets), strict=True))
    showing = [target for target, status in answers if _shows(status, election)]
    following = [target for target, status in answers if _is_of(status, election) and stands(status) != Standing()]
    if not showing and not following:
        return
    names = ", ".join(target.name for target in targets if target in showing or target in following)
    raise UnusableError(
        f"aquí no consta ningún corte de esta apertura, y ya muestran uno o siguen órdenes: {names}. Firme con "
        f"«difusor sign» y --after {_last_corte(showing)}; si nadie firmó en otra máquina, sin --after"
    )


def _last_corte(showing: list[Target]) -> str:
    """Return what to give as the last corte, and where to get it."""
    if not showing:
        return "la carpeta del último corte que se firmó en otra máquina"
    page = f"https://{showing[0].fqdn}{showing[0].path}"
    return (
        "la carpeta del último corte que se firmó en otra máquina o, sin ella, una en que guarde con sus nombres "
        f"{page}{manifest.NAME} y {page}{manifest.SIGNATURE_NAME}"
    )


def _status(target: Target) -> dict[str, Any]:
    try:
        with Mirror(target, forgiving=True) as mirror:
            return mirror.status() or {}
    except (OSError, ValueError):  # the inventory's certificate or name is unusable, which the delivery tells
        return {}


def _is_of(status: dict[str, Any], election: Election) -> bool:
    return (status.get("gate") or {}).get("opens") == instants.write(election.window.opens)


def _shows(status: dict[str, Any], election: Election) -> bool:
    """Tell whether a mirror shows a corte of this opening, and not one that is left of an earlier one."""
    shown = (status.get("shown") or {}).get("corte") or ""
    return _is_of(status, election) and shown >= instants.write(election.window.opens)
