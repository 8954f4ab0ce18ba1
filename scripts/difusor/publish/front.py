"""Compares what citizens get through the outlet's own site, or a CDN, with what the PREP's server behind it sends.

Such a site passes one folder on. It may be down, or keep answers, insert something in pages, compress again, or drop
headers; each of these is told apart from a fault of the server.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from corte.format.standing import Standing
from difusor.inventory.parts import Front
from difusor.publish import comparison, other_addresses, stopping
from difusor.publish.comparison import Comparison
from difusor.publish.mirror import MOST_BYTES, PATH, Mirror
from difusor.publish.paced import Content, Paced
from difusor.publish.pages import IDENTITY
from difusor.publish.target import Target
from difusor.publish.trouble import missed
from difusor.publish.trust import UntrustedError

KEPT = ("Content-Type", "Cache-Control", "ETag", "Content-Security-Policy", "X-Content-Type-Options")
"""Headers that a browser needs as the server sent them."""
PAGES = {"": "la portada", IDENTITY: IDENTITY}
"""What is compared besides the corte's files, relative to the page, and how that is said."""
REMEDY = "los renglones que le faltan los da ./difusor front -i X"
UNREACHED = (
    "{name} no alcanza a su servidor, y responde {code}; pida que pongan en ese sitio los renglones que hoy da "
    "./difusor front -i X; si sigue, su bitácora de errores dice la causa"
)

LATE = "no alcanzó el tiempo, que se llevó la comparación de su servidor; dé más con --minutes"
UNCOMPARED = "no se pudo comparar página por página"


def compare(
    target: Target,
    front: Front,
    behind: Comparison,
    authority: Path | None,
    limit: float,
    standing: Standing,
    beside: Sequence[Target] = (),
) -> Comparison:
    """Return what comes through the outlet's site; `behind` is what its server was found to send just before.

    `beside`: the other servers behind that site, which may have another corte for a while. The other arguments are
    those of comparison.compare. The detail says whose fault it is. A site that is not compared in less time than its
    server took is not blamed for it.
    """
    through, started = target.through(front), time.monotonic()
    found = _compared(target, through, behind, authority, started + limit, standing, beside)
    is_unfinished = found.result == "unreachable" or found.detail.startswith(UNCOMPARED)
    if is_unfinished and limit < behind.seconds and time.monotonic() >= started + limit:
        found = Comparison(through.name, "unchecked", LATE)
    return replace(found, seconds=round(time.monotonic() - started, 2))


def by_name(target: Target, found: Comparison, authority: Path | None, deadline: float) -> Comparison:
    """Return what was found at a server, and whether its page comes the same through the CDN or balancer in front.

    A CDN may change headers, which is only told, and may keep the page of before for a moment: so it is asked twice.
    """
    is_asked = target.has_cdn and found.result == "authentic" and not target.fqdn.endswith(other_addresses.RESERVED)
    if not is_asked:
        return found
    named, pages = replace(target, address=target.fqdn), {"": PAGES[""]}
    differences, lesser, rest = _page_differences(target, named, authority, deadline, pages)
    if differences and other_addresses.may_look_again(deadline):
        stopping.STOPPED.wait(other_addresses.KEPT_SECONDS)
        second = _page_differences(target, named, authority, deadline, pages)
        differences, lesser, rest = (differences, lesser, rest) if second[2] else second
    through = f"por {target.fqdn}, y no en su servidor: "
    faults = [comparison.shortened(through + each) for each in differences]
    told = [through + each for each in lesser] + ([f"por {target.fqdn}, {rest.detail}"] if rest else [])
    found = replace(found, warnings=[*found.warnings, *map(comparison.shortened, told)])
    return replace(found, result="altered", detail=faults[0], differences=faults) if faults else found


def _compared(
    target: Target,
    through: Target,
    behind: Comparison,
    authority: Path | None,
    deadline: float,
    standing: Standing,
    beside: Sequence[Target],
) -> Comparison:
    front = through.fqdn
    if _tells_status(target, authority, deadline) and (problem := _passes_no_status(through, authority, deadline)):
        return problem
    found = comparison.compare(through, authority, limit=deadline - time.monotonic(), standing=standing)
    if (
        found.result in ("empty", "resting", "altered", "old")
        and found.sequence is None
        and behind.sequence is not None
    ):
        detail = f"no pasa la carpeta {target.path} a su servidor; {REMEDY} (contesta así: {found.detail})"
        return replace(found, result="altered", detail=comparison.shortened(detail))
    if found.result not in ("authentic", "altered"):
        return found
    if passed := _passed_to(target, beside, found, behind, authority, deadline):
        said = (
            f"{front} pasa estas visitas a {passed.name}, que muestra el corte {found.sequence}, y {target.name} el "
            f"{behind.sequence}"
        )
        return replace(found, warnings=[*found.warnings, comparison.shortened(said)])
    faults = [*_older(found, behind), *found.differences]
    sends_right = replace(behind, trusts_others=False).good
    if sends_right:
        differences, lesser, rest = _page_differences(target, through, authority, deadline)
        faults += [*differences, *lesser]
        if rest and faults:
            found = replace(found, warnings=[*found.warnings, comparison.shortened(rest.detail)])
        elif rest:
            return replace(found, result=rest.result, detail=comparison.shortened(rest.detail))
    if not faults:
        return found
    whose = f"es de {front} y no de su servidor: " if sends_right else ""
    return replace(found, result="altered", detail=comparison.shortened(whose + faults[0]), differences=faults)


def _passed_to(
    target: Target,
    beside: Sequence[Target],
    found: Comparison,
    behind: Comparison,
    authority: Path | None,
    deadline: float,
) -> Target | None:
    """Return the other server whose corte came through the site instead of this one's; None when none shows it.

    None too if this server has it by now: then it came to all of them meanwhile.
    """
    if not beside or None in (found.sequence, behind.sequence) or found.manifest_sha256 == behind.manifest_sha256:
        return None
    for each in (target, *beside):
        try:
            with Mirror(each, authority) as mirror:
                mirror.deadline = deadline
                status = mirror.status()
        except (UntrustedError, OSError):
            continue
        if comparison.shown_digest(status) == found.manifest_sha256:
            return None if each is target else each
    return None


def _tells_status(server: Target, authority: Path | None, deadline: float) -> bool:
    """Tell whether the server itself answers with estado.json: none does that is revoked, or whose gate is stopped."""
    try:
        with Mirror(server, authority) as mirror:
            mirror.deadline = deadline
            return mirror.status() is not None
    except UntrustedError:
        return False


def _passes_no_status(through: Target, authority: Path | None, deadline: float) -> Comparison | None:
    """Return what to say of a site through which estado.json does not come; None when it does."""
    try:
        with Mirror(through, authority) as mirror:
            mirror.deadline = deadline
            if mirror.status() is not None:
                return None
            code, _ = mirror.read(mirror.url, 0)
    except UntrustedError as error:
        return Comparison(through.name, "untrusted", str(error))
    except (httpx.HTTPError, OSError, ValueError) as error:
        result, why = missed(error)
        told = f"{through.fqdn} no responde: {why}" if result == "unreachable" else why
        return Comparison(through.name, result, told)
    if code >= httpx.codes.INTERNAL_SERVER_ERROR:
        return Comparison(through.name, "unreachable", UNREACHED.format(name=through.fqdn, code=code))
    return Comparison(through.name, "altered", f"no pasa /.well-known/prep/ a su servidor; {REMEDY}")


def _older(found: Comparison, behind: Comparison) -> Iterator[str]:
    if found.sequence is not None and behind.sequence is not None and found.sequence < behind.sequence:
        yield f"guarda respuestas: muestra el corte {found.sequence}, y su servidor ya muestra el {behind.sequence}"


@dataclass(frozen=True)
class _Answer:
    """What came of one page; `again`: the status when asked whether the page changed."""

    code: int
    headers: httpx.Headers
    digest: str
    again: int


def _page_differences(
    server: Target, through: Target, authority: Path | None, deadline: float, pages: Mapping[str, str] = PAGES
) -> tuple[list[str], list[str], Comparison | None]:
    """Return a sentence for each page that does not come as the server sends it, and for its headers and validators.

    And what to say if not all of them could be compared: the site is unreachable if the server sends a page that it
    does not; what the server does not send now says nothing of the site.
    """
    differences: list[str] = []
    lesser: list[str] = []
    result = "unchecked"
    try:
        with Mirror(server, authority) as direct, Mirror(through, authority) as passed:
            direct.deadline = passed.deadline = deadline
            for path, name in pages.items():
                result = "unchecked"
                sent = _ask(direct, path)
                result = "unreachable"
                came = _ask(passed, path)
                if sent.code == httpx.codes.OK:
                    differences += _altered(name, sent, came)
                    lesser += _changed(name, sent, came)
    except (httpx.HTTPError, OSError, ValueError) as error:
        other, why = missed(error)
        if other == "unreachable":
            return differences, lesser, Comparison(through.name, result, f"{UNCOMPARED}: {why}")
        return differences, lesser, Comparison(through.name, other, why)
    return differences, lesser, None


def _ask(mirror: Mirror, path: str) -> _Answer:
    url, paced = mirror.url.removesuffix(PATH) + mirror.target.path + path, Paced(mirror)
    answer, found = paced.get(url, Content(MOST_BYTES))
    validator = answer.headers.get("ETag", "")
    again, _ = paced.get(url, Content(0), If_None_Match=validator) if validator else (answer, None)
    return _Answer(answer.status_code, answer.headers, found.entry.sha256, again.status_code)


def _altered(name: str, sent: _Answer, came: _Answer) -> Iterator[str]:
    if came.code != sent.code:
        yield f"{name} responde {came.code}, y en su servidor {sent.code}"
    elif came.digest != sent.digest:
        yield f"altera {name}: lo que llega no es lo que su servidor envía"


def _changed(name: str, sent: _Answer, came: _Answer) -> Iterator[str]:
    if came.code != sent.code:
        return
    for header in KEPT:
        if came.headers.get(header) != sent.headers.get(header):
            there, here = (each.headers.get(header, "nada") for each in (sent, came))
            yield f"cambia la cabecera {header} de {name}: llega «{here}» en vez de «{there}»"
    if sent.again == httpx.codes.NOT_MODIFIED != came.again:
        yield f"no pasa la pregunta de si {name} cambió: cada visita la descarga entera"
