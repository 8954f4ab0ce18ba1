"""How a server stands: what a baseline records of it and what `survey.py` adds, and what differs between two states."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from difusor.acceptance.case import Case, answered
from difusor.baseline.record import Change, Look
from difusor.baseline.take import look
from difusor.project import ROOT, write
from difusor.terminal import StepFailed, plain

State = Mapping[str, Mapping[str, str]]
"""Kind of thing, to its name, to a text that changes when the thing does."""

SURVEY = Path(__file__).with_name("survey.py")
NAME = "estado.json"
ABSENT = "no está"
TOLD = {
    "files": "archivo", "packages": "paquete", "images": "imagen", "signers": "llave de firma", "accounts": "acceso",
    "crontabs": "crontab", "folders": "carpeta", "services": "servicio", "failed": "unidad caída", "ports": "puerto",
    "firewall": "regla", "kernel": "parámetro del núcleo", "mounts": "montaje", "denials": "negativa",
}  # fmt: skip
"""The kinds that are compared, in Spanish."""
UNTIL_BOOT = {"kernel", "firewall", "mounts", "ports", "services", "failed", "denials"}
"""The kinds that a server may keep as they are until it boots again."""
OF_PACKAGES = ("files", "packages", "folders", "accounts", "services")
"""The kinds that an upgrade of packages changes."""
PASSING = (
    r"/etc/ld\.so\.cache",
    r"/etc/(adjtime|fake-hwclock\.data|mtab|\.pwd\.lock|resolv\.conf|\.resolv\.conf\.systemd-resolved\.bak)",
    r"/etc/lvm/(archive|backup)(/.*)?",
    r"/etc/(systemd/(system|user)|udev/rules\.d|dbus-1/system\.d)/(.*/)?[^/]*\bsnap[-.].*",
    r"/var/log/(btmp|lastlog|wtmp)(\.db)?",
)
"""What a server writes by itself at any time, of its libraries, clock, network, disks, snaps and logins; left out."""


def take(case: Case) -> dict[str, dict[str, str]]:
    """Return how the server stands now; LostError, BaselineError or StepFailed say why it cannot be known."""
    with answered():
        seen = look(case.server, case.host, {})
    found = {
        kind: values for kind, values in seen.model_dump().items() if kind in Look.model_fields and kind != "server"
    }
    asked = case.ask("python3 -c %s " + " ".join(kernel_parameters()), SURVEY.read_text(encoding="utf-8"))
    try:
        rest: dict[str, dict[str, str]] = json.loads(asked)
    except ValueError:
        raise StepFailed(f"el servidor no dice cómo está, sino «{plain(asked, 200)}»") from None
    return without_passing(found | rest)


def without_passing(found: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Return a state without the files and folders that a server writes by itself."""
    passing = re.compile("|".join(PASSING))
    kinds = [kind for kind in ("files", "folders") if kind in found]
    return found | {
        kind: {name: value for name, value in found[kind].items() if not passing.fullmatch(name)} for kind in kinds
    }


def kernel_parameters() -> list[str]:
    """Return the names of the kernel parameters that the project sets, without patterns for interfaces."""
    variables = yaml.safe_load((ROOT / "roles/kernel/vars/main.yml").read_text(encoding="utf-8"))
    sets = (variables["_kernel_sysctl"], variables["_kernel_sysctl_unadvertised"])
    return [name for each in sets for name in each if "*" not in name]


def save(state: State, folder: Path, name: str = NAME) -> None:
    """Write a state to the folder of a step."""
    write(folder / name, json.dumps(state, ensure_ascii=False, indent=1, sort_keys=True) + "\n")


def saved(folder: Path, name: str = NAME) -> dict[str, dict[str, str]]:
    """Return the state that a step has written."""
    found: dict[str, dict[str, str]] = json.loads((folder / name).read_text(encoding="utf-8"))
    return found


def differences(before: State, after: State, kinds: Iterable[str] = TOLD) -> list[Change]:
    """Return what differs between two states, sorted by kind and name."""
    found = []
    for kind in kinds:
        was, now = before.get(kind, {}), after.get(kind, {})
        names = sorted(name for name in was.keys() | now.keys() if was.get(name) != now.get(name))
        found += [Change(kind, name, was.get(name, ABSENT), now.get(name, ABSENT)) for name in names]
    return found


def told(changes: Iterable[Change]) -> str:
    """Return changes as text, one a line, for people."""
    return "".join(
        f"{TOLD[change.kind]}: {plain(change.name)}: {plain(change.before)} → {plain(change.after)}\n"
        for change in changes
    )
