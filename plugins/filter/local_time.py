"""Gives messages an instant as people at a place read it, by the place's catalogue."""

from __future__ import annotations

from collections.abc import Callable

from corte.format import instants
from difusor import catalog

DOCUMENTATION = r"""
name: local_time
short_description: Tell an instant by a place's clocks
description: Returns an instant in a place's local time, with its zone; as it is written where that cannot be known.
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
until: "{{ election_place | local_time(election_closes) }}"
"""

RETURN = r"""
_value:
  description: The local time, such as 02/06 20:00:00 CST.
  type: str
"""


def local_time(place: str, at: str) -> str:
    """Return the local time; the instant as it is written where it has no offset, or there is no such place.

    Ansible composes a message before it knows whether there is a reason to show it.
    """
    from difusor.terminal import local  # its libraries are slow to load, and every run of Ansible loads this file

    try:
        return local(instants.parse_offset(at), catalog.load(place).zone)
    except (ValueError, catalog.CatalogError):
        return at


class FilterModule:
    """The filters of this file, by the names that templates use."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Return the filters by name."""
        return {"local_time": local_time}
