"""Runs some files of the compliance suite and judges them without a dictamen, which only a whole run can have.

    python -m difusor.proof.part LAB FILE...

Called by molecule/changed. Exits with 1 when a test fails that no waiver excuses, with 2 when none could be run.
"""

from __future__ import annotations

import sys
from pathlib import Path

from difusor.lab.night import INVENTORY
from difusor.project import BUILD
from difusor.proof.found import unexcused_of_a_part
from difusor.report.results import ResultsError
from difusor.suite.measurement import measure
from difusor.terminal import complain

NOT_EVALUATED = 2


def main(lab: str, *files: str) -> int:
    """Run the files against a lab's server; return the exit status."""
    try:
        results = measure(Path(INVENTORY), BUILD / f"dictamen/{lab}", lab=True, tests=files)
    except ResultsError as error:
        complain(error)
        return NOT_EVALUATED
    against = unexcused_of_a_part(results)
    for finding in against:
        complain(f"{finding.test}: {finding.detail.partition('\n')[0] or 'no pasó'}")
    return 1 if against else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
