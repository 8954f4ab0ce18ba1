"""`difusor verify`: check a corte or the official list against what was signed, or the signatures of a paper in PDF."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import click
import typer

from difusor.terminal import by_clocks, complain, console, json_text, printable, results, warn
from difusor.terminal.arguments import Json, MaybeElection, verifiable

if TYPE_CHECKING:
    from difusor.papers.checking import Checked


def run(
    what: Annotated[
        Path,
        typer.Argument(
            parser=verifiable, metavar="CORTE|LISTA|PAPEL", show_default=False,
            help="Carpeta de un corte o de la lista oficial, un PDF, o el difusor cuyo dictamen se selló.",
        ),
    ],
    election: MaybeElection = None,
    authority: Annotated[
        list[Path] | None,
        typer.Option(
            "--ca", metavar="ARCHIVO", exists=True, dir_okay=False, resolve_path=True,
            show_default="authorities.pem de la carpeta del Instituto",
            help="De un papel: certificado de una autoridad que se da por conocida, en DER o PEM; puede repetirse.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Comprueba un corte firmado o la lista oficial, byte por byte, o las firmas electrónicas de un papel en PDF.

    Con --election comprueba además quién firmó un corte o la lista, y da la hora de ahí. Una lista que ya caducó no
    vale. De un papel dice quién firmó, cuándo, si algo cambió después y si se conoce a quien emitió el certificado.
    Termina con 0 si todo vale; con 1 si algo no vale o no hay firma; con 2 si nada cambió, pero no se conoce a la
    autoridad.
    """
    if what.is_file():
        raise typer.Exit(_paper(what, election, authority or (), as_json))
    if authority or as_json:
        raise click.UsageError("--ca y --json son para un papel en PDF, y esto es una carpeta")
    from difusor.listing import checking

    if checking.is_list(what):
        _list(what, election)
    else:
        _corte(what, election)


def _paper(path: Path, election: Path | None, authorities: Sequence[Path], as_json: bool) -> int:
    from corte.format import instants
    from difusor.inventory import load_election
    from difusor.papers import bounds, certificates, wording
    from difusor.papers.checking import INVALID, check
    from difusor.project import UnusableError, build
    from difusor.report import history

    try:
        zone = ZoneInfo(load_election(election).timezone) if election else None
        checked = check(bounds.read(path), certificates.authorities(authorities), instants.now())
    except UnusableError as problem:
        complain(f"{path.name}: {problem}")
        return INVALID
    past = [*history.superseded({each.name: each.sha256 for each in checked.attached}, build() / "dictamen")]
    if as_json:
        typer.echo(json_text({**wording.data(checked), "superseded": past}))
        return checked.status
    show(checked, zone)
    for told in past:
        warn(f"{told}.")
    return checked.status


def show(checked: Checked, zone: ZoneInfo | None = None) -> None:
    """Print what a paper's signatures come to, with times of this zone, else in UTC."""
    from difusor.papers import wording

    verdict, *rest = wording.sentences(checked, zone)
    style = ("green", "red", "yellow")[checked.status]
    results.print(f"[bold {style}]{verdict}[/]", soft_wrap=True)
    for sentence in rest:
        results.print(f"  {printable(sentence[:1].upper() + sentence[1:])}.", soft_wrap=True)
    results.print(f"  SHA-256 {checked.sha256}", soft_wrap=True)


def _list(folder: Path, election: Path | None) -> None:
    from corte.format import instants
    from difusor.inventory import load_election, zone_of
    from difusor.listing import checking
    from difusor.project import UnusableError

    zone = zone_of(election) if election else None
    try:
        found = checking.read(folder)
        signer = checking.signer(found, load_election(election)) if election else f"la llave {found.fingerprint}"
        checking.refuse_past(found, instants.now())
    except UnusableError as problem:
        complain(problem, zone)
        raise typer.Exit(1) from problem
    assert found.until  # refuse_past
    made, until = (by_clocks(instants.write(each), zone) for each in (found.made, found.until))
    results.print(
        f"[green]✓[/] lista de {printable(found.election)} ({printable(found.environment)}), "
        f"{len(found.difusores)} difusores, firmada por {printable(signer)} el {made}, vigente hasta el {until}",
        soft_wrap=True,
    )


def _corte(tree: Path, election: Path | None) -> None:
    from corte.format import instants
    from corte.format.refusal import Refusal
    from difusor.inventory import load_election, zone_of
    from difusor.project import UnusableError
    from difusor.publish import signing, standing, wording

    zone = zone_of(election) if election else None
    try:
        signed, fingerprint = signing.verify(tree)
        known = load_election(election) if election else None
        signer = standing.past_signer(signed, known) if known else f"la llave {fingerprint}"
    except (UnusableError, Refusal) as problem:
        complain(problem, zone)
        raise typer.Exit(1) from problem
    document = signed.manifest
    corte = by_clocks(instants.write(document.corte), zone)
    console.print(
        f"[green]✓[/] corte {document.sequence} de {document.election} ({document.environment}), "
        f"{corte}, {len(document.files)} archivos íntegros, firmado por {signer}"
    )
    for word in document.orders:
        console.print(f"  orden: {wording.ORDERS[word]}")
    for clause in wording.sentences(document.stands):
        console.print(f"  en pie: {by_clocks(clause, zone)}")
    warnings, checked = signing.plausible(signed, known)
    for told in checked:
        console.print(f"  {printable(told, zone)}")
    for warning in warnings:
        console.print(f"[yellow]![/] {printable(warning, zone)}")
    typer.echo(signed.sha256)
