"""The synthetic cortes of any place: one office or several, its own words and names, a clock that goes back."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from inventory_kit import shipped

from corte.format import content, tree
from difusor.catalog.model import COLUMNS
from difusor.project import ROOT
from difusor.synthetic import Setting, database, write_corte
from difusor.synthetic.ballot import COLUMNS as COLUMNS_OF_VOTES

PLACES = sorted(
    path.stem
    for path in (ROOT / "elections").glob("*.yml")
    if path.stem != "demo" and not yaml.safe_load(path.read_text(encoding="utf-8"))["all"]["vars"]["election_pending"]
)
RIBERA = Setting.of(shipped("ribera-2027"))


def head(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "datos/corte.json").read_bytes()))


def warnings(folder: Path, setting: Setting, number: int) -> list[str]:
    """Return what signing this corte would warn of."""
    return content.read(folder, tree.describe(folder), setting.instants[number - 1]).warnings


@pytest.mark.parametrize("name", PLACES)
def test_every_election_has_cortes_that_can_be_signed(name: str, tmp_path: Path) -> None:
    setting = Setting.of(shipped(name))
    write_corte(tmp_path, setting, number=20, seed=3)
    assert warnings(tmp_path, setting, 20) == []
    said = head(tmp_path)
    assert [each["clave"] for each in said["elecciones"]] == [office.key for office in setting.offices]
    for office, each in zip(setting.offices, said["elecciones"], strict=True):
        page = json.loads((tmp_path / each["archivo"]).read_bytes())
        assert len(page["territorios"]) == len(setting.catalog.territories(office))
        assert page["totales"] == each["totales"]


def test_an_election_of_one_office(tmp_path: Path) -> None:
    setting = Setting.of(shipped("ribera-2027", offices=["congreso"]))
    write_corte(tmp_path, setting, number=30, seed=3)
    assert [each["clave"] for each in head(tmp_path)["elecciones"]] == ["congreso"]
    assert {path.name for path in (tmp_path / "datos").iterdir()} == {
        "congreso", "congreso.json", "corte.json", "logo.png", "noche.json", "resultados.html", "secciones.json",
    }  # fmt: skip
    assert len(list((tmp_path / "descargas").iterdir())) == 2
    assert "alcaldía" not in (tmp_path / "datos/resultados.html").read_text()


def test_names_and_words_are_those_of_the_place(tmp_path: Path) -> None:
    write_corte(tmp_path, RIBERA, number=20, seed=3)
    said = head(tmp_path)
    assert (said["hora"], said["minutos_utc"], said["zona"]) == ("Tiempo del Noroeste", -420, "America/Tijuana")
    assert said["eleccion"]["colores"] == {"franja": "#0b3d4f", "enlace": "#0a6a72", "enlace_oscuro": "#7fd4dc"}
    page = json.loads((tmp_path / "datos/alcaldias.json").read_bytes())
    assert page["division"] == {"uno": "alcaldía", "varios": "alcaldías", "elija": "Elija una alcaldía"}
    assert [one["nombre"] for one in page["territorios"]][:3] == [
        "Puerto Añil", 'Peñón de "Las Ánimas"', "San Ángel d'Anza",
    ]  # fmt: skip
    stamp = "20270606_2345"
    assert {path.name for path in (tmp_path / "descargas").iterdir()} == {
        f"{stamp}_PREP_RIB.zip", f"{stamp}_PREP_RIB_ALC.csv", f"{stamp}_PREP_RIB_DIP_LOC.csv",
    }  # fmt: skip
    text = (tmp_path / "datos/resultados.html").read_text()
    assert "domingo 6 de junio de 2027, 23:45 h</time></strong>, Tiempo del Noroeste (UTC-7)." in text
    assert "cada alcaldía, distrito y acta" in text


def test_a_section_leads_to_the_territory_that_has_its_actas(tmp_path: Path) -> None:
    """With the number on a voter's card the page opens the right list of actas, whatever an office is divided by."""
    write_corte(tmp_path, RIBERA, number=RIBERA.total, seed=3)
    sections = json.loads((tmp_path / "datos/secciones.json").read_bytes())
    assert set(sections) == {office.key for office in RIBERA.offices}
    for office, by_section in sections.items():
        there = [json.loads(path.read_bytes()) for path in (tmp_path / "datos" / office).iterdir()]
        found = {(str(int(acta["SECCION"])), detail["id"]) for detail in there for acta in detail["actas"]}
        assert found and found <= set(by_section.items()), "an acta is elsewhere"


def test_the_night_so_far_ends_with_what_the_page_says(tmp_path: Path) -> None:
    write_corte(tmp_path, RIBERA, number=20, seed=3)
    night = json.loads((tmp_path / "datos/noche.json").read_bytes())
    said = head(tmp_path)
    assert (len(night["cortes"]), night["cortes"][-1], night["corte"]) == (20, said["corte"], said["corte"])
    for office in said["elecciones"]:
        of_night, totals = night["cargos"][office["clave"]], office["totales"]
        assert of_night["actas_capturadas"][-1] == totals["actas_capturadas"] > of_night["actas_capturadas"][0] == 0
        assert of_night["porcentaje"][-1] == totals["actas_capturadas_porcentaje"]


def test_a_table_reads_back_with_every_sign_in_its_names(tmp_path: Path) -> None:
    write_corte(tmp_path, RIBERA, number=RIBERA.total, seed=3)
    with zipfile.ZipFile(next((tmp_path / "descargas").glob("*.zip"))) as archive:
        table = archive.read("ALC_RIB_2027.csv").decode()
        readme = archive.read("LEEME.txt").decode()
    rows = list(csv.DictReader(io.StringIO(table.split("\r\n", 5)[5], newline="")))
    assert {row["MUNICIPIO"] for row in rows} == {each.name for each in RIBERA.catalog.municipalities}
    assert {"REPRESENTANTES_PP_CI", "MECANISMO_TRASLADO", "TOTAL_VOTOS_ASENTADO", "COTEJADA"} <= set(rows[0])
    assert not {"MECANISMOS_TRASLADO", "TOTAL_REP_PARTIDO_CI_VOTARON"} & set(rows[0])
    assert {row["TIPO_ACTA"] for row in rows} == {"A01", "A02", "A02E"}
    assert "06/06/2027" in {row["FECHA_HORA_CAPTURA"][:10] for row in rows}
    assert {len(row["CODIGO_INTEGRIDAD"]) for row in rows} <= {0, 32}, "MD5, as the catalogue says"
    assert "MD5 de la imagen" in readme and "ALC_RIB_2027.csv " in readme and "PREP Ribera" in readme


def test_clocks_that_go_back_during_the_night_give_no_corte_the_name_of_another(tmp_path: Path) -> None:
    """In 2027 clocks go back from 02:00 to 01:00 on 7 November; local times keep the difference of the opening."""
    opens = datetime(2027, 11, 7, 3, tzinfo=UTC)  # 6 November, 20:00
    setting = RIBERA.but(opens=opens, closes=opens + timedelta(hours=24), total=97)
    assert setting.utc == "UTC-7"
    names = [setting.local(instant, "%Y%m%d_%H%M") for instant in setting.instants]
    assert sorted(set(names)) == names
    number = 1 + names.index("20271107_0130")
    write_corte(tmp_path, setting, number=number, seed=3)
    assert warnings(tmp_path, setting, number) == []
    assert head(tmp_path)["minutos_utc"] == -420


@pytest.mark.parametrize("name", PLACES)
def test_an_image_is_that_of_its_acta(name: str, tmp_path: Path) -> None:
    """The page finds it beside the acta, whose code of integrity is its digest; without images nothing names one."""
    setting = Setting.of(shipped(name)).but(images=4)
    write_corte(tmp_path, setting, number=setting.total, seed=3)
    found: dict[str, str] = {}
    for path in (tmp_path / "datos").glob("*/*.json"):
        detail = json.loads(path.read_bytes())
        codes = [acta["CODIGO_INTEGRIDAD"] for acta in detail["actas"]]
        images = detail.get("imagenes", [None] * len(codes))
        found |= {image: code for image, code in zip(images, codes, strict=True) if image}
    files = {str(path.relative_to(tmp_path)): path.read_bytes() for path in (tmp_path / "actas").iterdir()}
    digest = setting.catalog.integrity_code
    assert 0 < len(found) <= 4 * len(setting.offices)
    assert found == {path: hashlib.new(digest, image).hexdigest() for path, image in files.items()}
    assert {image[:8] for image in files.values()} == {b"\x89PNG\r\n\x1a\n"}
    write_corte(tmp_path, setting.but(images=0), number=setting.total, seed=3)
    assert not list((tmp_path / "actas").iterdir())
    assert not [path for path in (tmp_path / "datos").glob("*/*.json") if b"imagenes" in path.read_bytes()]


def test_the_catalogue_knows_the_columns_that_a_table_has() -> None:
    """By them a place's own name of a column is compared; Ribera has those that few places have too."""
    given = {own: name for name, own in RIBERA.catalog.tables.names.items()}
    assert {given.get(each, each) for each in database.fields(RIBERA)} - {*COLUMNS_OF_VOTES} == COLUMNS
