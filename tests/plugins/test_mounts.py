"""The units of the disks that Docker's folders are on."""

from __future__ import annotations

import pytest
from plugin_kit import load

MOUNTS = load("module_utils/probe/mounts.py")
OWN = ["var-lib-containerd.mount", "var-lib-docker.mount", "var-lib.mount", "var.mount"]


@pytest.mark.parametrize(
    ("folder", "unit"),
    [
        ("/srv/prep", "srv-prep.mount"),
        ("/mnt/disco-2/", "mnt-disco\\x2d2.mount"),
        ("/datos/100% año", "datos-100\\x25\\x20a\\xc3\\xb1o.mount"),
        ("/.datos/.docker", "\\x2edatos-.docker.mount"),
    ],
)
def test_the_name_of_a_unit_is_the_one_that_systemd_gives_it(folder: str, unit: str) -> None:
    """As `systemd-escape --path` prints these."""
    assert unit in MOUNTS.units([folder])


def test_every_disk_above_dockers_folders_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOUNTS.units(["/"]) == []
    monkeypatch.setattr(MOUNTS.os.path, "realpath", lambda path: path)
    assert MOUNTS.of_docker({}) == MOUNTS.of_docker({"data-root": 1}) == OWN
    assert MOUNTS.of_docker({"data-root": "/datos/docker"}) == ["datos-docker.mount", "datos.mount", *OWN]


def test_a_folder_that_is_a_link_is_on_the_disk_where_it_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    links = {"/var/lib/docker": "/datos/docker"}
    monkeypatch.setattr(MOUNTS.os.path, "realpath", lambda path: links.get(path, path))
    assert {"var-lib-docker.mount", "datos.mount", "datos-docker.mount"} <= {*MOUNTS.of_docker({})}
