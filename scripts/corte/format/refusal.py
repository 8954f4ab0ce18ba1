"""The exception that says why a corte is not accepted."""

from __future__ import annotations


class Refusal(Exception):
    """The reason why a corte must not be shown.

    `code` is stable, for programs; the message is one Spanish sentence, for the operator and the auditor.
    """

    def __init__(self, code: str, sentence: str) -> None:
        """Take a code of one word, and a sentence that ends in a full stop."""
        super().__init__(sentence)
        self.code = code


class OtherVersion(Refusal):
    """The reason is that another version of the project wrote it, in a format that is not read here: it is whole."""


def quote(name: str) -> str:
    """Return an untrusted name as printable ASCII of at most 120 characters, in «»."""
    return "«" + ascii(name)[1:-1][:120] + "»"
