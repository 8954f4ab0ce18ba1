"""A full, damaged or read-only disk, or a crash: the last good corte stays, and what is damaged is mended."""

from __future__ import annotations

import errno
import gzip
import os
from pathlib import Path

import pytest
from corte_kit import FILES, Server, flip, pushed, refused, room_for

from corte.format import files, manifest, tree
from corte.server import intake, log, store
from corte.server.intake import Intake
from corte.server.store import Store


def test_a_full_disk_leaves_everything_as_it_was(server: Server, monkeypatch: pytest.MonkeyPatch):
    def full(self: Store, *_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Store, "_skeleton", full)
    refused(server, server.send(6, {**FILES, "nuevo.csv": b"n"}), "disk")


def test_a_file_that_fits_on_the_disk_only_in_part_is_not_shown(server: Server):
    raw = server.manifest(6, {**FILES, "nuevo.csv": b"n" * 99_999}).to_bytes()
    with room_for(50_000):
        refused(server, server.push(raw), "system")


def test_a_disk_that_cannot_be_flushed_is_a_refusal(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "sync").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "sync").chmod(0o755)
    raw = server.manifest(6, {**FILES, "nuevo.csv": b"n"}).to_bytes()
    with monkeypatch.context() as broken:
        broken.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        refused(server, server.push(raw), "system")
    assert server.push(raw)["result"] == "shown"


def test_content_with_as_many_links_as_the_file_system_allows(server: Server, monkeypatch: pytest.MonkeyPatch):
    """ext4 allows 65,000 links to a file; equal files, such as actas without an image, can need more."""
    link = os.link

    def bounded(source: str, *arguments: object, **options: object) -> None:
        if os.stat(source).st_nlink >= 5:
            raise OSError(errno.EMLINK, "Too many links")
        link(source, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "link", bounded)
    for sequence in range(6, 10):
        twins = {f"actas/{number}.svg": b"sin imagen" for number in range(3)}
        assert server.send(sequence, {**FILES, **twins, "n.csv": b"%d" % sequence})["result"] == "shown"
        tree.verify(
            server.config.public / "actual/", manifest.read((server.config.public / "actual/corte.json").read_bytes())
        )


@pytest.mark.parametrize("step", ["sync_file_system", "replace_link", "replace"])
def test_a_crash_in_the_middle_is_mended_by_the_next_push(server: Server, monkeypatch: pytest.MonkeyPatch, step: str):
    class Crash(BaseException):
        pass

    def crash(*_: object, **__: object) -> None:
        raise Crash

    content = {**FILES, "nuevo.csv": b"n"}
    raw = server.manifest(6, content).to_bytes()
    with monkeypatch.context() as broken:
        broken.setattr(files, step, crash)
        with pytest.raises(Crash):
            server.push(raw)
    assert server.shown() == 5
    assert server.push(raw)["result"] in ("shown", "repeated")
    assert server.shown() == 6


def as_signed(server: Server) -> None:
    """Assert that each published file, and its compressed copy, has the content that was signed."""
    shown = server.config.public / "actual"
    signed = manifest.read((shown / "corte.json").read_bytes())
    for path, entry in signed.files.items():
        assert manifest.digest((shown / path).read_bytes()) == entry.sha256
        if (shown / f"{path}.gz").exists():
            assert manifest.digest(gzip.decompress((shown / f"{path}.gz").read_bytes())) == entry.sha256


@pytest.mark.parametrize("name", ["descargas/a.csv", "largo.csv", "largo.csv.gz"])
def test_what_the_disk_damages_is_told_and_mended(server: Server, name: str):
    pushed = {**FILES, "largo.csv": b"a,b\n" * 1000}
    raw = server.manifest(6, pushed).to_bytes()
    for push in (lambda: server.push(raw), lambda: server.send(7, {**pushed, "nuevo.csv": b"n\n"})):
        assert server.push(raw)["result"] in ("shown", "repeated")
        flip(server.config.public / "actual" / name)
        push()
        as_signed(server)
        events = [entry for entry in log.entries(server.config.store / "bitacora.jsonl") if entry["event"] == "damaged"]
        assert events.pop()["paths"] == [name.removesuffix(".gz")]


def test_how_much_is_looked_at_again_does_not_grow_with_what_is_there(server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(intake, "SAMPLE_BYTES", 1000)
    read: list[str] = []
    original = tree.read_verified
    monkeypatch.setattr(tree, "read_verified", lambda *given: read.append(given[1]) or original(*given))
    server.send(6, {f"actas/{number}.bin": bytes([number]) * 400 for number in range(50)})
    raw = server.manifest(7, {"nuevo.csv": b"n\n"}).to_bytes()
    counts = []
    for _ in range(3):
        read.clear()
        server.push(raw)
        counts.append(len(read))
    once, asked, again = counts
    assert 1 < once < 10
    assert asked > 50, "pushing the same corte again should have the intake read all files"
    assert again < 10, "a third push of the same corte should not read all files again"


def test_old_trees_and_their_content_leave(server: Server):
    for sequence in range(6, 10):
        server.send(sequence, {**FILES, "datos/congreso.json": b"%d\n" % sequence})
    kept = sorted(int(path.name.partition("-")[0]) for path in (server.config.public / "cortes").iterdir())
    assert kept == [8, 9]
    assert len(list((server.config.store / "objetos").glob("??/*"))) == len(FILES) + 1


def test_a_corte_leaves_inodes_for_the_server(server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(store, "RESERVE_INODES", os.statvfs(server.config.store).f_files)
    refused(server, server.send(6), "disk")


def test_what_a_failed_run_had_staged_is_gone_at_its_end(server: Server):
    raw = server.manifest(6, {**FILES, "datos/nuevo.json": b"{}"}).to_bytes()
    (server.config.incoming / "datos/nuevo.json").write_bytes(b"[]")
    refused(server, server.push(raw), "digest")
    assert list((server.config.store / "nuevo").iterdir()) == []


def test_a_disk_that_turned_read_only_does_not_start_the_intake_again_at_once(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    pauses: list[float] = []

    def read_only(incoming: int) -> bytes:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    pushed(server, 6, b"x")
    monkeypatch.setattr(intake, "claim", read_only)
    monkeypatch.setattr(intake.time, "sleep", pauses.append)
    assert Intake(server.config).run() == 1
    assert pauses == [intake.PAUSE]
    assert "el disco solo admite lectura" in capsys.readouterr().err
