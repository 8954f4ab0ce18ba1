"""The command `difusor` as a process of its own, as an operator runs it."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from interpreter_kit import interpreter

from difusor.project import ROOT

IMPORTED = (
    "rich.align",
    "rich.columns",
    "rich.markdown",
    "rich.panel",
    "rich.syntax",
    "rich.traceback",
    "difusor.cli",
    "difusor.acceptance.run",
    "difusor.lab.night",
    "difusor.partners.desk",
    "difusor.partners.revoking",
    "difusor.publish.deliver",
    "difusor.report.several",
    "difusor.synthetic",
)
"""What the verbs import, or much of it; not what reads its settings when it is imported.

That is Ansible, and Typer's rich_utils, which takes its words in the language of the moment.
"""


def difusor(
    *words: str | Path, cwd: Path | str = ROOT, env: Mapping[str, str] | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a verb in a folder, with this environment or with that of the tests; `options` as of Interpreter.run."""
    return interpreter(*IMPORTED).run("-m", "difusor", *words, cwd=cwd, env=env, **options)
