"""An empty value, a repeated option and a ~ on the command line never make a verb do something else than was meant."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer
from click.testing import CliRunner
from command_kit import difusor
from corte_kit import make_key
from publish_kit import write_election

from difusor import cli
from difusor.project import HOME, ROOT, home
from difusor.terminal import given

WIDE = {**os.environ, "COLUMNS": "200"}
"""An environment in which no sentence is wrapped."""
KEEP = {"new difusor --certificate", "new difusor --certificate-key"}
"""The options whose help gives an empty value a meaning: no certificate, and so none of its keys."""


def commands(group: click.Command, ctx: click.Context, *before: str) -> Iterator[tuple[list[str], click.Command]]:
    """Yield the words of every verb, and the verb."""
    if isinstance(group, click.Group):
        for name in group.list_commands(ctx):
            found = group.get_command(ctx, name)
            assert found is not None
            yield from commands(found, ctx, *before, name)
    else:
        yield [*before], group


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> click.Command:
    monkeypatch.setattr(sys, "argv", ["difusor"])
    monkeypatch.setattr(click.UsageError, "exit_code", os.EX_USAGE)
    return typer.main.get_command(cli._app())


def test_no_verb_takes_an_empty_path_or_election(
    whole: click.Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An option whose variable is not set took the current folder, the first election by alphabet, or every server."""
    (tmp_path / "casa").mkdir()
    monkeypatch.setenv(HOME, str(tmp_path / "casa"))
    monkeypatch.chdir(tmp_path)
    asked = []
    for words, verb in commands(whole, click.Context(whole)):
        for param in verb.params:
            option = [param.opts[0]] if isinstance(param, click.Option) else []
            path = isinstance(param.type, click.Path | click.types.FuncParamType) or param.name in {"election", "limit"}
            if path and (asked_as := " ".join([*words, *option])) not in KEEP:
                asked.append(asked_as)
                done = CliRunner().invoke(whole, [*words, *option, ""])
                assert (done.exit_code, "est" in done.output) == (os.EX_USAGE, True), (asked_as, done.output)
                assert [path.name for path in tmp_path.rglob("*")] == ["casa"], asked_as
    assert {"synthetic", "sign --withdraw", "list --election", "report --output", "new election --key"} <= {*asked}


def test_an_empty_home_is_not_the_current_folder(tmp_path: Path) -> None:
    done = difusor("--home", "", "status", cwd=tmp_path, env=WIDE)
    assert (done.returncode, "está vacío: ¿qué carpeta?" in done.stderr) == (os.EX_USAGE, True)


def test_an_empty_certificate_still_means_acme(whole: click.Command) -> None:
    (new,) = (verb for words, verb in commands(whole, click.Context(whole)) if words == ["new", "difusor"])
    given.refuse_empty(new, click.Context(new), ["diario", "--certificate", "", "--certificate-key", ""])


def test_an_empty_withdrawal_does_not_withdraw_the_corte_that_is_signed(tmp_path: Path) -> None:
    key = make_key(tmp_path, "firma")
    election = write_election(tmp_path, key)
    (corte := tmp_path / "corte").mkdir()
    (corte / "x.json").write_text("{}")
    done = difusor("sign", ".", "--election", election, "--key", key, "--withdraw", "", cwd=corte, env=WIDE)
    assert (done.returncode, "está vacío: ¿qué corte?" in done.stderr) == (os.EX_USAGE, True)
    assert [path.name for path in corte.iterdir()] == ["x.json"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["front", "-i", "a", "-i", "b"], "--inventory está dos veces y este verbo toma un solo difusor"),
        (["synthetic", "x", "-i", "a", "--inventory=b"], "--inventory está dos veces y este verbo toma un solo"),
        (["report", "--output", "a", "--output", "b", "--output", "c"], "--output está 3 veces y toma un solo valor"),
        (["sign", ".", "--clock-override", "--no-clock-override"], "--clock-override/--no-clock-override está dos"),
    ],
)
def test_an_option_that_is_given_twice_is_refused_if_it_takes_one_value(words: list[str], sentence: str) -> None:
    """The verb did its work for the last difusor, and said nothing of the other."""
    done = difusor(*words, env=WIDE)
    assert (done.returncode, sentence in done.stderr) == (os.EX_USAGE, True), done.stderr


@pytest.mark.parametrize("words", ["trusted -i a -i b --check --check", "bans -i a -i b --lift ::1 --lift ::2"])
def test_an_option_that_may_be_repeated_is_not_refused_for_it(whole: click.Command, words: str) -> None:
    name, *rest = words.split()
    (verb,) = (verb for found, verb in commands(whole, click.Context(whole)) if found == [name])
    given.refuse_repeated(verb, click.Context(verb), rest)


@pytest.mark.parametrize(
    "words",
    [
        ["--home", "~nadie-aqui", "status"],
        ["file", "~nadie-aqui/x.pdf", "-i", "demo"],
        ["new", "election", "x", "--key", "~nadie-aqui/k.pub"],
        ["status", "--html=~nadie-aqui/x.html"],
        ["front", "-i", "~nadie-aqui/x"],
        ["sign", ".", "--withdraw=~nadie-aqui/x"],
        ["apply", "-i", "demo", "--vault-id", "x@~nadie-aqui/x"],
    ],
)
def test_an_account_that_does_not_exist_is_told(words: list[str], tmp_path: Path) -> None:
    done = difusor(*words, cwd=tmp_path, env=WIDE)
    assert "no hay ninguna cuenta «nadie-aqui» en esta máquina" in done.stderr
    assert (done.returncode, "Traceback" in done.stderr) == (os.EX_USAGE, False)


def test_an_account_that_does_not_exist_in_the_environment_is_told(tmp_path: Path) -> None:
    done = difusor("status", cwd=tmp_path, env={**WIDE, HOME: "~nadie-aqui"})
    assert "no hay ninguna cuenta «nadie-aqui» en esta máquina" in done.stderr
    assert (done.returncode, "Traceback" in done.stderr) == (os.EX_USAGE, False)


def test_the_folder_of_an_unknown_account_is_none_that_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME, "~nadie-aqui")
    assert not home().exists()


def test_a_home_is_expanded_where_no_shell_does_it(tmp_path: Path) -> None:
    """Behind an =, as in --html=~/tablero.html, which went into a folder called ~."""
    (mine := tmp_path / "mio").mkdir()
    (elsewhere := tmp_path / "otra").mkdir()
    done = difusor("form", "~/formato", cwd=elsewhere, env={**os.environ, "HOME": str(mine)})
    assert (done.returncode, [*elsewhere.iterdir()]) == (0, []), done.stderr
    assert (mine / "formato/anexo2.yml").is_file()
    asked = ["verify", "~/formato", f"--election=~/{write_election(mine, make_key(mine, 'firma')).name}"]
    done = difusor(*asked, cwd=elsewhere, env={**os.environ, "HOME": str(mine)})
    assert "no existe" not in done.stderr


def test_a_file_whose_name_begins_so_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "~nadie-aqui.pdf").touch()
    monkeypatch.chdir(tmp_path)
    assert given.expanded("~nadie-aqui.pdf") == "~nadie-aqui.pdf"
    assert given.expanded(str(ROOT)) == str(ROOT)
