"""Help of `./difusor` imports no slow library; every verb has a module, and every playbook of an operator a verb."""

from __future__ import annotations

from pathlib import Path

import pytest
from interpreter_kit import interpreter

from difusor.cli import VERBS
from difusor.project import ROOT

HEAVY = ("PIL", "ansible", "cryptography", "httpx", "openpyxl", "phonenumbers", "pydantic")
ASK = f"""
import sys
from difusor.cli import main
try:
    main()
except SystemExit as end:
    loaded = [name for name in {HEAVY} if name in sys.modules]
    sys.exit(f"imports {{loaded}}" if loaded else end.code)
"""


IMPORTED = ("rich.markdown", "rich.panel", "difusor.cli")
"""What every verb's help needs."""


@pytest.mark.parametrize("arguments", [["--help"], *([verb, "-h"] for verb in VERBS), ["--version"]], ids=" ".join)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    done = interpreter(*IMPORTED).run("-c", ASK, *arguments, env={"PYTHONPATH": str(ROOT / "scripts")})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_what_every_run_of_ansible_loads_is_not_heavy() -> None:
    """The project's plugins look at the inventory's files whenever Ansible starts, and mostly do nothing more."""
    imports = "import sys; from difusor.inventory import folders, sources, vaults; "
    done = interpreter(*IMPORTED).run("-c", f"{imports}print([name for name in {HEAVY} if name in sys.modules])")
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_no_filter_loads_what_writes_to_a_terminal() -> None:
    """Ansible loads all of them in every run."""
    files = [str(path) for path in sorted((ROOT / "plugins/filter").glob("*.py"))]
    load = f"import runpy, sys; [runpy.run_path(file) for file in {files}]; "
    done = interpreter("pydantic", "yaml").run("-c", f"{load}print({{'rich', 'typer'}} & sys.modules.keys())")
    assert (done.returncode, done.stdout) == (0, "set()\n"), done.stderr


def test_every_module_of_commands_is_a_verb() -> None:
    modules = {path.stem for path in Path(ROOT, "scripts/difusor/commands").glob("[!_]*.py")}
    assert VERBS.keys() == modules


def test_every_playbook_of_an_operator_has_a_verb() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "scripts/difusor").rglob("*.py"))
    names = ["site.yml", *(f"playbooks/{path.name}" for path in (ROOT / "playbooks").glob("*.yml"))]
    part_of_site = {"playbooks/server.yml"}
    assert [name for name in names if f'"{name}"' not in text and name not in part_of_site] == []
