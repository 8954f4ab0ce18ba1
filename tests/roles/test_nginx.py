"""The rendered configuration of nginx: what is said, kept and shut, on every release and below any path."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import role_kit
import yaml
from markupsafe import escape
from nginx_kit import (
    BASES,
    CLOSED,
    GATE,
    OPEN,
    RELEASES,
    SITE,
    answered,
    by_door,
    headers,
    judged,
    locations,
    maps,
    render,
    types,
    who,
    written_out,
)
from variables_kit import write_certificate

from difusor.servers import limits
from difusor.suite import browser

NOTICES = sorted((role_kit.ROLES / "nginx/templates/usr/share/prep/avisos").glob("*.html.j2"))


@pytest.mark.parametrize(
    ("accepted", "form"),
    [
        ("gzip, deflate, br, zstd", "br, gzip"),
        ("br", "br, gzip"),
        ("gzip,br,deflate", "br, gzip"),
        ("br;q=0, gzip", "gzip"),
        ("brotli", "gzip"),
        ("gzip, deflate", "gzip"),
        ("identity", "gzip"),
        ("", "gzip"),
    ],
)
def test_the_application_is_asked_for_a_form_that_the_browser_takes(accepted: str, form: str) -> None:
    assert judged("/", {"http_accept_encoding": accepted})["form"] == form
    fast = render("etc/nginx/snippets/prep-fast.conf")
    assert "gunzip on;" in fast
    assert re.search(r"proxy_cache_key .*\$form", fast), "a browser would get from the cache what it cannot read"
    visitors, _ = by_door(render(SITE))
    assert "add_header Vary Accept-Encoding;" in dict(locations(visitors))["/_fast/"]


@pytest.mark.parametrize(
    ("path", "said", "kept"),
    [
        ("/app.TXQVXDPR.js", "public, max-age=31536000, immutable", True),
        ("/main.1a2b3c4d5e6f7a8b.css", "max-age=31536000, immutable", True),
        ("/app.TXQVXDPR.js", "public, max-age=5", False),
        ("/app.TXQVXDPR.js", "", False),
        ("/app.js", "public, max-age=31536000, immutable", False),
        ("/index.html", "public, max-age=31536000, immutable", False),
        ("/datos.20240602/corte.json", "public, max-age=31536000, immutable", False),
    ],
)
def test_a_browser_keeps_for_ever_only_what_is_named_by_its_content(path: str, said: str, kept: bool) -> None:
    lifetime = judged("/", {"uri": path, "upstream_http_cache_control": said})["lifetime"]
    assert lifetime == ("public, max-age=31536000, immutable" if kept else "public, max-age=10")


@pytest.mark.parametrize(
    ("answer", "document"),
    [
        ("200 text/html", True),
        ("200 text/html; charset=utf-8", True),
        ("503 text/html", True),
        ("200 image/svg+xml", True),
        ("200 application/xhtml+xml", True),
        ("200 ", True),
        ("304 ", False),
        ("200 application/json", False),
        ("200 text/javascript; charset=utf-8", False),
        ("200 text/css", False),
        ("206 image/png", False),
    ],
)
def test_headers_of_a_document_are_not_paid_for_with_every_file(answer: str, document: bool) -> None:
    sent = headers(answer)
    assert sent.keys() >= {"X-Content-Type-Options", "Cross-Origin-Resource-Policy"}
    assert len(sent) == (8 if document else 2)


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("inputs", [CLOSED, OPEN], ids=["closed", "open"])
def test_data_is_sent_under_the_same_conditions_without_asking_for_a_document_s_headers(
    base: str, inputs: tuple[tuple[str, Any], ...]
) -> None:
    """A block within another takes what that says, but neither its headers nor its conditions."""
    site = render(SITE, base=base, inputs=inputs)
    kinds = types(render("etc/nginx/snippets/prep-corte.conf"))
    for path in ("datos/a.json", "actas/a.jpg", "descargas/a.zip", *(["corte.json"] if inputs == CLOSED else [])):
        _, body = answered(site, f"{base}{path}")
        ((pattern, within),) = re.findall(r'^ {8}location ~ "(.+)" \{\n(.*?)^ {8}\}', body, re.MULTILINE | re.DOTALL)
        before, _, _ = body.partition("        location ~")
        conditions = r"if \((!?-f /run/\S+)\) \{\s+return (\d+);"
        assert re.findall(conditions, within) == re.findall(conditions, before) and re.search(GATE, within)
        assert "include snippets/prep-headers.conf;" in within and "alias" not in within
        data = {kind for ending, kind in kinds.items() if re.search(pattern, f"{base}a.{ending}")}
        assert data >= {"application/json", "text/csv", "image/jpeg", "application/zip", "application/pdf"}
        assert all(len(headers(f"200 {kind}")) == 2 for kind in data), "a document would be sent without its headers"


@pytest.mark.parametrize("label", ["", "Simulacro"])
def test_search_engines_leave_out_a_rehearsal_and_nothing_else(label: str) -> None:
    """Whoever looked for the results of the day found those of a rehearsal weeks before, its tables and images too."""
    kinds = types(render("etc/nginx/snippets/prep-corte.conf")).values()
    for answer in ("503 text/html", "304 ", *(f"200 {kind}" for kind in kinds)):
        sent = headers(answer, (("nginx_notice_label", label),))
        assert sent.get("X-Robots-Tag") == ("noindex" if label else None), answer


@pytest.mark.parametrize("base", BASES)
def test_without_a_corte_the_page_waits(base: str) -> None:
    first = rf" +{GATE}\n +\}}\n +if \(!-f /srv/prep/publico/actual/corte\.json\) \{{\n +return 503;"
    for path, inputs in (("", CLOSED), ("index.html", CLOSED), ("nada.html", OPEN)):
        _, body = answered(render(SITE, base=base, inputs=inputs), f"{base}{path}")
        assert re.match(first, body), path


def test_every_notice_says_that_it_is_a_rehearsal_and_nothing_of_the_outlet() -> None:
    for page in NOTICES:
        path = f"usr/share/prep/avisos/{page.stem}"
        label = '<body>\n  <header class="label">Simulacro</header>\n'
        rehearsal = render(path, inputs=(("nginx_notice_label", "Simulacro"),))
        assert label in rehearsal and "<title>SIMULACRO · " in rehearsal
        assert 'class="label"' not in render(path) and "<title>SIMULACRO" not in render(path)
        assert "example.mx" not in render(path), "it names the site of the outlet"
    assert len(NOTICES) == 8


def test_notices_show_the_institute_s_words_as_they_are_written() -> None:
    """A browser took the address of mail in `<…>` for a tag, and showed nothing of it."""
    words = {
        "nginx_contact": 'Unidad de Informática & Redes <prep@ier.test>, "PREP", (600) 000 0000',
        "nginx_notice_title": "PREP <Ribera & Añil>",
        "nginx_notice_label": "Simulacro <1 & 2>",
    }
    site = 'https://ier.test/?a="b"&c'
    for page in NOTICES:
        text = render(f"usr/share/prep/avisos/{page.stem}", inputs=(*words.items(), ("nginx_institute_site", site)))
        assert [each for each in words.values() if each not in browser.words(text)] == [], page.name
        assert site not in text
        assert (f'href="{escape(site)}"' in text) is (page.name == "revocado.html.j2")


def test_the_status_is_compressed() -> None:
    """Without its type, of the server's own list, it was sent whole: each waiting page asks for it once a minute."""
    _, body = answered(render(SITE), "/.well-known/prep/estado.json")
    (kind,) = re.findall(r"(\S+) json;", body)
    (compressed,) = re.findall(r"gzip_types (.+);", render("etc/nginx/snippets/prep-own.conf"))
    assert kind in compressed.split()


@pytest.mark.parametrize("base", BASES)
def test_every_address_of_the_page_is_the_notice(base: str) -> None:
    site = render(SITE, base=base, inputs=(*CLOSED, ("nginx_revoked", True)))
    for path in ("/", base, f"{base}datos/corte.json", f"{base}api/actas", "/.well-known/prep/estado.json", "/nada"):
        name, body = answered(site, path)
        assert (name, body.strip()) == ("/", "return 410;"), path
    assert "error_page 410 @revoked;" in site and "rewrite ^ /revocado.html break;" in site
    assert "proxy_pass http://waf" not in site
    assert [name for name, _ in locations(site) if name == f"{base}_aviso/"], "the notice has its style"


def test_the_notice_leads_to_the_institute_where_it_has_a_site() -> None:
    page = "usr/share/prep/avisos/revocado.html"
    link = (("nginx_institute_site", "https://impebar.mx/"),)
    assert 'href="https://impebar.mx/"' in render(page, inputs=link)
    assert 'class="button"' not in render(page)


def test_outside_its_path_the_site_does_not_exist() -> None:
    site = render(SITE, base="/prep2024mor/", inputs=CLOSED)
    assert who(site, "/index.html") == who(site, "/api/actas") == who(site, "/datos/corte.json") == "nginx"
    assert "location @base {\n        return 301 /prep2024mor/;" in site
    assert re.search(r"location / \{\n +return 404;", site)


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("inputs", [CLOSED, OPEN], ids=["closed", "open"])
def test_what_a_corte_holds_comes_from_the_disk(base: str, inputs: tuple[tuple[str, Any], ...]) -> None:
    site = render(SITE, base=base, inputs=inputs)
    for folder in ("actas", "datos", "descargas"):
        _, body = answered(site, f"{base}{folder}/a.json")
        assert f"alias /srv/prep/publico/actual/{folder}/;" in body
        assert not re.search(r"_fast|_inspect|proxy_|return 404", body)
    assert who(render(SITE, base=base, inputs=CLOSED), f"{base}corte.json") == "disk"


def test_a_cold_image_keeps_nobody_waiting_for_results() -> None:
    """A worker that reads from a slow disk itself stops all its connections. Results are in memory: no thread reads."""
    (pool,) = re.findall(r"^thread_pool (\w+) threads=8;$", render("etc/nginx/modules-enabled/prep-threads.conf"), re.M)
    assert f"aio threads={pool};" in answered(render(SITE), "/actas/1.jpg")[1]
    assert "aio " not in answered(render(SITE), "/datos/corte.json")[1]


def test_nginx_starts_with_the_packages_own_main_file() -> None:
    """Somebody may put it back, as dpkg offers at an upgrade; the site needs nothing of it but what it includes."""
    main = render("etc/nginx/nginx.conf").partition("\nhttp {")[0]
    assert set(re.findall(r"^ *(\w+)", main, re.MULTILINE)) == {
        "user", "pid", "worker_processes", "pcre_jit", "error_log", "include", "events", "worker_connections"
    }  # fmt: skip
    assert "\ninclude /etc/nginx/modules-enabled/*.conf;\n" in main


@pytest.mark.parametrize("base", BASES)
def test_every_page_that_nginx_says_by_itself_exists(base: str) -> None:
    for inputs in (OPEN, (*OPEN, ("nginx_revoked", True))):
        visitors, behind = by_door(render(SITE, base=base, inputs=inputs))
        for server in visitors.split("\nserver {")[1:]:
            there = {name.removeprefix("= "): body for name, body in locations(server)}
            said = re.findall(r"(?:error_page|try_files) .*(@\w+);", written_out(server))
            assert set(said) == {name for name in there if name.startswith("@")}
            for path in re.findall(r"error_page .*?(/\S+);", server):
                assert there[path].startswith("        internal;\n")
            pages = re.findall(r"(?:rewrite \^ |avisos)/(\w+[.]html)(?: break)?;", server)
            assert {f"{page}.j2" for page in pages} <= {each.name for each in NOTICES}
        assert not re.search(r"error_page (?!599 )|prep-(?:corte|notices)[.]conf", behind)


@pytest.mark.parametrize("revoked", [False, True])
def test_nobody_gets_a_page_that_explains_nothing(revoked: bool) -> None:
    """nginx's own are in English, and say neither what happened nor what to do."""
    visitors, _ = by_door(render(SITE, inputs=(*CLOSED, ("nginx_revoked", revoked))))
    unknown, plain, site = visitors.split("\nserver {")[1:]
    assert "return 444;" in unknown

    def explained(text: str) -> set[str]:
        return {each for said in re.findall(r"error_page ((?:\d+ )+)", text) for each in said.split()}

    every = {"400", "414", "429", "494"}
    assert explained(plain) == {"429"}, "what it cannot read is of nobody's name yet"
    assert explained(re.sub(r"^    location .*?^    \}", "", written_out(site), flags=re.MULTILINE | re.DOTALL)) == (
        every | ({"410"} if revoked else {"403", "404", "500", "502", "503", "504", "507"})
    )
    for body in (body for _, body in locations(site) if "error_page" in body):
        assert explained(body) == {"403", "404", "429", "500", "502", "503", "504", "507"}, "400 is the application's"


def test_what_nginx_cannot_read_needs_no_path_to_be_answered() -> None:
    """Without one, as of a line that is too long, nginx goes to no location with a name and answers 500."""
    found = dict(re.findall(r"error_page ([\d =]+) (/\S+);", by_door(render(SITE))[0]))
    assert found == dict.fromkeys(["400 414", "494 =400"], "/_aviso/solicitud.html"), "494 is no status of HTTP"


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("path", ["datos/a.json", "extra/a.csv"])
def test_what_is_compressed_beside_a_file_has_no_address(base: str, path: str) -> None:
    for inputs in (CLOSED, OPEN):
        name, body = answered(render(SITE, base=base, inputs=inputs), f"{base}{path}.gz")
        found = re.search(name[3:-1].replace("(?<", "(?P<"), f"{base}{path}.gz")
        assert found and found["plain_text"] == path
        gate, _, rest = body.partition("            return 503;\n        }\n")
        assert gate
        assert rest.startswith("        if (-f /srv/prep/publico/actual/$plain_text) {\n            return 404;")


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("inputs", [CLOSED, OPEN], ids=["closed", "open"])
def test_two_doors_lead_to_the_application_and_both_have_the_gate(
    base: str, inputs: tuple[tuple[str, Any], ...]
) -> None:
    visitors, behind = by_door(render(SITE, base=base, inputs=inputs))
    fast = "include snippets/prep-fast.conf;"
    assert {name for name, body in locations(visitors) if fast in body or "proxy_pass" in body} == {
        "/_fast/",
        "= /_inspect",
    }
    computed = ["api/", "estado/", ""] if inputs == OPEN else ["api/", "estado/"]
    assert {name for name, body in locations(behind) if fast in body or "proxy_pass" in body} == {
        "/_fast/",
        *(f"^~ {base}{path}" for path in computed),
    }
    for name, body in locations(visitors) + locations(behind):
        if name in ("/_fast/", "= /_inspect"):
            assert body.startswith("        internal;\n"), "visitors should not be able to ask for an internal location"
        elif name == "^~ /.well-known/prep/waf/":
            assert "proxy_pass" not in body, "the constant answer asks nobody"
        elif re.search(r"_fast|_inspect|proxy_pass|alias /srv/prep/publico", body):
            before = re.split(GATE, body)[0]
            assert re.search(GATE, body), name
            assert before.strip() == "", "the gate should be asked before anything else"
    assert not re.search(r"error_page .*(?:_fast|_inspect|http)", visitors + behind), "an error page leads elsewhere"


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("inputs", [CLOSED, OPEN], ids=["closed", "open"])
def test_what_the_fast_road_answers_is_logged_without_asking_whether_it_was_refused(
    base: str, inputs: tuple[tuple[str, Any], ...]
) -> None:
    """Refusals are answered by other locations, which have the conditional lines of their server."""
    site = render(SITE, base=base, inputs=inputs)
    for door in by_door(site):
        for name, body in locations(door):
            form = "prep_disk" if "alias /srv/prep/publico" in body else "prep" if "$lifetime" in body else ""
            line = f"/var/log/nginx/prep/access.log {form} buffer=64k flush=5s"
            assert re.findall(r"^ *access_log (.+);", body, re.MULTILINE) == ([line] if form else []), name
    assert site.count(" refused if=$refused;") == 1
    formats = dict(re.findall(r"^log_format (\w+) ([^;]+);", render("etc/nginx/conf.d/prep-logs.conf"), re.MULTILINE))
    known = {"$road": "1", "$upstream_cache_status": "-", "$upstream_response_time": "-"}
    assert formats["prep_disk"] == re.sub(r"\$(?:road|upstream_\w+)", lambda name: known[name[0]], formats["prep"])


@pytest.mark.parametrize(("name", "most"), [("request", 500), ("referer", 200), ("agent", 200)])
def test_no_visitor_writes_long_lines(name: str, most: int) -> None:
    """nginx logs a quote, a backslash and each byte beyond plain text as four bytes."""
    text = render("etc/nginx/conf.d/prep-logs.conf")
    (entries,) = (entries for _, made, entries in maps(text) if made == f"logged_{name}")

    def logged(value: str) -> str:
        for pattern, kept in entries[1:]:
            found = re.search(pattern[1:].replace("(?<", "(?P<").replace(r"\z", r"\Z"), value)
            if found:
                return str(found.groupdict().get(kept.strip("$."), value)) + "..." * kept.endswith("...")
        return dict(entries)["default"]

    for odd in ("\xff", '"', "\\", "\0"):
        assert logged(odd * 4000) == odd * (most // 4) + "..."
        assert logged("a" * (most // 4 - 1) + odd) == "a" * (most // 4 - 1) + odd
        assert logged("a" * most + odd) == "a" * most + "..."
    assert logged("a" * most) == "a" * most
    assert logged("a" * 8000) == "a" * most + "..."
    assert logged("") == "-"
    formats = re.findall(r"^log_format prep[^;]+;", text, re.MULTILINE)
    assert len(formats) == 2
    for each in formats:
        assert f"$logged_{name}" in each and not re.search(r"\$(?:request|remote_user|http_\w+)\b", each)


@pytest.mark.parametrize("base", BASES)
def test_no_answer_is_given_before_the_limit_is_asked(base: str) -> None:
    """nginx does a `return` before it looks at the limits: only what leads to another location is counted there."""
    site = written_out(by_door(render(SITE, base=base, inputs=CLOSED))[0])
    for name, body in locations(site):
        if "return 301" in body:
            before = [each for _, each in locations(site) if f"try_files /nonexistent {name};" in each]
            assert name[0] == "@" and before, name
        for status in re.findall(r"return (\d+);", body):
            assert re.search(rf"error_page (?:\d+ )*{status} (?:\d+ |=\d+ )*@", site), f"{name}: {status}"


def test_the_status_is_unavailable_while_no_gate_runs() -> None:
    status = dict(locations(render(SITE)))["= /.well-known/prep/estado.json"]
    assert re.match(r" +if \(!-d /run/prep-corte\) \{\n +return 503;", status)


@pytest.mark.parametrize("base", BASES)
def test_a_cache_of_files_that_the_owner_set_does_not_delay_the_gate(base: str) -> None:
    """What stands in another file of conf.d, beside the owner's sites, holds for all of nginx unless a site differs."""
    for inputs in (CLOSED, OPEN):
        for door in by_door(render(SITE, base=base, inputs=inputs)):
            assert re.search(GATE, door) and re.search(r"^    open_file_cache off;", door, re.MULTILINE)


@pytest.mark.parametrize("base", BASES)
def test_light_mode_holds_back_the_heavy_folders_and_nothing_else_behind_the_gate(base: str) -> None:
    light = r"if \(-f /run/prep-corte/ligero\) \{\n +return 507;"
    for inputs in (CLOSED, OPEN):
        site = render(SITE, base=base, inputs=inputs)
        holding_back = {name: body for name, body in locations(site) if "507;" in body}
        name, compressed = answered(site, f"{base}actas/a.csv.gz")
        assert set(holding_back) == {f"{base}actas/", name}
        assert re.match(rf" +{GATE}\s+\}}\s+{light}", holding_back[f"{base}actas/"]), "the gate should be asked first"
        assert re.search(r"ligero\) \{\n +set \$is_light \$is_heavy;.*= 1\) \{\n +return 507;", compressed, re.DOTALL)
    for path, heavy in (("actas/a.csv.gz", "1"), ("datos/a.csv.gz", "0"), ("x/actas/a.csv.gz", "0"), ("actas.gz", "0")):
        assert judged(base, {"uri": f"{base}{path}"})["is_heavy"] == heavy


def test_only_the_cdn_is_believed_about_the_visitors_address() -> None:
    """Also where the owner's own sites believe somebody else: a server block's list replaces that of all of nginx."""

    def believed(**inputs: Any) -> list[tuple[str, str]]:
        text = render("etc/nginx/snippets/prep-own.conf", inputs=tuple(inputs.items()))
        return re.findall(r"^(set_real_ip_from|real_ip_header|real_ip_recursive) (\S+);", text, re.MULTILINE)

    assert believed()[0] == ("set_real_ip_from", "255.255.255.255")
    assert believed(nginx_cdn_ranges=("192.0.2.0/24", "2001:db8::/32"), nginx_cdn_header="X-Real") == [
        ("set_real_ip_from", "192.0.2.0/24"),
        ("set_real_ip_from", "2001:db8::/32"),
        ("real_ip_header", "X-Real"),
        ("real_ip_recursive", "on"),
    ]


@pytest.mark.parametrize("release", RELEASES)
def test_the_page_shares_no_setting_with_the_owners_sites(release: str) -> None:
    """Nor may the owner's files in conf.d clash with what nginx.conf says: it says no more than the distribution's."""
    site = render(SITE, release)
    assert (
        site.count("    include snippets/prep-own.conf;\n") == len(re.findall(r"^server \{", site, re.MULTILINE)) == 4
    )
    http = render("etc/nginx/nginx.conf", release).partition("http {")[2]
    assert set(re.findall(r"^    (\w+)", http, re.MULTILINE)) <= {
        "include", "default_type", "sendfile", "tcp_nopush", "types_hash_max_size", "gzip"
    }  # fmt: skip
    for name in ("documents", "limits", "logs", "roads", "upstreams"):
        blocks = render(f"etc/nginx/conf.d/prep-{name}.conf", release)
        text = re.sub(r"\{.*?^\}", ";", blocks, flags=re.MULTILINE | re.DOTALL)
        assert set(re.findall(r"^(\w+)", text, re.MULTILINE)) <= {
            "map", "split_clients", "log_format", "limit_req_zone", "limit_conn_zone", "upstream", "proxy_cache_path"
        }, f"prep-{name}.conf says something that nginx takes only once"  # fmt: skip


@pytest.mark.parametrize("release", RELEASES)
def test_certbot_finds_nothing_to_add_to_the_addresses_that_the_page_shares(release: str) -> None:
    """It writes ipv6only=on into the owner's site when no site says it, and nginx refused that beside our options."""
    listens = re.findall(r"^ *listen (\[::\]:\d+) ?(.*);$", render(SITE, release), re.MULTILINE)
    given = [(address, options) for address, options in listens if "default_server" in options]
    assert sorted(address for address, _ in given) == ["[::]:443", "[::]:80"]
    assert all(options.split().count("ipv6only=on") == 1 for _, options in given)
    assert not [options for _, options in listens if ("ipv6only=on" in options) is not ("default_server" in options)]


@pytest.mark.parametrize("release", RELEASES)
def test_each_release_gets_what_its_nginx_knows(release: str) -> None:
    site, tls = render(SITE, release), render("etc/nginx/snippets/prep-tls.conf", release)
    new = release in ("trixie", "resolute")
    assert ("http2 on;" in site) is new
    assert ("ssl http2" in site) is not new
    assert ("X25519MLKEM768" in tls) is new
    assert ("ssl_reject_handshake on;" in site) is (release not in ("bullseye", "jammy"))
    assert "ssl_protocols TLSv1.2 TLSv1.3;" in tls


def test_a_call_may_ask_for_newer_encryption() -> None:
    tls = render("etc/nginx/snippets/prep-tls.conf", inputs=(("nginx_tls_floor", "TLSv1.3"),))
    assert "ssl_protocols TLSv1.3;" in tls


def test_a_page_reached_by_address_shows_its_certificate() -> None:
    site = render(SITE, inputs=(("nginx_server_names", ("prep.example.mx", "192.0.2.10")),))
    assert "ssl_reject_handshake" not in site
    assert site.count("ssl_certificate /etc/ssl/private/prep-files.pem;") == 2


def test_a_page_reached_by_ipv6_address_knows_it_as_browsers_write_it() -> None:
    """They write it short and in brackets, so nobody got an answer under an alias that the inventory admits."""
    site = render(SITE, inputs=(("nginx_server_names", ("prep.example.mx", "2001:DB8:0:0::1", "192.0.2.10")),))
    names = re.findall(r"^ *server_name (.+);", site, re.MULTILINE)
    assert names == ["_", *["prep.example.mx [2001:db8::1] 192.0.2.10"] * 2]
    assert "ssl_reject_handshake" not in site


def test_the_outlets_own_sites_may_take_uploads() -> None:
    for limit in ("client_max_body_size 1k;", "client_body_timeout 5s;", "lingering_close off;"):
        assert limit not in render("etc/nginx/nginx.conf")
        assert len(re.findall(rf"^    {limit}$", render(SITE), re.MULTILINE)) == 2, "HTTP and HTTPS need it"


@pytest.mark.parametrize("base", BASES)
def test_braces_and_quotes_of_the_configuration_are_balanced(base: str) -> None:
    templates = role_kit.ROLES / "nginx/templates"
    for path in sorted(templates.glob("etc/nginx/**/*.j2")):
        text = render(str(path.relative_to(templates)).removesuffix(".j2"), base=base)
        code = re.sub(r'"[^"]*"|#.*', "", text)
        assert code.count("{") == code.count("}")
        assert "{{" not in text
        assert "{%" not in text


def test_refusals_that_come_in_floods_are_sampled_as_they_are_counted() -> None:
    text = render("etc/nginx/conf.d/prep-logs.conf")
    sampled = re.findall(r"^ +(\d+)% (\w+);", text, re.MULTILINE)
    assert {cause for _, cause in sampled} == set(limits.SAMPLED)
    assert {100 // int(share) for share, _ in sampled} == {limits.LOGGED}
    assert not re.search(r" scanner;", re.sub(r"^split_clients .*?^\}", "", text, flags=re.MULTILINE | re.DOTALL))


def test_what_nginx_writes_to_answer_is_not_on_the_disk() -> None:
    """Each place is a bounded file system of nginx's unit."""
    unit = render("etc/systemd/system/nginx.service.d/prep.conf")
    mounted = dict(re.findall(r"(/run/\S+):size=(\d+)m", unit))
    cache = re.search(
        r"^proxy_cache_path (\S+) .*max_size=(\d+)m", render("etc/nginx/conf.d/prep-upstreams.conf"), re.M
    )
    spool = re.search(r"^proxy_temp_path (\S+);", render("etc/nginx/snippets/prep-own.conf"), re.MULTILINE)
    assert cache and spool and {cache[1], spool[1]} == set(mounted) and cache[1] != spool[1]
    assert int(cache[2]) * 2 <= int(mounted[cache[1]])


@pytest.mark.parametrize("release", RELEASES)
def test_a_slow_reader_has_time_for_lost_packets(release: str) -> None:
    """Encrypting takes three to four round trips; a packet lost among them is sent again after some four seconds."""
    own = render("etc/nginx/snippets/prep-own.conf", release)
    times = re.findall(r"^(?:client_header_timeout|http2_recv_timeout) (\d+)s;", own, re.MULTILINE)
    assert times and all(4 * 1 + 4 + 4 <= int(each) <= 15 for each in times)


@pytest.mark.parametrize(
    ("issued", "held", "given", "asked"),
    [
        ("issued", "issued", False, False),
        ("issued", "own", True, False),
        ("issued", "", True, False),
        ("ended", "own", False, True),
        ("", "own", False, True),
    ],
)
def test_what_certbot_has_and_nginx_lacks_is_given_to_it(
    issued: str, held: str, given: bool, asked: bool, tmp_path: Path
) -> None:
    """A run may end before certbot's hook, and somebody may put an older /etc/ssl back: nothing else would tell."""
    for name, days in {"issued": 30, "own": 3650, "ended": -1}.items():
        write_certificate(tmp_path, name, days)
    leaf, key = f"{issued}.pem", f"{issued}.key"
    kept = {"cert.pem": [leaf], "chain.pem": [], "fullchain.pem": [leaf], "privkey.pem": [key]} if issued else {}
    for name, parts in {**kept, **({"nginx": [f"{held}.key", f"{held}.pem"]} if held else {})}.items():
        (tmp_path / name).write_text("".join((tmp_path / each).read_text() for each in parts))
    folder = role_kit.ROLES / "nginx/tasks"
    read, _, give, flush, *_ = yaml.safe_load((folder / "acme.yml").read_text(encoding="utf-8"))
    ask, _ = yaml.safe_load((folder / "request.yml").read_text(encoding="utf-8"))
    assert give["environment"] == {"RENEWED_LINEAGE": "{{ _nginx_lineage }}"} and "flush_handlers" in flush.values()
    inputs = {"_nginx_lineage": str(tmp_path), "_nginx_renewal": str(tmp_path / "prep.conf")}
    inputs["_nginx_certificate"] = str(tmp_path / "nginx")
    script = role_kit.text("nginx", read["ansible.builtin.shell"], inputs)
    said = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    known = {"__nginx_certified": {"rc": said.returncode, "stdout": said.stdout}, "_nginx_domains": ["prep.diario.mx"]}
    assert [role_kit.value("nginx", task["when"], known) for task in (give, ask)] == [given, asked]


def test_each_timer_runs_on_and_is_restarted_when_its_own_files_have_changed() -> None:
    """An owner may have stopped those of packages: nothing else would rotate the logs, or renew the certificate."""
    tasks = yaml.safe_load((role_kit.ROLES / "nginx/tasks/configure.yml").read_text(encoding="utf-8"))
    (task,) = (each for each in tasks if each.get("loop") == "{{ _nginx_timers }}")
    assert task["unit"]["name"] == "{{ item }}.timer"
    changed = {"prep-certificate": "prep-certificate.service", "prep-logrotate": "prep-logrotate.timer"}
    changed["logrotate"] = "logrotate.timer.d/prep.conf"  # which an upgrade from earlier versions removes
    for mode, names in (("files", [*changed]), ("acme", [*changed, "certbot"])):
        assert role_kit.value("nginx", "_nginx_timers", {"nginx_tls_mode": mode}) == names
    for each, file in changed.items():
        tree = {"changed_files": ["/etc/systemd/system/nginx.service.d/prep.conf", f"/etc/systemd/system/{file}"]}
        for name in names:
            given = {"item": name, "__nginx_tree": tree}
            assert role_kit.value("nginx", task["unit"]["restart"].strip("{ }"), given) is (name == each)


@pytest.mark.parametrize(("before", "added", "off"), [(True, True, True), (True, False, False), (False, True, False)])
def test_a_removal_leaves_a_timer_off_that_its_owner_had_off(before: bool, added: bool, off: bool) -> None:
    tasks = yaml.safe_load((role_kit.ROLES / "nginx/tasks/remove.yml").read_text(encoding="utf-8"))
    (task,) = (each for each in tasks if "unit" in each)
    link = "/etc/systemd/system/timers.target.wants/logrotate.timer"
    known = {
        "item": "logrotate",
        "rollback_packages_before": ["logrotate"] if before else [],
        "rollback_found": {"etc": {"added": [link] if added else []}},
    }
    assert task["unit"]["stopped"] and all(role_kit.value("nginx", each, known) for each in task["when"]) is off


def test_a_removal_restarts_no_nginx_that_would_not_start_again() -> None:
    """The owner's nginx.conf and a file written since may say the same twice: all of the owner's sites went down."""
    folder = role_kit.ROLES / "nginx/tasks"
    tasks = yaml.safe_load((folder / "remove.yml").read_text(encoding="utf-8"))
    restored = next(at for at, task in enumerate(tasks) if "give_back" in task)
    assert tasks[restored + 1]["ansible.builtin.import_tasks"] == "as_before.yml"
    test, refusal, restart = yaml.safe_load((folder / "as_before.yml").read_text(encoding="utf-8"))
    assert restart["ansible.builtin.import_role"] == {"name": "rollback", "tasks_from": "service"}
    assert test["ansible.builtin.command"] == "nginx -t -q" and "rollback_service_ran" in test["when"]
    line = 'nginx: [emerg] "gzip_vary" directive is duplicate in /etc/nginx/conf.d/gzip.conf:1'
    told = refusal["ansible.builtin.assert"]
    for answer, goes_on in ({"skipped": True}, True), ({"rc": 0}, True), ({"rc": 1}, False):
        assert role_kit.value("nginx", told["that"], {"__nginx_tested": answer}) is goes_on
    failed = {"rc": 1, "stderr_lines": ["nginx: [warn] conflicting server name", line, "test failed"]}
    assert f"ya restaurada: {line}. No se" in role_kit.text("nginx", told["fail_msg"], {"__nginx_tested": failed})
