"""`difusor freeze`: the register of a difusor's servers, signed, against which `difusor report` tells what changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from testinfra.host import Host

from difusor.project import BUILD, ROOT
from difusor.register import record
from difusor.register.record import Look, Register, RegisterError
from difusor.report import probe, variables
from difusor.report.provenance import commit
from difusor.steps import complain, console

LOOK = Path(__file__).with_name("look.py")


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
    except (RegisterError, probe.UnreachableError, variables.InventoryError) as error:
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


def take(inventory: Path) -> Register:
    """Look at every server of an inventory; UnreachableError, InventoryError or RegisterError say why it cannot be."""
    looks, election = {}, ""
    for name, host, server in probe.difusores(inventory):
        looks[name] = look(name, host, server.identity)
        election = server.declared.get("election_id", "")
        if not election:
            raise RegisterError(f"{name}: su inventario no dice election_id; enlace su elección como election.yml")
    return Register(
        inventory=inventory.resolve().name,
        election=election,
        taken=datetime.now(UTC).replace(microsecond=0),
        commit=commit(),
        servers=looks,
    )


def look(name: str, host: Host, identity: Mapping[str, str]) -> Look:
    """Look at a server (testinfra's host, as root) called `name`; RegisterError when it cannot be done."""
    result = host.run("python3 -c %s", LOOK.read_text(encoding="utf-8"))
    if result.failed:
        raise RegisterError(f"{name}: {(result.stderr.strip().splitlines() or ['sin respuesta'])[-1]}")
    return Look(server=dict(identity), **json.loads(result.stdout))


def _short(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
