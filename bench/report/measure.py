"""Measures `difusor report --all` with several difusores at a time and with one; prints the figures on the last line.

Usage: measure.py LAB FOLDER MACHINE DIFUSORES. FOLDER becomes an institute's home with so many copies of the lab's.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from difusor.inventory import variables
from difusor.project import HOME, ROOT

DEMO = ROOT / "inventories/demo"
VAULT = f"demo@{DEMO / 'vault-password.txt'}"


def main() -> None:
    """Make the home, measure both ways, and compare."""
    lab, folder, machine, many = sys.argv[1], Path(sys.argv[2]).resolve(), sys.argv[3], int(sys.argv[4])
    os.environ.update({"ANSIBLE_VAULT_IDENTITY_LIST": VAULT, "LAB": lab})
    furnish(folder, many)
    os.environ[HOME] = str(folder)
    together, cpu = report(folder, many)
    one_by_one, cpu_alone = report(folder, many, "--jobs", "1")
    print(
        f"report: {many} difusores, together={together:.0f}s one_by_one={one_by_one:.0f}s "
        f"ratio={one_by_one / together:.2f} cpu={cpu:.0f}s cpu_one_by_one={cpu_alone:.0f}s ({machine})"
    )


def furnish(folder: Path, many: int) -> None:
    """Make a home: the lab's election with its values rendered, and inventories that link it."""
    rendered = next(iter(variables.read(DEMO).hosts.values()))
    kept = {name: value for name, value in rendered.items() if name.startswith(("election_", "lab_window"))}
    (folder / "elections").mkdir(parents=True)
    said = {"all": {"vars": {**kept, "lab_election": shown(), "lab_elections": {}}}}
    (folder / "elections/banco.yml").write_text(json.dumps(said, default=str))  # JSON is YAML
    (folder / f"elections/{shown()}.yml").symlink_to(ROOT / f"elections/{shown()}.yml")
    (folder / "build").mkdir()
    for name in ("images", "lab"):
        (folder / "build" / name).symlink_to(ROOT / "build" / name)
    for number in range(many):
        inventory = folder / f"inventories/difusor-{number}"
        shutil.copytree(DEMO, inventory, ignore=shutil.ignore_patterns("election.yml"))
        (inventory / "election.yml").symlink_to("../../elections/banco.yml")


def shown() -> str:
    """Return the name of the election that the lab shows."""
    demo = yaml.safe_load((DEMO / "election.yml").read_text(encoding="utf-8"))
    return os.environ.get("LAB_ELECTION") or str(demo["all"]["vars"]["lab_election"])


def report(folder: Path, many: int, *options: str) -> tuple[float, float]:
    """Measure all; return the seconds and the processor's. Every difusor must have been measured, else the run ends."""
    shutil.rmtree(folder / "build/dictamen", ignore_errors=True)
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [sys.executable, "-m", "difusor", "report", "--all", "--election", "banco", *options]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    seconds, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    (index,) = (folder / "build/dictamen").glob("indice-*.json")
    rows: list[dict[str, Any]] = json.loads(index.read_text())["rows"]
    if done.returncode == 2 or len(rows) != many or not all(row["measured"] for row in rows):
        sys.exit(f"not all of them were measured: {[(row['id'], row['verdict'], row['why']) for row in rows]}")
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
