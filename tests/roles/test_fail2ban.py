"""The jail of SSH beside what an outlet has written for fail2ban."""

from __future__ import annotations

from configparser import ConfigParser
from typing import Any

import pytest
import role_kit
import yaml

# What nearly every guide tells to write, and what a copy of the whole jail.conf says besides.
JAIL_LOCAL = "[DEFAULT]\nignoreip = 127.0.0.1/8 10.0.0.0/8\nbantime = 1h\n[sshd]\nmaxretry = 3\n"
COPY = (
    "[DEFAULT]\nignoreself = false\nbanaction = iptables-multiport\nbackend = auto\nenabled = false\nusedns = warn\n"
    "[sshd]\nport = ssh\nlogpath = /var/log/auth.log\nbackend = auto\nignoreip = 127.0.0.1/8 10.0.0.0/8\nmaxretry = 3\n"
)


@pytest.mark.parametrize("jail_local", [JAIL_LOCAL, COPY], ids=["short", "copy"])
def test_the_jail_of_ssh_holds_beside_the_owners_jail_local(jail_local: str) -> None:
    """fail2ban reads jail.d/*.conf, jail.local and jail.d/*.local, and of each option takes what it has read last."""
    inputs = {"fail2ban_never_ban": ["192.0.2.1", "2001:db8::/48"]}
    ours = [role_kit.render("fail2ban", f"etc/fail2ban/jail.d/prep-difusor.{end}", inputs) for end in ("conf", "local")]
    read = ConfigParser(interpolation=None)
    for text in (ours[0], jail_local, ours[1]):
        read.read_string(text)
    assert {"192.0.2.1", "2001:db8::/48"} <= {*read["sshd"]["ignoreip"].split()}
    held = {"enabled": "true", "backend": "systemd", "banaction": "prep-difusor", "usedns": "no", "ignoreself": "true"}
    assert {name: read["sshd"][name] for name in held} == held
    assert read["sshd"]["maxretry"] == "3", "the owner's own limit"


@pytest.mark.parametrize(("release", "more"), [("noble", ["python3-pyasyncore", "python3-setuptools"]), ("jammy", [])])
def test_fail2ban_gets_the_modules_that_python_no_longer_has(release: str, more: list[str]) -> None:
    """Recommended packages are not installed, and without these it ends at each start."""
    inputs = {"ansible_facts": {"distribution_release": release}}
    packages = role_kit.value("fail2ban", "fail2ban_packages", inputs)
    assert packages == ["fail2ban", "nftables", "python3-systemd", *more]


@pytest.mark.parametrize(
    ("answer", "watches"),
    [
        ({"rc": 0, "stdout": "Status for the jail: sshd", "stderr": ""}, True),
        ({"rc": 255, "stdout": "", "stderr": "ERROR Failed to access socket path: /var/run/fail2ban.sock."}, False),
        ({"rc": 255, "stdout": "Sorry but the jail 'sshd' does not exist", "stderr": ""}, False),
    ],
)  # fmt: skip
def test_a_fail2ban_that_started_and_does_not_watch_ends_the_run(answer: dict[str, Any], watches: bool) -> None:
    """systemd says that it runs as soon as its process is there, however often that ends."""
    asked, judged = yaml.safe_load((role_kit.ROLES / "fail2ban/handlers/main.yml").read_text())
    started = yaml.safe_load((role_kit.ROLES / "fail2ban/tasks/configure.yml").read_text())[-1]
    assert "unit" in started and started["notify"] == [asked["name"], judged["name"]]
    inputs = {"__fail2ban_watch": answer}
    assert role_kit.value("fail2ban", asked["until"], inputs) is watches
    told = judged["ansible.builtin.assert"]
    assert role_kit.value("fail2ban", told["that"], inputs) is watches
    assert f"{answer['stdout']}{answer['stderr']}" in role_kit.text("fail2ban", told["fail_msg"], inputs)
