"""The dozen made-up outlets: what each one writes in its form, and what the desk has to answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from difusor.lab.desk.office import AUDITOR, DOMAIN, Office, public_key
from difusor.partners.enrolment import name_for
from difusor.partners.form.model import ACME
from difusor.partners.form.values import NOT_APPLICABLE, plain_words
from difusor.partners.record import LOGO

SERVER = {
    "anexo_tecnico.servidor": "físico",
    "anexo_tecnico.nucleos": "8",
    "anexo_tecnico.ghz": "2.4",
    "anexo_tecnico.ram_gb": "32",
    "anexo_tecnico.ssd_gb": "480",
    "anexo_tecnico.mbps": "200",
}
"""A server that meets the call, as the technical annex of the form asks for it."""
PASSWORD = "clave-inventada-de-ftp"
"""What one outlet sends although nobody asked for it; it may be kept nowhere."""
RAN = "ejecutado"
"""The file that the hostile form would make, if anything that it says were run."""
ON_TIME, LATE = -8, -2
"""On which day, counted from today, a form came; the office's calendar says until when it had to."""
RUNS = "{{ lookup('ansible.builtin.pipe', 'touch %s') }}"
"""What Ansible would run if it took a form's value for a template."""


@dataclass(frozen=True)
class Outlet:
    """One that sends a form. `said`: values by their items' keys; `day`: when it came, counted from today.

    `answer` is what `enroll` has to say of the form, and `keys` are the items about which it has to say something.
    What the clerk does next, with which the outlet is enrolled: takes what is in doubt for the reason `accepted`, or
    `corrected`, what the outlet changes in a second form, or the correction itself (`update`).
    """

    number: int
    title: str
    said: Mapping[str, str]
    answer: str = "creado"
    keys: frozenset[str] = frozenset()
    day: int = ON_TIME
    is_workbook: bool = True
    has_logo: bool = True
    accepted: str = ""
    corrected: Mapping[str, str] = field(default_factory=dict)
    update: bool = False

    @property
    def name(self) -> str:
        """The outlet's name, as it writes it."""
        return self.said["nombre"]

    @property
    def id(self) -> str:
        """The short name that it gets when it is enrolled."""
        return name_for(self.name)

    @property
    def is_enrolled(self) -> bool:
        """Whether it is enrolled in the end."""
        return bool(self.answer == "creado" or self.accepted or self.corrected)

    @property
    def shown(self) -> str:
        """What to call it: a name that is none is not repeated."""
        return self.name if self.name[:1].isalpha() else "Un medio"

    @property
    def folder(self) -> str:
        """The folder in which its mail was saved."""
        return f"{self.number:02}-{'-'.join(plain_words(self.title))}"

    @property
    def folio(self) -> str:
        """The number of the oficio with which it gave notice."""
        return f"MED/{self.number:02}"


def good(number: int, name: str, domain: str, **more: str) -> dict[str, str]:
    """Return the values of a form without mistakes, with a server of its own."""
    return {
        "nombre": name,
        "sitio": f"https://www.{domain}/",
        "enlace": f"prep.{domain}",
        "tecnico.nombre": "Persona Técnica Inventada",
        "tecnico.telefono": f"55 5000 00{number:02}",
        "tecnico.celular": f"55 5000 01{number:02}",
        "tecnico.correo": f"sistemas@{domain}",
        "legal.nombre": "Persona Legal Inventada",
        "legal.telefono": f"55 5000 02{number:02}",
        "legal.celular": f"55 5000 03{number:02}",
        "legal.correo": f"legal@{domain}",
        **{f"ftp.{each}": NOT_APPLICABLE for each in ("servidor", "usuario", "contrasena")},
        "software": "Ubuntu 22.04 LTS, nginx",
        "hardware": "Procesador de 8 núcleos, 32 GB de RAM, 480 GB en SSD",
        "energia": "Dos fuentes, UPS y planta",
        "red": "200 Mbps simétricos; cortafuegos perimetral",
        "logotipo": LOGO,
        "anexo_tecnico.participa_como": "medio de comunicación",
        "anexo_tecnico.ipv4": f"189.240.0.{100 + number}",
        "anexo_tecnico.ssh_cuenta": "ubuntu",
        "anexo_tecnico.ssh_llave": public_key(Ed25519PrivateKey.generate()),
        "anexo_tecnico.certificado": ACME,
        **SERVER,
    } | more


def dozen(office: Office) -> Iterator[Outlet]:
    """Yield the twelve, in the order in which their mail is opened."""
    yield from _honest()
    yield from _faulty()
    yield from _hostile(office)


def _honest() -> Iterator[Outlet]:
    diario = good(1, "Diario Inventado", "diarioinventado.com.mx")
    yield Outlet(1, "completo", diario)
    university = {"anexo_tecnico.participa_como": "institución académica", "anexo_tecnico.ipv6": "2806:2f0::102"}
    yield Outlet(
        2, "quien audita el PREP", good(2, AUDITOR, "imaginaria.edu.mx", **university), keys=frozenset({"nombre"}),
        is_workbook=False,
    )  # fmt: skip
    ftp = {"ftp.servidor": "ftp.radioficticia.com.mx", "ftp.usuario": "radio", "ftp.contrasena": PASSWORD}
    yield Outlet(
        3, "con contraseña", good(3, "Radio Ficticia", "radioficticia.com.mx", **ftp),
        keys=frozenset({"ftp.contrasena"}),
    )  # fmt: skip
    yield Outlet(
        4, "tardío", good(4, "Semanario Supuesto", "semanariosupuesto.com.mx"), keys=frozenset({"fechas"}), day=LATE,
        is_workbook=False,
    )  # fmt: skip
    other_number = {**diario, "tecnico.celular": "55 5000 0199"}
    yield Outlet(5, "corrige su teléfono", other_number, "por confirmar", day=ON_TIME + 1, update=True)


def _faulty() -> Iterator[Outlet]:
    small = {"anexo_tecnico.servidor": "virtual", "anexo_tecnico.nucleos": "2"} | {
        "hardware": "Servidor virtual, 32 GB de RAM, 480 GB en SSD"
    }
    yield Outlet(
        6, "equipo menor", good(6, "Gaceta Simulada", "gacetasimulada.com.mx", **small), "por confirmar",
        frozenset({"anexo_tecnico.servidor", "anexo_tecnico.nucleos"}), accepted="exención en trámite, oficio 00/2027",
    )  # fmt: skip
    whole = good(7, "La Voz Incompleta", "vozincompleta.com.mx")
    lacking = ("tecnico.celular", "legal.correo", "energia", "anexo_tecnico.ssh_llave")
    yield Outlet(
        7, "incompleto", {key: value for key, value in whole.items() if key not in lacking}, "por corregir",
        frozenset(lacking), is_workbook=False, corrected={key: whole[key] for key in lacking},
    )  # fmt: skip
    left = {"enlace": "prep.difusor.mx", "anexo_tecnico.ipv4": "192.168.1.20", "tecnico.telefono": "12 34"}
    yield Outlet(
        8, "sin logotipo", good(8, "Canal Sin Logotipo", "canalsinlogotipo.com.mx", **left), "por corregir",
        frozenset({*left, "logotipo"}), has_logo=False,
    )  # fmt: skip


def _hostile(office: Office) -> Iterator[Outlet]:
    copied = good(9, "El Espejo Copiado", "espejocopiado.com.mx") | {
        "enlace": "prep.diarioinventado.com.mx",
        "anexo_tecnico.ipv4": "189.240.0.101",
    }
    yield Outlet(9, "duplicado", copied, "por corregir", frozenset({"enlace", "anexo_tecnico.ipv4"}), is_workbook=False)
    yield Outlet(
        10, "parecido a otro", good(10, "Diario lnventado", "diario-inventado.com.mx"), "por confirmar",
        frozenset({"nombre", "sitio"}),
    )  # fmt: skip
    institute = (office.election.institute.domain or DOMAIN).partition(".")[0]
    imitating = good(11, f"{office.election.institute.acronym} Noticias", f"{institute}-resultados.com.mx")
    of_hosts = frozenset({"sitio", "enlace", "tecnico.correo", "legal.correo"})
    yield Outlet(11, "imita al Instituto", imitating, "por corregir", of_hosts | {"nombre"}, is_workbook=False)
    traps = {
        "nombre": '=HYPERLINK("https://hostil.com.mx","Diario")', "software": RUNS % (office.folder / RAN),
        "logotipo": "../../vault-password", "red": "+cmd|' /C calc'!A0",
    }  # fmt: skip
    yield Outlet(12, "hostil", good(12, "", "hostil.com.mx") | traps, "por corregir", frozenset(traps), has_logo=False)
