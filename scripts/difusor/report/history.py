"""The dictámenes of a difusor that came before: each is kept with its time when the next one takes its name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from corte.format import files, instants
from difusor.papers.dates import instant
from difusor.project import DAMAGE
from difusor.report.comparison import compare
from difusor.report.verdict import Overall
from difusor.terminal import plain

FOLDER = "anteriores"
"""Beside the dictámenes in force: a folder for each difusor, in it the files of each time."""
ENDINGS = (".json", ".html", ".pdf")
"""How the names of a dictamen's files end."""
UNREADABLE = (OSError, *DAMAGE)


def keep(path: Path) -> bytes:
    """Copy the files of the dictamen in force, `path`.json and those of ENDINGS, to its folder of earlier ones.

    Return what its JSON says, b"" when there is none.
    Call it before they are replaced; whatever is kept stays as it is. OSError when a copy cannot be written: then
    nothing may be replaced.
    """
    there = {ending: path.with_name(f"{path.name}{ending}") for ending in ENDINGS}
    contents = {ending: files.read(each) for ending, each in there.items() if each.is_file()}
    if not contents:
        return b""
    folder = kept_in(path)
    folder.mkdir(parents=True, exist_ok=True)
    name = next(each for each in _names(contents.get(".json", b"")) if _is_free(folder / each, contents))
    for ending, content in contents.items():
        if not (folder / f"{name}{ending}").exists():
            files.replace(folder / f"{name}{ending}", content)
    return contents.get(".json", b"")


def previous(path: Path, now: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what differs since the last kept dictamen of an earlier measurement; None when there is none.

    What cannot be read, or did not reach the server, is passed over: there is nothing to compare with.
    """
    if now["verdict"] == Overall.UNREACHABLE:
        return None
    measured = instants.parse_offset(now["finished"])
    kept = [each for file in _kept(path) if (each := _read(file)) and each[0] < measured]
    for _, content in sorted(kept, key=lambda each: each[0], reverse=True):
        with suppress(*UNREADABLE):
            return compare(content, now)
    return None


def later(path: Path, now: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the dictamen in force if its servers were measured after those of this one; None when they were not.

    One that says a time to come was measured while this machine's clock was wrong, and stands in nobody's way.
    """
    found = _read(path.with_name(f"{path.name}.json"))
    is_later = found and instants.parse_offset(now["finished"]) < found[0] <= instants.now()
    return found[1] if found and is_later else None


def superseded(attached: Mapping[str, str], folder: Path) -> Iterator[str]:
    """Yield a sentence, without full stop, for each dictamen inside a paper that is not the one in force in `folder`.

    `attached`: SHA-256 by name. Its signature is as good as on the day when it was made: only this machine knows of
    the later measurement. Of a difusor that has no dictamen here nothing is said.
    """
    for name, sha256 in attached.items():
        path = folder / name
        if Path(name).name != name or not name.endswith(".json") or name.endswith(".results.json"):
            continue
        with suppress(*UNREADABLE):
            content = files.read(path)
            if hashlib.sha256(content).hexdigest() == sha256:
                continue
            later = json.loads(content)
            measured = instant(later["finished_local"])
            yield (
                f"NO ES EL DICTAMEN VIGENTE: el de {path} es otro, dice {plain(str(later['verdict']), 40)} y se midió "
                f"el {measured}"
            )


def kept_in(path: Path) -> Path:
    """Return the folder of the earlier dictámenes of the difusor whose dictamen is `path`.json."""
    return path.parent / FOLDER / path.name


def _kept(path: Path) -> list[Path]:
    return [path.with_name(f"{path.name}.json"), *kept_in(path).glob("*.json")]


def _read(file: Path) -> tuple[datetime, dict[str, Any]] | None:
    """Return when the servers of a dictamen were measured, and its data; None when they were not, or it is none."""
    try:
        content = json.loads(files.read(file))
        evaluated = content["verdict"] != Overall.UNREACHABLE
        return (instants.parse_offset(content["finished"]), content) if evaluated else None
    except UNREADABLE:
        return None


def _names(content: bytes) -> Iterator[str]:
    """Yield names for a dictamen, from the time of its measurement: 20240603T014105Z, 20240603T014105Z-2 ..."""
    try:
        time = f"{instants.parse_offset(json.loads(content)['finished']):%Y%m%dT%H%M%SZ}"
    except UNREADABLE:
        time = "sin-fecha"
    yield time
    yield from (f"{time}-{number}" for number in count(2))


def _is_free(path: Path, contents: dict[str, bytes]) -> bool:
    """Tell whether a dictamen may have this name among the earlier ones: nobody has it, or it is this one, kept."""
    taken = (path.with_name(f"{path.name}{ending}") for ending in contents)
    return all(not each.exists() or files.read(each) == contents[each.name[len(path.name) :]] for each in taken)
