"""The kinds of single values in an inventory: each checks its form and says in Spanish what the value should be."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from corte.format import files, instants
from corte.format.errors import why
from difusor.inventory.addresses import is_address
from difusor.spec import CLAUSE_ID

KEY_TYPES = (
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",  # as cards (PIV) have them
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
)
RSA_BITS = 3072
LEGIBLE = 4.5
SHORTEST_PREFIX = {4: 8, 6: 16}
"""Of a network in an inventory, by IP version."""
MAPPED_BITS = 96
"""What precedes an IPv4 address that is written as an IPv6 one (::ffff:10.1.2.3)."""
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Read = Callable[[str], bytes]
LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
FILED = "papeles"
"""The folder of an inventory in which `difusor file` keeps scans."""
SPELT = "en minúsculas sin acentos, con cifras y -; llame así también a su archivo"
"""How the name of a place or a call is written, as the end of a sentence."""


def matching(pattern: str, sentence: str, secret: bool = False) -> AfterValidator:
    """Return a check that the whole text matches `pattern`; the error sentence never repeats a `secret`."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(sentence if secret else f"{sentence}; dice «{value}»")
        return value

    return AfterValidator(check)


def _address(value: str) -> str:
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        raise ValueError(f"«{value}» no es una dirección IP; escriba una como 10.1.2.3 o fd00::3") from None
    _refuse_another_spelling(value, ipaddress.ip_network(address))
    return value


def is_urgent(info: ValidationInfo) -> bool:
    """Tell whether no file is read: for cortes, signers and trusted addresses, which no lesser fault may hold up."""
    return (info.context or {}).get("read", from_disk) is None


def _usual(value: str, info: ValidationInfo) -> str:
    """Return an address as name servers and the server's own cards give it, with whose text it is compared."""
    if value != (usual := str(ipaddress.ip_address(value))) and not is_urgent(info):
        raise ValueError(f"«{value}» se escribe también de otra forma, que es la usual; escriba {usual}")
    return usual


def _origin(value: str) -> str:
    """Accept an address, or a network whose host bits are zero and that is not half the Internet."""
    try:
        network = ipaddress.ip_network(value)
    except ValueError as error:
        if "host bits" in str(error):
            proper = ipaddress.ip_network(value, strict=False)
            raise ValueError(f"«{value}» no es una red; ¿quiso decir {proper}?") from None
        raise ValueError(f"«{value}» no es una dirección ni una red; escriba una como 10.1.2.3 o 10.1.2.0/24") from None
    _refuse_another_spelling(value, network)
    if network.prefixlen == 0:
        raise ValueError(f"«{value}» es todo Internet; una dirección confiable tiene que ser de alguien")
    if network.prefixlen < SHORTEST_PREFIX[network.version]:
        raise ValueError(f"{value} abarca medio internet; escriba solo las redes de quien debe llegar por ahí")
    return value


def _refuse_another_spelling(value: str, network: Network) -> None:
    """Refuse what each program on the server would take for something else, or for nothing; ValueError says how else.

    Such are a network with a mask, of which some programs read the first number as its length, an IPv4 address
    written as IPv6, which no connection comes from, and the address of one network card.
    """
    written, address = value.partition("/")[2], network.network_address
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id:
        raise ValueError(f"«{value}» lleva una zona («%»), que solo vale dentro del equipo; quítela")
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        length = f"/{network.prefixlen - MAPPED_BITS}" if written else ""
        raise ValueError(f"«{value}» es IPv4 escrito como IPv6; escriba {address.ipv4_mapped}{length}")
    if written and written != str(network.prefixlen):
        raise ValueError(f"«{value}» lleva una máscara y no todos los programas la leen igual; escriba {network}")


def host(value: str) -> str:
    """Accept a host name with any number of labels, or an address; ValueError for anything else."""
    is_name = re.fullmatch(rf"{LABEL}(\.{LABEL})*", value) and not re.fullmatch(r"[\d.]+", value)
    if not is_name and not is_address(value):
        raise ValueError(f"«{value}» no es un nombre de host ni una dirección IP")
    return value


def is_domain(name: str) -> bool:
    """Tell whether a host name or address is a name for which a certificate is asked (role nginx)."""
    return "." in name and not is_address(name)


def _name_or_address(value: str) -> str:
    """Accept what `host` accepts, an address in its usual spelling only."""
    if ":" in host(value):
        _address(value)
    return value


def _instant(value: object) -> datetime:
    """Return the instant with the offset that is written; ValueError also for one that servers and roles refuse."""
    form = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})"
    if isinstance(value, str) and re.fullmatch(form, value):
        instants.parse_offset(value)
        return datetime.fromisoformat(value)
    raise ValueError(
        f"«{value}» no es un instante absoluto; escríbalo entre comillas y con su diferencia con UTC, "
        'como "2024-06-03T02:00:00Z" o "2024-06-02T20:00:00-06:00"'
    )


def _day(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"«{value}» no es una fecha; escríbala como 2024-06-30") from None


def _written(value: str, info: ValidationInfo) -> str:
    """Accept a text of which something is seen."""
    if not (value.strip() or is_urgent(info)):
        raise ValueError("está en blanco; escriba su valor")
    return value


def _one_line(value: str, info: ValidationInfo) -> str:
    """Accept what stays one line in a file of the server's, where the next one would be read as a setting."""
    if not (value.rstrip("\n").replace("\u00a0", " ").isprintable() or is_urgent(info)):
        raise ValueError("debe caber en una línea, sin tabuladores ni signos invisibles")
    return value


def legible(color: str, ground: str) -> str:
    """Return the colour if text of it can be read on this ground (contrast of 4.5:1, WCAG AA); else ValueError."""
    lighter, darker = sorted(map(_luminance, (color, ground)), reverse=True)
    contrast = (lighter + 0.05) / (darker + 0.05)
    if contrast < LEGIBLE:
        raise ValueError(
            f"«{color}» sobre {ground} tiene un contraste de {contrast:.1f} a 1 y no se leería; elija uno de 4.5 o más"
        )
    return color


def _luminance(color: str) -> float:
    """Return the relative luminance of #rrggbb as WCAG defines it."""
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return sum(weight * each for weight, each in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _public_key(value: str) -> str:
    """Accept a whole public key in one line: with a broken one among the revoked, ssh-keygen refuses every signature.

    Servers take only single spaces between its parts (corte.format.signature).
    """
    found = re.fullmatch(r"(\S+) ([A-Za-z0-9+/]+={0,2})(?: .*)?", value.strip())
    try:
        if found is None or found[1] not in KEY_TYPES or not value.strip().isprintable():
            raise ValueError
        serialization.load_ssh_public_key(f"{found[1]} {found[2]}".encode())
        if base64.b64encode(base64.b64decode(found[2])).decode() != found[2]:  # stray bits, or padding, after the key
            raise ValueError
    except (ValueError, NotImplementedError, UnsupportedAlgorithm):  # not implemented: a point in its compressed form
        raise ValueError(
            "no es una llave pública de OpenSSH; copie la línea entera del archivo .pub (ssh-ed25519 AAAA…)"
        ) from None
    return value


def _principal(value: str) -> str:
    """Accept a signer's name as servers take it (corte.format.signature); of another one they ignore the line."""
    if not re.fullmatch(r"[^\s#,*?!\"]+", value) or not value.isprintable():
        raise ValueError(
            f"debe ser una identidad sin espacios, # ni comodines, como firma@instituto.mx; dice «{value}»"
        )
    return value


def _login_key(value: str) -> str:
    """Accept a key that can log in on every release: from OpenSSH 9.1 on, servers refuse short RSA keys (role ssh)."""
    if 0 < (bits := rsa_bits(value)) < RSA_BITS:
        raise ValueError(
            f"es una llave RSA de {bits} bits y el servidor pide {RSA_BITS} o más; haga otra: ssh-keygen -t ed25519"
        )
    return value


def rsa_bits(line: str) -> int:
    """Return the size of the RSA key in a line of authorized_keys, which may begin with options; 0 when it has none."""
    found = re.search(r"(?:^|\s)(ssh-rsa \S+)", line)
    try:
        key = serialization.load_ssh_public_key(found[1].encode()) if found else None
    except (ValueError, UnsupportedAlgorithm):
        return 0
    return key.key_size if isinstance(key, rsa.RSAPublicKey) else 0


def content(path: str, info: ValidationInfo) -> bytes | None:
    """Return a file's bytes, through the `read` of the validation context (default: as it is on disk).

    The `read` that Ansible's plugin passes opens vaulted files too. When `read` is None, no file is read and only the
    form of the values is checked. A relative path is refused: Ansible and the scripts would look for it in different
    folders.
    """
    if not Path(path).is_absolute():
        raise ValueError(f'«{path}» debe ser una ruta absoluta; escriba "{{{{ inventory_dir }}}}/{path}"')
    read: Read | None = (info.context or {}).get("read", from_disk)
    try:
        return read(path) if read else None
    except OSError as error:
        raise ValueError(f"no se puede leer {path} ({why(error)}); corrija la ruta o sus permisos") from None


def from_disk(path: str) -> bytes:
    """Return a file's bytes; OSError when it cannot be read."""
    return files.read(Path(path))


def digest(path: str, info: ValidationInfo) -> str | None:
    """Return the SHA-256 of a file's bytes; None when no file is read (see content)."""
    found = content(path, info)
    return None if found is None else hashlib.sha256(found).hexdigest()


def later(name: str, value: datetime, info: ValidationInfo, variable: str = "", *, or_equal: bool = False) -> datetime:
    """Return `value` if it is after the instant in the field `name` (or, with `or_equal`, the same); else ValueError.

    `variable` is the field's name in the inventory, when it is another one.
    """
    earlier = info.data.get(name)
    if earlier and (value < earlier if or_equal else value <= earlier):
        raise ValueError(
            f"{value.isoformat()} debe ser posterior a {variable or name} ({earlier.isoformat()}); "
            "corrija uno de los dos"
        )
    return value


def once(values: list[str]) -> list[str]:
    """Return the values if none is there twice, in whatever notation; ValueError names the first that is."""
    plain = [_one_notation(value) for value in values]
    for place, value in enumerate(values):
        if plain[place] in plain[:place]:
            raise ValueError(f"«{value[:60]}» está dos veces; deje una sola, o corrija la que quiso escribir")
    return values


def _one_notation(value: str) -> str:
    """Return an address or network in its shortest form, and a key without its comment."""
    try:
        return str(ipaddress.ip_network(value, strict=False))
    except ValueError:
        return " ".join(value.split()[:2])


def pinned(name: str, value: str, info: ValidationInfo) -> str:
    """Return `value` if it is the SHA-256 of the file whose path is in the field `name`; else ValueError."""
    path = info.data.get(name)
    if path and digest(path, info) not in (None, value):
        raise ValueError(f"no es el de {path}; verifique que ese archivo sea el auténtico y corrija sha256")
    return value


def _file(value: str, info: ValidationInfo) -> str:
    content(value, info)
    return value


Text = Annotated[str, Field(min_length=1), AfterValidator(_written)]
Line = Annotated[Text, AfterValidator(_one_line)]
SitePath = Annotated[
    str, matching(r"(/[A-Za-z0-9._~/-]*)?", "debe ser una ruta desde la raíz del sitio, como /prep2024mor/consulta/")
]
Account = Annotated[str, matching(r"(?!root$)[a-z_][a-z0-9_-]{0,31}", "debe ser un usuario de Linux distinto de root")]
PageFolder = Annotated[str, matching(r"/([A-Za-z0-9._~-]+/)*", "debe empezar y terminar con /, como / o /prep2027/")]
"""The folder of a page on its host."""
Address = Annotated[str, AfterValidator(_address), AfterValidator(_usual)]
Origin = Annotated[str, AfterValidator(_origin)]
HostName = Annotated[str, AfterValidator(_name_or_address)]
DomainName = Annotated[
    str, matching(rf"{LABEL}(\.{LABEL})+", "debe ser un nombre de dominio en minúsculas, como prep.diario.mx")
]
Instant = Annotated[datetime, BeforeValidator(_instant)]
Day = Annotated[date, BeforeValidator(_day)]
PollingDay = Day | None
"""The polling day of the election for which a paper came, in which alone it counts; None where nobody wrote it."""
Color = Annotated[str, matching(r"#[0-9a-f]{6}", "debe ser un color como #7a2682, en minúsculas y entre comillas")]
Principal = Annotated[str, AfterValidator(_principal)]
PublicKey = Annotated[str, AfterValidator(_public_key)]
LoginKey = Annotated[PublicKey, AfterValidator(_login_key)]
File = Annotated[str, AfterValidator(_file)]
Sha256 = Annotated[
    str, matching(r"[0-9a-f]{64}", "debe ser un SHA-256 en hexadecimal (64 caracteres; sha256sum ARCHIVO lo da)")
]
WebAddress = Annotated[
    str, matching(r"(https?://)?[^\s/:]+\.\S+", "debe ser una dirección web, como www.diario.mx/prep2024mor")
]
ClauseId = Annotated[str, matching(CLAUSE_ID, "debe ser el identificador de una cláusula, como HW-01")]
