"""Says in Spanish what a test found or why it found nothing: a dictamen is signed by people who do not read Python."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import testinfra
from testinfra.backend.base import CommandResult

from difusor.suite.waiting import TooSlow

OPENING = re.compile(r"[\[{(]")
OF_A_NAME = re.compile(r"[\w\]]")
"""What stands before a bracket that belongs to a name: a call or an index, which is quoted as it is."""
TRUTHS = {"True": True, "False": False, "None": None}
TRUTH = re.compile(rf"([=:] ?)({'|'.join(TRUTHS)})\b")
"""A value of Python's after its name, as in `activo=True`."""
WORDS = {True: "sí", False: "no", None: "nada"}
MOST_OF_A_COMMAND = 120
MOST_OF_A_TEXT = 20_000
"""Longer texts are quoted as they are: the evidence is cut long before their end."""
TESTINFRA = Path(testinfra.__file__).parent


def plainly(text: str) -> str:
    """Return a text in which Python's dicts, lists, tuples and truth values are words that anybody can read."""
    if len(text) > MOST_OF_A_TEXT:
        return text
    pieces: list[str] = []
    place = 0
    for start, end, value in _literals(text):
        if start >= place:
            pieces += [text[place:start], enumerated(value)]
            place = end
    return TRUTH.sub(lambda said: f"{said[1]}{WORDS[TRUTHS[said[2]]]}", "".join([*pieces, text[place:]]))


def enumerated(value: object) -> str:
    """Return a value as people write it: `a: 1, b: sí`, `80, 443`, or `ninguno` when it is empty."""
    match value:
        case dict():
            return ", ".join(f"{enumerated(name)}: {enumerated(each)}" for name, each in value.items()) or "ninguno"
        case list() | tuple() | set() | frozenset():
            return ", ".join(map(enumerated, value)) or "ninguno"
        case bool() | None:
            return WORDS[value]
        case _:
            return str(value)


def measured(error: BaseException | None, place: Path | None) -> bool:
    """Tell whether an exception says what was measured: an assertion of a test, not of testinfra about a command."""
    told = isinstance(error, AssertionError | pytest.fail.Exception)
    return told and not (place and place.is_relative_to(TESTINFRA))


def why(call: pytest.CallInfo[None]) -> tuple[str, str]:
    """Return why a test did not pass, for the paper, and what Python says of it, for programmers; "" for nothing."""
    if call.excinfo is None:
        return "", ""
    if call.excinfo.errisinstance(pytest.skip.Exception):
        return str(call.excinfo.value), ""
    raised = call.excinfo.exconly()
    if not measured(call.excinfo.value, place_of(call)):
        return f"no se pudo medir: {_obstacle(call)}", raised
    sentence, _, compared = str(call.excinfo.value).partition("\nassert ")
    if sentence.startswith("assert "):  # pytest's comparison alone; the test's own sentence says what does not hold
        return "", raised
    return plainly(sentence), f"assert {compared}" if compared else ""


def place_of(call: pytest.CallInfo[None]) -> Path | None:
    """Return the file in which the exception of a test was raised."""
    trace = call.excinfo.traceback if call.excinfo else []
    return Path(trace[-1].path) if trace else None


def _obstacle(call: pytest.CallInfo[None]) -> str:
    """Return what kept a test from measuring: the command that failed, else the line of the test that broke off."""
    assert call.excinfo is not None
    if isinstance(call.excinfo.value, TooSlow):
        return str(call.excinfo.value)
    result = _result_of(call)
    if result is not None:
        command = result.command.decode(errors="replace") if isinstance(result.command, bytes) else str(result.command)
        said = next(iter(str(result.stderr).strip().splitlines()[-1:]), "") or "sin decir por qué"
        shown = " ".join(command.split())
        shown = shown if len(shown) <= MOST_OF_A_COMMAND else f"{shown[:MOST_OF_A_COMMAND]}…"
        return f"la orden «{shown}» terminó con {result.rc}: {said}"
    own = [each for each in call.excinfo.traceback if Path(each.path).name.startswith("test_")]
    place = own[-1] if own else call.excinfo.traceback[-1]
    return f"la prueba se interrumpió ({Path(place.path).name}, renglón {place.lineno + 1})"


def _result_of(call: pytest.CallInfo[None]) -> CommandResult | None:
    """Return the result of the command because of which testinfra raised; None for any other exception."""
    assert call.excinfo is not None
    error = call.excinfo.value
    if error.args and isinstance(error.args[0], CommandResult):
        return error.args[0]
    place = place_of(call)
    if place and place.is_relative_to(TESTINFRA):
        found: Any = call.excinfo.traceback[-1].frame.f_locals.get("out")
        return found if isinstance(found, CommandResult) else None
    return None


def _literals(text: str) -> Iterator[tuple[int, int, object]]:
    """Yield (start, end, value) for each dict, list or tuple of Python in a text, outer ones before inner ones."""
    for opening in OPENING.finditer(text):
        start = opening.start()
        if OF_A_NAME.fullmatch(text[max(0, start - 1) : start]):
            continue
        end = _closing(text, start)
        with_comma = text[start] != "(" or "," in text[start:end]  # (x) alone is a remark in brackets
        if end and with_comma:
            try:
                value = ast.literal_eval(text[start:end])
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                continue
            if isinstance(value, dict | list | tuple | set):
                yield start, end, value


def _closing(text: str, start: int) -> int:
    """Return the index after the bracket that closes the one at `start`; 0 when none does. Quoted brackets are text."""
    depth, quote, place = 0, "", start
    while place < len(text):
        letter = text[place]
        if quote:
            if letter == "\\":
                place += 1
            elif letter == quote:
                quote = ""
        elif letter in "\"'":
            quote = letter
        elif letter in "[{(":
            depth += 1
        elif letter in "]})":
            depth -= 1
            if depth == 0:
                return place + 1
        place += 1
    return 0
