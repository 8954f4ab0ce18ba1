"""Why a corte is not accepted."""

from __future__ import annotations


class Refusal(Exception):
    """A corte that must not be shown.

    `code` is stable, for programs; the message is one Spanish sentence, for the operator and the auditor.
    """

    def __init__(self, code: str, sentence: str) -> None:
        """Take a code of one word and a sentence with its full stop."""
        super().__init__(sentence)
        self.code = code


def quote(name: str) -> str:
    """Return a name from outside as harmless printable ASCII of bounded length, in «»."""
    return "«" + ascii(name)[1:-1][:120] + "»"
