"""Refuses that `publish` signs without what another machine ordered, as far as mirrors show that one signed there.

What it ordered is not known here, and a corte without it moves a close back, ends light mode, or is refused where
counts fell.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import httpx

from corte.format import future, instants, manifest, signature
from corte.format.manifest import Manifest, Window
from corte.format.refusal import Refusal
from corte.format.standing import Standing
from difusor.inventory import Election
from difusor.project import UnusableError
from difusor.publish.mirror import PATH, Mirror, stands
from difusor.publish.signing import SignedCorte
from difusor.publish.standing import Records, is_of, past_signer
from difusor.publish.target import Target
from difusor.publish.wording import lacking, moves

PATIENCE = 2.0
"""Seconds to hear the mirrors, and as many to get what they show: a corte does not wait long for one that is silent."""
ASKED = 3
"""How many mirrors that show one corte are asked for its manifest at most: it is as long as its list of files."""


def check(election: Election, targets: list[Target], own: Standing) -> None:
    """Ask the mirrors what another machine signed for this opening; UnusableError names it, and what to do.

    `own` is what stands by the folder's manifest. A mirror that does not answer is passed over. Where this machine has
    signed or published before, an estado.json stops nothing by itself, because a server may write anything there: only
    a manifest does that was signed after the last one known here.
    """
    known = Records(election).newest()
    if known is None:
        _check_first(election, targets)
    else:
        _check_later(election, targets, known, known.stands.join(own))


def _check_first(election: Election, targets: list[Target]) -> None:
    """Refuse the first corte of this machine where mirrors show one of this opening, or follow orders."""
    answers = _each(targets, _status)
    showing = [target for target, status in answers if _shows(status, election)]
    following = [target for target, status in answers if _is_of(status, election) and stands(status) != Standing()]
    if not showing and not following:
        return
    names = ", ".join(target.name for target in targets if target in showing or target in following)
    raise UnusableError(
        f"aquí no consta ningún corte de esta apertura, y ya muestran uno o siguen órdenes: {names}. Firme con "
        f"«difusor sign» y --after {_last_corte(showing)}; si nadie firmó en otra máquina, sin --after"
    )


def _check_later(election: Election, targets: list[Target], known: Manifest, stood: Standing) -> None:
    """Refuse to move back the window, or to lack the orders, of a corte that was signed after the last one known here.

    `stood`: what would be carried on.
    """
    would = stood.after((), instants.now(), 0, 0)  # light mode ends also by signing without it
    later = [
        (target, status)
        for target, status in _each(targets, partial(_status, deadline=time.monotonic() + PATIENCE))
        if _shows(status, election) and str(status["shown"].get("generated")) > instants.write(known.generated)
    ]
    if not any(lacking(would, stands(status)) or _is_moved(status, election) for _, status in later):
        return  # no manifest has to be asked for, of which some are large
    get = partial(_signed, election=election, deadline=time.monotonic() + PATIENCE)
    found = [(target, signed) for target, signed in _each(_few(later), get) if signed]
    found = sorted((each for each in found if each[1].generated > known.generated), key=lambda each: each[1].generated)
    told = "; ".join(dict.fromkeys(_undone(election, [signed for _, signed in found], would)))
    if told:
        showing = [target for target, _ in reversed(found)]  # the first one shows the newest
        raise UnusableError(
            f"en otra máquina se firmó después un corte que aquí no consta ({told}), y ya lo muestran: "
            f"{', '.join(target.name for target in showing)}. Firme con «difusor sign» y --after {_last_corte(showing)}"
        )


def _undone(election: Election, found: list[Manifest], would: Standing) -> Iterator[str]:
    """Yield as clauses what a new corte would undo of those found, of which the last is the newest."""
    for signed in found[-1:]:  # the newest window is the one in force
        for _, says, was, now in moves(signed.window, election.window):
            before, after = (instant.astimezone(election.catalog.zone).isoformat() for instant in (was, now))
            yield f"{says} {before}, y la elección dice aquí {after}"
    yield from chain.from_iterable(lacking(would, signed.stands) for signed in found)


def _last_corte(showing: list[Target]) -> str:
    """Return what to give as the last corte, and where to get it."""
    if not showing:
        return "la carpeta del último corte que se firmó en otra máquina"
    page = f"https://{showing[0].fqdn}{showing[0].path}"
    return (
        "la carpeta del último corte que se firmó en otra máquina o, sin ella, una en que guarde con sus nombres "
        f"{page}{manifest.NAME} y {page}{manifest.SIGNATURE_NAME}"
    )


def _each[Answer](targets: list[Target], ask: Callable[[Target], Answer]) -> list[tuple[Target, Answer]]:
    """Ask all at once; return each with its answer."""
    with ThreadPoolExecutor(max_workers=len(targets)) as pool:
        return list(zip(targets, pool.map(ask, targets), strict=True))


def _status(target: Target, deadline: float = math.inf) -> dict[str, Any]:
    try:
        with Mirror(target, forgiving=True) as mirror:
            mirror.deadline = deadline
            return mirror.status() or {}
    except (OSError, ValueError):  # the inventory's certificate or name is unusable, which the delivery tells
        return {}


def _few(showing: list[tuple[Target, dict[str, Any]]]) -> list[Target]:
    """Return of the mirrors that show one corte, as they say, some few."""
    found: dict[str, list[Target]] = {}
    for target, status in showing:
        found.setdefault(str(status["shown"].get("manifest_sha256")), []).append(target)
    return [target for group in found.values() for target in group[:ASKED]]


def _signed(target: Target, election: Election, deadline: float) -> Manifest | None:
    """Return the manifest that a mirror shows, if it is of this opening and of one who might sign it; else None.

    Of one whose dates have ended since, too: what he ordered stands.
    """
    with suppress(httpx.HTTPError, OSError, ValueError, Refusal), Mirror(target, forgiving=True) as mirror:
        mirror.deadline = deadline
        page = mirror.url.removesuffix(PATH) + target.path
        _, raw = mirror.read(page + manifest.NAME, manifest.MAX_BYTES)
        _, armour = mirror.read(page + manifest.SIGNATURE_NAME, signature.MAX_BYTES)
        signed = SignedCorte.of(Path(), raw, armour)  # of a folder that nothing here asks for
        past_signer(signed, election, is_known=True)
        future.check(signed.manifest, instants.now())
        return signed.manifest if is_of(signed.manifest, election) else None
    return None


def _is_of(status: dict[str, Any], election: Election) -> bool:
    return (status.get("gate") or {}).get("opens") == instants.write(election.window.opens)


def _is_moved(status: dict[str, Any], election: Election) -> bool:
    """Tell whether a mirror says that it follows another window than the election's."""
    with suppress(ValueError, KeyError):
        return bool([*moves(Window.from_json(status["gate"]), election.window)])
    return False


def _shows(status: dict[str, Any], election: Election) -> bool:
    """Tell whether a mirror shows a corte of this opening, and not one that is left of an earlier one."""
    shown = (status.get("shown") or {}).get("corte") or ""
    return _is_of(status, election) and shown >= instants.write(election.window.opens)
