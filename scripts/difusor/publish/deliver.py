"""Delivers one corte to many difusores at the same time; a slow one does not delay the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from corte.format import future, instants
from corte.format.manifest import Window
from corte.format.refusal import Refusal
from corte.format.standing import Standing
from difusor.project import UnusableError, fallen
from difusor.publish import clocks, signing
from difusor.publish.mirror import OTHERS, Mirror, has, last_number, refuses, stands, trusts_others, waits
from difusor.publish.push import LIMIT, PushFailed, PushLate, push
from difusor.publish.seen import Seen, knows_light
from difusor.publish.signing import SignedCorte
from difusor.publish.standing import Records
from difusor.publish.stopping import STOPPED, TOLD, stop
from difusor.publish.target import Target
from difusor.publish.trouble import here, trouble, unchecked
from difusor.publish.wording import lacking, moves
from difusor.servers.certificate import UNTRUSTED
from difusor.terminal import plain

WORTH_ANOTHER = {"digest", "size", "missing", "extra", "kind", "system"}
"""Codes of refusals worth another push.

They come from a simultaneous push, from a change that kept time and size, or from a server that lacked something for a
moment, such as processes.
"""

OTHER = (
    "Si aquel está mal, firme este otra vez con «difusor sign» y --withdraw (la carpeta de aquel, o el corte.json que "
    "da ese espejo); si no, dele a este el número siguiente."
)
"""What to do where a mirror has other content under the same number, as a sentence."""
ELSEWHERE = (
    "Tiene el corte {sequence} de otra apertura: si esta se movió, o aquel era de prueba, firme este otra vez con "
    "«difusor sign» y --withdraw {named}."
)
"""What to do where a mirror has a corte of another opening than the one that is published, as a sentence."""

CONGESTED = (
    "{late} de {all} envíos no terminaron a tiempo: casi siempre es por el enlace de esta máquina, que lleva {many} a "
    "la vez, de {size:,.1f} MB cada uno si no tenían nada ({total:,.0f} MB en todo); publique otra vez con "
    "--at-once {fewer}, o con más --minutes: lo que ya llegó no se envía otra vez"
)
"""What to say when most deliveries ended by their time."""

MOST = 500
"""How many characters of a mirror's answer are shown, at most."""


@dataclass(frozen=True)
class Outcome:
    """The result at one difusor.

    shown; held; paused (the mirror follows an order to hold that the corte does not carry); moved (it has the corte, by
    which its close or end is again that of before it moved); shut (it has the corte, and its clock, in doubt or behind
    this machine's, keeps the page shut after the opening); withdrawn (as the corte orders); refused; failed (not
    delivered); silent (its status says nothing); revoked (off the list: nothing is sent).

    `warnings`: sentences on its log, and on what this machine keeps of it; `follows`: whether it says that it follows
    the orders that the corte carries, whatever became of its files; `late`: whether its transfer took too long;
    `trusts_others`: whether it says that others may sign there than in the election, or that other keys are revoked.
    """

    difusor: str
    result: str
    detail: str
    sent_bytes: int
    seconds: float
    warnings: list[str] = field(default_factory=list)
    follows: bool = False
    late: bool = False
    trusts_others: bool = False

    @property
    def good(self) -> bool:
        """Whether the operator may go on to the next corte."""
        return self.result in ("shown", "held", "withdrawn", "revoked") and not self.trusts_others


@dataclass(frozen=True)
class Options:
    """Options: a bandwidth cap (KiB/s), a certificate authority, and limits in seconds for answer and transfer.

    `seen`: where to keep what mirrors say of their logs, and what was published; None keeps nothing. `at_once`: to how
    many the corte is sent at the same time; None: to all.
    """

    bandwidth: int | None = None
    authority: Path | None = None
    wait: float = 60.0
    limit: float = LIMIT
    seen: Seen | None = None
    at_once: int | None = None


def deliver_all(
    signed: SignedCorte, targets: list[Target], options: Options, tell: Callable[[Outcome], None]
) -> list[Outcome]:
    """Deliver to all targets; `tell` is called with each outcome as it comes. Returns them as `targets` go.

    The time of a delivery begins with it, also when it has to wait until others end.
    What stops it, such as Ctrl-C, is raised once all deliveries have ended, and their outcomes are told.
    """
    with ThreadPoolExecutor(max_workers=min(options.at_once or len(targets), len(targets))) as pool:
        running = [pool.submit(deliver, signed, target, options) for target in targets]
        waiting = set(running)
        try:
            for done in as_completed(running):
                waiting.remove(done)
                tell(done.result())
        except BaseException:
            stop(waiting)
            for done in waiting:
                tell(done.result())
            raise
    return [done.result() for done in running]


def deliver(signed: SignedCorte, target: Target, options: Options) -> Outcome:
    """Deliver to one difusor and wait until it reports the result; its faults are returned as outcomes, not raised."""
    started = time.monotonic()
    sent = 0
    warnings: list[str] = []
    status: dict[str, Any] = {}

    def outcome(result: str, detail: str) -> Outcome:
        if options.seen and result in ("shown", "held", "moved", "shut"):
            warnings.extend(options.seen.publish(signed, target.election))
        seconds = round(time.monotonic() - started, 2)
        if is_other := trusts_others(status, target.election):
            warnings.append(OTHERS)
        return Outcome(
            target.name, result, plain(detail, MOST), sent, seconds, _in_spite(warnings, result),
            _follows(signed, status), trusts_others=is_other,
        )  # fmt: skip

    def note(mirror: Mirror, status: dict[str, Any] | None) -> None:
        if mirror.distrust and mirror.distrust not in warnings:
            warnings.append(mirror.distrust)
        warnings.extend(options.seen.note(target, status, mirror.asked) if options.seen else [])

    try:
        with here():
            signing.signer(signed, target.election)
        with Mirror(target, options.authority, forgiving=True) as mirror:
            for checksum in (False, True):
                before = mirror.await_opening(signed.manifest.window.opens)
                if STOPPED.is_set():  # the mirror may not have been heard to its end, and nothing more is sent
                    raise PushFailed(TOLD)
                note(mirror, before)
                with here():
                    signing.check_sendable(signed, target.election, waits(before))
                sent += push(signed.folder, target, options.bandwidth, checksum, options.limit)
                number = None if before is None else last_number(before)
                word, status = mirror.await_word(signed, number, options.wait, before)
                note(mirror, status or None)
                if word == "refused" and not checksum and _is_worth_another(signed, status):
                    continue
                warnings.extend(clocks.doubts(status, mirror.asked) if word != "silent" else [])
                if word == "refused":
                    return outcome("refused", _reason(signed, status, target))
                if word == "silent":
                    return outcome("silent", mirror.problem or _unsaid(signed, status))
                return outcome(*_taken(word, signed, status, before or {}))
    except PushFailed as failure:
        if STOPPED.is_set():
            return outcome("failed", TOLD)
        return replace(outcome("failed", str(failure)), late=isinstance(failure, PushLate))
    except Refusal as refusal:
        if refusal.code == "system":
            return outcome("failed", unchecked(refusal))
        return outcome("refused", str(refusal))
    except (OSError, ValueError) as error:  # the inventory's certificate or name is unusable
        return outcome("failed", trouble(error))
    except Exception as error:  # a fault of this program's: told of this difusor, and the others get the corte
        return outcome("failed", fallen(error))
    raise AssertionError("the second round always returns")


def _in_spite(warnings: list[str], result: str) -> list[str]:
    """Return the warnings of an outcome; that of a certificate says whether the corte was delivered in spite of it."""
    if result in ("failed", "refused"):
        return warnings
    return [f"{each}; el corte se entregó de todos modos" if each.startswith(UNTRUSTED) else each for each in warnings]


def congested(signed: SignedCorte, outcomes: Sequence[Outcome], at_once: int | None = None) -> str:
    """Return why most of several deliveries took too long, as a sentence; "" when most did not.

    `outcomes` are those of the difusores to which the corte was sent, so many at the same time.
    """
    late = sum(outcome.late for outcome in outcomes)
    if len(outcomes) < 2 or 2 * late <= len(outcomes):
        return ""
    many, size = min(at_once or len(outcomes), len(outcomes)), signed.manifest.total_bytes / 1e6
    return CONGESTED.format(
        late=late, all=len(outcomes), many=many, size=size, total=size * len(outcomes), fewer=max(1, many // 4)
    )


def _follows(signed: SignedCorte, status: dict[str, Any]) -> bool:
    """Tell whether a mirror says that it follows the orders of the corte, which carries some."""
    carried = signed.manifest.stands
    return carried != Standing() and stands(status).includes(carried)


def _unsaid(signed: SignedCorte, status: dict[str, Any]) -> str:
    later = _signed_later(signed, status)
    if refuses(status, signed):
        return f"rechaza este corte, pero quizá por un envío anterior: {status['last_attempt'].get('reason')}{later}"
    if has(status, signed):
        return (
            "ya tenía este corte y no dice qué hizo con este envío: vea en el servidor si corre lo que los recibe "
            "(systemctl status 'prep-corte*'), y publique otra vez"
        )
    return f"no dice qué hizo con este envío.{later}" if later else "recibió el corte pero aún no dice qué hizo con él"


def _signed_later(signed: SignedCorte, status: dict[str, Any]) -> str:
    """Return, as a sentence, that a mirror says it has this corte already by a later signing; "" when it does not."""
    document = signed.manifest
    if _is_other(signed, status):
        return ""
    for had in (status.get(word) or {} for word in ("shown", "held")):
        is_same = (had.get("sequence"), had.get("corte")) == (document.sequence, instants.write(document.corte))
        with suppress(ValueError):
            if is_same and (later := instants.parse(had.get("generated"))) > document.generated:
                return (
                    f" Ya tiene este corte, firmado {instants.write(later)}, después que este: si se firmó en otra "
                    "máquina, no lo envíe más, y firme el siguiente con --after y esa carpeta."
                )
    return ""


def _is_worth_another(signed: SignedCorte, status: dict[str, Any]) -> bool:
    """Tell whether a refused corte may be taken if it is pushed once more."""
    return status["last_attempt"].get("code") in WORTH_ANOTHER or _is_late(signed, status)


def _is_late(signed: SignedCorte, status: dict[str, Any]) -> bool:
    """Tell whether a corte is refused as before the opening, although that has come by this machine's clock."""
    return status["last_attempt"].get("code") == "early" and instants.now() >= signed.manifest.window.opens


def _reason(signed: SignedCorte, status: dict[str, Any], target: Target) -> str:
    """Return why a server refuses the corte: what it says, and what it cannot know of itself."""
    said = status["last_attempt"].get("reason") or "no dice por qué"
    if _is_late(signed, status):
        return f"{said} Además, {clocks.shut(status)}."
    if elsewhere := _elsewhere(status, target):
        return f"{said} {elsewhere}"
    if _is_other(signed, status):
        return f"{said} {OTHER}"
    return said + _outdated(signed, status) + _signed_later(signed, status) + _ahead(status)


def _ahead(status: dict[str, Any]) -> str:
    """Return, as a sentence, that a mirror refuses the corte because this machine's clock is ahead; "" if it is not."""
    with suppress(ValueError):
        ahead = instants.now() - instants.parse(status.get("updated"))
        if status["last_attempt"].get("code") == "future" and ahead > future.TOLERANCE:
            return (
                f" El reloj de esta máquina va {ahead.total_seconds() / 60:.0f} min adelante del de ese espejo: "
                "compárelo con la hora oficial, corríjalo y firme el corte otra vez («difusor sign» o «publish --key»)."
            )
    return ""


def _is_other(signed: SignedCorte, status: dict[str, Any]) -> bool:
    """Tell whether a mirror refuses the corte because it has another one of this number."""
    return refuses(status, signed) and status["last_attempt"].get("code") == "conflict"


def _elsewhere(status: dict[str, Any], target: Target) -> str:
    """Return, as a sentence, that a mirror's corte of another opening keeps this one out; "" when that is not why.

    By its SHA-256 only if it is known here as one of another opening: a lie must have no good corte withdrawn.
    """
    had = status.get("other_opening") or {}
    if status["last_attempt"].get("code") not in ("conflict", "rollback") or not had.get("opens"):
        return ""
    records, sha256 = Records(target.election), had.get("manifest_sha256") or ""
    named = "(la carpeta de aquel, o su corte.json)"
    with suppress(OSError, UnusableError):
        if sha256 in records.ever() and not records.knows(sha256):
            named = sha256[:16]
    return ELSEWHERE.format(sequence=had.get("sequence"), named=named)


def _outdated(signed: SignedCorte, status: dict[str, Any]) -> str:
    """Return, as a sentence, that a server refuses the corte because it is of an earlier version; "" if it is not."""
    if status.get("gate") and "standing" not in status:  # version 0.1.0
        said = "tiene una versión anterior del proyecto"
    elif signed.manifest.stands.light_at is not None and not knows_light(status):
        said = "no conoce el modo ligero"
    else:
        return ""
    return f" Su servidor {said} y rechazará también los que siguen: ./difusor apply -i X."


def _taken(word: str, signed: SignedCorte, status: dict[str, Any], before: dict[str, Any]) -> tuple[str, str]:
    """Return result and detail at a mirror that has the corte; `before` is its estado.json of before the push."""
    result, detail = _result(word, signed, status), _told(word, signed, status) + _unknown(signed, status)
    moved = _moved(signed, before) if word in ("shown", "held", "shut") else ""
    had = _had(signed, before)
    if not moved or had is None or had < signed.manifest.generated:
        return result, detail + moved
    remedy = "; se firmó antes que el corte que ya tenía: fírmelo otra vez con --after y la carpeta de aquel"
    return "moved" if result in ("shown", "held") else result, detail + moved + remedy


def _result(word: str, signed: SignedCorte, status: dict[str, Any]) -> str:
    """Return the mirror's word; `paused` if it follows an order to hold that the institute thinks is over."""
    is_on_hold = word in ("shown", "held") and (status.get("gate") or {}).get("hold")
    return "paused" if is_on_hold and signed.manifest.stands.hold_in_force is None else word


def _unknown(signed: SignedCorte, status: dict[str, Any]) -> str:
    """Return, as the end of a sentence, which orders the mirror follows that the corte does not carry."""
    told = "; ".join(lacking(signed.manifest.stands, stands(status)))
    return f"; sigue órdenes que este corte no lleva ({told}): fírmelo con --after" if told else ""


def _moved(signed: SignedCorte, before: dict[str, Any]) -> str:
    """Return, as the end of a sentence, what a corte changes of the window that a mirror had from another corte."""
    if _had(signed, before) is None:
        return ""  # until the first one it goes by its own configuration, which nobody has signed
    with suppress(ValueError, KeyError):
        changes = moves(Window.from_json(before["gate"]), signed.manifest.window)
        return "".join(
            f"; {says} {instants.write(now)}, y antes {instants.write(was)}" for _, says, was, now in changes
        )
    return ""


def _had(signed: SignedCorte, before: dict[str, Any]) -> datetime | None:
    """Return when the newest corte of this opening was signed that a mirror says it had; None for none."""
    opens = instants.write(signed.manifest.window.opens)
    found: list[datetime] = []
    if (before.get("gate") or {}).get("opens") == opens:
        for had in (before.get(word) or {} for word in ("shown", "held")):
            with suppress(ValueError):
                found += [instants.parse(had.get("generated"))] if (had.get("corte") or "") >= opens else []
    return max(found, default=None)


def _told(word: str, signed: SignedCorte, status: dict[str, Any]) -> str:
    attempt = status.get("last_attempt") or {}
    is_repeated = (attempt.get("result"), attempt.get("manifest_sha256")) == ("repeated", signed.sha256)
    return ("ya lo tenía; " if is_repeated else "") + _shows(word, status)


def _shows(word: str, status: dict[str, Any]) -> str:
    gate, shown = status.get("gate") or {}, status.get("shown") or {}
    if word == "shut":
        return clocks.shut(status)
    if word in ("shown", "held") and gate.get("hold"):
        return f"en pausa por orden del Instituto desde {gate['hold'].get('since')}; muestra {_name(shown)}"
    if word == "held":
        return f"abre {gate.get('opens')}"
    if word == "withdrawn":
        return f"retirado; muestra {_name(shown)}"
    light = ", en modo ligero" if stands(status).is_light else ""
    return f"corte {shown.get('corte')}, desde {shown.get('since')}{light}"


def _name(shown: dict[str, Any]) -> str:
    return f"el corte de {shown.get('corte')}" if shown else "que espera, sin corte"
