"""Removes secrets from texts: the vault's values are blacked out before a text is stored or printed."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator

SECRET = "«secreto»"
SHORTEST = 4
"""Shorter secrets are ignored, because blacking them out would hide half of every text."""
PIECE = 10
"""A part of a secret of this length is blacked out too, because tools print long values shortened."""


class Redactor:
    """Blacks out secrets and parts of them, in plain text or Base64 (as in an HTTP header)."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Take the secrets in plain text; those shorter than SHORTEST characters are ignored."""
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
