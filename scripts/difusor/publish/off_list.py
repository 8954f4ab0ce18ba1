"""Looks whether a difusor that is off the list still shows results to citizens."""

from __future__ import annotations

import time
from pathlib import Path

import httpx

from corte.format import manifest
from difusor.publish.mirror import PATH, Mirror
from difusor.publish.target import Target
from difusor.publish.trouble import trouble

NOTICE = httpx.codes.GONE
"""With this status a server of the project shows the notice that it is off the list (role nginx)."""


def look(target: Target, authority: Path | None, limit: float) -> tuple[bool, str]:
    """Return whether the site of a difusor that is off the list shows no results, and what it answers instead.

    Its certificate does not matter: results are results. One that does not answer shows none. `limit` is in seconds.
    """
    with Mirror(target, authority, forgiving=True) as mirror:
        mirror.deadline = time.monotonic() + limit
        base = mirror.url.removesuffix(PATH) + target.path
        answers = []
        try:
            for name in ("", manifest.NAME, "datos/corte.json"):
                answers.append(mirror.get(base + name).status_code)
        except (httpx.HTTPError, OSError, ValueError) as error:
            return httpx.codes.OK not in answers, trouble(error)
    if httpx.codes.OK in answers:
        return False, f"{target.revoked}; su sitio aún responde como si lo fuera: vea qué falta con difusor revoke"
    if set(answers) == {NOTICE}:
        return True, f"{target.revoked}; su sitio muestra el aviso"
    return True, f"{target.revoked}; su sitio no muestra resultados, pero tampoco el aviso"
