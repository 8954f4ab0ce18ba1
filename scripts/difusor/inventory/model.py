"""Every variable of an election (election_*) and of a partner (difusor_*), its type and its rules."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo, field_validator

from corte.format.manifest import ELECTION_ID, Window
from difusor import catalog, spec
from difusor.catalog import Catalog
from difusor.inventory import picture
from difusor.inventory.certificates import check_certificate, check_key
from difusor.inventory.excepted import Exclusions, Waivers
from difusor.inventory.images import check_image
from difusor.inventory.parts import (
    Attestation,
    Call,
    Decision,
    DynamicPath,
    Front,
    Image,
    Institute,
    Notice,
    Registration,
    Revocation,
    Rules,
    Signer,
    Strict,
)
from difusor.inventory.uplink import Mbps
from difusor.inventory.values import (
    SPELT,
    Account,
    Address,
    Day,
    DomainName,
    HostName,
    Instant,
    LoginKey,
    Origin,
    PageFolder,
    PublicKey,
    Text,
    content,
    is_domain,
    is_urgent,
    later,
    matching,
    once,
)

LONGEST_INTERVAL = 20
"""Minutes between two cortes of an official election, at most: three an hour."""


def _known(place: str) -> str:
    """Return a place that has a usable catalogue; else ValueError."""
    try:
        catalog.load(place)
    except catalog.CatalogError as error:
        raise ValueError(str(error)) from None
    return place


def _called(call: str) -> str:
    """Return a call that has a usable spec; else ValueError."""
    try:
        spec.load(call)
    except spec.SpecError as error:
        raise ValueError(str(error)) from None
    return call


def _by_the_clocks(value: datetime | None, info: ValidationInfo) -> None:
    """Refuse (ValueError) a date of an election whose difference with UTC is not that of the election's place."""
    if value and (place := info.data.get("place")):
        catalog.load(place).check_offset(value, info.data.get("opens", value))


class Election(Strict):
    """What the institute decides once for all partners: elections/<name>.yml. Variables are called election_<name>."""

    model_config = ConfigDict(alias_generator=lambda name: f"election_{name}", validate_default=True)

    id: Annotated[
        str,
        matching(
            ELECTION_ID,
            "debe ser un nombre corto en minúsculas, con cifras y -, como diputaciones-2027, de 64 letras o menos",
        ),
    ]
    name: Text
    environment: Literal["official", "simulacro"]
    spec: Annotated[
        str,
        matching(r"[a-z0-9][a-z0-9-]*", f"debe ser el nombre de una convocatoria de spec/, {SPELT}"),
        AfterValidator(_called),
    ]
    place: Annotated[
        str,
        matching(r"[a-z][a-z0-9-]*", f"debe ser el nombre de un lugar de catalogs/, {SPELT}"),
        AfterValidator(_known),
    ]
    offices: Annotated[list[str], Field(min_length=1)]
    institute: Institute
    client: Annotated[str, matching(r"[a-z][a-z0-9_-]{0,31}", "debe ser un nombre corto en minúsculas, como instituto")]
    time_servers: list[HostName] = Field([])
    opens: Instant
    closes: Instant
    day: Day | None = None
    retention_order: Decision | None = None
    retain_until: Instant | None = None
    notice_until: Instant | None = None
    contact: str = ""
    call: Call | None = None
    interval_minutes: Annotated[int, Field(ge=1, le=60)]
    simulacros: list[Day] = Field([])
    pending: dict[str, Text] = Field({})
    trusted_addresses: list[Origin]
    signers: Annotated[list[Signer], Field(min_length=1)]
    revoked_keys: list[PublicKey] = Field([])
    dynamic_paths: list[DynamicPath] = Field([])
    open_application: bool = False

    @field_validator("trusted_addresses", "revoked_keys", "offices", "time_servers")
    @classmethod
    def _each_once(cls, value: list[str]) -> list[str]:
        return once(value)

    @field_validator("institute")
    @classmethod
    def _logo_can_be_shown(cls, value: Institute) -> Institute:
        picture.of_the_institute(value.logo)
        return value

    @field_validator("offices")
    @classmethod
    def _of_the_place(cls, value: list[str], info: ValidationInfo) -> list[str]:
        if place := info.data.get("place"):
            known = catalog.load(place).keys
            for each in value:
                if each not in known:
                    where = catalog.file(place)
                    raise ValueError(f"{where} no tiene el cargo «{each}»; los que tiene: {', '.join(known)}")
        return value

    @field_validator("dynamic_paths")
    @classmethod
    def _each_folder_once(cls, value: list[DynamicPath]) -> list[DynamicPath]:
        once([folder.path for folder in value])
        return value

    @field_validator("opens", "closes", "retain_until", "notice_until")
    @classmethod
    def _by_the_clocks_of_the_place(cls, value: datetime | None, info: ValidationInfo) -> datetime | None:
        _by_the_clocks(value, info)
        return value

    @field_validator("call")
    @classmethod
    def _dates_by_the_clocks_of_the_place(cls, value: Call | None, info: ValidationInfo) -> Call | None:
        for instant in (value.form_until, value.list_from) if value else ():
            _by_the_clocks(instant, info)
        return value

    @field_validator("closes")
    @classmethod
    def _closes_after_it_opens(cls, value: datetime, info: ValidationInfo) -> datetime:
        return later("opens", value, info, "election_opens")

    @field_validator("interval_minutes")
    @classmethod
    def _three_updates_an_hour(cls, value: int, info: ValidationInfo) -> int:
        if info.data.get("environment") == "official" and value > LONGEST_INTERVAL:
            raise ValueError(
                f"son {value} minutos y el Reglamento de Elecciones (Anexo 13) pide al menos tres actualizaciones por "
                f"hora; escriba {LONGEST_INTERVAL} o menos"
            )
        return value

    @field_validator("simulacros")
    @classmethod
    def _before_the_night(cls, value: list[date], info: ValidationInfo) -> list[date]:
        once([each.isoformat() for each in value])
        opens, place = info.data.get("opens"), info.data.get("place")
        if not (opens and place):
            return value
        night = opens.astimezone(catalog.load(place).zone)
        for each in value:
            if each >= night.date():
                raise ValueError(f"{each} no es anterior a election_opens ({night.isoformat()}); corrija la fecha")
        return value

    @field_validator("pending")
    @classmethod
    def _still_open(cls, value: dict[str, str]) -> dict[str, str]:
        if value:
            raise ValueError(f"{', '.join(value)} ya tiene valor; quítela de aquí")
        return value

    @field_validator("retain_until")
    @classmethod
    def _retained_by_order(cls, value: datetime | None, info: ValidationInfo) -> datetime | None:
        if value is None:
            return None
        later("closes", value, info, "election_closes", or_equal=True)
        if value > info.data.get("closes", value) and info.data.get("retention_order", value) is None:
            raise ValueError(
                "la convocatoria termina la publicación al cierre; para conservarla más, escriba en "
                "election_retention_order quién lo ordenó (by, agreement, date), o quite election_retain_until"
            )
        return value

    @property
    def catalog(self) -> Catalog:
        """The catalogue of the election's place."""
        return catalog.load(self.place)

    @property
    def utc_offset(self) -> timedelta:
        """The difference with UTC of the night's local times: that of the place at the opening."""
        return self.catalog.offset(self.opens)

    @property
    def timezone(self) -> str:
        """The time zone of the election's place."""
        return self.catalog.timezone

    @property
    def window(self) -> Window:
        """When the election's cortes may be seen, in UTC, unless a signed corte says otherwise.

        Nothing is retained after the close unless the institute ordered it.
        """
        end = self.retain_until or self.closes
        return Window(*(instant.astimezone(UTC) for instant in (self.opens, self.closes, end)))

    @property
    def allowed_signers(self) -> str:
        """The text of the servers' allowed_signers (OpenSSH): who may sign the election's cortes."""
        return "".join(f"{signer.line(self.id)}\n" for signer in self.signers)

    @property
    def revoked(self) -> str:
        """The text of the servers' list of revoked public keys, one per line."""
        return "".join(f"{key.strip()}\n" for key in self.revoked_keys)

    def within(self, window: Window) -> Election:
        """Return the same election with another window."""
        return self.model_copy(update=vars(window))


class Partner(Strict):
    """Facts of one partner: inventories/<difusor>/group_vars/<difusor>/. Variables are called difusor_<name>."""

    model_config = ConfigDict(alias_generator=lambda name: f"difusor_{name}", validate_default=True)

    name: Text
    fqdn: DomainName
    aliases: list[HostName] = Field([])
    path: PageFolder
    public_address: Address
    admin_user: Account
    admin_password_hash: Annotated[
        str,
        matching(
            r"\$6\$(rounds=\d+\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{86}",
            "no es un hash SHA-512 ($6$…); hágalo con «difusor password» y cífrelo en vault.yml",
            secret=True,
        ),
        Field(repr=False),
    ]
    admin_keys: list[LoginKey]
    break_glass_key: LoginKey | None = None
    ssh_password_login: bool
    rsync_secret: Annotated[
        str,
        matching(
            r"[^\s#]\S{15,}",
            "necesita 16 caracteres o más, sin espacios; hágalo con «openssl rand -base64 24»",
            secret=True,
        ),
        Field(repr=False),
    ]
    tls_mode: Literal["files", "acme"]
    tls_certificate: str = ""
    tls_key: str = ""
    ntp_servers: list[HostName] = Field([])
    trusted_addresses: list[Origin] = Field([])
    kept_ufw_rules: list[Text] = Field([])
    cdn_ranges: list[Origin] = Field([])
    cdn_header: Annotated[
        str, matching(r"[A-Za-z][A-Za-z0-9-]*", "debe ser el nombre de una cabecera, como X-Forwarded-For")
    ] = "X-Forwarded-For"
    front: Front | None = None
    origin_lock: bool = False
    uplink_mbps: Mbps | None = None
    notice: Notice | None = None
    prep_image: Image
    waf_image: Image
    waf_engine: Literal["On", "DetectionOnly"] = "On"
    waf_paranoia: Annotated[int, Field(ge=1, le=4)] = 1
    waf_exclusions: Exclusions = Field([])
    sensor: bool = False
    sensor_rules: Rules | None = None
    registration: Registration | None = None
    attestations: list[Attestation] = Field([])
    waivers: Waivers = Field([])
    revocations: list[Revocation] = Field([])

    @field_validator("admin_keys")
    @classmethod
    def _a_way_in(cls, value: list[str]) -> list[str]:
        if not value:
            raise ValueError(
                "está vacía; agregue al menos una llave, o nadie podría administrar el servidor sin contraseña"
            )
        return value

    @field_validator("prep_image", "waf_image")
    @classmethod
    def _image_of_its_kind(cls, value: Image, info: ValidationInfo) -> Image:
        if value.archive and (packed := content(value.archive, info)) is not None:
            check_image(packed, value.archive, str(info.field_name).removesuffix("_image"))
        return value

    @field_validator("admin_keys", "aliases", "trusted_addresses", "cdn_ranges")
    @classmethod
    def _each_once(cls, value: list[str]) -> list[str]:
        return once(value)

    @field_validator("front")
    @classmethod
    def _of_another_server(cls, value: Front | None, info: ValidationInfo) -> Front | None:
        own = {info.data.get("fqdn"), *info.data.get("aliases", [])}
        if value and info.data.get("path") == "/":
            raise ValueError("pasa una carpeta de su sitio; escriba en difusor_path cuál, como /prep2024mor/")
        if value and value.name in own:
            raise ValueError(
                f"«{value.name}» es también el nombre de este servidor; dé a este otro, como prep.diario.mx"
            )
        if value and info.data.get("public_address") in value.addresses:
            raise ValueError("está en el mismo servidor que el PREP; deje esta variable fuera")
        if value and info.data.get("cdn_ranges"):
            raise ValueError("y difusor_cdn_ranges no van juntas: si hay una CDN, está delante de aquel sitio")
        return value

    @field_validator("origin_lock")
    @classmethod
    def _someone_reaches_it(cls, value: bool, info: ValidationInfo) -> bool:
        if value and not info.data.get("cdn_ranges") and not info.data.get("front"):
            raise ValueError("cerraría la página a todos: difusor_cdn_ranges está vacía; agregue las redes de la CDN")
        if value and info.data.get("front") and info.data.get("tls_mode") == "acme" and not is_urgent(info):
            raise ValueError("cerraría el puerto 80 a la autoridad de difusor_tls_mode: acme; use files")
        return value

    @field_validator("tls_certificate")
    @classmethod
    def _certificate_of_this_name(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("tls_mode") == "files":
            if not value:
                raise ValueError("falta; con difusor_tls_mode: files se necesita el archivo del certificado")
            aliases = filter(is_domain, info.data.get("aliases", []))
            check_certificate(value, info.data.get("fqdn", ""), aliases, info)
        return value

    @field_validator("tls_key")
    @classmethod
    def _key_of_the_certificate(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("tls_mode") == "files":
            if not value:
                raise ValueError("falta; con difusor_tls_mode: files se necesita el archivo de la llave")
            check_key(value, info.data.get("tls_certificate", ""), info)
        return value

    @property
    def public_name(self) -> str:
        """The host name of the link that citizens know."""
        return self.front.name if self.front else self.fqdn

    @property
    def other_domains(self) -> list[str]:
        """The aliases that are domain names: the server's certificate is for these, too."""
        return [*filter(is_domain, self.aliases)]

    @property
    def revocation(self) -> Revocation | None:
        """The revocation in force: while there is one, the partner gets no corte and is not on the list."""
        last = self.revocations[-1] if self.revocations else None
        return last if last and last.in_force else None


def variable_names(model: type[Strict]) -> frozenset[str]:
    """Return the names that the fields of a model have as variables of an inventory."""
    return frozenset(str(field.alias) for field in model.model_fields.values())


NAMES = variable_names(Election) | variable_names(Partner)
