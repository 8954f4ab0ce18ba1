"""What is not exactly the signed tree is refused, and nothing outside it is read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from corte_kit import FILES, Server, refused, write_files

from corte.format import manifest, signature
from corte.format.manifest import Entry
from corte.server import incoming


def test_an_extra_file(server: Server):
    raw = server.manifest(6).to_bytes()
    (server.config.incoming / "sobra.html").write_text("x")
    refused(server, server.push(raw), "extra")


def test_an_extra_folder_full_of_files_is_not_even_read(server: Server):
    raw = server.manifest(6).to_bytes()
    write_files(server.config.incoming, {f"sobra/{number}": b"" for number in range(1000)})
    refused(server, server.push(raw), "extra")


def test_a_truncated_transfer(server: Server):
    raw = server.manifest(6, {**FILES, "grande.csv": b"x" * 100_000}).to_bytes()
    (server.config.incoming / "grande.csv").write_bytes(b"x" * 50_000)
    refused(server, server.push(raw), "size")


def test_a_missing_file(server: Server):
    raw = server.manifest(6).to_bytes()
    (server.config.incoming / "descargas/a.csv").unlink()
    refused(server, server.push(raw), "missing")


def link_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


@pytest.mark.parametrize(
    "make",
    [link_to("/etc/passwd"), link_to("a.csv"), os.mkfifo, lambda path: path.mkdir()],
    ids=["absolute-link", "relative-link", "fifo", "folder"],
)
def test_what_is_no_regular_file_is_refused(server: Server, make: Callable[[Path], None]):
    raw = server.manifest(6, {**FILES, "descargas/b.csv": b"a|b\n"}).to_bytes()
    path = server.config.incoming / "descargas/b.csv"
    path.unlink()
    make(path)
    attempt = server.push(raw)
    refused(server, attempt, "extra" if path.is_dir() else "kind")


def test_a_folder_that_is_a_link_elsewhere(server: Server, tmp_path: Path):
    raw = server.manifest(6).to_bytes()
    (server.config.incoming / "datos").rename(tmp_path / "datos")
    (server.config.incoming / "datos").symlink_to(tmp_path / "datos")
    assert server.push(raw)["code"] in ("extra", "kind", "missing")
    assert server.shown() == 5


@pytest.mark.parametrize("name", [manifest.NAME, manifest.SIGNATURE_NAME])
def test_a_manifest_or_signature_that_is_a_link(server: Server, name: str, tmp_path: Path):
    raw = server.manifest(6).to_bytes()
    (server.config.incoming / manifest.NAME).write_bytes(raw)
    (server.config.incoming / manifest.SIGNATURE_NAME).write_bytes(signature.sign(raw, server.key, "demo"))
    (server.config.incoming / name).rename(tmp_path / name)
    (server.config.incoming / name).symlink_to(tmp_path / name)
    attempt = server.run()
    assert attempt["result"] == "refused"
    assert server.shown() == 5


def test_a_folder_named_like_the_signature_does_not_start_the_intake_for_ever(server: Server):
    folder = server.config.incoming / manifest.SIGNATURE_NAME
    (folder / "dentro").mkdir(parents=True)
    (server.config.incoming / ".reclamado/x").mkdir(parents=True)
    assert server.run()["result"] == "refused"
    assert not folder.exists()


def test_a_folder_named_like_the_manifest_keeps_no_later_push_out(server: Server):
    raw = server.manifest(6).to_bytes()
    folder = server.config.incoming / manifest.NAME
    folder.unlink()
    (folder / "dentro").mkdir(parents=True)
    (folder / "dentro/x").write_bytes(b"x")
    (server.config.incoming / manifest.SIGNATURE_NAME).write_bytes(signature.sign(raw, server.key, "demo"))
    refused(server, server.run(), "kind")  # rsync has delivered the signature beside it
    assert not folder.exists()
    assert server.push(raw)["result"] == "shown"


def test_a_sparse_file_as_large_as_the_disk(server: Server):
    found = server.manifest(6)
    huge = manifest.Entry(10**12, "a" * 64)
    with (server.config.incoming / "enorme.bin").open("wb") as file:
        file.truncate(huge.size)
    refused(server, server.push(replace(found, files={**found.files, "enorme.bin": huge}).to_bytes()), "size")


def test_a_name_from_outside_is_harmless_in_the_reason(server: Server):
    raw = server.manifest(6).to_bytes()
    os.mkdir(os.fsencode(server.config.incoming) + b"/\xff\x1b[2J\n<script>")
    attempt = server.push(raw)
    refused(server, attempt, "extra")
    assert attempt["reason"].replace("«", "").replace("»", "").replace("á", "").isprintable()


def printing(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Have another program than `find` list the incoming folder."""
    monkeypatch.setattr(incoming, "_LIST", ["sh", "-c", script])


def test_a_listing_that_is_already_too_long_is_not_waited_for(server: Server, monkeypatch: pytest.MonkeyPatch):
    raw = server.manifest(6).to_bytes()
    (server.config.incoming / "sobra.html").write_text("x")
    printing(monkeypatch, f"head -c {len(raw)} /dev/zero; exec tail -f /dev/null")
    refused(server, server.push(raw), "extra")


def test_a_listing_is_cut_where_no_manifest_could_list_more(server: Server, monkeypatch: pytest.MonkeyPatch):
    raw = server.manifest(6).to_bytes()
    write_files(server.config.incoming, {f"{number}-{'x' * 200}": b"" for number in range(100)})
    monkeypatch.setattr(incoming, "MOST_PRINTED", 5000)
    with monkeypatch.context() as slow, folder_of(server) as folder:
        # The limit is set once the process runs; a short listing could be over before.
        printing(slow, 'until test "$(ulimit -f)" != unlimited; do :; done; yes | head -c 20000')
        with incoming.listing(folder) as listed:
            assert listed.process is not None and listed.printed is not None
            listed.process.wait()
            assert os.fstat(listed.printed.fileno()).st_size == 5000
    refused(server, server.push(raw), "extra")


@pytest.mark.parametrize("script", [
    r"printf 'd datos\0f 10 datos/a.csv\0f 10 datos/a.csv\0'",
    r"printf 'd datos\0f 10 datos/a.csv\0f 10 datos/b.csv.'",
    r"printf 'd datos\0f 10 datos/a.csv\0f 10 datos/b.csv\0'; exit 1",
    r"printf 'd datos\0f 10 datos/a.csv\0f 10 datos/b.csv\0'; kill -9 $$",
    "exec find-is-not-installed",
])  # fmt: skip
def test_a_listing_that_is_not_whole_confirms_nothing(server: Server, monkeypatch: pytest.MonkeyPatch, script: str):
    found = replace(server.manifest(6), files={f"datos/{name}.csv": Entry(10, "0" * 64) for name in "ab"})
    for printed, is_whole in ((script, False), (r"printf 'f 10 datos/b.csv\0d datos\0f 10 datos/a.csv\0'", True)):
        printing(monkeypatch, printed)
        with folder_of(server) as folder, incoming.listing(folder) as listed:
            assert listed.confirms(found) is is_whole, printed


@contextmanager
def folder_of(server: Server) -> Iterator[int]:
    folder = os.open(server.config.incoming, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield folder
    finally:
        os.close(folder)
