"""Gives inventories the ids of the clauses that a call has, from its spec."""

from __future__ import annotations

from collections.abc import Callable

from difusor import spec

DOCUMENTATION = r"""
name: clauses
short_description: Look up which clauses a call has
description: Returns the ids of the clauses of a call, in its order.
options:
  _input:
    description: The call, which has a spec C(spec/<call>.yml).
    type: str
    required: true
author: [prep-difusor]
"""

EXAMPLES = r"""
excused: "{{ lab_waivers | selectattr('clause', 'in', election_spec | clauses) | list }}"
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


class FilterModule:
    """The filters of this file, by the names that templates use."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Return the filters by name."""
        return {"clauses": clauses}
