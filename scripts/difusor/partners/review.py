"""Reviews a form whose values are well written, as a clerk would: against call, election and other forms."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from difusor import spec
from difusor.inventory import Election
from difusor.partners.form.items import Received, Remark, filled, keys
from difusor.partners.form.values import HOST, NOT_PUBLIC, is_local, own_domain, plain_words, unread
from difusor.partners.likeness import COMMON, acronym, alike, contains, folded, imitates, twins
from difusor.partners.record import LATE
from difusor.partners.roster import Known

HOSTS = ("sitio", "enlace", "tecnico.correo", "legal.correo", "ftp.servidor", "anexo_tecnico.ssh_servidor")
"""The items that name a host, an address of mail or of the web."""
ADDRESSES = ("anexo_tecnico.ipv4", "anexo_tecnico.ipv6", "anexo_tecnico.ssh_servidor")
SERVER_KEY = "anexo_tecnico.ssh_llave"
FIGURES = (
    ("anexo_tecnico.nucleos", "HW-02", "cores", "núcleos"),
    ("anexo_tecnico.ghz", "HW-02", "ghz", "GHz"),
    ("anexo_tecnico.ram_gb", "HW-03", "ram_gb", "GB de RAM"),
    ("anexo_tecnico.ssd_gb", "HW-04", "disk_gb", "GB en estado sólido"),
    ("anexo_tecnico.mbps", "RED-01", "mbps", "Mbps"),
)
WRITTEN = {
    "ram_gb": r"(\d+)\s*GB\s*(?:de\s+)?(?:memoria\s+)?RAM|RAM\D{0,12}?(\d+)\s*GB",
    "cores": r"(\d+)\s*(?:n[uú]cleos|cores)",
}
"""How the text of item 16 names a figure."""
SHORT = "si no se puede ampliar, la exención la decide {}"


@dataclass(frozen=True)
class Surroundings:
    """What a form is reviewed against; `received` and `notified`: when form and oficio came; `logo`: its SHA-256.

    `may_correct`: nobody is enrolled by the name that it would get, and the clerk has not said that it is another's.
    """

    election: Election
    others: list[Known]
    received: datetime
    notified: datetime | None = None
    logo: str = ""
    may_correct: bool = False

    @property
    def institute(self) -> str:
        """The institute's domain; if the election says none, that of whoever signs the cortes; else empty."""
        if self.election.institute.domain:
            return self.election.institute.domain
        return next((each.principal.rpartition("@")[2] for each in self.election.signers if "@" in each.principal), "")


def review(said: Mapping[str, str], received: Received, around: Surroundings) -> list[Remark]:
    """Return everything that a clerk would say about a form's values, by their keys; "" are those not to be judged."""
    checks = (_own_link, _letters, _institute, _addresses, _others, _hardware, _auditor, _late)
    return [finding for check in checks for finding in check(said, received, around)]


def _host(value: str) -> str:
    return value.rpartition("@")[2].partition("/")[0]


def _own_link(said: Mapping[str, str], received: Received, around: Surroundings) -> Iterator[Remark]:
    link, site = _host(said["enlace"]), _host(said["sitio"])
    if link and site and own_domain(link) != own_domain(site):
        yield received.finding(
            "enlace", f"«{link}» no está bajo el dominio del medio ({own_domain(site)}); proponga uno que lo esté"
        )


def _letters(said: Mapping[str, str], received: Received, around: Surroundings) -> Iterator[Remark]:
    """Yield the letters of a name that could be taken for others, and by which no other name would be compared."""
    if strange := unread(said["nombre"]):
        yield received.finding(
            "nombre", f"lleva «{strange}», que puede confundirse con otra letra; confirme que así se escribe", "revisar"
        )


def _institute(said: Mapping[str, str], received: Received, around: Surroundings) -> Iterator[Remark]:
    """Yield what takes the institute's name, or one that looks like it."""
    domain = around.institute
    if not domain:
        return
    for key in HOSTS:
        host = _host(said[key])
        if host == domain or host.endswith(f".{domain}"):
            yield received.finding(key, f"«{said[key]}» es del Instituto ({domain}); escriba el del medio")
        elif HOST.fullmatch(host) and imitates(host, domain):
            yield received.finding(key, f"«{host}» se parece al dominio del Instituto ({domain}); use un nombre propio")
    institute, label = around.election.institute, {folded(domain.partition(".")[0])} - COMMON
    words, name = plain_words(said["nombre"]), folded(said["nombre"])
    # Within a word an acronym, or a label as short, means nothing: some have three letters.
    is_word = any(twins(word, each) for word in words for each in {folded(institute.acronym), *label})
    if is_word or any(contains(name, each) or alike(each, name) for each in {folded(institute.name), *label}):
        yield received.finding(
            "nombre", f"«{said['nombre']}» se confunde con el Instituto; confírmelo con quien firma", "revisar"
        )


def _addresses(said: Mapping[str, str], received: Received, around: Surroundings) -> Iterator[Remark]:
    written = filled(received).keys()
    if not written & set(ADDRESSES[:2]):
        yield received.finding(ADDRESSES[0], "falta la dirección IP pública; escriba la IPv4, la IPv6 o las dos")
    elif ADDRESSES[0] not in written:
        told = "falta la IPv4: quien no tiene IPv6 no abrirá la página, y countdown será rojo; pídala a su proveedor"
        yield received.finding(ADDRESSES[0], told, "aviso")
    for key in (*ADDRESSES, "ftp.servidor"):
        try:
            address = ipaddress.ip_address(said[key])
        except ValueError:
            continue
        if any(address in ipaddress.ip_network(each) for each in around.election.trusted_addresses):
            yield received.finding(key, f"«{address}» es del Instituto; escriba la del servidor del medio")
        elif is_local(address) and around.election.environment == "simulacro":
            told = f"«{address}» no es pública; en un simulacro puede ser la de un servidor de pruebas"
            yield received.finding(key, told, "revisar")
        elif is_local(address):
            yield received.finding(key, NOT_PUBLIC.format(address))


def _others(said: Mapping[str, str], received: Received, around: Surroundings) -> Iterator[Remark]:
    """Yield what another difusor has already, and what could be mistaken for another's."""
    for other in around.others:
        whose = f"«{other.name}» ({other.id})"
        if around.may_correct and _has_server_of(said, other):
            told = (
                f"parece la corrección de {whose}, que tiene la misma llave de servidor, y la misma liga o dirección; "
                f"si es él, dé --name {other.id}; si es otro medio, acéptelo y se dirá lo que no pueden compartir"
            )
            yield received.finding("nombre", told, "revisar")
        else:
            yield from _shared(said, received, other, whose, around.logo)


def _has_server_of(said: Mapping[str, str], other: Known) -> bool:
    """Tell whether a form has an enrolled difusor's server, so that it is hardly somebody else's."""
    link, addresses = _host(said["enlace"]), {said[key] for key in ADDRESSES} - {""}
    is_same = said[SERVER_KEY] in other.server_keys and (link == other.fqdn or bool(addresses & other.addresses))
    return other.is_enrolled and is_same


def _shared(said: Mapping[str, str], received: Received, other: Known, whose: str, logo: str) -> Iterator[Remark]:
    """Yield what a form has of another difusor."""
    yield from _named_alike(said, received, other, whose)
    for key in ADDRESSES:
        if said[key] and said[key] in other.addresses:
            yield received.finding(key, f"«{said[key]}» ya es la dirección de {whose}; cada difusor tiene la suya")
    if said[SERVER_KEY] and said[SERVER_KEY] in other.server_keys:
        told = f"ya identifica al servidor de {whose}; si uno es copia del otro, genere llaves nuevas: ssh-keygen -A"
        yield received.finding(SERVER_KEY, told)
    if logo and logo == other.logo:
        yield received.finding("logotipo", f"es la misma imagen que la de {whose}; confirme de quién es", "revisar")


def _named_alike(said: Mapping[str, str], received: Received, other: Known, whose: str) -> Iterator[Remark]:
    fqdn, name = _host(said["enlace"]), folded(said["nombre"])
    domain = own_domain(_host(said["sitio"])) if said["sitio"] else ""
    if name and name == folded(other.name):
        yield received.finding("nombre", f"así se llama ya {whose}; escriba el que los distinga, o es el mismo formato")
    elif name and (twins(name, folded(other.name)) or alike(name, folded(other.name))):
        yield received.finding("nombre", f"se confunde con {whose}; confirme que son dos medios", "revisar")
    if fqdn and fqdn == other.fqdn:
        yield received.finding("enlace", f"«{fqdn}» ya es la liga de {whose}; proponga otra")
    elif domain and domain == other.domain:
        yield received.finding(
            "sitio", f"{whose} está bajo el mismo dominio, {domain}; confirme que son dos", "revisar"
        )
    elif alike(domain.partition(".")[0], other.domain.partition(".")[0]):
        told = f"«{domain}» se confunde con «{other.domain}», de {whose}; confirme de quién es"
        yield received.finding("sitio", told, "revisar")


def _hardware(said: Mapping[str, str], received: Received, around: Surroundings) -> Iterator[Remark]:
    """Yield what is less than the call asks; the clerk decides, because an exemption may be on its way."""
    call = spec.load(around.election.spec)
    short = SHORT.format(f"el {call['DG-13'].expect['decided_by']}" if "DG-13" in call.ids else "el Instituto")
    if said["anexo_tecnico.servidor"] == "virtual" and "HW-01" in call.ids:
        told = f"{call.annex} pide un servidor físico (HW-01); {short}"
        yield received.finding("anexo_tecnico.servidor", told, "revisar")
    for key, clause, name, unit in FIGURES:
        if clause not in call.ids:
            continue
        least = float(call[clause].expect[name])
        if said[key] and float(said[key]) < least:
            told = f"dice {said[key]} y {call.annex} pide {least:g} {unit} o más ({clause}); {short}"
            yield received.finding(key, told, "revisar")
        for found in re.finditer(WRITTEN.get(name, r"(?!)"), said["hardware"], re.IGNORECASE):
            figure = float(next(filter(None, found.groups())))
            if said[key] and figure < least <= float(said[key]):
                told = f"dice {figure:g} {unit} y en el anexo técnico {said[key]}; aclare cuál es"
                yield received.finding("hardware", told, "revisar")
                break


def _auditor(said: Mapping[str, str], received: Received, around: Surroundings) -> Iterator[Remark]:
    auditor = around.election.call.auditor if around.election.call else ""
    if not auditor:
        return
    whole, _, short = auditor.rstrip(")").partition("(")
    words = plain_words(said["nombre"])
    same = folded(whole) in folded(said["nombre"]) or acronym(said["nombre"]) == acronym(whole)
    if same or (short and folded(short) in words):
        told = f"parece ser quien audita el PREP ({auditor}); su propio dictamen no lo puede hacer: avise a su superior"
        yield received.finding("nombre", told, "aviso")


def _late(said: Mapping[str, str], received: Received, around: Surroundings) -> Iterator[Remark]:
    """Yield what came after its date: it is kept and marked."""
    call, election = around.election.call, around.election
    opens = election.opens if election.environment == "official" else None  # a rehearsal may open at any time
    for moment, limit, what in (
        (around.notified, election.notice_until, "el oficio llegó después del plazo"),
        (around.received, call and call.form_until, f"{LATE} después del plazo que puso el Instituto"),
        (around.received, call and call.list_from, f"{LATE} cuando la lista ya podía publicarse"),
        (around.received, opens, f"{LATE} cuando la publicación ya había comenzado"),
    ):
        if moment and limit and moment > limit:
            told = f"{what} ({_moment(limit, election)}); se conserva y queda marcado como tardío"
            yield Remark("fechas", "fechas", told, "aviso")


def _moment(instant: datetime, election: Election) -> str:
    return f"{instant.astimezone(ZoneInfo(election.timezone)):%d/%m/%Y, %H:%M}"


def undecided(findings: list[Remark], accepted: Mapping[str, str]) -> list[Remark]:
    """Return the findings for which nothing may be created yet."""
    return [
        each for each in findings if each.weight == "error" or (each.weight == "revisar" and each.key not in accepted)
    ]


def accepted_key(text: str) -> str:
    """Return the key of an item that is named by its key or its number; empty when there is none."""
    return next((key for key, item in keys().items() if text in (key, item.number)), "")
