"""What an enrolment keeps of a form: its values as they were reviewed, when it came, what was accepted and why."""

from __future__ import annotations

import hashlib
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from corte.format import files
from difusor.inventory.calendar import counts
from difusor.inventory.parts import Notice
from difusor.partners.form.items import texts
from difusor.partners.form.model import Form
from difusor.project import UnusableError, refuse_later

LOGO = "logotipo.png"
"""The name of the logo, as it was drawn anew, in the inventory of a difusor."""
FILE = "anexo2.json"
"""Its name in the inventory of the difusor."""
LATE = "el formato llegó"
"""How a mark begins that says that the form came after one of its dates; the oficio has a mark of its own."""
Moment = Annotated[
    AwareDatetime,
    Field(ge=datetime(MINYEAR + 1, 1, 1, tzinfo=UTC), lt=datetime(MAXYEAR, 1, 1, tzinfo=UTC)),
    AfterValidator(lambda instant: instant.astimezone(UTC)),
]
"""An instant in a record, in UTC however it was written.

Those of the first and the last year of all have no day in some time zones.
"""


class Record(BaseModel):
    """One enrolment. `received` is when the first form came, `corrected` when the last one did that changed it.

    `day`: the polling day of the election for which it is, in which alone it counts; None where nobody knows it.

    `server_name` is the server's own, empty where it is that of the link.
    `written` has the SHA-256 of each file that it wrote: what differs was edited by hand. `pending` has those of a
    correction that has begun, and is empty when it has ended."""

    model_config = ConfigDict(frozen=True)

    form: Form
    received: Moment
    day: date | None = None
    corrected: Moment | None = None
    marks: tuple[str, ...] = ()
    accepted: dict[str, str] = {}
    notice: Notice | None = None
    ssh_key: str = ""
    server_name: str = ""
    written: dict[str, str] = {}
    pending: dict[str, str] = {}

    @property
    def is_late(self) -> bool:
        """Whether the form was marked as late, and with it the logo, which comes with it."""
        return any(each.startswith(f"fechas: {LATE} ") for each in self.marks)

    def is_for(self, day: date | None) -> bool:
        """Tell whether it counts in the election of this polling day."""
        return counts(self.day, day)

    def in_election(self, day: date | None) -> Record:
        """Return the record as it is to be read in an election: what came with it in another one counts no more."""
        return self if self.is_for(day) else self.model_copy(update={"notice": None, "accepted": {}})

    def to_bytes(self) -> bytes:
        """Return the record as JSON."""
        return f"{self.model_dump_json(by_alias=True, indent=1)}\n".encode()


def read(inventory: Path) -> Record | None:
    """Return the record in an inventory, None when it has none; UnusableError when it cannot be understood."""
    try:
        return Record.model_validate_json(files.small(inventory / FILE))
    except FileNotFoundError:
        return None
    except ValidationError as error:
        refuse_later(inventory / FILE, error)
        raise UnusableError(f"{inventory / FILE} no es un registro que se entienda; recupérelo de su copia") from None


def differences(before: Form, after: Form) -> list[tuple[str, str, str]]:
    """Return (key, before, after) of each item whose value changed."""
    old, new = texts(before), texts(after)
    return [(key, old[key], new[key]) for key in old if old[key] != new[key]]


def digest(content: bytes) -> str:
    """Return the SHA-256 by which a record knows a file, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
