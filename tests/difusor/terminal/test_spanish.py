"""The command line speaks Spanish, also in the messages that come from Click and Typer."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import command_kit
import pytest
import typer

from difusor.project import ROOT
from difusor.terminal.spanish import COUNTED, SENTENCES

NOT_FOR_OPERATORS = {
    # Messages that no operator sees: only a programming mistake or another operating system causes them.
    "{editor}: Editing failed",
    "{editor}: Editing failed: {e}",
    "Windows error: {error}",
    "Unknown color {colour!r}",
    "Name '{name}' defined twice",
    "Could not determine name for option with declarations {decls!r}",
    "No options defined but a name was passed ({name}). Did you mean to declare an argument instead? Did you mean to"
    " pass '--{name}'?",
    "Arguments take exactly one parameter declaration, got {length}: {decls}.",
    "Boolean option {decl!r} cannot use the same flag for true/false.",
    "DeprecationWarning: The command {name!r} is deprecated.{extra_message}",
    "DeprecationWarning: The {param_type} {name!r} is deprecated.{extra_message}",
    "Confirm the action without prompting.",
    "Show the version and exit.",
    "%(prog)s, version %(version)s",
    "Choice({choices})",
    "Positional arguments",
    "d",
    "(Deprecated: {target})",
    "(Deprecated)",
}


def said_by(library: Path) -> Iterator[tuple[str, str]]:
    """Yield each sentence that a library has translated by gettext, with the file that it is in."""
    for path in library.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_", "ngettext"):
                sentence = node.args[0]
                if isinstance(sentence, ast.Constant):
                    yield sentence.value, path.name


def test_every_sentence_of_the_libraries_is_in_the_catalogue() -> None:
    said = dict(pair for library in (click, typer) for pair in said_by(Path(library.__file__).parent))
    assert len(said) > 50
    known = SENTENCES.keys() | COUNTED.keys() | NOT_FOR_OPERATORS
    assert {sentence: file for sentence, file in said.items() if sentence not in known} == {}


def difusor(*arguments: str) -> subprocess.CompletedProcess[str]:
    return command_kit.difusor(*arguments, env={**os.environ, "COLUMNS": "200", "LC_ALL": "C"})


@pytest.mark.parametrize("verb", ["sign", "synthetic", "test", "password", "upgrade"])
def test_the_help_names_no_argument_as_the_code_does(verb: str) -> None:
    """Neither by the name of its parameter nor by an English type, such as TEXT or FILE."""
    shown = difusor(verb, "-h").stdout
    words = set(re.findall(r"[\w-]+", shown.partition("Argumentos")[2].partition("╭")[0]))
    assert words & {"tree", "out", "names", "name", "further", "difusor", "TEXT", "FILE", "DIRECTORY", "PATH"} == set()


@pytest.mark.parametrize("option", ["--install-completion", "--show-completion"])
def test_a_shell_without_completion_is_refused_in_spanish(option: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"$0" -m difusor {option}; exit $?', sys.executable], cwd=ROOT, capture_output=True, text=True
    )
    assert "no se autocompleta en el intérprete" in done.stderr
    assert (done.returncode, done.stdout) == (os.EX_USAGE, "")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("nada", "No existe el verbo «nada»."),
        ("clean --nada", "No existe la opción --nada."),
        ("clean --imagen", "¿Quiso decir '--images'?"),
        ("clean sobra", "Sobra un argumento (sobra)"),
        ("clean --images=3", "La opción --images no lleva valor."),
        ("sign", "Falta el argumento 'CORTE'."),
        ("bans", "Falta la opción '--inventory' / '-i'."),
        ("audit", "Dé -i o --election, no ambas ni ninguna."),
        ("sign --key", "A la opción --key le falta su valor."),
        ("verify no-existe", "Valor no admitido para 'CORTE|LISTA|PAPEL': no existe «no-existe», ni un dictamen"),
        ("publish README.md -i demo", "'README.md' es un archivo, y se espera una carpeta."),
        ("demo --election atlántida", "el proyecto no tiene la elección «atlántida»; las que tiene: "),
        ("synthetic x --seed uno", "«uno» no es un número de los que se admiten."),
        ("publish . -i demo --wait -1", "no está en el intervalo x>=0."),
        ("synthetic x -i demo --number 0", "no está en el intervalo x>=1."),
        ("report -i nadie", "no existe el difusor «nadie», ni esa ruta; los que hay en el proyecto"),
        ("report", "¿Qué difusor? Nómbrelo con -i, o mida todos con --all."),
        ("bans -i demo --lift x", "«x» no es una dirección IP"),
        ("purge -i demo", "Solo se borra un simulacro: confírmelo con --simulacro."),
        ("test nada", "no existe la prueba nada; las que hay: unit, "),
        (
            "sign . --election README.md --key README.md --close hoy",
            "«hoy» no es un instante con su diferencia con UTC",
        ),
        (
            "sign . --election README.md --key README.md --close 2027-06-06T24:30:00-07:00",
            "dice la hora 24, que no hay; escriba",
        ),
        (
            "sign . --election README.md --key README.md --close 2027-06-07T00:30",
            "«2027-06-07T00:30» no dice su diferencia con UTC",
        ),
        ("new election x --opens ayer", "«ayer» no es un instante con su diferencia con UTC"),
    ],
)
def test_an_error_of_use_is_spanish_and_has_a_status_of_its_own(arguments: str, sentence: str) -> None:
    done = difusor(*arguments.split())
    assert sentence in done.stderr
    assert (done.returncode, done.stdout) == (os.EX_USAGE, "")
    words = set(done.stderr.replace("'", " ").split())
    assert words & {"Usage:", "Try", "Missing", "Invalid", "such", "option", "does", "not", "is"} == set()
