"""The last line of a verb for many difusores: of forty rows those that matter may have left the screen."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from difusor.terminal import console, printable


def tell_lacking(found: Sequence[tuple[str, str, bool]]) -> None:
    """Print how many difusores are as they should be, and who is not; nothing of a single one.

    `found` has of each the name, the word for its result (markup of rich), and whether it is as it should be.
    """
    if len(found) < 2:
        return
    lacking = [f"{printable(name)} ({Text.from_markup(word).plain})" for name, word, good in found if not good]
    names = f"; [red]falta[/]: {', '.join(lacking)}" if lacking else ""
    console.print(f"Bien: {len(found) - len(lacking)} de {len(found)}{names}", soft_wrap=True)
