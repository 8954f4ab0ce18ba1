"""`difusor demo`: a compliant server in the local lab, its page and its dictamen."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import typer

from difusor.lab import night
from difusor.lab.images import ensure_archives
from difusor.project import BUILD, ROOT
from difusor.terminal import StepFailed, console, run_step, sentences, side_by_side

LAB = "demo"
DICTAMEN = BUILD / "dictamen/demo.html"


def run() -> None:
    """Levanta el laboratorio, instala el servidor, publica un corte sintético y emite el dictamen."""
    with sentences():
        side_by_side(_lab, ensure_archives)
        side_by_side(_server, partial(night.make_latest, LAB))
        night.publish_latest(LAB)
        compliant = _report()
    _say_where(compliant)
    raise typer.Exit(0 if compliant else 1)


def _lab() -> None:
    """Create the hosts, as their providers deliver them."""
    if night.is_over(LAB):
        _playbook("Laboratorio: la noche anterior terminó, se retira", "molecule/shared/destroy.yml")
    _playbook("Laboratorio: tres servidores", "molecule/shared/create.yml")
    _playbook("Laboratorio: lo que entrega el proveedor", "molecule/shared/prepare.yml")


def _server() -> None:
    _playbook(f"Servidor: ansible-playbook -i {night.INVENTORY} site.yml", "site.yml")


def _playbook(title: str, playbook: str) -> None:
    log = BUILD / f"log/demo-{Path(playbook).stem}.log"
    run_step(title, "ansible-playbook", "-i", night.INVENTORY, playbook, log=log, env={"LAB": LAB})


def _report() -> bool:
    """Measure the server against ANEXO 1; return whether every clause holds."""
    DICTAMEN.unlink(missing_ok=True)
    try:
        run_step(
            "Dictamen: medición cláusula por cláusula",
            *[sys.executable, "-m", "difusor", "report", "-i", night.INVENTORY],
            log=BUILD / "log/demo-report.log",
            env={"LAB": LAB},
        )
    except StepFailed as failure:
        if not DICTAMEN.exists():
            raise
        console.print(f"[yellow]![/] {failure}")
        return False
    return True


def _say_where(compliant: bool) -> None:
    verdict = (
        "El servidor cumple el ANEXO 1, con las exenciones que muestra el dictamen."
        if compliant
        else "El servidor no cumple todo el ANEXO 1: vea el dictamen."
    )
    authority = (night.folder(LAB) / "tls/ca.pem").relative_to(ROOT)
    console.print(
        f"""
[bold]{verdict}[/]

  Página     https://{night.address(LAB)}/   (certificado del laboratorio: {authority})
  Dictamen   file://{DICTAMEN}
  Servidor   {night.release(LAB)} (HOST_SUITE elige otra versión al crearlo)
  Terminar   ./difusor clean
""",
        soft_wrap=True,
    )
