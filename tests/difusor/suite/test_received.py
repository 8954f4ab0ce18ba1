"""What the page's tests receive at a vantage point: a part of a file is not the file, and an answer may come later."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import testinfra
from serving_kit import saying, serving
from suite_kit import load

from difusor.project import ROOT
from difusor.suite.fixtures import through, url

# The marks of the suite are those of its own plugin.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnknownMarkWarning")
URL = "https://prep.example/datos/base.zip"
SHA256 = "9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0"  # of "aaa"
LOCKED = {
    "difusor_fqdn": "prep.example", "difusor_public_address": "2001:db8::1", "difusor_origin_lock": True,
    "difusor_path": "/prep/",
}  # fmt: skip
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


def test_a_proxy_of_the_vantage_point_s_does_not_answer_for_the_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(ROOT / "molecule/tests")
    web, here = load("web_fixtures.py"), testinfra.get_host("local://")
    with serving(saying("del servidor")) as port, serving(saying("del proxy")) as other:
        (tmp_path / ".curlrc").write_text(f"proxy = http://127.0.0.1:{other}\n")
        for name, value in {"http_proxy": f"http://127.0.0.1:{other}", "HOME": str(tmp_path)}.items():
            monkeypatch.setenv(name, value)
        door = f"--resolve prep.example:{port}:127.0.0.1"
        assert web.received(here, door, f"http://prep.example:{port}/") == (200, "del servidor")


def test_where_a_cdn_is_in_front_the_page_is_asked_for_through_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "molecule/tests")
    door = load("web_fixtures.py").door.__wrapped__
    server = {"difusor_fqdn": "prep.example", "difusor_public_address": "2001:db8::1"}
    assert door(server) == "--resolve 'prep.example:443:[2001:db8::1]'"
    assert door(server | {"difusor_origin_lock": True}) == ""
    assert door(through(server | {"difusor_cdn_ranges": ["198.51.100.0/24"]})) == ""


def test_with_a_site_in_front_the_page_is_asked_for_there_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "molecule/tests")
    front = {"name": "www.example", "program": "nginx", "addresses": ["2001:db8::20", "192.0.2.20"]}
    server = {"difusor_fqdn": "prep.example", "difusor_public_address": "2001:db8::1", "difusor_path": "/prep/"}
    road = through(server | {"difusor_origin_lock": True, "difusor_front": front})
    assert load("web_fixtures.py").door.__wrapped__(road) == "--resolve 'www.example:443:[2001:db8::20]'"
    assert url.__wrapped__(road) == "https://www.example/prep/"


@pytest.fixture
def nginx(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the tests of nginx from outside."""
    monkeypatch.syspath_prepend(ROOT / "molecule/tests")
    return load("outside/test_nginx.py")


def test_where_only_a_cdn_is_admitted_its_certificate_is_judged(nginx: Any) -> None:
    """It was asked for at the server's own address, which lets nobody in, and that ended in an error."""
    told = ['{"issuer": "Autoridad", "until": "mañana"}', '{"unreached": "prep.example"}']
    asked: list[tuple[str, ...]] = []
    vantage = SimpleNamespace(check_output=lambda *command: asked.append(command[2:]) or told.pop(0))
    nginx.test_browsers_trust_the_certificate(vantage, LOCKED, print)
    assert asked == [("prep.example", "prep.example")]
    with pytest.raises(pytest.skip.Exception, match=r"no pudo conectarse con prep[.]example; compruébelo desde ahí"):
        nginx.test_browsers_trust_the_certificate(vantage, LOCKED, print)


def test_a_machine_that_cannot_be_reached_is_told_as_such(nginx: Any, tmp_path: Path) -> None:
    (authorities := tmp_path / "authorities.pem").touch()
    command = [sys.executable, "-c", nginx.VERIFICATION, "255.255.255.255", "prep.example"]
    done = subprocess.run(
        command, env={**os.environ, "SSL_CERT_FILE": str(authorities)}, capture_output=True, check=True
    )
    assert json.loads(done.stdout) == {"unreached": "255.255.255.255"}


def test_a_page_that_does_not_come_in_time_is_not_verified(nginx: Any) -> None:
    late = SimpleNamespace(rc=28, succeeded=False, stdout="", stderr="curl: (28) Connection timed out")
    with pytest.raises(pytest.skip.Exception, match=r"no obtuvo https://prep[.]example/prep/ a tiempo"):
        nginx.test_page_is_public_and_free(
            SimpleNamespace(run=lambda *_: late), "", "https://prep.example/prep/", {}.get, print
        )


@pytest.mark.parametrize("port", [443, 80])
def test_silence_proves_nothing_where_the_page_is_silent_too(nginx: Any, port: int) -> None:
    """Behind a lock no name gets an answer, and the clause complied."""
    closed, stranger = {port}, False

    def send(_: Any, __: Any, texts: list[str], port: int = 443, server_name: str = "") -> list[dict[str, Any]]:
        def answers(text: str) -> bool:
            is_own = "Host: prep.example\r\n" in text and not server_name
            return port not in closed and (is_own or stranger)

        return [{"statuses": [404] if answers(each) else [], "head": "", "body": ""} for each in texts]

    nginx.send = send
    with pytest.raises(pytest.skip.Exception, match=f"por el puerto {port} tampoco la página le contesta"):
        nginx.test_unknown_names_get_no_answer(None, LOCKED, print)
    if port == 443:
        with pytest.raises(pytest.skip.Exception, match="tampoco la página le contesta"):
            nginx.test_notices_tell_the_institute_s_telephone(None, LOCKED, lambda _: {"telephone": "1"}, print)
    else:
        with pytest.raises(pytest.skip.Exception, match="tampoco la página le contesta"):
            nginx.test_plain_http_leads_to_https(None, LOCKED, print)
    closed.clear()
    nginx.test_unknown_names_get_no_answer(None, LOCKED, print)
    stranger = True
    with pytest.raises(AssertionError):
        nginx.test_unknown_names_get_no_answer(None, LOCKED, print)
