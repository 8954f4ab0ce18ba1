"""Where a folder is a disk that is mounted late, nothing that keeps what it found at its start comes before."""

from __future__ import annotations

import re

import pytest
import role_kit

STORES = ["datos.mount", "var-lib-docker.mount"]
FOLDERS = ("corte_incoming_dir", "rsync_path")
INPUTS = {
    **dict.fromkeys(FOLDERS, "/srv/prep/entrada"),
    "kernel_shared": False,
    "ansible_facts": {"docker_mounts": STORES},
}
BY_ITSELF = {"prep-corte-intake.path"}
"""systemd gives a path unit its mounts of itself."""
PREFIX = "prep-corte-"
"""A drop-in for this prefix holds for every service whose name begins so."""


def after(role: str, path: str) -> list[str]:
    text = role_kit.render(role, f"etc/systemd/system/{path}", INPUTS)
    unit = text.partition("[Unit]\n")[2].partition("\n[")[0]
    return [name for line in re.findall("^After=(.+)$", unit, re.MULTILINE) for name in line.split()]


def test_every_unit_that_names_the_folder_and_the_engine_of_the_page_come_after_it_is_mounted() -> None:
    ordered = {("docker", "docker.service.d/prep-difusor.conf")}  # the container names it
    for path in role_kit.ROLES.glob("*/templates/etc/systemd/system/**/*.j2"):
        text = path.read_text()
        if "/srv/prep" in text or any(f"{{{{ {name} }}}}" in text for name in FOLDERS):
            role, *_, folder, name = path.relative_to(role_kit.ROLES).parts
            ordered.add((role, name[:-3] if folder == "system" else f"{folder}/{name[:-3]}"))
    corte = {("corte", "prep-corte-gate.service"), ("corte", f"{PREFIX}.service.d/sandbox.conf")}
    assert ordered >= corte | {("rsync", "rsync.service.d/prep.conf")}
    for role, path in sorted(ordered):
        if path in BY_ITSELF:
            continue
        by_prefix = path.startswith(PREFIX) and path.endswith(".service")
        found = after(role, f"{PREFIX}.service.d/sandbox.conf" if by_prefix else path)
        assert {"srv.mount", "srv-prep.mount"} <= {*found}, path


@pytest.mark.parametrize("service", ["docker", "containerd"])
def test_the_engine_comes_after_the_disks_of_its_images_and_containers(service: str) -> None:
    """On the empty folder beneath it finds none of them, and nobody brings back what it does not know."""
    assert {*STORES} <= {*after("docker", f"{service}.service.d/prep-difusor.conf")}
    text = role_kit.render("docker", f"etc/systemd/system/{service}.service.d/prep-difusor.conf", INPUTS)
    assert "Requires" not in text, "a disk that never comes keeps it away"
