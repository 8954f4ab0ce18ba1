"""Shows works that run at the same time: a live line for each that is under way, and one for all of them."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from difusor.terminal import console, printable


class Running:
    """The lines on a terminal; elsewhere, one line for each work that has ended. Any thread may call the methods."""

    def __init__(self, title: str, total: int) -> None:
        """Take what all works together are called, and how many there are."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
        )
        self._screen = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._all = self._screen.add_task(f"[bold]{title}[/]", total=total)
        self._lines: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        """Begin to show."""
        self._screen.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the live lines."""
        self._screen.stop()

    def at(self, name: str, percent: float) -> None:
        """Show how far a work is; the first time, that it has begun."""
        if name not in self._lines:
            self._lines[name] = self._screen.add_task(printable(name), total=100)
        self._screen.update(self._lines[name], completed=percent)

    def end(self, name: str, line: str) -> None:
        """Show that a work has ended, with a line that stays, in rich's markup."""
        if name in self._lines:
            self._screen.remove_task(self._lines.pop(name))
        self._screen.advance(self._all)
        console.print(line, soft_wrap=True)
