"""Looks whether a difusor that is off the list still shows results to citizens."""

from __future__ import annotations

import time
from pathlib import Path

import httpx

from corte.format import manifest
from difusor.publish.mirror import PATH, Mirror
from difusor.publish.target import Target
from difusor.publish.trouble import missed, trouble

LATE = "no alcanzó el tiempo para ver si su sitio aún muestra resultados; dé más con --minutes"
SET_BACK = (
    "su sitio aún responde como si lo fuera: repita ./difusor revoke X --reason RAZÓN, que hace lo que falte; si su "
    "servidor ya hizo su parte, lo devolvieron a un respaldo, y ./difusor apply -i X lo retira otra vez"
)
COMING_BACK = (
    "su sitio ya responde, y lo demás no ha terminado: repita ./difusor restore X --reason RAZÓN, que hace lo que falte"
)
"""Said of one that an order has brought back: to revoke it would undo that."""
NOTICE = httpx.codes.GONE
"""With this status a server of the project shows the notice that it is off the list (role nginx)."""


def look(target: Target, authority: Path | None, limit: float) -> tuple[str, str]:
    """Return what the site of a difusor that is off the list does (off, showing or unchecked), and how it answers.

    Its certificate does not matter: results are results. One that does not answer shows none, unless it was not asked
    for long enough. `limit` is in seconds.
    """
    with Mirror(target, authority, forgiving=True) as mirror:
        mirror.deadline = time.monotonic() + limit
        base = mirror.url.removesuffix(PATH) + target.path
        answers = []
        try:
            for name in ("", manifest.NAME, "datos/corte.json"):
                answers.append(mirror.get(base + name).status_code)
        except (httpx.HTTPError, OSError, ValueError) as error:
            if httpx.codes.OK in answers:
                return "showing", trouble(error)
            result, why = missed(error)
            if result == "unreachable" and time.monotonic() >= mirror.deadline:
                return "unchecked", LATE
            return ("off" if result == "unreachable" else result), why
    if httpx.codes.OK in answers:
        return "showing", f"{target.revoked}; {COMING_BACK if target.is_coming_back else SET_BACK}"
    if set(answers) == {NOTICE}:
        return "off", f"{target.revoked}; su sitio muestra el aviso"
    return "off", f"{target.revoked}; su sitio no muestra resultados, pero tampoco el aviso"
