"""What a `chmod -R` has closed to the web server, it can read again: at the next look, show or push."""

from __future__ import annotations

import os
import pwd
import subprocess
import tempfile
import traceback
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
from corte_kit import FILES, Server

from corte.format import instants
from corte.server import log, modes
from corte.server.memory import Memory
from corte.server.store import Store

TEXT = {"datos/mesas.json": b'{"mesa": 1}\n' * 100}
"""A file with a compressed copy."""


@pytest.fixture(scope="module")
def shows_three(tmp_path_factory: pytest.TempPathFactory, key: Path) -> Server:
    """The server that each test gets a copy of."""
    server = Server.make(tmp_path_factory.mktemp("servidor") / "srv", key)
    for sequence in (1, 2, 3):
        assert server.send(sequence, {**FILES, **TEXT, "n.json": b"%d" % sequence})["result"] == "shown"
    return server


@pytest.fixture
def server(tmp_path: Path, shows_three: Server) -> Server:
    """Return a server that shows corte 3 and has a spare tree."""
    return shows_three.copy(tmp_path / "srv")


def close(folder: Path, mode: str = "o-rwx") -> None:
    subprocess.run(["chmod", "-R", mode, str(folder)], check=True)


def closed(server: Server) -> list[str]:
    """Return what others than the owner cannot read of the public folder and of what citizens see."""
    public = server.config.public
    shown = public / "actual"
    seen = [public, public / "cortes", shown.resolve(), *shown.resolve().rglob("*")]
    assert len(seen) > 8
    return [f"{each} {each.stat().st_mode:o}" for each in seen if each.stat().st_mode & 0o044 != 0o044]


def look(server: Server) -> Store:
    """Look once as the gate does, and let its walk come to an end."""
    store = Store(server.config.store, server.config.public)
    Memory(server.config).restore(store, instants.now())
    store.walk.go_on(60)
    return store


@pytest.mark.parametrize("mode", ["o-rwx", "750", "700", "a-rwx"])
def test_a_look_mends_what_a_chmod_of_all_has_closed(server: Server, mode: str):
    close(server.config.store.parent, mode)
    server.config.store.parent.chmod(0o755)  # root's, which the services do not mend
    assert server.config.public.stat().st_mode & 0o055 != 0o055
    look(server)
    assert closed(server) == []
    shown = (server.config.public / "actual").resolve()
    assert (shown / "datos").stat().st_mode & 0o777 == 0o755
    assert (shown / "datos/corte.json").stat().st_mode & 0o777 == 0o444
    damaged = [each["paths"] for each in log.entries(Memory(server.config).log_path) if each["event"] == "damaged"]
    assert damaged and {"publico", "cortes"} <= {*damaged[-1]}


def test_a_look_mends_where_files_alone_are_closed(server: Server):
    """As `find -type f -exec chmod` does it."""
    for path in (server.config.public / "actual").resolve().rglob("*"):
        if path.is_file():
            path.chmod(0o440)
    look(server)
    assert closed(server) == []


def test_a_look_that_finds_nothing_walks_no_tree_and_logs_nothing(server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(modes, "_reopen_all", lambda folder: pytest.fail(f"{folder} was walked"))
    before = len(list(log.entries(Memory(server.config).log_path)))
    look(server)
    assert len(list(log.entries(Memory(server.config).log_path))) == before


def test_what_cannot_be_mended_is_not_walked_nor_logged_at_every_look(server: Server, monkeypatch: pytest.MonkeyPatch):
    close(server.config.public / "cortes")
    monkeypatch.setattr(os, "chmod", lambda *given: (_ for _ in ()).throw(PermissionError(*given)))
    monkeypatch.setattr(modes, "_reopen_all", lambda folder: pytest.fail(f"{folder} was walked"))
    store = Store(server.config.store, server.config.public)
    assert store.repair() == []
    store.walk.go_on(60)


def test_a_chmod_that_still_runs_while_the_trees_are_walked_is_mended_too(
    server: Server, monkeypatch: pytest.MonkeyPatch
):
    close(server.config.public)
    walk, late = modes._reopen_all, [server.config.public / "actual/datos"]

    def overtaken(folder: Path) -> Iterator[bool]:
        yield from walk(folder)
        if folder.name == "cortes" and late:
            close(late.pop())

    monkeypatch.setattr(modes, "_reopen_all", overtaken)
    look(server)
    assert closed(server) == []


def test_a_walk_takes_a_little_at_each_look_and_comes_to_its_end(server: Server, monkeypatch: pytest.MonkeyPatch):
    """The gate has to open and close on the second, however many files there are."""
    close(server.config.public)
    store = Store(server.config.store, server.config.public)
    monkeypatch.setattr(modes, "time", SimpleNamespace(monotonic=count().__next__))  # a second for each question
    looks = 0
    while closed(server):
        store.walk.go_on(2)
        looks += 1
    assert looks > 3
    store.walk.go_on(1000)
    monkeypatch.setattr(modes, "_reopen_all", lambda folder: pytest.fail(f"{folder} was walked"))
    store.walk.go_on(2)


def test_a_walk_that_cannot_tell_what_is_shown_begins_at_the_next_look(server: Server, monkeypatch: pytest.MonkeyPatch):
    """The gate would end by it, and be closed for a second."""
    close(server.config.public)
    store = Store(server.config.store, server.config.public)
    with monkeypatch.context() as moment:
        moment.setattr(store, "shown", lambda: os.readlink(server.config.public / "nothing"))
        store.walk.go_on(60)
    assert closed(server)
    store.walk.go_on(60)
    assert closed(server) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may act in the name of another user")
@pytest.mark.parametrize("mode", ["600", "644", "a-x", "000"])
def test_a_store_that_its_owner_cannot_enter_is_mended_to_the_last_file(shows_three: Server, mode: str):
    """Then the folders are mended first, and nobody else may enter the store, in which cortes wait."""
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are root's alone
        os.chmod(folder, 0o755)
        server = shows_three.copy(Path(folder) / "srv")
        store = server.config.store
        (store / "reserva").rename(store.parent / "apart")
        close(store, mode)
        subprocess.run(["chown", "-R", "nobody", folder], check=True)
        _look_as("nobody", server)
        assert closed(server) == []
        inner = [path for path in (store / "objetos").rglob("*") if path.is_dir()]
        assert inner and all(path.stat().st_mode & 0o700 == 0o700 for path in inner)
        assert store.stat().st_mode & 0o777 == 0o700


def _look_as(user: str, server: Server) -> None:
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setuid(pwd.getpwnam(user).pw_uid)
            look(server)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("mode", ["o-rwx", "750", "a-rwx"])
def test_a_new_corte_inherits_nothing_of_the_spare_tree_and_the_objects(server: Server, mode: str):
    close(server.config.store, mode)
    server.config.store.chmod(0o700)
    assert (server.config.store / "reserva").is_dir()
    assert server.send(4, {**FILES, **TEXT, "n.json": b"1"})["result"] == "shown"
    assert closed(server) == []


def test_a_corte_that_waited_is_readable_when_it_is_shown(server: Server):
    server.config.gate_file.unlink()
    assert server.send(4, {"n.json": b"4"})["result"] == "held"
    store = Store(server.config.store, server.config.public)
    [name] = [name for name in store.names() if name.startswith("4-")]
    for path in (server.config.store / "espera" / name).rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o400)
    store.show(name)
    store.walk.go_on(60)
    assert closed(server) == []


def test_a_repeated_push_mends_what_no_look_sees(server: Server):
    """Of the files that it reads again one is enough, and the whole tree is walked."""
    shown = (server.config.public / "actual").resolve()
    (shown / "n.json").chmod(0o400)
    (shown / "datos").chmod(0o700)
    look(server)
    assert len(closed(server)) == 2
    _again(server)
    assert closed(server) == []


def _again(server: Server) -> None:
    shown = (server.config.public / "actual").resolve()
    attempt = server.deliver((shown / "corte.json").read_bytes(), (shown / "corte.json.sig").read_bytes())
    assert attempt["result"] == "repeated"


def test_links_are_not_followed(server: Server, tmp_path: Path):
    secret = tmp_path / "ajeno"
    secret.write_text("de otro")
    secret.chmod(0o600)
    (server.config.public / "cortes/enlace").symlink_to(secret)
    (server.config.public / "actual").resolve().joinpath("enlace").symlink_to(secret)
    close(server.config.public)
    secret.chmod(0o600)
    look(server)
    assert (closed(server), secret.stat().st_mode & 0o777) == ([f"{_link(server)} 100600"], 0o600)
    assert not modes.reopen(_link(server))


def _link(server: Server) -> Path:
    return (server.config.public / "actual").resolve() / "enlace"


def test_the_folder_of_estado_json_is_open_again_when_it_is_written(server: Server):
    close(server.config.status_file.parent)
    assert server.send(4, {"n.json": b"4"})["result"] == "shown"
    assert server.config.status_file.stat().st_mode & 0o444 == 0o444
    assert server.config.status_file.parent.stat().st_mode & 0o055 == 0o055
