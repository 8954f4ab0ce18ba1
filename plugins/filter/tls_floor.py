"""Gives roles the oldest version of TLS that a call admits, from its spec."""

from __future__ import annotations

from collections.abc import Callable

from difusor import spec

DOCUMENTATION = r"""
name: tls_floor
short_description: Look up the oldest version of TLS that a server may speak
description: Returns the version that the call of an election asks for, or else the project's criterion.
options:
  _input:
    description: The call, which has a spec C(spec/<call>.yml).
    type: str
    required: true
author: [prep-difusor]
"""

EXAMPLES = r"""
floor: "{{ election_spec | tls_floor }}"
"""

RETURN = r"""
_value:
  description: The version, as nginx calls it.
  type: str
"""


def tls_floor(call: str) -> str:
    """Return the version; SpecError when there is no such call, or its spec cannot be used."""
    return spec.load(call).tls_floor


class FilterModule:
    """The filters of this file, by the names that templates use."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Return the filters by name."""
        return {"tls_floor": tls_floor}
