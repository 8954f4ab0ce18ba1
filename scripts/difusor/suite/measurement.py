"""Starts pytest to run the compliance suite against a difusor, and reads the results."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from difusor.partners.revocation import refuse_revoked
from difusor.project import ROOT, UnusableError
from difusor.report.results import Results, ResultsError, load
from difusor.servers import sudo
from difusor.suite.turns import turn

TESTS = "molecule/tests"
OFFICIAL = (f"{TESTS}/server", f"{TESTS}/outside")
"""The tests that only read from a server; an official dictamen is made with these alone."""
REFUSES = "ERROR: "
"""What pytest writes before the reason for which it does not begin."""
FOREIGN = ("PYTEST_", "PYTHONOPTIMIZE", "PYTHONWARNINGS")
"""How the environment variables begin with which tests would be left out, or what they assert and say."""
Hear = Callable[[str], None]
STANDARD_ERROR = 2
"""Where the progress goes; standard output is for the result, which the caller prints."""


def measure(
    inventory: Path | None,
    output: Path,
    lab: bool = False,
    tests: Sequence[str] = (),
    hear: Hear | None = None,
) -> Results:
    """Run the suite with its progress on the terminal; return the results.

    ResultsError when it could not start, when another run worked on the server, or while one measures the same difusor.

    `tests` are files below the project; a dictamen needs all of them. `lab` adds the tests that alter the server, which
    run against a lab only. With `hear` nothing goes to the terminal: it is called with each line, as it comes.
    """
    if inventory is None:
        raise ResultsError("¿qué difusor? Nómbrelo con -i inventories/DIFUSOR")
    here = inventory.resolve()
    if here.is_file():  # one file of it has neither its election nor its record of revocations
        raise ResultsError(
            f"{inventory} es un archivo, y se mide el inventario entero: dé su carpeta, -i {inventory.parent}"
        )
    try:
        refuse_revoked(here, "no se mide ni se dictamina")
    except UnusableError as error:
        raise ResultsError(str(error)) from None
    source = str(here.relative_to(ROOT)) if here.is_relative_to(ROOT) else str(here)
    target = (output / f"{here.name}.results.json").resolve()
    chosen = tests or ([TESTS] if lab else OFFICIAL)
    command = [sys.executable, "-m", "pytest", *chosen, f"--ansible-inventory={source}", f"--results={target}"]
    # Tests that alter the server run one at a time. The others mostly wait for answers, so three run at once.
    pace = ["--lab"] if lab else ["--numprocesses=3"]
    # Who hears the lines needs one for each test; on the terminal a dot for each is enough.
    command += [*pace, "--verbose" if hear else "--quiet", "--no-header", "--no-summary", "--tb=no"]
    # `difusor test` tells pytest there what another release has tested already.
    environment = {name: value for name, value in os.environ.items() if lab or not name.startswith(FOREIGN)}
    try:
        with turn(hashlib.sha256(bytes(target if lab else here)).hexdigest(), wait=False):  # of a lab several may run
            return _measured(command, environment, hear, source, target)
    except BlockingIOError:
        raise ResultsError(
            f"{source} ya se está midiendo en esta máquina, y dos mediciones a la vez se estorban; espere a que termine"
        ) from None


def _measured(
    command: Sequence[str], environment: Mapping[str, str], hear: Hear | None, source: str, target: Path
) -> Results:
    """Run pytest, which writes its results to `target`, and return them; ResultsError as `measure`."""
    target.unlink(missing_ok=True)
    refusal, last = _run(command, environment, hear)
    if not target.exists():
        raise ResultsError(refusal or f"{source} no se evaluó, o la medición no terminó; la causa está en {last}")
    return load(target)


def _run(command: Sequence[str], environment: Mapping[str, str], hear: Hear | None) -> tuple[str, str]:
    """Run pytest to its end; return why it refused to begin, as far as somebody hears it, and where else to look."""
    if hear is None:
        subprocess.run(
            command, cwd=ROOT, env=environment, check=False, stdout=STANDARD_ERROR, pass_fds=sudo.descriptors()
        )
        return "", "las líneas anteriores"
    lines: list[str] = []
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace", pass_fds=sudo.descriptors(),
    ) as running:  # fmt: skip
        assert running.stdout is not None  # PIPE above
        for line in running.stdout:
            hear(line)
            lines.append(line.strip())
    text = "\n".join(filter(None, lines))
    return text.partition(REFUSES)[2], f"lo último que dijo: «{text.rpartition('\n')[2]}»"
