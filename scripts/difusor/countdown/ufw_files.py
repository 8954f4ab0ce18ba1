"""Reads what the firewall would load when a server starts again; changes nothing (standard library, Python 3.9, root).

Sent to the server as text, after `look.py`: `python3 -c "$(cat ufw_files.py)"` prints one line of JSON, the fields of
`seen.UfwFiles`. ASCII only: for anything else testinfra would first ask the server for its encoding.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

FOLDER = Path("/etc/ufw")
FAMILIES = {"iptables": "", "ip6tables": "6"}
"""What UFW adds to its names in each address family."""
FILES = ("before", "after", "user")
"""What UFW loads, each file as a whole or not at all."""
SECONDS = 8


def complaint(command: str, path: Path) -> str | None:
    """Return why a file would not load, "" when there is nothing in it; None when it would, or nobody knows.

    Only what names a line counts: a test also fails while another program holds the kernel's rules.
    """
    try:
        if not path.stat().st_size:
            return ""
    except OSError:
        return ""
    said = _run(f"{command}-restore", "--noflush", "--test", str(path))
    if said is None or not said.returncode or not re.search(r"\bline:? \d+", said.stderr):
        return None
    return " ".join(said.stderr.partition("\nTry `")[0].split())[:300]


def admitting(text: str, suffix: str) -> list[str]:
    """Return the lines of a file of UFW's that become the rules of its users in the kernel."""
    return [line for line in text.splitlines() if line.startswith(f"-A ufw{suffix}-user-input ")]


def _run(*command: str) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace", timeout=SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return None


def look() -> dict[str, Any]:
    """Return the fields of `seen.UfwFiles`, but nothing of a family whose UFW chains are not in force (no IPv6)."""
    unloadable: dict[str, str] = {}
    rules: dict[str, list[str]] = {}
    for command, suffix in FAMILIES.items():
        there = _run(command, "-S", f"ufw{suffix}-before-input")
        if there is None or there.returncode:
            continue
        paths = {name: FOLDER / f"{name}{suffix}.rules" for name in FILES}
        said = {str(path): complaint(command, path) for path in paths.values()}
        unloadable.update({path: reason for path, reason in said.items() if reason is not None})
        try:
            rules[f"ufw{suffix}-user-input"] = admitting(paths["user"].read_text("utf-8", "replace"), suffix)
        except OSError:
            continue  # it is told as one that would not load
    return {"unloadable": unloadable, "rules": rules}


if __name__ == "__main__":
    print(json.dumps(look()))
