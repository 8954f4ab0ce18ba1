"""What the disk makes of the names of the verified contents: the next cortes are taken and whole all the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from corte_kit import FILES, Server, make_folder, make_foreign, make_unreadable

from corte.format import manifest
from corte.format.manifest import Entry

LONG = {**FILES, "largo.csv": b"a,b\n" * 1000}


def assert_taken(server: Server, sequence: int) -> None:
    """Fail unless a corte is taken and citizens then see exactly its files."""
    assert server.send(sequence, {**LONG, "n.csv": b"%d" % sequence})["result"] == "shown"
    shown = server.config.public / "actual"
    for path, entry in manifest.read((shown / manifest.NAME).read_bytes()).files.items():
        content = (shown / path).read_bytes()
        assert Entry(len(content), manifest.digest(content)) == entry


@pytest.mark.parametrize("fault", [Path.unlink, make_unreadable, make_folder])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_an_object_that_is_none_any_more(server: Server, fault: Callable[[Path], None], suffix: str):
    for sequence in (6, 7, 8):  # the last one retires a tree
        assert_taken(server, sequence)
    for path in list((server.config.store / "objetos").glob("??/*")):
        if path.name.endswith(".gz") is bool(suffix):
            fault(path)
    for sequence in (9, 10):
        assert_taken(server, sequence)


def test_a_folder_of_objects_that_became_a_file(server: Server, tmp_path: Path):
    for sequence in (6, 7, 8):
        assert_taken(server, sequence)
    objects = server.config.store / "objetos"
    (objects / manifest.digest(LONG["largo.csv"])[:2]).rename(tmp_path / "lost")
    for name in (manifest.digest(LONG["largo.csv"])[:2], "otra cosa"):
        (objects / name).touch()
        make_foreign(objects / name)
    for sequence in (9, 10):
        assert_taken(server, sequence)
    assert not (objects / "otra cosa").exists()
