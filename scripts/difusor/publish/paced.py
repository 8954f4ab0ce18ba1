"""Requests for the files that a mirror shows: at a bounded rate, and patient while it says that they come too fast."""

from __future__ import annotations

import copy
import hashlib
import math
import time

import httpx

from corte.format.manifest import Entry
from difusor.publish.mirror import Mirror

ATTEMPTS = 30
"""How often one file is requested while the mirror answers that the requests come too fast."""
RATE = 100.0
"""Requests per second: a small part of what a server's edge grants to one address."""


class Content:
    """The content of a file while it arrives: its size and digest, and with `keep` its bytes."""

    def __init__(self, limit: int, keep: bool = False) -> None:
        """Take the number of bytes after which no more are wanted."""
        self.limit, self.length, self.kept = limit, 0, bytearray() if keep else None
        self._digest = hashlib.sha256()

    def take(self, piece: bytes) -> bool:
        """Take the next piece; return whether there is more than wanted."""
        self._digest.update(piece)
        self.length += len(piece)
        if self.kept is not None:
            self.kept += piece
        return self.length > self.limit

    def copy(self) -> Content:
        """Return a content that continues what has arrived so far."""
        twin = copy.copy(self)
        twin._digest = self._digest.copy()
        twin.kept = None if self.kept is None else self.kept.copy()
        return twin

    @property
    def entry(self) -> Entry:
        """Size and SHA-256 of what has arrived."""
        return Entry(self.length, self._digest.hexdigest())


class Paced:
    """A mirror that is asked at most `rate` times a second, RATE if none is given."""

    def __init__(self, mirror: Mirror, rate: float | None = None) -> None:
        """Take a mirror, which must be open."""
        self.mirror = mirror
        self._pause, self._next = 1 / (rate or RATE), time.monotonic()

    def get(self, url: str, content: Content, method: str = "GET", **headers: str) -> tuple[httpx.Response, Content]:
        """Return the answer and `content` continued by what it brings; `headers` and errors as those of `Mirror.hand`.

        While the mirror answers that requests come too fast, it is asked again after a pause.
        """
        for attempt in range(1, ATTEMPTS + 1):
            time.sleep(max(0.0, self._next - time.monotonic()))
            self._next = max(self._next, time.monotonic()) + self._pause
            found = content.copy()
            answer = self.mirror.hand(url, found.take, math.inf, method, **headers)
            if answer.status_code != httpx.codes.TOO_MANY_REQUESTS or attempt == ATTEMPTS:
                break
            time.sleep(1)
        return answer, found
