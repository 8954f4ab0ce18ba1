"""The owner's own files of nginx: what in them would alter the page, or clash with its names, is told."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from difusor.project import ROOT
from difusor.servers.webserver import Setting, names, problems

PATH = "/etc/nginx/conf.d/diario.conf"
TEXT = """# map $a $client { default 1; }
log_format diario '$remote_addr { "x"; } # no es un comentario';
map $http_upgrade
    $connection_upgrade { default upgrade; "" close; more_set_headers "x"; }
server { listen 8080; location / { more_set_headers "X: \\"1;"; sub_filter a#b c; } }
more_set_headers  "Server: Diario" 'X-A: ;'; brotli on;
limit_req_zone $binary_remote_addr zone=fast:10m rate=1r/s; upstream waf{ server unix:/a;}
"""
SENTENCES = [
    f"{PATH}:6 pone «more_set_headers» para todo nginx y alteraría la página; páselo a los server de sus sitios",
    f"{PATH}:6 pone «brotli» para todo nginx y alteraría la página; páselo a los server de sus sitios",
    f"{PATH}:7 define «fast», un nombre que usa la página; déle otro ahí y donde sus sitios lo usan",
    f"{PATH}:7 define «waf», un nombre que usa la página; déle otro ahí y donde sus sitios lo usan",
]


@cache
def probe() -> Any:
    """Return the module that runs on the server."""
    specification = importlib.util.spec_from_file_location("probe", ROOT / "plugins/modules/neighbour_probe.py")
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def read(text: str) -> list[Setting]:
    """Return what the probe finds in the text of a file, as the preflight gets it."""
    return [Setting(each["path"], each["line"], tuple(each["words"])) for each in probe().settings(PATH, text)]


def test_what_a_server_block_cannot_undo_is_told_by_file_and_line() -> None:
    assert list(problems(read(TEXT))) == SENTENCES


@pytest.mark.parametrize(
    "text",
    [
        "map $uri $client { default 1; }",
        "geo $remote_addr $reads { default 1; }",
        "geo $client { default 1; }",
        "split_clients $x $method { * 1; }",
        "limit_conn_zone $server_name zone=clients:1m;",
        "proxy_cache_path /var/cache/diario keys_zone=prep:1m levels=1:2;",
        "upstream prep { server 127.0.0.1:1; }",
        "log_format refused escape=json '$uri';",
        "ssl_session_cache builtin:1000 shared:tls:1m;",
        "js_set $road diario.camino;",
    ],
)
def test_a_name_that_the_page_uses_is_told(text: str) -> None:
    assert [" define «" in each for each in problems(read(text))] == [True]


@pytest.mark.parametrize(
    "text",
    [
        "server_names_hash_bucket_size 128; map $uri $diario { default 1; } log_format diario '$client';",
        "include /etc/nginx/diario/*.conf; upstream diario { server 127.0.0.1:9000; keepalive 8; }",
        "add_header X-A 1; sub_filter a b; deny all; auth_basic x; expires 30d; gzip_types *; error_page 404 /x;",
        "brotli off; brotli_comp_level 6; modsecurity off; js_import x from y.js; perl_modules /x;",
        "proxy_cache_path /var/cache/nginx/diario keys_zone=diario:10m; ssl_session_cache shared:SSL:10m;",
        "",
        "}}} ; ; 'sin terminar",
    ],
)
def test_what_the_page_can_live_beside_is_not_told(text: str) -> None:
    assert list(problems(read(text))) == []


def test_files_that_the_owners_files_include_are_read_once_and_the_pages_own_are_not(tmp_path: Path) -> None:
    files = {
        "conf.d/a.conf": f"include diario/*.inc; include {tmp_path}/x;\ninclude; server {{ include no; }}",
        "conf.d/prep-roads.conf": "more_set_headers ours;",
        "conf.d/sin-uso": "more_set_headers unread;",
        "sites-enabled/diario": "add_trailer a b;",
        "diario/b.inc": "include conf.d/*.conf;\nslice 1m;",
        "x": "modsecurity on;",
        "no": "perl x;",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = [(each["path"].removeprefix(f"{tmp_path}/"), *each["words"]) for each in probe().owners_settings(tmp_path)]
    assert [each for each in found if "include" not in each] == [
        ("sites-enabled/diario", "add_trailer", "a", "b"), ("conf.d/a.conf", "server"), ("diario/b.inc", "slice", "1m"),
        ("x", "modsecurity", "on"),
    ]  # fmt: skip


def test_the_names_are_those_of_the_roles_own_files() -> None:
    assert names("map $status $worth_a_line") == {"$worth_a_line"}
    for file, name in (("conf.d/prep-logs.conf", "$worth_a_line"), ("snippets/prep-tls.conf", "tls")):
        text = (ROOT / f"roles/nginx/templates/etc/nginx/{file}.j2").read_text()
        assert name in text
    assert list(problems([Setting("/a", 1, ("map", "$x", "$worth_a_line"))]))
