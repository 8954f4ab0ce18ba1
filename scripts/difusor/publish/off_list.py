"""Looks whether a difusor that is off the list still shows results to citizens."""

from __future__ import annotations

import json
import time
from pathlib import Path

import httpx

from corte.format import manifest
from difusor.publish import other_addresses, pages
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
ELSEWHERE = (
    "{where} aún hay resultados: si es otro servidor suyo, repita ./difusor revoke X --reason RAZÓN; si no, pida al "
    "difusor que los retire, o que su DNS ya no lleve ahí"
)
PAGE = "{where} responde una página: véala, por si muestra resultados"
NOTICE = httpx.codes.GONE
"""With this status a server of the project shows the notice that it is off the list (role nginx)."""
PAGES = ("", manifest.NAME, pages.IDENTITY)
"""What is asked for, relative to the page; all but the first are documents of JSON."""


def look(target: Target, authority: Path | None, limit: float) -> tuple[str, str]:
    """Return what the site of a difusor that is off the list does (off, showing or unchecked), and how it answers.

    Its server is asked, and then the other addresses of its page's name. Its certificate does not matter: results are
    results. One that does not answer shows none, unless it was not asked for long enough. `limit` is in seconds.
    """
    deadline = time.monotonic() + limit
    result, why = _at_server(target, authority, deadline)
    if result != "off":
        return result, why
    there, unknown = other_addresses.others(target)
    told = []
    for where, other in there.items():
        found, said = _elsewhere(other, where, authority, deadline)
        if found != "off":
            return found, said
        told += [said] if said else []
    return result, "; ".join([why, *told, *unknown])


def _at_server(target: Target, authority: Path | None, deadline: float) -> tuple[str, str]:
    """Return the result for the server that the institute closed: whatever it sends as a page is too much."""
    answers, error = _asked(target, authority, deadline)
    is_showing = any(each.status_code == httpx.codes.OK for each in answers)
    if error:
        return ("showing", trouble(error)) if is_showing else _silent(error, deadline)
    if is_showing:
        return "showing", f"{target.revoked}; {COMING_BACK if target.is_coming_back else SET_BACK}"
    if {each.status_code for each in answers} == {NOTICE}:
        return "off", f"{target.revoked}; su sitio muestra el aviso"
    return "off", f"{target.revoked}; su sitio no muestra resultados, pero tampoco el aviso"


def _elsewhere(target: Target, where: str, authority: Path | None, deadline: float) -> tuple[str, str]:
    """Return the result for another address, which may be anybody's: only what PREP's pages are made of is results."""
    answers, error = _asked(target, authority, deadline)
    shown = [each for each in answers if each.status_code == httpx.codes.OK]
    if any(_is_document(each.content) for each in shown):
        told = f"{where}: {COMING_BACK}" if target.is_coming_back else ELSEWHERE.format(where=where)
        return "showing", f"{target.revoked}; {told}"
    result, why = _silent(error, deadline) if error else ("off", "")
    if result != "off":
        return result, why
    return "off", PAGE.format(where=where) if shown else ""


def _asked(target: Target, authority: Path | None, deadline: float) -> tuple[list[httpx.Response], Exception | None]:
    """Return the answers that came, and what ended the asking before all had come."""
    answers: list[httpx.Response] = []
    with Mirror(target, authority, forgiving=True) as mirror:
        mirror.deadline = deadline
        base = mirror.url.removesuffix(PATH) + target.path
        try:
            for name in PAGES:
                answers.append(mirror.get(base + name))
        except (httpx.HTTPError, OSError, ValueError) as error:
            return answers, error
    return answers, None


def _silent(error: Exception, deadline: float) -> tuple[str, str]:
    result, why = missed(error)
    if result == "unreachable" and time.monotonic() >= deadline:
        return "unchecked", LATE
    return ("off" if result == "unreachable" else result), why


def _is_document(content: bytes) -> bool:
    """Tell whether an answer is an object of JSON, as a site's own page for whatever is asked is not."""
    try:
        return isinstance(json.loads(content), dict)
    except (ValueError, RecursionError):
        return False
