"""The local lab: its election window."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

BEFORE = timedelta(hours=2)
"""How long the demo's polls have been closed when the lab is made: a mid-night picture."""
DURATION = timedelta(hours=24)
RETENTION = timedelta(days=6)


def ensure_window(path: Path, now: datetime | None = None) -> bool:
    """Write the window {opens, closes, retain_until} (UTC instants) to `path`, unless one there still surrounds `now`.

    Returns whether it was written.
    """
    now = now or datetime.now(UTC)
    if path.exists() and datetime.fromisoformat(json.loads(path.read_text())["closes"]) > now + timedelta(hours=1):
        return False
    opens = (now - BEFORE).replace(minute=0, second=0, microsecond=0)
    instants = {"opens": opens, "closes": opens + DURATION, "retain_until": opens + DURATION + RETENTION}
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps({name: f"{at:%Y-%m-%dT%H:%M:%SZ}" for name, at in instants.items()}) + "\n")
    os.replace(temporary, path)
    return True


if __name__ == "__main__":
    print("written" if ensure_window(Path(sys.argv[2])) else "kept")
