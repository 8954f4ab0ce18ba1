"""hosts.allow and hosts.deny: which lines would keep trusted addresses out of SSH."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from plugin_kit import load
from server_kit import SERVER, WANTED

from difusor.servers import preflight, wrappers
from difusor.servers.neighbours import Neighbours

ADDRESSES = ["192.0.2.7", "198.51.100.0/24", "2001:db8::7"]


def told(allow: str, deny: str, tmp_path: Path) -> list[str]:
    """Return what is told of these files, by way of the probe."""
    files = {"allow": tmp_path / "hosts.allow", "deny": tmp_path / "hosts.deny"}
    files["allow"].write_text(allow)
    files["deny"].write_text(deny)
    return list(wrappers.problems(load("module_utils/probe/wrappers.py").look(files), ADDRESSES))


@pytest.mark.parametrize(
    ("allow", "deny", "line", "origins"),
    [
        ("", "sshd: ALL", "sshd: ALL", "192.0.2.7 198.51.100.0/24 [2001:db8::7]"),
        ("sshd: 192.0.2.7\n", "# x\nALL: \\\n  ALL\n", "ALL: ALL", "198.51.100.0/24 [2001:db8::7]"),
        ("ALL: 192.0.2.7\nsshd : ALL : DENY\n", "", "sshd : ALL : DENY", "198.51.100.0/24 [2001:db8::7]"),
        ("sshd: 198.51.100.0/25", "sshd: 198.51.", "sshd: 198.51.", "198.51.100.0/24"),
        ("", "ALL: ALL EXCEPT 192.0.2.0/255.255.255.0", "ALL: ALL EXCEPT 192.0.2.0/255.255.255.0",
         "198.51.100.0/24 [2001:db8::7]"),
        ("", "sshd: ALL EXCEPT [2001:db8::]/64, 192.0.2.7", "sshd: ALL EXCEPT [2001:db8::]/64, 192.0.2.7",
         "198.51.100.0/24"),
        ("sshd: ALL EXCEPT 192.0.2.7", "sshd: ALL", "sshd: ALL", "192.0.2.7"),
    ],
)  # fmt: skip
def test_trusted_addresses_that_hosts_deny_keeps_out_are_told(
    allow: str, deny: str, line: str, origins: str, tmp_path: Path
) -> None:
    file = "deny" if deny else "allow"
    (sentence,) = told(allow, deny, tmp_path)
    assert sentence.startswith(f"/etc/hosts.{file} dice «{line}», y SSH no dejaría entrar desde")
    assert sentence.endswith(f"ponga como primera línea de /etc/hosts.allow «sshd: {origins}»")


@pytest.mark.parametrize(
    ("allow", "deny"),
    [
        ("", ""),
        ("# sshd: ALL: deny", "ALL: PARANOID\nsshd: UNKNOWN .ejemplo.mx /etc/lista 203.0.113.9"),
        ("sshd: 192.0.2.7 198.51.100.0/24 [2001:db8::7]", "ALL: ALL"),
        ("ALL: ALL", "sshd: ALL"),
        ("sshd: 192.0.2.7 198.51.100. [2001:db8::]/32\nsshd: ALL: deny", ""),
        ("sshd: diario.mx", "sshd@10.0.0.1: ALL"),
        ("", "sshd: ALL: allow\nALL: ALL"),
        ("", "vsftpd: ALL\nALL EXCEPT sshd: ALL"),
    ],
)
def test_lines_that_keep_no_trusted_address_out_are_not_told(allow: str, deny: str, tmp_path: Path) -> None:
    assert told(allow, deny, tmp_path) == []


def test_the_preflight_stops_only_where_sshd_asks_these_files() -> None:
    wrapped = {"allow": [], "deny": ["sshd: ALL"]}
    said = "/etc/hosts.deny dice «sshd: ALL»"
    for library, stops in ((frozenset(["libwrap0"]), True), (frozenset[str](), False)):
        server = replace(SERVER, packages=SERVER.packages | library, neighbours=Neighbours(wrapped=wrapped))
        assert any(said in each for each in preflight.problems(server, **WANTED)) is stops
