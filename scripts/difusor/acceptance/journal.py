"""The journal of one acceptance on disk: what it began with, one file for each step that has ended, and a lock."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from corte.format import files
from difusor.project import DAMAGE, UnusableError, build, given, locking, write

START = "inicio.json"
RECORD = "resultado.json"
SUMMARY = "resumen.json"
PACKED = "archivo.sha256"
INSTANT = "%Y%m%dT%H%M%SZ"
VISITOR = "prep-visita"
"""The ordinary account of an acceptance; a server that has one of this name is refused (refusals)."""


class Verdict(StrEnum):
    """How a step ended."""

    PASSED = "superado"
    FAILED = "falló"
    UNVERIFIED = "no verificado"
    SKIPPED = "no se hizo"


@dataclass(frozen=True)
class Outcome:
    """What a step found: its verdict, a Spanish sentence without its full stop, and facts for later steps (JSON)."""

    verdict: Verdict
    sentence: str
    facts: dict[str, Any] | None = None


class Kept(BaseModel):
    """What is written to disk."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Start(Kept):
    """What an acceptance began with; it goes on only while all of it is the same. Digests are SHA-256."""

    version: int = 1
    inventory: str
    server: str
    key: str
    authority: str
    keep: bool
    commit: str
    inventory_sha256: str
    project_sha256: str
    host_key: str
    machine: str


class Record(Kept):
    """One step that has ended. Instants are UTC."""

    step: str
    title: str
    verdict: Verdict
    sentence: str
    started: AwareDatetime
    seconds: float
    facts: dict[str, Any] = {}


class Journal:
    """The folder of one acceptance."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; it is made when the acceptance begins."""
        self.folder = folder

    @property
    def begun(self) -> datetime:
        """The instant at which the acceptance began, which is the folder's name."""
        return datetime.strptime(self.folder.name, INSTANT).replace(tzinfo=UTC)

    @property
    def ended(self) -> bool:
        """Whether its last step has ended and its archive was written; until then it can be resumed."""
        return (self.folder / PACKED).exists()

    @property
    def going_on(self) -> str:
        """How to go on with it, as a Spanish command."""
        return f"./difusor accept -i {self._inventory} --resume"

    @property
    def giving_up(self) -> str:
        """How to give it up so that another can begin, in Spanish."""
        return (
            f"retire lo instalado (./difusor remove -i {self._inventory} --early --data), quite la cuenta de "
            f"prueba del servidor (sudo userdel --remove {VISITOR}) y borre {self.folder}"
        )

    @property
    def _inventory(self) -> str:
        """What follows -i; the name of the shelf may be that of another inventory too. X when nobody can read it."""
        try:
            return given(Path(json.loads(files.small(self.folder / START))["inventory"]))
        except (OSError, *DAMAGE):
            return "X"

    def begin(self, start: Start) -> None:
        """Make the folder, which only its owner may read, and write what the acceptance begins with."""
        self.folder.mkdir(mode=0o700, parents=True)
        write(self.folder / START, start.model_dump_json(indent=1) + "\n")

    def start(self) -> Start:
        """Return what the acceptance began with; UnusableError when that cannot be read."""
        return self._read(self.folder / START, Start)

    def keep(self, folder: Path, record: Record) -> None:
        """Write the result of a step that has ended in the step's folder; a step without this file is done again."""
        write(folder / RECORD, record.model_dump_json(indent=1) + "\n")

    def kept(self, folder: Path) -> Record | None:
        """Return the result of the step of this folder, None when it has not ended."""
        path = folder / RECORD
        return self._read(path, Record) if path.exists() else None

    def conclude(self, records: Sequence[Record]) -> None:
        """Write the summary, after which only the archive is missing."""
        steps = [json.loads(record.model_dump_json(exclude={"facts"})) for record in records]
        document = {"inicio": json.loads(self.start().model_dump_json()), "pasos": steps}
        write(self.folder / SUMMARY, json.dumps(document, ensure_ascii=False, indent=1) + "\n")

    def close(self, digest: str) -> None:
        """Write that the archive was written, and its SHA-256; there is nothing left to resume."""
        write(self.folder / PACKED, f"{digest}\n")

    def _read[Model: Kept](self, path: Path, model: type[Model]) -> Model:
        try:
            return model.model_validate_json(files.small(path))
        except (OSError, ValidationError) as error:
            raise UnusableError(
                f"{path} no se puede leer, o es de otra versión: esa aceptación no puede seguir. Para "
                f"comenzar otra, {self.giving_up}"
            ) from error


def shelf(inventory: Path) -> Path:
    """Return the folder of all acceptances of an inventory."""
    return build() / "acceptance" / inventory.resolve().name


def latest(inventory: Path) -> Journal | None:
    """Return the acceptance of an inventory that has begun and not ended; without one, the last that has ended.

    The names of the folders say when they began by this machine's clock, which may have been wrong.
    """
    begun = [Journal(path.parent) for path in shelf(inventory).glob(f"*/{START}")]
    return max(begun, key=lambda each: (not each.ended, each.folder.name), default=None)


@contextmanager
def alone(inventory: Path) -> Iterator[int]:
    """Let no other acceptance of an inventory run; yield the descriptor of the lock.

    Who inherits the descriptor holds the lock too, such as a playbook that survives the program that started it.
    """
    path = shelf(inventory)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            with locking(path):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UnusableError(
                f"otra aceptación de {path.name} está en curso, o aún corre el paso que dejó: espere a que termine"
            ) from None
        yield descriptor
    finally:
        os.close(descriptor)
