"""What this machine has seen of each mirror and what it published, kept from one run to the next.

A mirror's log is a chain: whoever knows an earlier head notices when the log loses entries or is written anew. Nothing
here stops a delivery: a record that is damaged, or cannot be written, is told and begun anew. One of a later version of
the project is told, and stays as it is.
"""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, unquote

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from corte.format import files, instants, manifest
from corte.format.manifest import Manifest
from corte.format.refusal import Refusal
from corte.format.standing import Standing, Withdrawn
from difusor.inventory import Election, together
from difusor.inventory.addresses import is_address, shortest
from difusor.project import UnusableError, denied, inventories, refuse_later
from difusor.publish import notes
from difusor.publish.signing import SignedCorte
from difusor.publish.standing import Records, is_of
from difusor.publish.target import Target

PUBLISHED = "publicado"
MOST_BYTES = 4 * 1024 * 1024
MOST_HEADS = 5000
"""How many heads of a mirror are kept, the newest ones: a night has some hundreds."""
OVERLAP = timedelta(minutes=1)
"""Two runs at once may note answers in another order than they received them; this is by how much at most."""
AGAIN = "si volvió a una instantánea o se instaló de nuevo, antes de todo ./difusor apply -i X"
"""What comes before the search for a culprit: with the log, revoked keys and removed addresses are in force again."""


class Kept(BaseModel):
    """What is written to disk."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Head(Kept):
    """What a mirror's estado.json says of its log, and when this machine had asked and was answered (UTC)."""

    entries: Annotated[int, Field(ge=0, lt=2**53)]
    head: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    segments: Annotated[int, Field(ge=1, lt=2**53)]
    asked: AwareDatetime
    answered: AwareDatetime

    def follows(self, before: Head) -> bool:
        """Tell whether the log can have grown from the earlier head to this one."""
        if self.entries == before.entries:
            return (self.head, self.segments) == (before.head, before.segments)
        return self.entries > before.entries and self.segments >= before.segments


class Record(Kept):
    """Of one mirror since this opening: the heads seen, each once, the oldest first; what did not fit, as sentences.

    `knows_light`: its server is not of a version that refuses every manifest that names light mode, as far as is known.
    """

    opens: AwareDatetime
    heads: tuple[Head, ...] = ()
    faults: tuple[str, ...] = ()
    knows_light: bool = True


class Published(Kept):
    """The corte that the institute last published from this machine; `hold`: its orders keep an earlier one shown."""

    opens: AwareDatetime
    sequence: int
    generated: AwareDatetime
    manifest_sha256: str
    hold: bool
    at: AwareDatetime

    def is_after(self, other: manifest.Manifest) -> bool:
        """Tell whether this corte was signed after another one.

        Not by the sequence: the institute may sign an earlier corte anew, with an order.
        """
        return self.generated > other.generated


@dataclass(frozen=True)
class Shown:
    """What a mirror shows in this run, signed validly: the manifest without its files, and since when, as it says.

    `named` is how an order would withdraw it; `followed` are the orders that the mirror says it follows.
    """

    manifest: Manifest
    named: Withdrawn
    since: datetime
    followed: Standing

    @classmethod
    def of(cls, signed: SignedCorte, followed: Standing, since: object) -> Shown:
        """Return what a mirror shows; `since` is what its estado.json says, and is not believed if it is to come.

        One whose clock is ahead would else put off until then that the others are behind.
        """
        document = signed.manifest
        at = document.generated
        with suppress(ValueError):
            at = max(at, min(instants.parse(since), instants.now()))
        return cls(replace(document, files={}), document.withdrawn(signed.sha256, document.generated), at, followed)

    @property
    def published(self) -> Published:
        """The corte as one that the institute published by then: nobody else signs what a mirror shows."""
        return Published(
            opens=self.manifest.window.opens, sequence=self.manifest.sequence, generated=self.manifest.generated,
            manifest_sha256=self.named.manifest_sha256, hold=self.manifest.stands.hold_in_force is not None,
            at=self.since,
        )  # fmt: skip


class Seen:
    """The records of this machine, in a folder for each election and environment."""

    def __init__(self, folder: Path | None = None) -> None:
        """Take the folder, by default that of the records; it is made when something is written."""
        self.folder = folder or notes.kept_in()
        self.shown: dict[str, Shown] = {}
        self.applications: list[tuple[Target, dict[str, str]]] = []  # of this run too: see application.look

    def note(self, target: Target, status: dict[str, Any] | None, asked: datetime) -> list[str]:
        """Note what a mirror says of its log; return as sentences what does not fit what it said before, and news.

        `status` is the content of its estado.json (None: no answer), `asked` the instant of the request.
        """
        if status is None:
            return []
        told: list[str] = []
        try:
            path, opens = self.path(target.election, _name(target)), target.election.window.opens
            with notes.alone(path.parent):
                before, damage = _read(path, Record, opens)
                former, problems = (None, []) if before or damage else _former(path, target, opens)
                before, damage = former or before, damage + problems
                record, news = _noted(before or Record(opens=opens), _head(status, asked), moved=former is not None)
                record = record.model_copy(update={"knows_light": knows_light(status, record.knows_light)})
                told += damage + news
                if record != (before or Record(opens=opens)):
                    _keep_earlier(path, before)
                    _write(path, record)
        except UnusableError as error:
            told.append(str(error))
        except OSError as error:
            told.append(f"no se pudo guardar la cabeza de su bitácora en {path}: {denied(error)}")
        return told

    def faults(self, target: Target) -> list[str]:
        """Return everything that did not fit in this mirror's log for this opening, as sentences with instants."""
        with suppress(OSError, UnusableError):
            record, _ = _read(self.path(target.election, _name(target)), Record, target.election.window.opens)
            return list(record.faults) if record else []
        return []

    def publish(self, signed: SignedCorte, election: Election) -> list[str]:
        """Note that a mirror took this corte; return as sentences what prevents it."""
        document = signed.manifest
        try:
            path = self.path(election, PUBLISHED)
            with notes.alone(path.parent):
                last, told = _read(path, Published, election.window.opens)
                if last is None or (document.generated > last.generated):
                    _keep_earlier(path, last)
                    _write(path, Published(
                        opens=election.window.opens, sequence=document.sequence, generated=document.generated,
                        manifest_sha256=signed.sha256, at=instants.now(),
                        hold=document.stands.hold_in_force is not None,
                    ))  # fmt: skip
        except UnusableError as error:
            return [str(error)]
        except OSError as error:
            return [f"no se pudo guardar en {path} qué se publicó: {denied(error)}"]
        return told

    def published(self, election: Election, standing: Standing | None = None) -> tuple[Published | None, list[str]]:
        """Return the corte that was last published from here for this opening, and what prevents knowing it.

        In place of one that the institute withdrew, by what stands there (`standing`), it is the last good one before.
        """
        try:
            path = self.path(election, PUBLISHED)
            last, told = _read(path, Published, election.window.opens)
            return _in_force(last, standing, election) if last and standing else last, told
        except UnusableError as error:
            return None, [str(error)]
        except OSError as error:
            return None, [f"no se pudo leer en {path} qué se publicó: {denied(error)}"]

    def notice(self, target: Target, shown: Shown) -> None:
        """Note for this run what a mirror shows, if it is of this opening."""
        if is_of(shown.manifest, target.election):
            self.shown[_name(target)] = shown

    def shown_by(self, target: Target) -> Shown | None:
        """Return what a mirror shows, as far as this run has seen it."""
        return self.shown.get(_name(target))

    def newest(self, election: Election, standing: Standing) -> Published | None:
        """Return the corte last published: from here, or of those that mirrors show in this run, if that is later."""
        last, _ = self.published(election, standing)
        good = [
            one for one in self.shown.values()
            if is_of(one.manifest, election) and not standing.withdraws(*one.named.identity, one.named.manifest_sha256)
        ]  # fmt: skip
        other = min(good, key=lambda one: (-one.manifest.generated.timestamp(), one.since), default=None)
        if other is None or (last and last.generated >= other.manifest.generated):
            return last
        return other.published

    def without_light(self, election: Election) -> list[Path]:
        """Return the records of the mirrors whose servers, when last asked, did not know light mode."""
        found = []
        for path in sorted(notes.folder(election, self.folder).glob("*@*.json")):
            with suppress(OSError, UnusableError):
                record, _ = _read(path, Record, election.window.opens)
                found += [path] if record and not record.knows_light else []
        return found

    def hand_over(self, target: Target, folder: Path) -> None:
        """Move what is kept of a mirror and its cortes to a folder: they were deleted, and its log begins anew.

        What was seen of it under other elections too: its log was one, whichever it was set up for. Of these their
        cortes stay known, because other mirrors have them.
        """
        here = notes.folder(target.election, self.folder)
        with notes.alone(here):  # or else a `publish` would write it back
            for name in (_name(target), PUBLISHED):
                kept = self.path(target.election, name)
                if kept.exists():
                    shutil.move(kept, folder / f"{notes.HANDED}{kept.name}")
        for kept in sorted(here.parent.glob(f"*/{_file(_name(target))}")):
            with notes.alone(kept.parent):
                aside = folder / f"{notes.HANDED}{kept.parent.name}"
                aside.mkdir(exist_ok=True)
                shutil.move(kept, aside / kept.name)

    def path(self, election: Election, name: str) -> Path:
        """Return where a record is."""
        return notes.folder(election, self.folder) / _file(name)


def _in_force(last: Published, standing: Standing, election: Election) -> Published | None:
    """Return the corte that mirrors have to show: the last one published or, if it is withdrawn, the last good one."""
    signed = [*Records(election).history()]
    gone = {one.manifest_sha256 for one, _ in signed if standing.withdraws(*one.identity, one.manifest_sha256)}
    gone |= {one.manifest_sha256 for one in standing.withdrawn}
    if last.manifest_sha256 not in gone:
        return last
    good = [one for one, is_published in signed if is_published and one.manifest_sha256 not in gone]
    before = max(good, key=lambda one: one.at, default=None)
    if before is None:
        return None
    return Published(
        opens=last.opens, sequence=before.sequence, generated=before.at, manifest_sha256=before.manifest_sha256,
        hold=standing.hold_in_force is not None, at=max(last.at, standing.withdrawn[-1].at),
    )  # fmt: skip


def knows_light(status: dict[str, Any], unknown: bool = True) -> bool:
    """Tell whether a mirror's estado.json says that it knows light mode; `unknown` when it says nothing of its gate."""
    gate = status.get("gate")
    return "light" in gate if gate else unknown


def _name(target: Target) -> str:
    """Return the name of a mirror's record; servers of two difusores may have one name."""
    return f"{target.name}@{target.address}"


def _file(name: str) -> str:
    """Return the name of a record's file; it has no character that means something in a pattern of names."""
    return f"{quote(name, safe='@')}.json"


def _head(status: dict[str, Any], asked: datetime) -> Head | None:
    """Return the head that estado.json gives; None when it gives none."""
    log = status.get("log") or {}
    with suppress(ValidationError):
        said = {"entries": log.get("entries"), "head": log.get("head"), "segments": log.get("segments") or 1}
        return Head.model_validate({**said, "asked": asked, "answered": instants.now()})
    return None


def _former(path: Path, target: Target, opens: datetime) -> tuple[Record | None, list[str]]:
    """Return the record of a mirror that has another address now, and what damaged ones say; it is `path` from then on.

    It is the last one of this name at an address at which no inventory has a server of this name any more: one of
    another difusor may be called so. A log does not begin anew because its server's address is another.
    """
    found, told = list[tuple[Record, Path]](), list[str]()
    others = [each for each in path.parent.glob(_file(f"{target.name}@").replace(".json", "*.json")) if each != path]
    there = together.servers(inventories()) if others else set()
    for other in others:
        address = unquote(other.stem).removeprefix(f"{target.name}@")
        if not _is_renamed(address, target.address) and (target.name, shortest(address)) not in there:
            record, damage = _read(other, Record, opens)
            told += damage
            found += [(record, other)] if record and record.heads else []
    if not found:
        return None, told
    record, other = max(found, key=lambda each: each[0].heads[-1].answered)
    _keep_earlier(path, None)
    other.rename(path)
    return record, told


def _is_renamed(name: str, address: str) -> bool:
    """Tell whether a record, by its name behind the @, is this address's, renamed so that a new one begins."""
    return name.startswith(address) and not is_address(name)  # 10.0.0.12 begins as 10.0.0.1 does


def _noted(record: Record, head: Head | None, *, moved: bool) -> tuple[Record, list[str]]:
    """Return a record with a newly seen head, and the news in it; `moved`: whether the mirror's address is another."""
    last = record.heads[-1] if record.heads else None
    if head is None:
        return record, ["su estado.json ya no dice la cabeza de su bitácora"] if last else []
    if last is None:
        return record.model_copy(update={"heads": (head,)}), []
    if (head.entries, head.head, head.segments) == (last.entries, last.head, last.segments):
        return record, []
    if last.answered - OVERLAP < head.asked < last.answered and not head.follows(last) and last.follows(head):
        return record, []  # another run got a later answer and noted it first
    heads = (*record.heads, head)[-MOST_HEADS:]
    if not head.follows(last):
        since = "cambió de dirección, y " if moved else ""
        fault = f"{instants.write(head.answered)}: {since}{_misfit(last, head)}"
        return record.model_copy(update={"heads": heads, "faults": (*record.faults, fault)[-MOST_HEADS:]}), [fault]
    news = []
    if head.segments > last.segments:
        news = [
            f"su bitácora sigue en otro segmento (el {head.segments}, tras el renglón {last.entries} o después): "
            "el servidor encontró dañada o incompleta la anterior y la conserva aparte"
        ]
    return record.model_copy(update={"heads": heads}), news


def _misfit(before: Head, now: Head) -> str:
    if now.entries < before.entries:
        return f"su bitácora perdió renglones: tenía {before.entries} y tiene {now.entries}; {AGAIN}"
    if now.entries == before.entries:
        return f"su bitácora se escribió de nuevo: su renglón {now.entries} ya no es el mismo; {AGAIN}"
    return f"su bitácora se escribió de nuevo: tenía {before.segments} segmentos y tiene {now.segments}; {AGAIN}"


def _read[K: (Record, Published)](path: Path, kind: type[K], opens: datetime) -> tuple[K | None, list[str]]:
    """Return what is kept (None: nothing of this opening), and a sentence when that was damaged and is put aside.

    LaterVersionError when a later version of the project wrote it.
    """
    try:
        content = json.loads(files.read_capped(str(path), MOST_BYTES))
        if manifest.digest(content["kept"].encode()) != content["sha256"]:
            raise ValueError("another digest")
        kept = kind.model_validate_json(content["kept"])
    except Refusal as refusal:
        if refusal.code == "missing":
            return None, []
        return None, [_put_aside(path)]
    except ValidationError as error:
        refuse_later(path, error)
        return None, [_put_aside(path)]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None, [_put_aside(path)]
    return (kept if kept.opens == opens else None), []


def _put_aside(path: Path) -> str:
    # By a name that is not hidden it would be read again as the record of a mirror.
    aside = files.set_aside(path)
    return f"el registro {path} estaba dañado: queda en {aside.name} y empieza otro; lo visto antes no se compara"


def _keep_earlier(path: Path, found: Kept | None) -> None:
    """Move the record at a path away unless it was `found` to be of this opening: it would be written over."""
    if found is None and path.exists():
        folder = path.parent / notes.EARLIER
        folder.mkdir(exist_ok=True)
        path.rename(files.free(folder / f"{path.stem}-{number}{path.suffix}" for number in count(1)))


def _write(path: Path, kept: Kept) -> None:
    text = kept.model_dump_json()
    files.replace(path, json.dumps({"kept": text, "sha256": manifest.digest(text.encode())}).encode() + b"\n")
