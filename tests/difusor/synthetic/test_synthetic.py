"""The synthetic cortes have the form that docs/es/datos.md describes, and their numbers add up."""

import csv
import hashlib
import io
import json
import re
import zipfile
from datetime import date, timedelta
from pathlib import Path

import pytest
from corte_kit import room_for
from inventory_kit import shipped

from difusor.project import UnusableError
from difusor.synthetic import CorteSummary, Setting, database, pages, write_corte, write_night
from difusor.synthetic.ballot import CANDIDACIES, COLUMNS, SHARES
from difusor.synthetic.night import apportion, night
from difusor.synthetic.totals import percentage

RIBERA = Setting.of(shipped("ribera-2027", opens="2027-06-07T03:00:00Z", closes="2027-06-08T03:00:00Z"))
STATIONS = 2500
"""As many as in a state of a middling size."""
SETTING = RIBERA.but(catalog=RIBERA.catalog.model_copy(update={"stations": STATIONS}), total=145)
OFFICIAL = SETTING.but(environment="official")
OPENS, ELECTIONS = SETTING.opens, SETTING.offices
ELECTION_KEYS = [election.key for election in ELECTIONS]


def write(folder: Path, number: int, seed: int = 7, setting: Setting = SETTING) -> CorteSummary:
    return write_corte(folder, setting, number=number, seed=seed)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def page(folder: Path, name: str) -> dict:
    return json.loads((folder / "datos" / f"{name}.json").read_bytes())


def table(folder: Path, code: str) -> tuple[dict[str, str], list[dict[str, str]]]:
    """Return totals and rows of the downloadable CSV file of an election."""
    (path,) = (folder / "descargas").glob(f"*_PREP_RIB_{code}.csv")
    lines = path.read_bytes().decode().split("\r\n")
    (totals,) = csv.DictReader(lines[2:4])
    return totals, list(csv.DictReader(lines[5:]))


@pytest.fixture(scope="module")
def midnight(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corte")
    write(folder, 25)
    return folder


@pytest.fixture(scope="module")
def zero(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cero")
    write(folder, 1)
    return folder


@pytest.fixture(scope="module")
def final(tmp_path_factory):
    folder = tmp_path_factory.mktemp("final")
    write(folder, 145)
    return folder


def test_the_same_seed_gives_the_same_bytes(midnight, tmp_path):
    write(tmp_path / "same", 25)
    write(tmp_path / "other", 25, seed=8)
    assert contents(tmp_path / "same") == contents(midnight)
    assert contents(tmp_path / "other") != contents(midnight)


def test_the_tree_has_the_promised_files(midnight):
    names = set(contents(midnight))
    assert {"datos/corte.json", "datos/resultados.html", *(f"datos/{key}.json" for key in ELECTION_KEYS)} <= names
    assert sum(name.startswith("datos/congreso/") for name in names) == 3
    assert sum(name.startswith("datos/alcaldias/") for name in names) == 7
    stamp = "20270607_0000"  # 07:00 UTC
    assert {name for name in names if name.startswith("descargas/")} == {
        f"descargas/{stamp}_PREP_RIB.zip",
        *(f"descargas/{stamp}_PREP_RIB_{code}.csv" for code in ("ALC", "DIP_LOC")),
    }


def test_a_full_corte_has_the_size_of_its_place(final):
    head = page(final, "corte")
    assert head["totales"]["actas_esperadas"] == 2 * STATIONS
    assert 0.94 < head["totales"]["actas_capturadas"] / (2 * STATIONS) < 0.98
    assert 6e6 < sum(map(len, contents(final).values())) < 10e6
    assert head["siguiente"] is None


def test_the_first_corte_has_no_acta_and_no_vote(zero):
    assert page(zero, "corte")["totales"]["actas_registradas"] == 0
    for election in ELECTIONS:
        assert page(zero, election.key)["totales"]["votos"] == 0
        totals, rows = table(zero, election.code)
        assert rows == [] and totals["PORCENTAJE_PARTICIPACION_CIUDADANA"] == "0.0000"


def test_the_page_without_javascript_says_time_results_and_downloads(midnight, final):
    text = (midnight / "datos/resultados.html").read_text()
    assert "lunes 7 de junio de 2027, 00:00 h" in text and "El siguiente es el de las 00:10 h" in text
    assert '<header class="label">Simulacro · Datos sintéticos</header>' in text
    head = page(midnight, "corte")
    for file in head["descargas"]:
        assert f'href="../{file["archivo"]}"' in text and file["sha256"] in text and f"{file['bytes']:,} bytes" in text
    for key in ELECTION_KEYS:
        for result in page(midnight, key)["candidaturas"]:
            assert f"<td>{result['votos']:,}</td><td>{result['porcentaje']}&#8239;%</td>" in text
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=", text), "the edge's headers would not allow it"
    last = (final / "datos/resultados.html").read_text()
    assert "Es el corte final." in last and "lunes 7 de junio de 2027, 20:00 h" in last


def test_only_a_rehearsal_is_called_so(tmp_path):
    write(tmp_path, 25, setting=OFFICIAL)
    assert '<header class="label">Datos sintéticos</header>' in (tmp_path / "datos/resultados.html").read_text()


def test_later_cortes_only_grow(tmp_path):
    earlier: set[str] = set()
    for number in (1, 2, 5, 10, 20, 40, 80, 145):
        write(tmp_path, number)
        rows = {row["CLAVE_ACTA"] for election in ELECTIONS for row in table(tmp_path, election.code)[1]}
        assert earlier <= rows, f"corte {number} lost actas"
        earlier = rows


def test_nothing_is_verified_after_its_corte(midnight):
    for election in ELECTIONS:
        _, rows = table(midnight, election.code)
        assert max(row["FECHA_HORA_VERIFICACION"] for row in rows) <= "2027-06-07 00:00:00"
        assert all(r["FECHA_HORA_ACOPIO"] < r["FECHA_HORA_CAPTURA"] < r["FECHA_HORA_VERIFICACION"] for r in rows)


@pytest.mark.parametrize("election", ELECTIONS, ids=ELECTION_KEYS)
def test_territories_add_up_to_the_state(midnight, election):
    state = page(midnight, election.key)
    for name in ("actas_esperadas", "actas_registradas", "actas_capturadas", "lista_nominal", "votos"):
        assert sum(t["totales"][name] for t in state["territorios"]) == state["totales"][name], name
    for column in range(len(COLUMNS)):
        assert sum(t["columnas"][column]["votos"] for t in state["territorios"]) == state["columnas"][column]["votos"]
    for candidacy, result in zip(CANDIDACIES, state["candidaturas"], strict=True):
        votes = {column["clave"]: column["votos"] for column in state["columnas"]}
        assert result["votos"] == sum(votes[column] for column in candidacy.columns)


@pytest.mark.parametrize("election", ELECTIONS, ids=ELECTION_KEYS)
def test_the_csv_file_agrees_with_itself_and_with_the_page(midnight, election):
    totals, rows = table(midnight, election.code)
    state = page(midnight, election.key)["totales"]
    counted = [row for row in rows if row["CONTABILIZADA"] == "1"]
    assert len(rows) == int(totals["ACTAS_REGISTRADAS"]) == state["actas_registradas"]
    assert len(counted) == int(totals["ACTAS_CONTABILIZADAS"])
    assert sum(bool(row["CODIGO_INTEGRIDAD"]) for row in rows) == int(totals["ACTAS_CAPTURADAS"])
    assert sum(int(row[column]) for row in counted for column in COLUMNS) == int(totals["TOTAL_VOTOS_C_CS"])
    assert totals["TOTAL_VOTOS_C_CS"] == str(state["votos"])
    assert totals["PORCENTAJE_PARTICIPACION_CIUDADANA"] == state["participacion"]


def test_every_counted_acta_is_possible(final):
    for election in ELECTIONS:
        _, rows = table(final, election.code)
        for row in rows:
            if row["CONTABILIZADA"] == "1" and row["TIPO_CASILLA"] != "S":
                assert int(row["TOTAL_VOTOS_CALCULADO"]) <= int(row["LISTA_NOMINAL"]) <= 750
        hashes = [row["CODIGO_INTEGRIDAD"] for row in rows if row["CODIGO_INTEGRIDAD"]]
        assert len(set(hashes)) == len(hashes) and all(re.fullmatch("[0-9a-f]{32}", value) for value in hashes)
        assert {row["OBSERVACIONES"] for row in rows} >= {"Excede lista nominal", "Todos los votos ilegibles"}


def test_every_page_tells_its_corte(midnight):
    for name in ("corte", *ELECTION_KEYS):
        assert page(midnight, name)["corte"] == "2027-06-07T07:00:00Z"
    for key in ELECTION_KEYS:
        for territory in page(midnight, key)["territorios"]:
            detail = json.loads((midnight / territory["detalle"]["archivo"]).read_bytes())
            assert detail["corte"] == territory["detalle"]["corte"] <= "2027-06-07T07:00:00Z"
            assert len(detail["actas"]) == territory["totales"]["actas_registradas"]


def test_downloads_match_their_published_digests(midnight):
    for download in page(midnight, "corte")["descargas"]:
        content = (midnight / download["archivo"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (download["bytes"], download["sha256"])


def test_the_zip_holds_the_csv_files_dated_with_the_corte(midnight):
    (path,) = (midnight / "descargas").glob("*.zip")
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        assert archive.read("ALC_RIB_2027.csv") == next((midnight / "descargas").glob("*_ALC.csv")).read_bytes()
        assert {entry.date_time for entry in archive.infolist()} == {(2027, 6, 7, 0, 0, 0)}
        assert archive.read("LEEME.txt").decode().startswith("DATOS SINTÉTICOS")


def test_the_data_say_that_they_are_synthetic(midnight, tmp_path):
    write(tmp_path, 2, setting=OFFICIAL)
    assert page(midnight, "corte")["simulacro"] and not page(tmp_path, "corte")["simulacro"]
    for folder in (midnight, tmp_path):
        assert page(folder, "corte")["datos_sinteticos"]
        for path in (folder / "descargas").glob("*.csv"):
            assert "DATOS SINTÉTICOS" in path.read_text().splitlines()[0]


def test_names_keep_their_accents(midnight):
    names = {territory["nombre"] for territory in page(midnight, "alcaldias")["territorios"]}
    assert {"Puerto Añil", "San Ángel d'Anza", "Güémez Viejo"} < names and len(names) == 7
    assert "AÑIL" in table(midnight, "ALC")[1][0]


def test_a_folder_is_brought_to_another_corte(final, tmp_path):
    write(tmp_path, 144)
    (tmp_path / "corte.json").write_text("manifest")
    summary = write(tmp_path, 145)
    assert summary.changed < summary.files
    assert (tmp_path / "corte.json").read_text() == "manifest"
    assert {k: v for k, v in contents(tmp_path).items() if k != "corte.json"} == contents(final)
    assert write(tmp_path, 145).changed == 0


@pytest.mark.parametrize("path", ["datos/tesis/tesis.odt", "actas/1.jpg", "descargas/fotos.zip"])
def test_what_somebody_else_has_in_the_folder_is_not_deleted(path, tmp_path):
    """A night too is refused before its first folder is written."""
    folder = tmp_path / "002"
    (folder / path).parent.mkdir(parents=True)
    (folder / path).write_text("mine")
    with pytest.raises(UnusableError, match=rf"{folder} .* se perderían \({path}\); sáquelos"):
        write(folder, 1)
    with pytest.raises(UnusableError, match=f"{folder} tiene"):
        next(write_night(tmp_path, SETTING.but(total=3), seed=7))
    assert contents(tmp_path) == {f"002/{path}": b"mine"}


@pytest.mark.parametrize("head", ['{"secuencia": 7}', '{"datos_sinteticos": false}', "[]", "{"])
def test_a_corte_that_is_not_synthetic_is_not_replaced(head, tmp_path):
    (tmp_path / "datos").mkdir()
    (tmp_path / "datos/corte.json").write_text(head)
    with pytest.raises(UnusableError, match="o dé una carpeta vacía"):
        write(tmp_path, 1)
    assert contents(tmp_path) == {"datos/corte.json": head.encode()}


def test_a_corte_for_which_there_is_no_room_leaves_no_file_half_written(tmp_path):
    with pytest.raises(OSError) as caught, room_for(200):
        write(tmp_path, 1)
    assert str(caught.value.filename).startswith(f"{tmp_path}/datos/")
    assert contents(tmp_path) == {}


def test_in_a_night_only_what_changed_is_new(tmp_path):
    total = 25
    summaries = list(write_night(tmp_path, SETTING.but(total=total), seed=7))
    assert [summary.number for summary in summaries] == list(range(1, total + 1))
    assert summaries[0].captured == 0 and summaries[-1].changed < 30
    last, before = tmp_path / "025", tmp_path / "024"
    shared = [name for name in contents(last) if (before / name).is_file() and (before / name).samefile(last / name)]
    assert len(shared) == summaries[-1].files - summaries[-1].changed


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"number": 0}, "no existe; hay de 1 a 145"),
        ({"number": 146}, "no existe; hay de 1 a 145"),
        ({"environment": "real"}, "«real» no es official ni simulacro"),
        ({"closes": OPENS}, "instantes absolutos"),
        ({"opens": OPENS.replace(tzinfo=None)}, "instantes absolutos"),
        ({"total": 1}, "dos cortes o más"),
    ],
)
def test_what_does_not_exist_is_refused(wrong, sentence, tmp_path):
    number = wrong.pop("number", 1)
    with pytest.raises(ValueError, match=sentence):
        write_corte(tmp_path, SETTING.but(**wrong), number=number, seed=1)
    assert contents(tmp_path) == {}


def test_instants_run_from_opening_to_close_every_ten_minutes():
    instants = SETTING.instants
    assert (instants[0], instants[1], instants[-1]) == (OPENS, OPENS + timedelta(minutes=10), SETTING.closes)
    assert len(instants) == 145


def test_percentages_are_truncated():
    assert percentage(2, 3) == "66.6666"
    assert percentage(1, 1) == "100.0000"
    assert percentage(1, 0) == "0.0000"


def test_parts_add_up():
    assert apportion(10, [1, 1, 1]) == [4, 3, 3]
    assert sum(apportion(2583, list(SHARES.values()))) == 2583


def test_every_municipality_has_a_polling_station_however_small_it_is() -> None:
    """Of 570 municipalities of which five are cities, as many as in a state that there is, a third had none."""
    catalog = RIBERA.catalog
    small = tuple(each.model_copy(update={"weight": 0.01}) for each in catalog.municipalities[1:])
    places = (catalog.municipalities[0].model_copy(update={"weight": 900.0}), *small)
    stations = night(3, RIBERA.but(catalog=catalog.model_copy(update={"municipalities": places}))).stations
    assert {each.municipality for each in stations} == {each.id for each in places}
    assert len(stations) == catalog.stations


def test_the_page_tells_the_day_on_which_people_vote() -> None:
    """Whether the results of that day are published after midnight, or those of a rehearsal months before."""
    rehearsed = RIBERA.but(opens=RIBERA.opens - timedelta(days=180), day=date(2027, 6, 6))
    assert pages.election_of(rehearsed)["jornada"] == "2027-06-06"
    assert "2027" in database.packed_name(rehearsed, "X"), "and its year is in the names of tables"
    assert pages.election_of(RIBERA.but(day=None))["jornada"] == "2027-06-06", "that of the opening"
