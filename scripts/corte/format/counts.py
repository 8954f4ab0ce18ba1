"""Numbers of captured actas, by table, and whether they fell from one corte to the next."""

from __future__ import annotations


def fallen(before: dict[str, int], now: dict[str, int]) -> str:
    """Return a sentence on the first table that has fewer captured actas than before, or is missing now; else "".

    Tables are named by their paths (`content.Content.captured`). One whose path is not there any more is looked for by
    its name alone among those that were not there before: its folder or zip may have the time in its name, and earlier
    versions kept the name alone. Of several the highest counts, which is lower than its own only if that fell.
    """
    moved: dict[str, int] = {}
    for path in now.keys() - before.keys():
        moved[_name(path)] = max(now[path], moved.get(_name(path), 0))
    for path, count in before.items():
        found = now.get(path, moved.get(_name(path)))
        if found is None and count:
            return f"{path} tenía {count} actas capturadas y ahora falta o no se lee, sin firmarse como rectificación."
        if found is not None and found < count:
            return f"{path} tenía {count} actas capturadas y ahora {found}, sin firmarse como rectificación."
    return ""


def _name(path: str) -> str:
    return path.rpartition("/")[2]
