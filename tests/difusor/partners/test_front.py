"""The lines for the outlet's own web server, where the link is a folder of a site that is on another server."""

from __future__ import annotations

import re
from typing import Any

import pytest
from countdown_kit import host
from nginx_kit import headers, render

from difusor.partners.front import lines
from difusor.project import UnusableError

PROGRAMS = ("nginx", "apache")


def printed(program: str, **changes: Any) -> str:
    front = {"name": "www.diario.mx", "program": program, "addresses": ["198.51.100.20"]}
    return lines([host(**{"difusor_path": "/prep2024.mor/", "difusor_front": front} | changes)])


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_lines_pass_the_folder_and_the_status_and_say_who_visits(program: str) -> None:
    said = printed(program)
    assert re.findall(r'^(?:location \^~|<Location) "([^"]+)"', said, re.MULTILINE) == [
        "/prep2024.mor/", "/.well-known/prep/",
    ]  # fmt: skip
    assert "X-Forwarded-For" in said and "${" not in said
    assert '"prep.diario.mx"' in said if program == "nginx" else '"https://prep.diario.mx/prep2024.mor/"' in said


def test_a_server_that_speaks_tls_1_3_alone_is_reached_from_an_old_nginx() -> None:
    for location in printed("nginx").split("location ^~")[1:]:
        assert re.search(r"^ +proxy_ssl_protocols TLSv1\.2 TLSv1\.3;$", location, re.MULTILINE)


def test_a_server_with_ipv6_alone_is_reached() -> None:
    assert 'server "[2001:db8::7]:443";' in printed("nginx", difusor_public_address="2001:db8::7")


def test_the_folder_without_its_slash_leads_to_it_and_no_other_name_does() -> None:
    assert 'RedirectMatch 301 "^/prep2024\\\\.mor$" "/prep2024.mor/"' in printed("apache")
    assert 'location = "/prep2024.mor" {' in printed("nginx")


def test_one_failure_keeps_no_visitor_out() -> None:
    """Earlier Apaches ask a server that failed once no more for a minute; nginx does so only where it has several."""
    for location in printed("apache").split("<Location ")[1:]:
        (said,) = re.findall(r"^ +ProxyPass (.+)", location, re.MULTILINE)
        ttl = int(dict(word.split("=") for word in said.split() if "=" in word and "//" not in word)["ttl"])
        assert "retry=0" in said.split() and said.split()[-1] == "nocanon"
        (edge,) = re.findall(r"keepalive_timeout (\d+)s;", render("etc/nginx/snippets/prep-own.conf"))
        assert ttl < int(edge), "else it would send a request on a connection that the server is closing"
    assert len(re.findall(r"^ +server ", printed("nginx"), re.MULTILINE)) == 1


def test_a_site_passes_to_every_server_of_the_difusor() -> None:
    """The second server had nobody's visits, and could not help when the first one fell."""
    front = {"name": "www.diario.mx", "program": "nginx", "addresses": ["198.51.100.20"]}
    both = [
        host(difusor_path="/prep/", difusor_front=front, difusor_public_address=each)
        for each in ("192.0.2.7", "2001:db8::8")
    ]
    (upstream,) = re.findall(r"^upstream prep_difusor \{\n(.+?)^\}", lines(both), re.MULTILINE | re.DOTALL)
    sockets = dict(re.findall(r'^ +server "([^"]+)" (.+);$', upstream, re.MULTILINE))
    assert [*sockets] == ["192.0.2.7:443", "[2001:db8::8]:443"]
    assert {*sockets.values()} == {"fail_timeout=2s"}, "one failure sends no visitor elsewhere for long"
    assert upstream.index("ip_hash;") < upstream.index("keepalive "), "after it, nginx would keep no connection open"
    for location in lines(both).split("location ^~")[1:]:
        assert "proxy_connect_timeout 3s;" in location, "else the visitors of a silent server wait for a minute"
    assert "ip_hash" not in lines(both[:1]) and "proxy_connect_timeout" not in lines(both[:1])


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_the_server_promises_of_https_is_not_said_in_the_name_of_the_site(program: str) -> None:
    """A browser keeps what it was told last: a site with two years of HSTS had a day left, others got it."""
    assert "Strict-Transport-Security" in headers("200 text/html")
    hidden = {
        "nginx": r"^ +proxy_hide_header Strict-Transport-Security;$",
        "apache": r"^ +Header unset Strict-Transport-Security$",  # what sites set with `always` stays
    }
    for location in re.split(r"location \^~|<Location ", printed(program))[1:]:
        assert re.search(hidden[program], location, re.MULTILINE)


def test_a_difusor_without_another_site_is_told_so() -> None:
    with pytest.raises(UnusableError, match="su inventario no tiene difusor_front"):
        lines([host()])
