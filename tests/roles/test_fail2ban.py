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
# What the package's jail.conf says of these in all releases (0.11 to 1.1).
PACKAGED = (
    "[DEFAULT]\nignorecommand =\nbantime = 10m\nfindtime = 10m\nmaxretry = 5\nbackend = auto\nusedns = warn\n"
    "enabled = false\nbanaction = iptables-multiport\nmode = normal\n[sshd]\nport = ssh\n"
    "[nginx-http-auth]\nport = http,https\n"
)
# As fail2ban reads an owner's files before the project's, by their names.
OWNERS = (
    "[DEFAULT]\nignoreip = 127.0.0.1/8 203.0.113.7\nbantime = 1d\nfindtime = 1h\nbanaction = nftables-allports\n"
    "usedns = yes\n[nginx-http-auth]\nenabled = true\n"
)


def read_as_fail2ban_does(*owners: str, before: str = "") -> ConfigParser:
    """Return what holds of jail.conf, `before` in jail.d, ours, and what the owner wrote in jail.local.

    fail2ban reads jail.conf, jail.d/*.conf by name, jail.local and jail.d/*.local, and of each option takes the last.
    """
    inputs = {"fail2ban_never_ban": ["192.0.2.1", "2001:db8::/48"]}
    ours = [role_kit.render("fail2ban", f"etc/fail2ban/jail.d/prep-difusor.{end}", inputs) for end in ("conf", "local")]
    read = ConfigParser(interpolation=None)
    for text in (PACKAGED, before, ours[0], *owners, ours[1]):
        read.read_string(text)
    return read


@pytest.mark.parametrize("jail_local", [JAIL_LOCAL, COPY], ids=["short", "copy"])
def test_the_jail_of_ssh_holds_beside_the_owners_jail_local(jail_local: str) -> None:
    """What must hold of our jail does, and limits are those of the owner's jail.local."""
    read = read_as_fail2ban_does(jail_local)
    assert {"192.0.2.1", "2001:db8::/48"} <= {*read["sshd"]["ignoreip"].split()}
    held = {"enabled": "true", "backend": "systemd", "banaction": "prep-difusor", "usedns": "no", "ignoreself": "true"}
    assert {name: read["sshd"][name] for name in held} == held
    assert read["sshd"]["maxretry"] == "3", "the owner's own limit"
    assert read["sshd"]["bantime"] == ("1h" if jail_local is JAIL_LOCAL else "10m"), "the owner's own time"


def test_the_jail_of_ssh_has_its_limits_where_the_owner_wrote_nothing() -> None:
    """Its values are complete without a [DEFAULT] of ours."""
    jail = read_as_fail2ban_does()["sshd"]
    limits = {"bantime": "10m", "findtime": "10m", "maxretry": "5", "mode": "aggressive"}
    longer = {"bantime.increment": "true", "bantime.maxtime": "1w"}
    assert {name: jail[name] for name in (*limits, *longer)} == {**limits, **longer}


def test_the_owners_own_jails_keep_what_his_default_says() -> None:
    """The case that failed: our [DEFAULT] took from a jail of the web the proxy that it must not ban."""
    jail = read_as_fail2ban_does(before=OWNERS)["nginx-http-auth"]
    untouched = ConfigParser(interpolation=None)
    untouched.read_string(PACKAGED)
    untouched.read_string(OWNERS)
    assert dict(jail) == dict(untouched["nginx-http-auth"])


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
