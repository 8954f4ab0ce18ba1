"""Downloads what citizens get from a mirror and compares it, byte for byte, with the signed manifest."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from corte.format import instants
from corte.format.manifest import Entry
from corte.format.refusal import Refusal
from corte.format.standing import Standing
from difusor.inventory import Election
from difusor.publish import age, application, off_list, other_addresses, roads, served, signing
from difusor.publish.mirror import OTHERS, PATH, TIMEOUT, Mirror, stands, trusts_others
from difusor.publish.other_addresses import OtherAddresses
from difusor.publish.paced import Content, Paced
from difusor.publish.seen import Published, Seen, Shown
from difusor.publish.signing import SignedCorte
from difusor.publish.standing import past_signer, window_in_force
from difusor.publish.target import Target
from difusor.publish.trouble import here, missed, unchecked
from difusor.publish.trust import UntrustedError
from difusor.publish.wording import sentences
from difusor.terminal import plain

MOST = 500
"""How many characters of a mirror's answer are shown, at most."""
OUTDATED = (
    "muestra un corte de una versión anterior del proyecto, que esta ya no lee, y sus archivos no se compararon: "
    "publique otra vez; si su servidor lo rechaza, antes ./difusor apply -i X"
)

OF_ANOTHER = (
    "espera los cortes de la elección «{named}» y no mostrará los de {election}: antes de la apertura, ./difusor apply "
    "-i X, entero"
)


@dataclass(frozen=True)
class Comparison:
    """The result for one mirror, and every difference.

    authentic; altered; old (authentic, but not the last corte, or shown after the end; or one of an earlier version of
    the project, which this one cannot compare); empty (shows no corte); resting (nor may it, because its opening is to
    come, or its publication is over);
    untrusted (a browser would not accept its certificate); unreachable (for citizens, also if only the name of its page
    leads nowhere); off (off the list, and shows nothing); showing (off the list, and shows something); unchecked (this
    machine could not compare it, which says nothing of the mirror). `log`: what did not fit in the mirror's log since
    the opening; `warnings`: what else is to be said. All these are sentences. `trusts_others`: whether others may sign
    there than in the election, or other keys are revoked; one of the warnings says so.
    """

    difusor: str
    result: str
    detail: str
    sequence: int | None = None
    generated: str | None = None
    age_seconds: int | None = None
    manifest_sha256: str | None = None
    files: int = 0
    bytes: int = 0
    differences: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    trusts_others: bool = False

    @property
    def good(self) -> bool:
        """Whether citizens get exactly what the institute signed last, or nothing where nothing is to be shown.

        And whether nobody else can change that, as far as the mirror's log and lists say.
        """
        is_right = self.result in ("authentic", "resting") and not (self.log or self.trusts_others)
        return self.result == "off" or is_right


def compare(
    target: Target,
    authority: Path | None = None,
    expected: str | None = None,
    limit: float = math.inf,
    seen: Seen | None = None,
    standing: Standing | None = None,
    tell: Callable[[float], object] = lambda minutes: None,
) -> Comparison:
    """Download everything that a mirror shows and compare it; a mirror's faults are returned, never raised.

    `expected` is the SHA-256 of the manifest that the mirror should show, if that is to be checked too; `limit` is the
    number of seconds after which the comparison ends, even if the mirror still answers slowly. `seen` is where this
    machine keeps what mirrors said of their logs, and what was published; None: log and age are not judged. `standing`
    says which cortes the institute withdrew, besides those that the mirror itself names. `tell` is called before the
    files are asked for, with the minutes that their number takes at least.
    """
    started = time.monotonic()
    warnings: list[str] = []
    if target.revoked:
        result, answer = off_list.look(target, authority, limit)
        return Comparison(target.name, result, shortened(answer), seconds=round(time.monotonic() - started, 2))

    def ask(mirror: Mirror) -> Comparison:
        status = mirror.status()
        if seen:
            warnings.extend(seen.note(target, status, mirror.asked))
        found = _compare_once(mirror, target, authority, expected, seen, standing, tell=tell)
        has_time = found.result != "authentic" and time.monotonic() < started + limit
        if has_time and shown_digest(mirror.status()) != shown_digest(status):  # a new corte came meanwhile
            found = _compare_once(mirror, target, authority, expected, seen, standing)
        if seen and found.result == "authentic":
            seen.applications.append((target, application.look(mirror, mirror.url.removesuffix(PATH) + target.path)))
        return found

    found = _asked(target, authority, started + limit, ask)
    warnings += [OTHERS] * found.trusts_others
    return replace(
        found,
        detail=shortened(found.detail),
        log=seen.faults(target) if seen else [],
        warnings=[*warnings, *(shortened(warning) for warning in found.warnings)],
        seconds=round(time.monotonic() - started, 2),
    )


def glance(
    target: Target, authority: Path | None, limit: float, seen: Seen, standing: Standing | None = None,
    suspected: str = "",
) -> Comparison:  # fmt: skip
    """Compare the manifest that a mirror shows, and a few files drawn by lot; quick, and nothing is noted.

    The arguments are those of `compare`; files that `suspected` names, sentences of the last time, are compared too.
    `empty` is the result only of a mirror whose estado.json answers, and `old` of none to which the last corte may
    still be on its way.
    """

    def ask(mirror: Mirror) -> Comparison:
        once = partial(_compare_once, mirror, target, authority, None, seen, standing, is_whole=False)
        found = once(suspected=suspected)
        if found.result == "altered":  # perhaps a new corte came meanwhile
            found = once(suspected=f"{suspected}; {found.detail}")
        return _waiting(mirror, found, target.election) if found.result == "empty" else found

    found = _asked(target, authority, time.monotonic() + limit, ask)
    return replace(found, detail=shortened(found.detail))


def _waiting(mirror: Mirror, found: Comparison, election: Election) -> Comparison:
    """Return what `glance` says of a mirror that shows no corte: one that waits for another election's is warned of.

    As a server that is still the rehearsal's, it will show none of this one's. Some servers name no election.
    """
    status = mirror.status()
    if status is None:
        return replace(found, result="unreachable", detail=mirror.problem)
    if (named := status.get("election")) not in (None, election.id):
        return replace(found, warnings=[OF_ANOTHER.format(named=plain(named, 60), election=election.id)])
    return found


def rejudged(
    found: Comparison,
    target: Target,
    seen: Seen,
    standing: Standing | None = None,
    expected: str | None = None,
    is_whole: bool = True,
) -> Comparison:
    """Judge the age of what a mirror shows once more, by what the other mirrors of the same run show.

    Another machine may have published, of which this one knows nothing. The arguments are those of `compare`, which
    found this; `is_whole` is false for what `glance` found.
    """
    shown = seen.shown_by(target)
    if found.result != "authentic" or shown is None or shown.named.manifest_sha256 != found.manifest_sha256:
        return found
    if found.manifest_sha256 == expected:
        return found
    newest = seen.newest(target.election, shown.followed.join(standing or Standing()))
    if newest is None or newest == seen.published(target.election, standing)[0] or not newest.is_after(shown.manifest):
        return found
    grace = None if is_whole else age.while_pushed(newest, shown.manifest.sequence, target.election)
    judged = age.judge(shown.manifest, newest, instants.now(), grace=grace)
    old, news = (each and f"{each}; lo muestra otro espejo, y en esta máquina no consta" for each in judged)
    warnings = [*(each for each in found.warnings if age.LAST not in each), *filter(None, [news])]
    return replace(found, result="old" if old else found.result, detail=old or found.detail, warnings=warnings)


def shortened(sentence: str) -> str:
    """Return a sentence with a mirror's words in it as it may be shown: its beginning, without control characters."""
    return plain(sentence, MOST)


def _asked(target: Target, authority: Path | None, deadline: float, ask: Callable[[Mirror], Comparison]) -> Comparison:
    """Return what `ask` finds at a mirror; what is wrong with the mirror is a result too."""
    try:
        with Mirror(target, authority) as mirror:
            mirror.deadline = deadline
            return ask(mirror)
    except UntrustedError as error:
        return Comparison(target.name, "untrusted", str(error))
    except (httpx.HTTPError, OSError, ValueError) as error:
        return Comparison(target.name, *missed(error))
    except Refusal as refusal:
        if refusal.code == "system":
            return Comparison(target.name, "unchecked", unchecked(refusal))
        if refusal.code == "outdated":
            return Comparison(target.name, "old", OUTDATED)
        return Comparison(target.name, "altered", str(refusal))


def _compare_once(
    mirror: Mirror, target: Target, authority: Path | None, expected: str | None, seen: Seen | None,
    standing: Standing | None, is_whole: bool = True, tell: Callable[[float], object] = lambda minutes: None,
    suspected: str = "",
) -> Comparison:  # fmt: skip
    status = mirror.status() or {}
    followed, is_other = stands(status), trusts_others(status, target.election)
    base, paced = mirror.url.removesuffix(PATH) + target.path, Paced(mirror)
    came: list[bytes] = []
    papers: dict[str, Entry] = {}
    for part, limit in roads.PAPERS.items():
        answer, content = paced.get(base + part, Content(limit, keep=True))
        if answer.status_code != httpx.codes.OK:
            return replace(_without(target, status, part, answer.status_code, is_whole), trusts_others=is_other)
        if content.length > limit:
            raise Refusal("size", f"{part} mide más de {limit} bytes.")
        came.append(bytes(content.kept or b""))
        papers[part] = content.entry
    with here():
        signed = _signed(target.election, *came)
        signer = past_signer(signed, target.election, expected == signed.sha256)
    shown = Shown.of(signed, followed, (status.get("shown") or {}).get("since"))
    if seen:
        seen.notice(target, shown)
    files, known = signed.manifest.files, followed.join(standing or Standing())
    tell(served.minutes(files))
    parts = served.parted(papers, files, signed.manifest.stands.is_light or bool(standing and standing.is_light))
    valid = partial(_valid, target.election, expected)
    there = OtherAddresses()
    if is_whole:
        there = other_addresses.compare(target, authority, parts.drawn, mirror.deadline, valid)
    named = mirror.status()
    again = {path: entry for path, entry in parts.sent.items() if path in suspected} if suspected else {}
    found, late = _found(mirror, paced, base, signed, parts, None if is_whole else {**parts.drawn, **again})
    differences = [
        *_amiss(signed, target.election, known),
        *_misnamed(named, signed.sha256, expected),
        *found,
        *there.different,
        *(f"{where}, {said}" for where, other in there.cortes for said in _amiss(other, target.election, known)),
    ]
    old, warnings = _judged_by_age(signed, target.election, expected, seen, standing, is_whole) if seen else ("", [])
    behind, news = _judged_there(there, shown, seen.published(target.election, standing)[0] if seen else None)
    old = age.overdue(signed.manifest.window, target.election, followed, instants.now()) or old or behind
    why = differences[0] if differences else there.lost or old
    return Comparison(
        target.name,
        _result((("altered", differences), ("unreachable", there.lost), ("old", old), ("unchecked", late))),
        why or late or "; ".join([f"firmado por {signer}", *_orders(followed)]),
        sequence=signed.manifest.sequence,
        generated=instants.write(signed.manifest.generated),
        age_seconds=int((instants.now() - signed.manifest.generated).total_seconds()),
        manifest_sha256=signed.sha256,
        files=len(signed.manifest.files),
        bytes=signed.manifest.total_bytes,
        differences=differences,
        warnings=[*there.unasked, *warnings, *news, *([late] if why and late else [])],
        trusts_others=is_other,
    )


def _result(judged: Iterable[tuple[str, object]]) -> str:
    """Return the first of these results for which there is a reason; authentic if there is none."""
    return next((result for result, reason in judged if reason), "authentic")


def _without(target: Target, status: dict[str, Any], part: str, code: int, is_whole: bool) -> Comparison:
    """Return the comparison with a mirror that shows no corte; at some hours its gate answers so (503) by right."""
    is_gate = is_whole and code == httpx.codes.SERVICE_UNAVAILABLE
    rests = age.rests(status, window_in_force(target.election), instants.now()) if is_gate else ""
    said = "; ".join([rests or f"{part} responde {code}", *_orders(stands(status))])
    return Comparison(target.name, "resting" if rests else "empty", said)


def _found(
    mirror: Mirror, paced: Paced, base: str, signed: SignedCorte, parts: served.Parts, few: roads.Files | None
) -> tuple[list[str], str]:
    """Return what differs of `few` files (None: of all), and what to say if the mirror's time ended before that."""
    if few is not None:
        return [*served.differences(paced, base, few.items())], ""
    found, late = parts.compare(mirror, paced, base)
    if late:
        mirror.deadline = time.monotonic() + TIMEOUT
        status = mirror.status()  # who took a new corte meanwhile differs by right from this one
        found = [] if status and shown_digest(status) != signed.sha256 else found
    return found, late


def _signed(election: Election, raw: bytes, armour: bytes) -> SignedCorte:
    """Return the corte of a manifest and its signature; Refusal, as `outdated` only where a signer did sign that.

    Anybody can write the number of an earlier format.
    """
    try:
        return SignedCorte.of(Path(), raw, armour)  # of a folder that nothing here asks for
    except Refusal as refusal:
        if refusal.code == "outdated":
            signing.admit(election, raw, armour)
        raise


def _valid(election: Election, expected: str | None, raw: bytes, armour: bytes) -> SignedCorte | None:
    """Return the corte of a manifest and its signature; None if no signer of the election made it."""
    with here():
        try:
            signed = SignedCorte.of(Path(), raw, armour)
            past_signer(signed, election, expected == signed.sha256)
        except Refusal as refusal:
            if refusal.code == "system":
                raise
            return None
    return signed


def _judged_by_age(
    signed: SignedCorte, election: Election, expected: str | None, seen: Seen, standing: Standing | None, is_whole: bool
) -> tuple[str, list[str]]:
    """Return why the corte is too old ("" if it is not), and what else is to be said of its age."""
    published, trouble = seen.published(election, standing)
    grace = None if is_whole or not published else age.while_pushed(published, signed.manifest.sequence, election)
    old, news = age.judge(signed.manifest, published, instants.now(), expected == signed.sha256, grace)
    return old, [*trouble, *filter(None, [news])]


def _judged_there(there: OtherAddresses, shown: Shown, published: Published | None) -> tuple[str, list[str]]:
    """Return why what the name's other addresses show is too old ("" if nothing is), and what else to say of its age.

    The last corte is the one published from here, or what the server shows, if that is later.
    """
    last = published if published and published.is_after(shown.manifest) else shown.published
    judged = [(where, other, age.judge(other.manifest, last, instants.now())) for where, other in there.cortes]
    old = [f"{where} {said}" for where, _, (said, _) in judged if said]
    news = [f"{where} {said}" for where, _, (_, said) in judged if said]
    news += [
        f"{where} muestra el corte {other.manifest.sequence}, posterior al que se comparó"
        for where, other, _ in judged if other.manifest.generated > shown.manifest.generated
    ]  # fmt: skip
    return next(iter(old), ""), [*old[1:], *news]


def _orders(followed: Standing) -> list[str]:
    """Return, for the operator, the orders by which the mirror may not show the newest corte, or not all of it."""
    return sentences(replace(followed, rectified=None, clock_override_at=None))


def withdrawn(signed: SignedCorte, known: Standing) -> Iterator[str]:
    """Yield a sentence for a shown corte that is withdrawn by what is known to stand."""
    found = signed.manifest
    if known.withdrawn and known.withdraws(found.sequence, found.corte, found.content_sha256, signed.sha256):
        yield f"muestra el corte {found.sequence}, que el Instituto retiró"


def _amiss(signed: SignedCorte, election: Election, known: Standing) -> Iterator[str]:
    """Yield why a validly signed corte is not to be shown: withdrawn, or of another opening, as an old rehearsal's."""
    yield from withdrawn(signed, known)
    opens = signed.manifest.window.opens
    if opens != election.window.opens:
        yield f"muestra un corte de otra apertura: {instants.write(opens)} y no {instants.write(election.window.opens)}"


def _misnamed(status: dict[str, Any] | None, sha256: str, expected: str | None) -> Iterator[str]:
    if expected not in (None, sha256):
        yield f"muestra el manifiesto {sha256[:16]}… y no {str(expected)[:16]}…"
    if shown_digest(status) != sha256:
        yield "su estado.json nombra otro manifiesto que el que entrega"


def shown_digest(status: dict[str, Any] | None) -> str:
    """Return the SHA-256 of the manifest that an estado.json says is shown; "" when it names none."""
    return str(((status or {}).get("shown") or {}).get("manifest_sha256", ""))
