"""The kinds of values in the form: each checks what was written, says in Spanish what to write, returns it tidied.

Every value is data: plain text in one line, in Latin letters, in which Ansible finds nothing to evaluate.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from difusor.partners.facts import data

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

NOT_APPLICABLE = "no aplica"
NONE = re.compile(r"(?i)\s*(no\s+aplica|n\s*/\s*a|na|ninguna|ninguno|-*)\s*\.?")
"""How people write that an item does not apply."""
SIGNS = frozenset("¿¡«»“”‘’–—…°·®©™€²³½¼×ªº")  # noqa: RUF001
"""What Spanish texts have besides ASCII and letters."""
FORMULA = re.compile(r"[=@]|[+-].*[|!]|[+-]\s*[A-Za-z]+\(")
"""How a text begins of which a spreadsheet would make a formula, should anybody ever open it in one."""
LABEL = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
HOST = re.compile(rf"{LABEL}(\.{LABEL})+")
FOLDERS = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?")
EXAMPLES = ("difusor.mx", "ejemplo.mx", "ejemplo.com", "ejemplo.com.mx")
"""Domains of examples; the first one is the call's own."""


def plain_words(text: str) -> list[str]:
    """Return the words of a name in lower case, without accents or signs."""
    split = unicodedata.normalize("NFKD", text.casefold())
    return re.findall(r"[a-z0-9]+", "".join(each for each in split if not unicodedata.combining(each)))


def _text(value: str) -> str:
    """Accept one line of Latin text that nothing evaluates; hard spaces, which spreadsheets insert, become spaces."""
    tidy = data(unicodedata.normalize("NFC", value.replace("\u00a0", " ").strip()))
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
        raise ValueError(f"«{value}» no es un teléfono; escriba sus 10 dígitos, sin 044, 045 ni +52 1")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL))


def _email(value: str) -> str:
    local, _, host = value.rpartition("@")
    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9_+%-]|\.(?!\.)){0,62}", local) or local.endswith("."):
        raise ValueError(f"«{value}» no es un correo electrónico; escríbalo como sistemas@diario.mx")
    return f"{local}@{_host(host)}"


def _public_address(value: str, version: int) -> str:
    kind = "una dirección IPv4 como 189.240.1.7" if version == 4 else "una dirección IPv6 como 2806:10::7"
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        raise ValueError(f"«{value}» no es {kind}; corríjala") from None
    if address.version != version:
        raise ValueError(f"«{value}» no es {kind}; escríbala en el renglón de la otra versión")
    tunnel = isinstance(address, ipaddress.IPv6Address) and (address.ipv4_mapped or address.sixtofour or address.teredo)
    if not address.is_global or address.is_multicast or tunnel:
        raise ValueError(
            f"«{value}» no es pública: nadie llegaría a ella desde internet; pida la pública a su proveedor"
        )
    return str(address)


def _where_to_enter(value: str) -> str:
    """Accept a public address or a host name, for SSH or FTP."""
    if re.fullmatch(r"[\d.]+", value) or ":" in value:
        return _public_address(value, 6 if ":" in value else 4)
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


def _number(value: object) -> object:
    """Accept a number as people write it: with a decimal comma, or the unit behind it."""
    if isinstance(value, str) and (
        found := re.fullmatch(r"\s*(\d{1,7})(?:[.,](\d{1,3}))?\s*([A-Za-z]{0,8})\s*", value)
    ):
        return f"{found[1]}.{found[2]}" if found[2] else found[1]
    return value


Words = Annotated[str, Field(max_length=1000), AfterValidator(_text)]
Short = Annotated[str, Field(max_length=120), AfterValidator(_text)]
Name = Annotated[Short, AfterValidator(_name)]
WebPlace = Annotated[Short, AfterValidator(_web_address)]
Phone = Annotated[Short, AfterValidator(_phone)]
Email = Annotated[Short, AfterValidator(_email)]
FtpHost = Annotated[Short, BeforeValidator(_not_applicable), AfterValidator(_or_not_applicable)]
FtpUser = Annotated[Short, BeforeValidator(_not_applicable)]
Entrance = Annotated[Short, AfterValidator(_where_to_enter)]
IPv4 = Annotated[Short, AfterValidator(lambda value: _public_address(value, 4))]
IPv6 = Annotated[Short, AfterValidator(lambda value: _public_address(value, 6))]
Attachment = Annotated[Short, AfterValidator(_attachment)]
Count = Annotated[int, BeforeValidator(_number), Field(ge=1, le=1_000_000)]
Measure = Annotated[float, BeforeValidator(_number), Field(gt=0, le=1_000_000)]
