"""`difusor bans`: who is banned from a difusor, by which jail and until when; and how one comes back in."""

from __future__ import annotations

import ipaddress
import json
import re
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from testinfra.host import Host

from difusor.inventory import variables
from difusor.servers import reach
from difusor.terminal import complain, console

# The server's offset from UTC, then `jail address since + seconds = until` in the server's own time, a line each.
LIST = r"""
set -eu
date +%z
jails=$(fail2ban-client status)
for jail in $(printf '%s' "$jails" | sed -n 's/.*Jail list:[[:space:]]*//p' | tr -d ,); do
  fail2ban-client get "$jail" banip --with-time | sed "s/^/$jail /"
done
"""
LINE = re.compile(r"(\S+)\s+(\S+)\s+(\S+ \S+) \+ -?\d+ = (\S+ \S+)")
REASONS = {
    "sshd": "intentos por SSH",
    "prep-limits": "exceso de solicitudes",
    "prep-scanners": "búsqueda de programas ajenos",
    "prep-waf": "ataques que el WAF negó",
}


class BansError(Exception):
    """A server's bans cannot be read or lifted; the message says why."""


@dataclass(frozen=True)
class Ban:
    """One address that the kernel of one server drops; instants in ISO 8601 with the server's offset."""

    difusor: str
    address: str
    jail: str
    since: str
    until: str


def run(
    inventory: Annotated[list[Path], typer.Option("--inventory", "-i", help="inventories/<difusor>; puede repetirse.")],
    lift: Annotated[
        list[str] | None, typer.Option(help="Dirección que se perdona en esos difusores; puede repetirse.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="La lista en JSON, por la salida estándar.")] = False,
) -> None:
    """Muestra qué direcciones tiene bloqueadas un difusor y hasta cuándo; con --lift las deja entrar de nuevo."""
    addresses = [_address(text) for text in lift or []]
    bans: list[Ban] = []
    failed = False
    for source in inventory:
        try:
            for name, host, _ in reach.difusores(source):
                for address in addresses:
                    freed = lift_ban(name, host, address)
                    console.print(
                        f"{name}: {address} {'[green]ya puede entrar[/]' if freed else 'no estaba bloqueada'}"
                    )
                bans += banned(name, host)
        except (BansError, reach.UnreachableError, variables.InventoryError) as error:
            complain(error)
            failed = True
    if as_json:
        typer.echo(json.dumps([asdict(ban) for ban in bans], ensure_ascii=False, indent=1))
    elif bans:
        Console(highlight=False).print(_table(bans))
    elif not failed:
        console.print("Ninguna dirección está bloqueada.")
    raise typer.Exit(1 if failed else 0)


def banned(name: str, host: Host) -> list[Ban]:
    """Return the bans in force on a server (testinfra's host) called `name`; BansError when it cannot say."""
    offset, *lines = _run(name, host, LIST).splitlines()
    found = filter(None, map(LINE.match, lines))
    return [
        Ban(name, address, jail, _instant(since, offset), _instant(until, offset))
        for jail, address, since, until in (match.groups() for match in found)
    ]


def lift_ban(name: str, host: Host, address: str) -> bool:
    """Lift every ban of an address on a server; return whether there was one. BansError when it cannot be done."""
    return _run(name, host, "fail2ban-client unban %s", address).strip() != "0"


def _run(name: str, host: Host, *command: str) -> str:
    try:
        result = host.run(*command)
    except RuntimeError as error:  # testinfra's, when ssh itself fails
        raise BansError(f"{name}: {getattr(error.args[0], 'stderr', error)}".strip()) from error
    if result.failed:
        raise BansError(f"{name}: {result.stderr.strip() or result.stdout.strip()}")
    return str(result.stdout)


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise typer.BadParameter(f"«{text}» no es una dirección IP", param_hint="--lift") from None


def _instant(local: str, offset: str) -> str:
    return datetime.strptime(f"{local} {offset}", "%Y-%m-%d %H:%M:%S %z").isoformat()


def _table(bans: list[Ban]) -> Table:
    table = Table("Difusor", "Dirección", "Por", "Desde", "Hasta")
    for ban in sorted(bans, key=lambda ban: (ban.difusor, ban.until)):
        since, until = (datetime.fromisoformat(each).strftime("%d/%m %H:%M:%S") for each in (ban.since, ban.until))
        table.add_row(ban.difusor, ban.address, REASONS.get(ban.jail, ban.jail), since, until)
    return table
