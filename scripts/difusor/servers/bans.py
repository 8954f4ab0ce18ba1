"""Reads which addresses fail2ban bans from a difusor, by which jail and until when, and lifts bans."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from testinfra.host import Host

from difusor.servers import identity
from difusor.terminal import plain

# Prints the server's offset from UTC, then per ban a line `jail address since + seconds = until` in the server's time.
LIST = r"""
set -eu
date +%z
jails=$(fail2ban-client status)
for jail in $(printf '%s' "$jails" | sed -n 's/.*Jail list:[[:space:]]*//p' | tr -d ,); do
  fail2ban-client get "$jail" banip --with-time | sed "s/^/$jail /"
done
"""
LINE = re.compile(r"(\S+)\s+(\S+)\s+(\S+ \S+) \+ -?\d+ = (\S+ \S+)")


class BansError(Exception):
    """A server's bans cannot be read or lifted; the message says why."""


@dataclass(frozen=True)
class Ban:
    """One address whose packets one server drops; instants in ISO 8601 with the server's offset."""

    difusor: str
    address: str
    jail: str
    since: str
    until: str


def banned(name: str, host: Host) -> list[Ban]:
    """Return the bans in force on a server (testinfra's host) called `name`; BansError when they cannot be read."""
    answer = run(name, host, LIST)
    with understood(name):
        offset, *lines = answer.splitlines()
        found = filter(None, map(LINE.match, lines))
        return [
            Ban(name, address, jail, _instant(since, offset), _instant(until, offset))
            for jail, address, since, until in (match.groups() for match in found)
        ]


def lift_ban(name: str, host: Host, address: str) -> bool:
    """Lift every ban of an address on a server; return whether there was one. BansError when that fails."""
    return run(name, host, "fail2ban-client unban %s", address).strip() != "0"


def run(name: str, host: Host, *command: str) -> str:
    """Return what a command prints on a server called `name`; BansError when it fails."""
    try:
        result = host.run(*command)
    except RuntimeError as error:  # testinfra's, when ssh itself fails
        said = getattr(error.args[0], "stderr", str(error))
        raise BansError(f"{name} no responde: {identity.explain(said, name, host)}") from error
    if result.failed:
        said = plain(result.stderr.strip() or result.stdout.strip(), identity.MOST)
        raise BansError(f"{name}: no pudo hacerlo y dice: «{said}»")
    return str(result.stdout)


@contextmanager
def understood(name: str) -> Iterator[None]:
    """Raise BansError for what of a server's answer is no number, address or instant: its owner can have it say so."""
    try:
        yield
    except ValueError:
        raise BansError(f"{name}: su respuesta no se entiende") from None


def _instant(local: str, offset: str) -> str:
    return datetime.strptime(f"{local} {offset}", "%Y-%m-%d %H:%M:%S %z").isoformat()
