"""Tells inventories and roles what the spec of an election's call says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from difusor import spec

DOCUMENTATION = r"""
name: clauses
short_description: Look up which clauses a call has
description:
  - Returns the ids of the clauses of a call, in its order.
  - The filter C(tls_floor) beside it returns the oldest version of TLS that a server may speak, as nginx calls it, by
    the call or else by the project's criterion.
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


class FilterModule:
    """The filters of this file, by the names that templates use."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"clauses": clauses, "tls_floor": tls_floor}
