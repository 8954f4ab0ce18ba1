"""The rendered configuration of nginx: which road a request takes, on every release and below any path."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest
import role_kit

INPUTS = {
    "nginx_server_names": ["prep.example.mx", "www.example.mx"],
    "nginx_prep_address": "127.0.0.1:20001",
    "nginx_waf_socket": "/run/prep-waf/0123456789ab/waf.sock",
    "nginx_app_socket": "/run/prep-app/app.sock",
    "nginx_status_file": "/srv/prep/estado/estado.json",
    "nginx_gate_file": "/run/prep-corte/abierto",
}
RELEASES = ["bullseye", "jammy", "bookworm", "noble", "trixie", "resolute"]
SITE = "etc/nginx/sites-available/prep"
BASES = ["/", "/prep2024mor/"]
BROWSER = {
    "request_method": "GET",
    "http_user_agent": "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36 "
    "[FBAN/EMA;FBLC/es_LA;FBAV/400.0.0.10.100;]",
    "http_accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "http_accept_language": "es-MX,es;q=0.9,en;q=0.5",
    "http_accept_encoding": "gzip, deflate, br, zstd",
    "http_referer": "https://www.google.com/",
}


@cache
def render(path: str, release: str = "bookworm", base: str = "/", inputs: tuple[tuple[str, Any], ...] = ()) -> str:
    """Return a file of the role as the server would get it."""
    facts = {"distribution_release": release}
    return role_kit.render("nginx", path, {**INPUTS, "ansible_facts": facts, "nginx_base_path": base, **dict(inputs)})


def maps(text: str) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Return every map of a configuration: source, name, entries."""
    found = []
    for source, name, body in re.findall(r'^map "?(.+?)"? \$(\w+) \{\n(.*?)^\}', text, re.MULTILINE | re.DOTALL):
        entries = re.findall(r'^ *("[^"]*"|[^\s#]+) +("[^"]*"|\S+);', body, re.MULTILINE)
        found.append((source, name, [(key.strip('"'), value.strip('"')) for key, value in entries]))
    return found


def judged(base: str, request: dict[str, str], **inputs: Any) -> dict[str, str]:
    """Judge a request by the rendered maps as nginx would: exact values first, then patterns in their order."""
    values = {**BROWSER, **request}
    roads = render("etc/nginx/conf.d/prep-roads.conf", base=base, inputs=tuple(inputs.items()))
    for source, name, entries in maps(roads):
        key = re.sub(r"\$(\w+)", lambda match: values.get(match[1], ""), source)
        exact = dict(entry for entry in entries if not entry[0].startswith("~"))
        values[name] = exact.get(key) if key in exact and key != "default" else exact["default"]
        if key not in exact:
            for pattern, value in entries:
                flags = re.IGNORECASE if pattern.startswith("~*") else 0
                python = re.sub(r"\(\?<(\w+)>", r"(?P<\1>", pattern.lstrip("~*"))
                if pattern.startswith("~") and (found := re.search(python, key, flags)):
                    values[name] = (found[value[1:]] or "") if value.startswith("$") else value
                    break
    return values


def is_fast(base: str, request: dict[str, str]) -> bool:
    """Return whether a request takes the fast road, which goes round the WAF."""
    return judged(base, request)["fast"] == "1"


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize(
    "path",
    [
        "",
        "index.html",
        "app.js",
        "datos/corte.json",
        "datos/gubernatura/17.json",
        "descargas/20240603_0000_PREP_GUB_MOR.csv",
        "descargas/20240603_0000_PREP_MOR.zip",
        "corte.json.sig",
        "?fbclid=IwAR0abc_DEF-123",
        "?utm_source=x&utm_medium=social",
    ],
)
def test_files_of_the_site_take_the_fast_road(base: str, path: str) -> None:
    assert is_fast(base, {"request_uri": base + path})
    assert is_fast(base, {"request_uri": base + path, "request_method": "HEAD"})


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
        "datos/../corte.json",
        "datos//corte.json",
        "%69ndex.html",
        ".git/config",
        "datos/.oculto.json",
        "index.php",
        "datos/corte.json/x",
        "datos/corte.json;a",
        "datos/corte.json\n",
        "a/b/c/d/e/f.json",
        "x" * 90 + ".json",
        "_fast/index.html",
    ],
)
def test_anything_else_is_inspected(base: str, path: str) -> None:
    assert not is_fast(base, {"request_uri": base + path})


@pytest.mark.parametrize(
    "odd",
    [
        {"request_method": "POST"},
        {"http_user_agent": "sqlmap/1.8"},
        {"http_user_agent": "Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/book/nse.html)"},
        {"http_user_agent": "Mozilla/5.0 zgrab/0.x"},
        {"http_user_agent": BROWSER["http_user_agent"] + " sqlmap/1.8"},
        {"http_user_agent": "() { :;}; /bin/id"},
        {"http_user_agent": "${jndi:ldap://x/a}"},
        {"http_user_agent": ""} | {name: "" for name in BROWSER if name.startswith("http_")} | {"http_range": "'"},
        {"http_referer": "https://x/?q=<script>"},
        {"http_referer": "../../etc/passwd"},
        {"http_content_length": "3"},
        {"http_transfer_encoding": "chunked"},
        {"http_authorization": "Basic eDp5"},
        {"http_upgrade": "h2c"},
    ],
)
def test_odd_requests_for_a_known_path_are_inspected(odd: dict[str, str]) -> None:
    assert not is_fast("/", {"request_uri": "/index.html", **odd})


@pytest.mark.parametrize(
    "cookie",
    [
        "_ga=GA1.1.123.456; _fbp=fb.1.1717.99; aviso=si",
        "OptanonConsent=isGpcEnabled=0&datestamp=Sun+Jun+02+2024+20%3A01%3A07+GMT-0600&groups=C0001%3A1%2CC0002%3A0",
        "didomi_token=eyJ1c2VyX2lkIjoiMThmZCJ9; euconsent-v2=CP_x4AAP_x4AAAHABBENA1EgAAAAAAAAAAAAAAAA.YAAAAAAAA4AA",
        "cookieyes-consent=consentid:dFc2,consent:yes,action:yes,necessary:yes,functional:no",
        "__gads=ID=5b1d:T=1717380000:RT=1717380067:S=ALNI_MZ3; __gpi=UID=00000e1f:T=1717380000:RT=1717380067:S=ALNI_Ma",
        "_hjSessionUser_12=eyJpZCI6IjYwYjQiLCJjcmVhdGVkIjoxNzE3fQ==; _hjSession_12=eyJpZCI6ImEifQ==",
        "_pcid=%7B%22browserId%22%3A%22lwxyz%22%7D; _pprv=eyJjb25zZW50Ijp7IjAiOnsibW9kZSI6Im9wdC1pbiJ9fX0%3D",
        'usprivacy=1YNN; permutive={"id":"a-b","consent":[1,2]}; _chartbeat2=.1717.1717.1.Bx./; _cb_svref=https://t.co/',
        "wordpress_test_cookie=WP%20Cookie%20check; wp-settings-1=editor%3Dtinymce; wordpress_logged_in_a=ana%7C17%7Cx",
        "sesión=ñandú; a='1; b=../../etc/passwd",
    ],
)
def test_cookies_of_the_outlets_own_site_do_not_slow_the_reader(cookie: str) -> None:
    assert is_fast("/", {"request_uri": "/", "http_cookie": cookie})


def test_no_cookie_reaches_the_application_by_the_fast_road() -> None:
    body = dict(locations(render(SITE)))["/_fast/"]
    assert "proxy_pass_request_headers off;" in body
    assert "ookie" not in body.replace("proxy_hide_header Set-Cookie", "")


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize(
    ("path", "fast", "asked"),
    [
        ("api/actas", "1", ""),
        ("api/actas/17", "1", ""),
        ("api/actas?distrito=3&seccion=0104", "1", "distrito=3&seccion=0104"),
        ("api/actas?seccion=", "1", "seccion="),
        ("api/actas?otro=3", "0", ""),
        ("api/actas?distrito=3&otro=1", "0", ""),
        ("api/actas?distrito=1%27", "0", ""),
        ("api/actas?distrito=" + "3" * 33, "0", ""),
        ("api/../actas?distrito=3", "0", ""),
        ("api/actas.json?fbclid=x", "1", ""),
        ("estado/hoy", "1", ""),
        ("estado/hoy?distrito=3", "0", ""),
        ("estado/hoy?=3", "0", ""),
        ("otra/actas?distrito=3", "0", ""),
    ],
)
def test_declared_dynamic_paths_take_the_fast_road_with_arguments(base: str, path: str, fast: str, asked: str) -> None:
    folders = "{{ [{'path': 'api/', 'arguments': ['distrito', 'seccion']}, {'path': 'estado/'}] }}"
    found = judged(base, {"request_uri": base + path}, nginx_dynamic_paths=folders)
    assert (found["fast"], found["asked"]) == (fast, asked)
    assert not is_fast(base, {"request_uri": base + "api/actas"}), "nothing is dynamic by default"


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
    body = dict(locations(render(SITE)))["/_fast/"]
    assert "proxy_set_header Accept-Encoding $form;" in body and "gunzip on;" in body
    assert re.search(r"proxy_cache_key .*\$form", body), "a browser would get from the cache what it cannot read"
    assert "add_header Vary Accept-Encoding;" in body


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
    values = {"$status $sent_http_content_type": answer}
    for source, name, entries in maps(render("etc/nginx/conf.d/prep-documents.conf")):
        key, found = values[source], dict(entries)
        matched = [value for pattern, value in entries if pattern[0] == "~" and re.search(pattern[1:], key)]
        values[f"${name}"] = matched[0] if matched else found.get(key, found["default"])
    headers = dict(re.findall(r"add_header (\S+) (\S+) always;", render("etc/nginx/snippets/prep-headers.conf")))
    always = {name for name, value in headers.items() if not value.startswith("$")}
    assert always == {"X-Content-Type-Options", "Cross-Origin-Resource-Policy"}
    assert len(headers) == 8
    for name in headers.keys() - always:
        assert bool(values[headers[name]]) is document, name


@pytest.mark.parametrize("base", BASES)
def test_without_a_corte_the_page_waits(base: str) -> None:
    outside, _ = by_door(render(SITE, base=base))
    body = dict(locations(outside))[base]
    assert re.match(r" +if \(!-f /run/prep-corte/abierto\) \{\n +return 503;\n +\}\n(?: +#.*\n)? +if \(!-f", body)
    assert re.search(r"if \(!-f /srv/prep/publico/actual/corte\.json\) \{\n +return 503;", body)


def test_every_notice_says_that_it_is_a_rehearsal_and_nothing_of_the_outlet() -> None:
    pages = sorted((role_kit.ROLES / "nginx/templates/usr/share/prep/avisos").glob("*.html.j2"))
    for page in pages:
        path = f"usr/share/prep/avisos/{page.stem}"
        label = '<body>\n  <header class="label">Simulacro</header>\n'
        assert label in render(path, inputs=(("nginx_notice_label", "Simulacro"),))
        assert 'class="label"' not in render(path)
        assert "example.mx" not in render(path), "it names the site of the outlet"
    assert len(pages) == 6


def test_outside_its_path_the_site_does_not_exist() -> None:
    assert not is_fast("/prep2024mor/", {"request_uri": "/index.html"})
    site = render(SITE, base="/prep2024mor/")
    assert "location = /prep2024mor {\n        return 301 /prep2024mor/;" in site
    assert re.search(r"location / \{\n +return 404;", site)


def locations(text: str) -> list[tuple[str, str]]:
    """Return name and body of every location of a site, with the corte's snippet written out where it is included."""
    corte = render("etc/nginx/snippets/prep-corte.conf")
    found = re.findall(r"^    location (.+?) \{\n(.*?)^    \}", text, re.MULTILINE | re.DOTALL)
    return [(name, body.replace("        include snippets/prep-corte.conf;\n", corte)) for name, body in found]


def by_door(site: str) -> tuple[str, str]:
    """Split a site into the servers for visitors and the server to which the WAF hands back requests."""
    visitors, _, behind = site.partition("server {\n    listen unix:")
    return visitors, behind


@pytest.mark.parametrize("base", BASES)
def test_what_a_corte_holds_comes_from_the_disk_and_from_nobody_else(base: str) -> None:
    held = [
        *(f"^~ {base}{folder}/" for folder in ("actas", "datos", "descargas")),
        *(f"= {base}{name}" for name in ("corte.json", "corte.json.sig")),
    ]
    outside, behind = (
        {name: body for name, body in locations(server) if "alias /srv/prep/publico" in body}
        for server in by_door(render(SITE, base=base))
    )
    assert list(outside) == list(behind) == held
    for name in held:
        for body in (outside[name], behind[name]):
            assert f"alias /srv/prep/publico/actual/{name.split()[1].removeprefix(base)};" in body
            assert "proxy_" not in body
        odd = r"if \(\$road = 0\) \{\n +rewrite \^ /_inspect last;"
        assert re.search(odd, outside[name]), "a request that is off the fast road should go to the WAF"
        assert not re.search(odd, behind[name]), "a request that the WAF hands back should not go to the WAF again"


@pytest.mark.parametrize("base", BASES)
def test_every_page_that_nginx_says_by_itself_exists_at_both_doors(base: str) -> None:
    for server in by_door(render(SITE, base=base, inputs=(("nginx_light_mode", True),))):
        named = {name for name, _ in locations(server) if name.startswith("@")}
        assert set(re.findall(r"error_page .*(@\w+);", server + render("etc/nginx/snippets/prep-corte.conf"))) <= named


@pytest.mark.parametrize("base", BASES)
def test_what_is_compressed_beside_a_file_has_no_address(base: str) -> None:
    assert judged(base, {"uri": f"{base}datos/a.json.gz"})["compressed_of"] == "datos/a.json"
    assert judged(base, {"uri": f"{base}datos/a.json"})["compressed_of"] == ""
    _, behind = by_door(render(SITE, base=base))
    doors = [body for _, body in locations(behind) if re.search(r"proxy_pass|alias", body)]
    assert len(doors) == 6
    for door in doors:
        assert re.search(r"if \(-f /srv/prep/publico/actual/\$compressed_of\) \{\n +return 404;", door)
    assert not is_fast(base, {"request_uri": f"{base}datos/a.json.gz"})


@pytest.mark.parametrize("base", BASES)
def test_two_doors_lead_to_the_application_and_both_have_the_gate(base: str) -> None:
    site = render(SITE, base=base)
    found = locations(site)
    doors = {(name, door) for name, body in found for door in re.findall(r"proxy_pass (\S+);", body)}
    assert doors == {("/_fast/", "http://prep"), ("= /_inspect", "http://waf$request_uri"), (base, "http://prep/")}
    for name, body in found:
        if name in ("/_fast/", "= /_inspect"):
            assert body.startswith("        internal;\n"), "visitors should not be able to ask for an internal location"
        elif re.search(r"_fast|_inspect|proxy_pass|alias /srv/prep/publico", body):
            gate = r"if \(!-f /run/prep-corte/abierto\) \{\n +return 503;"
            before = re.split(gate, body)[0]
            assert re.search(gate, body), name
            assert not re.search(r"rewrite|proxy_pass|set ", before), "the gate should be asked before anything else"
    assert not re.search(r"error_page .*(?:_fast|_inspect|http)", site), "an error page leads to another host"


def test_the_status_is_unavailable_while_no_gate_runs() -> None:
    status = dict(locations(render(SITE)))["= /.well-known/prep/estado.json"]
    assert re.match(r" +if \(!-d /run/prep-corte\) \{\n +return 503;", status)


def test_light_mode_holds_back_the_heavy_folders_behind_the_gate() -> None:
    assert "@light;" not in render(SITE, base="/prep2024mor/")
    site = render(SITE, base="/prep2024mor/", inputs=(("nginx_light_mode", True),))
    (body,) = (body for name, body in locations(site) if name == "^~ /prep2024mor/actas/")
    assert re.match(r" +if \(!-f /run/prep-corte/abierto\) \{\n +return 503;", body), "the gate should be asked first"
    assert "proxy_pass" not in body


def test_only_the_cdn_is_believed_about_the_visitors_address() -> None:
    path = "etc/nginx/conf.d/prep-cdn.conf"
    assert render(path).strip() == "", "no CDN should be trusted by default"
    text = render(
        path, inputs=(("nginx_cdn_ranges", ("192.0.2.0/24", "2001:db8::/32")), ("nginx_cdn_header", "X-Real"))
    )
    assert re.findall(r"^(\w+) (\S+);", text, re.MULTILINE) == [
        ("set_real_ip_from", "192.0.2.0/24"),
        ("set_real_ip_from", "2001:db8::/32"),
        ("real_ip_header", "X-Real"),
        ("real_ip_recursive", "on"),
    ]


@pytest.mark.parametrize("release", RELEASES)
def test_each_release_gets_what_its_nginx_knows(release: str) -> None:
    site, tls = render(SITE, release), render("etc/nginx/snippets/prep-tls.conf", release)
    new = release in ("trixie", "resolute")
    assert ("http2 on;" in site) is new
    assert ("ssl http2" in site) is not new
    assert ("X25519MLKEM768" in tls) is new
    assert ("ssl_reject_handshake on;" in site) is (release not in ("bullseye", "jammy"))
    assert "ssl_protocols TLSv1.2 TLSv1.3;" in tls


def test_a_page_reached_by_address_shows_its_certificate() -> None:
    site = render(SITE, inputs=(("nginx_server_names", ("prep.example.mx", "192.0.2.10")),))
    assert "ssl_reject_handshake" not in site
    assert site.count("ssl_certificate /etc/ssl/private/prep-files.pem;") == 2


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
