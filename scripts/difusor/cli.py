"""The command line: one verb, one module."""

from __future__ import annotations

import sys
from importlib import import_module

import typer

from difusor.steps import complain

VERBS = {
    "demo": "difusor.demo",
    "test": "difusor.proof.command",
    "clean": "difusor.clean",
    "fixtures": "difusor.fixtures.command",
    "sign": "difusor.publish.sign",
    "verify": "difusor.publish.verify",
    "publish": "difusor.publish.command",
    "audit": "difusor.publish.audit",
    "purge": "difusor.publish.purge",
    "report": "difusor.report.command",
    "tailoring": "difusor.tailoring",
    "freeze": "difusor.register.command",
    "password": "difusor.password",
    "bans": "difusor.bans",
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
