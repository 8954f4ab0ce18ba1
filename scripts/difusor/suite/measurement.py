"""One run of the compliance suite against a difusor, from outside pytest."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from difusor.project import ROOT
from difusor.report.results import Results, ResultsError, load


def measure(inventory: Path | None, output: Path, lab: bool, tests: Sequence[str] = ("molecule/tests",)) -> Results:
    """Run the suite, its progress on the terminal; return what it found. ResultsError when it could not begin.

    `tests` are files or folders below the project; of fewer than all of them no dictamen can be made.
    """
    if inventory is None:
        raise ResultsError("¿qué difusor? Nómbrelo con -i inventories/<difusor>")
    here = inventory.resolve()
    source = str(here.relative_to(ROOT)) if here.is_relative_to(ROOT) else str(here)
    target = (output / f"{here.name}.results.json").resolve()
    target.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", *tests, f"--ansible-inventory={source}", f"--results={target}"]
    # What alters the server must not do so under another test's eyes. What does not, mostly waits for answers.
    pace = ["--lab"] if lab else ["--numprocesses=3"]
    subprocess.run([*command, *pace, "--quiet", "--no-header", "--no-summary", "--tb=no"], cwd=ROOT, check=False)
    if not target.exists():
        raise ResultsError(f"{source} no se evaluó, o la medición no terminó; la causa está en las líneas anteriores")
    return load(target)
