"""What a corte's tables say of themselves: read, never believed, never in the way of a crash-free intake."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from difusor.corte import content
from difusor.fixtures.tree import write_corte

OPENS, CLOSES = datetime(2024, 6, 3, 2, tzinfo=UTC), datetime(2024, 6, 4, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def corte(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, datetime]:
    folder = tmp_path_factory.mktemp("corte")
    made = write_corte(folder, opens=OPENS, closes=CLOSES, number=20, seed=1, environment="official")
    return folder, made.corte


def paths(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]


def test_a_whole_corte_adds_up(corte: tuple[Path, datetime]):
    folder, instant = corte
    said = content.read(folder, paths(folder), instant)
    assert said.warnings == []
    assert len(said.captured) == 6  # three tables, each alone and in the zip
    assert all(count > 0 for count in said.captured.values())


def test_another_instant_is_noticed_in_name_and_header(corte: tuple[Path, datetime]):
    folder, instant = corte
    said = content.read(folder, paths(folder), instant.replace(minute=instant.minute - 3))
    assert any("su nombre no es" in warning for warning in said.warnings)
    assert any("su encabezado no es" in warning for warning in said.warnings)
    assert any("posterior al corte" in warning for warning in said.warnings)


@given(raw=st.binary(max_size=400), name=st.sampled_from(["a.csv", "a.zip", "99999999_9999_a.csv"]))
def test_no_content_crashes_the_reader(tmp_path_factory: pytest.TempPathFactory, raw: bytes, name: str):
    folder = tmp_path_factory.getbasetemp()
    head = b"x\r\n2024/06/02 20:00 (UTC-6)\r\nACTAS_CAPTURADAS,ACTAS_ESPERADAS\r\n"
    (folder / name).write_bytes(head + raw)
    content.read(folder, [name], OPENS)


def test_only_a_fall_is_one():
    assert content.fallen({}, {"a": 1}) == ""
    assert content.fallen({"a": 1}, {"a": 1, "b": 0}) == ""
    assert "a tenía 2" in content.fallen({"a": 2}, {"a": 1})
    assert "ahora 0" in content.fallen({"a": 2}, {})
