"""What the suite sees of a corte while new ones come, and files of a corte that are larger than an answer in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from suite_kit import load

FIXTURES = load("corte_fixtures.py")


def looking(*shown: str) -> tuple[Callable[[], str], list[str], Callable[[], str]]:
    """Return what tells the corte that is shown, what has been seen, and a look at it."""
    told = iter(shown)
    seen: list[str] = []

    def which() -> str:
        seen.append(next(told))
        return seen[-1]

    return which, seen, lambda: f"visto con {seen[-1]}"


def test_what_was_seen_of_one_corte_is_returned() -> None:
    which, seen, look = looking("uno", "uno")
    assert FIXTURES.steadily(which, look) == "visto con uno"
    assert len(seen) == 2


def test_it_is_looked_at_again_when_a_corte_came_meanwhile() -> None:
    which, _, look = looking("uno", "dos", "dos")
    assert FIXTURES.steadily(which, look) == "visto con dos"


def test_what_is_good_needs_no_second_look() -> None:
    which, seen, look = looking("uno", "dos")
    assert FIXTURES.steadily(which, look, lambda _: True) == "visto con uno"
    assert len(seen) == 1


def test_a_fault_of_two_cortes_mixed_is_none() -> None:
    which, seen, _ = looking("uno", "dos", "dos")

    def look() -> str:
        assert seen[-1] == "dos", "un archivo responde 404"
        return "bien"

    assert FIXTURES.steadily(which, look) == "bien"


def test_a_fault_of_one_corte_is_raised() -> None:
    which, seen, _ = looking("uno", "uno")
    with pytest.raises(ZeroDivisionError):
        FIXTURES.steadily(which, lambda: 1 / (len(seen) - 1))


def test_cortes_without_end_leave_the_clause_not_verified() -> None:
    which, _, look = looking("uno", "dos", "tres")
    with pytest.raises(pytest.skip.Exception, match="repita la medición"):
        FIXTURES.steadily(which, look)


@pytest.mark.parametrize(("signed", "kept"), [(900, 900), (250, 300)])
def test_a_file_is_written_piece_by_piece(tmp_path: Path, signed: int, kept: int) -> None:
    """Whatever it measures; of a longer one than was signed, as much as shows it."""

    def hand(_url: str, take: Callable[[bytes], bool]) -> SimpleNamespace:
        any(take(b"x" * 100) for _ in range(9))
        return SimpleNamespace(status_code=200)

    file = tmp_path / "archivo"
    assert FIXTURES._save(SimpleNamespace(hand=hand), "https://espejo.example/archivo", file, signed) == 200
    assert file.stat().st_size == kept
