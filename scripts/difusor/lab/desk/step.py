"""One step of the desk: what the clerk types, what comes of it, and whether that is as it has to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Step:
    """One thing that the clerk does. `words`: what is typed behind ./difusor; `title`: what it is about.

    `shown` is what the verb's `show` takes, unless the verb refused, which is `refused`, or `told` says it all.
    `wrong`: what should have come out instead, a sentence without full stop; "" when it is as it should be.
    """

    title: str
    words: tuple[str, ...] = ()
    shown: tuple[Any, ...] = ()
    refused: Exception | None = None
    told: tuple[str, ...] = ()
    wrong: str = ""
