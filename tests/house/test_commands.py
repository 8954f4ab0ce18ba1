"""House rules for the commands that documents and messages tell people to type: the verb takes those words.

Nothing is run: click reads the words as it does when somebody types them.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
import sys
from collections.abc import Iterator
from functools import cache
from itertools import pairwise, takewhile
from pathlib import Path

import click
import pytest
import typer
from house_kit import tracked

from difusor import cli
from difusor.project import ROOT

DOCUMENTS = [path for path in tracked() if path.suffix == ".md" and path.name != "CHANGELOG.md"]
"""The changelog also names what is no more."""
ADVISERS = [
    path for path in tracked()
    if not {"tests", "docs"} & set(path.relative_to(ROOT).parts)
    and (path.suffix in {".py", ".yml", ".j2", ".sh", ".ejemplo"} or path.name == "difusor")
]  # fmt: skip
"""The files of which an operator reads messages, templates or comments."""
LINE = re.compile(r"^ *(\./difusor (?:\\\n|.)*)", re.MULTILINE)
FENCE = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
ADVICE = re.compile(
    r"(?:(: )?(\./)difusor |[«`(>]difusor |«(?=(?:" + "|".join(cli.VERBS) + r") --?[a-z]))"
    r"((?:(?![.:](?:\s|$))[^«»`;<\n\"(),])*)"
)
"""A command in a sentence, as far as punctuation does not end it: after a colon or not, with ./ or not, its words."""
PLACEHOLDER = re.compile(r"<.*>|[^a-záéíóúñ]+|.*….*")
"""What stands for a value: in angle brackets, without small letters, or with an ellipsis in it."""
OPTION = re.compile(r"--?[a-z].*")


@cache
def group() -> click.Group:
    """Return the command line with every verb."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["difusor"])  # it imports the verb that is asked for, else all
        whole = typer.main.get_command(cli._app())
    assert isinstance(whole, click.Group)
    return whole


def fault(words: list[str], is_whole: bool, is_cut: bool) -> str:
    """Return what click says against the words after `difusor`; empty when it takes them.

    Those of a command that is not whole may lack what is required; where they were cut, the value of the last option.
    """
    command: click.Command | None = group()
    context = None
    try:
        while isinstance(command, click.Command):
            context = click.Context(command, parent=context, info_name="difusor", **command.context_settings)
            values, words = parsed(command, context, words, is_cut)
            for param in command.get_params(context):
                refuse(param, values.get(param.name or ""), context, is_whole)
            if not isinstance(command, click.Group):
                return f"sobra: {' '.join(words)}" if words else ""
            if not words or PLACEHOLDER.fullmatch(words[0]):
                return ""
            _, command, words = command.resolve_command(context, words)
    except click.UsageError as error:
        return error.format_message()
    return ""


def parsed(
    command: click.Command, context: click.Context, words: list[str], is_cut: bool
) -> tuple[dict[str, object], list[str]]:
    """Return the texts by parameter, and the words that are left."""
    try:
        return command.make_parser(context).parse_args(list(words))[:2]
    except click.BadOptionUsage:
        if not is_cut or not OPTION.fullmatch(words[-1]):
            raise
        return command.make_parser(context).parse_args([*words, "…"])[:2]


def refuse(param: click.Parameter, value: object, context: click.Context, is_whole: bool) -> None:
    """Refuse a text that is none of the choices or no number, and a required parameter that has none."""
    texts = [each for each in (value if isinstance(value, list | tuple) else [value]) if isinstance(each, str)]
    if isinstance(param.type, click.Choice | click.types.IntParamType | click.types.FloatParamType):
        for text in texts:
            if not PLACEHOLDER.fullmatch(text):
                param.type.convert(text, param, context)
    if is_whole and param.required and not texts:
        raise click.MissingParameter(ctx=context, param=param)


def words_of(command: str) -> list[str]:
    """Return the words after `difusor`, without a comment, the brackets around what may be left out, and «and so on».

    An ellipsis after an option is its value.
    """
    words = ["", *(word.strip("[]") for word in shlex.split(command, comments=True)[1:])]
    return [word for before, word in pairwise(words) if word and (word != "…" or OPTION.fullmatch(before))]


def of_document(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the commands of a document, and whether each is whole: one in a sentence may only name the verb."""
    yield from ((line.replace("\\\n", " "), True) for line in LINE.findall(text))
    for span in spans(text):
        first, _, rest = span.partition(" ")
        if first.removeprefix("./") == "difusor" and rest:
            yield span, False
        elif first in cli.VERBS and " -" in span:  # as the documents write where it is clear of which program
            yield f"difusor {span}", False


def spans(text: str) -> list[str]:
    """Return what a document has between single backticks."""
    return [" ".join(span.split()).replace("\\|", "|") for span in SPAN.findall(FENCE.sub("", text))]


def advice(path: Path) -> Iterator[tuple[list[str], bool, bool]]:
    """Yield the words after `difusor` of the commands in a file's texts; whether each is whole, and whether it was cut.

    They are the verb, and what follows up to an option: what comes after the last one cannot be told from the sentence
    that goes on. A command with ./ is whole that has an option, or comes after a colon; others may only name the verb.
    """
    text = path.read_text(encoding="utf-8")
    for said in texts(text) if path.suffix == ".py" else [re.sub(r"{{.*?}}", "X", text)]:
        for found in ADVICE.finditer(said):
            colon, typed, told = found.groups()
            words = list(takewhile(lambda word: word != "--", told.split()))
            named = 2 if words[:1] == ["new"] else 1
            last = max((at for at, word in enumerate(words, 1) if OPTION.fullmatch(word)), default=0)
            values = [] if last else takewhile(PLACEHOLDER.fullmatch, words[named:])
            goes_on = last < len(words) or said[found.end() : found.end() + 1] in ('"', "«", "<")
            if words:
                yield [*words[: max(last, named)], *values], bool(typed and (last or colon)), not typed or goes_on


def texts(source: str) -> Iterator[str]:
    """Yield the texts of a program in Python; what is filled in is X."""
    nodes = list(ast.walk(ast.parse(source)))
    pieces = {part for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in pieces:
            yield re.sub(r"{\w*}", "X", node.value)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_give_commands_that_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = [(command, fault(words_of(command), is_whole, not is_whole)) for command, is_whole in of_document(text)]
    assert [each for each in found if each[1]] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_give_measurements_that_can_be_run(path: Path) -> None:
    """A measurement is named by its folder, and begun by the program in it."""
    commands = [span.split() for span in spans(path.read_text(encoding="utf-8")) if re.match(r"bench/\S+ \S", span)]
    programs = [ROOT / words[0] for words in commands]
    assert [each for each in programs if not (each.is_file() and os.access(each, os.X_OK))] == []


def test_messages_advise_commands_that_exist() -> None:
    told = [(path, *each) for path in ADVISERS for each in advice(path)]
    found = [(path.relative_to(ROOT), words, fault(words, *how)) for path, words, *how in told]
    assert [each for each in found if each[2]] == []


@pytest.mark.parametrize(
    ("document", "wrong"),
    [
        ("    ./difusor aply -i diario\n", "aply"),
        ("    ./difusor apply --inventario diario\n", "--inventario"),
        ("    ./difusor publish ~/corte \\\n      --kye ~/.ssh/id -i diario   # lo firma\n", "--kye"),
        ("    ./difusor revoke diario\n", "--reason"),
        ("    ./difusor apply -i\n", "-i"),
        ("    ./difusor verify uno dos\n", "dos"),
        ("`./difusor file X -i <nombre> --as cartas`", "cartas"),
        ("`./difusor apply -i X\n--chek`", "--chek"),
        ("la da `report --contra`, o `sign`", "--contra"),
        ("`./difusor new dfusor -h`", "dfusor"),
    ],
)
def test_a_document_with_a_wrong_command_is_found(document: str, wrong: str) -> None:
    (found,) = of_document(document)
    assert wrong in fault(words_of(found[0]), found[1], not found[1])


@pytest.mark.parametrize(
    ("name", "text", "wrong"),
    [
        ("a.py", 'x = f"ábralo: ./difusor apply -i {name} --chek, y repita"', "--chek"),
        ("a.py", 'x = "el corte no está firmado; use «difusor sing»"', "sing"),
        ("a.py", 'x = "fírmelo con «sign --simulacros»"', "--simulacros"),
        ("a.yml", "fail_msg: >-\n  devuélvalo con ./difusor restore {{ name }} --razon; nada se tocó\n", "--razon"),
        ("a.py", 'x = f"envíeselo: ./difusor publish -i {name}"', "CORTE"),
        ("a.py", 'x = f"para que vuelva: ./difusor restore, y repita"', "DIFUSOR"),
        ("a.py", 'x = f"hágala: ./difusor new election"', "NOMBRE"),
        ("a.py", 'x = "los renglones los da ./difusor front -i; póngalos"', "-i"),
        ("a.yml", "fail_msg: 'diga por qué: ./difusor upgrade --reason \"…\"'\n", "-i"),
    ],
)
def test_a_message_with_a_wrong_command_is_found(tmp_path: Path, name: str, text: str, wrong: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert any(wrong in fault(words, *how) for words, *how in advice(tmp_path / name))


@pytest.mark.parametrize(
    "text",
    [
        "no está firmado; use «difusor sign» o «publish --key»",
        "repita ./difusor upgrade.",
        "aplíquelo allá (./difusor apply)",
        'diga por qué: ./difusor upgrade -i X --reason "…", que queda anotado',
        "ponga las que da: ./difusor images, y repita",
        "si no se le envió: ./difusor publish CARPETA -i X; si se le envió, llame",
    ],
)
def test_a_message_may_name_a_verb_or_give_all_of_a_command(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yml").write_text(text, encoding="utf-8")
    found = list(advice(tmp_path / "a.yml"))
    assert found and [fault(words, *how) for words, *how in found if fault(words, *how)] == []
