"""The kinds of values in the form: each checks what was written, says in Spanish what to write, returns it tidied.

Every value is data: plain text in one line, in Latin letters, in which Ansible finds nothing to evaluate.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from difusor.partners.facts import data

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

NOT_APPLICABLE = "no aplica"
NONE = re.compile(
    r"(?i)\s*(no\s+aplica|n\s*/\s*a|n\.\s*a|na|ninguna|ninguno|no\s+(?:se\s+)?(?:tiene|usa)|[-\u2013\u2014]*)\s*\.?"
)
"""How people write that an item does not apply."""
EDGES = " \t\r\n\v\f\u00a0\u2009\u202f\u200b\u200e\u200f\u202a\u202c\u2060\ufeff"
"""What copying from a web page, a chat or the telephone's contacts leaves around a value, and nobody sees."""
TYPOGRAPHY = str.maketrans({
    **dict.fromkeys("\u00a0\u2009\u202f", " "), **dict.fromkeys("\u2010\u2011\u2212", "-"),
})  # fmt: skip
"""The spaces and hyphens that programs put in place of those that were typed."""
SIGNS = frozenset("¿¡«»“”‘’´–—…•°·®©™€µ²³½¼×±≥≤→ªº")  # noqa: RUF001
"""What Spanish texts have besides ASCII and letters."""
STROKED = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d"})
"""Letters of names that are no letter with an accent, and what they are read as; ß is ss already without case."""
FORMULA = re.compile(r"[=@]|[+-].*[|!]|[+-]\s*[A-Za-z]+\(")
"""How a text begins of which a spreadsheet would make a formula, should anybody ever open it in one."""
FILLERS = frozenset({"de", "en", "ram", "memoria", "ssd", "simetricos", "fisicos", "por", "segundo", "s"})
"""Words that people write behind a unit, and that say nothing more."""
FASTEST = 10  # GHz
LOCAL = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
UNICAST = ipaddress.ip_network("2000::/3")
"""Where all of IPv6 is that anybody has been given; Python calls what lies beyond it public too."""
OF_PROTOCOLS = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2002::/16")))
"""Networks that are nobody's server, of which Python calls some addresses public: those of tunnels, above all."""
NOT_PUBLIC = "«{}» no es pública: nadie llegaría a ella desde internet; pida la pública a su proveedor"
PAGE = re.compile(r"(?i)[^/]*\.(html?|php|aspx?|jsp)")
LABEL = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
HOST = re.compile(rf"{LABEL}(\.{LABEL})+")
FOLDERS = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?")
EXAMPLES = ("difusor.mx", "ejemplo.mx", "ejemplo.com", "ejemplo.com.mx")
"""Domains of examples; the first one is the call's own."""


def plain_words(text: str) -> list[str]:
    """Return the words of a name in lower case, without accents or signs."""
    split = unicodedata.normalize("NFKD", text.casefold().translate(STROKED))
    return re.findall(r"[a-z0-9]+", "".join(each for each in split if not unicodedata.combining(each)))


def unread(text: str) -> str:
    """Return the letters that are none of a to z, not even with an accent: some languages' own, or look-alikes."""
    return "".join(each for each in text if each.isalpha() and not plain_words(each))


def bare(value: str) -> str:
    """Return a value without the spaces, line ends and invisible marks around it, which nobody meant to write."""
    return value.strip(EDGES)


def _one_line(value: object) -> object:
    """Return a description that was written in several lines, as Alt+Enter does in a cell, as one."""
    if not isinstance(value, str):
        return value
    lines = (bare(each.removesuffix("_x000D_")).rstrip(";") for each in bare(value).replace("\t", " ").split("\n"))
    return "; ".join(filter(None, lines))


def _text(value: str) -> str:
    """Accept one line of Latin text that nothing evaluates, with the spaces and hyphens of a keyboard."""
    tidy = data(unicodedata.normalize("NFC", bare(value).translate(TYPOGRAPHY)))
    if FORMULA.match(tidy):
        raise ValueError("comienza como una fórmula («=», «@», o «+» con una función); escriba solo el texto")
    for letter in tidy:
        if not letter.isascii() and letter not in SIGNS and not unicodedata.name(letter, "").startswith("LATIN"):
            raise ValueError(f"lleva «{letter}», que no es del alfabeto latino y puede confundirse; vuelva a teclearlo")
    return re.sub(r" {2,}", " ", tidy)


def _name(value: str) -> str:
    if sum(letter.isalpha() for letter in value) < 2:
        raise ValueError(f"«{value}» no es un nombre; escriba el completo")
    return value


@cache
def suffixes() -> PublicSuffixList:
    """Return the list of public suffixes, as the library has it: nothing is asked on the network.

    Suffixes in other alphabets are left out, as hosts in them are refused.
    """
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList(accept_unknown=False, accept_encoded_idn=False)


def own_domain(host: str) -> str:
    """Return the domain that somebody registered and to which a host belongs; empty for what nobody can register."""
    return suffixes().privatesuffix(host) or ""


def _host(value: str) -> str:
    host = value.lower().rstrip(".")
    if not host.isascii() or "xn--" in host:
        raise ValueError(f"«{value}» lleva letras fuera de a-z; use un dominio sin acentos ni letras de otro alfabeto")
    if len(host) > 253 or not HOST.fullmatch(host):
        raise ValueError(f"«{value}» no es un nombre de dominio; escríbalo como prep.diario.mx")
    if not (domain := own_domain(host)):
        raise ValueError(f"«{value}» no está bajo un dominio público registrado; escriba el dominio propio")
    if domain in EXAMPLES:
        raise ValueError(f"«{value}» es el ejemplo del formato; escriba el suyo")
    return host


def _web_address(value: str) -> str:
    """Accept host and folders, with or without http:// or https:// and a last slash; return them without either."""
    whole = value[value.find("://") + 3 :] if re.match(r"(?i)https?://", value) else value
    host, slash, path = whole.partition("/")
    if any(mark in whole for mark in "@:?#\\") or "://" in whole:
        raise ValueError(f"«{value}» lleva usuario, puerto, «?» o «#»; escriba solo dominio y carpeta")
    host = _host(host)
    if PAGE.fullmatch(path.rstrip("/").rpartition("/")[2]):
        raise ValueError(f"«/{path}» termina en un archivo; escriba solo la carpeta, como /prep2027mor")
    if not FOLDERS.fullmatch(slash + path):
        raise ValueError(f"«/{path}» no es una carpeta; use letras sin acento, cifras, «-» y «_», como /prep2027mor")
    return f"{host}{slash}{path}".rstrip("/")


def _phone(value: str) -> str:
    import phonenumbers

    try:
        number = phonenumbers.parse(value, "MX")
        valid = phonenumbers.is_valid_number(number)
    except phonenumbers.NumberParseException:
        valid = False
    if not valid:
        raise ValueError(f"«{value}» no es un teléfono; escriba sus 10 dígitos, uno solo y sin 01, 044, 045 ni +52 1")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL))


def _email(value: str) -> str:
    """Accept an address, also as programs of mail copy it: behind mailto:, or in <> behind a name."""
    value = re.sub(r"(?i)^mailto:", "", value)
    if named := re.fullmatch(r"[^<>@,;]*<([^<>]+)>", value):
        value = named[1]
    local, _, host = value.rpartition("@")
    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9_+%-]|\.(?!\.)){0,62}", local) or local.endswith("."):
        raise ValueError(f"«{value}» no es un correo electrónico; escríbalo como sistemas@diario.mx")
    return f"{local}@{_host(host)}"


def is_local(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Return whether an address is one of a local network, as that of a server on which somebody rehearses."""
    return any(address in ipaddress.ip_network(each) for each in LOCAL)


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Tell whether somebody may have been given an address, at which all of the Internet reaches a server."""
    is_given = address.version == 4 or address in UNICAST
    is_taken = address.is_multicast or any(address in each for each in OF_PROTOCOLS)
    return address.is_global and is_given and not is_taken


def _address(value: str, version: int) -> str:
    """Accept a public address, or one of a local network, which only a rehearsal may have (`review`)."""
    kind = "una dirección IPv4 como 189.240.1.7" if version == 4 else "una dirección IPv6 como 2806:10::7"
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        raise ValueError(f"«{value}» no es {kind}; corríjala") from None
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id:
        raise ValueError(f"«{value}» lleva una zona («%»), que solo vale dentro del equipo; quítela")
    if address.version != version:
        raise ValueError(f"«{value}» no es {kind}; escríbala en el renglón de la otra versión")
    if not (is_local(address) or _is_public(address)):
        raise ValueError(NOT_PUBLIC.format(value))
    return str(address)


def _where_to_enter(value: str) -> str:
    """Accept a public address or a host name, for SSH or FTP."""
    if "://" in value or value.count(":") == 1:
        raise ValueError(f"«{value}» lleva «://» o un puerto; escriba solo la dirección o el dominio")
    if re.fullmatch(r"[\d.]+", value) or ":" in value:
        return _address(value, 6 if ":" in value else 4)
    return _host(value)


def _not_applicable(value: object) -> object:
    return NOT_APPLICABLE if isinstance(value, str) and NONE.fullmatch(value) else value


def _or_not_applicable(value: str) -> str:
    return value if value == NOT_APPLICABLE else _where_to_enter(value)


def _attachment(value: str) -> str:
    if not re.fullmatch(r"(?i)[^\W_][\w .()+-]*\.png", value) or ".." in value:
        raise ValueError(
            f"«{value}» no es el nombre de un archivo PNG; escriba solo el nombre, sin carpetas, como logotipo.png"
        )
    return value


def _figure(units: Mapping[str, float], asked: str, whole: bool = True) -> BeforeValidator:
    """Return what takes a number as people write it: with a decimal comma, or one of these units behind it.

    `units` maps each to how many of the one that is `asked` for it is; "" stands for a number without any.
    """

    def read(value: object) -> object:
        if not isinstance(value, str):
            return value
        found = re.fullmatch(r"(\d{1,7})(?:[.,](\d{1,9}))?\s*([^\d\s][^\d]*)?", bare(value))
        if not found:
            raise ValueError(f"«{value[:60]}» no es un número; escriba solo la cifra, {asked}")
        number, decimals, behind = found.groups("")
        unit, *others = plain_words(behind) or [""]
        if unit not in units or not FILLERS.issuperset(others):
            raise ValueError(f"«{value[:60]}» dice «{behind.strip()}»; escriba solo la cifra, {asked}")
        if units[unit] < 1 and len(decimals) == 3 and len(number) <= 3:  # 2,400 MHz: no processor has 2.4 of them
            number, decimals = number + decimals, ""
        if whole and len(decimals) == 3:
            raise ValueError(f"«{value[:60]}» puede leerse de dos modos; escriba la cifra sin puntos ni comas, {asked}")
        return f"{round(float(f'{number}.{decimals or 0}') * units[unit], 6):.6f}".rstrip("0").rstrip(".")

    return BeforeValidator(read)


def _possible(gigahertz: float) -> float:
    if gigahertz > FASTEST:
        raise ValueError(f"ningún procesador tiene {gigahertz:g} GHz; ¿están en MHz?")
    return gigahertz


COUNTED = Field(ge=1, le=1_000_000)
Words = Annotated[str, BeforeValidator(_one_line), Field(max_length=1000), AfterValidator(_text)]
Short = Annotated[str, Field(max_length=120), AfterValidator(_text)]
Name = Annotated[Short, AfterValidator(_name)]
WebPlace = Annotated[Short, AfterValidator(_web_address)]
Phone = Annotated[Short, AfterValidator(_phone)]
Email = Annotated[Short, AfterValidator(_email)]
FtpHost = Annotated[Short, BeforeValidator(_not_applicable), AfterValidator(_or_not_applicable)]
FtpUser = Annotated[Short, BeforeValidator(_not_applicable)]
Entrance = Annotated[Short, AfterValidator(_where_to_enter)]
IPv4 = Annotated[Short, AfterValidator(lambda value: _address(value, 4))]
IPv6 = Annotated[Short, AfterValidator(lambda value: _address(value, 6))]
Attachment = Annotated[Short, AfterValidator(_attachment)]
Cores = Annotated[int, _figure(dict.fromkeys(("", "nucleo", "nucleos", "core", "cores"), 1), "de núcleos"), COUNTED]
Gigahertz = Annotated[
    float, _figure({"": 1, "ghz": 1, "mhz": 0.001}, "en GHz", whole=False), Field(gt=0), AfterValidator(_possible)
]
Gigabytes = Annotated[
    int, _figure({"": 1, "g": 1, "gb": 1, "gib": 1, "t": 1000, "tb": 1000, "tib": 1000}, "en GB"), COUNTED
]
Megabits = Annotated[
    int,
    _figure({"": 1, "m": 1, "mb": 1, "mbps": 1, "mbits": 1, "g": 1000, "gb": 1000, "gbps": 1000}, "en Mbps"),
    COUNTED,
]
