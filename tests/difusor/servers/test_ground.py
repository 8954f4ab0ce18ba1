"""What a run builds on and the owner may have taken away is told before anything is changed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from plugin_kit import load
from server_kit import SERVER, WANTED, with_facts

from difusor.servers.ground import FIRST_FILES, LATER_FILES, Ground
from difusor.servers.neighbours import Neighbours
from difusor.servers.preflight import Machine, problems


def load_probe(name: str = "ground") -> Any:
    return load(f"module_utils/probe/{name}.py")


def on(ground: Ground, **facts: Any) -> Machine:
    return replace(with_facts(**facts), ground=ground, neighbours=Neighbours(account="instituto"))


@pytest.mark.parametrize(
    ("server", "start", "remedy"),
    [
        (
            on(Ground(fixed=("/etc/passwd", "/etc/ssh/sshd_config"))),
            "no se pueden cambiar /etc/passwd /etc/ssh/sshd_config, que tienen un atributo de chattr",
            "sudo chattr -i -a /etc/passwd /etc/ssh/sshd_config",
        ),
        (
            on(Ground(python="/usr/local/bin/python3.13"), packages={"python3-minimal": "3.11.2-1+b1"}),
            "/usr/bin/python3 lleva a /usr/local/bin/python3.13 y no al Python 3.11 del sistema",
            "sudo ln -sfn python3.11 /usr/bin/python3",
        ),
        (
            on(Ground(forbidden=("overlay",))),
            "modprobe tiene prohibido cargar overlay",
            "quite esos renglones de /etc/modprobe.d",
        ),
        (on(Ground(closed=True)), "el núcleo no carga más módulos (kernel.modules_disabled=1)", "reinicie el servidor"),
        (
            on(Ground(), owners_parameters={"kernel.modules_disabled": "1"}),
            "el núcleo no carga más módulos (kernel.modules_disabled=1)",
            "/etc/sysctl.d",
        ),
        (on(Ground(home="autofs")), "/home se monta según se pide (autofs)", "instituto -fstype=bind :/var/home/inst"),
        (
            on(Ground(home="nfs4", home_writable=False)),
            "root no puede escribir en /home (nfs4), donde va la carpeta de «instituto»",
            "no_root_squash",
        ),
        (
            replace(SERVER, free_files={"/srv": 900, "/usr": -1}),
            f"/srv admite solo 900 archivos más (inodos) y necesita {FIRST_FILES:,}",
            "sudo du --inodes /srv",
        ),
    ],
)
def test_what_a_run_could_not_change_or_use_stops_it(server: Machine, start: str, remedy: str) -> None:
    (told,) = problems(server, **WANTED)
    assert told.startswith(start)
    assert remedy in told


@pytest.mark.parametrize(
    "server",
    [
        on(Ground(python="/usr/bin/python3.11", home="ext4"), packages={"python3-minimal": "3.11.2-1+b1"}),
        on(Ground(python="/usr/bin/python3.13"), packages={}),
        on(Ground(home="nfs4")),
        replace(
            SERVER,
            free_files={"/srv": LATER_FILES},
            ground=Ground(fixed=("/etc/passwd",)),
            neighbours=Neighbours(mirror_of=("prep.diario.mx",)),
        ),
        replace(SERVER, free_files={"/srv": FIRST_FILES, "/usr": -1}),
    ],
)
def test_what_is_as_it_should_be_stops_nothing(server: Machine) -> None:
    assert problems(server, **WANTED) == []


def test_modules_that_shall_not_be_loaded_are_those_of_docker() -> None:
    said = [
        "install overlay /bin/false",
        "install br-netfilter /usr/bin/true",
        "install cramfs /bin/false",
        "install bridge /sbin/modprobe --ignore-install bridge",
        "blacklist veth",
    ]
    assert load_probe().forbidden(said) == ["br_netfilter", "overlay"]


def test_the_home_is_that_of_the_account_or_where_it_will_be_made(tmp_path: Path) -> None:
    homes, mounts = tmp_path / "home", tmp_path / "mounts"
    (homes / "instituto").mkdir(parents=True)
    mounts.write_text(f"auto.home {homes} autofs rw 0 0\n/dev/sda1 {homes}/instituto ext4 rw 0 0\n")
    asked = load_probe().home
    assert asked("instituto", str(homes), str(mounts)) == ("ext4", True)
    assert asked("otra", str(homes), str(mounts)) == ("autofs", True)
    assert asked("", str(homes), str(mounts)) == ("autofs", True)
    assert asked("instituto", str(tmp_path / "none"), str(mounts))[1], "a run makes the folder"


def test_files_that_nobody_may_change_are_found_with_the_folders_that_they_are_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fixed = load_probe("fixed")
    paths = {name: tmp_path / name for name in ("plain", "kept", "grows", "pipe", "folder/inside", "link")}
    paths["folder/inside"].parent.mkdir()
    for name in ("plain", "kept", "grows", "folder/inside"):
        paths[name].touch()
    os.mkfifo(paths["pipe"])
    paths["link"].symlink_to(paths["kept"])
    flags = {paths["kept"]: 0x80010, paths["grows"]: 0x20, paths["folder/inside"].parent: 0x10, paths["plain"]: 0x80000}

    def ioctl(handle: int, request: int, given: bytes) -> bytes:
        assert (request, len(given)) == (0x80086601, 8)
        return flags.get(Path(os.readlink(f"/proc/self/fd/{handle}")), 0).to_bytes(8, "little")

    monkeypatch.setattr(fixed.fcntl, "ioctl", ioctl)
    monkeypatch.setattr(fixed.sys, "byteorder", "little")
    asked = [*(str(path) for path in paths.values()), str(tmp_path / "none/at/all")]
    assert fixed.of(asked) == sorted(str(tmp_path / name) for name in ("folder", "grows", "kept"))
    assert fixed.attributes(str(paths["kept"])) == "i"


def test_a_file_system_without_attributes_holds_nothing_fast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fixed = load_probe("fixed")

    def ioctl(*_: object) -> bytes:
        raise OSError(25, "Inappropriate ioctl for device")

    monkeypatch.setattr(fixed.fcntl, "ioctl", ioctl)
    assert fixed.of([str(tmp_path)]) == []


def test_a_disk_takes_a_number_of_files_or_any(monkeypatch: pytest.MonkeyPatch) -> None:
    server = load_probe("server")
    found = os.statvfs("/")
    assert server.free_files("/no/such/folder") == (found.f_favail if found.f_files else -1)

    class Volume:
        f_files = 0
        f_favail = 0

    monkeypatch.setattr(server.os, "statvfs", lambda _: Volume)
    assert server.free_files("/") == -1
