"""Makes a compliant server in the local lab, its page and its dictamen."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path

from difusor.lab import night, removal
from difusor.lab.images import ensure_archives
from difusor.project import BUILD
from difusor.terminal import StepFailed, console, run_step, side_by_side

LAB = "demo"
DICTAMEN = BUILD / "dictamen/demo.html"


def make(election: str | None = None) -> bool:
    """Create the lab, install the server, publish the latest synthetic corte and write the dictamen.

    `election` names the election in elections/ whose place, offices, institute and call the lab has. Returns whether
    every clause holds; raises StepFailed when a step fails.
    """
    if election:
        os.environ[night.ELECTION] = election
    side_by_side(_lab, ensure_archives)
    side_by_side(_server, partial(night.make_latest, LAB))
    night.publish_latest(LAB)
    return _report()


def _lab() -> None:
    """Create the lab's hosts in the state in which a provider would deliver them."""
    if owner := removal.others().get(LAB):
        raise StepFailed(
            f"el laboratorio de esta máquina es el de {owner}: siga ahí, o retírelo ahí con «./difusor clean»"
        )
    if night.is_over(LAB):
        _playbook("Laboratorio: la noche anterior terminó, se retira", "molecule/shared/destroy.yml")
    elif not night.folder(LAB).exists() and removal.has_hosts(LAB):
        _playbook("Laboratorio: sus llaves ya no están, se retira", "molecule/shared/destroy.yml")
    _playbook("Laboratorio: tres servidores", "molecule/shared/create.yml")
    _playbook("Laboratorio: lo que entrega el proveedor", "molecule/shared/prepare.yml")


def _server() -> None:
    _playbook(f"Servidor: ansible-playbook -i {night.INVENTORY} site.yml", "site.yml")


def _playbook(title: str, playbook: str) -> None:
    log = BUILD / f"log/demo-{Path(playbook).stem}.log"
    run_step(title, "ansible-playbook", "-i", night.INVENTORY, playbook, log=log, env={"LAB": LAB})


def _report() -> bool:
    """Measure the server against the call; return whether every clause holds."""
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
