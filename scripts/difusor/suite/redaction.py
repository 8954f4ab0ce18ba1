"""Removes secrets from texts: the vault's values are blacked out before a text is stored or printed."""

from __future__ import annotations

import base64
import html
import json
import re
from array import array
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

SECRET = "«secreto»"
SHORTEST = 4
"""Shorter secrets are ignored, because blacking them out would hide half of every text."""
PIECE = 10
"""A part of a secret of this length is blacked out too, because tools print long values shortened."""
SHORTEST_INSIDE = 6
"""Shorter parts of the Base64 of something that has a secret in it say too little."""
LAYOUT = re.compile(r"\x1b\[[0-9;:?]*[ -/]*[@-~]|\n[ \t]*[+-](?=[ \t])|[\s\\│]")
"""What programs put inside a long value as they print it: colours, line breaks, the margin of a diff or a frame, and
the backslashes of escapes."""


class Redactor:
    """Blacks out secrets and parts of them, in plain text, escaped, encoded, or spread over several lines."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Take the secrets in plain text; those shorter than SHORTEST characters are ignored."""
        self._whole: set[str] = set()
        self._pieces: set[str] = set()
        for form in {form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)}:
            bare = LAYOUT.sub("", form)
            if len(bare) < PIECE:
                self._whole.add(form)
            else:
                self._pieces.update(bare[start : start + PIECE] for start in range(len(bare) - PIECE + 1))

    def __call__(self, text: str) -> str:
        """Return the text without any secret."""
        spans = [span for whole in self._whole for span in _occurrences(whole, text)]
        clean: list[str] = []
        end = 0
        for start, stop in sorted([*spans, *self._spread(text)]):
            if start > end or not clean:
                clean += [text[end:start], SECRET]
            end = max(end, stop)
        return "".join(clean) + text[end:]

    def _spread(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where pieces stand in a text, whatever its layout."""
        if not self._pieces:
            return
        bare, places = _bare(text)
        for start in range(len(bare) - PIECE + 1):
            if bare[start : start + PIECE] in self._pieces:
                yield places[start], places[start + PIECE - 1] + 1


def _bare(text: str) -> tuple[str, array[int]]:
    """Return a text without its layout, and where each of its characters stands in the text."""
    kept: list[str] = []
    places = array("L")
    end = 0
    for layout in LAYOUT.finditer(text):
        kept.append(text[end : layout.start()])
        places.extend(range(end, layout.start()))
        end = layout.end()
    kept.append(text[end:])
    places.extend(range(end, len(text)))
    return "".join(kept), places


def _forms(secret: str) -> Iterator[str]:
    """Yield a secret as programs write it: plain, escaped, in an address, in a page, in hexadecimal, and in Base64."""
    yield secret
    yield json.dumps(secret)[1:-1]
    yield html.escape(secret)
    for address in (quote(secret, safe=""), quote(secret), quote_plus(secret)):
        yield address
        yield re.sub("%..", lambda escape: escape[0].lower(), address)
    content = secret.encode()
    yield content.hex()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(content).decode()
        for before in range(3):
            # Inside something longer, as in Base64 of "user:password": the first and last characters depend on that.
            encoded = encode(b"\0" * before + content).decode().rstrip("=")
            inside = encoded[(before * 8 + 5) // 6 : (before + len(content)) * 8 // 6]
            if len(inside) >= SHORTEST_INSIDE:
                yield inside


def _occurrences(piece: str, text: str) -> Iterator[tuple[int, int]]:
    start = text.find(piece)
    while start >= 0:
        yield start, start + len(piece)
        start = text.find(piece, start + 1)
