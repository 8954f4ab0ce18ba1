"""What is judged of every verb's command line before anything of it is used: empty values, repeated ones, and ~."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from typing import Any

import click
from typer.models import TyperPath

from difusor.terminal.arguments import election, expanded, inventory, or_none

TAKE_EMPTY = (inventory, election, or_none)
"""The parsers to which an empty text means something, or that refuse it with the values that there are."""
NAMED = ("--election", "--limit")
"""The options that are looked up by a name. Without --limit every server is meant: never so by an unset variable."""


class OperatorsPath(TyperPath):
    """A path whose ~ is expanded here: no shell does it behind --option=."""

    def convert(
        self, value: str | PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | PathLike[str]:
        """Return the path as the option takes it; BadParameter when it names an account that does not exist."""
        return super().convert(expanded(value) if isinstance(value, str) else value, param, ctx)


def expand(params: Sequence[click.Parameter]) -> None:
    """Have the ~ expanded in every parameter that is a path."""
    for param in params:
        if isinstance(kind := param.type, click.Path) and not isinstance(kind, OperatorsPath):
            param.type = OperatorsPath(
                exists=kind.exists, file_okay=kind.file_okay, dir_okay=kind.dir_okay, writable=kind.writable,
                readable=kind.readable, resolve_path=kind.resolve_path, allow_dash=kind.allow_dash, path_type=kind.type,
            )  # fmt: skip


def refuse_empty(command: click.Command, ctx: click.Context, words: Sequence[str]) -> None:
    """Refuse a path, an election, or whatever else is looked up, whose text is empty: most often an unset variable."""
    values, _ = _parsed(command, ctx, words)
    for param in command.get_params(ctx):
        if _is_looked_up(param) and any(not text.strip() for text in _texts(values.get(param.name or ""))):
            what = (param.metavar or "ruta").strip("[]").lower().replace("|", " o ")
            raise click.BadParameter(f"está vacío: ¿qué {what}?", ctx, param)


def refuse_repeated(command: click.Command, ctx: click.Context, words: Sequence[str]) -> None:
    """Refuse an option that takes one value and has several, of which click would use the last without a word."""
    _, order = _parsed(command, ctx, words)
    for param in order:
        if isinstance(param, click.Option) and _is_single(param) and (times := order.count(param)) > 1:
            often = "dos veces" if times == 2 else f"{times} veces"
            one = "este verbo toma un solo difusor" if param.metavar == "DIFUSOR" else "toma un solo valor"
            raise click.UsageError(f"{'/'.join(param.opts[:1] + param.secondary_opts)} está {often} y {one}", ctx)


def _parsed(
    command: click.Command, ctx: click.Context, words: Sequence[str]
) -> tuple[Mapping[str, Any], Sequence[click.Parameter]]:
    """Return the words of each parameter that is on the command line, and the parameters in their order there."""
    values, _, order = command.make_parser(ctx).parse_args(list(words))  # a copy: click takes the words out
    return values, order


def _is_looked_up(param: click.Parameter) -> bool:
    kind = param.type
    if isinstance(kind, click.types.FuncParamType):
        return kind.func not in TAKE_EMPTY
    return isinstance(kind, click.Path) or any(name in param.opts for name in NAMED)


def _is_single(option: click.Option) -> bool:
    """Tell whether an option says one thing only: neither a list, nor a count, nor a flag without an opposite."""
    return not option.multiple and not option.count and (not option.is_flag or bool(option.secondary_opts))


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts in a value of click's parser: a text, several of them, or a mark that there is none."""
    for each in value if isinstance(value, list | tuple) else [value]:
        if isinstance(each, str):
            yield each
