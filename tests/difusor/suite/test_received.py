"""What the page's tests receive at a vantage point: a part of a file is not the file, and an answer may come later."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import testinfra
from suite_kit import load

from difusor.project import ROOT
from difusor.suite.vantages import through, url

URL = "https://prep.example/datos/base.zip"
SHA256 = "9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0"  # of "aaa"
Received = Callable[..., tuple[int, str]]
# Answers as a file says, one line for each call: the status, what curl ends with, and the body.
CURL = """#!/bin/sh
echo "$*" >>asked
read -r status ended body <answers && sed -i 1d answers
printf %s "$body"
[ "$ended" = 0 ] || echo "curl: ($ended) Operation timed out" >&2
printf %s "$status" >&2
exit "$ended"
"""


@pytest.fixture
def received(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Received:
    """Return what asks for URL from this machine, with a curl that answers as the file `answers` says."""
    monkeypatch.syspath_prepend(ROOT / "molecule/tests")
    web = load("web_fixtures.py")
    monkeypatch.setattr(web, "PACE", 0)
    (tmp_path / "curl").write_text(CURL)
    (tmp_path / "curl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    return lambda *program: web.received(testinfra.get_host("local://"), "", URL, *program)


def test_a_whole_answer_is_judged(received: Received) -> None:
    Path("answers").write_text("200 0 aaa\n404 0 no está\n")
    assert received("comprimido", "sha256sum") == (200, f"{SHA256}  -\n")
    assert received() == (404, "no está")


def test_a_part_of_a_file_is_not_judged(received: Received) -> None:
    Path("answers").write_text("200 28 aa\n")
    with pytest.raises(pytest.skip.Exception, match=r"no obtuvo .*: curl: \(28\) Operation timed out$"):
        received("comprimido", "sha256sum")


def test_who_asks_too_fast_asks_again(received: Received) -> None:
    Path("answers").write_text("429 0 espere\n429 0 espere\n200 0 aaa\n")
    assert received() == (200, "aaa")


def test_where_only_a_cdn_is_admitted_the_page_is_asked_for_through_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "molecule/tests")
    door = load("web_fixtures.py").door.__wrapped__
    server = {"difusor_fqdn": "prep.example", "difusor_public_address": "2001:db8::1"}
    assert door(server) == "--resolve 'prep.example:443:[2001:db8::1]'"
    assert door(server | {"difusor_origin_lock": True}) == ""


def test_with_a_site_in_front_the_page_is_asked_for_there_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "molecule/tests")
    front = {"name": "www.example", "program": "nginx", "addresses": ["2001:db8::20", "192.0.2.20"]}
    server = {"difusor_fqdn": "prep.example", "difusor_public_address": "2001:db8::1", "difusor_path": "/prep/"}
    road = through(server | {"difusor_origin_lock": True, "difusor_front": front})
    assert load("web_fixtures.py").door.__wrapped__(road) == "--resolve 'www.example:443:[2001:db8::20]'"
    assert url.__wrapped__(road) == "https://www.example/prep/"
