"""The command line `difusor`; each verb is a module in commands/."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import click
import typer
from typer.completion import install as install_script  # type: ignore[attr-defined]  # imported there, not exported
from typer.completion import show_callback as show_script
from typer.core import TyperCommand, TyperGroup

from corte.format.errors import why
from difusor import process, project
from difusor.process import surroundings
from difusor.terminal import complain, given, spanish, warn

PANELS = {
    "Laboratorio": ("demo", "test", "clean"),
    "Difusores": (
        "images",
        "new",
        "form",
        "enroll",
        "letter",
        "file",
        "status",
        "list",
        "password",
        "front",
        "preflight",
        "apply",
        "report",
        "seal",
        "freeze",
        "accept",
        "tailoring",
        "upgrade",
        "revoke",
        "restore",
        "remove",
    ),
    "Corte": ("synthetic", "sign", "verify"),
    "Noche": ("countdown", "publish", "audit", "trusted", "signers", "bans", "purge"),
}
"""The help, from top to bottom: verbs in the order in which an operator needs them."""
SHELLS = ("bash", "zsh", "fish")
"""The shells in which Typer completes, of those that people use on the institute's machines."""
MAKES_HOME = ("new", "images")
"""The verbs that may be the first in a new home."""
DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
"""What word processors and chats make of the hyphens before an option."""
VERBS = {verb: panel for panel, verbs in PANELS.items() for verb in verbs}


class Judged(click.Command):
    """A command of which some words are refused before any is used, and in whose paths ~ is expanded."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        """Take what click's command takes."""
        super().__init__(*arguments, **settings)
        given.expand(self.params)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words; those before the verb may repeat an option, because an alias may carry one."""
        if not ctx.resilient_parsing:
            given.refuse_empty(self, ctx, args)
            if not isinstance(self, click.Group):
                given.refuse_repeated(self, ctx, args)
        return super().parse_args(ctx, args)


class InProject(Judged, TyperCommand):
    """A verb. Paths in its arguments are relative to the operator's current folder; it runs in the project's folder."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb in the project's folder, where Ansible finds ansible.cfg, with what the home adds to that."""
        os.chdir(project.ROOT)
        if dropped := project.settle():
            warn(
                f"no se toma en cuenta lo que su entorno dice en {', '.join(dropped)}: cómo corre Ansible lo dice "
                "ansible.cfg del proyecto"
            )
        for wrong in surroundings.forget_malformed():
            warn(f"su entorno dice {wrong}: no se toma en cuenta; corríjalo, o quítelo con unset")
        if silent := surroundings.forget_silent_agent():
            warn(
                f"el agente de SSH ({silent}) no responde, y ssh lo esperaría sin fin: se sigue sin él, con las "
                "llaves que estén en archivos; para usarlo, abra otra sesión o inicie otro: eval $(ssh-agent); ssh-add"
            )
        if named := surroundings.forget_authorities():
            warn(
                f"no se toma en cuenta lo que su entorno dice en {' y '.join(named)}: las páginas se juzgan con las "
                "autoridades de este sistema, como en un navegador; la de un ensayo se da con --ca"
            )
        if named := project.unverifying():
            warn(
                f"su entorno dice en {' y '.join(named)} por cuál llave se conoce a los servidores, y así podría "
                "responder otro en su lugar: quítelo de ahí; eso lo dice el known_hosts de cada inventario"
            )
        with process.stoppable():
            return super().invoke(ctx)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Print the help; Typer would also show the English names that arguments have in the code."""
        for param in self.params:
            if isinstance(param, click.Argument):
                param.opts = []
        super().format_help(ctx, formatter)


class Difusor(Judged, TyperGroup):
    """The command line as a whole."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of the help; Typer would put those last that take a word of their own."""
        return [verb for verb in VERBS if verb in self.commands]

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the options; the help of Typer's completion options, which gettext cannot translate, in Spanish."""
        params = super().get_params(ctx)
        for param in params:
            if isinstance(param, click.Option) and param.name == "install_completion":
                param.help, param.callback = "Instala el autocompletado de su intérprete de comandos.", _install
            elif isinstance(param, click.Option) and param.name == "show_completion":
                param.help, param.callback = "Muestra ese autocompletado, para instalarlo a mano.", _show
        return params


def main() -> None:
    """Run the verb of the command line; only its own module is imported, or all of them when the help lists them.

    For every verb, a file or program that cannot be used is reported in one sentence, without a traceback; that of an
    error that nobody foresaw goes into a file, which the sentence names.
    """
    spanish.install()
    for word in sys.argv[1:]:
        if word.lstrip(DASHES)[:1].isalpha() and word[0] in DASHES:
            warn(f"«{word}» comienza con una raya ({word[0]}) y no con un guion (-): así no es una opción")
    click.UsageError.exit_code = os.EX_USAGE  # click's 2 is already what «no evaluado» ends with
    try:
        Path.cwd()
    except OSError as error:
        complain(f"la carpeta en que está la terminal no se puede usar ({why(error)}); vaya a otra: cd")
        sys.exit(1)
    try:
        _app()(prog_name="difusor")
    except Exception as error:
        if cause := _of_the_system(error):
            complain(project.refusal(cause))
        else:
            complain(f"{project.fallen(error)}, con {_kept(error)}")
        sys.exit(1)


def _kept(error: Exception) -> str:
    """Write where in this program an error came from into a file of its own; return its path, or the text itself."""
    from corte.format import files, instants

    told = f"{project.version()} {project.commit()}\n{''.join(traceback.format_exception(error))}"
    path = project.build() / f"log/falla-{instants.now():%Y%m%dT%H%M%SZ}-{os.getpid()}.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.replace(path, told.encode(errors="backslashreplace"), mode=0o600)
    except OSError:  # a full disk: then it is to be read here, and nowhere else
        return f"lo que sigue:\n{told}"
    return str(path)


def _of_the_system(error: BaseException | None) -> OSError | None:
    """Return an OSError, or the one behind an error of Ansible's, such as that its folder cannot be; else None."""
    while error is not None and type(error).__module__.startswith("ansible."):
        error = error.__cause__ or error.__context__
    return error if isinstance(error, OSError) else None


def _app() -> typer.Typer:
    app = typer.Typer(
        cls=Difusor,
        no_args_is_help=True,
        suggest_commands=False,  # click suggests too, in words that spanish.py translates
        pretty_exceptions_show_locals=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        options_metavar="[OPCIONES]",
        subcommand_metavar="VERBO …",
    )
    app.callback()(difusor)
    asked = _asked(sys.argv[1:])
    for verb in [asked] if asked in VERBS else VERBS:
        module = import_module(f"difusor.commands.{verb}")
        if kinds := getattr(module, "KINDS", None):
            app.add_typer(_several(kinds), name=verb, help=module.PURPOSE, rich_help_panel=VERBS[verb])
        else:
            register = app.command(verb, cls=InProject, options_metavar="[OPCIONES]", rich_help_panel=VERBS[verb])
            register(module.run)
    return app


def _asked(words: Sequence[str]) -> str:
    """Return the verb among the words of a command line; empty when there is none."""
    follow = iter(words)
    for word in follow:
        if word == "--home":
            next(follow, "")
        elif not word.startswith("-"):
            return word
    return ""


def _several(kinds: Mapping[str, Callable[..., None]]) -> typer.Typer:
    """Return a verb that is followed by what it is done to, such as `new election`."""
    group = typer.Typer(no_args_is_help=True, options_metavar="", subcommand_metavar="QUÉ …")
    for kind, function in kinds.items():
        group.command(kind, cls=InProject, options_metavar="[OPCIONES]")(function)
    return group


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"difusor {project.version()}" + (f" ({commit})" if (commit := project.commit()) else ""))
        raise typer.Exit


def _shell() -> str:
    """Return the shell that runs this program; UsageError when Typer cannot complete in it."""
    from shellingham import ShellDetectionFailure, detect_shell  # type: ignore[import-untyped]

    try:
        name: str = detect_shell()[0]
    except ShellDetectionFailure:
        name = "desconocido"
    if name not in SHELLS:
        raise click.UsageError(f"no se autocompleta en el intérprete {name}; sí en {', '.join(SHELLS)}")
    return name


def _show(ctx: click.Context, param: click.Parameter, asked: Any) -> Any:
    return show_script(ctx, param, _shell()) if asked and not ctx.resilient_parsing else asked


def _install(ctx: click.Context, param: click.Parameter, asked: Any) -> Any:
    if asked and not ctx.resilient_parsing:
        shell, path = install_script(shell=_shell(), prog_name="difusor")
        typer.echo(f"Autocompletado de {shell} instalado en {path}; vale desde la próxima terminal.")
        raise typer.Exit
    return asked


def difusor(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Muestra la versión.")
    ] = False,
    home: Annotated[
        Path | None,
        typer.Option(
            envvar=project.HOME, metavar="CARPETA", file_okay=False,
            help="La carpeta del Instituto, con sus elecciones, inventarios y build/; sin ella, la del proyecto.",
        ),
    ] = None,
) -> None:  # fmt: skip
    """Convierte servidores de difusores en espejos seguros del PREP y lo demuestra."""
    os.environ.pop(project.HOME, None)
    if fault := project.path_fault(project.ROOT):
        raise click.UsageError(f"el proyecto no puede estar en {project.ROOT}: {fault}")
    # The lab and the tests are the project's own.
    if home is None or VERBS.get(ctx.invoked_subcommand or "") == "Laboratorio":
        return
    whole = home.absolute()
    if fault := project.path_fault(whole):
        raise typer.BadParameter(f"la carpeta del Instituto no puede ser {whole}: {fault}")
    if not whole.is_dir() and ctx.invoked_subcommand not in MAKES_HOME:
        raise typer.BadParameter(
            f"no existe {whole}; corrija --home o {project.HOME}, o créela con ./difusor new election NOMBRE"
        )
    os.environ[project.HOME] = str(whole)
