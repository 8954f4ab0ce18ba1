"""`difusor report`: measure a difusor clause by clause and write its dictamen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from zoneinfo import ZoneInfo

import click
import typer
from rich.table import Table

from difusor.project import UnusableError, build, from_project
from difusor.terminal import complain, printable, table
from difusor.terminal import results as screen
from difusor.terminal.arguments import AskBecomePass, MaybeDifusor, elections

if TYPE_CHECKING:
    from difusor.report.index import Row

NOT_EVALUATED = 2
SHOWN_CHANGES = 20
STYLE = {
    "COMPLIES": "green", "ATTESTED": "green", "NOT_APPLICABLE": "dim", "MANUAL": "cyan", "WAIVED": "yellow",
    "UNTESTED": "magenta", "UNREACHABLE": "magenta", "EXPIRED": "red", "FAILS": "bold red",
}  # fmt: skip
"""Colour on the terminal, by the name of a verdict (report.verdict.Verdict)."""


Existing = Annotated[
    Path | None,
    typer.Option(
        "--results", metavar="ARCHIVO", resolve_path=True, help="Emite el dictamen de resultados ya medidos, sin medir."
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        metavar="CARPETA", resolve_path=True, show_default="build/dictamen", help="Dónde se escribe el dictamen."
    ),
]
Against = Annotated[
    Path | None,
    typer.Option(metavar="REGISTRO", resolve_path=True, help="Registro de difusor freeze: qué cambió desde entonces."),
]
Lab = Annotated[
    bool, typer.Option("--lab", help="También las pruebas que alteran el servidor; solo en un laboratorio.")
]
Everyone = Annotated[
    bool, typer.Option("--all", help="Mide a la vez todos los difusores de una elección, y escribe un índice.")
]
Election = Annotated[
    str | None,
    typer.Option(metavar="ELECCIÓN", autocompletion=elections, help="Con --all: cuál; si hay una sola, esa."),
]
Jobs = Annotated[
    int | None,
    typer.Option(metavar="NÚMERO", min=1, show_default="4 por núcleo", help="Con --all: cuántos a la vez."),
]


def run(
    inventory: MaybeDifusor = None,
    results: Existing = None,
    output: Output = None,
    against: Against = None,
    lab: Lab = False,
    everyone: Everyone = False,
    election: Election = None,
    jobs: Jobs = None,
    ask_become_pass: AskBecomePass = False,
) -> None:
    """Mide un difusor cláusula por cláusula y emite su dictamen (HTML y JSON); con --all, los de una elección.

    Termina con 1 si alguna cláusula no se cumple, tiene su exención vencida o no se probó, si no pasó alguna prueba de
    otra cosa, o si algo cambió desde el registro; con 2 si no se pudo evaluar, o si vale el dictamen de la noche
    porque la publicación terminó.
    """
    from difusor import spec
    from difusor.baseline import drift
    from difusor.baseline.record import BaselineError
    from difusor.board import night
    from difusor.report import issue
    from difusor.report.results import ResultsError, load
    from difusor.servers import sudo
    from difusor.suite.measurement import measure

    output = output or build() / "dictamen"
    _refuse_what_does_not_go_together(everyone, [inventory, results, against, lab], [election, jobs])
    if inventory is None and not everyone and (against or not results):
        raise click.UsageError("¿Qué difusor? Nómbrelo con -i, o mida todos con --all.")
    try:
        if inventory and not (results or lab):
            night.refuse(inventory, output)
        sudo.ask(ask_become_pass and not results)
        if everyone:
            raise typer.Exit(_all(election, output, jobs))
        drifts = drift.since(against, inventory) if against and inventory else {}
        found = load(results) if results else measure(inventory, output, lab)
        dictamen, paths = issue.issue(found, output, drifts)
    except (ResultsError, BaselineError, spec.SpecError, UnusableError) as error:
        complain(error)
        raise typer.Exit(NOT_EVALUATED) from error
    _show(dictamen, paths)
    raise typer.Exit(issue.status(dictamen))


def _refuse_what_does_not_go_together(everyone: bool, of_one: list[object], of_all: list[object]) -> None:
    if everyone and any(of_one):
        raise click.UsageError("--all mide todos los difusores: va sin -i, --results, --against y --lab.")
    if not everyone and any(of_all):
        raise click.UsageError("--election y --jobs van con --all.")


def _all(election: str | None, output: Path, jobs: int | None) -> int:
    """Measure all difusores of an election; return the verb's exit status."""
    from difusor.board import dictamens
    from difusor.report.verdict import shown
    from difusor.terminal.running import Running

    chosen = dictamens.chosen(election)
    with Running("Difusores", len(chosen.folders)) as running:
        found = dictamens.measure(chosen, output, jobs, running.at, lambda row: running.end(row.id, _line(row)))
    rows = table("Difusor", "Dictamen", "Por qué", "Qué hacer", "Cambios")
    for row in found.index.rows:
        refused = [f"{shown(verdict)}: {', '.join(ids)}" for verdict, ids in row.refused.items()]
        why = printable("; ".join(filter(None, [*refused, row.why])))
        rows.add_row(printable(row.id), f"[{_style(row)}]{row.verdict}[/]", why, row.action, row.changes)
    screen.print(rows)
    for path in reversed(found.paths):
        screen.print(f"  {from_project(path)}", soft_wrap=True)
    return found.status


def _line(row: Row) -> str:
    return f"  {printable(row.id)}: [{_style(row)}]{row.verdict}[/] [dim]({row.seconds:.0f} s)[/]"


def _style(row: Row) -> str:
    return {0: "green", 1: "red"}.get(row.status, "magenta")


def _show(dictamen: Mapping[str, Any], paths: tuple[Path, Path]) -> None:
    """Print the verdicts as a table, what to correct, and where the dictamen's files are."""
    from difusor.report.dictamen import shortcomings
    from difusor.report.verdict import Overall, shown

    zone = ZoneInfo(dictamen["election"]["timezone"])
    title = f"{printable(dictamen['difusor']['name'])}: cumplimiento del {printable(dictamen['annex'])}"
    verdicts = Table(title=title, title_justify="left")
    for heading in ("Cláusula", "Requisito", "Dictamen", "Pruebas"):
        justify: Literal["left", "right"] = "right" if heading == "Pruebas" else "left"
        verdicts.add_column(heading, overflow="fold", justify=justify)
    for entry in dictamen["clauses"]:
        style = STYLE[entry["verdict"].name]
        tests = f"{entry['passed']}/{entry['total']}" if entry["total"] else "—"
        verdicts.add_row(entry["id"], entry["title"], f"[{style}]{shown(entry['verdict'])}[/]", tests)
    screen.print(verdicts)
    for entry in dictamen["clauses"]:
        if entry["fix"]:
            screen.print(f"[bold]{entry['id']}[/] {printable(entry['fix'])}")
    for line in shortcomings(dictamen):
        screen.print(f"[red]·[/] {printable(line, zone)}", soft_wrap=True)
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
        both = " → ".join(dict.fromkeys(shown(each) or "no está" for each in (change["before"], change["after"])))
        said = printable("; ".join([f"{change['kind']} ({both})", *change["how"]]))
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
