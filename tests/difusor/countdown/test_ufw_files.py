"""What the firewall would load at the next start of a server: damage that shows only then is red a day before."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from countdown_kit import host, seen, server

from difusor.countdown import inside, servers, ufw_files
from difusor.countdown.checks import Check
from difusor.countdown.seen import UfwFiles

RULES = {
    f"ufw{suffix}-user-input": [
        f"-A ufw{suffix}-user-input -p tcp --dport 80 -j ACCEPT",
        *(f"-A ufw{suffix}-user-input -p tcp --dport {port} -s {source} -j ACCEPT" for port in (873, 22)),
    ]
    for suffix, source in (("", "10.9.0.4"), ("6", "2001:db8::4"))
}
"""The files of a server that admits the addresses of the election, as UFW writes them."""
FALLS = """#!/bin/sh
case "$*" in
  *-input) exit {chains} ;;
  *user.rules)
    printf '%s\\n' 'iptables-restore: unknown option' 'Error occurred at line: 12' 'Try `iptables-restore -h' >&2
    exit 2 ;;
  *) echo "Another app is currently holding the xtables lock" >&2; exit 4 ;;
esac
"""


def judged(found: UfwFiles) -> Check:
    """Return the check of the trusted addresses, of a server that would load this and is green otherwise."""
    looked = replace(seen(server(), host().election), ufw_files=found)
    return next(each for each in inside.judge(host(), looked, "diario") if each.key == "trusted")


def test_files_that_say_what_is_in_force_are_green_and_so_are_those_that_nobody_can_read() -> None:
    assert judged(UfwFiles(rules=RULES)).state == judged(UfwFiles()).state == "good"
    assert judged(UfwFiles(rules={"ufw-user-input": RULES["ufw-user-input"]})).state == "good", "a kernel without IPv6"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("-A ufw-user-input -p tcp --dport 42 -s 10.9.0.4 -j ACCEPT", "no admitirá a 10.9.0.4/32"),
        ("", "no admitirá a 10.9.0.4/32"),
        (f"{RULES['ufw-user-input'][2]}\n{RULES['ufw-user-input'][2].replace('.4', '.99')}", "admitirá a 10.9.0.99/32"),
    ],
    ids=["damaged", "lost", "of a backup"],
)
def test_whom_the_next_start_would_shut_out_or_let_in_is_told(line: str, told: str) -> None:
    lines = [*RULES["ufw-user-input"][:2], *line.splitlines()]
    check = judged(UfwFiles(rules={**RULES, "ufw-user-input": lines}))
    assert (check.state, told in check.found) == ("bad", True)
    assert "./difusor apply -i diario" in check.remedy


def test_a_file_that_would_not_load_is_named_with_its_line() -> None:
    check = judged(UfwFiles(unloadable={"/etc/ufw/user.rules": "Error occurred at line: 12"}, rules=RULES))
    assert check.state == "bad"
    assert "/etc/ufw/user.rules" in check.found and "line: 12" in check.found
    assert "no hay nada en él" in judged(UfwFiles(unloadable={"/etc/ufw/before.rules": ""})).found


@pytest.mark.parametrize("chains", [0, 1])
def test_files_are_tested_without_loading_them_where_the_firewall_is_in_force(
    chains: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not name a line, such as that another program holds the kernel's rules, says nothing of the file."""
    folder, programs = tmp_path / "ufw", tmp_path / "bin"
    for path in (folder, programs):
        path.mkdir()
    for name in ("iptables", "iptables-restore"):
        (programs / name).write_text(FALLS.format(chains=chains))
        (programs / name).chmod(0o755)
    for name, text in (("user", "\n".join(RULES["ufw-user-input"])), ("before", "*filter\n"), ("after", "")):
        (folder / f"{name}.rules").write_text(text)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setattr(ufw_files, "FOLDER", folder)
    monkeypatch.setattr(ufw_files, "FAMILIES", {"iptables": ""})
    found = UfwFiles.model_validate(ufw_files.look())
    assert found == (
        UfwFiles()
        if chains
        else UfwFiles(
            unloadable={
                f"{folder}/after.rules": "",
                f"{folder}/user.rules": "iptables-restore: unknown option Error occurred at line: 12",
            },
            rules={"ufw-user-input": RULES["ufw-user-input"]},
        )
    )


def test_a_machine_without_a_firewall_says_nothing() -> None:
    """Sent as text, with nothing that the project installs."""
    done = subprocess.run(
        [sys.executable, "-IB", "-c", servers.UFW_FILES], env={"PATH": ""}, capture_output=True, check=True
    )
    assert UfwFiles.model_validate_json(done.stdout) == UfwFiles()
