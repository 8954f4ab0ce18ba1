"""Types of the inventory's values that have keys of their own: images, signers, waivers, documents, contacts."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from corte.format import instants, limits
from corte.format.signature import allowed_signer
from difusor.inventory.values import (
    FILED,
    Address,
    ClauseId,
    Color,
    Day,
    DomainName,
    File,
    Instant,
    Line,
    PollingDay,
    Principal,
    PublicKey,
    Sha256,
    SitePath,
    Text,
    WebAddress,
    digest,
    later,
    legible,
    matching,
    once,
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

    principal: Principal
    key: PublicKey
    authority: bool = False
    valid_after: Instant
    valid_before: Instant

    @field_validator("valid_before")
    @classmethod
    def _after_it_begins(cls, value: datetime, info: ValidationInfo) -> datetime:
        return later("valid_after", value, info)

    def line(self, election: str, purpose: str = "corte") -> str:
        """Return this signer's line of an election's allowed_signers, for what is signed to that purpose."""
        return allowed_signer(
            self.principal, self.key, election, self.valid_after, self.valid_before, self.authority, purpose
        )


class Front(Strict):
    """The outlet's own web server, which passes one folder of its site to the PREP's server.

    `name` is the site's, of which the registered link names a folder. `addresses`: those at which it answers, and from
    which it asks; the first one is looked at.
    """

    name: DomainName
    program: Literal["nginx", "apache"]
    addresses: list[Address]

    @field_validator("addresses")
    @classmethod
    def _somewhere(cls, value: list[str]) -> list[str]:
        if not value:
            raise ValueError("está vacía; agregue la dirección IP de ese servidor")
        return once(value)


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
    reason: Line
    path: SitePath = ""


class Rules(Strict):
    """A file of rules for the sensor (Suricata), pinned by its SHA-256."""

    file: File
    sha256: Sha256

    @field_validator("sha256")
    @classmethod
    def _of_the_file(cls, value: str, info: ValidationInfo) -> str:
        return pinned("file", value, info)


class Decision(Strict):
    """What the institute decided beyond the call: who decided it, the number of the agreement, and its day."""

    by: Text
    agreement: Text
    date: Day


class Waiver(Decision):
    """A clause that the institute excuses until the day `expires` ends (election's time zone); still measured."""

    clause: ClauseId
    reason: Text
    expires: Day


class Attestation(Strict):
    """A document that attests what no program can measure: signed on the day `date`, received on `received`."""

    clause: ClauseId
    document: File
    sha256: Sha256
    signed_by: Text
    date: Day | None = None
    received: Day | None = None
    election_day: PollingDay = None

    @field_validator("sha256")
    @classmethod
    def _of_the_document(cls, value: str, info: ValidationInfo) -> str:
        return pinned("document", value, info)

    @property
    def told(self) -> str:
        """Who signed it, and the days that are known of it, as evidence names it."""
        # Of a filed scan earlier versions wrote as `date` when it was received.
        if self.date and not self.received and Path(self.document).parent.name == FILED:
            return f"firmado por {self.signed_by} (se firmó o se recibió el {self.date})"
        signed = f" el {self.date}" if self.date else ""
        received = f", recibido el {self.received}" if self.received else ""
        return f"firmado por {self.signed_by}{signed}{received}"


class Colors(Strict):
    """The institute's colours: `band` bears white text; `accent` is read on white, `accent_dark` on dark ground."""

    band: Color
    accent: Color
    accent_dark: Color

    @field_validator("band", "accent")
    @classmethod
    def _stands_out_on_white(cls, value: str) -> str:
        return legible(value, "#ffffff")

    @field_validator("accent_dark")
    @classmethod
    def _stands_out_on_dark(cls, value: str) -> str:
        return legible(value, "#1f1926")


class Person(Strict):
    """Who signs for the institute: the name, and the post."""

    name: str = ""
    post: Text


class Institute(Strict):
    """The institute that holds the election, as papers and pages name it."""

    name: Text
    acronym: Text
    domain: DomainName | None = None
    address: str = ""
    telephone: str = ""
    logo: Annotated[
        str,
        matching(
            r"([a-z0-9][a-z0-9._-]*\.png)?",
            "debe ser el nombre de un PNG de elections/, en minúsculas sin acentos ni espacios, como instituto.png; "
            "llame así también al archivo",
        ),
    ] = ""
    colors: Colors
    signs: Person


class Notice(Strict):
    """The letter (oficio) by which a partner gave notice that it takes part, as the institute received it."""

    kind: Literal["medio de comunicación", "institución académica"]
    folio: Text
    received: Instant
    election_day: PollingDay = None


class Evidence(Strict):
    """A document by which a decision was taken: where it was, and what it held then."""

    document: Text
    sha256: Sha256


class Restoration(Strict):
    """That a revocation ended: when the institute ordered it, who did, and why."""

    at: Instant
    by: Text
    reason: Text


class Finality(Strict):
    """That a later order made a revocation final: when, who gave it, why, by which provision, on what evidence."""

    at: Instant
    by: Text
    reason: Text
    provision: ClauseId
    evidence: list[Evidence] = []


class Revocation(Strict):
    """That the institute took a difusor off the list: when, who ordered it, why, and by which provision of the call.

    `state`: `revoked` until it is ordered to restore, then `restoring` until all servers are back. `rotated` is when
    its secrets were drawn anew in the institute's vault; `servers` when each of them had done its half. A `final` one
    is not restored; `made_final` says who ordered that, if it was not the first order.
    """

    since: Instant
    by: Text
    reason: Text
    provision: ClauseId
    evidence: list[Evidence] = []
    final: bool = False
    made_final: Finality | None = None
    state: Literal["revoked", "restoring", "restored"] = "revoked"
    rotated: Instant | None = None
    servers: dict[str, Instant] = {}
    restored: Restoration | None = None

    @property
    def in_force(self) -> bool:
        """Whether the difusor is off the list, also while it is being restored."""
        return self.state != "restored"

    @property
    def told(self) -> str:
        """Since when the difusor is off the list, and why, as the end of a sentence."""
        ends = "; está por volver" if self.state == "restoring" else ""
        return f"fuera de la lista desde {instants.write(self.since)}: {self.reason}{ends}"


class Call(Strict):
    """What the call says to whoever wants to take part: who audits the PREP, dates beyond the oficio's, letters.

    A form that arrives after `form_until` is kept and marked; from `list_from` on citizens may see the official list.
    The letter of ANEXO 3 is dated in `seat`, speaks of the election of `elected`, and goes to `email`, with the oficio.
    """

    auditor: str = ""
    form_until: Instant | None = None
    list_from: Instant | None = None
    seat: str = ""
    elected: str = ""
    email: str = ""


class Contact(Strict):
    """A contact person named in ANEXO 2, the partner's registration form."""

    name: Text
    phone: Text
    mobile: Text
    email: Annotated[str, matching(r"[^@\s]+@[^@\s]+\.[^@\s]+", "debe ser un correo electrónico")]


class Registration(Strict):
    """ANEXO 2 (the registration form) as received, but for the name, which is difusor_name. "": left blank.

    The password of FTP may stand here only as «no aplica» or as a variable of the vault.
    """

    site: WebAddress
    link: WebAddress
    technical_contact: Contact
    legal_contact: Contact
    ftp_address: str = ""
    ftp_user: str = ""
    ftp_password: str = Field("", repr=False)
    software: str = ""
    hardware: str = ""
    power: str = ""
    network: str = ""
    logo: File
    election_day: PollingDay = None

    def items(self, name: str) -> dict[str, str]:
        """Return the form's items as it calls them, in its order; `name` is the partner's."""
        contacts = {
            f"{what} del responsable {whose}": value
            for whose, contact in (("técnico", self.technical_contact), ("legal", self.legal_contact))
            for what, value in (
                ("nombre", contact.name), ("teléfono", contact.phone),
                ("celular", contact.mobile), ("email", contact.email),
            )
        }  # fmt: skip
        return {
            "nombre del medio difusor": name,
            "dirección del sitio web": self.site,
            "propuesta de enlace": self.link,
            **contacts,
            "IP o dominio de cuenta FTP": self.ftp_address,
            "usuario FTP": self.ftp_user,
            "contraseña FTP": self.ftp_password,
            "software del servidor web": self.software,
            "características de hardware": self.hardware,
            "infraestructura de alimentación eléctrica": self.power,
            "infraestructura de red y seguridad de acceso": self.network,
            "logotipo": self.logo,
        }

    @property
    def link_without_scheme(self) -> str:
        """The link, `www.difusor.mx/prep2024mor`, without the last slash; the host, of any case, in small letters."""
        bare = self.link.removeprefix("https://").removeprefix("http://")
        host, slash, path = bare.rstrip("/").partition("/")
        return f"{host.lower()}{slash}{path}"


PARTS: tuple[type[Strict], ...] = (
    Image, Signer, DynamicPath, Exclusion, Rules, Decision, Waiver, Attestation, Notice, Call, Contact, Registration,
    Colors, Person, Institute, Evidence, Restoration, Finality, Revocation,
)  # fmt: skip
"""All models of values that have keys."""
