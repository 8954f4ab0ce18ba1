"""The local lab: its election window, and the latest corte of its night.

    python -m difusor.lab window|publish LAB

Called by the playbooks of the lab and by the demo; LAB is the lab's name.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from corte.format import files
from corte.format.manifest import Window
from difusor.project import BUILD, ROOT
from difusor.terminal import StepFailed, run_step

INVENTORY = "inventories/demo"
ELECTION = "LAB_ELECTION"
"""The environment variable that names the election whose place, offices and institute a lab shows."""
BEFORE = timedelta(hours=2)
"""How long before a lab is made its window opened, so that it shows results in the middle of the night."""
DURATION = timedelta(hours=24)
RETENTION = timedelta(days=6)
INTERVAL = timedelta(minutes=10)
SEED = 2024
IMAGES = 6
"""Of how many polling stations the cortes have the images of the actas."""


def elections() -> list[str]:
    """Return the names of the elections that a lab can show: all that the project ships, but for the lab's own."""
    return sorted(path.stem for path in (ROOT / "elections").glob("[!.]*.yml") if path.stem != "demo")


def folder(lab: str) -> Path:
    """Return the folder of a lab's keys, certificate, window and cortes."""
    return BUILD / "lab" / lab


def ensure_window(lab: str, now: datetime | None = None) -> bool:
    """Write the lab's window.json {opens, closes, retain_until} (UTC instants), unless it has one.

    Returns whether it was written.
    """
    path = folder(lab) / "window.json"
    if path.exists():
        return False
    opens = ((now or datetime.now(UTC)) - BEFORE).replace(minute=0, second=0, microsecond=0)
    window = Window(opens, opens + DURATION, opens + DURATION + RETENTION)
    files.replace(path, (json.dumps(window.to_json()) + "\n").encode())
    return True


def is_over(lab: str, now: datetime | None = None) -> bool:
    """Tell whether the window of an existing lab has ended; its difusor rightly refuses cortes of another window."""
    return (folder(lab) / "window.json").exists() and _window(lab).closes <= (now or datetime.now(UTC))


def make_latest(lab: str, now: datetime | None = None) -> Path:
    """Make the corte that is due now in the lab's window, unless it exists; return its folder, named by its number.

    Raises StepFailed when it cannot be made.
    """
    window = _window(lab)
    number = 1 + int(((now or datetime.now(UTC)) - window.opens) / INTERVAL)  # number 1 is the corte of the opening
    tree = folder(lab) / "cortes" / os.environ.get(ELECTION, "") / f"{number:04}"
    if not tree.exists():
        unfinished = tree.with_name(f".{tree.name}")  # its final name only once it is complete
        run_step(
            f"Corte {number}: datos sintéticos", *_difusor("synthetic", unfinished),
            "-i", INVENTORY, "--number", str(number), "--seed", str(SEED), "--images", str(IMAGES),
            log=BUILD / f"log/{lab}-synthetic.log", env={"LAB": lab},
        )  # fmt: skip
        unfinished.rename(tree)
    return tree


def publish_latest(lab: str, now: datetime | None = None) -> None:
    """Make, sign and push the corte that is due now in the lab's window, as the institute would.

    Raises StepFailed when the mirror does not show it.
    """
    tree = make_latest(lab, now)
    run_step(
        f"Corte {int(tree.name)}: firma y publicación", *_difusor("publish", tree), "-i", INVENTORY,
        "--key", folder(lab) / "firma", "--ca", folder(lab) / "tls/ca.pem",
        "--jump", str(int(tree.name)),  # the lab publishes only the corte that is due, hours after the last one
        log=BUILD / f"log/{lab}-publish.log", env={"LAB": lab},
    )  # fmt: skip


def authority(lab: str) -> Path:
    """Return the path in the project of the certificate authority that issued the lab's certificate."""
    return (folder(lab) / "tls/ca.pem").relative_to(ROOT)


def release(lab: str) -> str:
    """Return the release that the lab's difusor runs, read from its container (made with HOST_SUITE)."""
    return _inspect(lab, "{{.Config.Image}}").partition(":")[2].partition("-")[0]


def address(lab: str) -> str:
    """Return the IPv4 address of the lab's difusor, read from its container."""
    return _inspect(lab, "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}")


def console(variables: Mapping[str, Any]) -> list[str]:
    """Return the start of a command line that runs a command on the lab's difusor without using its network.

    It stands for the console that a provider offers. A command enters the namespaces of the server's container, which
    costs a twentieth of `docker exec`. The command line is valid until the server is started again.
    """
    if variables["lab_server"] == "vm":
        return ["docker", "exec", "--interactive", f"prep-{variables['lab']}-difusor", "console"]
    paths = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    enter = ["nsenter", "--all", "--target", _inspect(variables["lab"], "{{.State.Pid}}")]
    return [*enter, "env", "--ignore-environment", f"PATH={paths}", "HOME=/root"]


def _inspect(lab: str, form: str) -> str:
    command = ["docker", "inspect", f"prep-{lab}-difusor", "--format", form]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _window(lab: str) -> Window:
    path = folder(lab) / "window.json"
    try:
        return Window.from_json(json.loads(path.read_text()))
    except FileNotFoundError:
        there = ", ".join(sorted(each.parent.name for each in path.parents[1].glob("*/window.json"))) or "ninguno"
        raise StepFailed(f"no existe el laboratorio {lab}; los que hay: {there}. ./difusor demo crea uno") from None
    except (ValueError, LookupError, TypeError, AttributeError):
        remedy = "./difusor clean quita el laboratorio y ./difusor demo crea otro"
        raise StepFailed(f"{path} está dañado; {remedy}") from None


def _difusor(verb: str, *arguments: str | Path) -> list[str | Path]:
    return [sys.executable, "-m", "difusor", verb, *arguments]
