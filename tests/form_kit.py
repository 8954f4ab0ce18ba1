"""A correct form of ANEXO 2 with its logo, as a workbook and as YAML, in which a test then makes a mistake."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import openpyxl
from hypothesis import HealthCheck, settings
from inventory_kit import KEY
from PIL import Image

from difusor.lab.desk.outlets import SERVER
from difusor.partners.form import plain, workbook
from difusor.partners.form.items import items

GOOD = {
    "nombre": "Diario de Ribelos",
    "sitio": "https://www.diarioderibelos.com.mx/",
    "enlace": "www.diarioderibelos.com.mx/prep2027mor",
    "tecnico.nombre": "Ana Peña Núñez",
    "tecnico.telefono": "777 362 4200 ext. 12",
    "tecnico.celular": "777 123 4567",
    "tecnico.correo": "sistemas@diarioderibelos.com.mx",
    "legal.nombre": "Luis Güemes",
    "legal.telefono": "(777) 362-4201",
    "legal.celular": "+52 777 123 4568",
    "legal.correo": "legal@diarioderibelos.com.mx",
    "ftp.servidor": "no aplica",
    "ftp.usuario": "No aplica",
    "ftp.contrasena": "no aplica",
    "software": "Ubuntu 22.04 LTS, nginx 1.18",
    "hardware": "Xeon de 8 núcleos, 32 GB de RAM, 480 GB en SSD",
    "energia": "Dos fuentes, UPS y planta",
    "red": "200 Mbps simétricos; cortafuegos perimetral",
    "logotipo": "logotipo.png",
    "anexo_tecnico.participa_como": "medio de comunicación",
    "anexo_tecnico.ipv4": "189.240.1.7",
    "anexo_tecnico.ipv6": "2806:2f0::7",
    "anexo_tecnico.ssh_servidor": "",
    "anexo_tecnico.ssh_puerto": "2222",
    "anexo_tecnico.ssh_cuenta": "ubuntu",
    "anexo_tecnico.ssh_llave": f"{KEY} root@servidor",
    "anexo_tecnico.certificado": "lo solicita el servidor (ACME)",
    **SERVER,
}
WHERE = {
    each.key: (workbook.ANNEX if each.of_the_annex else workbook.CALL, f"C{workbook.FIRST_ROW + place}")
    for of_the_annex in (False, True)
    for place, each in enumerate(item for item in items() if item.of_the_annex is of_the_annex)
}
"""The sheet and the cell of each item."""

OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEPJQmY9Qe1mNMcqTe1DgwpdKcnLEYHmiYyCIsyQfKxZ"
OTHER_LOGO = "launion.png"
OTHER = {
    "nombre": "La Unión de Cuautla",
    "sitio": "launion.com.mx",
    "enlace": "prep.launion.com.mx",
    "anexo_tecnico.ipv4": "189.240.1.8",
    "anexo_tecnico.ipv6": "",
    "anexo_tecnico.ssh_llave": OTHER_KEY,
    "logotipo": OTHER_LOGO,
}
"""What another outlet writes instead."""

BOUNDED = settings(
    max_examples=40, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
"""What a property is tried with: always the same examples, and few."""


def png(width: int = 200, height: int = 80, **saved: Any) -> bytes:
    """Return a picture."""
    written = io.BytesIO()
    Image.new("RGB", (width, height), "navy").save(written, "PNG", **saved)
    return written.getvalue()


def as_yaml(folder: Path, change: Mapping[str, str] | None = None) -> Path:
    """Write the correct form, with some values changed, as YAML beside its logo; return its path."""
    text = plain.write("", {**GOOD, **(change or {})})
    return beside_logo(folder, "formato.yml", text.encode())


def as_workbook(
    folder: Path, change: Mapping[str, Any] | None = None, more: Callable[[openpyxl.Workbook], object] | None = None
) -> Path:
    """Write the correct form, with some cells changed, as a workbook beside its logo; return its path.

    `more` may do anything else to the workbook.
    """
    book = openpyxl.load_workbook(io.BytesIO(workbook.write("")))
    for key, value in {**GOOD, **(change or {})}.items():
        sheet, cell = WHERE[key]
        book[sheet][cell] = value
    if more:
        more(book)
    written = io.BytesIO()
    book.save(written)
    return beside_logo(folder, "formato.xlsx", written.getvalue())


def beside_logo(folder: Path, name: str, content: bytes) -> Path:
    """Write a form, and each outlet's logo unless it is there; return the form's path."""
    folder.mkdir(parents=True, exist_ok=True)
    for name_of_logo, width in ((GOOD["logotipo"], 200), (OTHER_LOGO, 220)):
        if not (folder / name_of_logo).exists():
            (folder / name_of_logo).write_bytes(png(width))
    (folder / name).write_bytes(content)
    return folder / name
