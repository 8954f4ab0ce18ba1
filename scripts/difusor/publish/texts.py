"""Finds the text files of a corte that are not in UTF-8, while they are read for their digests anyway."""

from __future__ import annotations

import codecs

from corte.format import content

TYPES = (".css", ".csv", ".htm", ".html", ".js", ".json", ".mjs", ".svg", ".txt", ".webmanifest")
"""How the names of the files end that nginx serves as text in UTF-8."""
_REMEDY = "no está en UTF-8, y los servidores lo sirven como tal; guárdelo en UTF-8"


class Texts:
    """Takes the files of a corte one after another, each in pieces of which the last is empty."""

    def __init__(self) -> None:
        """Begin with the first file."""
        self.foreign: list[str] = []
        """Paths of the text files that are not in UTF-8, in the order in which they were read."""
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._is_foreign = False

    def take(self, path: str, piece: bytes) -> None:
        """Decode the next piece of a file, unless it is no text or its fault is known already."""
        if not self._is_foreign and path.lower().endswith(TYPES):
            try:
                self._decoder.decode(piece, final=not piece)
            except UnicodeDecodeError:
                self._decoder.reset()
                self._is_foreign = True
                self.foreign.append(path)
        if not piece:
            self._is_foreign = False


def warnings(foreign: tuple[str, ...]) -> list[str]:
    """Return a Spanish sentence for each of these files, and one for all beyond the first ones."""
    told = [f"{path}: {_REMEDY}." for path in foreign[: content.MAX_WARNINGS]]
    left = len(foreign) - len(told)
    return [*told, *([f"Otros {left:,} archivos de texto tampoco están en UTF-8."] if left else [])]
