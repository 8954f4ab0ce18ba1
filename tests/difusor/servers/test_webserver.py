"""The owner's own files of nginx: what in them would alter the page, or clash with its names, is told."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import role_kit
from plugin_kit import load

from difusor.project import ROOT
from difusor.servers import neighbours
from difusor.servers.neighbours import Neighbours
from difusor.servers.notices import rows
from difusor.servers.webserver import SAMPLE, Setting, colliding, lost, nameless, names, problems
from difusor.spec.reading import values

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


def probe() -> Any:
    """Return the module that runs on the server."""
    return load("module_utils/probe/files.py")


def read(text: str) -> list[Setting]:
    """Return what the probe finds in the text of a file, as the preflight gets it."""
    return as_settings(probe().settings(PATH, text))


def as_settings(found: list[dict[str, Any]]) -> list[Setting]:
    return [Setting(each["path"], each["line"], tuple(each["words"]), each["within"]) for each in found]


def test_what_a_server_block_cannot_undo_is_told_by_file_and_line() -> None:
    assert list(problems(read(TEXT))) == SENTENCES


@pytest.mark.parametrize(
    "text",
    [
        "map $uri $client { default 1; }",
        "geo $remote_addr $reads { default 1; }",
        "geo $client { default 1; }",
        "split_clients $x $method { * 1; }",
        "map $http_user_agent $logged_agent { default 1; }",
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


@pytest.mark.parametrize(("letters", "told"), [(46, False), (47, True)])
def test_a_long_name_of_the_page_has_its_room_and_nobody_else_may_make_it(letters: int, told: bool) -> None:
    """With a name that does not fit into 64 bytes nginx does not start, nor where two files say how many."""
    host = f"{'r' * (letters - 10)}.diario.mx"
    text = role_kit.render("nginx", "etc/nginx/conf.d/prep-names.conf", {"nginx_server_names": ["a.mx", host]})
    assert ("\nserver_names_hash_bucket_size 512;\n" in text) is told
    assert bool(text.strip()) is told
    found = list(problems(read("\nserver_names_hash_bucket_size 128;"), (80, 443), [host]))
    assert [each.startswith(f"{PATH}:2 fija server_names_hash_bucket_size") for each in found] == [True] * told


def test_a_site_that_writes_where_the_projects_nginx_cannot_is_told(tmp_path: Path) -> None:
    """`nginx -t` runs outside of the unit's sandbox and passed it; the restart then left nginx down."""
    log = tmp_path / "log"
    log.symlink_to("/etc/nginx/logs")
    text = f"""access_log /usr/local/diario/a.log combined; proxy_cache_path /boot/diario keys_zone=diario:1m;
server {{ access_log off; error_log {log}/b.log; root /usr/share/diario;
  location /x {{ if ($a) {{ access_log /etc/diario/c.log; }} client_body_temp_path /var/tmp/x; error_log stderr; }}
}}
server {{ access_log /var/log/nginx/d.log; access_log logs/e.log; proxy_temp_path "/etc/diario/tmp" 1 2; access_log; }}
error_log /etc\0/f.log;
"""
    found = [each.removeprefix(PATH) for each in problems(read(text))]
    assert [each.partition(", y el nginx del proyecto solo lee")[0] for each in found] == [
        ":1 escribe en /usr/local/diario/a.log", ":1 escribe en /boot/diario",
        ":2 escribe en /etc/nginx/logs/b.log", ":3 escribe en /etc/diario/c.log", ":5 escribe en /etc/diario/tmp",
    ]  # fmt: skip
    unit = role_kit.ROLES / "nginx/templates/etc/systemd/system/nginx.service.d/prep.conf.j2"
    assert "\nProtectSystem=full\n" in unit.read_text(encoding="utf-8"), "which paths nginx may not write has changed"


def test_files_that_the_owners_files_include_are_read_once_and_the_pages_own_are_not(tmp_path: Path) -> None:
    files = {
        "conf.d/a.conf": f"include diario/*.inc; include {tmp_path}/x;\ninclude; server {{ include no; }}",
        "conf.d/prep-roads.conf": "# Managed by prep-difusor: change it there\nmore_set_headers ours;",
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
        ("diario/b.inc", "slice", "1m"), ("x", "modsecurity", "on"), ("conf.d/a.conf", "server"),
        ("sites-enabled/diario", "add_trailer", "a", "b"),
    ]  # fmt: skip


def test_what_a_site_includes_counts_as_its_own(tmp_path: Path) -> None:
    """As plugins of WordPress document it: their file, which the site's own account writes, took the page's name."""
    (tmp_path / "www").mkdir()
    files = {
        "sites-enabled/a": f"server {{ listen 80; include {tmp_path}/www/*.conf; }}\nserver {{ listen 81; }}\n",
        "sites-enabled/b": f"server {{ location / {{ include {tmp_path}/www/nginx.conf; }} }}\n",
        "www/nginx.conf": f"server_name prep.diario.mx;\ninclude {tmp_path}/www/*.conf; location / {{ listen 1; }}\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    os.mkfifo(tmp_path / "www/pipe.conf")
    (tmp_path / "www").chmod(0o777)
    seen: set[tuple[bool, str]] = set()
    found = as_settings(probe().owners_settings(tmp_path, seen))
    (named,) = (each for each in found if each.words[0] == "server_name")
    assert (named.path, named.words) == (f"{tmp_path}/www/nginx.conf", ("server_name", "prep.diario.mx"))
    (said,) = problems(found, [80, 443], ["prep.diario.mx"])
    assert said.startswith(f"{tmp_path}/sites-enabled/a:1 es un sitio de «prep.diario.mx», el nombre de la página")
    told = {probe().others_write(path) for _, path in seen if path.startswith(f"{tmp_path}/www")}
    assert told == {f"{tmp_path}/www"}


def test_an_include_cannot_keep_the_preflight_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may name what root alone may write: a pipe, or what the kernel writes while it is read."""
    module, opened = probe(), []
    plain = module.read_plain
    for folder in ("sites-enabled", "kernel"):
        (tmp_path / folder).mkdir()
    (tmp_path / "sites-enabled/a").write_text(f"server {{ include {tmp_path}/www.conf; }}")
    (tmp_path / "www.conf").write_text(f"include {tmp_path}/pipe;\ninclude {tmp_path}/kernel/kmsg;\nlisten 81;")
    (tmp_path / "kernel/kmsg").write_text("listen 82;")
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr("ansible.module_utils.probe.KERNELS", re.compile(f"{tmp_path}/kernel/"))
    monkeypatch.setattr(module, "others_write", lambda path: "")
    monkeypatch.setattr(module, "read", lambda path: opened.append(path) or plain(path))
    found = as_settings(module.owners_settings(tmp_path))
    assert [each.words for each in found if each.words[0] == "listen"] == [("listen", "81")]
    assert opened == [f"{tmp_path}/sites-enabled/a"]


def circle(folder: Path, servers: int) -> Path:
    """Write server blocks that include all of ten files, each of which includes all ten; return nginx's folder."""
    for name in ("sites-enabled", "www"):
        (folder / name).mkdir()
    for number in range(10):
        (folder / f"www/{number}.conf").write_text(f"listen 800{number};\ninclude {folder}/www/*.conf;")
    (folder / "sites-enabled/a").write_text(f"server {{ include {folder}/www/*.conf; }}\n" * servers)
    (folder / "sites-enabled/z").write_text("slice 1m;")
    return folder


@pytest.mark.parametrize(("servers", "most", "reads"), [(2, 1_000_000, 20), (50, 5_000, 25)])
def test_files_that_include_one_another_are_read_once_for_each_site_and_within_bounds(
    servers: int, most: int, reads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were read in every order: ten files ten million times."""
    module, opened = probe(), []
    plain = module.read_plain
    monkeypatch.setattr(module, "read_plain", lambda path: opened.append(path) or plain(path))
    monkeypatch.setattr(module, "others_write", lambda path: "")
    monkeypatch.setattr(module, "MOST", most)
    found = [each.words for each in as_settings(module.owners_settings(circle(tmp_path, servers)))]
    assert len([path for path in opened if "/www/" in path]) <= reads
    assert ("slice", "1m") in found, "the owner's own files are read in any case"
    if reads == 10 * servers:
        assert sorted(words[1] for words in found if words[0] == "listen") == sorted([f"800{n}" for n in range(10)] * 2)


@pytest.mark.parametrize("named", ["*/*/*/*/*.conf", "\0*"])
def test_an_include_that_names_half_the_disk_is_not_followed(named: str, tmp_path: Path) -> None:
    (tmp_path / "conf.d/b/c/d").mkdir(parents=True)
    (tmp_path / "conf.d/b/c/d/e.conf").write_text("slice 1m;")
    (tmp_path / "conf.d/a.conf").write_text(f"include {tmp_path}/{named};\nexpires 1d;")
    assert [each["words"][0] for each in probe().owners_settings(tmp_path)] == ["include", "expires"]


def test_blocks_in_thousands_of_blocks_cost_no_more_than_their_text() -> None:
    """Each told all those around it: a file of a megabyte took all of the server's memory."""
    found = probe().directives(PATH, "a{" * 5000 + "}" * 5000 + "slice 1m;")
    assert sum(len(each["within"]) for each in found) < 5000 * 20
    assert found[-1]["within"] == ""


@pytest.mark.parametrize(
    ("account", "group", "mode", "told"),
    [
        (0, 0, 0o664, False),
        (0, 33, 0o644, False),
        (0, 33, 0o664, True),
        (33, 0, 0o644, True),
        (0, 0, 0o666, True),
        (0, 0, 0o1777, False),  # a folder in which nobody renames what another has
    ],
)
def test_what_another_account_may_write_is_told(
    account: int, group: int, mode: int, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = probe()
    found = {"/srv/nginx": SimpleNamespace(st_uid=account, st_gid=group, st_mode=mode)}
    roots = SimpleNamespace(st_uid=0, st_gid=0, st_mode=0o755)
    monkeypatch.setattr(module, "os", SimpleNamespace(path=os.path, stat=lambda path: found.get(path, roots)))
    assert module.others_write("/srv/nginx/a.conf") == module.others_write("/srv/nginx") == ("/srv/nginx" * told)


def test_a_file_is_the_projects_by_what_it_says_and_not_by_its_name(tmp_path: Path) -> None:
    """An outlet that has prepared for the PREP has called its own site so."""
    site = tmp_path / "sites-enabled/prep.diario.mx"
    site.parent.mkdir()
    site.write_text("slice 1m;")
    assert [each["path"] for each in probe().owners_settings(tmp_path)] == [str(site)]
    (found,) = problems([Setting("/etc/nginx/sites-enabled/prep", 1, ("server",))])
    assert found.startswith("/etc/nginx/sites-enabled/prep es un nombre que usa el proyecto")


@pytest.mark.parametrize(
    ("server", "sentence"),
    [
        ("listen 80; server_name prep.diario.mx;", "es un sitio de «prep.diario.mx», el nombre de la página"),
        ("server_name www.diario.mx prep.diario.mx;", "es un sitio de «prep.diario.mx», el nombre de la página"),
        ("listen [::]:443 ssl; server_name .prep.diario.mx;", "es un sitio de «.prep.diario.mx», el nombre de la"),
        ("listen 203.0.113.9:443 ssl;", "escucha en el puerto 443 de 203.0.113.9, y nginx daría ahí ese sitio en vez"),
        ("listen 203.0.113.9;", "escucha en el puerto 80 de 203.0.113.9, y nginx daría ahí ese sitio en vez"),
        ("listen [2001:db8::9]:80;", "escucha en el puerto 80 de 2001:db8::9, y nginx daría ahí ese sitio en vez de"),
        ("listen diario.mx:80;", "escucha en el puerto 80 de diario.mx, y nginx daría ahí ese sitio en vez de la"),
        ("listen 80 default_server;", "escucha en el puerto 80 por omisión, como la página; quítele default_server"),
        ("listen [::]:443 ssl default;", "escucha en el puerto 443 por omisión, como la página; quítele"),
        # As certbot writes it.
        (
            "listen [::]:443 ssl ipv6only=on; server_name b.mx;",
            "escucha en el puerto 443 con «ipv6only=on», que vale para todos",
        ),
        ("listen 443 ssl reuseport backlog=511;", "escucha en el puerto 443 con «reuseport backlog=511», que vale"),
        ("listen *:80 proxy_protocol;", "escucha en el puerto 80 con «proxy_protocol», que vale para todos los"),
    ],
)
def test_a_site_that_would_take_the_pages_visitors_or_stop_nginx(server: str, sentence: str) -> None:
    (found,) = problems(read(f"\nserver {{ {server} }}"), (80, 443), ["prep.diario.mx"])
    assert found.startswith(f"{PATH}:2 {sentence}")


@pytest.mark.parametrize(
    "server",
    [
        "listen 80; listen [::]:80; listen 443 ssl http2; server_name diario.mx www.diario.mx;",
        "listen 8443 default_server reuseport; server_name prep.diario.mx;",
        "listen 203.0.113.9:8080; listen 127.0.0.1:80; listen [::1]:80; listen localhost:80;",
        "listen unix:/run/diario.sock; listen 443 quic reuseport; server_name ~^prep;",
        "listen unix:/run/diario.sock; server_name _ prep.diario.mx;",
        "server_name *.diario.mx; location / { proxy_pass http://prep.diario.mx; }",
        "listen 443 ssl; location /listen { set $listen 203.0.113.9:443; } server_name diario.mx;",
    ],
)
def test_sites_that_stay_beside_the_page(server: str) -> None:
    text = f"server {{ {server} }} upstream b {{ server 203.0.113.9:443; }}"
    assert list(problems(read(text), (80, 443), ["prep.diario.mx"])) == []


def test_a_stream_on_a_port_of_the_pages_is_found_wherever_it_is_written(tmp_path: Path) -> None:
    """`nginx -t` passes over it, and the restart leaves nginx down with the owner's own sites."""
    files = {
        "modules-enabled/50-mod-stream.conf": "load_module modules/ngx_stream_module.so;",
        "modules-enabled/90-diario.conf": "stream {\n  server { listen 443; proxy_pass b; }\n  include streams.d/*; }",
        "streams.d/mysql": "server { listen 3306; }\nserver { listen 127.0.0.1:79-81 so_keepalive=on; }",
        "streams.d/dns": "server { listen 443 udp; }\nserver { listen unix:/run/x:80; }\nupstream b { server c:443; }",
        "nginx.conf": "include modules-enabled/*.conf;\nmail {\nserver { listen [::]:443; listen 25; }\n}\n"
        "http { server { listen 80; include streams.d/*; } include streams.d/*; }",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = tuple(as_settings(probe().others_ports(tmp_path)))
    said = list(colliding(found, (80, 443, 873)))
    assert [each.removeprefix(f"{tmp_path}/").partition(", y nginx")[0] for each in said] == [
        "modules-enabled/90-diario.conf:2 escucha en el puerto 443 en un bloque stream",
        "streams.d/mysql:2 escucha en el puerto 80 en un bloque stream",
        "nginx.conf:3 escucha en el puerto 443 en un bloque mail",
    ]
    assert neighbours.problems(Neighbours(others_ports=found), (80, 443)) == said


ANYBODY = f"{PATH}:2 contesta hoy a cualquier nombre en "


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("server { listen 80; server_name _; }", "el puerto 80"),
        ("server { listen 80; }", "el puerto 80"),
        ("server { root /var/www; }", "el puerto 80"),
        ("server { listen 80; listen [::]:80; listen 443 ssl; server_name _; }", "los puertos 80 y 443"),
        ('server { listen *:443 ssl; server_name localhost ""; }', "el puerto 443"),
        ("server { listen 80; return 301 https://$host$request_uri; }", "el puerto 80"),
        # Of IPv6 it is the first, although another is of IPv4.
        ("server { listen [::]:80; } server { listen 80; server_name diario.mx; }", "el puerto 80"),
        # A site at an address of its own is the first of that address alone.
        ("server { listen 80; server_name _; } server { listen 203.0.113.9:80; server_name b.mx; }", "el puerto 80"),
    ],
)
def test_a_site_that_answers_to_any_name_would_answer_nobody(text: str, told: str) -> None:
    """It answers today because it is nginx's first, and the page brings one that takes what nobody has a name for."""
    said = list(nameless(read(f"\n{text}"), (80, 443)))
    assert [each.partition(", por ser")[0] for each in said] == [ANYBODY + told]
    found = Neighbours(settings=tuple(read(f"\n{text}")))
    assert said[0] in neighbours.problems(found, (80, 443)), "it stops the run"
    finished = Neighbours(settings=tuple(read(text)), mirror_of=("prep.diario.mx",))
    assert not any(ANYBODY in each for each in neighbours.problems(finished, (80, 443))), "nobody sees it any more"
    assert rows(finished, (80, 443)) == []


@pytest.mark.parametrize(
    "text",
    [
        "server { listen 80; server_name diario.mx; } server { listen 80; server_name _; }",
        "server { listen 80; server_name ~^(?<site>.+)$; }",
        # Whoever refuses unknown names himself loses nothing.
        "server { listen 80; server_name _; return 444; } server { listen 80; server_name diario.mx; }",
        "server { listen 443 ssl; ssl_reject_handshake on; }",
        "server { listen 8080; } server { listen 127.0.0.1:80; } server { listen [::1]:443 ssl; server_name _; }",
        "server { listen unix:/run/diario.sock; } server { listen 443 quic; }",
    ],
)
def test_sites_that_do_not_answer_to_any_name_stop_nothing(text: str) -> None:
    assert list(nameless(read(text), (80, 443))) == []


def test_one_that_says_default_server_has_to_name_its_own_before_it_gives_that_up() -> None:
    """With `server_name _` the advice alone took the newspaper off the net."""
    first = "server { listen 80; server_name diario.mx; }"
    (said,) = problems(read(f"{first} server {{ listen 80 default_server; server_name _; }}"), (80, 443))
    assert said.endswith(
        "quítele default_server, y escriba en su server_name todos los nombres por los que lo visitan: a los demás no "
        "contestaría"
    )
    assert list(nameless(read(f"{first} server {{ listen 80 default_server; }}"), (80, 443))) == []
    (said,) = problems(read("server { listen 80 default_server; server_name _; return 444; }"), (80, 443))
    assert said.endswith("quítele default_server")


def test_a_first_site_that_names_only_some_of_its_names_is_told() -> None:
    text = "server { listen 80; server_name diario.mx; } server { listen 443 ssl; server_name b.mx; } server { }"
    ((what, sites),) = rows(Neighbours(settings=tuple(read(text))), (80, 443))
    assert what.startswith("AVISO: estos sitios contestan hoy también a nombres que no tienen en su server_name")
    assert sites == [f"{PATH}:1 (diario.mx)", f"{PATH}:1 (b.mx)"]


def test_a_lock_to_the_cdn_holds_for_the_owners_other_sites_too() -> None:
    text = """server { listen 8080; }
server { listen 127.0.0.1:80; }
server { listen 443 ssl; server_name diario.mx www.diario.mx; }
"""
    found = Neighbours(settings=tuple(read(text)), mirror_of=("prep.diario.mx",))
    assert rows(found, (80, 443)) == []
    ((what, sites),) = rows(found, (80, 443), is_locked=True)
    assert "difusor_origin_lock" in what
    assert sites == [f"{PATH}:3 (diario.mx www.diario.mx)"]
    said = values((ROOT / "playbooks/group_vars/all.yml").read_text(encoding="utf-8"))["preflight_origin_lock"].strip(
        "{} "
    )
    for lock, ranges in ((True, ["192.0.2.0/24"]), (True, []), (False, ["192.0.2.0/24"])):
        given = {"nginx_origin_lock": lock, "nginx_cdn_ranges": ranges}
        assert role_kit.value("nginx", said, given) is (lock and bool(ranges))


def test_sites_that_lose_their_old_visitors_to_a_call_with_tls_1_3_are_told() -> None:
    """The page's server is the default one of port 443, and its ssl_protocols hold for all sites there."""
    text = """server { listen 80; server_name a.mx; }
server { listen 127.0.0.1:443 ssl; server_name b.mx; }
server { listen 443 ssl; ssl_protocols TLSv1.2 TLSv1.3; server_name diario.mx; }
"""
    found = Neighbours(settings=tuple(read(text)), mirror_of=("prep.diario.mx",))
    ((what, sites),) = rows(found, (80, 443), tls_floor="TLSv1.3")
    assert "TLS 1.2" in what and sites == [f"{PATH}:3 (diario.mx)"]
    assert rows(found, (80, 443), tls_floor="TLSv1.2") == rows(found, (80, 443)) == []
    assert rows(Neighbours(), (80, 443), tls_floor="TLSv1.3") == []


def test_a_packages_own_sample_is_not_the_owners_site(tmp_path: Path) -> None:
    """That of Debian, which the run takes away, was refused; while it is there, no other is the first."""
    debian = "server {\n\tlisten 80 default_server;\n\tlisten [::]:80 default_server;\n\tserver_name _;\n}\n"
    own = "server { listen 80; server_name _; }"
    for folder in ("sites-available", "sites-enabled", "conf.d"):
        (tmp_path / folder).mkdir()
    file = tmp_path / "sites-available/default"
    file.write_text(debian)
    (tmp_path / "sites-enabled/default").symlink_to(file)
    (tmp_path / "conf.d/diario.conf").write_text(own)
    (tmp_path / "conf.d/prep-roads.conf").write_text("# Managed by prep-difusor: change it there\n")
    packaged = {f"{file} {hashlib.md5(debian.encode()).hexdigest()}"}
    assert probe().samples(packaged, tmp_path) == [f"{tmp_path}/sites-enabled/default"]
    file.write_text(debian + own)
    assert probe().samples(packaged, tmp_path) == []
    sample = as_settings(probe().settings(SAMPLE, debian))
    for settings in (sample, [*read(own), *sample]):
        assert list(problems(settings, (80, 443), [], [SAMPLE])) == []
        assert list(nameless(settings, (80, 443), [SAMPLE])) == []
        assert rows(Neighbours(settings=tuple(settings), samples=(SAMPLE,)), (80, 443)) == []
    assert len(list(problems(sample, (80, 443)))) == 2


MAIN = """user www-data;
worker_processes 8;
include /etc/nginx/modules-enabled/*.conf;
events { worker_connections 4096; multi_accept on; }
http {
    sendfile on; keepalive_timeout 30; gzip_types text/css; server_tokens off;
    include /etc/nginx/mime.types; include conf.d/*.conf; include sites-enabled/*;
%s
}
%s
"""


def test_what_an_nginx_conf_says_that_would_be_lost_is_told(tmp_path: Path) -> None:
    file = tmp_path / "nginx.conf"

    def told(http: str = "", main: str = "", packaged: str = "") -> list[str]:
        file.write_text(MAIN % (http, main))
        return list(lost(as_settings(probe().owners_main({packaged}, str(file)))))

    own = "client_max_body_size 64m; include /etc/nginx/vhosts/*.conf;\nmap $a $b { default 1; }"
    moved = "client_max_body_size (línea 8), include (línea 8), map (línea 9); páselo a un archivo de /etc/nginx/conf.d"
    assert told() == []
    assert told(own) == [f"/etc/nginx/nginx.conf, que el proyecto reemplaza, pone además {moved}"]
    (found,) = told(main="stream { server { listen 3306; proxy_pass db; } }")
    assert found.endswith("pone además stream (línea 10); páselo a un archivo de /etc/nginx/modules-enabled")
    (found,) = told(main="user deploy deploy;")
    assert found.startswith(f"{file}:10 corre nginx como «deploy», y el")
    kept = "error_log /var/log/nginx/error.log; access_log /var/log/nginx/access.log;"
    assert told(kept, "error_log /var/log/nginx/error.log error;") == []
    for other in ("error_log syslog:server=192.0.2.9;", "error_log /var/log/nginx/error.log warn;"):
        for found in (told(other), told(main=other)):  # outside of http it would stand beside the project's
            assert re.search(r"error_log \(línea \d+\); páselo a un archivo de /etc/nginx/conf\.d$", *found)
    assert told("access_log off;")
    assert told(own, packaged=f"{file} {hashlib.md5((MAIN % (own, '')).encode()).hexdigest()}") == []
    assert told(own, main="") and told("# x\n" + own)
    file.write_text("# Managed by prep-difusor: change the inventory\nhttp { map $a $b {} }")
    assert probe().owners_main(set(), str(file)) == []


def test_nginx_orgs_own_account_is_another_too(tmp_path: Path) -> None:
    """Sites and sockets of PHP that only `nginx` opens answered 403 and 502, and nobody looked at a packaged file."""
    file = tmp_path / "nginx.conf"
    text = "user  nginx;\nevents {}\nhttp { log_format  main  '$uri'; include /etc/nginx/conf.d/*.conf; }\n"
    file.write_text(text)
    packaged = {f"{file} {hashlib.md5(text.encode()).hexdigest()}"}
    said = list(lost(as_settings(probe().owners_main(packaged, str(file)))))
    assert said[0] == (
        f"{file}:1 corre nginx como «nginx», y el proyecto lo corre como www-data: dé a www-data acceso a sus sitios, "
        "y póngalo ahí"
    )
    assert "log_format (línea 3)" in said[1], "all that is to be moved is told at once"
    found = Neighbours(
        main=tuple(as_settings(probe().owners_main(packaged, str(file)))), closed_pools=("a (b:b 0660)",)
    )
    assert (
        "acceso a sus sitios y a los sockets de sus pools de PHP (a (b:b 0660)), y p" in neighbours.problems(found)[0]
    )
    file.write_text(text.replace("nginx;", "www-data;", 1))
    assert probe().owners_main({f"{file} {hashlib.md5(file.read_bytes()).hexdigest()}"}, str(file)) == []
    file.write_text("# Managed by prep-difusor: change it there\nuser nginx;\n")
    assert probe().owners_main(set(), str(file)) == []


def test_the_names_are_those_of_the_roles_own_files() -> None:
    assert names("map $status $worth_a_line") == {"$worth_a_line"}
    for file, name in (("conf.d/prep-logs.conf", "$worth_a_line"), ("snippets/prep-tls.conf", "tls")):
        text = (ROOT / f"roles/nginx/templates/etc/nginx/{file}.j2").read_text()
        assert name in text
    assert list(problems([Setting("/a", 1, ("map", "$x", "$worth_a_line"))]))
