"""Refuses to sign what an operator most likely typed by mistake, and what would then keep out the right cortes.

A server remembers the sequence and the instant of the last corte that it accepted and refuses every earlier one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import unquote

from corte.format import files, instants, manifest, tree
from corte.format.manifest import Manifest, Window
from corte.format.refusal import Refusal, quote
from corte.format.standing import Standing, Withdrawn
from difusor.inventory import Election
from difusor.project import UnusableError
from difusor.publish import pages, signing
from difusor.publish.seen import Seen
from difusor.publish.standing import Records, is_of, latest
from difusor.publish.wording import apart, moves

SOON = timedelta(minutes=2)
"""How far ahead a close is, at most, that is proposed to who wants to close at once; whole minutes are."""
MOST_LATER = timedelta(hours=12)
"""How far an order moves the close at most, unless the election's file says it too: a wrong day is 24 hours."""
LONGEST_KEPT = timedelta(days=180)
"""How far an order moves the end at most, unless the election's file says it too: a wrong year is more."""
MAX_JUMP = 10
"""How many sequences a corte may be beyond the last one; more is signed only with `--jump`."""
_REHEARSAL = (
    "y si es un simulacro, enlace a su elección los difusores que lo reciben (docs/es/operacion.md, «Simulacro»), o "
    "fírmelo con «sign --simulacro»"
)


_COPY = f"copie la carpeta sin {manifest.NAME} ni {manifest.SIGNATURE_NAME}, y firme la copia"
"""How the same files are signed as another corte, as the end of a sentence."""


def check(election: Election, folder: Path, sequence: int, corte: datetime, jump: int | None) -> None:
    """Refuse a sequence too far ahead, a corte after its close, and data of a rehearsal or invented as official ones.

    Nor may official data be signed as a rehearsal's, nor a folder whose datos/corte.json is no JSON and says neither.

    `jump`: how many sequences beyond the last one the operator allows; None for MAX_JUMP.
    """
    if corte > election.window.closes:
        raise UnusableError(
            f"el corte es de las {instants.write(corte)} y su elección cierra {instants.write(election.window.closes)}"
        )
    _check_sequence(election, folder, sequence, corte, jump)
    head = signing.head(folder)
    said = head.get("simulacro")
    if isinstance(said, bool) and said != (election.environment == "simulacro"):
        raise UnusableError(
            f"{folder / signing.IDENTITY} dice «simulacro»: {'sí' if said else 'no'}, y se firmaría como "
            f"{election.environment}; revise la carpeta, {_REHEARSAL}"
        )
    if head.get("datos_sinteticos") is True and election.environment == "official":
        raise UnusableError(
            f"{folder / signing.IDENTITY} dice «datos_sinteticos»: sí, y ninguna elección oficial publica datos "
            f"inventados; revise la carpeta, {_REHEARSAL}"
        )


def check_election(election: Election, folder: Path) -> None:
    """Refuse a folder that has the list of a corte of another election: it was exported, signed or taken from there.

    Of whichever environment: what was rehearsed with a folder keeps nobody from signing it as official.
    """
    said = _election_of(folder)
    if said not in (None, election.id):
        raise UnusableError(
            f"{folder / manifest.NAME} es de la elección {quote(str(said))}, y se iba a firmar o enviar para "
            f"«{election.id}»; no se firmó ni se envió nada. Revise la carpeta y la elección; si ha de ser de esta, "
            f"{_COPY}"
        )


def check_given(election: Election, folder: Path, sequence: int | None, corte: datetime | None) -> None:
    """Refuse a number or an instant that contradicts the signature of a folder that is as it was signed.

    One that has been exported anew since is the next corte, whose number only the operator may know; and under another
    environment or opening numbers and instants begin anew. Not to be called to withdraw a corte: who does may give the
    same folder its right number.
    """
    signed = signing.signed_as(folder)
    if signed is None or not is_of(signed, election):
        return
    zone = election.catalog.zone
    told = {}
    if sequence is not None and sequence != signed.sequence:
        told["--sequence"] = f"--sequence {sequence}, y la firma dice {signed.sequence}"
    if corte is not None and corte != signed.corte:
        given, before = (each.astimezone(zone).isoformat() for each in (corte, signed.corte))
        told["--corte"] = f"--corte {given}, y la firma dice {before}"
    if not told:
        return
    try:
        tree.verify(folder, signed)
    except Refusal:
        return
    raise UnusableError(
        f"{folder} ya está firmada, no ha cambiado, y la firma contradice lo que se pide ({'; '.join(told.values())}); "
        f"no se firmó nada. Si vale la firma, quite {' y '.join(told)}; si la carpeta no es la de ese corte, dé la "
        f"suya; si la firma está mal y ya se publicó, agregue --withdraw y esta carpeta; si no se publicó, {_COPY}"
    )


def _election_of(folder: Path) -> str | None:
    """Return the election of a folder's list, also of one that another version wrote; None when it has none."""
    try:
        raw = files.read_capped(str(folder / manifest.NAME), manifest.MAX_BYTES)
    except Refusal:
        return None
    with suppress(Refusal):
        return manifest.read(raw).election
    with suppress(ValueError, RecursionError, AttributeError):
        said = json.loads(raw).get("election")
        return said if isinstance(said, str) else None
    return None


def check_page(election: Election, folder: Path, corte: datetime) -> None:
    """Refuse a corte of before an official opening, or one whose page no browser shows, or with wrong hours or labels.

    Not to be called for orders on a corte that is signed already: they are urgent, and to correct the folder first
    would make it another corte.
    """
    head = signing.stated(folder)
    if pages.is_ours(head):
        pages.document(folder / signing.IDENTITY, is_strict=True)
    if wrong := [*pages.wrong_labels(head, election.environment), *pages.wrong_hours(head, election)]:
        raise UnusableError("\n".join(wrong))
    if election.environment != "official" or not (why := signing.early(corte, election.window)):
        return
    at, is_of_the_folder = election.opens.astimezone(election.catalog.zone).isoformat(), False
    with suppress(UnusableError):
        is_of_the_folder = signing.identity(folder)[1] == corte
    where = f"corrija «corte» en {folder / signing.IDENTITY}" if is_of_the_folder else "corrija --corte"
    raise UnusableError(f"{why}; {where}: el de ceros lleva {at}")


def check_window(election: Election, close: datetime | None, retain: datetime | None, after: Path | None) -> None:
    """Refuse to move the close or the end that the last corte signed has, unless it is ordered.

    The newest signed window is in force at the mirrors, and the file of an election may be older than it. `election`
    has the window that would be signed; `after` is a corte that was signed elsewhere.
    """
    if (last := latest(election, after)) is None:
        return
    ordered = {"--close": close, "--retain": retain}
    for option, says, was, would in moves(last.window, election.window):
        if ordered[option] is None:
            before, now = (instant.astimezone(election.catalog.zone).isoformat() for instant in (was, would))
            raise UnusableError(
                f"el último corte firmado {says} {before}, y la elección dice {now}: firme con «difusor sign» y "
                f"{option} seguido del que vale, y escríbalo en el archivo de la elección"
            )


def check_moved(
    election: Election, corte: datetime, close: datetime | None, retain: datetime | None, after: Path | None
) -> None:
    """Refuse an ordered close or end with a mistyped year, month or day, as far as one can be told from a right one.

    `election` has its own window, as its file says; `after` is a corte that was signed elsewhere. An instant that the
    file or the last corte has is never too far: whoever really moves it by that much writes it into the file first.
    After the close that is in force, one that has passed closes nothing, and `check_window` may ask for it.
    """
    if close is None and retain is None:
        return
    last = latest(election, after)
    known = [election.window, *([last.window] if last else [])]
    if close:
        _check_close(election, corte, close, known)
    if retain:
        _check_retain(election, close or known[-1].closes, retain, known)


def _check_close(election: Election, corte: datetime, close: datetime, known: list[Window]) -> None:
    """Refuse a close that no night has; `known` are the windows of the file and of the last corte, if there is one."""
    now, window, there = instants.now(), known[-1], partial(_there, election)
    is_open = window.closes > now
    closes = [each.closes for each in known]
    earliest = min(closes) - MOST_LATER if now < window.opens else corte
    first, farthest = max(window.opens, corte, earliest, now if is_open else corte), max(closes) + MOST_LATER
    meant = _meant(election, close, lambda one: first < one <= farthest)
    at = f"--close: {there(close)}"
    if close <= window.opens:
        raise UnusableError(f"{at} no es posterior a la apertura, {there(window.opens)}; corrija año, mes y día{meant}")
    if close < corte:
        raise UnusableError(
            f"{at} es anterior al propio corte, de las {there(corte)}, que entonces nadie recibiría; corrija el día o "
            f"la hora, o --corte si es esa la que está mal{meant}"
        )
    if close < now and is_open:
        soon = there((now + SOON).replace(second=0, microsecond=0))
        raise UnusableError(
            f"{at} ya pasó, y todos los espejos cerrarían al recibirlo (son las {there(now)}); corrija el día o la "
            f"hora{meant} o, si han de cerrar ya, dé un instante que aún no llegue: --close {soon}"
        )
    if close > farthest and close not in closes:
        raise UnusableError(
            f"{at} es {apart(close - max(closes))} después del cierre previsto, {there(max(closes))}; corrija año, mes "
            f"y día{meant}. Si así lo ordenó el Instituto, escríbalo antes en election_closes, y repita"
        )
    if close < earliest:
        raise UnusableError(
            f"{at} es {apart(min(closes) - close)} antes del cierre previsto, {there(min(closes))}, y aún no se abre; "
            f"corrija el día{meant}. Si así lo ordenó el Instituto, escríbalo antes en election_closes, y repita"
        )


def _check_retain(election: Election, closes: datetime, retain: datetime, known: list[Window]) -> None:
    """Refuse an end before the close, one that ends what is still open, and one of another year; `known` as above."""
    now, there, ends = instants.now(), partial(_there, election), [each.retain_until for each in known]
    farthest = max(*ends, closes) + LONGEST_KEPT
    meant = _meant(election, retain, lambda one: max(closes, now) <= one <= farthest)
    at = f"--retain: {there(retain)}"
    if retain < closes:
        raise UnusableError(
            f"{at} es anterior al cierre, {there(closes)}: lo publicado sigue disponible al menos hasta entonces; "
            f"corrija año, mes y día{meant} o, si lo que se adelanta es el cierre, dé también --close"
        )
    if retain <= now < known[-1].retain_until:
        raise UnusableError(
            f"{at} ya pasó, y todos los espejos retirarían los resultados al recibirlo (son las {there(now)}); corrija "
            f"año, mes y día{meant} o, si han de retirarlos ya, dé un instante que aún no llegue: --retain "
            f"{there((now + SOON).replace(second=0, microsecond=0))}"
        )
    if retain > farthest and retain not in ends:
        raise UnusableError(
            f"{at} es {apart(retain - max(*ends, closes))} después del fin previsto, {there(max(*ends, closes))}; "
            f"corrija año, mes y día{meant}. Si así lo ordenó el Instituto, escríbalo antes en election_retain_until, "
            "y repita"
        )


def _there(election: Election, instant: datetime) -> str:
    return instant.astimezone(election.catalog.zone).replace(microsecond=0).isoformat()


def _meant(election: Election, typed: datetime, is_right: Callable[[datetime], bool]) -> str:
    """Return as a question the instant that was most likely meant by one that is wrong; "" when none suggests itself.

    Day and month are swapped, the year or the month is another's, or the hour is of after midnight and the day is not.
    """
    at, opens = (each.astimezone(election.catalog.zone) for each in (typed, election.opens))
    for year, month, day in (
        (at.year, at.day, at.month), (opens.year, at.month, at.day), (at.year, opens.month, at.day),
        (opens.year, opens.month, at.day), (opens.year, at.day, at.month),
    ):  # fmt: skip
        with suppress(ValueError):  # there is no such day
            if is_right(meant := at.replace(year=year, month=month, day=day)):
                return f" (¿quiso decir {meant.isoformat()}?)"
    for days in (1, -1):
        if is_right(meant := at + timedelta(days=days)):
            return f" (¿quiso decir {meant.isoformat()}, del día {'siguiente' if days > 0 else 'anterior'}?)"
    return ""


def check_end(window: Window) -> None:
    """Refuse a corte whose publication is over: every mirror would refuse it, however often it is sent."""
    if instants.now() >= window.retain_until:
        raise UnusableError(
            f"la publicación terminó {instants.write(window.retain_until)} y ningún espejo recibe ya un corte; lo "
            "último que se mostró es el anterior. Si el Instituto ordenó conservarlo más, firme este con «difusor "
            "sign» y --retain seguido de hasta cuándo, y escríbalo en election_retain_until"
        )


def check_light(election: Election) -> None:
    """Refuse the first order of light mode of an opening while a mirror would refuse every manifest that names it.

    This cannot be undone: later cortes have to say when light mode ended.
    """
    if Records(election).standing().light_at is None and (old := Seen().without_light(election)):
        names = ", ".join(unquote(path.stem) for path in old)
        raise UnusableError(
            f"no conocen el modo ligero, y rechazarían este corte y todos los que siguen: {names}. Actualícelos con "
            "«difusor apply», envíeles otra vez el último corte con «difusor publish» y fírmelo entonces; si alguno ya "
            f"no es espejo, borre su registro ({', '.join(map(str, old))})"
        )


def check_content(election: Election, document: Manifest, stands: Standing) -> None:
    """Refuse other content under the number of a corte that a mirror has: it would keep that one, the others take this.

    A corte of before one with a lower number that a mirror has is refused too, because that mirror would.
    Unless `stands`, what stands with the new manifest, withdraws that one.
    """
    if Seen().published(election)[0] is None:
        return  # a purge has deleted what was published of this opening, and the numbers begin anew
    identity = (document.sequence, document.corte, document.content_sha256)
    for had, is_published in Records(election).history():
        if not is_published or stands.withdraws(*had.identity, had.manifest_sha256):
            continue
        if had.sequence < document.sequence and had.corte > document.corte:
            raise UnusableError(_older(election, document, had))
        if had.sequence == document.sequence and had.identity != identity:
            raise UnusableError(
                f"el corte {had.sequence} ya se publicó con otro contenido u otra hora, y el espejo que lo tiene "
                "rechazaría este: si aquel está mal, firme este con «difusor sign» y --withdraw "
                f"{had.manifest_sha256[:16]}; si no, dele a este el número siguiente"
            )


def _older(election: Election, document: Manifest, had: Withdrawn) -> str:
    """Return what to do with a corte that has a higher number than one which mirrors have, and an earlier instant."""
    this, that = (_there(election, each) for each in (document.corte, had.corte))
    meant = _meant(election, document.corte, lambda one: had.corte <= one <= instants.now())
    return (
        f"el corte {document.sequence} es de las {this} y el {had.sequence}, ya publicado, de las {that}: el espejo "
        f"que lo tiene rechazaría este. Corrija el día o la hora{meant}, en {signing.IDENTITY} o en --corte; si el "
        f"equivocado es aquel, firme este con «difusor sign» y --withdraw {had.manifest_sha256[:16]}"
    )


def _check_sequence(election: Election, folder: Path, sequence: int, corte: datetime, jump: int | None) -> None:
    last = _last(election, folder)
    limit = MAX_JUMP if jump is None else jump
    known = "el último firmado aquí es"
    if last is None:
        known = "aquí no se ha firmado ninguno, y por la hora sería"
        last = max(0, int((corte - election.window.opens).total_seconds() // 60 // election.interval_minutes) + 1)
    if sequence - last > limit:
        raise UnusableError(
            f"el corte tiene el número {sequence} y {known} el {last}; los servidores rechazarían después todo número "
            f"menor. Si es el correcto, fírmelo con --jump {sequence - last}"
        )


def _last(election: Election, folder: Path) -> int | None:
    """Return the last sequence signed for this opening, on this machine or in this folder; None when unknown."""
    found = [signed.sequence for signed, _ in Records(election).history()]
    with suppress(Refusal):
        before = manifest.read(files.read_capped(str(folder / manifest.NAME), manifest.MAX_BYTES))
        if before.window.opens == election.window.opens and (before.election, before.environment) == (
            election.id,
            election.environment,
        ):
            found.append(before.sequence)
    return max(found, default=None)
