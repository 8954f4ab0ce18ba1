"""The errors of the page have a log of their own, so that the outlet's stays as it was."""

from __future__ import annotations

import re

import pytest
import role_kit
from nginx_kit import RELEASES, SITE, render


@pytest.mark.parametrize("release", RELEASES)
def test_the_owners_error_log_is_the_one_of_the_package(release: str) -> None:
    """His fail2ban and what watches his server read that file; of the PREP it gets nothing, whoever floods the page."""
    said = re.findall(r"^ *error_log (.+);$", render("etc/nginx/nginx.conf", release), re.MULTILINE)
    assert said == ["/var/log/nginx/error.log"]
    own = re.findall(r"^error_log (\S+) warn;$", render("etc/nginx/snippets/prep-own.conf", release), re.MULTILINE)
    assert own == ["syslog:server=unix:/dev/log,nohostname,tag=nginx_prep"]
    assert "error_log" not in render(SITE, release)


def test_rsyslog_leaves_out_what_is_about_the_page_and_nothing_else() -> None:
    text = role_kit.render(
        "nginx", "etc/rsyslog.d/10-prep-difusor.conf", {"ansible_facts": {"packages": {"rsyslog": []}}}
    )
    assert re.findall(r"^[^#].*", text, re.MULTILINE) == [
        f':programname, isequal, "{tag}" stop' for tag in ("nginx_prep", "nginx_refused")
    ]
    files = (SITE, "etc/nginx/snippets/prep-own.conf")
    assert {tag for file in files for tag in re.findall(r"tag=(\w+)", render(file))} == {"nginx_prep", "nginx_refused"}
