"""The jail of SSH beside what an outlet has written for fail2ban."""

from __future__ import annotations

from configparser import ConfigParser

import role_kit

# What nearly every guide tells to write; fail2ban reads it after jail.d/*.conf.
JAIL_LOCAL = "[DEFAULT]\nignoreip = 127.0.0.1/8 10.0.0.0/8\nbantime = 1h\n[sshd]\nmaxretry = 3\n"


def test_the_institute_is_not_banned_where_the_owners_jail_local_has_addresses_of_its_own() -> None:
    inputs = {"fail2ban_never_ban": ["192.0.2.1", "2001:db8::/48"]}
    read = ConfigParser(interpolation=None)
    for text in (role_kit.render("fail2ban", "etc/fail2ban/jail.d/prep-difusor.conf", inputs), JAIL_LOCAL):
        read.read_string(text)
    assert {"192.0.2.1", "2001:db8::/48"} <= {*read["sshd"]["ignoreip"].split()}
    assert read["sshd"]["maxretry"] == "3"
