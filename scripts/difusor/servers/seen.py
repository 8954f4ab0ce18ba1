"""What the first look of a run, the module `server_probe`, tells of a path that it did not look at itself."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence


def is_there(path: str, folders: Mapping[str, Sequence[str]]) -> bool | None:
    """Tell whether there is anything at `path`, by the names in `folders`; None when they do not say.

    `folders`: those of the fact `current_state`. What lies below a folder that is not listed in its own is not there.
    """
    folder, name = os.path.split(path.rstrip("/"))
    if folder in folders:
        return name in folders[folder]
    return False if folder not in ("", "/") and is_there(folder, folders) is False else None
