"""Parsers of options that several verbs share and that rooms above difusor.terminal judge."""

from __future__ import annotations

import typer


def name_server(text: str) -> str:
    """Return the address of a name server, with or without a port; refused at once when it is none."""
    from difusor.servers.names import endpoint

    try:
        endpoint(text)
    except ValueError as error:
        raise typer.BadParameter(f"{error}.") from None
    return text
