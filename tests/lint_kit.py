"""ansible-lint, a program as always; only Ansible, which it starts for each playbook and role, is imported once.

It checks their syntax with `ansible-playbook --syntax-check`, and starting that costs more than what is checked.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

from ansible_kit import IMPORTED
from ansiblelint.__main__ import _run_cli_entrypoint
from interpreter_kit import Interpreter

START = subprocess.run
THREAD = threading.local()


def run(command: Any, *rest: Any, **options: Any) -> subprocess.CompletedProcess[Any]:
    """Run a command as subprocess does; `ansible-playbook` as a fork of this thread's interpreter."""
    if command[:2] != ["ansible-playbook", "--syntax-check"]:
        return START(command, *rest, **options)
    if not hasattr(THREAD, "interpreter"):
        THREAD.interpreter = Interpreter(*IMPORTED, env=options["env"])
    done: subprocess.CompletedProcess[str] = THREAD.interpreter.run(
        "-m", "ansible", "playbook", *command[1:], env=options["env"], timeout=600
    )
    return done


if __name__ == "__main__":
    subprocess.run = run  # type: ignore[assignment]
    sys.exit(_run_cli_entrypoint())
