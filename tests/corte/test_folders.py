"""What is no usable folder any more stops nothing: the real services mend it, and show the next corte."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
from corte_kit import Server
from interpreter_kit import Running
from machine_kit import Machine

from corte.format import manifest, tree
from corte.server import folders as store_folders
from corte.server import log
from corte.server.store import Store
from difusor.suite.waiting import until

NOBODY = 65534
LIMITED = ("setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner,-chown") if os.geteuid() == 0 else ()
"""Runs a program without root's right to do everything with the files of others."""


def gone(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def a_file(path: Path) -> None:
    gone(path)
    path.write_text("otra cosa")


def a_dangling_link(path: Path) -> None:
    gone(path)
    path.symlink_to("nada")


def a_link_elsewhere(path: Path) -> None:
    gone(path)
    elsewhere = path.parents[2] / "ajeno"
    elsewhere.mkdir(exist_ok=True)
    (elsewhere / "documento").write_text("de otro")
    path.symlink_to(elsewhere)


def a_fifo(path: Path) -> None:
    gone(path)
    os.mkfifo(path)


def closed(path: Path) -> None:
    path.chmod(0)


def of_somebody_else(path: Path) -> None:
    """Make a folder one that the services may only read, as it is after `chown -R` of a careless administrator."""
    path.chmod(0o555)
    if os.geteuid() == 0:
        for each in (path, *path.rglob("*")):
            os.chown(each, NOBODY, NOBODY, follow_symlinks=False)


LOSES = (gone, a_file, a_dangling_link, a_link_elsewhere, a_fifo)
KEEPS = (closed, of_somebody_else)
"""Faults after which the shown tree is lost, until the next push, and those after which it is still there."""


@pytest.fixture(scope="module")
def shows_four(tmp_path_factory: pytest.TempPathFactory, key: Path) -> Server:
    """The server that each test gets a copy of."""
    server = Server.make(tmp_path_factory.mktemp("servidor") / "srv", key)
    for sequence in (1, 2, 3, 4):
        server.send(sequence, {"n.json": b"%d" % sequence}, orders=["rectification"] if sequence == 2 else [])
    return server


@pytest.fixture
def machine(tmp_path: Path, shows_four: Server) -> Machine:
    """A server that has shown, held and retired cortes, so that it has every folder; it shows corte 4."""
    machine = Machine(shows_four.copy(tmp_path / "srv"), tmp_path)
    machine.as_user = LIMITED
    return machine


def folders(server: Server) -> list[Path]:
    store = server.config.store
    found = [store / name for name in ("objetos", "espera", "ordenes", "firmados", "nuevo", "reserva")]
    found.append(server.config.public / "cortes")
    return found


def shows(server: Server, sequence: int) -> None:
    shown = server.config.public / "actual/"
    found = manifest.read((shown / manifest.NAME).read_bytes())
    assert (server.shown(), found.sequence) == (sequence, sequence)
    for path, entry in found.files.items():
        tree.read_verified(None, f"{shown}/{path}", entry)


@pytest.mark.parametrize("fault", (*LOSES, *KEEPS))
def test_every_folder_at_once(machine: Machine, fault: Callable[[Path], None]) -> None:
    server = machine.server
    with machine.gate() as gate:
        until(server.config.status_file.is_file, what="la compuerta diga su estado")
        _damage(server, fault, gate)
        if fault in KEEPS:
            shows(server, 4)
        machine.push(5)
        shows(server, 5)
    server.config.gate_file.unlink()
    _damage(server, fault)
    with machine.gate():
        until(machine.is_open, what="la compuerta abra otra vez")
        if fault in KEEPS:
            shows(server, 5)
        machine.push(4)
        assert server.status()["last_attempt"]["code"] == "rollback", "an older corte stays refused"
        machine.push(6)
        shows(server, 6)
    told = [
        entry.get("paths")
        for entry in log.entries(server.config.store / "bitacora.jsonl")
        if entry["event"] == "damaged"
    ]
    assert fault is gone or any("cortes" in paths for paths in told)
    assert (
        not (server.config.public.parents[1] / "ajeno").exists()
        or (server.config.public.parents[1] / "ajeno/documento").read_text() == "de otro"
    ), "what a link leads to is not touched"


def test_the_intake_empties_its_folder_and_does_not_remove_it(machine: Machine) -> None:
    """The gate makes folders that are missing: when both made this one, a push was refused or the gate ended."""
    store = Store(machine.server.config.store, machine.server.config.public)
    (store.new / "arbol/datos").mkdir(parents=True)
    (store.new / "arbol/datos/n.json").touch()
    (store.new / "0f").touch()
    before = store.new.stat().st_ino
    store.clear_new()
    assert list(store.new.iterdir()) == []
    assert store.new.stat().st_ino == before


def test_one_service_at_a_time_repairs_folders(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two at a time undid each other's repairs: a push was refused, or a service ended."""
    store = Store(machine.server.config.store, machine.server.config.public)
    a_file(store.waiting)
    free = []

    def ensure(_: Path, mode: int) -> bool:
        with folder_of(store) as around:
            try:
                fcntl.flock(around, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        free.append(True)
        return False

    monkeypatch.setattr(store_folders, "ensure", ensure)
    store.repair()
    assert free == []
    with folder_of(store) as around:
        fcntl.flock(around, fcntl.LOCK_EX | fcntl.LOCK_NB)  # it is free again


def test_a_folder_whose_place_is_taken_while_it_is_made_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gate once ended itself when somebody put something there in between."""
    folder = tmp_path / "firmados"
    folder.write_text("otra cosa")
    vacate = store_folders.files.vacated
    taken = iter([True])

    def vacated(path: Path) -> Path:
        free = vacate(path)
        if next(taken, False):
            path.write_text("otra vez")
        return free

    monkeypatch.setattr(store_folders.files, "vacated", vacated)
    assert store_folders.ensure(folder)
    assert store_folders.is_usable(folder)


def test_nobody_waits_while_all_folders_are_usable(machine: Machine) -> None:
    store = Store(machine.server.config.store, machine.server.config.public)
    with folder_of(store) as around:
        fcntl.flock(around, fcntl.LOCK_EX)
        assert store.repair() == []


def test_an_account_that_holds_the_lock_of_a_folder_that_all_may_read_stops_nothing(machine: Machine) -> None:
    """Any account can hold it for ever, and without this neither service would begin, nor the page open."""
    store = Store(machine.server.config.store, machine.server.config.public)
    with folder_of(store) as around:
        fcntl.flock(around, fcntl.LOCK_EX)
        gone(store.waiting)
        with machine.gate():
            until(store.waiting.is_dir, what="la compuerta reponga la carpeta")
            machine.push(5)
            shows(machine.server, 5)


@contextmanager
def folder_of(store: Store) -> Iterator[int]:
    """Open the folder around a store, whose lock the repairs hold."""
    descriptor = os.open(store.new.parents[1], os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _damage(server: Server, fault: Callable[[Path], None], gate: Running | None = None) -> None:
    """Damage every folder while no service repairs one, so that none of them finds a fault that is half made.

    The lock alone would not do: a gate that has waited for it for some time goes on without it.
    """
    with folder_of(Store(server.config.store, server.config.public)) as around:
        fcntl.flock(around, fcntl.LOCK_EX)
        with gate.paused() if gate else nullcontext():
            for path in folders(server):
                fault(path)


@pytest.mark.parametrize(
    "fault", [a_file, a_dangling_link, a_link_elsewhere, a_fifo, lambda path: (gone(path), path.mkdir())]
)
def test_the_link_to_the_shown_tree(machine: Machine, fault: Callable[[Path], None]) -> None:
    """The gate sets it right by itself, without a push."""
    server = machine.server
    (server.config.public / "actual").unlink()
    fault(server.config.public / "actual")
    with machine.gate():
        link = server.config.public / "actual"
        until(lambda: link.is_symlink() and link.readlink().parts[0] == "cortes", what="se muestre el corte otra vez")
        shows(server, 4)


def test_a_fifo_in_the_place_of_every_record(machine: Machine) -> None:
    """Reading one would block for ever."""
    server = machine.server
    store, shown = server.config.store, server.config.public / "actual"
    copies = store / "firmados" / shown.readlink().name
    with machine.gate():
        until(server.config.status_file.is_file, what="la compuerta diga su estado")
        for path in (
            store / "state.json", store / "bitacora.jsonl", store / "en-curso.json", store / "relectura.json",
            server.config.status_file,
            *(folder / name for folder in (shown, copies) for name in (manifest.NAME, manifest.SIGNATURE_NAME)),
        ):  # fmt: skip
            os.mkfifo(fifo := path.with_name("fifo"))
            fifo.replace(path)
        machine.push(5)
        shows(server, 5)
        assert server.status()["shown"]["sequence"] == 5


def test_a_status_that_cannot_be_written_stops_nothing(machine: Machine) -> None:
    server = machine.server
    folder = server.config.status_file.parent
    a_file(folder)
    with machine.gate():
        machine.push(5)
        shows(server, 5)
        folder.unlink()
        folder.mkdir()
        machine.push(6)
        shows(server, 6)
        assert server.status()["shown"]["sequence"] == 6


@pytest.mark.parametrize("fault", [a_file, closed])
@pytest.mark.parametrize("name", ["store", "public"])
def test_the_folders_that_hold_them(machine: Machine, name: str, fault: Callable[[Path], None]) -> None:
    """What was accepted is known from the other one: an older corte stays refused."""
    server = machine.server
    fault(getattr(server.config, name))
    with machine.gate():
        until(server.config.status_file.is_file, what="la compuerta diga su estado")
        machine.push(3)
        assert server.status()["last_attempt"]["code"] == "rollback"
        machine.push(5)
        shows(server, 5)


@pytest.mark.parametrize("verb", ["intake", "gate"])
def test_a_folder_that_cannot_be_mended_is_told_in_a_sentence(machine: Machine, verb: str) -> None:
    server = machine.server
    a_file(server.config.store)
    server.config.store.parent.chmod(0o555)
    if os.geteuid() == 0:
        os.chown(server.config.store.parent, NOBODY, NOBODY)
    service = machine.run(verb)
    if verb == "gate":  # it lives on, to end the page in time
        until(lambda: "falta permiso" in service.said(), what="la compuerta diga qué le falta")
        os.kill(service.pid, signal.SIGTERM)
    assert service.wait() == (0 if verb == "gate" else 1)
    said = service.said()
    assert "falta permiso" in said and str(server.config.store) in said and "Traceback" not in said


def test_a_log_that_root_has_restored_is_put_aside(machine: Machine) -> None:
    """The services may read it, not write to it: cortes are shown all the same, and a new segment names the old one."""
    server = machine.server
    path = server.config.store / "bitacora.jsonl"
    entries = len(list(log.entries(path)))
    path.chmod(0o444)
    if os.geteuid() == 0:
        os.chown(path, NOBODY, NOBODY)
    with machine.gate():
        until(machine.is_open, what="la compuerta abra")
        machine.push(5)
        shows(server, 5)
    assert [segment.name for segment in log.segments(path)] == ["bitacora-1.jsonl"]
    assert next(log.entries(path))["event"] == log.SEGMENT
    assert len(list(log.remains(path))) > entries
