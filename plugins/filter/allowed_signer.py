"""Writes a signer of an election as a line of OpenSSH's allowed_signers, with the same code that the institute uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from corte.format import instants, signature

DOCUMENTATION = r"""
name: allowed_signer
short_description: Write a signer's line of allowed_signers
description: Returns the line, without its newline, that makes a server accept a signer's key between two instants.
options:
  _input:
    description: The signer, with C(principal), C(key), C(valid_after), C(valid_before) and maybe C(authority).
    type: dict
    required: true
  election:
    description: The election for which the key signs.
    type: str
    required: true
positional: election
author: [prep-difusor]
"""

EXAMPLES = r"""
line: "{{ corte_signers[0] | allowed_signer(corte_election) }}"
"""

RETURN = r"""
_value:
  description: The line.
  type: str
"""


def allowed_signer(signer: Mapping[str, Any], election: str) -> str:
    """Return the line; ValueError when an instant has no offset."""
    return signature.allowed_signer(
        signer["principal"],
        signer["key"],
        election,
        instants.parse_offset(signer["valid_after"]),
        instants.parse_offset(signer["valid_before"]),
        authority=signer.get("authority", False),
    )


class FilterModule:
    """The filters of this file, by the names that templates use."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Return the filters by name."""
        return {"allowed_signer": allowed_signer}
