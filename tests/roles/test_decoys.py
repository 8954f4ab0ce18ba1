"""What keeps the project's containers from their work: processes under another program's name, and Docker itself."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import role_kit
import yaml

KEEPER = role_kit.ROLES / "docker/templates/usr/local/lib/prep-containers/keeper.py"
IDENTITY = "f" * 64
SHIM = ["/usr/bin/containerd-shim-runc-v2", "-namespace", "moby", "-id", IDENTITY]
DRAINING = "nginx: worker process is shutting down"
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the service's program, with a Docker that shows one container, which has ended."""
    specification = importlib.util.spec_from_file_location("keeper", KEEPER)
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setitem(sys.modules, "keeper", module)
    specification.loader.exec_module(module)
    shown = {"Id": IDENTITY, "Name": "/prep-1", "State": {"Status": "exited", "Pid": 0}}
    module.asked = []

    def ask(method: str, path: str) -> Any:
        module.asked.append((method, path))
        return [shown] if path.startswith("/containers/json") else shown

    monkeypatch.setattr(module, "ask", ask)
    monkeypatch.setattr(module, "SETTLE", 0)
    return module


@pytest.fixture
def start() -> Iterator[Start]:
    """Start processes that wait to be ended, and end them."""
    started: list[subprocess.Popen[bytes]] = []

    def run(*words: str) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen(words, executable="/bin/sh", stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        return started[-1]

    yield run
    for each in started:
        each.communicate(timeout=30)  # the end of what they read


def test_only_a_shim_of_roots_is_ended(keeper: Any, tmp_path: Path) -> None:
    accounts = {"11": "0\t0\t0\t0", "12": "1000\t1000\t1000\t1000", "13": "1000\t0\t0\t0"}
    for process, accounts_of in accounts.items():
        (tmp_path / process).mkdir()
        (tmp_path / process / "cmdline").write_text("\0".join([*SHIM, ""]))
        (tmp_path / process / "status").write_text(f"Name:\tcontainerd-shim\nUid:\t{accounts_of}\nGid:\t0\t0\t0\t0\n")
    assert list(keeper._shims(IDENTITY, tmp_path)) == [11]
    assert list(keeper._shims("e" * 64, tmp_path)) == []


def test_a_container_is_started_though_a_process_of_that_name_may_not_be_ended(
    keeper: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The unit may not end processes of other accounts: such a decoy kept the container away for ever."""

    def refuse(_process: int, _signal: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(keeper, "_shims", lambda _: iter([4711]))
    monkeypatch.setattr(os, "kill", refuse)
    missed: dict[str, int] = {}
    for _ in range(keeper.LOOKS):
        keeper.keep(missed)
    assert ("POST", f"/containers/{IDENTITY}/start") in keeper.asked


PUBLISHED = {"IP": "127.1.2.3", "PublicPort": 580}


@pytest.mark.parametrize(
    ("ports", "restarted", "wanted"),
    [([], None, 1), ([PUBLISHED], None, 0), ([], 60.0, 0), ([], 3600.0, 1), ([], -3600.0, 1)],
    ids=["taken by nobody", "published by another", "a minute ago", "an hour ago", "before the clock was set back"],
)
def test_docker_is_restarted_where_it_takes_a_port_for_published_by_a_container_that_is_gone(
    keeper: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ports: list[Any], restarted: float | None, wanted: int
) -> None:
    """After a power cut, Debian 11's Docker refused the page's port for ever, and citizens had no page."""
    shown, commands = keeper.ask, []

    def ask(method: str, path: str) -> Any:
        if path.endswith("/start"):
            raise ValueError("driver failed: Bind for 127.1.2.3:580 failed: port is already allocated")
        return [{"Ports": ports}] if path == "/containers/json" else shown(method, path)

    monkeypatch.setattr(keeper, "ask", ask)
    monkeypatch.setattr(keeper, "RESTARTED", tmp_path / "docker-restarted")
    if restarted is not None:
        keeper.RESTARTED.touch()
        os.utime(keeper.RESTARTED, (time.time() - restarted,) * 2)
    monkeypatch.setattr(keeper.subprocess, "run", lambda command, **_: commands.append(command))
    missed: dict[str, int] = {}
    for _ in range(keeper.LOOKS + keeper.ATTEMPTS - 2):
        keeper.keep(missed)
    assert not commands, "Docker was restarted at once"
    for _ in range(3):
        keeper.keep(missed)
    assert commands == [["/bin/systemctl", "restart", "--no-block", "docker.service"]] * wanted


def test_only_nginxs_own_workers_are_waited_for_and_not_for_ever(start: Start, tmp_path: Path) -> None:
    """A reader who takes a byte every nine seconds keeps a worker for as long as he likes."""
    tasks = yaml.safe_load((role_kit.ROLES / "docker/tasks/retire_container.yml").read_text())
    (script,) = (task["ansible.builtin.shell"] for task in tasks if "ansible.builtin.shell" in task)
    (tmp_path / "sleep").write_text("#!/bin/sh\n")
    (tmp_path / "sleep").chmod(0o755)
    decoy = start(DRAINING, "-c", "read _")
    nginx = start("nginx: master process", "-c", f"exec 3<&0; /bin/sh -c 'read _; : {DRAINING}' <&3 & echo; wait")
    assert nginx.stdout and nginx.stdout.readline()
    found = []
    for parent in (nginx.pid, decoy.pid):
        (tmp_path / "systemctl").write_text(f"#!/bin/sh\necho {parent}\n")
        (tmp_path / "systemctl").chmod(0o755)
        environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        looks = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, check=True).stdout
        found.append(len(looks.splitlines()))
    assert found == [20, 0]
