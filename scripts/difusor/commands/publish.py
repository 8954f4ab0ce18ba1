"""`difusor publish`: push a corte to difusores and report what each of them then shows."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from difusor.commands import _ordered
from difusor.commands._chosen import Chosen, OfElection, chosen
from difusor.commands._count import tell_lacking
from difusor.terminal import complain, console, json_text, printable, results, table, warn
from difusor.terminal.arguments import Authority, Corte, Json, Jump, MaybeDifusores

if TYPE_CHECKING:
    from difusor.inventory import Election
    from difusor.publish.deliver import Outcome
    from difusor.publish.orders import Publication
    from difusor.publish.signing import SignedCorte
    from difusor.publish.target import Target

WORDS = {
    "shown": "[green]publicado[/]",
    "held": "[yellow]verificado y en espera[/]",
    "paused": "[red]en pausa sin orden vigente[/]",
    "moved": "[red]con la ventana de antes[/]",
    "shut": "[red]cerrado por su reloj[/]",
    "withdrawn": "[bold red]retirado[/]",
    "refused": "[red]rechazado[/]",
    "failed": "[red]no entregado[/]",
    "silent": "[red]sin respuesta[/]",
    "revoked": "[dim]fuera de la lista[/]",
}


Key = Annotated[
    Path | None,
    typer.Option(metavar="LLAVE", resolve_path=True, help="Llave con que se firma, si el corte no está firmado."),
]
Bandwidth = Annotated[
    int | None, typer.Option(metavar="KIB/S", min=1, help="Límite de envío a cada difusor, en KiB/s.")
]
Wait = Annotated[float, typer.Option(metavar="SEGUNDOS", min=0, help="Los que se espera la respuesta de cada difusor.")]
Minutes = Annotated[float, typer.Option(metavar="MINUTOS", min=0, help="Los que puede durar el envío a cada difusor.")]
AtOnce = Annotated[
    int | None,
    typer.Option(
        metavar="N", min=1, show_default="a todos", help="A cuántos se envía a la vez; los demás esperan su turno."
    ),
]


def run(
    tree: Corte,
    inventory: MaybeDifusores = None,
    election: OfElection = None,
    key: Key = None,
    jump: Jump = None,
    bandwidth: Bandwidth = None,
    ca: Authority = None,
    wait: Wait = 60,
    minutes: Minutes = 10,
    at_once: AtOnce = None,
    as_json: Json = False,
) -> None:
    """Firma un corte si hace falta, lo envía a los difusores y espera a que cada uno diga qué muestra.

    Termina con 0 si todos están como deben; con 3 si solo algunos, y con 1 si ninguno o no se firmó.
    """
    from corte.format.refusal import Refusal
    from difusor.project import UnusableError
    from difusor.publish.deliver import Options, congested, deliver_all
    from difusor.publish.orders import Publication, signed_for
    from difusor.publish.seen import Seen

    given = chosen(inventory, election, "no se les envía")
    targets, outcomes, zone = _read(given.inventories)
    try:
        signed = signed_for(targets, tree, key, jump, lambda new: _warn_of_tables(new, targets[0].election), warn)
    except (UnusableError, Refusal) as problem:
        for unusable in outcomes:  # most likely the cause
            complain(unusable.detail, zone)
        complain(problem, zone)
        raise typer.Exit(1) from problem
    what = "[bold red]Orden de retirar el corte[/]" if signed.manifest.withdraws_itself else "Corte"
    console.print(f"{what} {signed.manifest.sequence} de {signed.manifest.election}, manifiesto {signed.sha256[:16]}…")
    _ordered.tell(signed, targets[0].election if targets else None)
    if targets:
        options = Options(bandwidth, ca, wait, minutes * 60, Seen(), at_once)
        publication = Publication(signed, targets[0].election)
        told: list[Outcome] = []
        try:
            delivered = deliver_all(signed, targets, options, lambda done: _say(done, told, publication))
        except BaseException:  # who presses Ctrl-C has to know who has the corte by then
            _end(signed, outcomes + told, given, zone, as_json, publication)
            _tell_last(signed, outcomes + told, given)
            raise
        outcomes += delivered
        _end(signed, outcomes, given, zone, as_json, publication)
        if cause := congested(signed, delivered, at_once):
            warn(cause)
    else:
        _tell(signed, outcomes, given, zone, as_json)
    _tell_last(signed, outcomes, given)
    raise typer.Exit(_status(outcomes, given))


def _read(inventories: list[Path]) -> tuple[list[Target], list[Outcome], tzinfo | None]:
    """Return every server that gets cortes, and the outcome of those that get none, so that one never stops the others.

    Those are the servers that are off the list, and the inventories that cannot be used. The third is the zone of the
    election, which is the same of all.
    """
    from difusor.project import UnusableError, fallen
    from difusor.publish import target
    from difusor.publish.deliver import Outcome

    targets: list[Target] = []
    failed: list[Outcome] = []
    zone: tzinfo | None = None
    for inventory in inventories:
        try:
            servers = target.read(inventory)
            zone = servers[0].election.catalog.zone
            targets += [server for server in servers if not server.revoked]
            failed += [Outcome(server.name, "revoked", server.revoked, 0, 0.0) for server in servers if server.revoked]
        except UnusableError as error:
            failed.append(Outcome(inventory.name, "failed", " ".join(str(error).split()), 0, 0.0))
        except Exception as error:  # a fault of this program's: told of this inventory, and the others get the corte
            failed.append(Outcome(inventory.name, "failed", fallen(error), 0, 0.0))
    return targets, failed, zone


def _warn_of_tables(signed: SignedCorte, election: Election) -> None:
    """Print what does not add up in the tables of a corte that was signed now, as `sign` does; it stops nothing."""
    from difusor.publish import signing

    for warning in signing.plausible(signed, election)[0]:
        warn(warning, election.catalog.zone)


def _tell(signed: SignedCorte, outcomes: list[Outcome], given: Chosen, zone: tzinfo | None, as_json: bool) -> None:
    """Print what became of the corte at each difusor, the warnings, and which of the same election got nothing."""
    left_out = given.left_out()
    if as_json:
        document = {
            "sequence": signed.manifest.sequence,
            "manifest_sha256": signed.sha256,
            "difusores": [asdict(outcome) for outcome in outcomes],
            "left_out": left_out,
            "astray": given.astray,
            "rehearsing": given.rehearsing,
        }
        typer.echo(json_text(document))
    else:
        results.print(_table(outcomes, zone))
    for outcome in outcomes:
        for warning in outcome.warnings:
            console.print(f"[yellow]![/] {outcome.difusor}: {printable(warning, zone)}", soft_wrap=True)
    if left_out:
        corte, these = shlex.quote(str(signed.folder)), " -i ".join(left_out)
        told = f"son de la misma elección y no se les envió: {', '.join(left_out)}"
        warn(f"{told}; si deben tenerlo: ./difusor publish {corte} -i {these}")


def _end(
    signed: SignedCorte, outcomes: list[Outcome], given: Chosen, zone: tzinfo | None, as_json: bool,
    publication: Publication,
) -> None:  # fmt: skip
    """Print what `_tell` does, and only then remember what was published: that may wait for somebody who signs."""
    try:
        _tell(signed, outcomes, given, zone, as_json)
    finally:
        if forgotten := publication.end():
            warn(
                f"no se anotó aquí que este corte se publicó: {forgotten.rstrip('.')}. Lo entregado, entregado está; "
                "corríjalo y repita «publish» con esta carpeta, o el siguiente corte podría ir sin sus órdenes",
                zone,
            )


def _status(outcomes: list[Outcome], given: Chosen) -> int:
    """Return 0 when all that are on the list are as they should be, 3 when only some are, 1 when none is.

    One that links a rehearsal is on the list too, and got nothing.
    """
    listed = [outcome.good for outcome in outcomes if outcome.result != "revoked"] + [False] * len(given.rehearsing)
    return 1 if not any(listed) else 0 if all(listed) else 3


def _tell_last(signed: SignedCorte, outcomes: list[Outcome], given: Chosen) -> None:
    """Print as the last line how many have the corte, and who lacks it; who is off the list is not to have it.

    Of what takes a corte back, that it does, also to a single difusor: nobody is to read there that results are out.
    """
    from difusor.publish.wording import withdrawn_with

    document = signed.manifest
    listed = [(each.difusor, _word(each), each.good) for each in outcomes if each.result != "revoked"]
    listed += [(name, "[red]enlaza un simulacro[/]", False) for name in given.rehearsing]
    if not document.withdraws_itself:
        tell_lacking(listed)
        if gone := withdrawn_with(document):
            console.print(f"[bold red]RETIRA {gone}[/]: quien tiene este corte ya no muestra aquel", soft_wrap=True)
        return
    done = sum(outcome.result == "withdrawn" for outcome in outcomes)
    lacking = [f"{printable(name)} ({Text.from_markup(word).plain})" for name, word, good in listed if not good]
    gone, where = withdrawn_with(document), f"{done} de {len(listed)}"
    lines = [f"[bold red]NO SE RETIRÓ: {gone} puede mostrarse todavía; lo retiraron {where}[/]"]
    if done:
        lines = [
            f"[bold red]RETIRADO, NO PUBLICADO: {gone} ya no se muestra en {where}[/]",
            "cada página volvió al último corte bueno que guarda o, si no tiene, espera sin resultados",
        ]
    if lacking:
        lines.append(f"[bold red]falta[/]: {', '.join(lacking)}. Publique otra vez esta misma carpeta")
    console.print("; ".join(lines), soft_wrap=True)


def _word(outcome: Outcome) -> str:
    """Return the word for a result; of a difusor that is not as it should be by its lists alone, that it is these."""
    has_it = outcome.result in ("shown", "held", "withdrawn")
    return "[red]otros firmantes[/]" if has_it and outcome.trusts_others else WORDS[outcome.result]


def _say(outcome: Outcome, told: list[Outcome], publication: Publication) -> None:
    """Remember the outcome at a difusor, add it to those told, and print it."""
    told.append(outcome)
    publication.hear(outcome)
    console.print(f"  {outcome.difusor}: {_word(outcome)} [dim]({outcome.seconds:.1f} s)[/]")


def _table(outcomes: list[Outcome], zone: tzinfo | None) -> Table:
    rows = table("Difusor", "Resultado", "Detalle", "Enviado", "Tiempo")
    for outcome in outcomes:
        sent, seconds = f"{outcome.sent_bytes / 1e6:.2f} MB", f"{outcome.seconds:.1f} s"
        rows.add_row(outcome.difusor, _word(outcome), printable(outcome.detail, zone), sent, seconds)
    return rows
