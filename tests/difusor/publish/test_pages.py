"""What the page would show is compared with the corte that was signed: nothing else ever looked at it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from inventory_kit import shipped

from difusor.inventory import load_election
from difusor.project import UnusableError
from difusor.publish import mistakes, pages, signing
from difusor.synthetic import Setting, write_corte

OPENS, CLOSES = datetime(2024, 6, 3, 2, tzinfo=UTC), datetime(2024, 6, 4, 2, tzinfo=UTC)
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of two cortes of one night."""
    folder = tmp_path_factory.mktemp("noche")
    setting = Setting.of(shipped("ribera-2027")).but(opens=OPENS, closes=CLOSES, total=97)
    for number in (19, 20):
        write_corte(folder / str(number), setting, number=number, seed=1)
    return folder


@pytest.fixture
def corte(night: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(night / "20", tmp_path / "20"))


@pytest.fixture
def warned(corte: Path, election: Path, key: Path) -> Callable[[], list[str]]:
    """Return a function that signs the corte and returns its warnings."""
    return lambda: signing.plausible(signing.sign(corte, load_election(election), key))[0]


def change(path: Path, how: Change) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    how(document)
    path.write_text(json.dumps(document), encoding="utf-8")


def test_a_corte_whose_files_agree_is_not_warned_of(warned: Callable[[], list[str]]) -> None:
    assert warned() == []


def test_the_page_of_an_office_of_the_corte_before_is_noticed(
    night: Path, corte: Path, warned: Callable[[], list[str]]
) -> None:
    shutil.copy(night / "19/datos/congreso.json", corte / "datos/congreso.json")
    first, second = warned()
    assert first == (
        "datos/congreso.json es del corte 2024-06-03T06:30:00Z, y datos/corte.json del corte 2024-06-03T06:45:00Z."
    )
    assert second.startswith("datos/congreso.json dice ") and "actas capturadas de «Congreso del estado», y " in second


def test_a_folder_of_another_election_is_noticed(
    corte: Path, election: Path, key: Path, warned: Callable[[], list[str]]
) -> None:
    """Nothing compared them: the page of one election was signed for another, whose citizens saw its name."""
    path, decided, name = corte / pages.IDENTITY, load_election(election), shipped("ribera-2027").name
    (told,) = signing.plausible(signing.sign(corte, decided, key), decided)[0]
    remedy = "revise que la carpeta sea de esta elección"
    assert told == f"{pages.IDENTITY} es de «{name}», y se firma para «{decided.name}»: {remedy}."
    change(path, lambda head: head.update(abre="2024-05-19T20:00:00-06:00", cierra="2024-05-20T20:00:00-06:00"))
    change(path, lambda head: head["eleccion"].update(nombre=f" {decided.name} "))
    opens, closes = signing.plausible(signing.sign(corte, decided, key), decided)[0]
    assert f"{pages.IDENTITY} abre 2024-05-20T02:00:00Z, y se firma con apertura 2024-06-03T02:00:00Z: revise" in opens
    assert f"{pages.IDENTITY} cierra 2024-05-21T02:00:00Z, y se firma con cierre 2024-06-04T02:00:00Z: revise" in closes
    for last, warnings in (("2024-06-04T01:50:01Z", 0), ("2024-06-04T01:50:00Z", 1), ("2024-06-04T02:00:01Z", 1)):
        change(path, lambda head, last=last: head.update(abre=7, cierra=last))
        assert len(warned()) == warnings


@pytest.mark.parametrize(
    ("how", "told"),
    [
        (lambda head: head["elecciones"][0].update(archivo="datos/nada.json"), "nombra «datos/nada.json», que no está"),
        (lambda head: head["elecciones"][0]["totales"].update(actas_capturadas=1), "dice 1 actas capturadas de «Alc"),
        (lambda head: head["descargas"][0].update(sha256="0" * 64), "un tamaño o un SHA-256 que no son los del"),
        (lambda head: head["descargas"][1].update(bytes=1), "un tamaño o un SHA-256 que no son los del archivo"),
        (lambda head: head["descargas"][1].update(archivo="descargas/x.csv"), "ofrece «descargas/x.csv», que no está"),
    ],
)
def test_what_the_head_says_wrong_of_a_file_is_noticed(
    corte: Path, warned: Callable[[], list[str]], how: Change, told: str
) -> None:
    change(corte / pages.IDENTITY, how)
    (warning,) = warned()
    assert warning.startswith(pages.IDENTITY) and told in warning


def office_of(head: dict[str, Any]) -> dict[str, Any]:
    """Return the entry of the office of OFFICE in a head."""
    return next(each for each in head["elecciones"] if each["archivo"] == OFFICE)


OFFICE, ACTAS = "datos/congreso.json", "datos/congreso/03.json"
CORTE = "2024-06-03T06:45:00Z"


@pytest.mark.parametrize(
    ("path", "how", "told"),
    [
        (OFFICE, lambda page: page.update(corte="2024-06-03T06:45:00.000Z"), "«2024-06-03T06:45:00.000Z», y datos/cor"),
        (OFFICE, lambda page: page.update(corte="2024-06-03T06:45:00+00:00"), f"y {pages.IDENTITY} «{CORTE}»: la pág"),
        (OFFICE, lambda page: page.pop("corte"), f"{OFFICE} no dice en «corte» de cuál es"),
        (OFFICE, lambda page: page["territorios"][2].pop("detalle"), f"{OFFICE} no dice en «detalle» qué archivo"),
        (
            OFFICE,
            lambda page: page["territorios"][2]["detalle"].pop("corte"),
            f"{OFFICE} no dice de qué corte es datos",
        ),
        (OFFICE, lambda page: page["territorios"][2]["detalle"].update(archivo="x"), f"{OFFICE} nombra «x», que no"),
        (
            ACTAS,
            lambda page: page.update(corte="2024-06-03T06:30:00Z"),
            f"{ACTAS} es del corte 2024-06-03T06:30:00Z, y",
        ),
        (ACTAS, lambda page: page.pop("corte"), f"{ACTAS} no dice en «corte» de cuál es"),
        (pages.IDENTITY, lambda head: head.pop("minutos_utc"), "no dice bien «minutos_utc»: la página no lo puede"),
        (pages.IDENTITY, lambda head: head.pop("descargas"), "no dice bien «descargas»"),
        (pages.IDENTITY, lambda head: head["eleccion"].pop("colores"), "no dice bien «eleccion.colores»"),
        (pages.IDENTITY, lambda head: head["eleccion"].update(jornada=2024), "no dice bien «eleccion.jornada»"),
    ],
)
def test_what_keeps_the_page_from_showing_a_corte_is_noticed(
    corte: Path, warned: Callable[[], list[str]], path: str, how: Change, told: str
) -> None:
    """Instants were compared, where the page compares texts; the files of actas and the head's fields were not."""
    change(corte / path, how)
    (warning,) = warned()
    assert told in warning


@pytest.mark.parametrize("said", [None, ""])
def test_a_corte_that_would_be_called_the_final_one_all_night_is_noticed(
    corte: Path, election: Path, key: Path, warned: Callable[[], list[str]], said: object
) -> None:
    """Nor did the page ever say that the next one was late."""
    (told,) = changed(corte, warned, lambda head: head.update(siguiente=said))
    assert "no dice «siguiente», y la página lo llamaría «Corte final»" in told
    assert "aún falta el de las 2024-06-03T06:55:00Z" in told
    assert changed(corte, warned, lambda head: head.pop("siguiente")) == [told]
    signed = signing.sign(corte, load_election(election), key).manifest
    for minutes, warnings in ((9, []), (10, [told])):  # until the close; an interval is of 10
        closes = signed.corte + timedelta(minutes=minutes)
        document = replace(signed, window=replace(signed.window, closes=closes))
        assert pages.of_the_next({"elecciones": [{"archivo": OFFICE}], "intervalo_segundos": 600}, document) == warnings


@pytest.mark.parametrize(
    ("said", "is_told"),
    [(600, 0), ("0600", 0), (900, 0), (301, 0), (None, 1), (10, 1), ("10 min", 1), (600_000, 1), (1200, 1), (0, 1)],
)
def test_an_interval_by_which_the_page_would_tell_wrongly_what_is_late_is_noticed(
    corte: Path, warned: Callable[[], list[str]], said: object, is_told: int
) -> None:
    found = changed(corte, warned, lambda head: head.update(intervalo_segundos=said))
    assert len(found) == is_told
    assert all("dice en «intervalo_segundos» " in each and "y su elección tiene 600:" in each for each in found)


def changed(corte: Path, warned: Callable[[], list[str]], how: Change) -> list[str]:
    """Return the warnings on a corte whose head was changed."""
    change(corte / pages.IDENTITY, how)
    return warned()


@pytest.mark.parametrize("is_ours", [True, False])
@pytest.mark.parametrize(
    ("field", "said", "told"),
    [
        ("minutos_utc", -360, "«minutos_utc» -360, y la de America/Tijuana en la apertura es -420: la página"),
        ("minutos_utc", "UTC-7", '«minutos_utc» "UTC-7", y la de'),
        ("minutos_utc", None, "«minutos_utc» null, y la de"),
        (
            "siguiente",
            "2024-06-03T00:00:00",
            "«siguiente» 2024-06-03T00:00:00, que no es un instante con",
        ),
        ("siguiente", "2024-06-03T00:00:00", "si es la hora del lugar, debe decir 2024-06-03T07:00:00Z"),
        ("siguiente", "pronto", "«siguiente» pronto, que no es un instante"),
        ("corte", "2024-06-02T23:45:00", "si es la hora del lugar, debe decir 2024-06-03T06:45:00Z"),
    ],
)
def test_hours_that_every_visitor_would_read_wrong_are_not_signed(
    corte: Path, election: Path, field: str, said: object, told: str, is_ours: bool
) -> None:
    """By the page's hour everybody knows which corte he sees; nothing was signed that another application may mean."""
    change(corte / pages.IDENTITY, lambda head: head.update({field: said}))
    at = datetime(2024, 6, 3, 6, 45, tzinfo=UTC)
    if not is_ours:
        change(corte / pages.IDENTITY, lambda head: head.pop("elecciones"))
        mistakes.check_page(load_election(election), corte, at)
        return
    with pytest.raises(UnusableError) as refused:
        mistakes.check_page(load_election(election), corte, at)
    assert str(refused.value).startswith(pages.IDENTITY) and told in str(refused.value)


def test_hours_that_were_signed_elsewhere_are_warned_of(corte: Path, election: Path, key: Path) -> None:
    decided = load_election(election)
    signed = signing.sign(corte, decided, key)
    change(corte / pages.IDENTITY, lambda head: head.update(minutos_utc=-300))
    assert any("«minutos_utc» -300, y la de" in each for each in signing.plausible(signed, decided)[0])


@pytest.mark.parametrize(
    ("path", "field", "said", "told"),
    [
        (pages.IDENTITY, "abre", "2024-06-02T19:00:00", "«abre» 2024-06-02T19:00:00, que no es un instante con"),
        (pages.IDENTITY, "cierra", "2024-06-03", "«cierra» 2024-06-03, que no es un instante con"),
        ("datos/noche.json", "cortes", ["2024-06-03T02:00:00Z", "2024-06-02T19:15:00"], "«cortes» 2024-06-02T19:15:00"),
    ],
)
def test_other_instants_without_a_difference_with_utc_are_noticed(
    corte: Path, warned: Callable[[], list[str]], path: str, field: str, said: object, told: str
) -> None:
    change(corte / path, lambda page: page.update({field: said}))
    (warning,) = warned()
    assert warning.startswith(path) and told in warning


@pytest.mark.parametrize("path", pages.READ)
def test_a_file_that_the_page_reads_and_the_corte_lacks_is_noticed(
    corte: Path, warned: Callable[[], list[str]], path: str
) -> None:
    (corte / path).unlink()
    assert warned() == [f"El corte no trae {path}, que la página lee o enlaza."]


@pytest.mark.parametrize("said", ["diputación", "dip loc", "dip/loc", "", 7, None])
def test_an_office_to_which_no_link_leads_is_noticed(
    corte: Path, warned: Callable[[], list[str]], said: object
) -> None:
    """Browsers write an address in another way, by which the page showed the place of another office."""
    change(corte / OFFICE, lambda page: page.update(clave=said))
    (told,) = warned()
    assert told.startswith(f"{OFFICE} dice en «clave» ") and f'y {pages.IDENTITY} "congreso": los enlaces' in told
    change(corte / pages.IDENTITY, lambda head: office_of(head).update(clave=said))
    (told,) = warned()
    assert told.startswith(f"{pages.IDENTITY} dice en «clave» ") and "use solo letras sin acento" in told


@pytest.mark.parametrize(
    ("how", "told"),
    [
        (lambda totals: totals.update(participacion="1.0000"), "participacion"),
        (lambda totals: totals.update(votos=0, lista_nominal=0), "lista_nominal"),
        (lambda totals: totals.update(votos=str(totals["votos"])), ""),
        (lambda totals: totals.update(actas_contabilizadas_porcentaje=None), "actas_contabilizadas_porcentaje"),
        (lambda totals: totals.pop("votos"), ""),
    ],
)
def test_totals_that_the_page_takes_for_another_corte_s_are_noticed(
    corte: Path, warned: Callable[[], list[str]], how: Change, told: str
) -> None:
    """By the rule of the page's data.js: every visitor waited 15 s for an office, and asked five times."""
    change(corte / pages.IDENTITY, lambda head: how(office_of(head)["totales"]))
    found = warned()
    assert len(found) == bool(told)
    assert all(
        each.startswith(f"{OFFICE} dice en «totales.{told}» ") and "tarda en mostrarlo" in each for each in found
    )


COUNT, SHARE = "debe decirlo solo con cifras.", 'debe decirlo con cuatro decimales y hasta 100, como "5.0000".'


@pytest.mark.parametrize(
    ("field", "said", "told"),
    [
        ("votos", "1,000", COUNT), ("votos", "", COUNT), ("votos", None, COUNT), ("votos", -1, COUNT),
        ("votos", 7.5, COUNT), ("votos", True, COUNT),
        ("votos", {}, COUNT), ("votos", "07", ""), ("votos", 7.0, ""), ("votos", "7.0", ""),
        ("porcentaje", "5.00", SHARE), ("porcentaje", "5,0000", SHARE), ("porcentaje", "100.0001", SHARE),
        ("porcentaje", "5.0000 %", SHARE), ("porcentaje", 33.333333333333336, SHARE), ("porcentaje", 5, SHARE),
        ("porcentaje", "100.0000", ""), ("porcentaje", 33.3333, ""), ("porcentaje", None, ""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["candidaturas", "columnas"])
def test_a_figure_that_the_page_shows_wrong_is_noticed(
    corte: Path, warned: Callable[[], list[str]], kind: str, field: str, said: object, told: str
) -> None:
    """Citizens saw NaN votes, or a percentage with all the digits of a division; the first of each kind is told."""

    def spoil(page: dict[str, Any]) -> None:
        for place in page["territorios"][2:4]:
            place[kind][1][field] = said

    name = json.loads((corte / OFFICE).read_text(encoding="utf-8"))["territorios"][2]["nombre"]
    change(corte / OFFICE, spoil)
    it = f"dice en «{kind}.{field}» {json.dumps(said, ensure_ascii=False)}"
    assert warned() == ([f"{OFFICE} {it}, de «{name}»: la página lo mostraría mal; {told}"] if told else [])


def test_a_total_that_the_page_shows_wrong_is_noticed(corte: Path, warned: Callable[[], list[str]]) -> None:
    change(corte / OFFICE, lambda page: page["totales"].pop("lista_nominal"))
    change(corte / OFFICE, lambda page: page["totales"].update(participacion="104.5000", actas_esperadas="07"))
    count, share = warned()[:2]
    assert count == f"{OFFICE} no dice «totales.lista_nominal»: la página lo mostraría mal; {COUNT}"
    assert share == f'{OFFICE} dice en «totales.participacion» "104.5000": la página lo mostraría mal; {SHARE}'


@pytest.mark.parametrize("path", [pages.IDENTITY, OFFICE, ACTAS, pages.NIGHT, pages.SECTIONS])
def test_a_file_that_no_browser_can_read_is_noticed(corte: Path, warned: Callable[[], list[str]], path: str) -> None:
    """Python reads NaN, which pandas writes for 0/0; the night and the sections were not even looked at."""
    told = [f"{path} no es JSON que un navegador pueda leer: la página no lo puede mostrar."]
    change(corte / path, lambda page: page.update(x=float("nan")))
    assert warned() == told
    if path != pages.IDENTITY:  # the folder of another one is of another application, and `sign` refuses it
        (corte / path).write_text("{'x': 1}", encoding="utf-8")
        assert warned() == told


@pytest.mark.parametrize(
    "how",
    [
        lambda head: head.pop("elecciones"),
        lambda head: head.update(elecciones="x", descargas=[{"archivo": "nada"}]),
        lambda head: head.update(elecciones=[1, {"archivo": 2}, {"clave": "x"}], descargas={}),
        lambda head: [each.pop("totales") for each in head["elecciones"]],
        lambda head: head["elecciones"][0].update(totales=[], nombre=None),
    ],
)
def test_nothing_is_said_of_another_application_s_file(
    corte: Path, warned: Callable[[], list[str]], how: Change
) -> None:
    change(corte / pages.IDENTITY, how)
    assert warned() == []


def test_warnings_are_few_and_short(corte: Path, warned: Callable[[], list[str]]) -> None:
    change(corte / pages.IDENTITY, lambda head: head.update(elecciones=[{"archivo": "x" * 500}] * 50))
    found = warned()
    assert (len(found), max(map(len, found))) == (pages.MAX_WARNINGS, 200)
