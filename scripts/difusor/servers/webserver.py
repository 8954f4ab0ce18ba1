"""Finds, in the owner's own files of nginx, what would alter the page or stand in its way.

What such a file says outside of any server block holds for all of nginx. Most of it the PREP's server blocks undo
(roles/nginx/templates/etc/nginx/snippets/prep-own.conf.j2); this names the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from difusor.project import ROOT

CONFIGURATION = ROOT / "roles/nginx/templates/etc/nginx"
# Directives that alter answers or refuse requests, and that a server block cannot undo, or only where their module is
# installed.
LASTING = re.compile(
    r"add_trailer|auth_(?:jwt|ldap|pam)\w*|(?:brotli|zstd|pagespeed|modsecurity|naxsi|perl|js|xslt|image_filter)(?:_\w+)?"
    r"|more_(?:set|clear)_(?:input_)?headers|proxy_set_body|slice|ssl_conf_command|\w+_by_lua(?:_\w+)?"
    r"|(?:Security|Learning|Deny)\w+|testcookie\w*|fancyindex|vod_?\w*|geoip2?_proxy"
)
HARMLESS = re.compile(
    r"(?:brotli|zstd)_(?:comp_level|min_length|types|window|buffers)|js_(?:import|path|set)|perl_(?:set|modules|require)"
)
# Names that exist once in all of nginx: of variables, zones, upstreams, forms of log lines.
VARIABLE = re.compile(r"(?:map|geo|split_clients|geoip2) .*?(\$\w+)$|set (\$\w+)|(?:perl|js)_set (\$\w+)")
NAMED = re.compile(r"(?:\bkeys_zone=|\bzone=|\bshared:)(\w+)|^(?:upstream|log_format) (\w+)")


@dataclass(frozen=True)
class Setting:
    """One directive outside of any server block: its file, its line, and its words without the semicolon or brace."""

    path: str
    line: int
    words: tuple[str, ...]


def problems(settings: Iterable[Setting]) -> Iterator[str]:
    """Yield a sentence for each directive that the page cannot live beside, without its full stop."""
    for each in settings:
        directive, where = each.words[0], f"{each.path}:{each.line}"
        if LASTING.fullmatch(directive) and not HARMLESS.fullmatch(directive) and each.words[1:] != ("off",):
            yield f"{where} pone «{directive}» para todo nginx y alteraría la página; páselo a los server de sus sitios"
        for name in names(" ".join(each.words)) & _ours():
            yield f"{where} define «{name}», un nombre que usa la página; déle otro ahí y donde sus sitios lo usan"


def names(directive: str) -> set[str]:
    """Return the names that a directive, written with single spaces, defines for all of nginx."""
    found = [*VARIABLE.findall(directive), *NAMED.findall(directive)]
    return {name for each in found for name in each if name}


@cache
def _ours() -> frozenset[str]:
    """Return the names that the PREP's configuration defines."""
    found: set[str] = set()
    for path in sorted(CONFIGURATION.rglob("prep*.j2")):
        for statement in re.split(r"[;{}\n]", path.read_text(encoding="utf-8")):
            found |= names(" ".join(statement.split()))
    return frozenset(found)
