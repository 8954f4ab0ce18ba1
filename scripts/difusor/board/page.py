"""The board as a page: one HTML file without references to others, for a screen of any width and for printing."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from difusor.board.rows import SETTLED, Board, Row
from difusor.papers.document import environment
from difusor.terminal import by_clocks


def html(board: Board) -> str:
    """Return the page of a board; every text in it is escaped and in one line."""
    templates = environment("difusor.board")
    templates.filters |= {"left": left, "short": short, "clocks": partial(by_clocks, zone=ZoneInfo(board.timezone))}
    return templates.get_template("board.html.j2").render(board=board, settled=SETTLED)


def left(row: Row) -> str:
    """Return how much time is left, in words."""
    if row.days is None:
        return "sin fecha"
    if row.days == 0:
        return "venció hoy" if row.overdue else "vence hoy"
    if row.days < 0:
        return f"venció hace {-row.days} día{'s' * (row.days != -1)}"
    return f"quedan {row.days} día{'s' * (row.days != 1)}" if row.days > 1 else "queda 1 día"


def short(instant: datetime) -> str:
    """Return a date as a cell of the board has it: 22/05."""
    return f"{instant:%d/%m}"
