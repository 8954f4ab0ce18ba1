"""Asks on the terminal for the values that a command line leaves out; without a terminal they are all named at once."""

from __future__ import annotations

import codecs
import os
import stat
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import typer

from corte.format import files
from corte.format.errors import why
from difusor.project import UnusableError
from difusor.terminal import complain, console

YES = ("s", "si", "sí")


@dataclass(frozen=True)
class Question:
    """One value: its name, its option, what to ask, what an empty answer stands for (None: it must be answered).

    `read` makes the value of the text, ValueError or click.BadParameter when it cannot. `fault` says what is wrong with
    the value, a Spanish sentence without its full stop, or "".
    """

    field: str
    option: str
    text: str
    default: str | None = None
    read: Callable[[str], Any] = str
    fault: Callable[[Any], str] = lambda value: ""


def answers(questions: Sequence[Question], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a value for each question, by its name: the given one, else what is answered, else the default.

    Without a terminal, click.UsageError names every option that is missing, or the default that cannot be used.
    """
    asking = sys.stdin.isatty()
    unknown = [each for each in questions if given.get(each.field) in (None, "", ())]
    if not asking and (missing := [each for each in unknown if each.default is None]):
        named = "; ".join(f"{each.option} ({each.text})" for each in missing)
        raise click.UsageError(f"Sin una terminal en que preguntar, faltan: {named}")
    known = {each.field: given[each.field] for each in questions if each not in unknown}
    return known | {each.field: _ask(each) if asking else _default(each) for each in unknown}


def secret(text: str, option: str, path: Path | None) -> bytes:
    """Return a password: the first line of a file, else what is typed on the terminal, which does not show it.

    UnusableError when there is neither, or the file can be read by others; `option` is the one that names a file.
    """
    if path is None:
        if not sys.stdin.isatty():
            raise UnusableError(f"no hay terminal en que pedir «{text}»; guárdela en un archivo y dé {option} ARCHIVO")
        return str(typer.prompt(text, hide_input=True, err=True)).encode()
    try:
        content, mode = files.small(path), path.stat().st_mode
    except OSError as error:
        raise UnusableError(f"no se puede leer {path} ({why(error)}); corrija la ruta de {option}") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UnusableError(f"{path} tiene una contraseña y otros lo pueden leer; ciérrelo: chmod 600 {path}")
    lines = content.removeprefix(codecs.BOM_UTF8).splitlines()  # some editors put a mark there that nobody typed
    return lines[0] if lines else b""


def has_terminal() -> bool:
    """Tell whether there is a terminal; passwords are read from there, also when standard input is something else."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def confirmed(text: str) -> bool:
    """Ask for a yes on the terminal; without one, and for any other answer, it is no."""
    # click's own question takes only an English yes.
    return (
        sys.stdin.isatty()
        and str(typer.prompt(f"{text} [s/N]", default="", show_default=False, err=True)).strip().lower() in YES
    )


def _default(question: Question) -> Any:
    try:
        return question.read(question.default or "")
    except ValueError as error:
        raise click.UsageError(f"{question.option}: {error}") from None


def _ask(question: Question) -> Any:
    """Ask until the answer is a value without a fault."""
    while True:
        text = str(
            typer.prompt(question.text, default=question.default, show_default=bool(question.default), err=True)
        ).strip()
        try:
            value = question.read(text)
            problem = question.fault(value)
        except click.BadParameter as error:
            problem = error.message
        except ValueError as error:
            problem = str(error)
        if not problem:
            return value
        complain(problem)
        console.print("[dim]  Otra vez, o Ctrl-C para dejarlo sin que nada se cree.[/]")
