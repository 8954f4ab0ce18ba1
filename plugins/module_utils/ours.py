"""Which of the recorded paths a call of `give_back` is about; its halves on both machines need to know."""

from __future__ import annotations


def ours(recorded, paths):
    """Return those of the recorded paths that `paths` mean, the latest change first; without `paths`, all."""
    return [path for path in reversed(recorded) if paths is None or is_among(path, paths)]


def is_among(path, paths):
    """Tell whether a path is one of `paths`, lies below one that ends in a slash, or is a folder above one of them."""
    above = path.endswith("/") and any(each.startswith(path) for each in paths)
    return above or path in paths or any(each.endswith("/") and path.startswith(each) for each in paths)
