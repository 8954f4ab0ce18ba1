"""Each push reads the next published files again, so what the disk damages is found within so many pushes."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from corte_kit import FAULTS, FILES, Server, flip

from corte.format import files, manifest, tree
from corte.format.manifest import Entry, Manifest
from corte.server import compressed, intake, log

SAMPLE = 1000
ACTAS = {f"actas/{number:02}.bin": bytes([number]) * 400 for number in range(30)}


@pytest.fixture
def read_again(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that the intakes of this test read again, in their order."""
    monkeypatch.setattr(intake, "SAMPLE_BYTES", SAMPLE)
    found: list[str] = []
    original = compressed.is_whole

    def noted(folder: int, path: str, entry: Entry) -> bool:
        found.append(path)
        return original(folder, path, entry)

    monkeypatch.setattr(compressed, "is_whole", noted)
    return found


def push(server: Server, sequence: int, content: dict[str, bytes] | None = None) -> Manifest:
    """Push a corte whose `datos/corte.json` is another one, and assert that it is shown as it was signed."""
    numbered = {"datos/corte.json": b'{"secuencia": %d}\n' % sequence}
    assert server.send(sequence, {**numbered, **(content or {})})["result"] == "shown"
    return manifest.read((server.config.public / "actual/corte.json").read_bytes())


def record(server: Server) -> Path:
    return server.config.store / "relectura.json"


def test_all_files_are_read_again_within_so_many_pushes(server: Server, read_again: list[str]):
    """By lot a damaged file could be served for the whole night."""
    signed = push(server, 6, ACTAS)
    damaged = read_again[0]  # it has had its turn, so it is the last to have the next one
    flip(server.config.public / "actual" / damaged)
    read_again.clear()
    needed = math.ceil(signed.total_bytes / SAMPLE)
    for sequence in range(7, 7 + needed):
        push(server, sequence)
    assert sorted(read_again[: len(signed.files)]) == sorted(signed.files), "a file was read twice before all were"
    told = [entry for entry in log.entries(server.config.store / "bitacora.jsonl") if entry["event"] == "damaged"]
    assert [entry["paths"] for entry in told] == [[damaged]]
    tree.verify(server.config.public / "actual/", push(server, 99))


def test_a_file_larger_than_what_a_push_reads(server: Server, read_again: list[str]):
    large = "actas/05_grande.bin"
    files = push(server, 6, {**ACTAS, large: b"x" * 5 * SAMPLE}).files
    for sequence in range(7, 7 + len(files)):
        if large in read_again:
            break
        push(server, sequence)
    assert read_again[-1] == large, "nothing more is read after it"
    push(server, 50)
    assert read_again[read_again.index(large) + 1] == "actas/06.bin"


def test_a_corte_that_is_asked_for_once_more_is_read_whole(server: Server, read_again: list[str]):
    """The next one begins with the first file, because all have just been read."""
    raw = server.manifest(6, ACTAS).to_bytes()
    server.push(raw)
    read_again.clear()
    assert server.push(raw)["result"] == "repeated"
    assert sorted(read_again) == sorted({**FILES, **ACTAS})
    read_again.clear()
    push(server, 7)
    assert read_again == sorted(ACTAS)[:3]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_record_makes_it_begin_anew(server: Server, read_again: list[str], fault: Callable[[Path], None]):
    push(server, 6, ACTAS)
    push(server, 7)
    fault(record(server))
    read_again.clear()
    push(server, 8)
    assert read_again == sorted(ACTAS)[:3]
    push(server, 9)
    assert read_again == sorted(ACTAS)[:6]


def test_a_record_that_cannot_be_written_stops_nothing(
    server: Server, read_again: list[str], monkeypatch: pytest.MonkeyPatch
):
    push(server, 6, ACTAS)
    damaged = sorted(ACTAS)[3]
    flip(server.config.public / "actual" / damaged)
    original = files.replace

    def full(path: Path, *given: object, **named: object) -> None:
        if path == record(server):
            raise OSError(28, "No space left on device")
        original(path, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(files, "replace", full)
    read_again.clear()
    push(server, 7)
    signed = push(server, 8)
    assert read_again[:3] == read_again[3:] == sorted(ACTAS)[3:6]
    tree.verify(server.config.public / "actual/", signed)


def test_it_goes_on_in_a_tree_that_changed(server: Server, read_again: list[str]):
    push(server, 6, ACTAS)
    assert read_again[-1] == "actas/02.bin"
    for path in ("actas/01.bin", "actas/02.bin", "actas/03.bin"):
        (server.config.incoming / path).unlink()
    read_again.clear()
    push(server, 7, {"actas/02_nueva.bin": b"n" * 400, "actas/00_nueva.bin": b"m" * 400, "actas/04.bin": b"o" * 300})
    assert read_again == ["actas/02_nueva.bin", "actas/04.bin", "actas/05.bin"]
    for path in sorted(ACTAS):
        (server.config.incoming / path).unlink(missing_ok=True)
    read_again.clear()
    push(server, 8)
    assert read_again[0] == "datos/congreso.json", "the place lies beyond what is left of the folder"
