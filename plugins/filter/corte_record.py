"""Writes a value as the services of the corte keep their own records, so that they notice when it is damaged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from corte.format import record

DOCUMENTATION = r"""
name: corte_record
short_description: Write a value as a record of the corte's services
description: Returns the text of the file, which has a digest of the value beside it.
options:
  _input:
    description: The value.
    type: raw
    required: true
author: [prep-difusor]
"""

EXAMPLES = r"""
text: "{{ {'keep': 3} | corte_record }}"
"""

RETURN = r"""
_value:
  description: The text, with its last newline.
  type: str
"""


def corte_record(value: Any) -> str:
    """Return the text of the record."""
    return record.content(value).decode()


class FilterModule:
    """The filters of this file, by the names that templates use."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Return the filters by name."""
        return {"corte_record": corte_record}
