"""Secrets never reach a paper: what the vault holds is blacked out before a text is kept or printed."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator

SECRET = "«secreto»"
SHORTEST = 4
"""A shorter secret would black out half of every text."""
PIECE = 10
"""A piece of a secret this long is blacked out too: tools print long values abridged."""


class Redactor:
    """Blacks out secrets, whole or in pieces, in clear or in Base64 (as in an HTTP header)."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Take the secrets in clear; those shorter than SHORTEST characters are ignored."""
        self._pieces = {piece for secret in secrets if len(secret) >= SHORTEST for piece in _pieces(secret)}

    def __call__(self, text: str) -> str:
        """Return the text without any secret."""
        spans = sorted(span for piece in self._pieces for span in _occurrences(piece, text))
        clean: list[str] = []
        end = 0
        for start, stop in spans:
            if start > end or not clean:
                clean += [text[end:start], SECRET]
            end = max(end, stop)
        return "".join(clean) + text[end:]


def _pieces(secret: str) -> Iterator[str]:
    for form in (secret, base64.b64encode(secret.encode()).decode()):
        size = min(PIECE, len(form))
        yield from (form[start : start + size] for start in range(len(form) - size + 1))


def _occurrences(piece: str, text: str) -> Iterator[tuple[int, int]]:
    start = text.find(piece)
    while start >= 0:
        yield start, start + len(piece)
        start = text.find(piece, start + 1)
