"""The verb `difusor purge`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from corte.format import instants
from difusor.project import BUILD
from difusor.publish import target
from difusor.publish.terms import UnusableError
from difusor.terminal import console, run_step, sentences

EVIDENCE = BUILD / "purge"
"""A folder for each time: what is kept of one rehearsal does not replace what is kept of the last."""


def run(
    inventory: Annotated[list[Path], typer.Option("--inventory", "-i", help="inventories/<difusor>; puede repetirse.")],
    simulacro: Annotated[bool, typer.Option("--simulacro", help="Confirma que se borra un simulacro.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="La constancia en JSON, por la salida estándar.")] = False,
) -> None:
    """Borra un simulacro de los servidores y deja constancia de que no queda nada; su bitácora se guarda aquí."""
    if not simulacro:
        console.print("[bold red]✗[/] Solo se borra un simulacro: confírmelo con --simulacro.")
        raise typer.Exit(2)
    home = EVIDENCE / f"{instants.now():%Y%m%dT%H%M%SZ}"
    found: dict[str, dict[str, Any]] = {}
    with sentences():
        for source in inventory:
            try:
                names = [server.name for server in target.read(source)]
            except UnusableError as problem:
                console.print(f"[bold red]✗[/] {problem}")
                raise typer.Exit(1) from problem
            run_step(
                f"{source.name}: se borra el simulacro",
                "ansible-playbook", "-i", source, "playbooks/purge.yml",
                "--extra-vars", json.dumps({"purge_evidence": str(home)}),
                log=BUILD / f"log/purge-{source.name}.log",
            )  # fmt: skip
            found |= {name: json.loads((home / name / "evidence.json").read_text()) for name in names}
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        console.print(_table(found))
        console.print(f"Constancias y bitácoras: {home}")
    raise typer.Exit(1 if any(evidence["remaining"] for evidence in found.values()) else 0)


def _table(found: dict[str, dict[str, Any]]) -> Table:
    table = Table("Servidor", "Borrado", "Queda", "Bitácora")
    for name, evidence in found.items():
        removed = f"{evidence['removed_files']} archivos, {evidence['removed_bytes'] / 1e6:.1f} MB"
        left = ", ".join(evidence["remaining"]) or "[green]nada[/]"
        head = evidence["log"]
        table.add_row(name, removed, left, f"{head['entries']} renglones, {head['head'][:16]}…")
    return table
