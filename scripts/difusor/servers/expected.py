"""Reads of which election a server is, and tells whether a run of another one would take an official one from it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from corte.format import instants, record

OFFICIAL = "official"
AHEAD = timedelta(hours=24)
"""How long before the opening a server is no longer taken from an official election without an answer for it."""


@dataclass(frozen=True)
class Expected:
    """What a server expects of a corte: of which election and environment it is, and its window."""

    election: str
    environment: str
    opens: datetime
    until: datetime

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Expected | None:
        """Return what the value of a server.json says; None when it does not say all of it."""
        try:
            opens, until = value["opens"], value.get("retain_until") or value["closes"]
            window = (instants.parse_offset(str(each)) for each in (opens, until))
            return cls(str(value["election"]), str(value["environment"]), *window)
        except (KeyError, ValueError):
            return None

    def prolonged(self, status: str) -> Expected:
        """Return the same with the end that the newest signed corte gives, if that is later.

        `status` is the text of the server's estado.json; it may be damaged, absent, or of another election.
        """
        try:
            found = json.loads(status)
            if (found["election"], found["environment"]) != (self.election, self.environment):
                return self
            end = instants.parse(found["gate"]["retain_until"] or found["gate"]["closes"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return self
        return replace(self, until=max(self.until, end))

    def is_left_for(self, election: str, environment: str, now: datetime) -> bool:
        """Tell whether a run of this election would take the server from an official one that is not over yet."""
        is_other = (self.election, self.environment) != (election, environment)
        return self.environment == OFFICIAL and is_other and now < self.until

    def is_near(self, now: datetime) -> bool:
        """Tell whether it opens within a day, or has opened."""
        return now >= self.opens - AHEAD


def read(contents: Iterable[str]) -> dict[str, Any]:
    """Return the value of the first server.json that is whole, each given in Base64; empty when none is."""
    for content in contents:
        with suppress(ValueError, RecursionError, record.Damaged):
            found = json.loads(base64.b64decode(content))
            value = found if isinstance(found, dict) and "election" in found else record.checked(found)
            if isinstance(value, dict):
                return value
    return {}
