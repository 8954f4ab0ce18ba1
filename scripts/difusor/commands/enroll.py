"""`difusor enroll`: review a filled form of ANEXO 2, answer it, and make or correct the difusor's inventory."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import click
import typer

from difusor.project import from_project
from difusor.terminal import complain, console, json_text, printable, results
from difusor.terminal.arguments import Json, absolute, elections, written_instant

if TYPE_CHECKING:
    from difusor.partners.answer import Answer

MARKS = {"error": "[bold red]✗[/]", "revisar": "[yellow]?[/]", "aviso": "[yellow]![/]"}


Given = Annotated[
    Path,
    typer.Argument(
        metavar="FORMATO", exists=True, dir_okay=False, resolve_path=True,
        help="El formato lleno, .xlsx o .yml, con el logotipo en la misma carpeta.",
    ),
]  # fmt: skip
Accept = Annotated[
    list[str] | None,
    typer.Option(
        metavar="DATO=RAZÓN", help="Acepta lo que está por revisar de un dato y anota por qué; puede repetirse."
    ),
]
Received = Annotated[
    datetime | None,
    typer.Option(parser=written_instant, metavar="INSTANTE", help="Cuándo llegó este formato; si no se da, ahora."),
]
Notified = Annotated[
    datetime | None, typer.Option(parser=written_instant, metavar="INSTANTE", help="Cuándo llegó ese oficio.")
]


def _file(text: str) -> Any:
    return typer.Option(metavar="ARCHIVO", exists=True, dir_okay=False, resolve_path=True, help=text)


def run(
    form: Given,
    election: Annotated[
        str | None, typer.Option(metavar="ELECCIÓN", autocompletion=elections, help="Cuál; si hay una sola, esa.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NOMBRE", help="Nombre corto del difusor; si no se da, sale del formato.")
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Corrige a un difusor ya inscrito con lo que cambió en el formato.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", "-C", help="Solo revisa y responde; nada cambia.")] = False,
    accept: Accept = None,
    received: Received = None,
    folio: Annotated[str, typer.Option(metavar="FOLIO", help="El del oficio con que avisó que participa.")] = "",
    notified: Notified = None,
    logo: Annotated[Path | None, _file("El logotipo, si no está junto al formato.")] = None,
    ssh_key: Annotated[
        str | None,
        typer.Option(parser=absolute, metavar="LLAVE", help="Su llave de SSH; junto a ella, la pública (.pub)."),
    ] = None,
    certificate: Annotated[Path | None, _file("El certificado con sus intermedios, si lo entregó el difusor.")] = None,
    certificate_key: Annotated[Path | None, _file("La llave del certificado.")] = None,
    server_name: Annotated[
        str | None,
        typer.Option(metavar="DOMINIO", help="El propio del servidor, si la liga es una carpeta de otro sitio."),
    ] = None,
    reply: Annotated[bool, typer.Option("--reply", help="Muestra la respuesta para quien envió el formato.")] = False,
    as_json: Json = False,
) -> None:
    """Revisa un formato del ANEXO 2, dice todo lo que falta, y con él crea o corrige el inventario del difusor.

    Termina con 0 si quedó inscrito, 1 si el formato se devuelve o algo está por confirmar.
    """
    from difusor.partners import desk
    from difusor.partners.facts import FactError
    from difusor.project import UnusableError

    if bool(folio) != bool(notified):
        raise click.UsageError("--folio y --notified van juntos: el folio del oficio y cuándo llegó")
    try:
        answer = desk.enroll(
            form, election=election, name=name, update=update, check=check, accept=accept or [], received=received,
            folio=folio, notified=notified, logo=logo, ssh_key=ssh_key, certificate=certificate,
            certificate_key=certificate_key, server_name=server_name,
        )  # fmt: skip
    except (UnusableError, FactError) as problem:
        _refuse(problem, as_json)
    if as_json:
        typer.echo(json_text(answer.model_dump()))
    else:
        show(answer, reply)
    raise typer.Exit(1 if answer.outcome in ("por corregir", "por confirmar") else 0)


def _refuse(problem: Exception, as_json: bool) -> NoReturn:
    if as_json:
        typer.echo(json_text({"outcome": "error", "error": str(problem)}))
    complain(problem)
    raise typer.Exit(1) from problem


def show(answer: Answer, reply: bool = False) -> None:
    """Print everything that was found, what became of the form, and what the clerk does next."""
    for each in answer.findings:
        mark = "[green]✓[/]" if each.accepted else MARKS[each.weight]
        reason = f" [dim]Aceptado: {printable(each.accepted)}.[/]" if each.accepted else ""
        console.print(f"{mark} {printable(each.place)}: {printable(each.sentence)}.{reason}", soft_wrap=True)
    for change in answer.changes:
        before, after = (printable(text) or "(vacío)" for text in (change.before, change.after))
        console.print(f"  {printable(change.title)}: [red]{before}[/] → [green]{after}[/]", soft_wrap=True)
    for note in answer.notes:
        console.print(f"[yellow]![/] {printable(note[:1].upper() + note[1:])}.", soft_wrap=True)
    mark = "[red]✗[/]" if answer.outcome.startswith("por ") else "[green]✓[/]"
    results.print(f"{mark} {printable(answer.difusor)}: {answer.outcome}", soft_wrap=True)
    for line in _next(answer):
        results.print(f"  {printable(line)}", soft_wrap=True)
    if reply:
        console.print("[dim]Para quien envió el formato:[/]")
        results.print("\n".join(map(printable, answer.reply)), soft_wrap=True)


def _next(answer: Answer) -> list[str]:
    """Return what the clerk does next."""
    waiting = [each for each in answer.findings if each.weight == "revisar" and not each.accepted]
    if answer.outcome == "por corregir":
        return ["Nada se creó ni cambió. La respuesta para quien lo envió: repita con --reply."]
    if answer.outcome == "por confirmar" and waiting:
        named = " ".join(f'--accept "{each.key}=RAZÓN"' for each in waiting)
        return [f"Nada se creó ni cambió. Si procede, repita con {named}."]
    if answer.outcome == "por confirmar":
        again = "Si el formato es de quien dice, repita con --update."
        return [f"Ya está inscrito, y esos cambios aún no se escriben. {again}"]
    if answer.outcome == "creado":
        return [
            f"{from_project(Path(answer.files[0]))}",
            f"Sigue: ./difusor letter -i {answer.difusor}, y enviarlo con la respuesta (repita con --reply), que "
            "lleva la llave de SSH de usted.",
            f"Cuando su administrador la haya agregado: ./difusor preflight -i {answer.difusor}",
        ]
    if answer.outcome == "corregido":
        if len(answer.files) == 1:  # its own record, of which the server has nothing
            return [*_letter(answer), f"Cambió {answer.files[0]}."]
        return [*_letter(answer), f"Cambiaron {', '.join(answer.files)}. Sigue: ./difusor apply -i {answer.difusor}"]
    return []


def _letter(answer: Answer) -> list[str]:
    """Return what a correction of what the letter of ANEXO 3 says means for one that is signed already."""
    if any(each.key == "jornada" for each in answer.changes):
        return [
            "Los documentos de la elección anterior no cuentan en esta. Sigue: "
            f"./difusor letter -i {answer.difusor}, y archivar el oficio y la carta que lleguen."
        ]
    if not {each.key for each in answer.changes} & {"nombre", "legal.nombre"}:
        return []
    return [
        "Cambió lo que dice la carta compromiso. Si ya se firmó, decida si pide otra: "
        f"./difusor letter -i {answer.difusor}; la nueva se archiva con --replace."
    ]
