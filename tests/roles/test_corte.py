"""The list of signers that the role installs on servers equals the institute's own, line for line."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from role_kit import render

from corte.format import instants
from corte.format.limits import MAX_CORTE_BYTES
from corte.format.signature import valid_signers
from corte.server.config import Config, copy_of
from difusor.inventory.parts import Signer

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJuUU1bYrqPfoYcyqNdVKGiBmO7nYKHSs4ABNaVDz0bY firma@instituto.mx"
SLOW_DISK = 4 * 1024**2
"""Bytes that a slow disk copies in a second."""
SIGNERS = [
    {"principal": "firma@demo.test", "key": f"{KEY}\n", "valid_after": "2024-05-01T00:00:00-06:00",
     "valid_before": "2024-07-01T00:00:00Z"},
    {"principal": "mesa@demo.test", "key": KEY, "authority": True, "valid_after": "2024-05-01T00:00:00Z",
     "valid_before": "2024-06-03T02:00Z"},
]  # fmt: skip
INSTALLED = f"""# Managed by the test
# Dates are UTC, and carry no Z because OpenSSH 8.9 refuses it.
firma@demo.test namespaces="prep-corte@demo",valid-after="20240501060000",valid-before="20240701000000" {KEY}
mesa@demo.test cert-authority,namespaces="prep-corte@demo",valid-after="20240501000000",valid-before="20240603020000" {KEY}
"""  # noqa: E501  # as OpenSSH reads it


def test_the_servers_accept_the_signers_of_the_election() -> None:
    assert render("corte", "etc/prep-corte/allowed_signers", {"corte_signers": SIGNERS, "corte_election": "demo"}) == (
        INSTALLED
    )


def test_the_institute_writes_the_same_lines() -> None:
    signers = [Signer.model_validate(each, context={"read": None}) for each in SIGNERS]
    assert [signer.line("demo") for signer in signers] == INSTALLED.splitlines()[2:]


def test_the_lines_are_read_within_their_dates() -> None:
    at = datetime(2024, 6, 10, tzinfo=UTC)
    assert [principal for principal, _ in valid_signers(INSTALLED, at)] == ["firma@demo.test"]
    assert list(valid_signers(INSTALLED, datetime(2024, 7, 1, tzinfo=UTC))) == []


def test_the_services_read_what_the_role_says_of_a_corte(tmp_path: Path) -> None:
    inputs = {
        "corte_election": "demo", "corte_environment": "official", "corte_opens": "2024-06-03T02:00:00Z",
        "corte_closes": "2024-06-04T02:00:00Z", "corte_retain_until": "2024-06-10T05:59:00Z",
        "corte_incoming_dir": "/srv/prep/entrada", "corte_revoked_keys": [f"{KEY}\n"],
        "corte_strict_content": "false",
    }  # fmt: skip
    path = tmp_path / "server.json"
    for written, name in ((path, "server.json"), (copy_of(path), "server.copy.json")):
        written.write_text(render("corte", f"etc/prep-corte/{name}", inputs))
    found = Config.load(path)
    assert found == Config.load(copy_of(path))
    assert (found.election, found.incoming, found.max_bytes) == ("demo", Path("/srv/prep/entrada"), MAX_CORTE_BYTES)
    assert instants.write(found.window.closes) == inputs["corte_closes"]
    assert found.known_revoked == (KEY,)
    assert not found.strict_content
    assert KEY in render("corte", "etc/prep-corte/revoked", inputs).splitlines(), "for ssh-keygen, without a digest"


def test_the_largest_corte_has_time_to_be_copied_on_a_slow_disk() -> None:
    """An intake that is ended begins again from nothing, so one that is too slow would never show the corte."""
    unit = render("corte", "etc/systemd/system/prep-corte-intake.service", {"corte_incoming_group": "prep-entrada"})
    number, unit_of_time = re.findall(r"^TimeoutStartSec=(\d+)(min|h)$", unit, re.MULTILINE)[0]
    assert int(number) * {"min": 60, "h": 3600}[unit_of_time] > MAX_CORTE_BYTES / SLOW_DISK
