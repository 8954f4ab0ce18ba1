"""`difusor list`: the official list of difusores, as a page with a signed twin, and the watch over what it links."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from corte.format import instants
from corte.format.errors import why
from difusor.commands._options import name_server
from difusor.project import from_project
from difusor.terminal import complain, console, json_text, local, plain, printable, results, table, warn
from difusor.terminal.arguments import Authority, Json, elections

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from difusor.listing.making import Made, Making
    from difusor.listing.watch import Event


EXAMPLES = 3
"""How many pages are told one by one when not one of them answers."""


Folder = Annotated[
    Path | None,
    typer.Argument(
        metavar="[CARPETA]", file_okay=False, resolve_path=True, show_default=False,
        help="Dónde se escribe, lista para copiarse al servidor web; sin ella solo se dice quién estaría.",
    ),
]  # fmt: skip
Key = Annotated[
    Path | None,
    typer.Option(
        metavar="LLAVE", exists=True, dir_okay=False, resolve_path=True,
        help="La de un firmante de la elección, con que se firma (o su .pub, si está en el agente).",
    ),
]  # fmt: skip
Watched = Annotated[
    bool, typer.Option("--watch", help="Revisa cada página una y otra vez, y saca de la lista las que fallan.")
]
Every = Annotated[float, typer.Option(metavar="SEGUNDOS", min=1, help="Con --watch: cada cuánto se revisan.")]
Times = Annotated[
    int | None,
    typer.Option("--times", metavar="NÚMERO", min=1, show_default="hasta Ctrl-C", help="Con --watch: cuántas."),
]
Valid = Annotated[
    int,
    typer.Option(
        metavar="HORAS", min=1, max=24 * 31,
        help="Cuánto vale la lista desde que se firma; con --watch se renueva a la mitad.",
    ),
]  # fmt: skip
Dns = Annotated[
    list[str] | None,
    typer.Option(
        "--dns", parser=name_server, metavar="DIRECCIÓN", show_default="los de la zona de cada página",
        help="Con --watch: a qué servidor de nombres se pregunta; puede repetirse.",
    ),
]  # fmt: skip


def run(
    folder: Folder = None,
    election: Annotated[
        str | None, typer.Option(metavar="ELECCIÓN", autocompletion=elections, help="Cuál; si hay una sola, esa.")
    ] = None,
    key: Key = None,
    valid: Valid = 24,
    watch: Watched = False,
    every: Every = 60,
    times: Times = None,
    dns: Dns = None,
    ca: Authority = None,
    as_json: Json = False,
) -> None:
    """Escribe la lista oficial: los difusores con su expediente completo que no están revocados, y sus enlaces.

    Termina con 1 si un registro está dañado, si un inventario no enlaza su elección, si algo no se pudo escribir, o si
    al vigilar falla más de la mitad.
    """
    from difusor.listing import making
    from difusor.project import UnusableError

    if key and not folder:
        raise typer.BadParameter("--key firma la lista que se escribe: dé también la CARPETA en que se escribe")
    if watch and not (folder and key):
        raise typer.BadParameter("--watch necesita la CARPETA en que escribe y la --key con que firma")
    wanted = making.Making(election, folder, key, tuple(dns or ()), ca, valid=timedelta(hours=valid))
    try:
        good = _watched(wanted, every, times, as_json) if watch else show(making.make(wanted), folder, as_json)
    except UnusableError as problem:
        complain(problem)
        raise typer.Exit(1) from problem
    raise typer.Exit(int(not good))


def _watched(wanted: Making, every: float, times: int | None, as_json: bool) -> bool:
    """Watch until the last round or Ctrl-C; return whether the list is as it should be."""
    from difusor.listing import watching

    good = True
    try:
        for made in watching.rounds(wanted, every, times):
            good = _tell(made, as_json)
    except KeyboardInterrupt:
        console.print("\nLa vigilancia terminó; la lista queda como está.")
        return True
    return good


def show(made: Made, folder: Path | None, as_json: bool = False) -> bool:
    """Show who is on the list and who is not; return whether every record could be used."""
    if as_json:
        typer.echo(json_text(_document(made)))
    else:
        columns = table("Difusor", "Enlace", "Logotipo", title=f"En la lista: {len(made.shown)}")
        for each in made.shown:
            columns.add_row(printable(each.name), printable(each.url), "sí" if each.logo else "no: su nombre en letras")
        results.print(columns)
        if folder:
            results.print(f"  {printable(from_project(folder))}/index.html", soft_wrap=True)
        if made.until:
            renewed = "antes, escríbala otra vez, o déjela con --watch"
            results.print(f"  vigente hasta {local(made.until, made.zone)}; {renewed}", soft_wrap=True)
    for left in made.entries.left:
        warn(f"{left.id} no está en la lista: {left.reason}.", made.zone)
    for name, failing in made.out.items():
        since, faults = local(failing.since, made.zone), "; ".join(failing.faults)
        warn(f"{name} no está en la lista: falla desde {since} ({faults}).", made.zone)
    return not any(left.damage for left in made.entries.left)


def _tell(made: Made | Exception, as_json: bool) -> bool:
    """Tell what came of one round; return whether the list is as it should be."""
    if isinstance(made, Exception):
        complain(f"esta vuelta no se pudo y la lista queda como estaba: {made}")
        if as_json:
            _tell_program({"at": instants.now().isoformat(timespec="seconds"), "error": str(made)})
        return False
    if as_json:
        _tell_program(_document(made))
    for left in made.entries.left:
        if left.damage:
            warn(f"{left.id} no está en la lista: {left.reason}.", made.zone)
    _tell_looks(made)
    for each in made.events:  # after the rows of forty pages, where they are still on the screen
        color, mark = ("red", "✗") if each.change == "sale" else ("green", "✓")
        name, told = printable(each.listed.id), printable(_about(each, made.zone), made.zone)
        console.print(f"[bold {color}]{mark} {name} {each.change} de la lista[/]: {told}.")
    return not (made.is_blind or made.held)


def _about(event: Event, zone: ZoneInfo) -> str:
    """Return why a difusor leaves the list, and what to do, or since when one that comes back had failed."""
    why = "; ".join(event.faults)
    if event.since is None:
        return why
    since = local(event.since, zone)
    return f"falla desde {since}: {why}. {_remedy(event)}" if event.change == "sale" else f"fallaba desde {since}"


def _remedy(event: Event) -> str:
    """Return what to do about a difusor that leaves the list: first of all, whether its corte was sent to it."""
    from difusor.publish import age

    who = event.listed.call or "su responsable técnico"
    if not any(map(age.is_behind, event.faults)):
        return f"Llame a {who}"
    return f"Si no se le envió: ./difusor publish CARPETA -i {event.listed.id}; si se le envió, llame a {who}"


def _tell_program(document: dict[str, Any]) -> None:
    """Write a round as a line of JSON; whoever reads it may be gone, or its disk full, and the watch goes on.

    Standard output fails once, and takes what follows without writing it (process.streams).
    """
    try:
        typer.echo(json.dumps(json.loads(json_text(document)), ensure_ascii=False))
    except OSError as error:
        warn(
            f"el JSON ya no puede escribirse ({why(error)}) y la vigilancia sigue sin él; para recibirlo, deténgala "
            "con Ctrl-C y empiece otra"
        )


def _tell_looks(made: Made) -> None:
    """Tell what the looks of a round found, each page in a line, and then a count."""
    if made.is_blind:
        complain(
            "NINGUNA página respondió bien: lo más probable es que falle la red del Instituto. Nadie sale de la lista "
            "por eso; revise esta máquina y su salida a internet."
        )
    if made.held:
        complain(
            "FALLA MÁS DE LA MITAD DE LA LISTA. Lo más probable es una causa común: la red del Instituto, un proveedor "
            f"de varios, o lo último que se publicó. Siguen en la lista {', '.join(made.held)}, para que no se vacíe "
            "ni se caigan los que quedan; si alguno muestra otros resultados: ./difusor revoke DIFUSOR --reason RAZÓN."
        )
    told = list(made.looks.items())[: EXAMPLES if made.is_blind else None]
    for name, look in told:
        for fault in look.faults:
            console.print(f"  [red]✗[/] {printable(name)}: {printable(plain(fault, 500), made.zone)}", soft_wrap=True)
        for warning in look.warnings:
            console.print(
                f"  [yellow]![/] {printable(name)}: {printable(plain(warning, 500), made.zone)}", soft_wrap=True
            )
    if more := len(made.looks) - len(told):
        console.print(f"  [red]✗[/] y {more} más")
    at = local(made.at, made.zone)
    unknown = sum(look.is_unknown for look in made.looks.values())
    line = f"{at}: {len(made.looks)} páginas en {made.seconds:.1f} s; {len(made.shown)} en la lista"
    line += f", {unknown} sin comprobar" if unknown else ""
    out = f", fuera {', '.join(made.out)}" if made.out else ""
    console.print(f"[dim]{line}{printable(out)}{'; lista escrita' if made.written else ''}[/]", soft_wrap=True)


def _document(made: Made) -> dict[str, Any]:
    return {
        "election": made.election,
        "at": made.at.isoformat(timespec="seconds"),
        "listed": [
            {"id": each.id, "name": each.name, "url": each.url, "logo": each.logo is not None, "call": each.call}
            for each in made.shown
        ],
        "left": [{"id": each.id, "reason": each.reason, "damage": each.damage} for each in made.entries.left],
        "out": {name: each.model_dump(mode="json") for name, each in made.out.items()},
        "looks": {
            name: {"faults": each.faults, "warnings": each.warnings, "unknown": each.is_unknown}
            for name, each in made.looks.items()
        },
        "events": [{"change": each.change, "id": each.listed.id, "faults": each.faults} for each in made.events],
        "blind": made.is_blind,
        "held": list(made.held),
        "written": made.written,
        "valid_until": made.until.isoformat(timespec="seconds") if made.until else None,
    }
