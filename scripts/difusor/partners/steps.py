"""Notes what was done to a difusor's servers, and when, for the board of deadlines: build/pasos/<difusor>.json."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from corte.format import files
from corte.format.files import locked
from difusor.partners.record import Moment
from difusor.project import UnusableError, build

Step = Literal["preflight", "provisioned"]


class Steps(BaseModel):
    """When each step last succeeded, by server."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    servers: dict[str, dict[Step, Moment]] = {}

    def when(self, step: Step) -> datetime | None:
        """Return when a step was first true of every server that is known; None while it is not."""
        found = [done.get(step) for done in self.servers.values()]
        known = [each for each in found if each]
        return max(known) if known and len(known) == len(found) else None


def file(inventory: Path) -> Path:
    """Return where the steps of a difusor are noted."""
    return build() / "pasos" / f"{inventory.resolve().name}.json"


def read(inventory: Path) -> Steps:
    """Return the steps of a difusor; UnusableError when the note is damaged."""
    try:
        return Steps.model_validate_json(file(inventory).read_bytes())
    except FileNotFoundError:
        return Steps()
    except (OSError, ValidationError):
        raise UnusableError(
            f"{file(inventory)} no se entiende; bórrelo, y la próxima vez se escribe de nuevo"
        ) from None


def note(inventory: Path, server: str, step: Step, at: datetime) -> None:
    """Note that a step succeeded on a server; a damaged note is begun anew. OSError when it cannot be written."""
    path = file(inventory)
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.parent):
        try:
            before = read(inventory)
        except UnusableError:
            before = Steps()
        servers = {**before.servers, server: {**before.servers.get(server, {}), step: at}}
        files.replace(path, f"{Steps(servers=servers).model_dump_json(indent=1)}\n".encode())
