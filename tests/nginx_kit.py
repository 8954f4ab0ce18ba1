"""The rendered configuration of nginx, as tests read it: its maps, its locations, and who answers a path."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import role_kit

INPUTS = {
    "nginx_server_names": ["prep.example.mx", "www.example.mx"],
    "nginx_prep_address": "127.0.0.1:20001",
    "nginx_waf_socket": "/run/prep-waf/0123456789ab/waf.sock",
    "nginx_app_socket": "/run/prep-app/app.sock",
    "nginx_status_file": "/srv/prep/estado/estado.json",
    "nginx_gate_file": "/run/prep-corte/abierto",
    "nginx_light_file": "/run/prep-corte/ligero",
}
RELEASES = ["bullseye", "jammy", "bookworm", "noble", "trixie", "resolute"]
SITE = "etc/nginx/sites-available/prep"
BASES = ["/", "/prep2024mor/"]
FILES = ("index.html", "app.js", "ayuda/index.html", "api/guia.html")
DYNAMIC = "{{ [{'path': 'api/', 'arguments': ['distrito', 'seccion']}, {'path': 'estado/'}] }}"
CLOSED = (("nginx_known_files", FILES), ("nginx_dynamic_paths", DYNAMIC))
OPEN = (*CLOSED, ("nginx_open_application", True))
GATE = r"if \(!-f /run/prep-corte/abierto\) \{\n +return 503;"


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


def judged(base: str, request: dict[str, str], inputs: tuple[tuple[str, Any], ...] = OPEN) -> dict[str, str]:
    """Judge a request by the rendered maps as nginx would: exact values first, then patterns in their order."""
    values = {"request_method": "GET", **request}
    for source, name, entries in maps(render("etc/nginx/conf.d/prep-roads.conf", base=base, inputs=inputs)):
        key = re.sub(r"\$(\w+)", lambda match: values.get(match[1], ""), source)
        exact = dict(entry for entry in entries if not entry[0].startswith("~"))
        patterns = [(pattern.removeprefix("~"), value) for pattern, value in entries if pattern.startswith("~")]
        found = (value for pattern, value in patterns if re.search(pattern, key))
        values[name] = exact[key] if key in exact and key != "default" else next(found, exact["default"])
    return values


def headers(answer: str, inputs: tuple[tuple[str, Any], ...] = ()) -> dict[str, str]:
    """Return what prep-document-headers.conf adds to an answer, which is given as its status and its type."""
    values = {"$status $sent_http_content_type": answer}
    for source, name, entries in maps(render("etc/nginx/conf.d/prep-documents.conf", inputs=inputs)):
        key, found = values[source], dict(entries)
        matched = [value for pattern, value in entries if pattern[0] == "~" and re.search(pattern[1:], key)]
        values[f"${name}"] = matched[0] if matched else found.get(key, found["default"])
    snippets = [
        render(f"etc/nginx/snippets/{name}.conf", inputs=inputs) for name in ("prep-headers", "prep-document-headers")
    ]
    added = re.findall(r"add_header (\S+) (\S+) always;", "".join(snippets))
    return {name: said for name, value in added if (said := values.get(value, value))}


def written_out(text: str) -> str:
    """Return a configuration with what it includes of the corte's snippet and of that of the notices."""
    for name in ("prep-corte", "prep-notices"):
        snippet = render(f"etc/nginx/snippets/{name}.conf").rstrip("\n") + "\n"
        text = snippet.join(re.split(rf"^ *include snippets/{name}[.]conf;\n", text, flags=re.MULTILINE))
    return text


def locations(text: str) -> list[tuple[str, str]]:
    """Return name and body of every location of a site, with its snippets written out."""
    found = re.findall(r"^    location (.+?) \{\n(.*?)^    \}", text, re.MULTILINE | re.DOTALL)
    return [(name, written_out(body)) for name, body in found]


def by_door(site: str) -> tuple[str, str]:
    """Split a site into the servers for visitors and the server to which the WAF hands back requests."""
    visitors, _, behind = site.partition("server {\n    listen unix:")
    return visitors, behind


def types(text: str) -> dict[str, str]:
    """Return the types that a configuration gives to files, by how their names end."""
    (table,) = re.findall(r"^ *types \{\n(.*?)^ *\}", text, re.MULTILINE | re.DOTALL)
    rows = re.findall(r"^ *(\S+/\S+) +([^;]+);", table, re.MULTILINE)
    return {ending: kind for kind, endings in rows for ending in endings.split()}


def answered(site: str, path: str) -> tuple[str, str]:
    """Return name and body of the location that answers visitors' requests for a path (decoded, without a query).

    nginx takes the location of just this name; else a pattern, unless the longest prefix has ^~; else that prefix.
    """
    found = dict(locations(by_door(site)[0]))
    if f"= {path}" in found:
        return f"= {path}", found[f"= {path}"]
    prefixes = {name.split()[-1]: name for name in found if name[0] in "/^" and path.startswith(name.split()[-1])}
    longest = prefixes[max(prefixes, key=len)]
    for name in () if longest.startswith("^~") else (name for name in found if name.startswith("~ ")):
        if re.search(name[3:-1].replace("(?<", "(?P<"), path):
            return name, found[name]
    return longest, found[longest]


def who(site: str, path: str) -> str:
    """Return who answers a path: application, waf, disk, or nginx itself (with what it says)."""
    _, body = answered(site, path)
    for mark, name in (("/_inspect", "waf"), ("/_fast/", "application"), ("alias /srv/prep/publico", "disk")):
        if mark in body:
            return name
    return "nginx"
