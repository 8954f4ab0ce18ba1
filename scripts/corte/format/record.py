"""The form of a record, a value with its digest: a damaged byte may leave valid JSON, such as another date."""

from __future__ import annotations

import hashlib
import json
from typing import Any


class Damaged(Exception):
    """A record is not what was written; the message is its file's name, where a file was read."""


def content(value: Any) -> bytes:
    """Return the bytes of the record that holds a JSON value."""
    return (json.dumps({"sha256": _digest(value), "value": value}, sort_keys=True, indent=1) + "\n").encode()


def checked(record: Any) -> Any:
    """Return the value of a record, given as the JSON of its file; Damaged when it is not what `content` wrote."""
    try:
        value = record["value"]
        is_whole = record["sha256"] == _digest(value)
    except (KeyError, TypeError, RecursionError) as error:
        raise Damaged from error
    if not is_whole:
        raise Damaged
    return value


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
