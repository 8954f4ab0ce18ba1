"""Jails of an outlet's fail2ban that would take the page from everybody behind one address."""

from __future__ import annotations

from pathlib import Path

import pytest
from plugin_kit import load

from difusor.servers.neighbours import Neighbours, problems
from difusor.servers.notices import rows

PACKAGED = """
[INCLUDES]
before = paths-debian.conf
[DEFAULT]
enabled = false
port = 0:65535
banaction = iptables-multiport
banaction_allports = iptables-allports
action = %(action_)s
[sshd]
port = ssh
[nginx-http-auth]
port = http,https
[postfix]
port = smtp,465,submission
[recidive]
banaction = %(banaction_allports)s
[mysqld-auth]
port = 3306
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "jail.d").mkdir()
    (tmp_path / "jail.conf").write_text(PACKAGED)
    (tmp_path / "jail.d/defaults-debian.conf").write_text("[sshd]\nenabled = true\n")
    return tmp_path


JAILS = {
    "[nginx-http-auth]\nenabled = true": ["nginx-http-auth"],
    "[nginx-http-auth]\nenabled = yes ; desde 2024": ["nginx-http-auth"],
    "[postfix]\nenabled = true": [],
    "[recidive]\nenabled = true": ["recidive"],
    "[mysqld-auth]\nenabled = 1\naction = iptables-allports[name=mysql]": ["mysqld-auth"],
    "[wordpress]\nenabled = true\nfilter = wordpress": ["wordpress"],
    "[wordpress]\nenabled = true\nport = 1:1024": ["wordpress"],
    "[wordpress]\nenabled = true\nport = 8000:8100, ssh": [],
    "[wordpress]\nenabled = true\nport = %(http_port)s": ["wordpress"],
    "[wordpress]\nenabled = false\nport = https": [],
    "[DEFAULT]\nenabled = true": ["nginx-http-auth", "recidive"],
    "enabled = true": [],  # fail2ban does not start with it
    "[sshd]\nenabled = true\nbanaction = iptables-allports": [],  # the project's own file says how that one bans
    "": [],
}


@pytest.mark.parametrize(
    ("written", "found"), JAILS.items(), ids=[text.replace("\n", "; ") or "none" for text in JAILS]
)
def test_jails_that_shut_out_visitors_are_found(folder: Path, written: str, found: list[str]) -> None:
    (folder / "jail.local").write_text(written)
    assert load("module_utils/probe/jails.py").look([80, 443, 22], str(folder)) == found


def test_the_last_file_has_the_last_word_and_the_projects_are_left_out(folder: Path) -> None:
    look = load("module_utils/probe/jails.py").look
    (folder / "jail.d/diario.conf").write_text("[nginx-http-auth]\nenabled = true\n")
    assert look([80, 443], str(folder)) == ["nginx-http-auth"]
    (folder / "jail.d/zz-diario.local").write_text("[nginx-http-auth]\nenabled = false\n")
    (folder / "jail.d/prep-difusor.local").write_text("# Managed by prep-difusor\n[web]\nenabled = true\n")
    assert look([80, 443], str(folder)) == []
    assert look([80, 443], str(folder / "absent")) == []


def test_they_are_told_and_stop_no_run() -> None:
    found = Neighbours(jails=("nginx-http-auth",))
    assert problems(found) == []
    ((what, names),) = rows(found, (80, 443))
    assert "cierran los puertos de la página a una dirección entera" in what
    assert names == ["nginx-http-auth"]
