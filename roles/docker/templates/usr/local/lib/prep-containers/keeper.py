#!/usr/bin/python3 -IB
"""Brings back the project's containers that Docker does not bring back by itself (prep-containers.service).

Docker starts a container again that ends. It leaves away for ever:

- one that somebody stopped or paused, or that it could not start when it started itself, as at a busy boot;
- one whose end it was not told: it goes on showing a container that runs, and there is no process;
- one that it takes for ended although it runs. Each time that Docker starts it, containerd ends what still runs, and
  Docker takes that end for the new one's, and starts it again, without end. Neither `docker restart` nor a restart of
  Docker helps;
- one whose port it takes for published by a container that is gone, as after a power cut. Docker forgets that only when
  it starts anew.

Here each is brought back: what runs of it is ended together with containerd's process that watches it, its shim, so
that containerd and Docker learn of its end; then it is started. For the last kind, Docker is restarted. A container
that Docker shows as running, and that has a process, is left alone, even if its own check fails: a server under attack
is slow, and to start its containers anew would help the attacker.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn
from urllib.parse import quote

SOCKET = "/run/docker.sock"
ANSWER = 60.0
"""Seconds for an answer of Docker's; the start of a container on a busy server takes some."""
LABEL = "prep-difusor.role"
PERIOD = 10.0
"""Seconds between two looks."""
LOOKS = 2
"""Looks, one after the other, that a container has to be away: Docker itself starts most again within a second."""
SETTLE = 2.0
"""Seconds after the end of a shim in which containerd tells Docker."""
TAKEN = re.compile(r"Bind for (?P<address>\S+):(?P<port>\d+) failed: port is already allocated")
ATTEMPTS = 3
"""Attempts at which a port has to be taken by nobody before Docker is restarted, and the owner's containers with it."""
RESTARTED = Path("/run/prep-containers/docker-restarted")
"""Its time says when Docker was restarted here; it is gone after a boot."""
CALM = 600.0
"""Seconds between two restarts of Docker: where one does not help, the owner's containers are left in peace."""


class Container(NamedTuple):
    """One of the project's containers: its id and name, and Docker's state and process id (0: none) of it."""

    identity: str
    name: str
    state: str
    pid: int

    @property
    def is_away(self) -> bool:
        """Whether nobody gets an answer from it, and no removal is under way."""
        if self.state != "running":
            return self.state != "removing"
        return self.pid <= 0 or not _lives(self.pid)


class Docker(http.client.HTTPConnection):
    """A connection to Docker's engine, for one request."""

    def connect(self) -> None:
        """Connect to the engine's socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(ANSWER)
        self.sock.connect(SOCKET)


def ask(method: str, path: str) -> Any:
    """Return what Docker answers, from JSON; None if it has nothing to say.

    Raises OSError or http.client.HTTPException when Docker cannot be reached, ValueError with Docker's words when it
    refuses.
    """
    connection = Docker("docker")
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    said = json.loads(body) if body.strip() else None
    if answer.status >= http.client.BAD_REQUEST:
        raise ValueError(said.get("message", said) if isinstance(said, dict) else f"HTTP {answer.status}")
    return said


def look() -> Iterator[Container]:
    """Yield the project's containers, but for one of which Docker cannot tell; raises as `ask` does."""
    chosen = quote(json.dumps({"label": [LABEL]}))
    for each in ask("GET", f"/containers/json?all=true&filters={chosen}"):
        with contextlib.suppress(ValueError):  # it has just been removed, or Docker's record of it is damaged
            yield see(each["Id"])


def see(identity: str) -> Container:
    """Return how a container is now; raises as `ask` does."""
    found = ask("GET", f"/containers/{identity}/json")
    return Container(found["Id"], found["Name"].lstrip("/"), found["State"]["Status"], found["State"]["Pid"])


def bring_back(container: Container) -> None:
    """Make a container run again, unless it runs by now; raises as `ask` does."""
    container = see(container.identity)  # another one may have taken a minute since the look
    if not container.is_away:
        return
    if container.state == "paused":
        ask("POST", f"/containers/{container.identity}/unpause")
        return
    shims = list(_shims(container.identity))
    for pid in shims:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    if shims:
        time.sleep(SETTLE)  # pace: containerd notices the end of a shim, ends what is left, and tells Docker
    ask("POST", f"/containers/{container.identity}/start")


def _shims(identity: str, processes: Path = Path("/proc")) -> Iterator[int]:
    """Yield the processes of containerd that watch a container: root's, since anybody may give a process such words."""
    for folder in processes.glob("[0-9]*"):
        try:
            program, *arguments = (folder / "cmdline").read_text(errors="replace").split("\0")
            status = (folder / "status").read_text(errors="replace")
        except OSError:  # it has just ended
            continue
        if Path(program).name.startswith("containerd-shim") and identity in arguments and "\nUid:\t0\t0\t" in status:
            yield int(folder.name)


def _lives(pid: int) -> bool:
    """Return whether there is such a process; asked with a signal, since /proc may hide the processes of others."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def keep(missed: dict[str, int]) -> None:
    """Look once, and bring back what has been away for LOOKS looks; `missed` has how often, by id."""
    away = [each for each in look() if each.is_away]
    for gone in set(missed) - {each.identity for each in away}:
        del missed[gone]
    for each in away:
        missed[each.identity] = missed.get(each.identity, 0) + 1
        if missed[each.identity] < LOOKS:
            continue
        if missed[each.identity] == LOOKS:
            _say(f"{each.name} no corre y Docker no lo devuelve (estado: {each.state}); se arranca de nuevo.")
        try:
            bring_back(each)
        except (OSError, http.client.HTTPException, ValueError) as error:
            _say(f"{each.name} no se pudo arrancar; se intenta otra vez en {PERIOD:.0f} s. {error}")
            if missed[each.identity] >= LOOKS + ATTEMPTS - 1 and is_taken_by_nobody(str(error)):
                restart_docker()


def is_taken_by_nobody(refusal: str) -> bool:
    """Return whether Docker refuses a port as taken that none of its containers publishes; raises as `ask` does."""
    found = TAKEN.search(refusal)
    if found is None:
        return False
    published = [port for each in ask("GET", "/containers/json") for port in each.get("Ports") or []]
    wanted = (found["address"], int(found["port"]))
    return wanted not in [(port.get("IP"), port.get("PublicPort")) for port in published]


def restart_docker() -> None:
    """Restart Docker, unless that was done a short while ago; systemd then starts this program anew, too."""
    with contextlib.suppress(FileNotFoundError):
        if 0 <= time.time() - RESTARTED.stat().st_mtime < CALM:  # below 0, the clock was set back since
            return
    _say("Docker tiene por ocupado un puerto que ningún contenedor publica; se reinicia Docker.")
    RESTARTED.touch()
    subprocess.run(["/bin/systemctl", "restart", "--no-block", "docker.service"], check=False, timeout=ANSWER)


def main() -> NoReturn:
    """Keep the project's containers running until the process is ended."""
    missed: dict[str, int] = {}
    while True:
        try:
            keep(missed)
        except (OSError, http.client.HTTPException, ValueError):  # Docker starts, or does not answer
            missed.clear()
        time.sleep(PERIOD)  # pace: between two looks


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
