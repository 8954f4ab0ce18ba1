"""`difusor freeze`: the register of a difusor's servers, signed, against which `difusor report` tells what changed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from difusor.baseline import record
from difusor.baseline.record import RegisterError
from difusor.baseline.take import take
from difusor.inventory import variables
from difusor.project import BUILD, ROOT
from difusor.servers import reach
from difusor.terminal import complain, console


def run(
    inventory: Annotated[Path, typer.Option("--inventory", "-i", help="El difusor: inventories/<difusor>.")],
    key: Annotated[
        Path, typer.Option(exists=True, help="Llave de OpenSSH con que se firma (o su .pub, si está en el agente).")
    ],
    output: Annotated[Path, typer.Option(help="Dónde se guarda el registro.")] = BUILD / "registro",
) -> None:
    """Registra y firma cómo quedó un difusor: configuración, paquetes, imágenes y llaves. No lo altera."""
    path = output / f"{inventory.resolve().name}.json"
    try:
        register = take(inventory)
        signature = record.write(register, path, key)
        fingerprint = record.read(path).fingerprint
    except (RegisterError, reach.UnreachableError, variables.InventoryError) as error:
        complain(error)
        raise typer.Exit(1) from error
    for name, look in register.servers.items():
        console.print(
            f"[green]✓[/] {name}: {len(look.files)} archivos y carpetas, {len(look.packages)} paquetes, "
            f"imágenes: {len(look.images)}, llaves de firma: {len(look.signers)}",
            soft_wrap=True,
        )
    for each in (path, signature):
        console.print(f"  {_short(each)}", soft_wrap=True)
    console.print(f"Firmado por {fingerprint}.", soft_wrap=True)
    console.print(
        f"Qué cambió desde hoy: ./difusor report -i {_short(inventory)} --against {_short(path)}", soft_wrap=True
    )


def _short(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
