"""Gives roles the limits of a corte, from the table by which cortes are signed and verified."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from corte.format import limits

DOCUMENTATION = r"""
name: corte_limit
short_description: Look up a limit of a corte
description: Returns a constant of scripts/corte/format/limits.py, by its name; a group of values as a list.
options:
  _input:
    description: The constant's name, as C(MAX_FILE_BYTES).
    type: str
    required: true
author: [prep-difusor]
"""

EXAMPLES = r"""
largest_file: "{{ 'MAX_FILE_BYTES' | corte_limit }}"
"""

RETURN = r"""
_value:
  description: The limit.
  type: raw
"""


def corte_limit(name: str) -> Any:
    """Return the limit of this name; AttributeError when there is none."""
    value = getattr(limits, name)
    return list(value) if isinstance(value, tuple) else value


class FilterModule:
    """The filters of this file, by the names that templates use."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"corte_limit": corte_limit}
