"""`difusor report`: measure a difusor clause by clause and write its dictamen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import click
import typer
from rich.table import Table

from difusor.project import UnusableError, build
from difusor.terminal import complain, printable
from difusor.terminal import results as screen
from difusor.terminal.arguments import AskBecomePass, MaybeDifusor, from_project

NOT_EVALUATED = 2
SHOWN_CHANGES = 20
STYLE = {
    "COMPLIES": "green", "ATTESTED": "green", "NOT_APPLICABLE": "dim", "MANUAL": "cyan", "WAIVED": "yellow",
    "UNTESTED": "magenta", "UNREACHABLE": "magenta", "EXPIRED": "red", "FAILS": "bold red",
}  # fmt: skip
"""Colour on the terminal, by the name of a verdict (report.verdict.Verdict)."""


def run(
    inventory: MaybeDifusor = None,
    results: Annotated[
        Path | None,
        typer.Option(
            metavar="ARCHIVO", resolve_path=True, help="Emite el dictamen de resultados ya medidos, sin medir."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="CARPETA", resolve_path=True, show_default="build/dictamen", help="Dónde se escribe el dictamen."
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="REGISTRO", resolve_path=True, help="Registro de difusor freeze: qué cambió desde entonces."
        ),
    ] = None,
    lab: Annotated[
        bool, typer.Option("--lab", help="También las pruebas que alteran el servidor; solo en un laboratorio.")
    ] = False,
    ask_become_pass: AskBecomePass = False,
) -> None:
    """Mide un difusor cláusula por cláusula y emite su dictamen (HTML y JSON).

    Termina con 1 si alguna cláusula no se cumple, tiene su exención vencida o no se probó, si no pasó alguna prueba de
    otra cosa, o si algo cambió desde el registro; con 2 si no se pudo evaluar.
    """
    from difusor import spec
    from difusor.baseline import drift
    from difusor.baseline.record import BaselineError
    from difusor.report import issue
    from difusor.report.results import ResultsError, load
    from difusor.servers import sudo
    from difusor.suite.measurement import measure

    if inventory is None and (against or not results):
        raise click.UsageError("¿Qué difusor? Nómbrelo con -i.")
    output = output or build() / "dictamen"
    try:
        sudo.ask(ask_become_pass and not results)
        drifts = drift.since(against, inventory) if against and inventory else {}
        found = load(results) if results else measure(inventory, output, lab)
        dictamen, paths = issue.issue(found, output, drifts)
    except (ResultsError, BaselineError, spec.SpecError, UnusableError) as error:
        complain(error)
        raise typer.Exit(NOT_EVALUATED) from error
    _show(dictamen, paths)
    raise typer.Exit(issue.status(dictamen))


def _show(dictamen: Mapping[str, Any], paths: tuple[Path, Path]) -> None:
    """Print the verdicts as a table, what to correct, and where the dictamen's files are."""
    from difusor.report.dictamen import shortcomings
    from difusor.report.verdict import Overall, shown

    title = f"{printable(dictamen['difusor']['name'])}: cumplimiento del {printable(dictamen['annex'])}"
    table = Table(title=title, title_justify="left")
    for heading in ("Cláusula", "Requisito", "Dictamen", "Pruebas"):
        justify: Literal["left", "right"] = "right" if heading == "Pruebas" else "left"
        table.add_column(heading, overflow="fold", justify=justify)
    for entry in dictamen["clauses"]:
        style = STYLE[entry["verdict"].name]
        tests = f"{entry['passed']}/{entry['total']}" if entry["total"] else "—"
        table.add_row(entry["id"], entry["title"], f"[{style}]{shown(entry['verdict'])}[/]", tests)
    screen.print(table)
    for entry in dictamen["clauses"]:
        if entry["fix"]:
            screen.print(f"[bold]{entry['id']}[/] {printable(entry['fix'])}")
    for line in shortcomings(dictamen):
        screen.print(f"[red]·[/] {printable(line)}", soft_wrap=True)
    if dictamen["unreachable"]:
        screen.print(f"[magenta]No evaluado:[/] {printable(dictamen['unreachable'])}")
    if drift := dictamen["drift"]:
        _show_drift(drift)
    if previous := dictamen["previous"]:
        _show_previous(previous)
    good = dictamen["verdict"] in (Overall.COMPLIES, Overall.WAIVED)
    counts = ", ".join(f"{count} {shown(verdict)}" for verdict, count in dictamen["counts"].items())
    screen.print(f"\n[bold {'green' if good else 'red'}]{dictamen['verdict']}[/]  ({counts})")
    for path in reversed(paths):
        screen.print(f"  {from_project(path)}", soft_wrap=True)


def _show_previous(previous: Mapping[str, Any]) -> None:
    """Print what differs since the dictamen before this one."""
    from difusor.papers.dates import instant
    from difusor.report.comparison import BETTER, WORSE, counted
    from difusor.report.verdict import shown

    told = counted(previous) or "ninguna cláusula cambió"
    screen.print(f"\nDesde el dictamen del {instant(previous['finished_local'])}: {told}.", soft_wrap=True)
    for change in previous["changes"]:
        color = {BETTER: "green", WORSE: "red"}.get(change["kind"], "yellow")
        both = " → ".join(shown(each) or "no está" for each in (change["before"], change["after"]))
        how = f" ({'; '.join(change['how'])})" if change["how"] else ""
        said = printable(f"{change['kind']}: {both if change['before'] != change['after'] else ''}{how}".rstrip(": "))
        screen.print(f"[{color}]·[/] [bold]{change['id']}[/] {said}", soft_wrap=True)
    for remark in previous["remarks"]:
        screen.print(f"[dim]{printable(remark)}[/]", soft_wrap=True)


def _show_drift(drift: Mapping[str, Any]) -> None:
    """Print what changed since the baseline: the first changes by name, the rest as a number."""
    from difusor.papers.dates import instant

    changes = drift["changes"]
    screen.print(f"\nRegistro del {instant(drift['taken'])}, firmado por {drift['signed_by']}", soft_wrap=True)
    if not changes:
        screen.print("[green]Nada ha cambiado desde entonces.[/]")
    for change in changes[:SHOWN_CHANGES]:
        what = "apareció" if not change["before"] else "desapareció" if not change["after"] else "cambió"
        where = f"{change['host']}: " if "host" in change else ""
        screen.print(f"[yellow]![/] {what} {printable(where + change['name'])}", soft_wrap=True)
    if len(changes) > SHOWN_CHANGES:
        screen.print(f"[yellow]![/] y {len(changes) - SHOWN_CHANGES} más, que muestra el dictamen")
