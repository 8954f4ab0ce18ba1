"""Asks name servers for a page's name: its addresses, how long they may be remembered, and who may certify it (CAA)."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import dns.asyncquery
import dns.asyncresolver
import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver

from difusor.terminal import some

SERVERS = 3
"""How many of a zone's own servers are asked, where nobody says whom to ask."""
SECONDS = 3.0
"""How long one name server has to answer, a repetition included: a datagram may be lost."""
LONGEST_TTL = 300
"""Seconds for which an address may be remembered, so that a change of it on the night reaches everybody in minutes."""
ALIASES = 5
"""How often an alias may lead into another zone."""
PORT = 53
TOLD = 8
"""How many addresses are told of what a name server says: a hostile one may give thousands."""
CODES = {
    dns.rcode.NXDOMAIN: "dice que ese nombre no existe", dns.rcode.SERVFAIL: "no lo pudo resolver (SERVFAIL)",
    dns.rcode.REFUSED: "no quiso responder (REFUSED)",
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What one name server says. `ttl`: seconds, the least on the way; `trouble`: why it said nothing, or ""."""

    server: str
    addresses: tuple[str, ...] = ()
    ttl: int | None = None
    trouble: str = ""


@dataclass(frozen=True)
class Names:
    """What all of them say of a name. `caa`: who may certify it, as `issue letsencrypt.org`; empty: anybody may.

    `caa_trouble`: why that is not known, or "".
    """

    name: str
    answers: tuple[Answer, ...]
    caa: tuple[str, ...] = ()
    caa_trouble: str = ""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address that any of them gives, IPv4 first."""
        return _sorted({each for answer in self.answers for each in answer.addresses})

    @property
    def ttl(self) -> int | None:
        """The longest time in seconds for which an answer may be remembered; None without an address."""
        return max((each.ttl for each in self.answers if each.ttl is not None), default=None)

    @property
    def silent(self) -> tuple[str, ...]:
        """A sentence, without full stop, on each name server that said nothing."""
        return tuple(f"el servidor de nombres {each.server} {each.trouble}" for each in self.answers if each.trouble)

    @property
    def disagreement(self) -> str:
        """What each said, in a sentence without full stop, when not all said the same; else ""."""
        said = [each for each in self.answers if not each.trouble]
        if len({each.addresses for each in said}) < 2:
            return ""
        told = "; ".join(f"{each.server}: {some(each.addresses, TOLD) or 'ninguna'}" for each in said)
        return f"los servidores de nombres no coinciden en las direcciones de {self.name} ({told})"

    def faults(self) -> Iterator[str]:
        """Yield a sentence, without full stop, on each thing that may keep a citizen from the page."""
        yield from self.silent
        if not self.addresses and len(self.silent) < len(self.answers):
            yield f"{self.name} no tiene direcciones en el DNS"
        if self.disagreement:
            yield self.disagreement

    def warnings(self, longest: int = LONGEST_TTL) -> Iterator[str]:
        """Yield a sentence, without full stop, on what does no harm yet."""
        if self.ttl is not None and self.ttl > longest:
            yield f"las direcciones de {self.name} pueden recordarse {self.ttl} s (TTL); que no pasen de {longest}"
        if self.caa_trouble and self.addresses:
            yield f"no se sabe quién puede emitir su certificado (CAA): {self.caa_trouble}"

    def allows(self, authority: str) -> bool:
        """Tell whether the CAA records let an authority certify the name, by its domain, as letsencrypt.org."""
        issue = [words.removeprefix("issue ") for words in self.caa if words.startswith("issue ")]
        return not issue or authority in (each.partition(";")[0].strip() for each in issue)


def look(name: str, servers: Sequence[str] = (), seconds: float = SECONDS) -> Names:
    """Return what these name servers say of a name, asked at once; without any, up to SERVERS of the zone's own.

    A server is an address, or address:port ([address]:port for IPv6). Resolvers may give the rest of a time to live;
    only a zone's own servers give the whole. Nothing is raised: who does not answer has a `trouble`.
    """
    return asyncio.run(_look(name, servers, seconds))


def endpoint(server: str) -> tuple[str, int]:
    """Return address and port of a name server; ValueError, a sentence without full stop, when it is none."""
    host, _, port = server.rpartition(":") if "]:" in server or server.count(":") == 1 else (server, "", "")
    try:
        address = str(ipaddress.ip_address(host.strip("[]")))
        number = int(port or PORT)
    except ValueError:
        number = 0
    if not 0 < number < 65536:
        raise ValueError(f"«{server}» no es la dirección de un servidor de nombres, como 192.0.2.53 o 192.0.2.53:5353")
    return address, number


async def _look(name: str, servers: Sequence[str], seconds: float) -> Names:
    try:
        asked = list(servers) or await _of_zone(dns.name.from_text(name), seconds)
    except (dns.exception.DNSException, OSError, TimeoutError):
        asked = []
    if not asked:
        told = f"no dice quién responde por {name}"
        return Names(name, (Answer("de esta máquina", trouble=told),), caa_trouble=f"el de esta máquina {told}")
    caa = asyncio.create_task(_caa(name, servers, seconds))
    # A zone's own server leaves it to the asker to follow an alias into another zone; a resolver follows it.
    hops = 0 if servers else ALIASES
    answers = tuple(await asyncio.gather(*(_answer(each, name, seconds, hops) for each in asked)))
    try:
        return Names(name, answers, await caa)
    except (dns.exception.DNSException, OSError, TimeoutError, ValueError) as error:
        return Names(name, answers, caa_trouble=_why(error))


async def _of_zone(name: dns.name.Name, seconds: float) -> list[str]:
    """Return the addresses of some of a zone's own servers, as this machine's resolver knows them."""
    resolver = dns.asyncresolver.Resolver()
    async with asyncio.timeout(seconds):
        zone = await dns.asyncresolver.zone_for_name(name, resolver=resolver, lifetime=seconds)
        found: list[str] = []
        for record in await resolver.resolve(zone, "NS", lifetime=seconds):
            answer = await resolver.resolve(record.target, "A", lifetime=seconds, raise_on_no_answer=False)
            found += [each.address for each in answer][:1]
            if len(found) == SERVERS:
                break
    return found


async def _answer(server: str, name: str, seconds: float, hops: int) -> Answer:
    try:
        async with asyncio.timeout(seconds):
            said = await asyncio.gather(*(_records(server, name, kind, seconds, hops) for kind in ("A", "AAAA")))
    except (dns.exception.DNSException, OSError, TimeoutError, ValueError) as error:
        return Answer(server, trouble=_why(error))
    addresses = _sorted({each for found, _ in said for each in found})
    return Answer(server, addresses, min((ttl for found, ttl in said if found), default=None))


async def _records(server: str, name: str, kind: str, seconds: float, hops: int) -> tuple[list[str], int]:
    """Return the addresses of one kind and the least time to live on the way to them, along the name's aliases."""
    chain = (await _query(server, dns.name.from_text(name), kind, seconds)).resolve_chaining()
    ttl = min((each.ttl for each in (*chain.cnames, chain.answer) if each is not None), default=0)
    if chain.answer is not None:
        return [each.address for each in chain.answer], ttl
    if not chain.cnames or not hops:
        return [], ttl
    other = (await _of_zone(chain.canonical_name, seconds) or [server])[0]
    found, further = await _records(other, str(chain.canonical_name), kind, seconds, hops - 1)
    return found, min(ttl, further)


async def _query(server: str, name: dns.name.Name, kind: str, seconds: float) -> dns.message.QueryMessage:
    address, port = endpoint(server)
    question = dns.message.make_query(name, kind)
    for is_last in (False, True):
        try:
            answer, _ = await dns.asyncquery.udp_with_fallback(question, address, seconds / 2, port)
            break
        except dns.exception.Timeout:
            if is_last:
                raise
    if answer.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        raise ValueError(CODES.get(answer.rcode(), f"responde {dns.rcode.to_text(answer.rcode())}"))
    assert isinstance(answer, dns.message.QueryMessage)
    return answer


async def _caa(name: str, servers: Sequence[str], seconds: float) -> tuple[str, ...]:
    """Return the CAA records that hold for a name: its own, or of the nearest domain above that has any."""
    where = dns.name.from_text(name)
    async with asyncio.timeout(2 * seconds):
        while len(where) > 1:
            found = await _caa_of(where, servers, seconds)
            if found:
                return tuple(sorted(found))
            where = where.parent()
    return ()


async def _caa_of(where: dns.name.Name, servers: Sequence[str], seconds: float) -> list[str]:
    if servers:
        answer = (await _query(servers[0], where, "CAA", seconds)).resolve_chaining().answer
    else:
        try:
            answer = (await dns.asyncresolver.Resolver().resolve(where, "CAA", lifetime=seconds)).rrset
        except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
            return []
    return [f"{each.tag.decode()} {each.value.decode('utf-8', 'replace')}" for each in answer or ()]


def _sorted(addresses: set[str]) -> tuple[str, ...]:
    return tuple(sorted(addresses, key=lambda each: (":" in each, ipaddress.ip_address(each))))


def _why(error: BaseException) -> str:
    match error:
        case TimeoutError() | dns.exception.Timeout():
            return "no responde"
        case OSError():
            return "no se alcanza desde esta máquina"
        case ValueError():
            return str(error)
    return "dio una respuesta que no se entiende"
