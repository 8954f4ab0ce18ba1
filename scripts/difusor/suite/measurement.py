"""Starts pytest to run the compliance suite against a difusor, and reads the results."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from difusor.partners.revocation import refuse_revoked
from difusor.project import ROOT, UnusableError
from difusor.report.results import Results, ResultsError, load
from difusor.servers import sudo

TESTS = "molecule/tests"
OFFICIAL = (f"{TESTS}/server", f"{TESTS}/outside")
"""The tests that only read from a server; an official dictamen is made with these alone."""
STANDARD_ERROR = 2
"""Where the progress goes; standard output is for the result, which the caller prints."""


def measure(inventory: Path | None, output: Path, lab: bool, tests: Sequence[str] = ()) -> Results:
    """Run the suite with its progress on the terminal; return the results. ResultsError when it could not start.

    `tests` are files below the project; a dictamen needs all of them. `lab` adds the tests that alter the server, which
    run against a lab only.
    """
    if inventory is None:
        raise ResultsError("¿qué difusor? Nómbrelo con -i inventories/<difusor>")
    here = inventory.resolve()
    try:
        refuse_revoked(here, "no se mide ni se dictamina")
    except UnusableError as error:
        raise ResultsError(str(error)) from None
    source = str(here.relative_to(ROOT)) if here.is_relative_to(ROOT) else str(here)
    target = (output / f"{here.name}.results.json").resolve()
    target.unlink(missing_ok=True)
    chosen = tests or ([TESTS] if lab else OFFICIAL)
    command = [sys.executable, "-m", "pytest", *chosen, f"--ansible-inventory={source}", f"--results={target}"]
    # Tests that alter the server run one at a time. The others mostly wait for answers, so three run at once.
    pace = ["--lab"] if lab else ["--numprocesses=3"]
    command += [*pace, "--quiet", "--no-header", "--no-summary", "--tb=no"]
    subprocess.run(command, cwd=ROOT, check=False, stdout=STANDARD_ERROR, pass_fds=sudo.descriptors())
    if not target.exists():
        raise ResultsError(f"{source} no se evaluó, o la medición no terminó; la causa está en las líneas anteriores")
    return load(target)
