"""What an inventory says of one partner (difusor_*) and one election (election_*): the only list of names and types.

The preflight, the scripts and the tests read it here. Problems are Spanish sentences, because an operator reads them.
"""

from __future__ import annotations

import difflib
import hashlib
import ipaddress
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_core import ErrorDetails

from difusor import spec
from difusor.fields import (
    Address,
    Clause,
    Day,
    DomainName,
    File,
    Host,
    Instant,
    Origin,
    PublicKey,
    Read,
    Sha256,
    Text,
    content,
    matching,
)

# What inventories/ejemplo is made of: its markers and domains, and the networks reserved for documentation
# (RFC 5737, RFC 3849).
EXAMPLE_TEXT = re.compile(r"EJEMPLO|cambiame|\bejemplo\.(mx|com|org)\b|\bexample\.(com|net|org)\b|\.example\b")
EXAMPLE_NETWORKS = tuple(
    ipaddress.ip_network(network) for network in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
)
# pydantic's own error types, in the operator's language.
SENTENCES = {
    "bool_type": "debe ser true o false, sin comillas",
    "string_type": "debe ser un texto",
    "int_type": "debe ser un número entero, sin comillas",
    "list_type": "debe ser una lista",
    "model_type": "debe ser un conjunto de claves y valores",
    "string_too_short": "está vacía; escriba su valor",
    "too_short": "está vacía; agregue al menos un elemento",
}


class Strict(BaseModel):
    """No conversions, no unknown keys."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Image(Strict):
    """A container image pinned by content: an archive with its SHA-256, or a registry's reference by digest."""

    archive: str | None = None
    sha256: Sha256 | None = None
    reference: (
        Annotated[str, matching(r"\S+@sha256:[0-9a-f]{64}", "debe fijar el contenido: nombre@sha256:…")] | None
    ) = None

    @model_validator(mode="after")
    def _pinned(self, info: ValidationInfo) -> Image:
        if self.reference:
            if self.archive or self.sha256:
                raise ValueError("lleva archive con sha256, o reference, pero no ambos")
            return self
        if not self.archive or not self.sha256:
            raise ValueError("necesita archive y sha256, o bien reference (nombre@sha256:…)")
        found = hashlib.sha256(content(self.archive, info)).hexdigest()
        if found != self.sha256:
            raise ValueError(
                f"{self.archive} tiene el SHA-256 {found[:12]}… y no {self.sha256[:12]}…; "
                "vuelva a obtener el archivo o corrija sha256"
            )
        return self


class Signer(Strict):
    """Who may sign a corte, with which key, from when to when; an authority certifies the keys of those who sign."""

    principal: Annotated[
        str, matching(r"[^\s,*?!\"]+", "debe ser una identidad sin espacios ni comodines, como firma@impepac.mx")
    ]
    key: PublicKey
    authority: bool = False
    valid_after: Instant
    valid_before: Instant

    @field_validator("valid_before")
    @classmethod
    def _after_it_begins(cls, value: datetime, info: ValidationInfo) -> datetime:
        return _later("valid_after", value, info)


class Exclusion(Strict):
    """A rule of the WAF that hinders legitimate traffic, and why it may be left out."""

    rule: int
    reason: Text
    path: str = ""


class Waiver(Strict):
    """A clause the institute excuses, why and until when; it is measured all the same."""

    clause: Clause
    reason: Text
    by: str = ""
    expires: Day

    @field_validator("clause")
    @classmethod
    def _that_may_be_excused(cls, value: str) -> str:
        clauses = spec.load()
        if value not in clauses.ids:
            raise ValueError(f"{value} no es una cláusula de spec/anexo1.yml")
        if not clauses[value].waivable:
            raise ValueError(f"{value} no admite exención; quítela y cumpla la cláusula")
        return value


class Attestation(Strict):
    """A document that vouches for what no program can measure."""

    clause: Clause
    document: File
    sha256: Sha256
    signed_by: Text
    date: Day | None = None

    @field_validator("sha256")
    @classmethod
    def _of_the_document(cls, value: str, info: ValidationInfo) -> str:
        document = info.data.get("document")
        if document and hashlib.sha256(content(document, info)).hexdigest() != value:
            raise ValueError(f"no es el de {document}; verifique que sea el documento firmado y corrija sha256")
        return value


class Contact(Strict):
    """A person of ANEXO 2."""

    name: Text
    phone: Text
    mobile: Text
    email: Annotated[str, matching(r"[^@\s]+@[^@\s]+\.[^@\s]+", "debe ser un correo electrónico")]


class Registration(Strict):
    """ANEXO 2 as received: what the official list shows, and whom to call."""

    site: Annotated[str, matching(r"https?://\S+", "debe ser una dirección web completa, como https://www.diario.mx/")]
    link: Annotated[str, matching(r"https?://\S+", "debe ser una dirección web completa, como https://prep.diario.mx/")]
    logo: File
    technical_contact: Contact
    legal_contact: Contact


class Election(Strict):
    """What the institute decides once: elections/<name>.yml."""

    election_id: Annotated[
        str, matching(r"[a-z0-9][a-z0-9-]*", "debe ser un nombre corto en minúsculas, como morelos-2024")
    ]
    election_name: Text
    election_environment: Literal["official", "simulacro"]
    election_opens: Instant
    election_closes: Instant
    election_retain_until: Instant
    election_interval_minutes: Annotated[int, Field(ge=1, le=60)]
    election_timezone: Annotated[
        str, matching(r"[A-Za-z_]+(/[A-Za-z_]+)+", "debe ser una zona como America/Mexico_City")
    ]
    election_trusted_addresses: list[Origin]
    election_signers: Annotated[list[Signer], Field(min_length=1)]
    election_revoked_keys: list[PublicKey] = []

    @field_validator("election_closes")
    @classmethod
    def _closes_after_it_opens(cls, value: datetime, info: ValidationInfo) -> datetime:
        return _later("election_opens", value, info)

    @field_validator("election_retain_until")
    @classmethod
    def _retained_until_it_closes(cls, value: datetime, info: ValidationInfo) -> datetime:
        return _later("election_closes", value, info, or_equal=True)


class Partner(Strict):
    """What is true of one partner: inventories/<difusor>/group_vars/<difusor>/."""

    difusor_name: Text
    difusor_fqdn: DomainName
    difusor_aliases: list[Host] = []
    difusor_path: Annotated[
        str, matching(r"/([A-Za-z0-9._~-]+/)*", "debe empezar y terminar con /, como / o /prep2024mor/")
    ]
    difusor_public_address: Address
    difusor_admin_user: Annotated[
        str, matching(r"(?!root$)[a-z_][a-z0-9_-]{0,31}", "debe ser un nombre de usuario de Linux distinto de root")
    ]
    difusor_admin_password_hash: Annotated[
        str,
        matching(
            r"\$6\$(rounds=\d+\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{86}",
            "no es un hash SHA-512 ($6$…); hágalo con «difusor password» y cífrelo en vault.yml",
            secret=True,
        ),
    ]
    difusor_admin_keys: list[PublicKey]
    difusor_ssh_password_login: bool
    difusor_rsync_secret: Annotated[
        str,
        matching(
            r"[^\s#]\S{15,}",
            "necesita 16 caracteres o más, sin espacios; hágalo con «openssl rand -base64 24»",
            secret=True,
        ),
    ]
    difusor_tls_mode: Literal["files", "acme"]
    difusor_tls_certificate: str = ""
    difusor_tls_key: str = ""
    difusor_ntp_servers: list[Host] = []
    difusor_trusted_addresses: list[Origin] = []
    difusor_cdn_ranges: list[Origin] = []
    difusor_cdn_header: Annotated[
        str, matching(r"[A-Za-z][A-Za-z0-9-]*", "debe ser el nombre de una cabecera, como X-Forwarded-For")
    ] = "X-Forwarded-For"
    difusor_origin_lock: bool = False
    difusor_light_mode: bool = False
    difusor_prep_image: Image
    difusor_waf_image: Image
    difusor_waf_engine: Literal["On", "DetectionOnly"] = "On"
    difusor_waf_paranoia: Annotated[int, Field(ge=1, le=4)] = 1
    difusor_waf_exclusions: list[Exclusion] = []
    difusor_registration: Registration | None = None
    difusor_attestations: list[Attestation] = []
    difusor_waivers: list[Waiver] = []

    @field_validator("difusor_admin_keys")
    @classmethod
    def _a_way_in(cls, value: list[str]) -> list[str]:
        if not value:
            raise ValueError(
                "está vacía; agregue al menos una llave, o nadie podría administrar el servidor sin contraseña"
            )
        return value

    @field_validator("difusor_cdn_ranges")
    @classmethod
    def _not_everybody(cls, value: list[str]) -> list[str]:
        """Whoever stands in these networks may say to be anybody, without limits."""
        for each in value:
            network = ipaddress.ip_network(each)
            if network.prefixlen < (8 if network.version == 4 else 16):
                raise ValueError(f"{each} abarca medio internet; escriba solo las redes de la CDN o del balanceador")
        return value

    @field_validator("difusor_origin_lock")
    @classmethod
    def _someone_reaches_it(cls, value: bool, info: ValidationInfo) -> bool:
        if value and not info.data.get("difusor_cdn_ranges"):
            raise ValueError(
                "cerraría la página a todos: difusor_cdn_ranges está vacía; agregue ahí las redes de la CDN"
            )
        return value

    @field_validator("difusor_tls_certificate")
    @classmethod
    def _certificate_of_this_name(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("difusor_tls_mode") == "files":
            if not value:
                raise ValueError("falta; con difusor_tls_mode: files se necesita el archivo del certificado")
            certificate = _certificate(value, info)
            if certificate.not_valid_after_utc < datetime.now(UTC):
                raise ValueError(
                    f"{value} venció el {certificate.not_valid_after_utc:%Y-%m-%d}; renueve el certificado"
                )
            name = info.data.get("difusor_fqdn")
            if name and not any(_covers(pattern, name) for pattern in _names(certificate)):
                raise ValueError(f"{value} no es para {name} sino para {', '.join(_names(certificate)) or 'nadie'}")
        return value

    @field_validator("difusor_tls_key")
    @classmethod
    def _key_of_the_certificate(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("difusor_tls_mode") == "files":
            if not value:
                raise ValueError("falta; con difusor_tls_mode: files se necesita el archivo de la llave")
            pem = content(value, info)
            try:
                key = serialization.load_pem_private_key(pem, password=None)
            except (ValueError, TypeError):
                raise ValueError(f"{value} no es una llave privada en PEM sin contraseña") from None
            path = info.data.get("difusor_tls_certificate")
            if path and _certificate(path, info).public_key() != key.public_key():
                raise ValueError(f"{value} no es la llave del certificado {path}")
        return value


class Inventory(Partner, Election):
    """All of it, as one host sees it."""

    @field_validator("difusor_trusted_addresses")
    @classmethod
    def _someone_is_trusted(cls, value: list[str], info: ValidationInfo) -> list[str]:
        if not value and info.data.get("election_trusted_addresses") == []:
            raise ValueError(
                "la lista de direcciones confiables está vacía y nadie podría entrar al servidor; "
                "agregue la suya aquí o en election_trusted_addresses"
            )
        return value

    model_config = ConfigDict(validate_default=True)


NAMES = frozenset(Inventory.model_fields)
# An example left in place would send the run to nobody's address.
JUDGED = NAMES | {"ansible_host"}


def problems(variables: Mapping[str, Any], read: Read | None = None) -> list[str]:
    """Every reason why these variables cannot provision a server, one Spanish sentence each; empty when they can.

    `variables` maps names to rendered values, or to the exception that rendering raised, and may hold other names too;
    `read` returns the bytes of a file of the controller (default: as it is on disk) and raises OSError.
    """
    values = {name: variables[name] for name in variables if name in JUDGED}
    sentences = {name: sentence for name, value in values.items() if (sentence := _unfinished(value))}
    unfinished = set(sentences)
    finished = {name: value for name, value in values.items() if name in NAMES - unfinished}
    try:
        Inventory.model_validate(finished, context={"read": read})
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            if detail["loc"][0] not in unfinished:
                sentences[_place(detail["loc"])] = _sentence(detail)
    return [f"{place}: {sentence}{'' if sentence.endswith('?') else '.'}" for place, sentence in sentences.items()]


def role_inputs(roles: Path) -> frozenset[str]:
    """The names that the roles below `roles` take, as their argument_specs.yml list them."""
    return frozenset(
        name
        for specs in roles.glob("*/meta/argument_specs.yml")
        for entry_point in yaml.safe_load(specs.read_text(encoding="utf-8"))["argument_specs"].values()
        for name in entry_point.get("options") or {}
    )


def unknown(names: Iterable[str], root: Path) -> list[str]:
    """A Spanish sentence for each of `names` that nothing reads although it looks as if something should.

    That is: it begins like an input of the project (difusor_, election_, a role's name), or nearly spells one.
    `root` is the project; what playbooks/group_vars wires is known, for it is not the inventory's to get right.
    """
    wired = yaml.safe_load((root / "playbooks/group_vars/all.yml").read_text(encoding="utf-8"))
    known = NAMES | role_inputs(root / "roles") | set(wired)
    prefixes = ("difusor_", "election_", *(f"{role.name}_" for role in (root / "roles").iterdir()))
    sentences = []
    for name in sorted(set(names) - known):
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.88)
        if near or name.startswith(prefixes):
            sentences.append(f"{name}: no existe; {f'¿quiso decir {near[0]}?' if near else 'quítela del inventario.'}")
    return sentences


def _later(name: str, value: datetime, info: ValidationInfo, or_equal: bool = False) -> datetime:
    earlier = info.data.get(name)
    if earlier and (value < earlier if or_equal else value <= earlier):
        raise ValueError(
            f"{value.isoformat()} debe ser posterior a {name} ({earlier.isoformat()}); corrija uno de los dos"
        )
    return value


def _certificate(path: str, info: ValidationInfo) -> x509.Certificate:
    pem = content(path, info)
    try:
        return x509.load_pem_x509_certificates(pem)[0]
    except ValueError:
        raise ValueError(f"{path} no es un certificado en PEM") from None


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return extension.value.get_values_for_type(x509.DNSName)


def _covers(pattern: str, name: str) -> bool:
    return pattern == name or (pattern.startswith("*.") and pattern[2:] == name.partition(".")[2])


def _unfinished(value: object) -> str:
    """The sentence on a value that could not be rendered or still is an example, at any depth; empty when neither."""
    if isinstance(value, Exception):
        return f"no se puede evaluar; corrija esto: {str(value).rstrip('.')}"
    if isinstance(value, Mapping):
        return next(filter(None, map(_unfinished, value.values())), "")
    if isinstance(value, (list, tuple)):
        return next(filter(None, map(_unfinished, value)), "")
    if isinstance(value, str) and (EXAMPLE_TEXT.search(value) or _documentation(value)):
        return f"conserva el valor de ejemplo «{value[:60]}»; escriba el suyo"
    return ""


def _documentation(value: str) -> bool:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return any(network.network_address in other for other in EXAMPLE_NETWORKS)


def _place(loc: tuple[str | int, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).removeprefix(".")


def _sentence(detail: ErrorDetails) -> str:
    kind, name = detail["type"], str(detail["loc"][-1])
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    if kind == "missing":
        file = "elections/<elección>.yml" if name.startswith("election_") else "group_vars/<difusor>/main.yml"
        return f"falta; agréguela en {file} (inventories/ejemplo la explica)" if name in NAMES else "falta; agréguela"
    if kind == "extra_forbidden":
        fields = {field for model in Strict.__subclasses__() for field in model.model_fields}
        near = difflib.get_close_matches(name, fields, n=1)
        return f"no existe; {f'¿quiso decir {near[0]}?' if near else 'quítela'}"
    if kind == "literal_error":
        return f"debe ser {detail['ctx']['expected'].replace(' or ', ' o ')}; dice «{detail['input']}»"
    if kind in ("greater_than_equal", "less_than_equal"):
        return f"«{detail['input']}» está fuera de los límites"
    return SENTENCES.get(kind, detail["msg"])
