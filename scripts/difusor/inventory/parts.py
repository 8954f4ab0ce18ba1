"""Types of the inventory's values that have keys of their own: images, signers, waivers, documents, contacts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator, model_validator

from corte.format import limits
from corte.format.signature import allowed_signer
from difusor import spec
from difusor.inventory.values import (
    ClauseId,
    Day,
    File,
    Instant,
    PublicKey,
    Sha256,
    Text,
    digest,
    later,
    matching,
    pinned,
)


class Strict(BaseModel):
    """Base of all models: values are not converted, unknown keys are refused."""

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
        found = digest(self.archive, info)
        if found not in (None, self.sha256):
            raise ValueError(
                f"{self.archive} tiene el SHA-256 {str(found)[:12]}… y no {self.sha256[:12]}…; "
                "vuelva a obtener el archivo o corrija sha256"
            )
        return self


class Signer(Strict):
    """Who may sign cortes, with which key, from when to when; an authority's key certifies the keys that sign."""

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
        return later("valid_after", value, info)

    def line(self, election: str) -> str:
        """Return this signer's line of an election's allowed_signers."""
        return allowed_signer(
            self.principal, self.key, election, self.valid_after, self.valid_before, authority=self.authority
        )


class DynamicPath(Strict):
    """A folder whose content the PREP application computes.

    An answer may be kept for seconds and sent to everybody when the query has only these arguments, with short plain
    values.
    """

    path: Annotated[str, matching(r"([A-Za-z0-9][A-Za-z0-9_-]*/)+", "debe ser una carpeta relativa, como api/")]
    arguments: list[Annotated[str, matching(r"[A-Za-z][A-Za-z0-9_-]{0,39}", "debe ser el nombre de un argumento")]] = []

    @field_validator("path")
    @classmethod
    def _of_the_application(cls, value: str) -> str:
        top = value.partition("/")[0]
        if top in (*limits.FOLDERS, *limits.RESERVED):
            raise ValueError(f"«{top}/» no es de la aplicación sino del corte o de nginx; escriba la que ella calcula")
        return value


class Exclusion(Strict):
    """A rule of the WAF (web application firewall) that blocks legitimate traffic, and why it may be left out."""

    rule: int
    reason: Text
    path: str = ""


class Rules(Strict):
    """A file of rules for the sensor (Suricata), pinned by its SHA-256."""

    file: File
    sha256: Sha256

    @field_validator("sha256")
    @classmethod
    def _of_the_file(cls, value: str, info: ValidationInfo) -> str:
        return pinned("file", value, info)


class Waiver(Strict):
    """A clause that the institute excuses until the day `expires` ends (election's time zone); still measured."""

    clause: ClauseId
    reason: Text
    by: str = ""
    expires: Day


def that_may_be_excused(waiver: Waiver) -> Waiver:
    """Return the waiver if the spec lets the institute excuse its clause; else ValueError."""
    clauses = spec.load()
    if waiver.clause not in clauses.ids:
        raise ValueError(f"{waiver.clause} no es una cláusula de spec/anexo1.yml")
    if not clauses[waiver.clause].waivable:
        raise ValueError(f"{waiver.clause} no admite exención; quítela y cumpla la cláusula")
    return waiver


class Attestation(Strict):
    """A document that attests what no program can measure."""

    clause: ClauseId
    document: File
    sha256: Sha256
    signed_by: Text
    date: Day | None = None

    @field_validator("sha256")
    @classmethod
    def _of_the_document(cls, value: str, info: ValidationInfo) -> str:
        return pinned("document", value, info)


class Contact(Strict):
    """A contact person named in ANEXO 2, the partner's registration form."""

    name: Text
    phone: Text
    mobile: Text
    email: Annotated[str, matching(r"[^@\s]+@[^@\s]+\.[^@\s]+", "debe ser un correo electrónico")]


class Registration(Strict):
    """ANEXO 2 (the registration form) as received: what the official list shows, and whom to call."""

    site: Annotated[str, matching(r"https?://\S+", "debe ser una dirección web completa, como https://www.diario.mx/")]
    link: Annotated[str, matching(r"https?://\S+", "debe ser una dirección web completa, como https://prep.diario.mx/")]
    logo: File
    technical_contact: Contact
    legal_contact: Contact


PARTS: tuple[type[Strict], ...] = (
    Image, Signer, DynamicPath, Exclusion, Rules, Waiver, Attestation, Contact, Registration,
)  # fmt: skip
"""All models of values that have keys."""
