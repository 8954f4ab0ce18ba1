"""The jail of SSH beside what an outlet has written for fail2ban."""

from __future__ import annotations

from configparser import ConfigParser

import pytest
import role_kit

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
