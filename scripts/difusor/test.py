"""`difusor test`: everything that proves it, side by side where hosts are independent."""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer

from difusor.images import ensure_archives
from difusor.project import BUILD, StepFailed, console, run_step

WORKERS = 2
"""Suites at a time: each host suite keeps about one core busy."""

RELEASES = {
    # Ubuntu 22.04 sits between Debian 11 and 12; Debian 13 stands for 24.04 and 26.04.
    "debian": ["bookworm", "bullseye", "trixie"],
    "ubuntu": ["jammy", "noble"],
}
OUTCOMES = re.compile(r"\b(\d+) (passed|failed|skipped|error)s?\b")


def run(
    suites: Annotated[
        list[str] | None, typer.Argument(help="static, unit o una versión (bookworm…); sin nombres, todas.")
    ] = None,
) -> None:
    """Prueba el proyecto: reglas de la casa, unidades y un servidor completo por versión."""
    known = ["static", "unit", *RELEASES["ubuntu" if "ID=ubuntu" in Path("/etc/os-release").read_text() else "debian"]]
    if unknown := [name for name in suites or [] if name not in known]:
        console.print(f"[red]✗[/] No existe la prueba {', '.join(unknown)}. Las que hay: {', '.join(known)}.")
        raise typer.Exit(2)
    try:
        ensure_archives()
    except StepFailed as failure:
        console.print(f"[bold red]✗[/] {failure}")
        raise typer.Exit(1) from failure
    with ThreadPoolExecutor(WORKERS) as pool:
        failures = [failure for failure in pool.map(_run_suite, suites or known) if failure]
    _say_totals([_log(name) for name in suites or known], failures)
    raise typer.Exit(1 if failures else 0)


def _log(suite: str) -> Path:
    return BUILD / f"log/test-{suite}.log"


def _run_suite(suite: str) -> StepFailed | None:
    """Run one suite; return its failure, so that the others go on."""
    command = {
        "unit": ["pytest", "-q", "tests", "--ignore-glob=tests/test_static*"],
        "static": ["molecule", "test", "--scenario-name", "static"],
    }.get(suite, ["molecule", "test"])
    try:
        # Each run has its own release, lab and state of Molecule, so that several may stand side by side.
        env = {"HOST_SUITE": suite, "LAB": suite, "MOLECULE_EPHEMERAL_DIRECTORY": str(BUILD / f"molecule/{suite}")}
        run_step(f"Prueba {suite}", *command, log=_log(suite), env=env)
    except StepFailed as failure:
        console.print(f"[bold red]✗[/] {failure}")
        return failure
    return None


def _say_totals(logs: list[Path], failures: list[StepFailed]) -> None:
    """Print one closing line that counts every test; a suite that died before its tests counts as one failure."""
    totals: Counter[str] = Counter()
    for log in logs:
        for number, outcome in OUTCOMES.findall(log.read_text()) if log.exists() else []:
            totals[outcome] += int(number)
    failed = max(totals["failed"] + totals["error"], len(failures))
    print(f"{totals['passed']} passed, {failed} failed, {totals['skipped']} skipped")
