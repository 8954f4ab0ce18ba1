"""`difusor sign`: sign a corte as one of the election's signers, with orders if needed."""

from __future__ import annotations

import shlex
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from difusor.terminal import by_clocks, complain, console, local, printable, warn
from difusor.terminal.arguments import Corte, Election, Jump, named_corte, written_instant

if TYPE_CHECKING:
    from corte.format.manifest import Window
    from difusor.inventory import Election as Decided
    from difusor.publish.signing import SignedCorte

ClockOverride = Annotated[
    bool | None,
    typer.Option(
        "--clock-override/--no-clock-override", show_default=False,
        help="Ordena abrir aunque el reloj del servidor no esté sincronizado, o deja de ordenarlo.",
    ),
]  # fmt: skip
Light = Annotated[
    bool,
    typer.Option(
        "--light",
        help="Ordena el modo ligero: no se envían las imágenes de las actas. Lo termina el siguiente corte que se "
        "firme sin esta opción.",
    ),
]  # fmt: skip
Withdraw = Annotated[
    str | None,
    typer.Option(
        parser=named_corte, metavar="CORTE",
        help="Retira un corte, que ya no se muestra: su carpeta, su corte.json o el SHA-256 de su manifiesto. "
        "Puede ser el mismo que se firma.",
    ),
]  # fmt: skip
After = Annotated[
    Path | None,
    typer.Option(
        metavar="CORTE", exists=True, resolve_path=True,
        help="El último corte, si se firmó en otra máquina: sus órdenes siguen en pie.",
    ),
]  # fmt: skip


def run(
    tree: Corte,
    election: Election,
    key: Annotated[
        Path,
        typer.Option(
            metavar="LLAVE", exists=True, resolve_path=True,
            help="Llave de OpenSSH del firmante (o su .pub, si está en el agente).",
        ),
    ],
    simulacro: Annotated[bool, typer.Option("--simulacro", help="Firma un simulacro de esa elección.")] = False,
    sequence: Annotated[
        int | None, typer.Option(metavar="NÚMERO", min=0, help="Número del corte, si su carpeta no lo dice.")
    ] = None,
    jump: Jump = None,
    corte: Annotated[
        datetime | None,
        typer.Option(parser=written_instant, metavar="INSTANTE", help="Instante del corte, con su diferencia con UTC."),
    ] = None,
    close: Annotated[
        datetime | None,
        typer.Option(parser=written_instant, metavar="INSTANTE", help="Ordena otro cierre, con su diferencia con UTC."),
    ] = None,
    retain: Annotated[
        datetime | None,
        typer.Option(
            parser=written_instant, metavar="INSTANTE", help="Ordena hasta cuándo sigue disponible lo publicado."
        ),
    ] = None,
    hold: Annotated[bool, typer.Option("--hold", help="Ordena conservar lo que ya se muestra.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Termina esa pausa: se muestra el último corte.")] = False,
    rectification: Annotated[bool, typer.Option("--rectification", help="Admite cuentas que bajan.")] = False,
    light: Light = False,
    clock_override: ClockOverride = None,
    withdraw: Withdraw = None,
    after: After = None,
) -> None:  # fmt: skip
    """Firma un corte, con órdenes si hacen falta: escribe corte.json y corte.json.sig en su carpeta."""
    from corte.format.refusal import Refusal
    from difusor.inventory import load_election, zone_of
    from difusor.project import UnusableError
    from difusor.publish.orders import Orders, sign

    words = {"hold": hold, "resume": resume, "rectification": rectification, "light": light}
    words |= {"clock-override": clock_override is True, "no-clock-override": clock_override is False}
    given = tuple(word for word, ordered in words.items() if ordered)
    try:
        orders = Orders(simulacro, sequence, jump, corte, close, retain, given, after, withdraw)
        signed, decided, signer = sign(tree, election, key, orders)
    except (UnusableError, Refusal) as problem:
        complain(problem, zone_of(election))
        raise typer.Exit(1) from problem
    _tell_utc({"--corte": corte, "--close": close, "--retain": retain}, decided)
    _say(signed, signer, decided, load_election(election).window if close or retain else None)


def _tell_utc(typed: dict[str, datetime | None], decided: Decided) -> None:
    """Print which hour by the clocks of the place it is that was typed in UTC: a Z is put to a local one as easily."""
    zone = decided.catalog.zone
    for option, at in typed.items():
        if at and not at.utcoffset() and at.astimezone(zone).utcoffset():
            warn(f"{option} se dio en UTC (Z): por los relojes del lugar es {local(at, zone)}")


def _say(signed: SignedCorte, signer: str, decided: Decided, moved_from: Window | None) -> None:
    """Print what was signed and by whom, the window if it was moved, and the manifest's SHA-256 as the result."""
    from corte.format import instants
    from difusor.inventory import calendar
    from difusor.publish import carried, signing, wording

    document, window, zone = signed.manifest, decided.window, decided.catalog.zone
    mark = "[bold red]![/]" if document.withdraws_itself else "[green]✓[/]"
    console.print(
        f"{mark} corte {document.sequence} de {document.election} ({document.environment}), "
        f"{len(document.files)} archivos, {document.total_bytes / 1e6:.1f} MB, firmado por {signer}"
    )
    for word in document.orders:
        console.print(f"  orden: {wording.ORDERS[word]}")
    for clause in wording.sentences(document.stands):
        console.print(f"  sigue en pie: {by_clocks(clause, zone)}")
    for clause in wording.ended(document):
        console.print(f"  termina: {clause}")
    if moved_from:
        for clause in carried.moved(window, moved_from):
            console.print(f"  orden: {by_clocks(clause, zone)}")
        typed = " y ".join(f"«{instants.write(each)}»" for each in (window.closes, window.retain_until))
        console.print(
            f"  cierra {local(window.closes, zone)}, disponible hasta {local(window.retain_until, zone)}; "
            f"escríbalo en la elección ({typed}): manda el último corte firmado"
        )
        if window.closes != moved_from.closes:
            for advice in calendar.hours_advice(decided):
                warn(advice)
    warnings, checked = signing.plausible(signed, decided)
    for told in checked:
        console.print(f"  {printable(told, zone)}")
    for warning in warnings:
        console.print(f"[yellow]![/] {printable(warning, zone)}")
    if gone := wording.withdrawn_with(document):
        _say_withdrawn(signed, gone)
    typer.echo(signed.sha256)


def _say_withdrawn(signed: SignedCorte, gone: str) -> None:
    """Print what publishing this will take back, and that nothing has been taken back yet."""
    what, then = "ESTE CORTE RETIRA OTRO", ""
    if signed.manifest.withdraws_itself:
        what, then = "ORDEN DE RETIRAR, NO UN CORTE NUEVO", ", y el que no tenga otro bueno espera sin resultados"
    console.print(
        f"[bold red]{what}: {gone}[/] deja de mostrarse en cada espejo que reciba esta carpeta{then}. "
        f"Aún no se envía: ./difusor publish {printable(shlex.quote(str(signed.folder)))}",
        soft_wrap=True,
    )
