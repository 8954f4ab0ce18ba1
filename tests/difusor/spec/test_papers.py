"""The texts of a call's letter are of that call, and what is missing or wrong in them is told before a paper is made."""

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
