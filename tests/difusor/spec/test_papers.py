"""The texts of a call's letter are of that call; what is missing or wrong in them is told before a paper is made."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from difusor import project, spec
from difusor.spec import papers

CALL = "valle-2027"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home that has a call of its own and no texts for its letter."""
    monkeypatch.setenv(project.HOME, str(tmp_path))
    (tmp_path / "spec/papers").mkdir(parents=True)
    (tmp_path / f"spec/{CALL}.yml").write_bytes((project.ROOT / "spec" / papers.MODEL.name).read_bytes())
    return tmp_path


def test_a_call_without_texts_is_told_which_file_to_copy_and_to_where(home: Path) -> None:
    own = home / f"spec/papers/{CALL}.yml"
    with pytest.raises(spec.SpecError, match=re.escape(f"copie {papers.MODEL} a {own} y escriba los suyos")):
        papers.load(CALL)
    own.write_bytes(papers.MODEL.read_bytes())
    assert papers.load(CALL).letter.clause == "DG-09"


def test_texts_that_are_none_are_told_with_their_file(home: Path) -> None:
    own = home / f"spec/papers/{CALL}.yml"
    own.symlink_to("/media/instituto/nada")
    with pytest.raises(spec.SpecError, match=re.escape(f"no se puede leer {own}: no existe")):
        papers.load(CALL)
    own.unlink()
    own.write_text("- 1\n")
    with pytest.raises(spec.SpecError, match=re.escape(f"{own}: debe ser un conjunto de claves y valores")):
        papers.load(CALL)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("clause: DG-09", "clause: DG-55", "letter: clause: la convocatoria no tiene DG-55; escriba la que cumple"),
        ("trusted: RED-04", "trusted: RED-55", "addresses: trusted: la convocatoria no tiene RED-55; quítela"),
        ("anywhere: RED-03", "anywhere: DG-09", "addresses: anywhere: DG-09 no dice puertos (ports); escriba la que"),
    ],
)
def test_texts_that_name_a_clause_which_the_call_lacks_are_refused(old: str, new: str, told: str, home: Path) -> None:
    own = home / f"spec/papers/{CALL}.yml"
    text = papers.MODEL.read_text(encoding="utf-8")
    assert old in text
    own.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(spec.SpecError, match=re.escape(f"{own}: {told}")):
        papers.load(CALL)


def test_a_call_that_says_no_ports_has_texts_without_them(home: Path) -> None:
    text = papers.MODEL.read_text(encoding="utf-8").partition("addresses:")[0]
    (home / f"spec/papers/{CALL}.yml").write_text(text, encoding="utf-8")
    assert papers.load(CALL).addresses == papers.Perimeter()
