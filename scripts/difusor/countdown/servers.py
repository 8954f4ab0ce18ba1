"""Looks at servers: one look that reads everything, and one that asks for pages from there. Both change nothing.

What one look says does not fit into one program, which a command line has to carry: it is four, one after the other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from testinfra.backend.base import CommandResult
from testinfra.host import Host as Shell

from corte.format import instants
from corte.format.errors import why
from difusor.baseline import take
from difusor.baseline.record import Look
from difusor.countdown.checks import Check, bad
from difusor.countdown.reach import OTHER, STRANGE
from difusor.countdown.seen import Own, Seen, Server, UfwFiles
from difusor.countdown.subjects import Subject
from difusor.inventory import Host
from difusor.servers import identity
from difusor.servers.certificate import NO_ROAD
from difusor.terminal import plain

PARTS = ("look.py", "own.py", "ufw_files.py", "reach.py")
LOOK, OWN, UFW_FILES, REACH = (Path(__file__).with_name(name).read_text(encoding="utf-8") for name in PARTS)
BASELINE = take.LOOK.read_text(encoding="utf-8")
PROGRAMS = " && ".join(f"python3 -IB -c {arguments}" for arguments in ("%s", "%s", "%s %s", "%s"))
"""What runs on the server, with places for the programs and the institute's account, whose keys OWN reads."""
REACHED = TypeAdapter(dict[str, dict[str, int]])
Reached = dict[str, dict[str, str | None]]
Page = tuple[str, str, Sequence[str]]
"""A page to ask for: its name, its election, and its addresses."""


def look(subject: Subject) -> Seen | Check:
    """Look at a server once; its red check when it cannot be entered or its answer makes no sense."""
    found = identity.server(subject.host.name, subject.shell, subject.values)
    if found.unreachable or subject.shell is None:
        return bad("server", found.unreachable, f"cuando se pueda entrar: ./difusor preflight -i {subject.given}")
    return ask(subject.shell, subject.host, found.identity, subject.given)


def ask(shell: Shell, host: Host, known: Mapping[str, str], given: str) -> Seen | Check:
    """Look at a server of which its identity is known; its red check when that fails. `given` follows -i."""
    asked = instants.now()
    try:
        done = shell.run(PROGRAMS, LOOK, BASELINE, OWN, host.partner.admin_user, UFW_FILES)
    except RuntimeError as error:
        said = getattr(error.args[0], "stderr", str(error))
        return bad(
            "server", f"dejó de responder: {identity.explain(said, host.name, shell)}",
            f"repita; si sigue, ./difusor preflight -i {given}",
        )  # fmt: skip
    return _understood(done, known, asked, given)


def _understood(done: CommandResult, known: Mapping[str, str], asked: datetime, given: str) -> Seen | Check:
    remedy = f"./difusor preflight -i {given} dice qué le falta"
    if done.failed:
        said = (done.stderr.strip().splitlines() or ["nada"])[-1]
        return bad("server", f"no se pudo leer cómo está; Python dijo allá: «{plain(said, 200)}»", remedy)
    try:
        server, baseline, own, ufw_files = done.stdout.splitlines()
        return Seen(
            Server.model_validate_json(server),
            Look(server=dict(known), **json.loads(baseline)),
            Own.model_validate_json(own),
            asked,
            instants.now(),
            UfwFiles.model_validate_json(ufw_files),
        )
    except (ValidationError, ValueError, TypeError, RecursionError):
        return bad("server", "su respuesta no se entiende", remedy)


def reach(place: Shell, pages: Sequence[Page]) -> Reached:
    """Return what a place answers of pages, by name and address; empty when it cannot be asked or makes no sense."""
    try:
        done = place.run("python3 -IB -c %s %s", REACH, json.dumps(pages))
        said = REACHED.validate_json(done.stdout)
    except (RuntimeError, ValidationError):
        return {}
    return {name: {address: _why(code) for address, code in found.items()} for name, found in said.items()}


def _why(code: int) -> str | None:
    """Return what a number of `reach.py` means, as `reaching.Answers` has it."""
    if code in NO_ROAD:
        return None
    if code in (OTHER, STRANGE):
        return "responde otra página" if code == OTHER else "responde algo que no es una página"
    if code < 0:
        return f"estado.json responde {-code}"
    return why(OSError(code, "")) if code else ""
