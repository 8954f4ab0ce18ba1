"""Where this machine keeps what it signed, what it published and what it saw of mirrors: `build/cortes/`.

It has a folder for each election and environment. Earlier versions kept this in two folders; `folder` moves it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from corte.format.errors import why
from difusor.inventory import Election
from difusor.project import UnusableError, build

SIGNED, HISTORY = "firmado.json", "historia.jsonl"
"""Ends of the names of what `publish.standing` keeps, after the opening's instant."""
_EARLIER = {"last.json": SIGNED, "history.jsonl": HISTORY}


def kept_in() -> Path:
    """Return the folder in the institute's home where the records are."""
    return build() / "cortes"


def folder(election: Election, top: Path | None = None) -> Path:
    """Return the folder of an election and environment below `top` (default: kept_in()); it may not exist yet.

    What an earlier version kept is moved there first: UnusableError when that fails, because to go on without it would
    be to forget orders in force.
    """
    above = top or kept_in()
    here = above / quote(f"{election.id}-{election.environment}", safe="")
    try:
        for old, new in _earlier(election, above, here):
            if not new.exists():
                here.mkdir(parents=True, exist_ok=True)
                with suppress(FileNotFoundError):  # another run moves it at the same time
                    old.rename(new)
    except OSError as error:
        raise UnusableError(f"no se puede pasar a {here} lo que guardó una versión anterior: {why(error)}") from None
    return here


def _earlier(election: Election, above: Path, here: Path) -> Iterator[tuple[Path, Path]]:
    """Yield (old path, new path) of what earlier versions kept of this election and environment."""
    named = re.escape(f"{election.id}-{election.environment}")
    for old in sorted((above.parent / "signed").glob("*")):
        if found := re.fullmatch(rf"{named}-(\d{{8}}T\d{{6}}Z)\.(last\.json|history\.jsonl)", old.name):
            yield old, here / f"{found[1]}.{_EARLIER[found[2]]}"
    for old in sorted((above.parent / "espejos" / here.name).glob("*.json")):
        yield old, here / old.name
