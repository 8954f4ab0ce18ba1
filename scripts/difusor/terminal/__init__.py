"""Runs the steps of a verb with their output in a log, and shows progress and messages on the terminal."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime, tzinfo
from functools import partial
from os import environ
from pathlib import Path
from threading import Lock
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table

from difusor.project import ROOT, from_home

console = Console(stderr=True, highlight=False)
"""Standard error: progress and errors."""
results = Console(highlight=False)
"""Standard output: only the result that was asked for, which may go through a pipe or into a file."""
LOGGED = {"ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default", "ANSIBLE_FORCE_COLOR": "0"}
"""What a step's Ansible prints goes into a log that programs read, however the operator likes to see it."""
LINE_CHARACTERS = 64 * 1024
"""How much of a step's output is read at once, even if it has no line breaks."""
LAST_WORDS = 25
"""How many lines of its log are shown when a step fails."""
INSTANT = re.compile(r"(?<!«)(?<!\")\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ(?![»\"])", re.ASCII)
"""An instant as records and servers write it in a sentence; one in quotes was typed, or is to be typed."""


def plain(text: object, most: int | None = None) -> str:
    """Return a text from outside without characters that act instead of being seen; cut after `most` characters.

    Such are the control characters (C0, C1; terminals obey them), those that reverse the direction of writing or are
    invisible, line breaks, and halves of a surrogate pair, which cannot be written as UTF-8.
    """
    whole = str(text)
    cut = whole if most is None or len(whole) <= most else f"{whole[: most - 1]}…"
    return "".join(character if character.isprintable() else "\ufffd" for character in cut)


def plain_lines(text: str) -> str:
    """Return a text of several lines with each line in the form of `plain`, tabs as spaces."""
    return "\n".join(plain(line.expandtabs()) for line in text.splitlines())


def printable(text: object, zone: tzinfo | None = None) -> str:
    """Return a text from outside in a form that is safe on a terminal: `plain`, and without rich's markup.

    Its instants are told by the clocks of a zone, as `by_clocks` does.
    """
    return escape(plain(by_clocks(str(text), zone)))


def some(names: Sequence[str], most: int = 3) -> str:
    """Return the first names of a list, `most` of them, and how many more there are: «a, b, c y 4 más»."""
    more = f" y {len(names) - most} más" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def json_text(document: Any) -> str:
    """Return a result as JSON text, every string in it in the form of `plain`: programs print such strings as they are.

    `document` consists of dicts, lists, strings, numbers, booleans and None.
    """
    return json.dumps(_plain_throughout(document), ensure_ascii=False, indent=1)


def _plain_throughout(value: Any) -> Any:
    if isinstance(value, dict):
        return {plain(key): _plain_throughout(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_throughout(inner) for inner in value]
    return plain(value) if isinstance(value, str) else value


def complain(problem: object, zone: tzinfo | None = None) -> None:
    """Print why a verb cannot go on, in as many lines as the problem takes, with the times of a zone."""
    lines = [printable(line, zone) for line in str(problem).splitlines()]
    console.print("[bold red]✗[/] " + "\n".join(lines), soft_wrap=True)


def warn(problem: object, zone: tzinfo | None = None) -> None:
    """Print what the reader has to know although the verb goes on, with the times of a zone."""
    console.print(f"[yellow]![/] {printable(problem, zone)}", soft_wrap=True)


def table(*headings: str, title: str | None = None) -> Table:
    """Return an empty table whose cells are wrapped where the terminal is narrow, and never cut short."""
    columns = Table(title=title)
    for heading in headings:
        columns.add_column(heading, overflow="fold")
    return columns


def local(instant: datetime | str, zone: tzinfo) -> str:
    """Return an instant (text: in ISO 8601) as people there read it, with its zone: 02/06 20:00:00 CST.

    The year is said of another year than this one. A zone without letters has its difference: UTC-04.
    """
    value = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
    there = value.astimezone(zone)
    year = "" if there.year == datetime.now(zone).year else "/%Y"
    name = there.strftime("%Z")
    return there.strftime(f"%d/%m{year} %H:%M:%S ") + (f"UTC{name}" if name.startswith(("+", "-")) else name)


def by_clocks(sentence: str, zone: tzinfo | None) -> str:
    """Return a sentence with its instants (INSTANT) as `local` tells them; without a zone they stay in UTC, with Z.

    Sentences of records and servers have them in UTC, and so have the answers for programs: only what a person reads
    is told by the clocks that this person has before him. What only looks like an instant, such as one of 31 June that
    a server made up, stays as it is.
    """

    def told(found: re.Match[str]) -> str:
        with suppress(ValueError, OverflowError):
            return local(found[0], zone) if zone else found[0]
        return found[0]

    return INSTANT.sub(told, sentence)


class StepFailed(RuntimeError):
    """A command of a step failed; the message says which, and where its log is."""


@contextmanager
def sentences() -> Iterator[None]:
    """Turn a failed step into its sentence and exit status 1, without a traceback."""
    try:
        yield
    except StepFailed as failure:
        complain(failure)
        raise typer.Exit(1) from failure


def run_step(
    title: str,
    *command: str | Path,
    log: Path,
    env: Mapping[str, str] | None = None,
    heard: Callable[[str], None] | None = None,
    inherited: Sequence[int] = (),
) -> None:
    """Run a command with its output in `log`, showing the step, the Ansible task under way and the seconds it took.

    `heard` is called with each line of the output at the moment it is read; `inherited` are descriptors that the
    command keeps open.
    Raises StepFailed when the command exits with anything but 0.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with (
        log.open("w") as sink,
        _line(title) as show,
        subprocess.Popen(
            [str(part) for part in command],
            cwd=ROOT,
            env={**environ, **LOGGED, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            pass_fds=inherited,
        ) as process,
    ):
        assert process.stdout is not None  # PIPE above
        for line in iter(partial(process.stdout.readline, LINE_CHARACTERS), ""):
            sink.write(plain_lines(line) + "\n")
            sink.flush()
            if heard:
                heard(line)
            if line.startswith("TASK ["):
                show(f"{title}: {printable(line[6:].rpartition(']')[0])}")
    seconds = time.monotonic() - started
    if process.returncode:
        console.print(*_last_words(log), sep="\n", style="dim")
        raise StepFailed(f"{title}: falló a los {seconds:.0f} s. Todo lo que dijo está en {from_home(log)}")
    console.print(f"[green]✓[/] {title} [dim]({seconds:.0f} s)[/]")


def side_by_side(*works: Callable[[], object]) -> None:
    """Call functions that do not depend on one another at the same time.

    When all have ended, raises StepFailed with the sentences of those that failed.
    """
    with ThreadPoolExecutor(len(works)) as pool:
        doing = [pool.submit(work) for work in works]
    causes = [cause for each in doing if (cause := each.exception())]
    if other := next((cause for cause in causes if not isinstance(cause, StepFailed)), None):
        raise other
    if causes:
        raise StepFailed("\n".join(map(str, causes)))


class _Screen:
    """The live lines on the terminal, one for each running step."""

    def __init__(self) -> None:
        self._lines: Progress | None = None
        self._alone = Lock()

    @contextmanager
    def line(self, text: str) -> Iterator[Callable[[str], None]]:
        """Show a line; yield a function that changes its text."""
        with self._alone:
            if self._lines is None:
                columns = SpinnerColumn(), TextColumn("{task.description}")
                self._lines = Progress(*columns, console=console, transient=True)
                self._lines.start()
            lines, number = self._lines, self._lines.add_task(text)
        try:
            yield lambda changed: lines.update(number, description=changed)
        finally:
            with self._alone:
                lines.remove_task(number)
                if not lines.tasks:
                    lines.stop()
                    self._lines = None


_screen = _Screen()


@contextmanager
def _line(title: str) -> Iterator[Callable[[str], None]]:
    """Show a step: as a live line on a terminal, elsewhere as one line when it begins."""
    if console.is_terminal:
        with _screen.line(title) as show:
            yield show
    else:
        console.print(f"[dim]·[/] {title}")
        yield lambda _: None


def _last_words(log: Path) -> list[str]:
    """Return the lines of a log that tell the cause: those from the last failure on, else the last ones."""
    text = log.read_text().splitlines()
    failures = [number for number, line in enumerate(text) if line.startswith(("[ERROR]", "fatal:", "E  "))]
    start = failures[-1] if failures else max(0, len(text) - LAST_WORDS)
    return [printable(line) for line in text[start : start + LAST_WORDS]]
