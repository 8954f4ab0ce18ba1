"""`difusor audit`: compare what citizens receive, byte by byte, with the signed manifest."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import asdict, replace
from datetime import datetime, tzinfo
from math import ceil
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from difusor.commands._chosen import Chosen, OfElection, chosen
from difusor.commands._count import tell_lacking
from difusor.terminal import complain, console, json_text, printable, results, table, warn
from difusor.terminal.arguments import Authority, Json, MaybeDifusores

if TYPE_CHECKING:
    from corte.format.manifest import Manifest
    from corte.format.standing import Standing
    from difusor.publish.comparison import Comparison
    from difusor.publish.seen import Seen
    from difusor.publish.target import Target

    type Opening = tuple[str, str, datetime]
    type Found = tuple[Comparison, tzinfo | None]
    """A comparison, with the zone of its election; an inventory that cannot be used has none."""

WORDS = {
    "authentic": "[green]auténtico[/]",
    "altered": "[red]distinto[/]",
    "old": "[red]atrasado[/]",
    "empty": "[yellow]sin corte[/]",
    "resting": "[green]sin corte, como debe[/]",
    "untrusted": "[red]certificado[/]",
    "unreachable": "[red]no responde[/]",
    "unchecked": "[yellow]sin comparar[/]",
    "off": "[dim]fuera de la lista[/]",
    "showing": "[red]fuera de la lista, y muestra algo[/]",
}


def run(
    inventory: MaybeDifusores = None,
    election: OfElection = None,
    tree: Annotated[
        Path | None,
        typer.Option(
            metavar="CORTE", exists=True, file_okay=False, resolve_path=True,
            help="El corte firmado que deberían mostrar.",
        ),
    ] = None,
    ca: Authority = None,
    minutes: Annotated[
        float, typer.Option(metavar="MINUTOS", min=0, help="Los que puede durar la comparación de cada difusor.")
    ] = 10,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Descarga lo que recibe la ciudadanía y compara cada byte con el manifiesto firmado."""
    from corte.format.refusal import Refusal
    from difusor.project import UnusableError, fallen
    from difusor.publish import front, signing, standing
    from difusor.publish.comparison import Comparison, compare, shortened
    from difusor.publish.seen import Seen

    given = chosen(inventory, election, "no se comparan")
    try:
        signed = signing.verify(tree)[0] if tree else None
        targets, unusable = _read(given.inventories)
        elections = {standing.opening_of(server.election): server.election for server in targets}
        orders = {opening: standing.Records(election).standing() for opening, election in elections.items()}
    except (UnusableError, Refusal) as problem:
        complain(problem)
        raise typer.Exit(1) from problem
    if signed and (opening := standing.opening_of(signed.manifest)) in orders:
        orders[opening] = orders[opening].join(signed.manifest.stands)
    # A corte that only orders its own withdrawal is shown nowhere.
    expected = signed.sha256 if signed and not signed.manifest.withdraws_itself else None
    seen, tell = Seen(), _short_of(minutes)

    def ask(one: Target) -> list[Comparison]:
        known, deadline = orders[standing.opening_of(one.election)], time.monotonic() + minutes * 60
        try:
            found = compare(one, ca, expected, minutes * 60, seen, known, tell)
            if found.result == "resting" and signed and (missing := _lacks(one, signed.manifest)):
                found = replace(found, result="empty", detail=missing)
            if one.front is None:
                return [front.by_name(one, found, ca, deadline)]
            beside = [each for each in targets if each.front == one.front and each is not one]
            return [found, front.compare(one, one.front, found, ca, deadline - time.monotonic(), known, beside)]
        except Exception as error:  # a fault of this program's: told of this difusor, and the others have their rows
            return [Comparison(one.name, "unchecked", shortened(fallen(error)))]

    asked, stopped = _ask_all(ask, targets, minutes)
    found = [*unusable, *_rejudged(targets, asked, seen, orders, expected)]
    _tell(found, given, as_json)
    if stopped:
        raise stopped
    raise typer.Exit(0 if all(comparison.good for comparison, _ in found) else 1)


def _lacks(one: Target, given: Manifest) -> str:
    """Return that a mirror has to show the given corte now, of which this machine's election may not know; else ""."""
    from corte.format import instants
    from difusor.publish import age, standing

    is_its = standing.opening_of(given) == standing.opening_of(one.election) and not given.withdraws_itself
    return age.due(given.window, instants.now()) if is_its else ""


def _short_of(minutes: float) -> Callable[[float], None]:
    """Return what takes the minutes that a corte's files need at least, and tells once if more than given."""
    untold = Lock()  # each mirror has its thread, and many have the same corte

    def tell(needed: float) -> None:
        if needed > minutes and untold.acquire(blocking=False):
            warn(f"solo pedir sus archivos a cada espejo tarda {ceil(needed)} minutos o más; dé más con --minutes")

    return tell


def _ask_all(
    ask: Callable[[Target], list[Comparison]], targets: Sequence[Target], minutes: float
) -> tuple[list[list[Comparison]], BaseException | None]:
    """Compare all mirrors at once, and tell of each as it ends; return what was found, and what stopped it (Ctrl-C)."""
    from difusor.publish import stopping

    if targets:
        what = f"Se comparan {len(targets)} espejos" if len(targets) > 1 else "Se compara un espejo"
        until = "Con Ctrl-C se muestra lo comparado hasta entonces."
        console.print(f"{what}, en {minutes:g} minutos a lo más. {until}", soft_wrap=True)
    stopped: BaseException | None = None
    with ThreadPoolExecutor(max_workers=max(1, len(targets))) as pool:
        asked = [pool.submit(ask, one) for one in targets]
        try:
            _say(asked)
        except BaseException as stop:  # what was compared by then is shown
            stopping.stop(asked)
            stopped = stop
    return [each.result() for each in asked], stopped


def _say(asked: Sequence[Future[list[Comparison]]]) -> None:
    """Print what was found at each mirror as its comparison ends; the table may say more, by what the others show."""
    for done in as_completed(asked):
        for one in done.result():
            console.print(f"  {printable(one.difusor)}: {WORDS[one.result]} [dim]({one.seconds:.1f} s)[/]")


def _rejudged(
    targets: Sequence[Target],
    found: Sequence[Sequence[Comparison]],
    seen: Seen,
    orders: Mapping[Opening, Standing],
    expected: str | None,
) -> Iterator[Found]:
    """Yield what was found at each mirror, judged once more by what all of them show."""
    from difusor.publish import application
    from difusor.publish.comparison import rejudged, shortened
    from difusor.publish.standing import opening_of

    for one, those in zip(targets, found, strict=True):
        for each in those:
            known = orders[opening_of(one.election)]
            judged = rejudged(each, one, seen, known, expected)
            strange = map(shortened, application.strange(one, seen)) if each is those[0] else ()
            yield replace(judged, warnings=[*judged.warnings, *strange]), one.election.catalog.zone


def _read(inventories: list[Path]) -> tuple[list[Target], list[Found]]:
    """Return every server to audit, and a row for each inventory that cannot be used, which stops no other."""
    from difusor.project import UnusableError, fallen
    from difusor.publish import target
    from difusor.publish.comparison import Comparison

    targets: list[Target] = []
    unusable: list[Found] = []
    for inventory in inventories:
        try:
            targets += target.read(inventory)
        except UnusableError as error:
            why = " ".join(str(error).split())  # whole: each of its sentences is about another fault
            unusable.append((Comparison(inventory.name, "unchecked", why), None))
        except Exception as error:  # a fault of this program's: told of this inventory, and the others are compared
            unusable.append((Comparison(inventory.name, "unchecked", fallen(error)), None))
    return targets, unusable


def _tell(found: Sequence[Found], given: Chosen, as_json: bool) -> None:
    """Print what was found at each mirror, what else is to be said of it, who was not compared, and a count."""
    if as_json:
        typer.echo(json_text([asdict(comparison) for comparison, _ in found]))
    else:
        results.print(_table(found))
    for one, zone in found:
        for fault in _few(one.log):
            console.print(f"[red]✗[/] {one.difusor}: {printable(fault, zone)}", soft_wrap=True)
        for warning in one.warnings:
            console.print(f"[yellow]![/] {one.difusor}: {printable(warning, zone)}", soft_wrap=True)
    given.tell_left_out("no se compararon")
    tell_lacking([(one.difusor, _word(one), one.good) for one, _ in found if one.result != "off"])


def _word(one: Comparison) -> str:
    """Return the word for a result; of a mirror that is not good by its log or lists alone, that it is these."""
    if one.result in ("authentic", "resting") and not one.good:
        return "bitácora" if one.log else "otros firmantes"
    return WORDS[one.result]


def _few(faults: Sequence[str]) -> list[str]:
    """Return the first and the last of a log's faults, and how many more there are: a night may leave thousands."""
    if len(faults) <= 2:
        return [*faults]
    return [faults[0], faults[-1], f"y {len(faults) - 2:,} más de su bitácora; todas con --json"]


def _table(found: Sequence[Found]) -> Table:
    """Return the comparisons, each with the times of its own election's zone."""
    rows = table("Difusor", "Espejo", "Corte", "Manifiesto", "Comparado", "Detalle")
    for one, zone in found:
        more = f" (y {len(one.differences) - 1} más)" if len(one.differences) > 1 else ""
        rows.add_row(
            one.difusor,
            WORDS[one.result],
            "" if one.sequence is None else f"{one.sequence}, hace {_ago(one.age_seconds or 0)}",
            f"{one.manifest_sha256[:16]}…" if one.manifest_sha256 else "",
            f"{one.files} archivos, {one.bytes / 1e6:.1f} MB, {one.seconds:.1f} s",
            printable(one.detail, zone) + more,
        )
    return rows


def _ago(seconds: int) -> str:
    """Return a duration in its two largest units."""
    minutes = max(0, seconds) // 60
    days, hours = minutes // 1440, minutes // 60 % 24
    return f"{days} d {hours} h" if days else f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"
