"""Looks at a listed page from the operator's machine: its name, its certificate, both address families, its content."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from threading import BoundedSemaphore

import httpx

from corte.format import instants
from corte.format.standing import Standing
from difusor.inventory import Election
from difusor.listing.entries import Listed
from difusor.publish import age
from difusor.publish.comparison import Comparison, glance, rejudged
from difusor.publish.mirror import OTHERS, TIMEOUT, Mirror
from difusor.publish.seen import Published, Seen
from difusor.publish.stopping import STOPPED, stop
from difusor.publish.target import Target
from difusor.publish.trouble import own, trouble, unchecked
from difusor.servers import certificate, families, names
from difusor.servers.certificate import Certificate
from difusor.servers.names import Names

SECONDS = 10.0
"""How long the content of one address may take."""
AT_ONCE = BoundedSemaphore(6)
"""How many addresses send content at the same time, over one link.

The manifest of 60,000 images is 3 MB: where all send theirs together, good pages do not end in time.
"""
MOST = 4
"""How many addresses of each family are looked at, drawn by lot each time where a name has more."""


@dataclass(frozen=True)
class How:
    """With what a look judges: name servers (none: the zone's own), an authority, orders that stand, what was seen.

    `failed`: by id, the faults that the last look found at a page. Files that they name are asked for again: those of a
    look are drawn by lot, and one that differs would hardly be drawn twice in a row.
    """

    election: Election
    servers: Sequence[str] = ()
    authority: Path | None = None
    standing: Standing = field(default_factory=Standing)
    seen: Seen = field(default_factory=Seen)
    now: Callable[[], datetime] = instants.now
    failed: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Look:
    """What is wrong with a page, and what should be told of it besides; sentences without full stop.

    A page without faults is one that citizens can open and that shows what the institute signed, unless it `is_unknown`
    what it shows, because this machine could not tell.
    """

    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    is_unknown: bool = False


@dataclass(frozen=True)
class _There:
    """What was found at one address: its certificate and, if a browser accepts that, what it shows (None: no look).

    `in_doubt`: a sentence, without full stop, where this machine may have no road to addresses of that family; else "".
    """

    seen: Certificate
    target: Target | None = None
    found: Comparison | None = None
    in_doubt: str = ""

    def fault(self, how: How) -> str:
        """Return what is wrong there; "" when nothing is, or this machine has no road there or could not tell."""
        content = _content(self.found, self.target, how) if self.found and self.target else ""
        found = self.seen.refusal or self.seen.trouble or content
        return "" if self.is_away or self.unchecked or not found else self._at(found)

    @property
    def is_away(self) -> bool:
        """Whether this machine has no road there, as far as can be told."""
        return self.seen.away or bool(self.in_doubt)

    @property
    def unchecked(self) -> str:
        """Why this machine could not tell what it shows; "" when it could, or did not come so far."""
        if self.seen.lacking:
            return self._at(unchecked(self.seen.trouble))
        return self._at(self.found.detail) if self.found and self.found.result == "unchecked" else ""

    @property
    def astray(self) -> str:
        """That it waits for the cortes of another election; the page stays listed until it has to show one."""
        told = self.found.warnings if self.found and self.found.result == "empty" else []
        return self._at("; ".join(told)) if told else ""

    @property
    def strangers(self) -> str:
        """That others may sign there than in the election; the page stays listed, as it shows what it should."""
        return self._at(OTHERS) if self.found and self.found.trusts_others else ""

    def _at(self, sentence: str) -> str:
        return f"en {families.family(self.seen.address)} {self.seen.address}: {sentence}"


type _Page = tuple[Names, list[_There]]
"""What was found of the name of a page, and at each of its addresses."""


def look_all(listed: Sequence[Listed], how: How) -> dict[str, Look]:
    """Return by id what was found at each page; all are looked at together, then judged by what all of them show."""
    with ThreadPoolExecutor(max_workers=max(1, len(listed))) as pool:
        works = [pool.submit(_safely, partial(_visit, each, how)) for each in listed]
        try:
            pages = [work.result() for work in works]
        except BaseException:  # by Ctrl-C, after which nobody waits for the looks that wait for their turn
            stop(works)
            raise
    deaf = _unheard([page for page in pages if not isinstance(page, Look)])
    return {
        each.id: page if isinstance(page, Look) else _safely(partial(_judge, _doubted(page, deaf), how))
        for each, page in zip(listed, pages, strict=True)
    }


def _unheard(pages: Sequence[_Page]) -> dict[str, str]:
    """Return by family why its addresses are in doubt: none of several pages answers in it, and in the other one some.

    A network may lose one family alone, as where the institute's provider no longer carries its IPv6; each address then
    keeps silent as if its server were dead. One page with dead addresses is at fault itself.
    """
    tried = {family: [_of(family, there) for _, there in pages] for family in families.FAMILIES}
    having = {family: sum(map(bool, found)) for family, found in tried.items()}
    heard = {family for family, found in tried.items() if any(not each.seen.trouble for one in found for each in one)}
    return {
        family: (
            f"por {family} no responde aquí ninguna de las {count} páginas que lo tienen, y eso no se cuenta contra "
            f"ellas; revise la salida a internet de esta máquina por {family}"
        )
        for family, count in having.items()
        if heard and family not in heard and count > 1
    }


def _doubted(page: _Page, deaf: Mapping[str, str]) -> _Page:
    """Return what was found of a page, with what is in doubt for the family of each address."""
    found, there = page
    return found, [replace(each, in_doubt=deaf.get(families.family(each.seen.address), "")) for each in there]


def _of(family: str, there: Sequence[_There]) -> list[_There]:
    return [each for each in there if families.family(each.seen.address) == family]


def _safely[Found](do: Callable[[], Found]) -> Found | Look:
    """Look at a page; one that shows what nobody expected is at fault itself, and ends the look at no other.

    What this machine lacks says nothing of it.
    """
    try:
        return do()
    except Exception as error:
        if lacking := own(error):  # it may be as good as ever
            return Look((), (unchecked(lacking),), is_unknown=True)
        return Look((f"no se pudo mirar ({type(error).__name__}: {error}); si sigue, es una falla de este programa",))


def look(listed: Listed, how: How) -> Look:
    """Return what is wrong with one listed page, at each of its addresses."""
    return _judge(_visit(listed, how), how)


def _visit(listed: Listed, how: How) -> _Page:
    """Ask for the addresses of a page, and for what each of them shows."""
    found = names.look(listed.host, how.servers)
    by_family = families.by_family(found.addresses, MOST)
    addresses = [address for each in by_family.values() for address in each]
    with ThreadPoolExecutor(max_workers=max(1, len(addresses))) as pool:
        return found, list(pool.map(lambda address: _look_at(listed, address, how), addresses))


def _judge(page: _Page, how: How) -> Look:
    found, there = page
    if not found.addresses:
        return Look(tuple(found.faults()), tuple(found.warnings()))
    addresses = [each.seen.address for each in there]
    faults = [fault for each in there if (fault := each.fault(how))]
    # Name servers may give each asker other addresses, as a cloud's do; that is harmless if each one of them is right.
    is_harmless = not faults and len(addresses) == len(found.addresses)
    if found.disagreement and not is_harmless:
        faults.append(found.disagreement)
    unknown = [each.unchecked for each in there if each.unchecked]
    if all(each.is_away for each in there):  # citizens may have a road there, as to a page with IPv6 alone
        named = ", ".join(addresses)
        unknown.append(f"esta máquina no tiene camino a ninguna de sus direcciones ({named}) y no sabe qué muestra")
    others = [told for each in there for told in (each.strangers, each.astray) if told]
    doubts = dict.fromkeys(each.in_doubt for each in there if each.in_doubt)
    warnings = [*unknown, *doubts, *others, *found.silent, *found.warnings(), *_about_certificates(found, there, how)]
    if len(addresses) < len(found.addresses):
        warnings.append(
            f"{found.name} tiene {len(found.addresses)} direcciones, y en cada vuelta se miran {len(addresses)} al "
            "azar: que quiten de su DNS las que sobran"
        )
    if found.disagreement and is_harmless:
        warnings.append(found.disagreement)
    return Look(tuple(faults), tuple(warnings), bool(unknown))


def _look_at(listed: Listed, address: str, how: How) -> _There:
    seen = certificate.look(listed.host, address, how.authority)
    if seen.refusal or seen.trouble:
        return _There(seen)
    target = Target(
        name=listed.id, address=address, fqdn=listed.host, module="", client="", secret="", certificate=None,
        election=how.election, path=listed.path,
    )  # fmt: skip
    if silent := _silence(target, how.authority):
        return _There(seen, target, Comparison(target.name, "unreachable", silent))
    with AT_ONCE:  # the seconds begin within
        suspected = "; ".join(how.failed.get(listed.id, ()))
        return _There(seen, target, glance(target, how.authority, SECONDS, how.seen, how.standing, suspected))


def _silence(target: Target, authority: Path | None) -> str:
    """Return why a page is given up before its turn to send content; "" for one that answers anything.

    Where thirty hang at once, as behind one provider, each would hold its turn for all of its seconds, and the good
    ones would wait for theirs until the round is late.
    """
    with suppress(httpx.HTTPError, OSError, ValueError), Mirror(target, authority) as mirror:
        try:
            mirror.read(mirror.url, 0, TIMEOUT)
        except httpx.TimeoutException as error:
            return "" if STOPPED.is_set() else trouble(error)
    return ""


def _content(found: Comparison, target: Target, how: How) -> str:
    """Return what is wrong with what a page shows; "" when it is the institute's, or nothing is to be shown now."""
    if found.result == "empty":
        published = how.seen.newest(how.election, how.standing)
        return f"no muestra ningún corte, {age.ANY_PUBLISHED}" if _is_due(published, how) else ""
    found = rejudged(found, target, how.seen, how.standing, is_whole=False)
    return "" if found.result == "authentic" else found.detail


def _is_due(published: Published | None, how: How) -> bool:
    """Tell whether a page has to show a corte now."""
    if published is None or published.hold:
        return False
    window, now = how.election.window, how.now()
    pushed = published.at + age.while_pushed(published, 0, how.election)
    return max(window.opens + age.GRACE, pushed) < now < window.closes


def _about_certificates(found: Names, there: Sequence[_There], how: How) -> Iterator[str]:
    """Yield what to say of certificates that browsers still accept."""
    window, now = how.election.window, how.now()
    for expires in sorted({each.seen.expires for each in there if each.seen.expires and not each.seen.refusal}):
        if now < window.closes and expires < window.retain_until + timedelta(days=1):
            yield f"su certificado termina el {instants.write(expires)}, antes que la publicación; que lo renueve"
        elif expires < now + timedelta(days=3):
            yield f"su certificado termina el {instants.write(expires)}; que lo renueve"
    for authority in sorted({each.seen.authority for each in there if each.seen.authority}):
        if not found.allows(authority):
            yield f"el CAA de {found.name} no permite a {authority}, que emitió su certificado, renovarlo"
