"""Before an official opening a server takes in only the corte of zeros, and keeps nothing of any other."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from corte_kit import FILES, ZEROS, Server, make_key, table, write_files
from inventory_kit import shipped

from corte.format import content, instants, manifest, signature
from corte.server.clock import Clock
from corte.server.intake import Intake
from corte.server.memory import Memory
from difusor.synthetic import Setting, write_corte

SECRET = b'{"votos": 4321, "totales": {"actas_capturadas": 7}}'
EARLY = {**ZEROS, "descargas/GUB.csv": table(0, registered=0), "datos/congreso.json": SECRET}


def official(folder: Path, key: Path, opens: datetime, synchronised: bool = True) -> Server:
    """Return an official server, its gate closed until `opens`, whose gate has said whether the clock is right."""
    server = Server.make(folder, key, opens)
    server.config = replace(server.config, environment="official")
    memory, now = Memory(server.config), instants.now()
    memory.publish(memory.load(), "waiting", Clock(synchronised, 0.0, 0.001, now), now)
    return server


def send(server: Server, sequence: int, files: dict[str, bytes], **changes: Any) -> dict[str, Any]:
    return server.send(sequence, files, environment="official", **changes)


def kept(server: Server, text: bytes = b'"votos": 4321') -> list[Path]:
    """Return the files below the server's folders that hold a text, or whose name does."""
    everything = [path for path in server.config.store.parent.rglob("*") if path.is_file()]
    return [path for path in everything if text in path.read_bytes()]


@pytest.fixture
def server(tmp_path: Path, key: Path) -> Server:
    return official(tmp_path / "srv", key, instants.now().replace(microsecond=0) + timedelta(hours=1))


def test_the_corte_of_zeros_is_held(server: Server):
    attempt = send(server, 1, ZEROS, corte=server.config.window.opens)
    assert (attempt["result"], server.status()["held"]["sequence"]) == ("held", 1)


def test_before_the_opening_any_other_corte_is_deleted(server: Server):
    assert send(server, 1, ZEROS)["result"] == "held"
    attempt = send(server, 2, EARLY)
    assert (attempt["result"], attempt["code"]) == ("refused", "early")
    assert kept(server) == [] and list(server.config.incoming.iterdir()) == []
    assert server.status()["held"]["sequence"] == 1
    assert "7" not in attempt["reason"] and attempt["warnings"] == []
    assert send(server, 2, {**ZEROS, "nuevo.csv": b"n"})["result"] == "held", "a good one is taken in afterwards"


@pytest.mark.parametrize("spoil", ["signature", "window", "missing", "size"])
def test_a_corte_refused_for_another_reason_is_not_kept_either(server: Server, spoil: str, tmp_path: Path):
    found = server.manifest(2, EARLY, environment="official")
    key = server.key
    if spoil == "signature":
        key = make_key(tmp_path, "intruso")
    elif spoil == "window":
        earlier = server.config.window.opens - timedelta(hours=3)
        found = replace(found, window=replace(found.window, opens=earlier))
    elif spoil == "missing":
        (server.config.incoming / "datos/corte.json").unlink()
    else:
        (server.config.incoming / "datos/corte.json").write_bytes(b"x")
    assert server.push(found.to_bytes(), key)["code"] == spoil
    assert kept(server) == []


def test_a_push_that_came_meanwhile_keeps_its_signature(server: Server, monkeypatch: pytest.MonkeyPatch):
    """It is told that its files are missing, and the publisher sends them again."""
    accept = Intake._accept

    def another_arrives(*arguments: Any) -> Any:
        try:
            return accept(*arguments)
        finally:
            (server.config.incoming / manifest.SIGNATURE_NAME).write_bytes(b"x")

    raw = server.manifest(2, EARLY, environment="official").to_bytes()
    (server.config.incoming / manifest.NAME).write_bytes(raw)
    (server.config.incoming / manifest.SIGNATURE_NAME).write_bytes(signature.sign(raw, server.key, "demo"))
    monkeypatch.setattr(Intake, "_accept", another_arrives)
    assert Intake(server.config).run() == 0
    assert [path.name for path in server.config.incoming.iterdir()] == [manifest.SIGNATURE_NAME]


def test_after_the_opening_it_is_shown(tmp_path: Path, key: Path):
    server = official(tmp_path / "srv", key, instants.now().replace(microsecond=0) - timedelta(minutes=1))
    server.config.gate_file.touch()
    assert send(server, 2, EARLY)["result"] == "shown"
    assert send(server, 1, EARLY)["code"] == "rollback"
    assert (server.config.incoming / "datos/congreso.json").exists(), "a difference is cheaper to send than all"


def test_a_rehearsal_holds_any_corte(tmp_path: Path, key: Path):
    opens = instants.now().replace(microsecond=0) + timedelta(hours=1)
    assert Server.make(tmp_path / "srv", key, opens).send(2, EARLY)["result"] == "held"


@pytest.mark.parametrize(
    ("opens", "signed", "code"),
    [(timedelta(hours=-1), timedelta(hours=-2), "early"), (timedelta(hours=1), timedelta(hours=2), None)],
    ids=["a clock ahead", "a clock behind"],
)
def test_with_the_clock_in_doubt_the_instant_of_signing_tells(
    tmp_path: Path, key: Path, opens: timedelta, signed: timedelta, code: str | None
):
    now = instants.now().replace(microsecond=0)
    server = official(tmp_path / "srv", key, now + opens, synchronised=False)
    assert send(server, 2, EARLY, generated=now + signed, corte=now + signed)["code"] == code
    assert bool(kept(server)) == (code is None)


def packed(folder: Path, text: bytes) -> bytes:
    with zipfile.ZipFile(folder / "todo.zip", "w") as archive:
        archive.writestr("GUB.csv", text)
    return (folder / "todo.zip").read_bytes()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("datos/a.json", b'{"x": [{"actas_capturadas": 1}]}'),
        ("datos/a.json", b'{"cargos": {"x": {"actas_capturadas": [0, 1]}}}'),
        ("datos/a.json", b'{"actasCapturadas": "1,204"}'),
        ("datos/a.json", b'{"actasContabilizadas": 1}'),
        ("datos/a.json", b'{"actas": [["170012B0100", 12]]}'),
        ("datos/a.JSON", b'{"actas_capturadas": null}'),
        ("datos/a.json", b'{"actas_capturadas": false}'),
        ("datos/a.json", b"{"),
        ("datos/a.json", b"[" * 100_000),
        ("datos/a.json", b" " * (content.MAX_JSON_BYTES + 1)),
        ("descargas/a.csv", table(1)),
        ("descargas/a.csv", table(0, registered=1)),
        ("descargas/a.csv", table(0, registered=1, digest="-")),
        ("descargas/a.csv", table(0, registered=1, digest="-", at="02/06/2024 20:00")),
        ("descargas/a.CSV", table(3)),
        ("descargas/a.csv", table(3).replace(b",", b";")),
        ("descargas/a.csv", table(3).replace(b",", b"\t")),
        ("descargas/a.csv", table(0, registered=1, digest="-").replace(b",", b";")),
        ("descargas/a.csv", table(3).replace(b"ACTAS_", b"Actas ")),
        ("descargas/a.csv", b"x\r\n" * 12 + table(0, registered=1)),
        ("descargas/a.csv", b"\xef\xbb\xbf" + table(3).partition(b"(UTC-6)\r\n")[2]),
        ("descargas/a.csv", table(3).partition(b"\r\n\r\n")[2]),
        ("descargas/a.csv", table(0, registered=1, digest="a" * 32).partition(b"\r\n\r\n")[2].replace(b",", b"\t")),
        ("descargas/a.csv", table(0, registered=1).replace(b"CODIGO_INTEGRIDAD", b"HUELLA").replace(b"FECHA_", b"")),
        ("descargas/a.csv", table(0, registered=1, digest="-", at="Jun 2 2024 8:01PM")),
        ("descargas/a.csv", table(3).decode().encode("utf-16")),
        ("descargas/a.csv", b"MUNICIPIO;Actas capturadas\r\nUno;0\r\nDos;5\r\n"),
        ("descargas/a.csv", b"Resumen\r\nMUNICIPIO,ACTAS_CAPTURADAS\r\nUno,0\r\nDos,5\r\n"),
        ("descargas/a.csv", b"Resumen\r\nMUNICIPIO,ACTAS_CAPTURADAS\r\nUno,0\r\nDos,0\r\nTres,1\r\n"),
        ("descargas/a.zip", table(3)),
        ("descargas/b.zip", b"no es un zip"),
        ("actas/00/170012B0100.jpg", b"x"),
        ("Actas/x.png", b"x"),
    ],
)
def test_what_may_hold_a_captured_acta(tmp_path: Path, path: str, text: bytes):
    write_files(tmp_path, {**ZEROS, path: packed(tmp_path, text) if path == "descargas/a.zip" else text})
    assert path in content.captures(tmp_path, [*ZEROS, path])


NONE = table(0, registered=0)


@pytest.mark.parametrize(
    "text",
    [
        NONE,
        NONE.replace(b",", b";"),
        NONE.replace(b",", b"\t"),
        NONE.replace(b",", b"|"),
        NONE.replace(b",", b", "),
        NONE.lower(),
        b"\xef\xbb\xbf" + NONE,
        b"PREP, el 2024-06-02 20:00:00\r\n" * 12 + NONE,
        table(0, registered=3, digest="-").replace(b"2024/06/02 20:00:00", b"-"),
        b"CANDIDATURA,NOMBRE\r\n1,Uno\r\n",
        b"MUNICIPIO;Actas capturadas\r\n1;0\r\n2;0\r\n",
        b"MUNICIPIO,ACTAS_CAPTURADAS\r\nUno,0\r\nDos,0\r\n",
        b"Actas capturadas\r\nMUNICIPIO,NOMBRE\r\n1,Uno\r\n",
        b"CAMPO,CONTENIDO\r\nPORCENTAJE,de 1 a 100\r\nCAPTURADAS,de 1 a 9999\r\n",
        b"AVISO,HORA\r\nprimer corte,2024-06-02 20:00:00\r\n",
    ],
)
def test_a_table_of_zeros_is_one_however_it_is_written(tmp_path: Path, text: bytes):
    write_files(tmp_path, {**ZEROS, "descargas/a.csv": text})
    assert content.captures(tmp_path, [*ZEROS, "descargas/a.csv"]) == ""


def test_a_code_without_totals_is_told_as_one(tmp_path: Path):
    """A list of digests, which is no acta, can then be moved to a file of another kind."""
    write_files(tmp_path, {"a.csv": b"archivo,sha256\r\nx," + b"a" * 64 + b"\r\n"})
    assert content.captures(tmp_path, ["a.csv"]) == "a.csv lleva códigos como los de integridad de las actas"


@pytest.mark.parametrize("files", [FILES, {"index.html": b"x"}, {"datos/a.json": b'{"actas": []}'}])
def test_a_corte_without_counts_is_not_taken_for_one_of_zeros(tmp_path: Path, files: dict[str, bytes]):
    write_files(tmp_path, files)
    assert content.captures(tmp_path, files)


def test_zeros_may_come_in_more_json_files_than_there_may_be_tables(server: Server):
    """One for each section or polling station is normal."""
    sections = {f"datos/secciones/{number}.json": ZEROS["datos/corte.json"] for number in range(content.MAX_TABLES + 1)}
    assert send(server, 1, {**ZEROS, **sections})["result"] == "held"


@pytest.mark.parametrize(
    ("limit", "at_most", "path", "said"),
    [
        ("MAX_TABLES", 0, "descargas/GUB.csv", "demasiadas tablas: se leen 0"),
        ("MAX_TABLE_BYTES", 10, "descargas/GUB.csv", "la tabla mide más de 0 MiB"),
        ("MAX_READ_BYTES", 10, "descargas/GUB.csv", "los JSON del corte pasa de 0 MiB"),
        ("MAX_READ_BYTES", 10, "datos/corte.json", "los JSON del corte pasa de 0 MiB"),
        ("MAX_JSON_BYTES", 10, "datos/corte.json", "mide más de 0 MiB"),
        ("MAX_PACKED_BYTES", 10, "descargas/todo.zip", "mide más de 0 MiB"),
    ],
)
def test_which_limit_a_file_exceeds_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, at_most: int, path: str, said: str
):
    monkeypatch.setattr(content, limit, at_most)
    text = {"csv": table(0, registered=0), "zip": packed(tmp_path, table(0)), "json": ZEROS["datos/corte.json"]}
    write_files(tmp_path, {path: text[path.rpartition(".")[2]]})
    assert f"{path} no se puede leer" in (why := content.captures(tmp_path, [path])) and said in why


@pytest.mark.parametrize(("number", "zeros"), [(1, True), (5, False)])
def test_the_synthetic_night_begins_with_zeros(tmp_path: Path, number: int, zeros: bool):
    write_corte(tmp_path, Setting.of(shipped("ribera-2027")), number=number, seed=1)
    paths = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()]
    assert (content.captures(tmp_path, paths) == "") is zeros
    assert json.loads((tmp_path / "datos/corte.json").read_text())["secuencia"] == number
