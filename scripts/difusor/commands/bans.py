"""`difusor bans`: who is banned from a difusor or refused by its limits, why and until when; and lifting a ban."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from difusor.commands._count import tell_lacking
from difusor.terminal import complain, console, json_text, local, printable, results, table
from difusor.terminal.arguments import AskBecomePass, Difusores, Json

if TYPE_CHECKING:
    from testinfra.host import Host

    from difusor.servers.bans import Ban
    from difusor.servers.identity import MeasuredServer
    from difusor.servers.limits import Limit, Refusal

REASONS = {"sshd": "intentos fallidos de entrar por SSH"}
"""Why a jail of fail2ban bans."""
CAUSES = {
    "connections": "abre conexiones más aprisa que el límite: las nuevas esperan o no se abren",
    "pushes": "abre conexiones de rsync más aprisa que el límite: las nuevas esperan o no se abren",
    "limit": "pidió más por segundo que su límite: respuesta 429 a lo que excede",
    "method": "pidió algo distinto de leer (POST y otros): sin respuesta",
    "scanner": "buscó programas que este sitio nunca ha tenido: respuesta 404",
    "waf": "el WAF tomó la solicitud por un ataque: respuesta 403",
}
"""What each cause in nginx's journal means, and what the visitor got; nobody is banned for any of them."""
LIMITED = {
    "connections": ("conexiones nuevas (80 y 443)", "las que exceden esperan unos segundos; sin lugar, no se abren"),
    "pushes": ("conexiones nuevas de rsync, también de las confiables", "las que exceden esperan unos segundos"),
    "of_connection": (
        "solicitudes que no pasan por el WAF, por una sola conexión",
        "las que exceden esperan su turno; las de otras conexiones, no",
    ),
    "files": ("solicitudes que no pasan por el WAF", "respuesta 429 a las que exceden"),
    "inspected": (
        "solicitudes que el WAF revisa",
        "las que exceden esperan unos segundos y, si ya no hay lugar, respuesta 429; lo demás se sigue sirviendo",
    ),
    "at_once": ("solicitudes en curso a la vez", "respuesta 429 a las que exceden"),
    "downloads": ("descargas de las carpetas pesadas en curso a la vez", "respuesta 429 a las que exceden"),
    "logins": ("intentos fallidos de entrar por SSH, en 10 minutos", "bloqueo en SSH, más largo cada vez"),
}
"""What each limit counts, and what happens beyond it."""
SHOWN = 20
SECONDS = 30.0
"""What one command may take on a server: one that hangs keeps nobody else banned for longer."""


@dataclass(frozen=True)
class Lifted:
    """What lifting an address did at a server: whether it was banned there."""

    difusor: str
    address: str
    was_banned: bool


@dataclass(frozen=True)
class Failed:
    """A server, or the inventory of several, of which not all is known or done, and why, as a sentence."""

    difusor: str
    error: str


@dataclass(frozen=True)
class Found:
    """What the servers say: each ban with the zone of its election, who was refused, and the limits.

    `lifted`: what became of the addresses that were to be let in again; `failed`: whoever could not be asked it all;
    `answered`: the names of the servers that could.
    """

    bans: list[tuple[Ban, ZoneInfo]] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    in_force: list[Limit] = field(default_factory=list)
    lifted: list[Lifted] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)

    def fail(self, name: str, error: object) -> None:
        """Add that a server or inventory failed, and tell it."""
        complain(error)
        self.failed.append(Failed(name, " ".join(str(error).split())))


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
    ask_become_pass: AskBecomePass = False,
) -> None:
    """Muestra a quién bloquea o rechaza un difusor, por qué y con qué límites; con --lift deja entrar de nuevo.

    Por lo que se pide a la página nadie queda bloqueado: solo por intentos fallidos de entrar por SSH. Termina con 1 si
    de algún servidor no se supo o no se hizo todo.
    """
    from difusor.project import UnusableError, fallen
    from difusor.servers import identity, sudo

    found = Found()
    try:
        sudo.ask(ask_become_pass)
    except UnusableError as error:
        complain(error)
        raise typer.Exit(1) from error
    for source in inventory:
        try:
            for name, ask in identity.each(source, replace(identity.BOUNDS, seconds=SECONDS)):
                _ask(name, ask, lift or [], found)
        except (identity.UnreachableError, UnusableError) as error:
            found.fail(source.name, error)
        except Exception as error:  # a fault of this program's: told of this inventory, and the others are asked
            found.fail(source.name, f"{source.name}: {fallen(error)}")
    if as_json:
        typer.echo(json_text(_document(found)))
    else:
        _show(found)
    good = [(name, "", True) for name in found.answered]
    tell_lacking(good + [(each.difusor, "incompleto", False) for each in found.failed])
    raise typer.Exit(1 if found.failed else 0)


def _document(found: Found) -> dict[str, Any]:
    return {
        "bans": [asdict(ban) for ban, _ in found.bans],
        "refusals": [asdict(each) for each in found.refused],
        "limits": [asdict(each) for each in found.in_force],
        "lifted": [asdict(each) for each in found.lifted],
        "failed": [asdict(each) for each in found.failed],
    }


def _show(found: Found) -> None:
    if found.bans:
        results.print(_banned(found.bans))
    elif not found.failed:
        results.print("Ninguna dirección está bloqueada.")
    if found.refused:
        results.print(_refused(found.refused))
    if found.in_force:
        results.print(_limits(found.in_force))


def _ask(name: str, ask: Callable[[], tuple[Host, MeasuredServer]], lift: Sequence[str], found: Found) -> None:
    """Lift bans on a server, and add to what was found what it says, or why it cannot be."""
    from difusor.project import fallen
    from difusor.servers import bans, identity, limits

    console.print(f"[dim]· se pregunta a {printable(name)}[/]")
    try:
        host, server = ask()
        if server.unreachable:
            raise identity.UnreachableError(server.unreachable)
        for each in lift:
            freed = bans.lift_ban(name, host, each)
            found.lifted.append(Lifted(name, each, freed))
            console.print(f"{name}: {each} {'[green]ya puede entrar[/]' if freed else 'no estaba bloqueada'}")
        found.bans.extend((ban, server.declared.zone) for ban in bans.banned(name, host))
        found.refused.extend(limits.refusals(name, host))
        found.in_force.extend(limits.limits(name, host))
        found.answered.append(name)
    except (bans.BansError, identity.UnreachableError) as error:
        found.fail(name, error)
    except Exception as error:  # a fault of this program's: told of this server, and the others are asked
        found.fail(name, f"{name}: {fallen(error)}")


def _banned(found: list[tuple[Ban, ZoneInfo]]) -> Table:
    """Return the bans, those of a server in the order in which they end, in the local time of its election."""
    rows = table("Difusor", "Dirección", "Por", "Desde", "Hasta", title="Bloqueadas")
    for ban, zone in sorted(found, key=lambda each: (each[0].difusor, datetime.fromisoformat(each[0].until))):
        since, until = (local(each, zone) for each in (ban.since, ban.until))
        reason = REASONS.get(ban.jail, printable(ban.jail))
        rows.add_row(ban.difusor, printable(ban.address), reason, since, until)
    return rows


def _refused(refused: list[Refusal]) -> Table:
    """Return the table of the sources that were refused most often, no more than a screen of them.

    At whichever server; first those that are held up now, of which there is no count.
    """
    rows = table("Difusor", "Dirección", "Por", "Veces", title="Rechazadas en la última hora; no están bloqueadas")
    for each in sorted(refused, key=lambda each: (each.times > 0, -each.times))[:SHOWN]:
        times = f"{each.times:,}" if each.times else "ahora"
        cause = CAUSES.get(each.cause, printable(each.cause))
        rows.add_row(each.difusor, printable(each.source), cause, times)
    if len(refused) > SHOWN:
        rows.caption = f"y {len(refused) - SHOWN:,} más; todas con --json"
    return rows


def _limits(in_force: list[Limit]) -> Table:
    title = "Límites de una dirección (en IPv6, de su red /64); las confiables solo tienen el de rsync"
    rows = table("Difusor", "Qué", "De una vez", "Por segundo", "Más allá", title=title)
    for each in in_force:
        what, beyond = LIMITED[each.kind]
        rows.add_row(each.difusor, what, f"{each.burst:,}", f"{each.rate:,}" if each.rate else "", beyond)
    return rows
