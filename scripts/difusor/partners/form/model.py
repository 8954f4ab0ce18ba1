"""The form of ANEXO 2 with the institute's technical annex: one model, of which workbook, YAML and schema are made.

A field's alias is its key in YAML, its title the call's own words, its description what the sheet of help says.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from difusor.inventory.values import Account, PublicKey
from difusor.partners.facts import Port, data
from difusor.partners.form.values import (
    NOT_APPLICABLE,
    Attachment,
    Cores,
    Email,
    Entrance,
    FtpHost,
    FtpUser,
    Gigabytes,
    Gigahertz,
    IPv4,
    IPv6,
    Megabits,
    Name,
    Phone,
    WebPlace,
    Words,
)
from difusor.partners.host_key import KINDS

ACME, DELIVERED = "lo solicita el servidor (ACME)", "lo entrega el difusor"


def _server_key(value: str) -> str:
    words = value.split()
    if words[0] not in KINDS:
        raise ValueError("no es la llave de un servidor; copie el renglón de /etc/ssh/ssh_host_ed25519_key.pub")
    return " ".join(words[:2])


ServerKey = Annotated[PublicKey, Field(max_length=2000), AfterValidator(data), AfterValidator(_server_key)]


def item(number: int | str, key: str, title: str, help: str, **more: Any) -> Any:
    """Return the field of one item: its number, its key in YAML, the call's words, and what to write."""
    return Field(alias=key, title=title, description=help, json_schema_extra={"item": number}, **more)


class Part(BaseModel):
    """Base of the form's parts: unknown keys are refused."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        serialize_by_alias=True,
        json_schema_extra=lambda schema: schema.pop("description", None),  # docstrings are for who reads the code
    )


class TechnicalContact(Part):
    """Who runs the server."""

    name: Name = item(4, "nombre", "Nombre del responsable técnico", "Con apellidos; es quien administra el servidor.")
    phone: Phone = item(5, "telefono", "Teléfono del responsable técnico", "10 dígitos, y «ext. 1» si la hay.")
    mobile: Phone = item(6, "celular", "Celular del responsable técnico", "10 dígitos; se le llamará esa noche.")
    email: Email = item(7, "correo", "Email del responsable técnico", "Un correo que se lea todos los días.")


class LegalContact(Part):
    """Who signs for the outlet."""

    name: Name = item(8, "nombre", "Nombre del responsable legal", "Con apellidos; es quien firma el ANEXO 3.")
    phone: Phone = item(9, "telefono", "Teléfono del responsable legal", "10 dígitos, y «ext. 1» si la hay.")
    mobile: Phone = item(10, "celular", "Celular del responsable legal", "10 dígitos.")
    email: Email = item(11, "correo", "Email del responsable legal", "Un correo que se lea todos los días.")


class Ftp(Part):
    """An account of FTP, which the call asks for and nothing here uses; its password is never taken."""

    host: FtpHost = item(12, "servidor", "IP o dominio de cuenta FTP", "Dirección o dominio, o «no aplica».")
    user: FtpUser = item(13, "usuario", "Usuario de cuenta FTP", "El usuario, o «no aplica».")
    password: Literal["no aplica"] = item(
        14, "contrasena", "Contraseña de cuenta FTP",
        "Escriba «no aplica». No envíe contraseñas por correo: la que llegue se descarta sin guardarse.",
        default=NOT_APPLICABLE,
    )  # fmt: skip


class Annex(Part):
    """What provisioning needs besides the 19 items."""

    kind: Literal["medio de comunicación", "institución académica"] = item(
        "T1", "participa_como", "Participa como", "Elija de la lista."
    )
    ipv4: IPv4 | None = item(
        "T2", "ipv4", "Dirección IPv4 pública del servidor", "Como la da su proveedor.", default=None
    )
    ipv6: IPv6 | None = item("T3", "ipv6", "Dirección IPv6 pública del servidor", "Solo si tiene.", default=None)
    ssh_host: Entrance | None = item(
        "T4",
        "ssh_servidor",
        "Por dónde entra el Instituto con SSH",
        "Solo si no es la dirección pública.",
        default=None,
    )
    ssh_port: Port = item("T5", "ssh_puerto", "Puerto de SSH", "Si está vacío, 22.", default=22)
    ssh_account: Account = item(
        "T6",
        "ssh_cuenta",
        "Cuenta de SSH con sudo",
        "El usuario, distinto de root. Su contraseña no se envía por correo.",
    )
    ssh_key: ServerKey = item(
        "T7", "ssh_llave", "Llave pública con que se identifica el servidor",
        "El renglón completo que muestra: cat /etc/ssh/ssh_host_ed25519_key.pub",
    )  # fmt: skip
    certificate: Literal["lo solicita el servidor (ACME)", "lo entrega el difusor"] = item(
        "T8", "certificado", "Certificado de la página (HTTPS)",
        "Elija de la lista. Su llave privada se entrega en persona, nunca por correo.",
    )  # fmt: skip
    machine: Literal["físico", "virtual"] = item("T9", "servidor", "Servidor", "Elija de la lista lo que es.")
    cores: Cores = item("T10", "nucleos", "Núcleos del procesador", "Un número, de núcleos físicos.")
    ghz: Gigahertz = item("T11", "ghz", "GHz del procesador", "Un número, sin turbo, como 2.4.")
    ram_gb: Gigabytes = item("T12", "ram_gb", "GB de memoria RAM", "Un número.")
    ssd_gb: Gigabytes = item("T13", "ssd_gb", "GB en estado sólido (SSD)", "Un número; los discos duros no cuentan.")
    mbps: Megabits = item(
        "T14", "mbps", "Mbps simétricos del enlace", "Un número, según el contrato: el servidor no enviará más."
    )


class Form(Part):
    """ANEXO 2 with its 19 items, and the technical annex."""

    name: Name = item(1, "nombre", "Nombre del medio difusor", "Como debe aparecer en la lista oficial.")
    site: WebPlace = item(2, "sitio", "Dirección del sitio web del difusor", "La de su portada, con o sin https://.")
    link: WebPlace = item(
        3, "enlace", "Propuesta de enlace (liga de acceso)",
        "Bajo el dominio propio, como prep.difusor.mx o www.difusor.mx/prep; con o sin https://.",
    )  # fmt: skip
    technical: TechnicalContact = Field(alias="tecnico", title="Responsable técnico")
    legal: LegalContact = Field(alias="legal", title="Responsable legal")
    ftp: Ftp = Field(alias="ftp", title="Cuenta FTP")
    software: Words = item(
        15, "software", "Software del servidor web (S.O., web, etc.)", "Sistema y versión, servidor web."
    )
    hardware: Words = item(
        16, "hardware", "Características de hardware (RAM, SSD/HDD, etc.)", "Procesador, memoria y discos, con cifras."
    )
    power: Words = item(17, "energia", "Infraestructura de alimentación eléctrica", "Fuentes, UPS, planta.")
    network: Words = item(
        18, "red", "Infraestructura de red y seguridad de acceso", "Enlace, cortafuegos, quién entra."
    )
    logo: Attachment = item(
        19, "logotipo", "Logotipo", "Nombre del archivo PNG que se adjunta al mismo correo, sin carpetas: logotipo.png"
    )
    annex: Annex = Field(alias="anexo_tecnico", title="Anexo técnico del Instituto")
