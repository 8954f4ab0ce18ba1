"""`difusor revoke`: take a difusor off the list (clause 12), at the institute and on its servers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from difusor.process import account
from difusor.project import from_project
from difusor.terminal import complain, console, json_text, printable, results
from difusor.terminal.arguments import AskBecomePass, Check, Further, Json, Name

if TYPE_CHECKING:
    from difusor.partners.revoking import Result

PENDING = 3
OTHERS = (
    "la cuenta con que se entra (ansible_user en hosts.yml) es del difusor, y él la quita",
    "su DNS y las copias que haya hecho son suyos; difusor audit -i {name} dice si su sitio aún muestra resultados",
    "quien abrió la página hace poco puede ver 10 segundos más lo que su navegador guardó",
)
"""What no verb can do; each without its full stop."""


def run(
    name: Name,
    reason: Annotated[str, typer.Option(metavar="TEXTO", help="Por qué: queda en el expediente y en la notificación.")],
    by: Annotated[
        str, typer.Option(metavar="TEXTO", show_default="su cuenta", help="Quién lo ordena: nombre y cargo.")
    ] = "",
    provision: Annotated[
        str, typer.Option(metavar="CLÁUSULA", help="La disposición que se infringió, como DG-04.")
    ] = "DG-12",
    evidence: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="ARCHIVO", exists=True, dir_okay=False, resolve_path=True,
            help="Documento en que se funda; queda su huella. Puede repetirse.",
        ),
    ] = None,
    final: Annotated[bool, typer.Option("--final", help="Sin vuelta: «restore» se negará.")] = False,
    as_json: Json = False,
    check: Check = False,
    ask_become_pass: AskBecomePass = False,
    further: Further = None,
) -> None:  # fmt: skip
    """Retira a un difusor de la lista: no recibe más cortes y su sitio muestra un aviso en vez de resultados.

    Lo del Instituto queda hecho de inmediato, aunque su servidor no responda; repetirlo hace lo que falte. Termina con
    3 mientras falte algo, y con 1 si no se hizo nada.
    """
    from difusor.partners import revocation, revoking
    from difusor.partners.facts import FactError
    from difusor.project import UnusableError
    from difusor.servers import sudo
    from difusor.servers.ansible_options import refuse_less_than_all
    from difusor.servers.playbook import Options

    refuse_less_than_all(further or ())
    order = revocation.Order(by or account(), reason, provision, tuple(evidence or ()), final)
    try:
        sudo.ask(ask_become_pass)
        found = revoking.revoke(name, order, Options(check=check, further=further))
    except (UnusableError, FactError) as problem:
        complain(problem)
        raise typer.Exit(1) from problem
    _show(name, found, as_json, check)
    raise typer.Exit(PENDING if found.pending else 0)


def _show(inventory: Path, found: Result, as_json: bool, check: bool) -> None:
    from corte.format import instants
    from difusor.inventory import zone_of
    from difusor.project import given

    zone = zone_of(inventory)

    assert found.record is not None
    if as_json:
        record = found.record.model_dump(mode="json", exclude_none=True)
        document = {"difusor": found.difusor, "record": record, "servers": found.servers, "pending": found.pending}
        document["unrecorded"] = found.unrecorded
        typer.echo(json_text({**document, "check": check, "paper": str(found.paper or "")}))
    else:
        state = "quedaría " if check else "" if found.is_new else "ya estaba "
        told = printable(found.record.told, zone)
        results.print(f"[green]✓[/] {found.difusor}: {state}{told}", soft_wrap=True)
        if final := found.record.made_final:
            told = f"definitiva desde {instants.write(final.at)}, por orden de {final.by}: {final.reason}"
            results.print(f"  {printable(told, zone)}", soft_wrap=True)
        for server in found.servers:
            results.print(f"[green]✓[/] {printable(server)}: sin cortes, sin secreto, y el aviso en su sitio")
    if found.paper and not as_json:
        results.print(f"  La notificación para el difusor: {from_project(found.paper)}", soft_wrap=True)
    if found.unrecorded:
        options = ", ".join(found.unrecorded)
        told = f"lo que ahora dice {options} no quedó en el expediente, que conserva lo de la primera orden"
        console.print(f"[yellow]![/] {told}.", soft_wrap=True)
    for sentence in found.pending:
        console.print(f"[yellow]![/] {printable(sentence)}. Repita el comando.", soft_wrap=True)
    for sentence in OTHERS:
        console.print(f"[dim]· {printable(sentence.format(name=given(inventory)))}.[/]", soft_wrap=True)
