"""The firewall's hook as the server would get it: what is charged to a source, and how long the kernel remembers it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import role_kit

INPUTS = {"ufw_unlimited_sources": ["192.0.2.10", "2001:db8::/48"], "ufw_source_rate": 50, "ufw_source_burst": 1000}


def hook(advertised: bool) -> str:
    """Return the hook of a server whose IPv6 is, or is not, configured by router advertisements."""
    facts = {"ipv6_advertised": advertised}
    return role_kit.render("ufw", "etc/ufw/after.init", {**INPUTS, "ansible_facts": facts})


def restored(hook: str) -> list[str]:
    """Return what the hook restores: the rules of IPv4, and those of IPv6."""
    return re.findall(r"<<END\n(.*?)^END$", hook, re.MULTILINE | re.DOTALL)


HOOK = hook(advertised=False)
FOUR, SIX = restored(HOOK)


def test_the_hook_is_a_script_that_a_shell_can_read() -> None:
    subprocess.run(["sh", "-n"], input=HOOK, text=True, check=True)
    assert "{{" not in HOOK


def test_nobody_is_charged_before_the_kernel_has_seen_him_answer() -> None:
    for rules in (FOUR, SIX):
        chosen = re.findall(r"^-A prep-input .*-j prep-(?:web|push)$", rules, re.MULTILINE)
        assert len(chosen) == 2
        assert all("--tcp-flags SYN,RST,ACK ACK" in rule and "--ctstatus ASSURED" in rule for rule in chosen)
        assert "connlimit" not in rules
        limiting = re.findall(r"^-A (\S+) .*hashlimit", rules, re.MULTILINE)
        assert limiting == ["prep-web-charge", "prep-push-charge"]


def test_what_is_charged_and_for_how_long_it_is_remembered() -> None:
    for rules, mask, bare in ((FOUR, 32, 81), (SIX, 64, 101)):
        assert f"--hashlimit-srcmask {mask} " in rules
        assert "--hashlimit-above 50/second --hashlimit-burst 1000" in rules
        assert "--hashlimit-htable-expire 20000 " in rules, "an idle source would get a whole burst anew"
        assert f"--length {bare}:65535 -g prep-web-charge" in rules, "a first packet with data would go uncharged"


def test_a_source_without_limits_is_in_the_rules_of_its_own_ip_version() -> None:
    for rules, own, other in ((FOUR, "192.0.2.10", "2001:db8::/48"), (SIX, "2001:db8::/48", "192.0.2.10")):
        assert f"-A prep-web -s {own} -j RETURN" in rules
        assert other not in rules


def test_router_advertisements_are_dropped_first_unless_ipv6_depends_on_them() -> None:
    """systemd-networkd answers them whatever the kernel's parameters say."""
    drop = "-A prep-input -p ipv6-icmp --icmpv6-type router-advertisement -j DROP\n"
    before, found, _ = SIX.partition(drop)
    assert found
    assert "-A " not in before
    assert "icmp" not in FOUR
    assert restored(hook(advertised=True)) == [FOUR, SIX.replace(drop, "")]


SYSCTL = """#!/bin/sh
if [ "$1" = --values ]; then exec cat {folder}/room; fi
echo "$3" >>{folder}/written
"""


@pytest.mark.parametrize(
    ("room", "wanted"),
    [("262144\n", 524288), ("524288\n", 524288), ("2000000\n", 2000000), (None, 524288)],
)
def test_the_kernels_table_of_connections_is_never_made_smaller(tmp_path: Path, room: str | None, wanted: int) -> None:
    """The owner of a busy server had made it larger, and each start of the firewall took that back."""
    (begin,) = re.findall(r"^start\(\) \{\n(.*?)^  iptables-restore", HOOK, re.MULTILINE | re.DOTALL)
    program = tmp_path / "sysctl"
    program.write_text(SYSCTL.format(folder=tmp_path))
    program.chmod(0o755)
    if room:
        (tmp_path / "room").write_text(room)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(["sh", "-eu"], input=begin, text=True, check=True, env=environment)
    assert (tmp_path / "written").read_text().splitlines() == [
        f"net.netfilter.nf_conntrack_max={wanted}",
        "net.netfilter.nf_conntrack_tcp_timeout_syn_recv=20",
        "net.netfilter.nf_conntrack_tcp_timeout_time_wait=30",
    ]


@pytest.mark.parametrize(
    ("before", "ours"),
    [
        ("", True),  # it was not installed
        ("ENABLED=no\nLOGLEVEL=low\n", True),
        ("ENABLED=yes\nLOGLEVEL=off\n", True),
        ("ENABLED=yes\nLOGLEVEL=low\n", False),
    ],
)
def test_the_log_of_a_firewall_that_logged_before_is_the_owners(before: str, ours: bool) -> None:
    """Ubuntu has UFW installed and off; its first line in /var/log/ufw.log is of the project's firewall."""
    assert role_kit.value("ufw", "_ufw_log_is_ours", {"__ufw_before": {"stdout": before}}) is ours
