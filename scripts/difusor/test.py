"""`difusor test`: everything that proves it, side by side where hosts are independent."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer

from difusor.images import ensure_archives
from difusor.project import BUILD
from difusor.report.dictamen import against
from difusor.steps import StepFailed, complain, console, run_step, sentences

WORKERS = 2
"""Suites at a time: each host suite keeps about one core busy."""

RELEASES = {
    # Ubuntu 22.04 sits between Debian 11 and 12; Debian 13 stands for 24.04 and 26.04.
    "debian": ["bookworm", "bullseye", "trixie"],
    "ubuntu": ["jammy", "noble"],
}
MACHINE = "vm"
"""The suite of the virtual machine, whose release is the machine's own."""
OUTCOMES = re.compile(r"\b(\d+) (passed|failed|skipped|error)s?\b")
"""As pytest closes a run."""


def run(
    suites: Annotated[
        list[str] | None,
        typer.Argument(help="static, unit o una versión (bookworm…); sin nombres, todas ellas. vm, solo si se pide."),
    ] = None,
) -> None:
    """Prueba el proyecto: reglas de la casa, unidades y un servidor completo por versión.

    vm es el servidor completo con núcleo propio, en una máquina virtual: arranque, AppArmor, auditoría, cortes de
    corriente. Sin KVM se emula, y entonces dura más que todas las otras juntas.
    """
    usual = ["static", "unit", *RELEASES["ubuntu" if "ID=ubuntu" in Path("/etc/os-release").read_text() else "debian"]]
    known = [*usual, MACHINE]
    if unknown := [name for name in suites or [] if name not in known]:
        complain(f"No existe la prueba {', '.join(unknown)}. Las que hay: {', '.join(known)}.")
        raise typer.Exit(2)
    with sentences():
        ensure_archives()
    wanted = suites or usual
    with ThreadPoolExecutor(WORKERS) as pool:
        failures = dict(zip(wanted, pool.map(_run_suite, wanted), strict=True))
    _say_totals(failures)
    raise typer.Exit(1 if any(failures.values()) else 0)


def _log(suite: str) -> Path:
    return BUILD / f"log/test-{suite}.log"


def _run_suite(suite: str) -> StepFailed | None:
    """Run one suite; return its failure, so that the others go on."""
    command = {
        "unit": ["pytest", "-q", "tests", "--ignore-glob=tests/test_static*"],
        "static": ["molecule", "test", "--scenario-name", "static"],
        MACHINE: ["molecule", "test", "--scenario-name", "vm"],
    }.get(suite, ["molecule", "test"])
    _dictamen(suite).unlink(missing_ok=True)
    try:
        # Each run has its own release, lab and state of Molecule, so that several may stand side by side.
        env = {"LAB": suite, "MOLECULE_EPHEMERAL_DIRECTORY": str(BUILD / f"molecule/{suite}")}
        if suite != MACHINE:
            env["HOST_SUITE"] = suite
        run_step(f"Prueba {suite}", *command, log=_log(suite), env=env)
    except StepFailed as failure:
        complain("\n".join([str(failure), *_against(suite)]))
        return failure
    return None


def _dictamen(suite: str) -> Path:
    """Where the scenarios write what they find of the lab's server."""
    return BUILD / f"dictamen/{suite}/demo.json"


def _against(suite: str) -> list[str]:
    """Return what failed of a host suite that came as far as its dictamen, so that no one has to look for it."""
    paper = _dictamen(suite)
    return against(json.loads(paper.read_text())) if paper.exists() else []


def _say_totals(failures: Mapping[str, StepFailed | None]) -> None:
    """Print one closing line that counts every test.

    In a suite that held, what failed is excused by a waiver (the lab is no physical server) and said as such; a skipped
    test proves nothing and is said as such too. A suite that died before its tests counts as one failure.
    """
    passed = failed = excused = skipped = 0
    for suite, failure in failures.items():
        counts: Counter[str] = Counter()
        for number, outcome in OUTCOMES.findall(_log(suite).read_text() if _log(suite).exists() else ""):
            counts[outcome] += int(number)
        wrong = counts["failed"] + counts["error"]
        passed += counts["passed"]
        skipped += counts["skipped"]
        failed += max(wrong, 1) if failure else 0
        excused += 0 if failure else wrong
    console.print(f"{excused} pruebas con exención vigente, mostradas en los dictámenes del laboratorio")
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
