"""`difusor purge`: delete a rehearsal from the servers and keep evidence of it here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import click
import typer
from rich.table import Table

from difusor.terminal import complain, json_text, printable, results, sentences, table
from difusor.terminal.arguments import AskBecomePass, Difusores, Json


def run(
    inventory: Difusores,
    simulacro: Annotated[bool, typer.Option("--simulacro", help="Confirma que se borra un simulacro.")] = False,
    as_json: Json = False,
    ask_become_pass: AskBecomePass = False,
) -> None:
    """Borra un simulacro de los servidores y deja constancia de que no queda nada; su bitácora se guarda aquí."""
    from corte.format import instants
    from difusor.project import UnusableError
    from difusor.publish import notes, rehearsal
    from difusor.servers import sudo

    if not simulacro:
        raise click.UsageError("Solo se borra un simulacro: confírmelo con --simulacro.")
    # A folder of its own, so that the evidence of an earlier run is not replaced.
    evidence = notes.purged_in() / f"{instants.now():%Y%m%dT%H%M%SZ}"
    found: dict[str, dict[str, Any]] = {}
    with sentences():
        try:
            # All are read before the first is deleted: one that may not be deleted stops the others in time.
            servers = {source: rehearsal.servers(source) for source in inventory}
            sudo.ask(ask_become_pass)
            for source, targets in servers.items():
                found |= rehearsal.purge(source, targets, evidence)
        except UnusableError as problem:
            complain(problem)
            raise typer.Exit(1) from problem
        finally:  # also after Ctrl-C: what was deleted by then is told, with where its evidence is
            if found:
                _show(found, evidence, as_json)
    raise typer.Exit(1 if any(evidence["remaining"] for evidence in found.values()) else 0)


def _show(found: dict[str, dict[str, Any]], evidence: Path, as_json: bool) -> None:
    if as_json:
        typer.echo(json_text(found))
    else:
        results.print(_table(found))
        results.print(f"Constancias y bitácoras: {evidence}", soft_wrap=True)


def _table(found: dict[str, dict[str, Any]]) -> Table:
    rows = table("Servidor", "Borrado", "Queda", "Bitácora")
    for name, evidence in found.items():
        removed = f"{evidence['removed_files']} archivos, {evidence['removed_bytes'] / 1e6:.1f} MB"
        left = printable(", ".join(evidence["remaining"])) or "[green]nada[/]"
        head = evidence["log"]
        rows.add_row(name, removed, left, f"{head['entries']} renglones, {head['head'][:16]}…")
    return rows
