"""Which servers of an inventory ssh reaches through another one of them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

WAY = ("ansible_host", "ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args")
"""The variables that say how ssh reaches a server."""
JUMP = re.compile(r"(?:^|\s)-J\s*(\S+)|(?i:\bProxyJump)[\s=]+(\S+)")
HOST = re.compile(r"(?:ssh://)?(?:[^@]*@)?(?:\[([^\]]+)\]|([^:/]+))")


def through(name: str, servers: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the servers that ssh reaches through the server `name` (ProxyJump), as far as their variables say so.

    `servers`: of each the variables of WAY, by its name; what ~/.ssh/config says of them is not known.
    """
    own = {name.lower(), str(servers[name].get("ansible_host") or name).lower()}
    return [other for other, values in servers.items() if other != name and own & {*_jumps(values)}]


def _jumps(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the hosts through which the options of ssh lead, in small letters."""
    for option in WAY[1:]:
        given = str(values.get(option) or "")
        try:
            said = " ".join(shlex.split(given))
        except ValueError:  # a quote that does not end
            said = given
        for match in JUMP.finditer(said):
            for each in (match[1] or match[2]).split(","):
                if host := HOST.match(each):
                    yield (host[1] or host[2]).lower()
