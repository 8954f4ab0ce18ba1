"""The command line: one verb, one module, imported only when it is used."""

from __future__ import annotations

from importlib import import_module

import click
import typer
from typer.core import TyperGroup

VERBS = {
    "demo": "difusor.demo",
    "test": "difusor.test",
    "clean": "difusor.clean",
    "fixtures": "difusor.fixtures.command",
    "sign": "difusor.publish.sign_command",
    "verify": "difusor.publish.verify_command",
    "publish": "difusor.publish.command",
    "report": "difusor.report.command",
}


class Verbs(TyperGroup):
    """Finds a verb in its own module, so that a start costs no more than that verb."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of their use."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a verb and make a command of its `run`."""
        if cmd_name not in VERBS:
            return None
        verb = typer.Typer(add_completion=False)
        verb.command(cmd_name)(import_module(VERBS[cmd_name]).run)
        return typer.main.get_command(verb)


app = typer.Typer(cls=Verbs, no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False)


@app.callback()
def main() -> None:
    """Convierte servidores de difusores en espejos seguros del PREP y lo demuestra."""
