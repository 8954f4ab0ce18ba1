"""Reads what the services of a server expect of a corte, which `corte_record` wrote, from the file or its copy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from difusor.servers.expected import read

DOCUMENTATION = r"""
name: corte_expected
short_description: Read the record of what a server expects of a corte
description:
  - Returns the value of the first file that is what was written; without one an empty dictionary.
  - What a version before the records wrote has no digest, and is taken as it is.
options:
  _input:
    description: The files' contents as C(slurp) gives them, in Base64; an empty text where there is no file.
    type: list
    elements: str
    required: true
author: [prep-difusor]
"""

EXAMPLES = r"""
election: "{{ (slurped.results | map(attribute='content', default='') | list | corte_expected).election }}"
"""

RETURN = r"""
_value:
  description: The value.
  type: dict
"""


def corte_expected(contents: Iterable[str]) -> dict[str, Any]:
    """Return the value of the first content that is whole; empty when none is."""
    return read(contents)


class FilterModule:
    """The filters of this file, by the names that templates use."""

    def filters(self) -> dict[str, Callable[..., dict[str, Any]]]:
        """Return the filters by name."""
        return {"corte_expected": corte_expected}
