"""The live lines of works that run at the same time."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from difusor.terminal import running


@pytest.mark.parametrize("is_terminal", [True, False])
def test_each_work_has_a_line_while_it_runs_and_one_that_stays(
    is_terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no terminal, only the lines that stay; a name that looks like markup is none."""
    screen = io.StringIO()
    monkeypatch.setenv("TERM", "xterm")  # where it says "dumb", as in an editor's shell, there are no live lines
    monkeypatch.setattr(running, "console", Console(file=screen, force_terminal=is_terminal, width=100))
    with running.Running("Difusores", 2) as shown:
        shown.at("diario [/x]", 0)
        shown.at("voz", 30)
        shown.at("diario [/x]", 50)
        shown._screen.refresh()
        assert [task.completed for task in shown._screen.tasks] == [0, 50, 30]
        shown.end("diario [/x]", "diario: [green]CUMPLE[/]")
        assert [task.completed for task in shown._screen.tasks] == [1, 30]
    text = screen.getvalue()
    assert "CUMPLE" in text and "[green]" not in text
    assert ("diario [/x]" in text and " 50 %" in text) is is_terminal
