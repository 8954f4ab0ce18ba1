"""Compares what citizens get at the other addresses of a page's name, which may be several servers' or a CDN's."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

import httpx

from corte.format import limits
from corte.format.manifest import Manifest
from difusor.inventory.addresses import shortest
from difusor.publish.mirror import PATH, TIMEOUT, Mirror
from difusor.publish.paced import Content, Paced
from difusor.publish.roads import PAPERS, Files, judged, sample
from difusor.publish.signing import SignedCorte
from difusor.publish.stopping import STOPPED
from difusor.publish.target import Target
from difusor.publish.trouble import trouble
from difusor.publish.trust import UntrustedError
from difusor.servers import child

FAMILIES = {"IPv4": "ahostsv4", "IPv6": "ahostsv6"}
"""Address families, and what `getent` calls them. It is a program of its own, which can be given up."""
RESOLVING = child.Bounds(seconds=3)
ADDRESSES = 2
"""How many further addresses of each family are looked at, drawn by lot each time where a name has more.

A hostile name server may give any number.
"""

RESERVED = (".test", ".example", ".invalid", ".localhost")
"""Ends of names that no name server knows (RFC 6761), such as a lab's."""

KEPT_SECONDS = 10.0
"""For how long a server of the project lets caches keep an answer (nginx_cache_seconds)."""
Signed = Callable[[bytes, bytes], SignedCorte | None]
"""Returns the corte of a manifest and a signature if a signer made it, else None."""


@dataclass
class OtherAddresses:
    """What citizens get at the other addresses of the page's name, as sentences.

    `different`: what no signer signed there; `unasked`: which addresses could not be asked; `lost`: why a citizen who
    opens the page by its name gets to none of them and not to the one that is compared anyway ("" if one does, or may:
    a network may keep this machine, and nobody else, from the server's public address); `cortes`: where another corte
    is shown, whole, than the server's, and which.
    """

    different: list[str] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)
    lost: str = ""
    cortes: list[tuple[str, SignedCorte]] = field(default_factory=list)


def compare(target: Target, authority: Path | None, files: Files, deadline: float, signed: Signed) -> OtherAddresses:
    """Ask for files at the other addresses that the name of the mirror's page has, in both address families.

    `files` are some of those that the server shows, with manifest and signature; `signed` returns the corte of a
    manifest and a signature if a signer made it, else None. Where something else comes it is asked for once more: a
    cache may keep an answer for a moment, and of several servers one gets each corte before the others.
    """
    named, unknown = _addresses(target)
    asked = {_where(*each): replace(target, address=each[1]) for each in _others(target, named)}

    def look(where: str) -> OtherAddresses:
        try:
            with Mirror(asked[where], authority) as mirror:
                mirror.deadline = deadline
                return _found(mirror, where, files, signed)
        except UntrustedError as error:
            return OtherAddresses(different=[f"{where}, {error}"])
        except (httpx.HTTPError, OSError, ValueError) as error:
            return OtherAddresses(unasked=[f"desde esta máquina no se pudo comparar {where}: {trouble(error)}"])

    found = {where: look(where) for where in asked}
    again = [where for where, each in found.items() if each.different or each.cortes]
    if again and may_look_again(deadline):
        STOPPED.wait(KEPT_SECONDS)
        second = {where: look(where) for where in again}
        found |= {where: each for where, each in second.items() if not each.unasked}
    each = [*found.values()]
    unasked = [told for one in each for told in one.unasked]
    is_reached = len(unasked) < len(asked) or _is_named(target, named)
    may_be_reached = unknown or _holds(named, target.public_address)
    return OtherAddresses(
        different=[told for one in each for told in one.different],
        unasked=[*unasked, *_left(target, named, len(asked)), *_unknown(target, unknown)],
        lost="" if is_reached or may_be_reached or not _is_public(target) else _lost(target, named),
        cortes=[corte for one in each for corte in one.cortes],
    )


def may_look_again(deadline: float) -> bool:
    """Tell whether there is time to ask again after what a cache kept, and to end the comparison then."""
    return deadline - time.monotonic() > KEPT_SECONDS + TIMEOUT


def _found(mirror: Mirror, where: str, files: Files, signed: Signed) -> OtherAddresses:
    """Return what comes at an address: that of another corte is held to that corte's own manifest."""
    base, paced = mirror.url.removesuffix(PATH) + mirror.target.path, Paced(mirror)
    came: list[bytes] = []
    said: list[str] = []
    for paper, limit in PAPERS.items():
        answer, found = paced.get(base + paper, Content(limit, keep=True))
        came.append(bytes(found.kept or b"") if answer.status_code == httpx.codes.OK else b"")
        said += judged(paper, files[paper], answer, found)
    other = signed(*came) if said and all(came) else None
    wanted = _sample_of(other.manifest) if other else {path: files[path] for path in files if path not in PAPERS}
    said = [] if other else said
    for path, entry in wanted.items():
        answer, found = paced.get(base + quote(path), Content(entry.size))
        said += judged(path, entry, answer, found)
    return OtherAddresses(different=[f"{where}, {each}" for each in said], cortes=[(where, other)] if other else [])


def _sample_of(found: Manifest) -> Files:
    """Return some of a corte's files, of those that a server sends also in light mode if the corte ordered that."""
    is_light = found.stands.is_light
    return sample({
        path: entry for path, entry in found.files.items() if not (is_light and path.partition("/")[0] in limits.HEAVY)
    })  # fmt: skip


def others(target: Target) -> tuple[dict[str, Target], list[str]]:
    """Return the target at the other addresses that its page's name has, each by how a sentence says where that is.

    And sentences on the addresses that this machine could not learn.
    """
    named, unknown = _addresses(target)
    found = {_where(*each): replace(target, address=each[1]) for each in _others(target, named)}
    return found, [*_left(target, named, len(found)), *_unknown(target, unknown)]


def _where(family: str, address: str) -> str:
    return f"en su dirección {family} {address}"


def _unknown(target: Target, families: list[str]) -> list[str]:
    return [f"no se pudo saber qué direcciones {family} tiene {target.fqdn}" for family in families]


def _addresses(target: Target) -> tuple[list[tuple[str, str]], list[str]]:
    """Return (IPv4 or IPv6, address) for the page's name, and the families of which this machine cannot tell."""
    found: dict[tuple[str, str], None] = {}
    unknown = []
    for family, database in FAMILIES.items():
        try:
            said = child.run(["getent", database, target.fqdn], RESOLVING).stdout.decode("ascii", "replace")
        except (OSError, child.BoundError):
            unknown.append(family)
            continue
        found |= {(family, line.split()[0]): None for line in said.splitlines() if line.strip()}
    return [(family, address) for family, address in found if not address.startswith("::ffff:")], unknown


def _others(target: Target, named: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the addresses to ask besides the one that is compared anyway, so many of each family."""
    others = [[each for each in _besides(target, named) if each[0] == family] for family in FAMILIES]
    draw = random.SystemRandom().sample
    return [each for some in others for each in sorted(draw(some, min(ADDRESSES, len(some))), key=some.index)]


def _besides(target: Target, named: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [each for each in named if not _is_named(target, [each])]


def _left(target: Target, named: list[tuple[str, str]], asked: int) -> list[str]:
    """Return as a sentence that the name has more addresses than were asked, [] if it has not."""
    left = len(_besides(target, named)) - asked
    told = f"{target.fqdn} tiene {left} direcciones más, que esta vez no se miraron: repita, que se eligen al azar"
    return [told] if left > 0 else []


def _is_named(target: Target, named: list[tuple[str, str]]) -> bool:
    """Tell whether what is compared anyway is one of these addresses of the name, or is asked by the name itself."""
    return target.address == target.fqdn or _holds(named, target.address)


def _holds(named: list[tuple[str, str]], address: str) -> bool:
    return shortest(address.strip("[]")) in [shortest(each.strip("[]")) for _, each in named]


def _is_public(target: Target) -> bool:
    """Tell whether citizens open the page by this name: it is in the DNS, and not that of a server behind a site."""
    return target.front is None and not target.fqdn.endswith(RESERVED)


def _lost(target: Target, named: list[tuple[str, str]]) -> str:
    if not named:
        return f"{target.fqdn} no tiene dirección, o el servidor de nombres de esta máquina no la sabe: revise el DNS"
    told = ", ".join(address for _, address in named)
    return f"{target.fqdn} lleva a {told}, y ahí nadie responde; no lleva a {target.address}, que sí: revise el DNS"
