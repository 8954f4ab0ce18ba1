"""Writes the host names and addresses of a page as browsers send them, for the web server's list of its own names."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

DOCUMENTATION = r"""
name: url_host
short_description: Write a host as in a URL
description: Returns an IPv6 address in its shortest spelling and in brackets, and any other host as it is.
options:
  _input:
    description: The host name or address.
    type: str
    required: true
author: [prep-difusor]
"""

EXAMPLES = r"""
server_name: "{{ nginx_server_names | map('url_host') | join(' ') }}"
"""

RETURN = r"""
_value:
  description: The host.
  type: str
"""


def url_host(host: str) -> str:
    """Return the host; ValueError when it has a colon and is no IPv6 address."""
    return f"[{ipaddress.IPv6Address(host).compressed}]" if ":" in host else host


class FilterModule:
    """The filters of this file, by the names that templates use."""

    def filters(self) -> dict[str, Callable[[str], str]]:
        """Return the filters by name."""
        return {"url_host": url_host}
