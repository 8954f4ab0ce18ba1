"""Steps, alone and side by side, and how a text from outside is shown."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier
from typing import NoReturn
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from difusor import terminal
from difusor.terminal import (
    StepFailed,
    by_clocks,
    json_text,
    local,
    plain,
    printable,
    run_step,
    side_by_side,
    table,
)

MEXICO = ZoneInfo("America/Mexico_City")
ACTING = "\x00\x07\x1b[2J\x7f\x85\x9b\r\u200b\u202e\u2028\u2066\ufeff\ud800"
"""Control characters of both sets, other directions of writing, invisible ones, half of a surrogate pair."""


def test_functions_run_at_the_same_time() -> None:
    meeting = Barrier(2, timeout=300)
    side_by_side(meeting.wait, meeting.wait)


def test_every_failure_is_told_once_all_have_ended() -> None:
    done = []

    def fail(sentence: str) -> NoReturn:
        raise StepFailed(sentence)

    with pytest.raises(StepFailed, match=r"\Auna\notra\Z"):
        side_by_side(lambda: fail("una"), lambda: fail("otra"), lambda: done.append("tercera"))
    assert done == ["tercera"]


def test_a_failed_step_names_its_log_wherever_that_is(tmp_path: Path) -> None:
    """In an institute's home, which is elsewhere than the project."""
    with pytest.raises(StepFailed, match=rf"está en {tmp_path}/log\Z"):
        run_step("Un paso", "false", log=tmp_path / "log")


def test_an_error_of_our_own_is_not_taken_for_a_failed_step() -> None:
    def fail() -> NoReturn:
        raise StepFailed("una")

    with pytest.raises(ZeroDivisionError):
        side_by_side(fail, lambda: 1 / 0)


def test_control_characters_of_a_text_from_outside_are_replaced() -> None:
    for text in (plain(ACTING), printable(ACTING), json_text({ACTING: [ACTING]}).replace("\n", "")):
        assert text.isprintable(), ascii(text)
    assert json.loads(json_text({"ñ": ["á", 1, None, True]})) == {"ñ": ["á", 1, None, True]}
    assert plain("ácta «7» [x]") == "ácta «7» [x]"
    assert plain("x" * 9, most=5) == "xxxx…"


def test_control_characters_of_a_steps_output_are_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ansible prints what servers say: in the log and on the terminal it has no effect, with line breaks or without."""
    monkeypatch.setattr(terminal, "console", Console(file=(screen := io.StringIO()), width=200))
    monkeypatch.setattr(terminal, "ROOT", tmp_path)
    script = (
        r"printf 'TASK [sin fin\nTASK [uno] **\nfatal:\t\033[2J\302\233[green]sí\n'; head -c 200000 /dev/zero; exit 1"
    )
    with pytest.raises(StepFailed):
        run_step("Un paso", "sh", "-c", script, log=tmp_path / "log")
    for text in ((tmp_path / "log").read_text(), screen.getvalue()):
        assert text.replace("\n", "").isprintable()
        assert "[green]sí" in text


def test_a_narrow_terminal_cuts_nothing_short() -> None:
    address, reason = "2001:db8:1111:2222:3333:4444:5555:6666", "búsqueda de programas ajenos"
    rows = table("Difusor", "Dirección", "Por")
    rows.add_row("diario", address, reason)
    console = Console(width=40)
    with console.capture() as shown:
        console.print(rows)
    assert "…" not in shown.get()
    columns = zip(*(line.split("│")[1:4] for line in shown.get().splitlines() if line.startswith("│")), strict=True)
    assert ["".join(column).replace(" ", "") for column in columns] == ["diario", address, reason.replace(" ", "")]


def test_local_time_has_its_zone() -> None:
    """Clocks go forward in one zone and not in the other; the year is told of another year than this one."""
    assert local("2024-06-03T02:00:00+00:00", ZoneInfo("America/Mexico_City")) == "02/06/2024 20:00:00 CST"
    assert local("2024-06-03T02:00:00Z", ZoneInfo("America/Tijuana")) == "02/06/2024 19:00:00 PDT"
    assert local("2024-12-03T02:00:00Z", ZoneInfo("America/Tijuana")) == "02/12/2024 18:00:00 PST"
    now = datetime.now(MEXICO).replace(month=6, day=2, hour=20, minute=0, second=0)
    assert local(now.astimezone(UTC), MEXICO) == "02/06 20:00:00 CST"


@pytest.mark.parametrize(
    ("zone", "told"),
    [("America/Santiago", "02/06/2024 22:00:00 UTC-04"), ("Asia/Kathmandu", "03/06/2024 07:45:00 UTC+0545")],
    ids=["whole hours", "a part of one"],
)
def test_a_zone_without_a_name_is_told_by_its_difference_with_utc(zone: str, told: str) -> None:
    assert local("2024-06-03T02:00:00Z", ZoneInfo(zone)) == told


def test_a_sentence_for_people_has_the_times_of_their_clocks() -> None:
    """What is in quotes was typed, or is to be typed; without a zone all stay in UTC, and say so."""
    said = 'pausa desde 2024-06-03T02:00:00Z; escriba «2024-06-03T02:00:00Z» o "2024-06-03T02:00:00Z", 2024-06-03'
    told = said.replace("2024-06-03T02:00:00Z", "02/06/2024 20:00:00 CST", 1)
    assert (by_clocks(said, MEXICO), by_clocks(said, None)) == (told, said)
    assert printable("[x] 2024-06-03T02:00:00Z", MEXICO) == r"\[x] 02/06/2024 20:00:00 CST"


@pytest.mark.parametrize(
    "said", ["2024-06-31T02:00:00Z", "2024-13-45T99:99:99Z", "0001-01-01T00:00:00Z", "٢٠٢٤-٠٦-٠٣T٠٢:٠٠:٠٠Z"]
)
def test_what_only_looks_like_an_instant_stays_as_a_server_said_it(said: str) -> None:
    assert printable(f"muestra {said}", MEXICO) == f"muestra {said}"
