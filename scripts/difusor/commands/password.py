"""`difusor password`: put the password of the institute's user, as a salted hash, into a vault."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from difusor.project import UnusableError, from_project, home, vault_password, whose
from difusor.terminal import complain, results
from difusor.terminal.arguments import difusores
from difusor.terminal.asking import has_terminal


def run(
    name: Annotated[
        str,
        typer.Argument(metavar="DIFUSOR", autocompletion=difusores, help="Su nombre: la carpeta de inventories/."),
    ],
    vault_password_file: Annotated[
        Path | None,
        typer.Option(
            metavar="ARCHIVO", exists=True, dir_okay=False, resolve_path=True,
            help="Archivo con la contraseña de la bóveda, si no es vault-password de la carpeta del Instituto.",
        ),
    ] = None,
) -> None:  # fmt: skip
    """Pide una contraseña para el usuario del Instituto y guarda su hash SHA-512 cifrado en la bóveda del difusor."""
    from difusor.inventory.passwords import LENGTH, ShutVaultError, Vault, weaknesses
    from difusor.inventory.vaults import password_of

    if not has_terminal():
        _refuse("No hay terminal en que pedir contraseñas sin mostrarlas; repita en una. Nada cambió.")
    path = home() / f"inventories/{name}/group_vars/{name}/vault.yml"
    if name not in difusores():  # nor diario/, by which the vault would get another name
        there = ", ".join(difusores()) or "ninguno"
        _refuse(
            f"No existe el difusor «{name}», que aquí se da por su nombre; los que hay {whose()}: {there}. Revise el "
            "nombre, o hágalo con ./difusor new difusor NOMBRE. Nada cambió."
        )
    if not path.parent.is_dir():
        _refuse(f"No existe {from_project(path.parent)}; hágalo con ./difusor new difusor {name}, o revise el nombre.")
    source = vault_password_file or (vault_password() if vault_password().exists() else None)
    try:
        key = password_of(source) if source else _ask(f"Contraseña de la bóveda «{name}»", twice=not path.exists())
        vault = Vault(path, name, key)
    except (UnusableError, ShutVaultError) as error:
        _refuse(f"{error}; nada cambió.")
    results.print(f"La contraseña lleva {LENGTH} caracteres o más: minúsculas, mayúsculas, cifras y signos.")
    password = _ask("Contraseña nueva del usuario del Instituto", twice=True)
    if found := weaknesses(password):
        _refuse(f"La contraseña {', '.join(found)}; nada cambió.")
    try:
        vault.store(password)
    except (ShutVaultError, UnusableError) as error:
        _refuse(f"{error}; nada cambió.")
    results.print(
        f"[green]✓[/] Hash guardado en {from_project(path)}. "
        f"Aplíquelo con ./difusor apply -i {name} -- --tags accounts.",
        soft_wrap=True,
    )


def _ask(title: str, *, twice: bool) -> str:
    return str(typer.prompt(title, hide_input=True, confirmation_prompt=twice and "Otra vez", err=True))


def _refuse(sentence: str) -> NoReturn:
    complain(sentence)
    raise typer.Exit(1)
