"""The command line: one verb, one module."""

from __future__ import annotations

import sys
from importlib import import_module

import typer

from difusor.terminal import complain

VERBS = {
    "demo": "difusor.commands.demo",
    "test": "difusor.commands.test",
    "clean": "difusor.commands.clean",
    "fixtures": "difusor.commands.synthetic",
    "sign": "difusor.commands.sign",
    "verify": "difusor.commands.verify",
    "publish": "difusor.commands.publish",
    "audit": "difusor.commands.audit",
    "purge": "difusor.commands.purge",
    "report": "difusor.commands.report",
    "tailoring": "difusor.commands.tailoring",
    "freeze": "difusor.commands.freeze",
    "password": "difusor.commands.password",
    "bans": "difusor.commands.bans",
}


def main() -> None:
    """Run the verb of the command line; only its own module is imported, all of them when help has to list them.

    A file or program that cannot be used is one sentence, whatever the verb.
    """
    app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False)
    app.callback()(difusor)
    verb = sys.argv[1] if len(sys.argv) > 1 else ""
    for name in [verb] if verb in VERBS else VERBS:
        app.command(name)(import_module(VERBS[name]).run)
    try:
        app(prog_name="difusor")
    except OSError as error:
        complain(f"no se puede usar {error.filename}: {error.strerror}" if error.filename else error)
        sys.exit(1)


def difusor() -> None:
    """Convierte servidores de difusores en espejos seguros del PREP y lo demuestra."""
