"""A place is data: no word of one stands where the next election would have to change it."""

from __future__ import annotations

import re

from house_kit import tracked

from difusor.project import ROOT

PLACES = re.compile(r"more[l]os|impe[p]ac|guberna[t]ura|cuerna[v]aca", re.IGNORECASE)
DATA = ("catalogs/", "elections/", "spec/")
"""Where a place, an election or a call is described."""
EXAMPLES = ("docs/", "CHANGELOG.md")
"""Where one of them is the example, or the history."""


def test_no_place_is_named_outside_of_data_and_examples() -> None:
    found = []
    for path in tracked():
        name = str(path.relative_to(ROOT))
        if path.is_symlink() or name.startswith((*DATA, *EXAMPLES)):
            continue
        if PLACES.search(name):
            found.append(name)
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        found += [
            f"{name}:{number}: {line.strip()[:80]}" for number, line in enumerate(lines, 1) if PLACES.search(line)
        ]
    assert found == []
