"""Gives roles the difference of a place's clocks with UTC, from the place's catalogue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from corte.format import instants
from difusor import catalog

DOCUMENTATION = r"""
name: utc_minutes
short_description: Look up how far a place's clocks are from UTC
description: Returns the minutes by which a place's local time differs from UTC at an instant.
options:
  _input:
    description: The place, which has a catalogue C(catalogs/<place>.yml).
    type: str
    required: true
  at:
    description: The instant, with its offset.
    type: str
    required: true
positional: at
author: [prep-difusor]
"""

EXAMPLES = r"""
minutes: "{{ election_place | utc_minutes(election_opens) }}"
"""

RETURN = r"""
_value:
  description: The minutes.
  type: int
"""


def utc_minutes(place: str, at: str) -> int:
    """Return the minutes; ValueError when the instant has no offset, CatalogError when there is no such place."""
    return catalog.load(place).offset(instants.parse_offset(at)) // timedelta(minutes=1)


class FilterModule:
    """The filters of this file, by the names that templates use."""

    def filters(self) -> dict[str, Callable[..., int]]:
        """Return the filters by name."""
        return {"utc_minutes": utc_minutes}
