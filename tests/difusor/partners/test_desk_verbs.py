"""What the verbs `letter`, `file` and `status` print, and what they end with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from form_kit import as_yaml
from home_kit import everything
from typer.testing import CliRunner, Result

from difusor.cli import InProject
from difusor.commands import enroll, file, letter, status
from difusor.partners.filing import papers

PDF = b"%PDF-1.7\n1 0 obj\n<</Type/Pages>>\nendobj\ntrailer\n<<>>\nstartxref\n9\n%%EOF\n"


def verb(run: Callable[..., Any], *words: str) -> Result:
    app = typer.Typer()
    app.command(cls=InProject)(run)
    return CliRunner().invoke(app, list(words))


def test_a_clerk_goes_from_the_letter_to_the_board(enrolled: Path, tmp_path: Path) -> None:
    (tmp_path / "firmada.pdf").write_bytes(PDF)
    scan, i = str(tmp_path / "firmada.pdf"), ["-i", enrolled.name]
    made = verb(letter.run, *i, "--only", "carta", "--json", "--output", str(tmp_path))
    assert (made.exit_code, json.loads(made.stdout)[0]["waiting"]) == (0, {})
    assert (tmp_path / enrolled.name / "carta.pdf").is_file()
    assert verb(letter.run, *i, "--only", "acuse").exit_code == 1

    filed = verb(file.run, scan, *i, "--as", "carta", "--folio", "C/1", "--json")
    assert (filed.exit_code, json.loads(filed.stdout)["outcome"]) == (0, "archivado")
    assert "ya estaba en papeles/carta-" in " ".join(
        verb(file.run, scan, *i, "--as", "carta", "--folio", "C/1").stdout.split()
    )
    assert verb(file.run, scan, *i, "--as", "carta", "--folio", "C/2").exit_code == 1
    assert verb(file.run, *i, "--without", "oficio", "--reason", "acuerdo CG/1/2027").exit_code == 0
    for words in ([scan], [scan, "--as", "carta", "--without", "oficio"], ["--without", "oficio"], ["--reason", "x"]):
        assert verb(file.run, *words, *i).exit_code == 2, words

    board = json.loads(verb(status.run, "--json", "--html", str(tmp_path / "tablero.html")).stdout)
    states = [each["state"] for each in board["rows"][0]["steps"]]
    assert states[:5] == ["exceptuado", "hecho", "hecho", "hecho", "falta"]
    assert "Diario de Ribelos" in (tmp_path / "tablero.html").read_text()
    shown = verb(status.run)
    assert "e✓✓✓····" in shown.stdout and shown.exit_code == 0
    assert verb(status.run, "--election", "nada").exit_code == 1


def test_when_a_paper_came_is_told_by_the_clocks_of_the_place(enrolled: Path, tmp_path: Path) -> None:
    """By another place's an oficio that came an hour after its time counted as one that came before."""
    (tmp_path / "oficio.pdf").write_bytes(PDF)
    i, wrong, right = ["-i", enrolled.name], "2026-05-25T19:30:00-06:00", "2026-05-25T19:30:00-07:00"
    scan = [str(tmp_path / "oficio.pdf"), *i, "--as", "oficio", "--folio", "O/1"]
    form = [str(as_yaml(tmp_path / "correo")), "--update", "--ssh-key", str(enrolled.parents[1] / "llave")]
    before = everything(enrolled)
    for run, words, option in (
        (file.run, [*scan, "--received", wrong], "--received"),
        (enroll.run, [*form, "--received", wrong], "--received"),
        (enroll.run, [*form, "--folio", "O/1", "--notified", wrong], "--notified"),
    ):
        done = verb(run, *words)
        assert done.exit_code == 1 and f"{option}: «{wrong}» no lleva la diferencia" in " ".join(done.output.split())
        assert everything(enrolled) == before
    assert verb(file.run, *scan, "--received", right).exit_code == 0
    assert papers.read(enrolled).standing["oficio", ""].model_dump(mode="json")["received"] == "2026-05-26T02:30:00Z"


def test_a_scan_is_named_from_the_folder_in_which_the_clerk_is(
    enrolled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Verbs run in the project's folder, and a link is not followed on the way there."""
    (tmp_path / "firmada.pdf").write_bytes(PDF)
    (tmp_path / "vinculo.pdf").symlink_to("firmada.pdf")
    options = ["-i", enrolled.name, "--as", "carta", "--folio", "C/1"]
    for name, ends in (("vinculo.pdf", 1), ("firmada.pdf", 0)):
        monkeypatch.chdir(tmp_path)
        assert verb(file.run, name, *options).exit_code == ends
