"""The facts of an election and of a partner that only people know, as they are typed, and what is wrong with them."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from corte.format import instants
from difusor.inventory.placeholders import unfinished
from difusor.inventory.uplink import Mbps
from difusor.inventory.values import (
    Account,
    Address,
    DomainName,
    LoginKey,
    Origin,
    PageFolder,
    Principal,
    PublicKey,
    Text,
    host,
    matching,
)
from difusor.spec.faults import sentence

TEMPLATE = re.compile(r"{{|{%|{#|^#jinja2:")
"""What makes Ansible, or Jinja, take a text for a template."""
RESERVED = {
    "all", "demo", "difusores", "ejemplo", "instituto", "localhost", "trusted_vantage", "ungrouped",
    "untrusted_vantage",
}  # fmt: skip
"""Names of groups and hosts that an inventory has already, or that the project uses."""
AHEAD = timedelta(minutes=5)
"""How far the clocks of whoever received a paper and of whoever registers it may differ."""


def data(value: str) -> str:
    """Refuse what is no plain text in one line, an example value, or what Ansible would evaluate."""
    if not value.isprintable():
        raise ValueError("lleva saltos de renglón o caracteres que no se ven; escríbalo en un solo renglón")
    if TEMPLATE.search(value):
        raise ValueError("lleva «{{», «{%», «{#» o «#jinja2:», con que Ansible lo evaluaría; quítelo")
    if problem := unfinished(value):
        raise ValueError(problem)
    return value.strip()


def ahead(received: datetime | None) -> str:
    """Return what is wrong with when a paper is said to have come, without full stop; empty when nothing is."""
    is_ahead = received is not None and received > instants.now() + AHEAD
    return "está en el futuro; escriba cuándo se recibió" if is_ahead else ""


def _free(value: str) -> str:
    if value in RESERVED:
        raise ValueError(f"«{value}» ya tiene otro significado; elija otro nombre")
    return value


PartnerName = Annotated[
    str,
    matching(r"[a-z][a-z0-9_]{0,40}", "debe ser un nombre corto en minúsculas, con cifras y _, como diario_del_sur"),
    AfterValidator(_free),
]
ElectionName = Annotated[
    str,
    matching(r"[a-z0-9][a-z0-9-]{0,60}", "debe ser un nombre corto en minúsculas, con cifras y -, como simulacro-1"),
]
Port = Annotated[int, Field(ge=1, le=65535)]


class FactError(ValueError):
    """Typed values cannot be used; `faults` maps each field to a Spanish sentence without its full stop."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        """Keep the faults, by field."""
        super().__init__("\n".join(f"{name}: {fault}." for name, fault in faults.items()))
        self.faults = dict(faults)


class Facts(BaseModel):
    """Base of the typed facts: unknown fields are refused, every text is data."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="after")
    @classmethod
    def _texts_are_data(cls, value: Any) -> Any:
        if isinstance(value, str):
            return data(value)
        return tuple(map(data, value)) if isinstance(value, tuple) else value


class ElectionFacts(Facts):
    """What the institute decides for an election; place, offices and institute are those of the election `like`."""

    id: ElectionName
    like: ElectionName
    name: Text
    environment: Literal["official", "simulacro"]
    opens: datetime
    closes: datetime
    notice_until: datetime | None = None
    interval_minutes: Annotated[int, Field(ge=1, le=60)] = 10
    trusted_addresses: tuple[Origin, ...] = ()
    principal: Principal
    signing_key: PublicKey

    @field_validator("closes")
    @classmethod
    def _later(cls, value: datetime, info: Any) -> datetime:
        if (opens := info.data.get("opens")) and value <= opens:
            raise ValueError(f"debe ser posterior a la apertura ({opens.isoformat()})")
        return value

    @property
    def signs_until(self) -> datetime:
        """Until when the signer's key is accepted: a moved close may need a day more."""
        return self.closes + timedelta(days=1)


class PartnerFacts(Facts):
    """What is known of a partner and its server before the first run. One with an inventory has `admin_keys` in it."""

    id: PartnerName
    election: ElectionName
    name: Text
    fqdn: DomainName
    path: PageFolder = "/"
    login: Account
    address: Annotated[str, AfterValidator(host)]
    port: Port = 22
    public_address: Address
    trusted_addresses: tuple[Origin, ...] = ()
    uplink_mbps: Mbps | None = None
    admin_user: Account = "instituto"
    admin_keys: Annotated[tuple[LoginKey, ...], Field(min_length=1)] = ()
    ssh_key: str = ""
    certificate: Path | None = None
    certificate_key: Path | None = None

    @field_validator("certificate_key")
    @classmethod
    def _both(cls, value: Path | None, info: Any) -> Path | None:
        if (value is None) != (info.data.get("certificate") is None):
            raise ValueError("el certificado y su llave se dan juntos, o ninguno y el servidor lo pide por sí mismo")
        return value


def of[F: Facts](kind: type[F], values: Mapping[str, Any]) -> F:
    """Return the facts made of typed values; FactError says everything that is wrong with them."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        faults: dict[str, str] = {}
        for detail in error.errors(include_url=False):
            faults.setdefault(str(detail["loc"][0]), "falta" if detail["type"] == "missing" else sentence(detail))
        raise FactError(faults) from None


def fault(kind: type[Facts], name: str, value: Any) -> str:
    """Return what is wrong with the value of one field alone, without its full stop; empty when nothing is."""
    field = kind.model_fields[name]
    try:
        alone: TypeAdapter[Any] = TypeAdapter(Annotated[field.annotation, *field.metadata, None])  # type: ignore[arg-type]
        checked = alone.validate_python(value)
        for text in checked if isinstance(checked, tuple) else [checked]:
            if isinstance(text, str):
                data(text)
    except ValidationError as error:
        return sentence(error.errors(include_url=False)[0])
    except ValueError as error:
        return str(error)
    return ""


def public_address(address: str) -> str:
    """Return the address of a host name as this machine resolves it, the address itself, or "" when nobody knows it."""
    try:
        return str(socket.getaddrinfo(address, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError:
        return ""
