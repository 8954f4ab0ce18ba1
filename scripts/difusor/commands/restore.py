"""`difusor restore`: bring a difusor back that was taken off the list."""

from __future__ import annotations

from typing import Annotated

import typer

from difusor.process import account
from difusor.terminal import complain, console, printable, results
from difusor.terminal.arguments import AskBecomePass, Check, Further, Name

PENDING = 3


def run(
    name: Name,
    reason: Annotated[str, typer.Option(metavar="TEXTO", help="Por qué vuelve: queda en el expediente.")],
    by: Annotated[
        str, typer.Option(metavar="TEXTO", show_default="su cuenta", help="Quién lo ordena: nombre y cargo.")
    ] = "",
    check: Check = False,
    ask_become_pass: AskBecomePass = False,
    further: Further = None,
) -> None:
    """Devuelve a la lista a un difusor revocado, con secretos nuevos y lo último que mostraba.

    Se niega si la revocación fue definitiva. Hasta que su servidor conteste sigue fuera de la lista; repetirlo hace lo
    que falte. Termina con 3 mientras falte algo, y con 1 si no se hizo nada.
    """
    from difusor.partners import revocation, revoking
    from difusor.partners.facts import FactError
    from difusor.project import UnusableError
    from difusor.servers import sudo
    from difusor.servers.ansible_options import refuse_less_than_all
    from difusor.servers.playbook import Options

    refuse_less_than_all(further or ())
    try:
        sudo.ask(ask_become_pass)
        found = revoking.restore(name, by or account(), reason, Options(check=check, further=further))
    except (UnusableError, FactError) as problem:
        complain(problem)
        raise typer.Exit(1) from problem
    if found.overtaken and found.record:
        complain(
            f"{found.difusor}: mientras volvía, {found.record.by} lo retiró otra vez ({found.record.reason}) y sigue "
            "fuera de la lista; aclárelo con quien lo ordenó antes de repetir restore"
        )
        raise typer.Exit(PENDING)
    for sentence in found.pending:
        console.print(f"[yellow]![/] {printable(sentence)}. Sigue fuera de la lista: repita.", soft_wrap=True)
    if found.pending:
        raise typer.Exit(PENDING)
    if found.record is None:  # also where another machine, or a newer copy of the home, knows that it is revoked
        complain(
            f"{found.difusor}: en esta máquina no consta que esté revocado, y nada se hizo; si su sitio muestra el "
            f"aviso, traiga de la máquina en que se retiró {revocation.file(name)} y, de la misma carpeta, vault.yml, "
            "y repita"
        )
        raise typer.Exit(1)
    if check:
        results.print(f"[green]✓[/] {found.difusor}: volvería a la lista; nada cambió")
    else:
        results.print(f"[green]✓[/] {found.difusor}: de vuelta en la lista. Envíele ya el último corte (publish)")
