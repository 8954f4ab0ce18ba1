"""Notes what was done to a difusor's servers, and when, for the board of deadlines: build/pasos/<difusor>.json."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from corte.format import files, instants
from corte.format.files import locked
from difusor.inventory.linked import election_of
from difusor.partners.record import Moment
from difusor.project import LaterVersionError, UnusableError, build, refuse_later

Step = Literal["preflight", "provisioned"]
Servers = dict[str, dict[Step, Moment]]


class Steps(BaseModel):
    """When each step last succeeded, by server; all for one election, by the name of its file.

    `forgotten`: when a server was last given back, or became another one. What was found before is of a server that is
    no more.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    election: str = ""
    servers: Servers = {}
    forgotten: Moment | None = None

    def when(self, step: Step) -> datetime | None:
        """Return when a step was first true of every server that is known; None while it is not."""
        found = [done.get(step) for done in self.servers.values()]
        known = [each for each in found if each]
        return max(known) if known and len(known) == len(found) else None


def file(inventory: Path) -> Path:
    """Return where the steps of a difusor are noted."""
    return build() / "pasos" / f"{inventory.resolve().name}.json"


def read(inventory: Path) -> Steps:
    """Return the steps of a difusor for the election of its inventory.

    UnusableError when the note is damaged, LaterVersionError when a later version wrote it.
    """
    none = Steps(election=election_of(inventory))
    try:
        found = Steps.model_validate_json(files.small(file(inventory)))
        return found if found.election in ("", none.election) else none
    except FileNotFoundError:
        return none
    except (OSError, ValidationError) as error:
        if isinstance(error, ValidationError):
            refuse_later(file(inventory), error)
        raise UnusableError(
            f"{file(inventory)} no se entiende; bórrelo, y la próxima vez se escribe de nuevo"
        ) from None


def note(inventory: Path, server: str, step: Step, at: datetime, after: Step | None = None) -> None:
    """Note that a step succeeded on a server; a damaged note is begun anew.

    OSError when it cannot be written, LaterVersionError when a later version wrote the one that is there.

    With `after`, a step of the same run, only if that is noted still: else the server was given back, or became
    another one, while the run went on.
    """

    def noted(before: Steps) -> Steps:
        known = before.servers.get(server, {})
        if after and after not in known:
            return before
        return before.model_copy(update={"servers": {**before.servers, server: {**known, step: at}}})

    _change(inventory, noted)


def forget(inventory: Path, server: str = "") -> None:
    """Take back what is noted of a server, or of all of them, that is not as it was any more; errors as above."""

    def forgetting(before: Steps) -> Steps:
        left = {name: done for name, done in before.servers.items() if server not in ("", name)}
        return before.model_copy(update={"servers": left, "forgotten": instants.now()})

    _change(inventory, forgetting)


def _change(inventory: Path, changed: Callable[[Steps], Steps]) -> None:
    path, none = file(inventory), Steps(election=election_of(inventory))
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.parent):
        try:
            before = read(inventory)
        except LaterVersionError:
            raise
        except UnusableError:
            before = none
        # A note of before notes said for which election they are has none.
        after = changed(before).model_copy(update={"election": none.election})
        files.replace(path, f"{after.model_dump_json(indent=1)}\n".encode())
