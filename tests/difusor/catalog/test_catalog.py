"""A place is data: its catalogue is read whole or refused in Spanish, with the file and the key."""

from __future__ import annotations

import struct
import zoneinfo
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from difusor import catalog
from difusor.catalog import CatalogError, reading
from difusor.project import HOME, ROOT

GOOD = (ROOT / "catalogs/ribera.yml").read_text(encoding="utf-8")
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return a function that writes the institute's own catalogue of a place that the project has not."""
    monkeypatch.setenv(HOME, str(tmp_path))

    def run(text: str) -> Path:
        path = tmp_path / "catalogs/islas.yml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return run


@pytest.mark.parametrize("place", [path.stem for path in (ROOT / "catalogs").glob("*.yml")])
def test_every_catalogue_of_the_project_can_be_used(place: str) -> None:
    found = catalog.load(place)
    assert [found.office(key).key for key in found.keys] == list(found.keys)


def test_names_keep_quotes_accents_and_signs() -> None:
    names = [each.name for each in catalog.load("ribera").municipalities]
    assert {'Peñón de "Las Ánimas"', "San Ángel d'Anza", "Pingüinera & Ñandúes", "<Cañada Honda>"} < set(names)


@pytest.mark.parametrize(
    ("instant", "hours"),
    [
        (datetime(2027, 6, 7, 2, tzinfo=UTC), -7),
        (datetime(2027, 11, 7, 8, 59, tzinfo=UTC), -7),
        (datetime(2027, 11, 7, 9, 1, tzinfo=UTC), -8),
    ],
)
def test_the_difference_with_utc_is_that_of_the_day(instant: datetime, hours: int) -> None:
    assert catalog.load("ribera").offset(instant) == timedelta(hours=hours)


@pytest.fixture
def zones(tmp_path: Path) -> Iterator[Callable[[bytes], None]]:
    """Return a function that makes the machine's zone data say this rule, in POSIX's form, of two zones of Mexico's."""

    def forget() -> None:
        ZoneInfo.clear_cache()
        reading._load.cache_clear()

    def say(rule: bytes) -> None:
        # Twice a head with the numbers of its entries, one zone of UTC-6, and its letters; then the rule.
        block = (
            b"TZif2"
            + bytes(15)
            + struct.pack(">6l", 0, 0, 0, 0, 1, 4)
            + struct.pack(">lbb", -6 * 3600, 0, 0)
            + b"CST\0"
        )
        (tmp_path / "America").mkdir(exist_ok=True)
        for name in ("Mexico_City", "Tijuana"):
            (tmp_path / "America" / name).write_bytes(block * 2 + b"\n" + rule + b"\n")
        zoneinfo.reset_tzpath([str(tmp_path)])
        forget()

    yield say
    zoneinfo.reset_tzpath()
    forget()


def test_zone_data_of_before_the_end_of_summer_time_are_refused(write: Write, zones: Callable[[bytes], None]) -> None:
    """They have an hour more in June, and who did as was told of the difference with UTC would have opened early."""
    write(GOOD.replace("America/Tijuana", "America/Mexico_City"))
    zones(b"CST6CDT,M4.1.0,M10.5.0")
    with pytest.raises(CatalogError, match="son de antes de octubre de 2022") as refused:
        catalog.load("islas")
    assert "sudo apt-get install --only-upgrade tzdata" in str(refused.value)
    write(GOOD)  # where the clocks still change
    zones(b"PST8PDT,M3.2.0,M11.1.0")
    assert catalog.load("islas").offset(datetime(2027, 6, 7, 2, tzinfo=UTC)) == timedelta(hours=-7)
    write(GOOD.replace("America/Tijuana", "America/Mexico_City"))
    zones(b"CST6")
    assert catalog.load("islas").offset(datetime(2027, 6, 7, 2, tzinfo=UTC)) == timedelta(hours=-6)


FAULTS: dict[str, tuple[str, str, str]] = {
    "municipality twice": ("{id: 2, name: Peñón", "{id: 1, name: Peñón", "municipalities: hay dos con id: 1; deje uno"),
    "district twice": ("{id: 2, name: Sierra}", "{id: 3, name: Sierra}", "districts: hay dos con id: 3"),
    "office twice": ("key: congreso", "key: alcaldias", "offices: hay dos con key: alcaldias"),
    "two offices, one name of file": ("code: DIP_LOC", "code: ALC", "offices: hay dos con code: ALC"),
    "two offices, one key of acta": ("letter: D", "letter: A", "offices: hay dos con letter: A"),
    "two places of one name": (
        "name: Güémez Viejo",
        "name: Puerto Añil",
        "municipalities: hay dos que en Alcaldías se llaman «Puerto Añil»; agregue algo que los distinga, en name",
    ),
    "two districts of one name, which their numbers tell apart": ("name: Sierra}", "name: Vega}", ""),
    "district that is not there": ("districts: [1, 3]", "districts: [1, 4]", "Puerto Añil dice el distrito 4, que no"),
    "district without municipality": ("districts: [1, 3]", "districts: [1]", ""),
    "empty district": ("{id: 3, name: Vega}", "{id: 3, name: Vega}\n  - {id: 4, name: Mar}", "el 4 no tiene ningún"),
    "zone that nobody has": ("America/Tijuana", "America/Ribera", "timezone: «America/Ribera» no es una zona horaria"),
    "zone of half an hour": ("America/Tijuana", "America/St_Johns", "no es una zona horaria de horas enteras"),
    "zone that is a folder": ("America/Tijuana", "America/Argentina", "no es una zona horaria"),
    "unknown key": ("number: 99", "numero: 99", "entity.numero: no existe; quítela"),
    "missing key": ("clock: Tiempo del Noroeste\n", "", "clock: falta"),
    "text for a number": ("weight: 41", 'weight: "41"', 'municipalities[2] («Peñón de "Las Ánimas"»).weight: debe ser'),
    "nobody lives there": ("weight: 41", "weight: 0", "weight: «0» está fuera de los límites"),
    "integrity code that nobody checks": ("integrity_code: md5", "integrity_code: crc32", "integrity_code: debe ser"),
    "office with the name of another file": ("key: congreso", "key: corte", "«corte» ya es el nombre de otra página"),
    "office that leaves its folder": ("key: congreso", "key: ../x", "offices[2] («Congreso del estado»).key: no tiene"),
    "name of a file without its time": ('archive: "{stamp}_', 'archive: "', "files.archive: «PREP_{entity}.zip» debe"),
    "name of a file with an unknown blank": (
        "{stamp}_PREP_{entity}_{office}",
        "{stamp}_{hora}_{office}",
        "files.table: «",
    ),
    "tables that all have one name": ("{stamp}_PREP_{entity}_{office}", "{stamp}_PREP", "que lleve {office}"),
    "key twice": ("stations: 310", "stations: 310\nstations: 311", "stations ya está en el renglón 31; deje uno solo"),
    "fewer polling stations than places": (
        "stations: 310",
        "stations: 6",
        "stations: son menos casillas que municipios",
    ),
    "column of nobody": ("{TOTAL_REP_PARTIDO_CI_VOTARON:", "{TRASLADO:", "tables.names.TRASLADO"),
    "dates of nobody": ("dates: d/m/Y", "dates: m/d/Y", "tables.dates: debe ser 'Y-m-d' o 'd/m/Y'"),
    "alias that grows": ("name: Sierra}", "name: &a Sierra}\n  - *a", "no es YAML: línea 36, columna 5: un texto que"),
    "a tab": ("stations: 310", "\tstations: 310", "columna 1: hay un tabulador o un signo que YAML no admite ahí"),
    "what a power cut left": ("number: 99", "number: \0\0\0", "islas.yml está dañado: tiene bytes en cero, como los"),
    "no YAML": ("stations: 310", "stations: [310", "no es YAML: línea"),
    "two columns of one name": (
        "{TOTAL_REP_PARTIDO_CI_VOTARON:",
        "{EXT_CONTIGUA: REPRESENTANTES_PP_CI, TOTAL_REP_PARTIDO_CI_VOTARON:",
        "tables.names: «REPRESENTANTES_PP_CI» ya es el nombre de otra columna",
    ),
    "column of another's name": ("VOTARON: REPRESENTANTES_PP_CI", "VOTARON: CONTABILIZADA", "«CONTABILIZADA» ya es"),
    "column of a name that another gave up": (
        "{TOTAL_REP_PARTIDO_CI_VOTARON: REPRESENTANTES_PP_CI, MECANISMOS_TRASLADO: MECANISMO_TRASLADO}",
        "{TOTAL_REP_PARTIDO_CI_VOTARON: MECANISMOS_TRASLADO, MECANISMOS_TRASLADO: MECANISMO_TRASLADO}",
        "",
    ),
    "name of a file that no server gives": ("_{office}.csv", "_{office}.dat", "files.table: «{stamp}_PREP_"),
    "name of a file that no corte may have": ("}.zip", "}:1.zip", "no puede ser el nombre de un archivo de un corte"),
    "two downloads of one name": (
        'archive: "{stamp}_PREP_{entity}.zip"\n  table: "{stamp}_PREP_{entity}_{office}.csv"',
        'archive: "{stamp}_{entity}_alc.csv"\n  table: "{stamp}_{entity}_{office}.csv"',
        "files.table: sería también el nombre de otro archivo del corte",
    ),
    "table that the archive has already": ("code: ALC", "code: CANDIDATURAS", "«CANDIDATURAS» ya es el nombre de otra"),
    "two offices, one name": ("short: Congreso", "short: Alcaldías", "offices: hay dos con short: Alcaldías"),
    "blank name": ("name: Puerto Añil", 'name: "  "', "name: está vacía; escriba su valor"),
    "name of two lines": ("name: Sierra", 'name: "Sie\\nrra"', "[2] («Sie rra»).name: debe caber en una línea"),
    "name with a sign that acts": ("name: Sierra", 'name: "Sie\\e[31mrra"', "name: debe caber en una línea"),
    "endless weight": ("weight: 41", "weight: .inf", "weight: debe ser un número"),
    "a text that a # cuts": ("number: 99", "number: x #9", "renglón 3: tras un espacio y «#» no se lee nada: «#9"),
    "no octal number": ("number: 99", "number: 08", "renglón 3: 08: quite los ceros de la izquierda, o póngalo entre"),
    "octal number": ("stations: 310", "stations: 0310", "renglón 31: 0310: quite los ceros de la izquierda"),
    "octal number in a list": ("districts: [1, 3]", "districts: [1, 010]", ": 010: quite los ceros"),
    "expression": ("title: Estado de Ribera", "title: {{ nombre }}", "antes de «:» va un nombre; un texto que empieza"),
    "list as a key": ("stations: 310", "stations: 310\n? [a]\n: 1", "renglón 32: antes de «:» va un nombre"),
    "date as a key": ("stations: 310", "stations: 310\n2027-02-28: 1", "renglón 32: antes de «:» va un nombre"),
    "30th of February": ("name: Ribera", "name: 2027-02-30", "«2027-02-30» no es una fecha ni un número que exista"),
}


@pytest.mark.parametrize(("old", "new", "sentence"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_told_with_its_file_and_key(write: Write, old: str, new: str, sentence: str) -> None:
    assert old in GOOD
    path = write(GOOD.replace(old, new, 1))
    if not sentence:  # it is no fault
        assert catalog.load("islas")
        return
    with pytest.raises(CatalogError) as told:
        catalog.load("islas")
    assert str(told.value).startswith(str(path)) and sentence in str(told.value)


def test_line_ends_around_a_text_are_none_of_it(write: Write) -> None:
    write(GOOD.replace("{id: 3, name: Vega}", "id: 3\n    name: |\n      Vega\n"))
    assert catalog.load("islas").districts[2].name == "Vega"


def test_zeros_before_a_number_that_change_nothing_are_taken(write: Write) -> None:
    write(GOOD.replace("districts: [1, 3]", "districts: [01, 03]").replace("name: Ribera", 'name: "010"'))
    found = catalog.load("islas")
    assert (found.municipalities[0].districts, found.entity.name) == ((1, 3), "010")


@pytest.mark.parametrize("text", ["", "islas\n", "- 1\n", "null\n", "entity: []\n", "offices: {a: 1}\n"])
def test_what_is_no_catalogue_is_refused(write: Write, text: str) -> None:
    path = write(text)
    with pytest.raises(CatalogError, match=str(path)):
        catalog.load("islas")


def test_all_faults_are_told_at_once(write: Write) -> None:
    write(GOOD.replace("number: 99", "number: 100").replace("letter: D", "letter: d"))
    with pytest.raises(CatalogError) as told:
        catalog.load("islas")
    assert len(str(told.value).splitlines()) == 2


def test_a_catalogue_in_another_encoding_is_refused(write: Write) -> None:
    path = write(GOOD)
    path.write_bytes(GOOD.encode("latin-1"))
    with pytest.raises(CatalogError, match="no está en UTF-8; guárdelo"):
        catalog.load("islas")


def test_the_institute_s_own_catalogue_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own: dict[str, Any] = yaml.safe_load(GOOD)
    own["municipalities"][0]["name"] = "Puerto Nuevo"
    (tmp_path / "catalogs").mkdir()
    (tmp_path / "catalogs/ribera.yml").write_text(yaml.safe_dump(own, allow_unicode=True), encoding="utf-8")
    assert catalog.load("ribera").municipalities[0].name == "Puerto Añil"
    monkeypatch.setenv(HOME, str(tmp_path))
    assert catalog.load("ribera").municipalities[0].name == "Puerto Nuevo"
    assert set(catalog.names()) >= {"ribera", *(path.stem for path in (ROOT / "catalogs").glob("*.yml"))}


@pytest.mark.parametrize("cut_off", ["catalogs", "catalogs/ribera.yml"])
def test_the_institute_s_own_on_a_disk_that_is_away_is_not_the_projects(
    cut_off: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The project has a place and a call of the same name, and every difusor would be judged by these."""
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / cut_off).parent.mkdir(exist_ok=True)
    (tmp_path / "x" / cut_off).symlink_to("/media/instituto/nada")
    monkeypatch.setenv(HOME, str(tmp_path / "x"))
    with pytest.raises(CatalogError, match=r"no se puede leer .*/x/catalogs/ribera.yml: no existe"):
        catalog.load("ribera")


def test_a_place_that_nobody_described_is_named_with_those_that_exist() -> None:
    with pytest.raises(CatalogError, match=r"no hay catálogo de «atlántida» \(catalogs/atlántida.yml\).*ribera"):
        catalog.load("atlántida")
