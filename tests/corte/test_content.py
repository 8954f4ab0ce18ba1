"""The reader of a corte's tables: it warns of what does not add up, and no table can crash the intake."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inventory_kit import shipped

from corte.format import content, counts
from difusor.synthetic import Setting, write_corte

OPENS = datetime(2024, 6, 3, 2, tzinfo=UTC)
HEAD = b"x\r\n2024/06/02 20:00 (UTC-6)\r\nACTAS_CAPTURADAS,ACTAS_ESPERADAS\r\n5,9\r\n"
SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture(scope="module")
def corte(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, datetime]:
    folder = tmp_path_factory.mktemp("corte")
    made = write_corte(folder, Setting.of(shipped("ribera-2027")), number=20, seed=1)
    return folder, made.corte


def paths(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]


def test_a_whole_corte_adds_up(corte: tuple[Path, datetime]):
    folder, instant = corte
    said = content.read(folder, paths(folder), instant)
    assert said.warnings == []
    assert len(said.captured) == 4  # two tables, each as a file and again inside the zip
    assert all(count > 0 for count in said.captured.values())


def test_another_instant_is_noticed_in_name_and_header(corte: tuple[Path, datetime]):
    folder, instant = corte
    said = content.read(folder, paths(folder), instant.replace(minute=instant.minute - 3))
    assert any("su nombre no es" in warning for warning in said.warnings)
    assert any("su encabezado no es" in warning for warning in said.warnings)
    assert any("posterior al corte" in warning for warning in said.warnings)


@pytest.mark.parametrize(
    ("cell", "warned", "unchecked"),
    [
        ("2024-06-02 20:00:59", False, False),
        ("02/06/2024 20:00:59", False, False),
        ("2/6/2024 20:01:00", True, False),
        ("2024/06/02 20:01", True, False),
        ("2024-06-02T20:01:59", True, False),
        ("2024-06-02T20:00:59.5", False, False),
        ("2024-06-03 1:30:00", True, False),
        ("2024-6-3 01:30", True, False),
        ("02/06/2024 11:59 PM", True, False),
        ("02/06/2024 08:00:59 p. m.", False, False),
        ("02/06/2024 08:01:00 p.\xa0m.", True, False),
        ("2024-06-02 12:30 a. m.", False, False),
        ("2024-06-03T02:00:00Z", False, True),
        ("2024-06-02 20:00:00-06:00", False, True),
        ("02/06/24 23:59", False, True),
        ("06/13/2024 20:00", False, True),
        ("2024-06-02 20:00" + " " * 60_000 + "x", False, True),
        ("Jun 2 2024 8:01PM", False, True),
        ("-", False, False),
    ],
)
def test_an_acta_later_than_its_corte_is_noticed_however_its_time_is_written(
    tmp_path: Path, cell: str, warned: bool, unchecked: bool
):
    (tmp_path / "a.csv").write_bytes(HEAD + f"\r\nSHA,FECHA_HORA_CAPTURA\r\n-,{cell}\r\n".encode())
    said = content.read(tmp_path, ["a.csv"], OPENS)
    assert [text for text in said.warnings if "posterior al corte" in text] == [
        "a.csv: 1 actas llevan una hora posterior al corte."
    ] * warned
    assert said.unchecked == ["a.csv: 1 actas llevan una hora que no se sabe leer."] * unchecked
    assert said.rows == 1


def test_what_is_no_table_and_what_tells_no_instant_is_said_to_be_unchecked(tmp_path: Path):
    (tmp_path / "a.csv").write_bytes(b"CANDIDATURA,NOMBRE\r\n1,Uno\r\n")
    (tmp_path / "b.csv").write_bytes(HEAD.replace(b"(UTC-6)", b"hora local"))
    said = content.read(tmp_path, ["a.csv", "b.csv"], OPENS)
    assert [text.partition(":")[0] for text in said.unchecked] == ["a.csv", "b.csv", "b.csv"]


def test_what_a_table_has_no_column_for_is_not_said_to_be_compared(tmp_path: Path):
    (tmp_path / "a.csv").write_bytes(HEAD + b"\r\nSECCION,FECHA_CAPTURA,HASH\r\n1,2024-06-03 23:59:00,zz\r\n")
    said = content.read(tmp_path, ["a.csv"], OPENS)
    assert said.unchecked == [
        "a.csv: no tiene columnas de hora (FECHA_HORA_…).",
        "a.csv: no tiene columna de código (CODIGO_INTEGRIDAD o SHA).",
    ]


ROWS = HEAD + b"\r\nSECCION,FECHA_HORA_CAPTURA,CODIGO_INTEGRIDAD\r\n1,2024-06-03 23:59:00,zz\r\n"


@pytest.mark.parametrize(
    "text",
    [
        ROWS,
        ROWS.replace(b",", b", "),
        ROWS.replace(b",", b" , "),
        ROWS.replace(b",", b";"),
        ROWS.replace(b",", b"\t"),
        ROWS.replace(b",", b"|"),
        ROWS.lower(),
        ROWS.replace(b"ACTAS_", b"Actas "),
        b"\xef\xbb\xbf" + ROWS,
        b"t\xc3\xadtulo, de dos, o m\xc3\xa1s\r\n" * 12 + ROWS,
    ],
    ids=["INE's", "spaces", "more spaces", "semicolons", "tabs", "bars", "lower case", "words", "mark", "titles"],
)
def test_rows_are_compared_however_the_table_is_written(tmp_path: Path, text: bytes):
    """Nothing of them was compared, and nobody was told."""
    (tmp_path / "a.csv").write_bytes(text)
    said = content.read(tmp_path, ["a.csv"], OPENS)
    assert (said.captured, said.rows, said.unchecked) == ({"a.csv": 5}, 1, [])
    assert [warning.partition(": ")[2] for warning in said.warnings] == [
        "1 renglones están incompletos o llevan un código de integridad mal formado.",
        "1 actas llevan una hora posterior al corte.",
    ]


@pytest.mark.parametrize("totals", [b"ACTAS_CAPTURADAS\r\n5", b"\xef\xbb\xbfACTAS_ESPERADAS,ACTAS_CAPTURADAS\r\n9,5"])
def test_more_actas_than_expected_are_told_only_where_they_are(tmp_path: Path, totals: bytes):
    (tmp_path / "a.csv").write_bytes(totals + b"\r\n\r\nSECCION,VOTOS\r\n1,2\r\n")
    assert content.read(tmp_path, ["a.csv"], OPENS).warnings == []


def test_the_first_row_of_a_summary_is_not_taken_for_totals(tmp_path: Path):
    """In another order its count would be lower, and the corte refused as fallen."""
    for name, title in (("a.csv", b""), ("b.csv", b"Resumen\r\n")):
        (tmp_path / name).write_bytes(title + b"Municipio;Actas capturadas\r\nUno;7\r\nDos;9\r\n")
    said = content.read(tmp_path, ["a.csv", "b.csv"], OPENS)
    assert (said.captured, said.warnings, len(said.unchecked)) == ({}, [], 2)


def test_a_table_in_utf_16_is_told_as_that(tmp_path: Path):
    (tmp_path / "a.csv").write_bytes(ROWS.decode().encode("utf-16"))
    assert content.read(tmp_path, ["a.csv"], OPENS).warnings == ["a.csv: no se puede leer (no está en UTF-8)."]


@given(raw=st.binary(max_size=400), name=st.sampled_from(["a.csv", "a.zip", "99999999_9999_a.csv"]))
def test_no_content_crashes_the_reader(tmp_path_factory: pytest.TempPathFactory, raw: bytes, name: str):
    folder = tmp_path_factory.getbasetemp()
    (folder / name).write_bytes(HEAD[:-5] + raw)
    content.read(folder, [name], OPENS)


@given(
    how=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]),
    spoilt=st.dictionaries(st.integers(0, 400), st.integers(0, 255), max_size=4),
)
def test_no_archive_crashes_the_reader(tmp_path_factory: pytest.TempPathFactory, how: int, spoilt: dict[int, int]):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", how) as packed:
        packed.writestr("a.csv", HEAD + b"1\r\n" * 200)
    raw = bytearray(archive.getvalue())
    for at, byte in spoilt.items():
        raw[at % len(raw)] = byte
    folder = tmp_path_factory.getbasetemp()
    (folder / "a.zip").write_bytes(raw)
    content.read(folder, ["a.zip"], OPENS)


def test_what_a_warning_says_is_bounded(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("x" * 60_000 + ".csv", HEAD.replace(b"9", b"0"))
    (warning,) = content.read(tmp_path, ["a.zip"], OPENS).warnings
    assert len(warning) == content.MAX_WARNING


SMALL = 320 * 1024 * 1024
"""Bytes of address space: plenty for Python and a normal table, too little for a row of 250 MB."""


def archive_of(path: Path, line: bytes, times: int) -> None:
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed,
        packed.open("a.csv", "w") as table,
    ):
        table.write(HEAD + b"A,B\r\n")
        for _ in range(times):
            table.write(line)


@pytest.mark.parametrize(
    ("name", "line", "times"),
    [("a.zip", b"," * 1_000_000, 250), ("a.zip", b"1,2\r\n" * 200_000, 4), ("a.csv", b"x" * 1_000_000, 300)],
    ids=["one row of commas", "rows without end", "one line"],
)
def test_no_table_exhausts_a_server(tmp_path: Path, name: str, line: bytes, times: int):
    """The reader gives one warning for a table that is too large, in little memory, even if the table was signed."""
    if name == "a.zip":
        archive_of(tmp_path / name, line, times)
    else:
        (tmp_path / name).write_bytes(HEAD + line * times)
    code = f"""
import resource
from datetime import datetime, timezone
from pathlib import Path
from corte.format import content, counts
resource.setrlimit(resource.RLIMIT_AS, ({SMALL}, {SMALL}))
said = content.read(Path({str(tmp_path)!r}), [{name!r}], datetime(2024, 6, 3, 2, tzinfo=timezone.utc))
print(len(said.warnings))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(SCRIPTS)}, capture_output=True
    )
    assert (done.returncode, done.stdout) == (0, b"1\n"), done.stderr.decode()


def test_a_corte_has_no_more_tables_than_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(content, "MAX_TABLES", 2)
    for number in range(3):
        (tmp_path / f"{number}.csv").write_bytes(HEAD + b"%d\r\n" % number)
    said = content.read(tmp_path, paths(tmp_path), OPENS)
    assert (len(said.captured), any("demasiadas" in warning for warning in said.warnings)) == (2, True)


def test_totals_may_have_commas_between_thousands(tmp_path: Path):
    """At the thousandth acta such a table could not be read any more, and every server refused the corte as fallen."""
    top = 'x\r\n2024/06/02 20:00 (UTC-6)\r\nACTAS_CAPTURADAS,ACTAS_ESPERADAS\r\n{},"2,583"\r\n'
    found = []
    for captured in ("999", '"1,000"'):
        (tmp_path / "tabla.csv").write_text(top.format(captured))
        said = content.read(tmp_path, ["tabla.csv"], OPENS)
        assert said.warnings == []
        found.append(said.captured)
    assert found == [{"tabla.csv": 999}, {"tabla.csv": 1000}]
    assert counts.fallen(*found) == ""


def test_counts_fall_only_when_a_table_has_fewer_actas():
    assert counts.fallen({}, {"a": 1}) == ""
    assert counts.fallen({"a": 1}, {"a": 1, "b": 0}) == ""
    assert "a tenía 2" in counts.fallen({"a": 2}, {"a": 1})
    assert "ahora 0" in counts.fallen({"a": 2}, {"a": 0})
    assert "ahora falta o no se lee" in counts.fallen({"a": 2}, {})
    assert counts.fallen({"a": 0}, {}) == ""


def test_a_table_is_found_again_where_its_folder_has_another_name():
    before = {"a/T.csv": 5, "b/T.csv": 7}
    assert counts.fallen(before, {"c/T.csv": 5, "b/T.csv": 7}) == ""
    assert "a/T.csv tenía 5 actas capturadas y ahora 4" in counts.fallen(before, {"c/T.csv": 4, "b/T.csv": 7})
    assert "a/T.csv tenía 5 actas capturadas y ahora falta" in counts.fallen(before, {"b/T.csv": 7})


def test_counts_kept_by_an_earlier_version_are_compared_by_the_name_alone():
    now = {"a/T.csv": 3, "a/todo.zip/T.csv": 7, "b/S.csv": 2, "U.csv": 1}
    assert counts.fallen({"T.csv": 7, "S.csv": 2, "U.csv": 1}, now) == ""
    assert "T.csv tenía 8 actas capturadas y ahora 7" in counts.fallen({"T.csv": 8}, now)
    assert "V.csv tenía 1 actas capturadas y ahora falta" in counts.fallen({"V.csv": 1}, now)
