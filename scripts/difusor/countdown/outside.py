"""Looks at a page as citizens find it, and judges its name in the DNS, who may certify it, and its certificate."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import httpx

from corte.format import instants
from difusor.countdown.checks import Check, Moment, bad, good, warn
from difusor.countdown.subjects import Subject
from difusor.inventory import Host
from difusor.inventory.vaults import opening_of
from difusor.partners.inventory import CERTIFICATE
from difusor.publish.mirror import MAX_BYTES, PATH, TIMEOUT, Mirror, parsed
from difusor.publish.target import Target
from difusor.publish.trouble import trouble
from difusor.servers import certificate, families, names
from difusor.servers.certificate import Certificate
from difusor.servers.names import LONGEST_TTL, Names
from difusor.terminal import local, plain, some

MOST = 8
"""How many addresses of each family are looked at, drawn by lot: a hostile name server may give any number."""
ASKED = "pida a su difusor el certificado nuevo, con sus intermedios"
ANSWERED = re.compile(r"responde (\d\d\d)\b")
"""The status of an answer, in what is said of it; with 5xx, what is in front of a server got none from it."""
LINEAGE = "prep"
"""What certbot calls the page's certificate."""
FEW_DAYS = timedelta(days=21)
"""How long before a certificate's end the server itself raises an alarm (nginx_certificate_days)."""


@dataclass(frozen=True)
class Looks:
    """Whom to ask: name servers (none: the zone's own), and an authority instead of the public ones."""

    servers: tuple[str, ...] = ()
    authority: Path | None = None


@dataclass(frozen=True)
class Outside:
    """What was seen of a page from this machine: its name, and the certificate at each of its addresses.

    `aliases`: the certificate that its server shows under each of its other names; `wrong`: by address at which
    something answers, what is wrong with that, or ""; `behind`: the server's own certificate where citizens do not see
    it; `at`: when that was.
    """

    names: Names
    certificates: tuple[Certificate, ...]
    aliases: Mapping[str, Certificate] = field(default_factory=dict)
    wrong: Mapping[str, str] = field(default_factory=dict)
    behind: Certificate | None = None
    at: datetime = field(default_factory=instants.now)

    @property
    def addresses(self) -> list[str]:
        """The addresses that were tried."""
        return [each.address for each in self.certificates]

    @property
    def answers(self) -> dict[str, str | None]:
        """What this machine heard, by address, as `reaching.Answers` has it."""
        return {each.address: None if each.away else each.trouble for each in self.certificates}


def look(subject: Subject, looks: Looks) -> Outside:
    """Look at the page of a difusor: at the addresses of its name, or at its server's own when the name has none."""
    partner = subject.host.partner
    fqdn, aliases = partner.public_name, partner.other_domains
    said = names.look(fqdn, looks.servers)
    found = [each for family in families.by_family(said.addresses, MOST).values() for each in family]
    addresses = found or subject.host.entrances
    behind = [] if _is_own(subject.host) else [partner.fqdn]
    asked = [(fqdn, each) for each in addresses]
    asked += [(each, partner.public_address) for each in (*aliases, *behind)]
    with ThreadPoolExecutor(len(asked)) as pool:
        seen = [*pool.map(lambda each: certificate.look(each[0], each[1], looks.authority), asked)]
        there, other = (
            tuple(seen[: len(addresses)]),
            dict(zip((*aliases, *behind), seen[len(addresses) :], strict=True)),
        )
        answering = [each.address for each in there if not each.trouble]
        wrong = [*pool.map(lambda each: _wrong(subject.host, each, looks.authority), answering)]
    own = other.pop(partner.fqdn) if behind else None
    return Outside(said, there, other, dict(zip(answering, wrong, strict=True)), own)


def judge(host: Host, outside: Outside, moment: Moment, given: str) -> list[Check]:
    """Return the checks of a page; `given` follows -i."""
    return [
        _name(host, outside, moment),
        _caa(host, outside, moment),
        _certificate(host, outside, given),
    ]


def displaced(host: Host, outside: Outside, given: str) -> Check | None:
    """Return the red check of another page at an address that is the page's own; None when there is none.

    A site that was added to the server later may have taken the address, or what is in front of it refuses visitors.
    """
    wrong = [f"en {address} {why}" for address, why in outside.wrong.items() if why and host.is_entrance(address)]
    if not wrong:
        return None
    return bad("families", f"{host.partner.public_name} no muestra el PREP: {some(wrong)}", _remedy(host, wrong, given))


def _remedy(host: Host, wrong: list[str], given: str) -> str:
    """Return what is done about these sentences; what a balancer has to do is in docs/es/operacion.md."""
    partner, codes = host.partner, {code for each in wrong for code in ANSWERED.findall(each)}
    if partner.cdn_ranges and "503" in codes:
        return (
            "si «servicios» está bien, lo que está delante lo da por caído: pida que lo comprueben con GET "
            f"https://{partner.fqdn}{PATH}, que responde 200 también antes de la apertura, y la portada no"
        )
    if (partner.front or partner.cdn_ranges) and any(code.startswith("5") for code in codes):
        return (
            "lo que está delante no alcanza a su servidor: vea «servicios» y «certificado» y, si están bien, pida que "
            f"llegue a él por https, con el nombre {partner.fqdn} también en TLS (SNI)"
        )
    if partner.front:
        return f"los renglones que le faltan a ese sitio los da ./difusor front -i {given}"
    if partner.cdn_ranges and "301" in codes:
        return (
            "pida que lo que está delante pregunte al servidor por https, en el 443 y con el nombre de la página: en "
            "el 80 solo remite a https"
        )
    if partner.cdn_ranges:
        return "pida a su difusor que la red que tiene delante pase todo a su servidor, sin pruebas para visitantes"
    return (
        f"si «servicios» no lo explica, ./difusor preflight -i {given} nombra el sitio del servidor que toma esa "
        "dirección; si no hay tal, responde lo que está delante: pida a su difusor que lo corrija en su perímetro"
    )


def _wrong(host: Host, address: str, authority: Path | None) -> str:
    """Return why what answers at an address is not a page of this election; "" when it is one.

    A server of this election says so in its estado.json from its installation on, also before the opening and without
    any corte. One that no inventory names may be right: IPv6 is in none, and a difusor may have several servers.
    """
    target = replace(Target.of(host), address=address, fqdn=host.partner.public_name, certificate=None)
    with Mirror(target, authority, forgiving=True) as mirror:
        try:
            code, content = mirror.read(mirror.url, MAX_BYTES, TIMEOUT)
        except (httpx.HTTPError, ValueError) as error:
            return trouble(error)
        except (OSError, RuntimeError):  # this machine has no descriptor, or no thread, left to ask with
            return ""
    try:
        found = parsed(code, content).get("election")
    except (ValueError, RecursionError) as error:
        return f"responde otra página ({trouble(error)})"
    return "" if found == host.election.id else f"responde la elección «{plain(str(found), 40)}»"


def _name(host: Host, outside: Outside, moment: Moment) -> Check:
    fqdn, own, said = host.partner.public_name, host.entrances, outside.names
    if faults := list(said.faults()):
        return bad("names", some(faults), f"hable con quien administra el DNS de {fqdn}")
    if not {*own} & {*said.addresses} and not host.partner.cdn_ranges:
        remedy = (
            "corrija el DNS, o difusor_front si es la otra la debida" if host.partner.front else
            "corrija el DNS, o difusor_public_address si la otra es la de su servidor; si es la de un balanceador o "
            "una CDN que está delante, escriba sus redes en difusor_cdn_ranges"
        )  # fmt: skip
        return bad("names", f"{fqdn} lleva a {some([*said.addresses])}, y no a su servidor ({some(own)})", remedy)
    strange = {address: why for address, why in outside.wrong.items() if not host.is_entrance(address)}
    if wrong := [f"{address}, donde {why}" for address, why in strange.items() if why]:
        return bad(
            "names", f"{fqdn} lleva también a {some(wrong)}",
            f"pida a quien administra el DNS de {fqdn} que la quite; si es de su servidor, vea por qué responde eso",
        )  # fmt: skip
    if said.ttl is not None and said.ttl > LONGEST_TTL:
        found = f"TTL de {said.ttl:,} s, y debe ser de {LONGEST_TTL} a lo más"
        if moment is Moment.HOUR:
            return warn("names", found, "para esta noche ya es tarde: no mueva la página a otra dirección")
        return bad(
            "names", found, f"pida a quien administra el DNS de {fqdn} que lo baje ya: tarda en valer lo que hoy dura"
        )
    if left := len(said.addresses) - sum(map(len, families.by_family(said.addresses, MOST).values())):
        return warn(
            "names", f"{fqdn} tiene {len(said.addresses)} direcciones, y {left} no se miraron esta vez",
            f"repita, que se miran otras al azar; y pida a quien administra el DNS de {fqdn} que quite las que sobran",
        )  # fmt: skip
    return good("names", f"TTL de {said.ttl} s, {len(said.answers)} servidores de acuerdo")


def _caa(host: Host, outside: Outside, moment: Moment) -> Check:
    fqdn, said = host.partner.public_name, outside.names
    authority = next((each.authority for each in outside.certificates if each.authority), "")
    if said.caa_trouble:
        return warn("caa", said.caa_trouble, f"hable con quien administra el DNS de {fqdn}")
    if not said.caa:
        return warn(
            "caa", "cualquier autoridad puede emitir un certificado para el nombre",
            f"pida un registro CAA en el DNS de {fqdn}: 0 issue \"{authority or 'la autoridad de su certificado'}\"",
        )  # fmt: skip
    if authority and not said.allows(authority):
        level = bad if moment is Moment.DAY else warn
        return level(
            "caa", f"no admite a {authority}, que emitió el certificado: no podría renovarse",
            f"pida que el CAA de {fqdn} la admita, o que se quite",
        )  # fmt: skip
    return good("caa", some([*said.caa]))


def _is_own(host: Host) -> bool:
    """Tell whether citizens see the certificate of the server itself, and not that of what is in front of it."""
    return not (host.partner.front or host.partner.cdn_ranges)


def _renewal(host: Host, given: str) -> str:
    """Return how the server itself gets another certificate.

    One that the outlet delivered is in its inventory; with ACME the server asks for it, and nobody else has one.
    """
    partner, apply = host.partner, f"./difusor apply -i {given}"
    if partner.tls_mode == "acme":
        return (
            f"en el servidor: sudo certbot renew --cert-name {LINEAGE} lo renueva o dice por qué no (desde Internet se "
            f"debe llegar a su puerto 80), y sudo systemctl reload nginx; si no basta, {apply} lo pide de nuevo"
        )
    asked = f"{ASKED}, y su llave"
    if partner.registration and not partner.front and partner.tls_certificate.endswith(f"/{given}/{CERTIFICATE}"):
        enroll = f"./difusor enroll FORMATO --name {given} --update --certificate ARCHIVO --certificate-key ARCHIVO"
        return f"{asked}; ejecute {enroll}, y {apply}"
    name, key = Path(*shlex.split(given)).name, shlex.quote(partner.tls_key)
    seal = f"ansible-vault encrypt {opening_of(name)} --output {key} ARCHIVO"
    return f"{asked}; ponga el certificado en {partner.tls_certificate}, y la llave, cifrada ({seal}); ejecute {apply}"


def _renewal_in_front(host: Host) -> str:
    """Return how the page gets another certificate where citizens do not see the server's own."""
    where = host.partner.front.name if host.partner.front else "su CDN"
    return f"{ASKED}, y que lo ponga en {where}: no es el de este servidor"


def _certificate(host: Host, outside: Outside, given: str) -> Check:
    election, seen, zone = host.election, outside.certificates, host.election.catalog.zone
    end = max(election.closes, election.retain_until or election.closes)
    own = _renewal(host, given)
    renew = own if _is_own(host) else _renewal_in_front(host)
    if refused := next((each for each in seen if each.refusal), None):
        return bad("certificate", f"en {refused.address}, {refused.refusal}", renew)
    expires = min((each.expires for each in seen if each.expires), default=None)
    if expires is None:
        return bad("certificate", "no se pudo ver en ninguna dirección", "vea primero por qué no responde la página")
    if expires <= end:
        return bad(
            "certificate",
            f"vence {local(expires, zone)} y la ventana termina {local(end, zone)}",
            renew,
        )
    if faults := [f"con el nombre {name}, {each.refusal}" for name, each in outside.aliases.items() if each.refusal]:
        return bad("certificate", some(faults), f"{own}; o quite de difusor_aliases lo que nadie visita")
    behind = outside.behind.expires if outside.behind else None  # what is in front of it may trust another authority
    if behind and behind <= end:
        return bad(
            "certificate",
            f"el de su servidor ({host.partner.public_address}) vence {local(behind, zone)} y la ventana termina "
            f"{local(end, zone)}",
            own,
        )
    if _is_own(host) and expires - min(outside.at, election.opens) < FEW_DAYS:
        return warn("certificate", f"vence {local(expires, zone)}, en menos de {FEW_DAYS.days} días", renew)
    return good("certificate", f"vence {expires.astimezone(zone):%Y-%m-%d}")
