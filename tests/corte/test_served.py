"""How content is kept for the web server: once, compressed too, and dated by its own bytes."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from corte_kit import FILES, Server


def test_unchanged_content_is_stored_once(server: Server):
    server.send(6, {**FILES, "nuevo.csv": b"n\n"})
    old, new = sorted(server.config.public.glob("cortes/*/descargas/a.csv"))
    assert old.samefile(new)
    assert new.stat().st_mode & 0o777 == 0o444


def test_twins_of_new_content_are_stored_once(server: Server):
    server.send(6, {**FILES, "uno.csv": b"n|1\n", "otros/dos.csv": b"n|1\n"})
    shown = server.config.public / "actual"
    assert (shown / "uno.csv").samefile(shown / "otros/dos.csv")


def validator(path: Path) -> tuple[float, int]:
    """Return the modification time and size, of which a web server makes a file's ETag."""
    return path.stat().st_mtime, path.stat().st_size


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_two_files_that_change_places_change_their_validators(server: Server, suffix: str):
    """Files of one size swap their contents: their ETags must change, or browsers would keep the old contents."""
    one, other = (f'{{"votos": {count}}}\n'.encode() * 100 for count in (10, 20))
    shown = server.config.public / "actual"
    server.send(6, {**FILES, "datos/a.json": one, "datos/b.json": other})
    before = [validator(shown / f"datos/{name}.json{suffix}") for name in "ab"]
    server.send(7, {**FILES, "datos/a.json": other, "datos/b.json": one})
    assert [validator(shown / f"datos/{name}.json{suffix}") for name in "ab"] == before[::-1]
    assert before[0] != before[1]
    server.send(8, {**FILES, "datos/a.json": one, "datos/b.json": other, "nuevo.csv": b"n\n"})
    assert [validator(shown / f"datos/{name}.json{suffix}") for name in "ab"] == before, "ETags differ between mirrors"


def test_texts_get_a_compressed_copy(server: Server):
    text = b'{"votos": 1}\n' * 100
    server.send(6, {**FILES, "datos/a.json": text, "c.csv": b"1\n"})
    shown = server.config.public / "actual"
    assert gzip.decompress((shown / "datos/a.json.gz").read_bytes()) == text
    assert (shown / "datos/a.json.gz").stat().st_mode == (shown / "datos/a.json").stat().st_mode
    assert not (shown / "c.csv.gz").exists(), "a file this small should not be compressed"


def test_a_store_of_an_earlier_version_gets_compressed_copies(server: Server):
    text = b'{"votos": 1}\n' * 100
    server.send(6, {**FILES, "datos/a.json": text})
    for packed in [*server.config.public.rglob("*.gz"), *server.config.store.rglob("*.gz")]:
        packed.unlink()
    server.send(7, {**FILES, "datos/a.json": text})
    assert gzip.decompress((server.config.public / "actual/datos/a.json.gz").read_bytes()) == text
