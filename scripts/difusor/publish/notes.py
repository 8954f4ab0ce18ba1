"""Where this machine keeps what it signed, what it published and what it saw of mirrors: `build/cortes/`.

It has a folder for each election and environment. Earlier versions kept this in two folders; `folder` moves it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, unquote

from corte.format import files
from difusor.inventory import Election
from difusor.project import UnusableError, build, denied

SIGNED, HISTORY = "firmado.json", "historia.jsonl"
"""Ends of the names of what `publish.standing` keeps, after the opening's instant."""
CARRIED = "ordenes.json"
"""The end of the name of what `publish.carried` keeps, after the opening's instant."""
LOCK = ".lock"
"""The file in the folder of an election and environment that is locked by whoever signs."""
HANDED = "visto-"
"""Begins the names of records of a mirror that a purge has moved to its evidence: visto-NAME@ADDRESS.json.

Records of the same mirror under other elections lie there in folders: visto-ELECTION-ENVIRONMENT/NAME@ADDRESS.json.
"""
EARLIER = "anteriores"
"""The folder in that of an election and environment with what was kept of mirrors in its other openings."""
PATIENCE = 1.0
"""Seconds to wait while another run writes what it saw of a mirror or published."""
_EARLIER = {"last.json": SIGNED, "history.jsonl": HISTORY}


def kept_in() -> Path:
    """Return the folder in the institute's home where the records are."""
    return build() / "cortes"


def purged_in() -> Path:
    """Return the folder in the institute's home with the evidence of purges, by instant and server."""
    return build() / "purge"


def place(election: Election, top: Path | None = None) -> Path:
    """Return where the folder of an election and environment belongs, below `top` (default: kept_in())."""
    return (top or kept_in()) / quote(f"{election.id}-{election.environment}", safe="")


def folder(election: Election, top: Path | None = None) -> Path:
    """Return that folder; it may not exist yet.

    What an earlier version kept is moved there first: UnusableError when that fails, because to go on without it would
    be to forget orders in force.
    """
    here = place(election, top)
    try:
        for old, new in _earlier(election, here.parent, here):
            if not new.exists():
                here.mkdir(parents=True, exist_ok=True)
                with suppress(FileNotFoundError):  # another run moves it at the same time
                    old.rename(new)
    except OSError as error:
        raise UnusableError(f"no se puede pasar a {here} lo que guardó una versión anterior: {denied(error)}") from None
    return here


def of_mirror(name: str) -> Iterator[tuple[Path, str, str]]:
    """Yield (path, election, environment) of all that was ever kept of a mirror's log.

    Of a purged rehearsal the election is "". `name` is the beginning of the records' names, up to the address.
    """
    for path in sorted(kept_in().glob(f"*/{name}@*.json")):
        yield path, *_of(path.parent.name)
    for path in sorted(kept_in().glob(f"*/{EARLIER}/{name}@*.json")):
        yield path, *_of(path.parent.parent.name)
    for path in sorted(purged_in().glob(f"*/*/{HANDED}{name}@*.json")):
        yield path, "", "simulacro"  # nothing else is ever purged
    for path in sorted(purged_in().glob(f"*/*/{HANDED}*/{name}@*.json")):
        yield path, *_of(path.parent.name.removeprefix(HANDED))


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Make a folder, and wait while another run writes there; not for ever, because that run may have been stopped."""
    folder.mkdir(parents=True, exist_ok=True)
    with files.locked(folder, patience=PATIENCE):
        yield


def _of(folder: str) -> tuple[str, str]:
    election, _, environment = folder.rpartition("-")
    return unquote(election), environment


def _earlier(election: Election, above: Path, here: Path) -> Iterator[tuple[Path, Path]]:
    """Yield (old path, new path) of what earlier versions kept of this election and environment."""
    named = re.escape(f"{election.id}-{election.environment}")
    for old in sorted((above.parent / "signed").glob("*")):
        if found := re.fullmatch(rf"{named}-(\d{{8}}T\d{{6}}Z)\.(last\.json|history\.jsonl)", old.name):
            yield old, here / f"{found[1]}.{_EARLIER[found[2]]}"
    for old in sorted((above.parent / "espejos" / here.name).glob("*.json")):
        yield old, here / old.name
