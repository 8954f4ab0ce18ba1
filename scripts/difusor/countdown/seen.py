"""What `look.py` and `own.py` said of a server, checked: a server may answer anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from difusor.baseline.record import Look

LAST = 2**36
"""Unix time far beyond every election, which is still a date."""
Instant = Annotated[float, Field(ge=0, le=LAST)]
"""What a clock said, in Unix time."""
Amount = Annotated[int, Field(ge=0, lt=2**64)]
"""What a file system counts; with larger numbers nobody could calculate."""


class Exact(BaseModel):
    """Base of what comes from a server: nothing is converted, unknown keys are refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Disk(Exact):
    """One file system: bytes, files (inodes; 0 where it counts none), and whether nothing can be written to it."""

    size: Amount
    free: Amount
    files: Amount
    free_files: Amount
    read_only: bool


class Container(Exact):
    """One of the project's containers; `health` is empty when it does not check itself.

    `reached`: whether it answers at the addresses where Docker publishes it, if there are any.
    """

    role: str
    image: str
    state: str
    health: str
    reached: bool


class Server(Exact):
    """One server; what could not be read is None.

    `now`: its clock, in seconds of Unix time; `unwritable`: the folders in which their users cannot write, with
    these, "" for one that is missing; `readable`: whether nginx can read all that is shown, None when nothing is;
    `at_boot`: by unit, what systemd does with it when the server starts (enabled, disabled, masked), or ENABLED=no
    where UFW's own file keeps the firewall off then; `elsewhere`: the services that go on in another folder than the
    server's; `refused`: by daemon, what keeps it from starting again; `denies`: whether the firewall drops what no rule
    admits; `admitted`: (TCP ports, source) of each rule of the kernel that admits somebody, "" being all ports and
    everybody; `allowed`: whom the rsync daemon admits; `revoked`: its list of revoked keys; `config`: its server.json;
    `status`: its estado.json; `rehearsal`: whether its pages are those of a rehearsal; `held`: from when to when its
    automatic updates wait; `restart_since`: since when packages want a restart, `restart_for`: which; `kernel`: the
    one that runs, `next_kernel`: the newer one with which it would start again, or "".
    """

    now: Instant
    disks: dict[str, Disk]
    unwritable: dict[str, str]
    readable: bool | None
    units: dict[str, str]
    at_boot: dict[str, str]
    elsewhere: list[str]
    refused: dict[str, str]
    containers: list[Container] | None
    denies: bool | None
    admitted: list[tuple[str, str]] | None
    allowed: list[str] | None
    revoked: str | None
    config: dict[str, Any] | None
    status: dict[str, Any] | None
    rehearsal: bool | None
    held: tuple[Instant, Instant] | None
    restart_since: Instant | None
    restart_for: list[str]
    kernel: str
    next_kernel: str


class Own(Exact):
    """What the project has on a server.

    `paths`: its files and links; `altered`: what is not as the last run left it, as far as that run recorded it;
    `closed`: files that the user who verifies cortes may not read; `keys`: by fingerprint, the file of each key with
    which somebody enters as the institute's account.
    """

    paths: list[str]
    altered: list[str]
    closed: list[str]
    keys: dict[str, str]


class UfwFiles(Exact):
    """What UFW would load when the server starts again, as `ufw_files.py` read it.

    `unloadable`: by file, what keeps the firewall from loading it, "" where nothing is in it; `rules`: by chain of the
    users' rules, the lines for it. Of an address family whose chains are not in force nothing is said.
    """

    unloadable: dict[str, str] = {}
    rules: dict[str, list[str]] = {}


@dataclass(frozen=True)
class Seen:
    """One server as it was seen between two instants of this machine's clock."""

    server: Server
    look: Look
    own: Own
    asked: datetime
    answered: datetime
    ufw_files: UfwFiles = field(default_factory=UfwFiles)
