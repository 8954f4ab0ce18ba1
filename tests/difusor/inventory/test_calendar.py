"""An election's calendar: what agreements have yet to set, and what regulation asks of it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from call_kit import FIRST
from inventory_kit import ELECTION, shipped
from pydantic import ValidationError

from difusor import inventory
from difusor.inventory import Election, InventoryError, load_election
from difusor.project import HOME, ROOT

INSTITUTE = ELECTION["election_institute"] | {"name": FIRST.institute}
"""The one whose call it is."""
HOURS = {"election_opens": "2024-06-03T03:00:00Z", "election_closes": "2024-06-04T03:00:00Z"}
"""From 20:00 to 20:00, as the call says, by the clock of the place."""
DAYS = ["2024-05-12", "2024-05-19", "2024-05-26"]


def election(**values: Any) -> Election:
    base = ELECTION | HOURS | {"election_institute": INSTITUTE}
    return Election.model_validate(base | {f"election_{name}": value for name, value in values.items()})


def waiting() -> list[Path]:
    """Return the elections of the project of which something is still to be agreed."""
    return [path for path in (ROOT / "elections").glob("*.yml") if _variables(path).get("election_pending")]


def _variables(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8"))["all"]["vars"])


@pytest.mark.parametrize("path", waiting(), ids=lambda path: path.stem)
def test_what_is_to_be_agreed_is_refused_with_the_agreement_that_sets_it(path: Path) -> None:
    variables = _variables(path) | {"election_signers": ELECTION["election_signers"]}
    for name, agreement in variables["election_pending"].items():
        assert not variables[name], name
        assert agreement.startswith(("el ", "la ")), "it ends a sentence"
    told = [line for line in inventory.problems(variables) if line.startswith("election_")]
    assert len(told) == len(variables["election_pending"]), "each once, and nothing else of the election"
    assert all(f"la fija {variables['election_pending'][line.partition(':')[0]]}" in line for line in told)
    with pytest.raises(InventoryError, match=r"election_opens: aún está vacía; la fija el acuerdo sobre inicio"):
        load_election(path)


def test_at_least_one_election_of_the_project_waits_for_its_agreements() -> None:
    assert waiting()


def test_what_was_agreed_leaves_the_list() -> None:
    with pytest.raises(ValidationError, match="election_opens ya tiene valor; quítela de aquí"):
        election(pending={"election_opens": "el acuerdo"})


@pytest.mark.parametrize(("environment", "minutes"), [("official", 20), ("simulacro", 60)])
def test_three_updates_an_hour_are_enough(environment: str, minutes: int) -> None:
    assert election(environment=environment, interval_minutes=minutes).interval_minutes == minutes


def test_fewer_are_refused_for_the_night_itself() -> None:
    with pytest.raises(
        ValidationError, match=r"son 21 minutos .* al menos tres actualizaciones por hora; escriba 20 o"
    ):
        election(interval_minutes=21)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"simulacros": DAYS}, []),
        ({"simulacros": DAYS, "retain_until": None}, ["la publicación termina al cierre, y lo último que se ve es el"]),
        ({"environment": "simulacro", "retain_until": None}, []),
        ({"simulacros": DAYS[:2]}, ["election_simulacros tiene 2 y el Reglamento"]),
        ({"environment": "simulacro"}, []),
        ({"environment": "simulacro", "contact": "Sistemas, 777 000 0000"}, ["la convocatoria da el teléfono"]),
        (
            {"environment": "simulacro", "contact": "", "spec": "ribera-2027"},
            ["la convocatoria ribera-2027 es de", "la convocatoria da el teléfono (600)"],
        ),
        (
            {"simulacros": DAYS, "closes": "2024-06-04T03:30:00Z"},
            [
                "la publicación dura 24.5 horas y el Reglamento",
                "la convocatoria dice que se publica de las 20:00 a las 20:00 y la elección, de las 20:00 a las 20:30,",
            ],
        ),
        ({"environment": "simulacro", "closes": "2024-06-03T23:00:00Z"}, []),
        ({"simulacros": DAYS, "day": "2024-06-02"}, []),
        ({"environment": "simulacro", "day": "2024-06-02"}, []),
        ({"environment": "simulacro", "day": "2023-06-02"}, ["election_day es 2023-06-02 y el simulacro abre después"]),
        ({"simulacros": DAYS, "day": "2024-06-06"}, ["election_day es 2024-06-06 y la publicación abre el 2024-06-02"]),
        (
            {"simulacros": DAYS, "opens": "2024-06-03T07:00:00Z"},
            ["la convocatoria dice", "la publicación abre el 2024-06-03 a las 00:00, y la carta y la página"],
        ),
        ({"environment": "simulacro", "opens": "2024-06-02T17:00:00Z", "closes": "2024-06-03T03:00:00Z"}, []),
    ],
)
def test_the_rest_is_advice(values: dict[str, Any], said: list[str]) -> None:
    found = inventory.advice(election(**values))
    assert len(found) == len(said)
    assert all(text.startswith(start) for text, start in zip(found, said, strict=True))


@pytest.mark.parametrize("environment", ["official", "simulacro"])
def test_another_institute_s_call_is_told(environment: str) -> None:
    """An election was copied, and everything but the name of its call changed: all were judged by the other annex."""
    base = {"environment": environment, "simulacros": DAYS}
    other = election(**base, institute=INSTITUTE | {"name": "Instituto Electoral de Ribera"})
    (told,) = inventory.advice(other)
    assert told.startswith(f"la convocatoria {other.spec} es de «{FIRST.institute}» y election_institute dice «Inst")
    assert told.endswith("corrija election_spec, o institute en esa convocatoria")
    for name in (FIRST.institute.upper(), FIRST.institute.replace("ó", "o"), f"  {FIRST.institute}."):
        assert inventory.advice(election(**base, institute=INSTITUTE | {"name": name})) == []


@pytest.mark.parametrize(
    ("zone", "clock", "told"),
    [
        ("America/Tijuana", "Tiempo del Noroeste", ""),
        ("America/Cancun", "Tiempo del Sureste", ""),
        ("America/Mexico_City", "Hora del Centro", ""),
        ("America/Hermosillo", "Tiempo del Pacífico", ""),
        ("America/Cancun", "hora local", ""),
        ("America/Cancun", "Tiempo del Noroeste", "«Tiempo del Noroeste», que es UTC-8, y America/Cancun es UTC-5 sin"),
    ],
)
def test_a_place_s_time_has_the_name_of_its_zone(
    zone: str, clock: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A catalogue was copied, and all night the page called its hours by another place's name."""
    text = (ROOT / "catalogs/ribera.yml").read_text(encoding="utf-8")
    monkeypatch.setenv(HOME, str(tmp_path))
    own = tmp_path / "catalogs/islas.yml"
    own.parent.mkdir()
    own.write_text(text.replace("America/Tijuana", zone).replace("Tiempo del Noroeste", clock), encoding="utf-8")
    said = [each for each in inventory.advice(election(environment="simulacro", place="islas")) if "página" in each]
    assert [told in each and str(own) in each for each in said] == ([True] if told else [])


@pytest.mark.parametrize("day", ["2024-06-02", "2024-06-03"], ids=["by the place's clock", "by that of UTC"])
def test_a_simulacro_comes_before_the_night(day: str) -> None:
    with pytest.raises(ValidationError, match=rf"{day} no es anterior a election_opens \(2024-06-02T20:00:00-07:00\)"):
        election(simulacros=[day])


def test_a_simulacro_is_listed_once() -> None:
    assert election(simulacros=["2024-06-01"]).simulacros == [date(2024, 6, 1)]
    with pytest.raises(ValidationError, match="está dos veces"):
        election(simulacros=DAYS + DAYS[:1])


def test_the_invented_election_has_its_whole_calendar() -> None:
    found = shipped("ribera-2027", environment="official")
    assert found.simulacros == [date(2027, 5, 16), date(2027, 5, 23), date(2027, 5, 30)]
    (told,) = inventory.advice(found)
    assert told.startswith("la publicación termina al cierre"), "as the call says, so nothing is amiss"
