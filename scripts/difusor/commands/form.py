"""`difusor form`: write the form of ANEXO 2, which outlets fill in and `difusor enroll` reads back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from difusor.project import UnusableError, from_project, refuse_unwritable
from difusor.terminal import complain, json_text, printable, results
from difusor.terminal.arguments import Json, election, elections

NAMES = "anexo2.xlsx", "anexo2.yml"


def run(
    folder: Annotated[
        Path, typer.Argument(metavar="CARPETA", file_okay=False, resolve_path=True, help="Dónde se escribe.")
    ] = Path("."),
    of: Annotated[
        Path | None,
        typer.Option(
            "--election", parser=election, metavar="ELECCIÓN", autocompletion=elections,
            help="La elección que lleva en el título.",
        ),
    ] = None,
    guided: Annotated[
        bool, typer.Option("--guided", help="Pregunta los datos en la terminal y escribe anexo2.yml ya lleno.")
    ] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Solo muestra el JSON Schema de sus datos.")] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Escribe el formato del ANEXO 2, vacío, como libro de Excel (anexo2.xlsx) y como YAML (anexo2.yml)."""
    from difusor.inventory import load_election_name
    from difusor.partners.files import write_new
    from difusor.partners.form import plain, workbook
    from difusor.partners.form.guided import ask
    from difusor.partners.form.model import Form

    if schema:
        typer.echo(json_text(Form.model_json_schema()))
        return
    try:
        title = load_election_name(of) if of else ""
        paths = [folder / name for name in (NAMES[1:] if guided else NAMES)]
        if there := [path for path in paths if os.path.lexists(path)]:
            raise UnusableError(f"ya existe {there[0]}; nada se tocó. Muévalo, o dé otra carpeta")
        if guided:
            refuse_unwritable(folder)  # before somebody answers for a quarter of an hour
        values = ask() if guided else {}
        for path in paths:
            write_new(path, workbook.write(title) if path.suffix == ".xlsx" else plain.write(title, values))
    except UnusableError as problem:
        complain(problem)
        raise typer.Exit(1) from problem
    if as_json:
        typer.echo(json_text({"files": [str(path) for path in paths]}))
        return
    show(paths)


def show(paths: Sequence[Path]) -> None:
    """Print the files that were written."""
    for path in paths:
        results.print(f"[green]✓[/] {printable(from_project(path))}", soft_wrap=True)
