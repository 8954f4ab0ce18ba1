"""A new tree is made of the retired one: it is as correct as one made from nothing, and takes work only for changes."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from corte_kit import Server, flip

from corte.format import manifest, tree
from corte.server import spare
from corte.server.objects import Objects
from corte.server.store import Store

MANY = {f"actas/{number:02}/acta.csv": b"numero\n%d\n" % number * 100 for number in range(60)}


@pytest.fixture(scope="module")
def with_spare(tmp_path_factory: pytest.TempPathFactory, key: Path) -> Server:
    """The server that each test gets a copy of."""
    server = Server.make(tmp_path_factory.mktemp("servidor") / "srv", key)
    for sequence in (1, 2, 3, 4):
        assert send(server, sequence)["result"] == "shown"
    assert (server.config.store / "reserva/actas").is_dir()
    return server


@pytest.fixture
def server(tmp_path: Path, with_spare: Server) -> Server:
    """Return a server that has retired a tree."""
    return with_spare.copy(tmp_path / "srv")


def send(server: Server, sequence: int) -> dict[str, object]:
    """Push a corte in which one file differs from that of the sequence before."""
    changed = {f"actas/{sequence:02}/acta.csv": b"corte %d\n" % sequence * 100}
    files = {**MANY, **changed} if sequence == 1 else changed
    return server.push(server.manifest(sequence, files).to_bytes())


def assert_right(server: Server, sequence: int) -> None:
    """Fail unless citizens see exactly the corte of this sequence, in plain and compressed form."""
    shown = server.config.public / "actual"
    found = manifest.read((shown / manifest.NAME).read_bytes())
    assert found.sequence == sequence
    compressed = {f"{path}.gz" for path in found.files}
    names = {str(path.relative_to(shown)) for path in shown.rglob("*") if path.is_file()}
    assert names == {*found.files, *compressed, manifest.NAME, manifest.SIGNATURE_NAME}
    for path in compressed:
        (shown / path).unlink()
    tree.verify(shown, found)


def test_links_are_made_only_for_what_changed(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _links_of_tree(server, 5, monkeypatch) < 10
    assert_right(server, 5)


def test_the_second_corte_too_takes_work_only_for_what_changed(
    tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No tree has been retired by then."""
    server = Server.make(tmp_path / "srv", key)
    assert send(server, 1)["result"] == "shown"
    assert _links_of_tree(server, 2, monkeypatch) < 10
    assert_right(server, 2)


def _links_of_tree(server: Server, sequence: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Push a corte; return how many links were made in the tree that citizens see then."""
    made = []
    link = os.link
    with monkeypatch.context() as counting:
        counting.setattr(os, "link", lambda *names, **options: (made.append(names), link(*names, **options)))
        assert send(server, sequence)["result"] == "shown"
    return sum("/arbol/" in str(names[1]) for names in made)


def test_nothing_is_asked_of_each_file_that_did_not_change(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 200,000 files that the server has, each question to the disk costs as much as all that changed."""
    asked = []
    stat = os.lstat
    monkeypatch.setattr(os, "lstat", lambda *names, **options: (asked.append(names), stat(*names, **options))[1])
    swept = []
    sweep = Objects.sweep
    monkeypatch.setattr(Objects, "sweep", lambda self: (swept.append(self), sweep(self)))
    compared = []
    compare = tree.compare
    monkeypatch.setattr(tree, "compare", lambda *given: (compared.append(given), compare(*given)))
    assert send(server, 5)["result"] == "shown"
    assert len(asked) < len(MANY)
    assert len(swept) == 1
    assert not compared
    monkeypatch.undo()
    assert_right(server, 5)


def test_without_a_listing_the_files_are_compared_one_by_one(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A server on which `find` fails, or does not start, takes good cortes and refuses bad ones as before."""
    real = subprocess.Popen

    def broken(command: list[str], *given: Any, **options: Any) -> subprocess.Popen[bytes]:
        if command[0] != "find":
            return real(command, *given, **options)
        if sequence == 5:
            raise BlockingIOError
        return real(["false"], *given, **options)

    monkeypatch.setattr(subprocess, "Popen", broken)
    for sequence in (5, 6):
        assert send(server, sequence)["result"] == "shown"
        assert_right(server, sequence)
        server.config.incoming.joinpath("sobra.html").write_text("otro")
        raw = server.manifest(sequence + 1, {}).to_bytes().replace(b"sobra.html", b"falta.html")
        assert server.push(raw)["code"] == "extra"
        server.config.incoming.joinpath("sobra.html").unlink()


def test_changed_or_extra_files_of_the_retired_tree_are_not_shown(server: Server) -> None:
    spare = server.config.store / "reserva"
    (spare / "sobra").mkdir()
    (spare / "sobra/otro.html").write_text("otro")
    (spare / "actas/07/acta.csv").unlink()
    (spare / "actas/07/acta.csv").write_text("otro")
    (spare / "actas/08/acta.csv.gz").unlink()
    (spare / "actas/08/acta.csv.gz").symlink_to("/etc/passwd")
    (spare / "actas/09/acta.csv").unlink()
    os.link(spare / "actas/10/acta.csv", spare / "actas/09/acta.csv")
    (spare / "actas/11/acta.csv").unlink()
    (spare / "actas/11/acta.csv").mkdir()
    assert send(server, 5)["result"] == "shown"
    assert_right(server, 5)


def test_a_damaged_file_of_a_retired_tree_is_not_linked_again(server: Server) -> None:
    """The disk damages a content that all trees share; it is found, mended, and never returns with a retired tree."""
    flip(server.config.public / "actual/actas/40/acta.csv")
    for sequence in (5, 6, 7, 8, 9):
        assert send(server, sequence)["result"] == "shown"
    assert_right(server, 9)


@pytest.mark.parametrize("thing", ["file", "nothing", "link", "unreadable"])
def test_without_a_usable_retired_tree_a_new_one_is_made(server: Server, tmp_path: Path, thing: str) -> None:
    spare = server.config.store / "reserva"
    spare.rename(tmp_path / "aside")
    if thing == "file":
        spare.write_text("")
    elif thing == "link":
        spare.symlink_to("/nonexistent")
    elif thing == "unreadable":
        spare.mkdir()
        (spare / "actas").symlink_to(spare)
    for sequence in (5, 6):
        assert send(server, sequence)["result"] == "shown"
    assert_right(server, 6)


def test_a_tree_that_was_retired_after_the_look_is_looked_at_itself(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gate may retire a tree at any moment; what was seen of the one before says nothing about it."""
    spare, stage = server.config.store / "reserva", Store.stage

    def exchanged(*given: Any) -> Any:
        spare.rename(tmp_path / "aside")
        shutil.copytree(tmp_path / "aside", spare)  # of copies, none of which is an object
        (spare / "sobra.html").write_text("otro")
        return stage(*given)

    monkeypatch.setattr(Store, "stage", exchanged)
    assert send(server, 5)["result"] == "shown"
    assert_right(server, 5)


def test_a_look_that_fails_is_made_again(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, look = os.getpid(), spare.look

    def failing(*given: Any) -> list[str]:
        if os.getpid() != begun:
            raise MemoryError
        return look(*given)

    monkeypatch.setattr(spare, "look", failing)
    assert _links_of_tree(server, 5, monkeypatch) < 10
    assert_right(server, 5)


def test_without_another_process_the_look_is_made_here(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> int:
        raise BlockingIOError

    monkeypatch.setattr(os, "fork", none)
    assert _links_of_tree(server, 5, monkeypatch) < 10
    assert_right(server, 5)
