"""A close or an end with a mistyped year, month or day is refused before anything is signed; late changes are not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from desk_kit import Desk

from corte.format import instants, manifest
from corte.format.manifest import Window
from difusor.inventory import load_election
from difusor.publish import signing, wording

HERE = timezone(timedelta(hours=-7))
"""The place's difference with UTC in June."""
OPENS = datetime(2027, 6, 6, 19, tzinfo=HERE)


def tonight(desk: Desk, hours: float, retain: timedelta = timedelta(hours=24)) -> Path:
    """Have the desk's election be that of 6 June 2027, so many hours after its opening; return a corte of it."""
    before, text = load_election(desk.election).window, desk.election.read_text()
    window = Window(OPENS, OPENS + timedelta(hours=24), OPENS + timedelta(hours=24) + retain)
    for name in ("opens", "closes", "retain_until"):
        text = text.replace(instants.write(getattr(before, name)), getattr(window, name).isoformat())
    desk.election.write_text(text)
    desk.now = OPENS.astimezone(UTC) + timedelta(hours=hours)
    if hours > 0:
        return desk.corte(1)
    folder = desk.corte(1)
    head = folder / signing.IDENTITY
    head.write_text(f'{{"secuencia": 1, "corte": "{instants.write(OPENS)}"}}')
    return folder


def refusal(desk: Desk, hours: float, option: str, typed: str) -> str:
    """Return what `sign` says of an instant that it refuses, so many hours after the opening, with nothing signed."""
    tree = tonight(desk, hours)
    done = desk.sign(tree, option, typed, "--jump", 999)
    assert (done.exit_code, signing.is_signed(tree)) == (1, False)
    return " ".join(done.output.split())


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("2026-06-07T19:00:00-07:00", ("no es posterior a la apertura, 2027-06-06T19:00:00-07:00", "2027-06-07T19:00")),
        ("2028-06-07T19:00:00-07:00", ("366 días después del cierre previsto", "2027-06-07T19:00")),
        ("2027-07-06T19:00:00-07:00", ("29 días después", "quiso decir 2027-06-07T19:00:00-07:00?")),
        ("2027-05-07T19:00:00-07:00", ("no es posterior a la apertura", "quiso decir 2027-06-07T19:00")),
        ("2027-06-08T20:00:00-07:00", ("25 h después del cierre previsto", "2027-06-07T20:00:00-07:00, del día anter")),
        ("2027-06-06T20:00:00-07:00", ("es anterior al propio corte, de las 2027-06-06T", "2027-06-07T20:00:00-07:00")),
        ("2027-06-06T00:30:00-07:00", ("no es posterior a la apertura", "2027-06-07T00:30:00-07:00, del día siguie")),
    ],
)  # fmt: skip
def test_a_close_of_another_day_month_or_year_is_not_signed(desk: Desk, typed: str, said: tuple[str, ...]) -> None:
    told = refusal(desk, 3, "--close", typed)
    for each in (f"--close: {typed}", *said, "orrija"):
        assert each in told


def test_before_the_opening_no_close_moves_to_the_night_before_the_right_one(desk: Desk) -> None:
    told = refusal(desk, -2, "--close", "2027-06-06T21:00:00-07:00")
    assert "22 h antes del cierre previsto, 2027-06-07T19:00:00-07:00, y aún no se abre" in told
    assert "¿quiso decir 2027-06-07T21:00:00-07:00, del día siguiente?" in told


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        (-20.5, "20 h 30 min antes de lo que dice la elección"), (-2, "2 h antes de lo que dice la elección"),
        (1, "1 h después de lo que dice la elección"), (12, "la publicación dura 36 horas"),
    ],
)  # fmt: skip
def test_what_the_institute_may_order_late_is_signed_and_told(desk: Desk, hours: float, said: str) -> None:
    tree = tonight(desk, 3)
    close = OPENS + timedelta(hours=24 + hours)
    done = desk.sign(tree, "--close", close.isoformat(), "--jump", 999)
    assert done.exit_code == 0, done.output
    assert said in " ".join(done.output.split())
    assert manifest.read((tree / manifest.NAME).read_bytes()).window.closes == close


def test_a_close_that_is_further_away_is_signed_once_the_election_says_it(desk: Desk) -> None:
    tree, close = tonight(desk, 3), "2027-06-08T20:00:00-07:00"
    done = desk.sign(tree, "--close", close, "--jump", 999)
    assert "escríbalo antes en election_closes" in " ".join(done.output.split())
    text = desk.election.read_text().replace("2027-06-07T19:00:00-07:00", close)
    desk.election.write_text(text.replace("2027-06-08T19:00:00-07:00", "2027-06-09T20:00:00-07:00"))
    done = desk.sign(tree, "--close", close, "--jump", 999, "--retain", "2027-06-09T20:00:00-07:00")
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("2027-06-07T18:00:00-07:00", ("es anterior al cierre, 2027-06-07T19:00:00-07:00", "dé también --close")),
        ("2027-05-14T19:00:00-07:00", ("es anterior al cierre", "¿quiso decir 2027-06-14T19:00:00-07:00?")),
        ("2028-06-08T19:00:00-07:00", ("366 días después del fin previsto", "2027-06-08T19:00:00-07:00?")),
    ],
)  # fmt: skip
def test_an_end_of_before_the_close_or_of_another_year_is_not_signed(
    desk: Desk, typed: str, said: tuple[str, ...]
) -> None:
    told = refusal(desk, 3, "--retain", typed)
    for each in (f"--retain: {typed}", *said, "corrija año, mes y día"):
        assert each in told


def test_an_end_that_has_passed_does_not_take_away_what_is_still_retained(desk: Desk) -> None:
    tree = tonight(desk, 3, retain=timedelta(days=7))
    desk.now = (OPENS + timedelta(hours=30)).astimezone(UTC)
    done = desk.sign(tree, "--retain", "2027-06-07T20:00:00-07:00", "--jump", 999)
    told = " ".join(done.output.split())
    assert done.exit_code == 1 and "ya pasó, y todos los espejos retirarían los resultados" in told
    done = desk.sign(tree, "--retain", told.rpartition("--retain ")[2], "--jump", 999)
    assert done.exit_code == 0, done.output


def test_an_end_some_weeks_later_is_signed_and_told(desk: Desk) -> None:
    tree = tonight(desk, 3)
    done = desk.sign(tree, "--retain", "2027-07-08T19:00:00-07:00", "--jump", 999)
    assert done.exit_code == 0
    assert "sigue disponible hasta 08/07/2027 19:00:00 PDT, 30 días después de lo que" in " ".join(done.output.split())


@pytest.mark.parametrize(("typed", "is_told"), [("2027-06-08T01:00:00Z", True), ("2027-06-07T18:00:00-07:00", False)])
def test_an_instant_in_utc_is_told_by_the_clocks_of_the_place(desk: Desk, typed: str, is_told: bool) -> None:
    """A Z after the local hour closes every page hours early."""
    done = desk.sign(tonight(desk, 3), "--close", typed, "--jump", 999)
    said = "--close se dio en UTC (Z): por los relojes del lugar es 07/06/2027 18:00:00 PDT"
    assert (done.exit_code, said in " ".join(done.output.split())) == (0, is_told)


@pytest.mark.parametrize("way", ["folder", "--corte"])
def test_a_corte_of_before_the_last_one_is_not_signed(desk: Desk, way: str) -> None:
    """After midnight, with the day before: every mirror refused it, one after another."""
    early = desk.now - timedelta(minutes=20)
    tree = desk.corte(6)
    typed = ["--corte", instants.write(early)] if way == "--corte" else []
    if way == "folder":
        (tree / signing.IDENTITY).write_text(f'{{"secuencia": 6, "corte": "{instants.write(early)}"}}')
    done = desk.sign(tree, *typed)
    told = " ".join(done.output.split())
    assert (done.exit_code, signing.is_signed(tree)) == (1, False)
    assert "y el 5, ya publicado, de las" in told and "Corrija el día o la hora" in told
    assert desk.sign(desk.corte(6)).exit_code == 0
    (tree / signing.IDENTITY).write_text(f'{{"secuencia": 6, "corte": "{instants.write(early)}"}}')
    done = desk.sign(tree, "--withdraw", desk.folder / "cortes/5")
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("time", "said"),
    [
        (timedelta(seconds=20), "20 s"), (timedelta(minutes=-90), "1 h 30 min"), (timedelta(hours=25), "25 h"),
        (timedelta(days=3), "3 días"), (timedelta(minutes=7), "7 min"),
    ],
)  # fmt: skip
def test_how_far_apart_two_instants_are(time: timedelta, said: str) -> None:
    assert wording.apart(time) == said
