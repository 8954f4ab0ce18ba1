"""`difusor bans`: who is banned from a difusor, by which fail2ban jail and until when; and lifting a ban."""

from __future__ import annotations

import ipaddress
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from difusor.terminal import complain, console, json_text, printable, results
from difusor.terminal.arguments import Difusores, Json

if TYPE_CHECKING:
    from difusor.servers.bans import Ban

REASONS = {
    "sshd": "intentos por SSH",
    "prep-limits": "exceso de solicitudes",
    "prep-scanners": "búsqueda de programas ajenos",
    "prep-waf": "ataques que el WAF negó",
}


def address(text: str) -> str:
    """Return an IP address in its shortest form."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise typer.BadParameter(f"«{text}» no es una dirección IP") from None


def run(
    inventory: Difusores,
    lift: Annotated[
        list[str] | None,
        typer.Option(parser=address, metavar="DIRECCIÓN", help="La que se perdona en esos difusores; puede repetirse."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Muestra qué direcciones tiene bloqueadas un difusor y hasta cuándo; con --lift las deja entrar de nuevo."""
    from difusor.inventory.variables import InventoryError
    from difusor.servers import bans, reach

    found: list[Ban] = []
    failed = False
    for source in inventory:
        try:
            for name, host, _ in reach.difusores(source):
                for each in lift or []:
                    freed = bans.lift_ban(name, host, each)
                    console.print(f"{name}: {each} {'[green]ya puede entrar[/]' if freed else 'no estaba bloqueada'}")
                found += bans.banned(name, host)
        except (bans.BansError, reach.UnreachableError, InventoryError) as error:
            complain(error)
            failed = True
    if as_json:
        typer.echo(json_text([asdict(ban) for ban in found]))
    elif found:
        results.print(_table(found))
    elif not failed:
        results.print("Ninguna dirección está bloqueada.")
    raise typer.Exit(1 if failed else 0)


def _table(found: list[Ban]) -> Table:
    table = Table("Difusor", "Dirección", "Por", "Desde", "Hasta")
    for ban in sorted(found, key=lambda ban: (ban.difusor, ban.until)):
        since, until = (datetime.fromisoformat(each).strftime("%d/%m %H:%M:%S") for each in (ban.since, ban.until))
        reason = REASONS.get(ban.jail, printable(ban.jail))
        table.add_row(ban.difusor, printable(ban.address), reason, since, until)
    return table
