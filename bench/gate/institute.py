"""For bench/gate: gives a lab's server windows that open and close within a minute, and checks what a citizen got."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from corte.format import instants
from corte.format.manifest import Window
from difusor.lab.night import INVENTORY, folder
from difusor.publish import signing, target
from difusor.publish.mirror import Mirror, last_number
from difusor.publish.push import push
from difusor.publish.target import Target

PREPARE, OPEN, CLOSED, MARGIN = 45, 10, 8, 5  # seconds
REBOOTS = {"": None, "before": 13.0, "over": 2.0}
"""How many seconds before the opening the server is killed and started; it needs 6 to 8 seconds until it answers."""
Answers = list[dict[str, Any]]


def main(name: str, machine: str) -> None:
    """Open and close three times, twice with a reboot of the server near the opening."""
    server = target.read(Path(INVENTORY))[0]
    figures: dict[str, str] = {}
    early = 0
    for reboot, seconds in REBOOTS.items():
        window = arrange()
        publish(name, replace(server, election=server.election.within(window)))
        answers = watch(name, server, window, seconds)
        early += sum(each["got"] < window.opens.timestamp() for each in results(answers))
        opened = min(each["got"] for each in results(answers)) - window.opens.timestamp()
        print(f"  reboot {reboot or 'none':6} first result {opened:+.3f} s after the opening", file=sys.stderr)
        if reboot:
            figures[f"reboot_{reboot}_lag_ms"] = f"{opened * 1000:.0f}"
            continue
        closes, end = window.closes.timestamp(), window.retain_until.timestamp()
        told = min(each["got"] for each in answers if each["said"] == "closed") - closes
        late = [each["asked"] - end for each in results(answers) if each["asked"] > end]
        figures |= {"open_lag_ms": f"{opened * 1000:.0f}", "close_lag_ms": f"{told * 1000:.0f}"}
        figures |= {"end_lag_ms": f"{max(late, default=0) * 1000:.0f}"}
        before_close = [each for each in answers if each["said"] == "closed" and each["got"] < closes]
        early += len(before_close)
    print(f'gate: early={early} {" ".join(f"{key}={value}" for key, value in figures.items())} machine="{machine}"')


def arrange() -> Window:
    """Give the server a window that opens soon, with the playbook that an institute would run; return the window."""
    opens = instants.now().replace(microsecond=0) + timedelta(seconds=PREPARE)
    closes = opens + timedelta(seconds=OPEN)
    window = Window(opens, closes, closes + timedelta(seconds=CLOSED))
    values = {f"election_{key}": value for key, value in window.to_json().items()}
    command = [
        "ansible-playbook",
        "-i",
        INVENTORY,
        "site.yml",
        "--tags",
        "corte",
        "--extra-vars",
        json.dumps(values),
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return window


def publish(name: str, server: Target) -> None:
    """Sign the lab's corte for this window and push it; the server keeps it until the opening."""
    tree = max((folder(name) / "cortes").iterdir())
    corte = server.election.window.opens - timedelta(minutes=1)
    signed = signing.sign(tree, server.election, folder(name) / "firma", 1, corte)
    with Mirror(server, folder(name) / "tls/ca.pem") as mirror:
        before = last_number(mirror.status())
        push(signed.folder, server, checksum=True)
        word, status = mirror.await_word(signed, before, 30)
    if word != "held" or instants.now() > server.election.window.opens - timedelta(
        seconds=max(filter(None, REBOOTS.values()))
    ):
        raise SystemExit(f"not ready in time: {word}, {status.get('last_attempt')}")


def watch(name: str, server: Target, window: Window, reboot: float | None) -> Answers:
    """Let the citizen send requests across the window, restart the server meanwhile; return the answers."""
    start, end = instants.now().timestamp(), window.retain_until.timestamp() + MARGIN
    command = [
        "docker",
        "exec",
        "--interactive",
        f"prep-{name}-ciudadano",
        "python3",
        "-",
        server.fqdn,
        str(start),
        str(end),
    ]
    with Path(__file__).with_name("citizen.py").open() as program:
        citizen = subprocess.Popen(command, stdin=program, stdout=subprocess.PIPE)
    if reboot is not None:
        time.sleep(max(0.0, window.opens.timestamp() - reboot - time.time()))
        for verb in ("kill", "start"):
            subprocess.run(["docker", verb, f"prep-{name}-difusor"], check=True, stdout=subprocess.DEVNULL)
    said, _ = citizen.communicate(timeout=120)
    answers: Answers = json.loads(said)
    return answers


def results(answers: Answers) -> Answers:
    """Return the answers that carry a result."""
    return [each for each in answers if each["said"] == "result"]


if __name__ == "__main__":
    os.environ["LAB"] = sys.argv[1]
    main(*sys.argv[1:])
