"""`difusor freeze`: sign a baseline of a difusor's servers, with which `difusor report` later compares them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from difusor.project import build, from_project
from difusor.terminal import complain, results
from difusor.terminal.arguments import AskBecomePass, Difusor


def run(
    inventory: Difusor,
    key: Annotated[
        Path,
        typer.Option(
            metavar="LLAVE", exists=True, resolve_path=True,
            help="Llave de OpenSSH con que se firma (o su .pub, si está en el agente).",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="CARPETA", resolve_path=True, show_default="build/registro", help="Dónde se guarda el registro."
        ),
    ] = None,
    ask_become_pass: AskBecomePass = False,
) -> None:  # fmt: skip
    """Registra y firma cómo quedó un difusor: configuración, paquetes, imágenes y llaves. No lo altera.

    Firma uno de los firmantes de la elección (election_signers). Un registro que ya existe no se sobrescribe.
    """
    from difusor.baseline import record
    from difusor.baseline.take import take
    from difusor.inventory import load_election
    from difusor.project import UnusableError, refuse_unwritable
    from difusor.servers import sudo
    from difusor.servers.identity import UnreachableError

    path = (output or build() / "registro") / f"{inventory.resolve().name}.json"
    try:
        record.refuse_existing(path)
        refuse_unwritable(path.parent)
        record.check_key(key, load_election(inventory))
        sudo.ask(ask_become_pass)
        baseline = take(inventory)
        signature = record.write(baseline, path, key)
        fingerprint = record.read(path).fingerprint
    except (record.BaselineError, UnreachableError, UnusableError) as error:
        complain(error)
        raise typer.Exit(1) from error
    for name, look in baseline.servers.items():
        results.print(
            f"[green]✓[/] {name}: {len(look.files)} archivos y carpetas, {len(look.packages)} paquetes, "
            f"imágenes: {len(look.images)}, llaves de firma: {len(look.signers)}",
            soft_wrap=True,
        )
    for each in (path, signature):
        results.print(f"  {from_project(each)}", soft_wrap=True)
    results.print(f"Firmado por {fingerprint}.", soft_wrap=True)
    results.print(
        f"Qué cambió desde hoy: ./difusor report -i {from_project(inventory)} --against {from_project(path)}",
        soft_wrap=True,
    )
