"""Where the server's own nginx asks the application's container, and for which files."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest
import role_kit

from difusor.spec.expected import PREP_PORT
from difusor.spec.reading import values

FIRST_OF_EVERYBODY = 1024
"""Below it only root may listen."""


def address(sha256: str) -> str:
    return str(role_kit.value("prep", "prep_address", {"prep_image": {"sha256": sha256}}))


@pytest.mark.parametrize("sha256", ["0" * 64, "f" * 64, "0123456789abcdef" * 4, "fe01ff" + "7" * 58])
def test_no_other_account_can_take_the_containers_place(sha256: str) -> None:
    """Whatever the image: another port is anybody's whenever the container does not run, and so is the page."""
    host, _, port = address(sha256).rpartition(":")
    assert ip_address(host).is_loopback
    assert host != "127.0.0.1", "whose port others may use"
    assert int(port) == PREP_PORT < FIRST_OF_EVERYBODY


def test_another_image_is_asked_at_another_address() -> None:
    assert len({address(digits * 32) for digits in ("00", "01", "fd", "ab")}) == 4


def entry(role: str, file: str) -> dict[str, Any]:
    """Return the entry of a role's table of contents that imports a file."""
    contents: list[dict[str, Any]] = values((role_kit.ROLES / role / "tasks/main.yml").read_text(encoding="utf-8"))
    return next(each for each in contents if each.get("ansible.builtin.import_tasks") == file)


def test_a_run_that_sets_up_the_edge_learns_the_applications_files() -> None:
    """One by the tag of a clause did not, and the page answered 404 to everybody until a run of the whole site."""
    tags = entry("nginx", "configure.yml")["tags"]
    assert {"nginx", *tags} - {*entry("prep", "files.yml")["tags"]} == set()
    assert entry("nginx", "preflight.yml")["tags"] == tags


@pytest.mark.parametrize(
    ("known", "refused"),
    [
        ({}, True),
        ({"nginx_known_files": ["index.html"]}, False),
        ({"nginx_open_application": True}, False),
        ({"nginx_revoked": True}, False),
        ({"ansible_check_mode": True}, False),
    ],
)
def test_an_edge_without_the_applications_files_is_refused_before_anything_is_written(
    known: dict[str, Any], refused: bool
) -> None:
    """As with --skip-tags prep, and where the image that is pulled from a registry is not there."""
    contents = values((role_kit.ROLES / "nginx/tasks/main.yml").read_text(encoding="utf-8"))
    assert contents[0] == entry("nginx", "preflight.yml")
    (refusal,) = values((role_kit.ROLES / "nginx/tasks/preflight.yml").read_text(encoding="utf-8"))
    given = {"ansible_check_mode": False, **known}
    assert role_kit.value("nginx", refusal["ansible.builtin.assert"]["that"], given) is not refused
