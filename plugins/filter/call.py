"""Tells inventories and roles what the spec of an election's call says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from difusor import spec
from difusor.spec.expected import RSYNC_PORT

DOCUMENTATION = r"""
name: clauses
short_description: Look up which clauses a call has
description:
  - Returns the ids of the clauses of a call, in its order.
  - The filter C(tls_floor) beside it returns the oldest version of TLS that a server may speak, as nginx calls it, by
    the call or else by the project's criterion.
  - The filter C(rsync_port) returns the TCP port on which a server takes cortes, by the call or else rsync's own, which
    is also that of a call that cannot be read.
options:
  _input:
    description: The call, which has a spec C(spec/<call>.yml).
    type: str
    required: true
author: [prep-difusor]
"""

EXAMPLES = r"""
excused: "{{ lab_waivers | selectattr('clause', 'in', election_spec | clauses) | list }}"
floor: "{{ election_spec | tls_floor }}"
port: "{{ election_spec | rsync_port }}"
"""

RETURN = r"""
_value:
  description: The ids.
  type: list
  elements: str
"""


def clauses(call: str) -> list[str]:
    """Return the ids; SpecError when there is no such call, or its spec cannot be used."""
    return list(spec.load(call).ids)


def tls_floor(call: str) -> str:
    """Return the version; SpecError as in `clauses`."""
    return spec.load(call).tls_floor


def rsync_port(call: str) -> int:
    """Return the port; rsync's own when there is no such call: the preflight, which asks too, tells that better."""
    try:
        return spec.load(call).rsync_port
    except spec.SpecError:
        return RSYNC_PORT


class FilterModule:
    """The filters of this file, by the names that templates use."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"clauses": clauses, "tls_floor": tls_floor, "rsync_port": rsync_port}
