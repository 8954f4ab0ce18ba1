"""What the watch remembers of the pages that failed, from one round and one run to the next, and its log."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, BinaryIO
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from corte.format import files, instants
from difusor.inventory import Election
from difusor.partners.record import Moment
from difusor.project import UnusableError, build, denied, locking, refuse_later
from difusor.publish.standing import PATIENCE
from difusor.terminal import plain

FAILURES = 2
"""After so many failures in a row a difusor is left out of the page."""


class Failing(BaseModel):
    """One page that failed in each of the last `failures` rounds, since when, and with what the last time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    failures: Annotated[int, Field(ge=1)]
    since: Moment
    faults: tuple[str, ...]

    @property
    def is_out(self) -> bool:
        """Whether the page is left out of the list."""
        return self.failures >= FAILURES


class State(BaseModel):
    """The pages that fail, by id of the difusor. `page`: a digest of what the written list says, but for its date.

    `told`: those that were left out as far as anybody has been told; None when that is `out`, as after each round whose
    list could be written.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    failing: dict[str, Failing] = {}
    page: str = ""
    told: dict[str, Failing] | None = None

    @property
    def out(self) -> dict[str, Failing]:
        """Those that are left out of the list."""
        return {name: each for name, each in self.failing.items() if each.is_out}

    @property
    def known_out(self) -> dict[str, Failing]:
        """Those of whom it has been told that they are left out of the list."""
        return self.out if self.told is None else self.told


def folder(election: Election) -> Path:
    """Return where the watch of an election keeps its state and its log.

    By environment too: whoever failed in a rehearsal is no reason to leave them off the list of the night.
    """
    return build() / "lista" / quote(f"{election.id}-{election.environment}", safe="")


def read(election: Election) -> State:
    """Return the state, an empty one when there is none; UnusableError when it cannot be understood."""
    path = folder(election) / "estado.json"
    try:
        return State.model_validate_json(files.small(path))
    except FileNotFoundError:
        return State()
    except OSError as error:
        raise UnusableError(
            f"no se puede leer {path}, que dice quién está fuera de la lista: {denied(error)}"
        ) from None
    except ValidationError as error:
        refuse_later(path, error)
        raise UnusableError(
            f"{path} no se entiende: dice quién está fuera de la lista. Cámbiele el nombre, y la vigilancia vuelve a "
            "empezar"
        ) from None


def keep(election: Election, state: State) -> None:
    """Write the state; UnusableError when that fails."""
    path = folder(election) / "estado.json"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.replace(path, f"{state.model_dump_json(indent=1, exclude_none=True)}\n".encode())
    except OSError as error:
        raise UnusableError(f"no se puede guardar {path}: {denied(error)}") from None


@contextmanager
def turn(election: Election) -> Iterator[None]:
    """Let nobody else decide who is on the list, or write it, meanwhile.

    UnusableError when another one does not end in time, or a file cannot be used.
    """
    path = folder(election)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with files.appended(path / ".lock") as file:
            with locking(path):
                is_taken = files.lock(file.fileno(), PATIENCE)
            if not is_taken:
                raise UnusableError(
                    f"otro «list» de esta máquina no termina de escribir la lista en {PATIENCE:.0f} segundos (quizá "
                    "espera la frase de su llave, o está suspendido): termínelo y repita"
                )
            yield
    except OSError as error:
        raise UnusableError(f"no se puede usar {error.filename or path}: {denied(error)}") from None


@contextmanager
def alone(election: Election) -> Iterator[None]:
    """Keep a second watch of an election from counting the same failure twice; UnusableError when there is one."""
    path = folder(election) / "vigilancia"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = files.appended(path)
    except OSError as error:
        raise UnusableError(f"no se puede usar {path}: {denied(error)}") from None
    with file:
        try:
            with locking(path.parent):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            process = plain(file.read().decode(errors="replace"), 20)
            raise UnusableError(
                f"ya se vigila la lista de {election.id} en esta máquina (proceso {process}); déjela "
                "seguir, o deténgala con Ctrl-C en su terminal"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()).encode())
        file.flush()
        yield


def log(election: Election, at: datetime, **said: object) -> None:
    """Add a line to the log, bitacora.jsonl; UnusableError when that fails: nothing is done that it does not say."""
    path = folder(election) / "bitacora.jsonl"
    line = json.dumps({"cuando": instants.write(at), **said}, ensure_ascii=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.appended(path) as lines:
            # On a line of its own, also after one that a power cut or a full disk left without an end.
            lines.write(b"\n" * _is_cut(lines) + line.encode() + b"\n")
    except OSError as error:
        raise UnusableError(f"no se puede escribir en {path}: {denied(error)}") from None


def _is_cut(lines: BinaryIO) -> bool:
    """Tell whether the last line of a file, opened at its end, has no end."""
    if not lines.tell():
        return False
    lines.seek(-1, os.SEEK_END)
    return lines.read(1) != b"\n"
