"""The rendered configuration of nginx: which road a request takes, below any path."""

from __future__ import annotations

import re
from typing import Any

import pytest
from nginx_kit import BASES, CLOSED, OPEN, RELEASES, SITE, answered, by_door, judged, locations, render, who


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("path", ["", "index.html", "app.js", "ayuda/", "ayuda/index.html", "api/guia.html"])
def test_a_file_of_the_image_comes_from_the_application_under_just_this_name(base: str, path: str) -> None:
    site = render(SITE, base=base, inputs=CLOSED)
    name, body = answered(site, base + path)
    assert name == f"= {base}{path}"
    assert f"rewrite ^ /_fast/{path}? last;" in body, "its query is not passed on"
    assert who(render(SITE, base=base, inputs=CLOSED[1:]), base + path) != "application", "the image does not have it"


@pytest.mark.parametrize(("inputs", "awaited"), [(CLOSED, False), (OPEN, True)], ids=["closed", "open"])
def test_visitors_wait_for_one_anothers_answer_only_where_it_is_dear(
    inputs: tuple[tuple[str, Any], ...], awaited: bool
) -> None:
    """nginx lets who waits look twice a second, and drops what is asked by a visitor who leaves."""
    files, computed = (dict(locations(door))["/_fast/"] for door in by_door(render(SITE, inputs=inputs)))
    assert ("proxy_cache_lock on;" in files) == awaited
    assert ("use_stale updating" in files) == awaited
    assert "proxy_cache_lock on;" in computed
    assert "use_stale updating" in computed, "each time that it is renewed, all who want it would have it computed"
    assert "proxy_ignore_client_abort on;" in computed, "whoever asks and leaves would keep others waiting"
    assert "proxy_cache_lock off;" in render("etc/nginx/snippets/prep-own.conf"), "the owner's would hold"


@pytest.mark.parametrize(("release", "shared"), [(each, each in ("bullseye", "jammy")) for each in RELEASES])
def test_no_worker_gets_all_connections(release: str, shared: bool) -> None:
    """Before nginx 1.21.6 the first one gets nearly all while it is idle, and closes what it has no room for."""
    assert ("accept_mutex on;" in render("etc/nginx/snippets/prep-events.conf", release)) == shared


def test_nginx_conf_is_the_same_on_every_release() -> None:
    """By that `countdown` knows it, without asking for a server's nginx."""
    assert len({render("etc/nginx/nginx.conf", release) for release in RELEASES}) == 1


def test_the_visitors_of_a_cdn_do_not_wait_for_one_another() -> None:
    """Its connections to this server have many visitors."""
    one, many = (render(SITE, inputs=inputs) for inputs in ((), (("nginx_cdn_ranges", ("192.0.2.0/24",)),)))
    assert one.count("limit_req zone=connection ") == 2
    assert "limit_req zone=connection " not in many
    assert many.count("limit_req zone=fast ") == 2
    assert ("http2_max_concurrent_streams 16;" in one, "http2_max_concurrent_streams 128;" in many) == (True, True)


@pytest.mark.parametrize(("inputs", "seconds"), [(CLOSED, "3"), (OPEN, "10")], ids=["closed", "open"])
def test_a_kept_file_comes_soon_although_the_application_hangs(
    inputs: tuple[tuple[str, Any], ...], seconds: str
) -> None:
    """What an open application computes may take long."""
    files, computed = (dict(locations(door))["/_fast/"] for door in by_door(render(SITE, inputs=inputs)))
    (usual,) = re.findall(r"^proxy_read_timeout (\d+)s;", render("etc/nginx/snippets/prep-own.conf"), re.MULTILINE)
    assert (re.findall(r"proxy_read_timeout (\d+)s;", files) or [usual]) == [seconds]
    assert "proxy_read_timeout" not in computed + render("etc/nginx/snippets/prep-proxy.conf")
    assert usual == "10"


@pytest.mark.parametrize(
    ("inputs", "name"),
    [(CLOSED, "disk"), (OPEN, "waf"), ((("nginx_known_files", ("robots.txt",)),), "application")],
    ids=["nobody's", "open", "of the image"],
)
def test_search_engines_are_not_kept_away_by_a_page_that_waits(inputs: tuple[tuple[str, Any], ...], name: str) -> None:
    """After 503 they ask for nothing for hours; after 404, which tells nothing of the corte, they come."""
    site = render(SITE, inputs=inputs)
    found, body = answered(site, "/robots.txt")
    assert (found, who(site, "/robots.txt")) == ("= /robots.txt", name)
    assert re.findall(r"error_page (?:\d+ )*503 (.+?);", body)[0] == "=404 @unknown"
    assert "alias /srv/prep/publico/actual/robots.txt;" in body, "the corte may have one"
    assert site.count("location = /robots.txt {") == 1
    assert "location = /prep2024mor/robots.txt" not in render(SITE, base="/prep2024mor/")


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize(
    "path",
    [
        "APP.js", "app.js/", "app.js/x", "ayuda", "ayuda/otra.html", "index.php", "wp-login.php", ".git/config", ".env",
        "_fast/app.js", "_inspect", "healthz", "otra/", "datos.json", "api", "estado", "app.js.gz", "nada.json.gz",
    ],
)  # fmt: skip
def test_any_other_name_reaches_neither_waf_nor_application(base: str, path: str) -> None:
    name, body = answered(render(SITE, base=base, inputs=CLOSED), base + path)
    if name in ("/_fast/", "= /_inspect"):
        assert body.startswith("        internal;\n"), "a visitor who asks for it gets 404"
        return
    assert not re.search(r"_fast|_inspect|proxy_pass", body)
    assert "alias /srv/prep/publico/actual/" in body, "the corte may have this name"


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("inputs", [CLOSED, OPEN], ids=["closed", "open"])
def test_what_is_computed_always_goes_through_the_waf(base: str, inputs: tuple[tuple[str, Any], ...]) -> None:
    site = render(SITE, base=base, inputs=inputs)
    for path in ("api/", "api/actas", "api/a/b.json", "api/x.json.gz", "estado/hoy", "estado/.env"):
        assert who(site, base + path) == "waf"
    assert who(site, "/.well-known/prep/waf/") == who(site, "/.well-known/prep/waf/.git/config") == "waf"
    assert who(render(SITE, base=base), base + "api/actas") == "disk", "nothing is computed by default"


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("api/actas", "1"),
        ("api/actas/17", "1"),
        ("api/actas?distrito=3&seccion=0104", "1"),
        ("api/actas?seccion=", "1"),
        ("api/actas?otro=3", "0"),
        ("api/actas?distrito=3&otro=1", "0"),
        ("api/actas?distrito=1%27", "0"),
        ("api/actas?distrito=" + "3" * 33, "0"),
        ("api/../actas?distrito=3", "0"),
        ("api/actas?fbclid=x", "0"),
        ("estado/hoy", "1"),
        ("estado/hoy?distrito=3", "0"),
        ("estado/hoy?=3", "0"),
        ("otra/actas?distrito=3", "0"),
    ],
)
def test_a_computed_answer_is_kept_for_declared_arguments_only(base: str, path: str, kept: str) -> None:
    assert judged(base, {"request_uri": base + path})["declared"] == kept


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize(
    "path",
    [
        "",
        "otra.html",
        "js/otra.js",
        "js/img/17.webp",
        "otra/17.json",
        "?fbclid=IwAR0abc_DEF-123",
        "?utm_source=x&utm_medium=social",
    ],
)
def test_an_open_application_is_asked_for_static_names_at_once(base: str, path: str) -> None:
    assert judged(base, {"request_uri": base + path})["plain"] == "1"


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize(
    "path",
    [
        "?q=1",
        "?fbclid=%3Cscript%3E",
        "?fbclid=a&q=1",
        "index.html?",
        "/index.html",
        "./index.html",
        "../index.html",
        "otra/../corte.json",
        "otra//corte.json",
        "%69ndex.html",
        ".git/config",
        "otra/.oculto.json",
        "index.php",
        "otra/corte.json/x",
        "otra/corte.json;a",
        "otra/corte.json\n",
        "a/b/c/d/e/f.json",
        "x" * 90 + ".json",
        "_fast/index.html",
    ],
)
def test_anything_else_of_an_open_application_is_inspected(base: str, path: str) -> None:
    assert judged(base, {"request_uri": base + path})["plain"] == "0"


@pytest.mark.parametrize("base", BASES)
def test_only_an_open_application_is_asked_for_names_that_nobody_listed(base: str) -> None:
    for path in ("otra.html", "js/otra.js", "otra.gz"):
        _, closed = answered(render(SITE, base=base, inputs=CLOSED), base + path)
        _, opened = answered(render(SITE, base=base, inputs=OPEN), base + path)
        assert "/_inspect" not in closed
        assert re.search(r"if \(!-f \$request_filename\) \{\n +set \$elsewhere \$plain;", opened), (
            "the corte comes first"
        )


def is_plain(request: dict[str, str]) -> bool:
    """Judge by the site's first pattern, as nginx would, whether a request needs no map to be judged and logged."""
    (brought, pattern) = re.search(r'set \$brought "(.+)";\n +if \(\$brought ~ "(.+)"\)', render(SITE)).groups()  # type: ignore[union-attr]
    values = {"request": f"{request.get('request_method', 'GET')} /datos/corte.json HTTP/1.1", **request}
    text = re.sub(r"\$(\w+)", lambda name: values.get(name[1], ""), brought)
    return re.search(pattern.replace(r"\z", r"\Z"), text) is not None


@pytest.mark.parametrize("agent", ["Mozilla/5.0", ""])
@pytest.mark.parametrize(
    ("request_", "reads"),
    [
        ({}, "1"),
        ({"request_method": "HEAD"}, "1"),
        ({"http_content_length": "0"}, "1"),
        ({"request_method": "POST"}, "0"),
        ({"request_method": "GETX"}, "0"),
        ({"http_content_length": "3"}, "0"),
        ({"http_content_length": "00"}, "0"),
        ({"http_content_length": "10"}, "0"),
        ({"http_transfer_encoding": "chunked"}, "0"),
        ({"http_transfer_encoding": "gzip, chunked"}, "0"),
        ({"http_content_length": "0", "http_transfer_encoding": "chunked"}, "0"),
        ({"request_method": "POST", "http_referer": "0 GET / HTTP/1.1", "http_user_agent": "0 GET / HTTP/1.1"}, "0"),
        ({"request_method": "PUT", "request": "PUT /0 GET / HTTP/1.1"}, "0"),
    ],
)
def test_a_request_with_a_body_gets_no_answer(request_: dict[str, str], reads: str, agent: str) -> None:
    """The pattern that spares nearly every request the map finds none that the map would not."""
    assert judged("/", request_)["reads"] == reads
    assert is_plain({"http_user_agent": agent, **request_}) is (reads == "1" and agent != "")
    assert "    if ($reads = 0) {\n        return 444;" in render(SITE)


def test_what_is_logged_as_it_came_is_short_whatever_it_is() -> None:
    """nginx writes a byte that is not plain text as four; address, time, host and figures take less than 220 more."""
    fits = [size for size in range(1000) if is_plain({"request": "GET /" + "\xff" * size, "http_user_agent": "\n"})]
    assert max(fits) > 250 and 4 * (len("GET /\n") + max(fits) + 50) < 1500 - 220
    assert is_plain({"request": "GET /", "http_user_agent": "\xff" * max(fits)})
    assert not is_plain({"request": "GET /", "http_user_agent": "\xff" * (max(fits) + 2)})
    referer = re.search(r'if \(\$http_referer ~ "(.+)"\)', render(SITE))
    assert referer and referer[1] == r"(?s)^.{1,50}+\z"


def test_nothing_of_the_visitor_reaches_the_application_past_the_waf() -> None:
    fast = render("etc/nginx/snippets/prep-fast.conf")
    assert "proxy_pass_request_headers off;" in fast
    assert "proxy_pass_request_body off;" in fast
    assert re.findall(r"proxy_set_header (\S+) (\S+);", fast) == [("Accept-Encoding", "$form")]
    assert "ookie" not in fast
