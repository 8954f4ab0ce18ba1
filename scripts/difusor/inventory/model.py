"""Every variable of an election (election_*) and of a partner (difusor_*), its type and its rules."""

from __future__ import annotations

import ipaddress
from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, ValidationInfo, field_validator

from difusor.inventory.certificates import check_certificate, check_key
from difusor.inventory.parts import (
    Attestation,
    DynamicPath,
    Exclusion,
    Image,
    Registration,
    Rules,
    Signer,
    Strict,
    Waiver,
)
from difusor.inventory.values import (
    Address,
    DomainName,
    Host,
    Instant,
    LoginKey,
    Origin,
    PublicKey,
    Text,
    TimeZone,
    later,
    matching,
)


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
    election_timezone: TimeZone
    election_trusted_addresses: list[Origin]
    election_signers: Annotated[list[Signer], Field(min_length=1)]
    election_revoked_keys: list[PublicKey] = Field([])
    election_dynamic_paths: list[DynamicPath] = Field([])

    @field_validator("election_closes")
    @classmethod
    def _closes_after_it_opens(cls, value: datetime, info: ValidationInfo) -> datetime:
        return later("election_opens", value, info)

    @field_validator("election_retain_until")
    @classmethod
    def _retained_until_it_closes(cls, value: datetime, info: ValidationInfo) -> datetime:
        return later("election_closes", value, info, or_equal=True)


class Partner(Strict):
    """What is true of one partner: inventories/<difusor>/group_vars/<difusor>/."""

    difusor_name: Text
    difusor_fqdn: DomainName
    difusor_aliases: list[Host] = Field([])
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
    difusor_admin_keys: list[LoginKey]
    difusor_break_glass_key: LoginKey | None = None
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
    difusor_ntp_servers: list[Host] = Field([])
    difusor_trusted_addresses: list[Origin] = Field([])
    difusor_kept_ufw_rules: list[Text] = Field([])
    difusor_cdn_ranges: list[Origin] = Field([])
    difusor_cdn_header: Annotated[
        str, matching(r"[A-Za-z][A-Za-z0-9-]*", "debe ser el nombre de una cabecera, como X-Forwarded-For")
    ] = "X-Forwarded-For"
    difusor_origin_lock: bool = False
    difusor_light_mode: bool = False
    difusor_prep_image: Image
    difusor_waf_image: Image
    difusor_waf_engine: Literal["On", "DetectionOnly"] = "On"
    difusor_waf_paranoia: Annotated[int, Field(ge=1, le=4)] = 1
    difusor_waf_exclusions: list[Exclusion] = Field([])
    difusor_sensor: bool = False
    difusor_sensor_rules: Rules | None = None
    difusor_registration: Registration | None = None
    difusor_attestations: list[Attestation] = Field([])
    difusor_waivers: list[Waiver] = Field([])

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
            check_certificate(value, info.data.get("difusor_fqdn", ""), info)
        return value

    @field_validator("difusor_tls_key")
    @classmethod
    def _key_of_the_certificate(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("difusor_tls_mode") == "files":
            if not value:
                raise ValueError("falta; con difusor_tls_mode: files se necesita el archivo de la llave")
            check_key(value, info.data.get("difusor_tls_certificate", ""), info)
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
