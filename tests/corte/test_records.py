"""Damage to the server's own records, with its real services: they repair it, and the signed corte stays shown."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from corte_kit import FAULTS, FILES, Server, allow, make_key, truncate
from machine_kit import Machine

from corte.format import files, instants, manifest, record, signature, tree
from corte.format.record import Damaged
from corte.format.refusal import Refusal
from corte.server import log, records
from corte.server.config import Config, copy_of
from corte.server.gate import Gate
from difusor.suite.waiting import until

PAPERS = (manifest.NAME, manifest.SIGNATURE_NAME)
RECORDS: dict[str, Callable[[Server], Path]] = {
    "state": lambda server: server.config.store / "state.json",
    "state before it, when the state is lost": lambda server: _before_the_lost_state(server),
    "note of a run": lambda server: _noted(server, "en-curso.json", instants.write(instants.now())),
    "note of what was read again": lambda server: _noted(server, "relectura.json", "datos/corte.json"),
    "log": lambda server: server.config.store / "bitacora.jsonl",
    "status and clock": lambda server: server.config.status_file,
    "manifest": lambda server: server.config.public / "actual" / manifest.NAME,
    "signature": lambda server: server.config.public / "actual" / manifest.SIGNATURE_NAME,
    "copy of the manifest": lambda server: _copies(server) / manifest.NAME,
    "copy of the signature": lambda server: _copies(server) / manifest.SIGNATURE_NAME,
}


def _copies(server: Server) -> Path:
    return server.config.store / "firmados" / (server.config.public / "actual").readlink().name


def _before_the_lost_state(server: Server) -> Path:
    (server.config.store / "state.json").unlink()
    return server.config.store / "state.json.anterior"


def _noted(server: Server, name: str, value: str) -> Path:
    """Return a note of the intake's, which it need not have left."""
    path = server.config.store / name
    records.write(path, value)
    return path


@pytest.fixture(scope="module")
def shows_one(tmp_path_factory: pytest.TempPathFactory, key: Path) -> Server:
    """The server that each test gets a copy of."""
    folder = tmp_path_factory.mktemp("servidor")
    machine = Machine(Server.make(folder / "srv", key), folder)
    with machine.gate():
        machine.push(1)
        until(machine.server.shown, lambda shown: shown == 1, what="se muestre el primer corte")
    return machine.server


@pytest.fixture
def machine(tmp_path: Path, shows_one: Server) -> Machine:
    """A server that shows corte 1."""
    return Machine(shows_one.copy(tmp_path / "srv"), tmp_path)


def shows(server: Server, sequence: int) -> None:
    """Assert that the corte of this sequence is shown, every byte as signed."""
    shown = server.config.public / "actual/"
    found = manifest.read((shown / manifest.NAME).read_bytes())
    assert (server.shown(), found.sequence) == (sequence, sequence)
    tree.verify(shown, found)


def goes_on(machine: Machine, sequence: int) -> None:
    """Push the next corte; assert that it is shown, that estado.json names it, and that the log ends where it says."""
    server = machine.server
    machine.push(sequence)
    until(server.shown, lambda shown: shown == sequence, what="se muestre el corte siguiente")
    shows(server, sequence)
    until(lambda: server.status()["shown"]["sequence"], lambda told: told == sequence, what="estado.json lo diga")
    assert log.end(server.config.store / "bitacora.jsonl") == log.Head(
        server.status()["log"]["entries"], server.status()["log"]["head"]
    )


@pytest.mark.parametrize("record", RECORDS)
def test_damage_while_the_services_run(machine: Machine, record: str):
    server = machine.server
    with machine.gate() as gate:
        for sequence, fault in enumerate(FAULTS, 2):
            with gate.paused():  # it may be writing this very record
                fault(RECORDS[record](server))
            assert server.shown() == sequence - 1
            machine.push(0)
            assert server.shown() == sequence - 1, "an older corte should be refused whichever record is damaged"
            goes_on(machine, sequence)


@pytest.mark.parametrize("record", RECORDS)
def test_damage_while_the_server_is_off(machine: Machine, record: str):
    server = machine.server
    for sequence, fault in enumerate(FAULTS, 2):
        fault(RECORDS[record](server))
        server.config.gate_file.unlink()  # a reboot empties /run
        with machine.gate():
            until(machine.is_open, what="la compuerta abra otra vez")
            until(server.config.status_file.is_file, what="la compuerta diga su estado")
            until(lambda: _is_whole(server), what="se repare lo dañado")
            shows(server, sequence - 1)
            machine.push(0)
            assert server.shown() == sequence - 1
            goes_on(machine, sequence)


def _is_whole(server: Server) -> bool:
    """Return whether the published tree, manifest and signature included, is as it was signed."""
    shown = server.config.public / "actual/"
    try:
        armour = (shown / manifest.SIGNATURE_NAME).read_bytes()
        tree.verify(shown, manifest.read((shown / manifest.NAME).read_bytes()))
        return signature.canonical(armour) == armour
    except (OSError, Refusal):
        return False


def test_what_it_expects_of_cortes_may_be_damaged_and_its_copy_counts(machine: Machine):
    """The services ended, and after a restart the page did not open until a run of the site had mended the file."""
    whole = machine.config.read_bytes()
    for sequence, fault in enumerate(FAULTS, 2):
        fault(machine.config)
        machine.server.config.gate_file.unlink()  # a reboot empties /run
        with machine.gate() as gate:
            until(machine.is_open, what="la compuerta abra otra vez")
            goes_on(machine, sequence)
            told = gate.said()
        assert f"vale su copia, {copy_of(machine.config)}." in told
        files.cleared(machine.config).unlink(missing_ok=True)
        machine.config.write_bytes(whole)


def test_a_letter_of_a_date_is_damage_too(machine: Machine):
    """The file said another date then, and nothing else told that it was not the right one."""
    right = json.loads(machine.config.read_bytes())
    opens = right["value"]["opens"]
    record = {**right, "value": {**right["value"], "opens": opens.replace("20", "21", 1)}}
    assert record != right
    machine.config.write_text(json.dumps(record))
    with pytest.raises(Damaged, match=r"server\.json"):
        Config.load(machine.config)
    assert instants.write(Config.load(copy_of(machine.config)).window.opens) == opens


def test_what_an_earlier_version_wrote_of_cortes_is_no_damage(machine: Machine):
    """The code and its configuration are not installed in one instant; those versions wrote no revoked keys there."""
    value = records.read(machine.config)
    assert value.pop("known_revoked") == []
    machine.config.write_bytes(record.content(value))
    assert Config.load(machine.config) == Config.load(copy_of(machine.config))


def test_a_state_of_a_later_version_is_rebuilt(machine: Machine):
    """Whoever goes back to this version leaves it a state that says more than it can read."""
    path = machine.server.config.store / "state.json"
    state = records.read(path)
    state["accepted"]["standing"]["later"] = {"at": "2024-06-03T02:00:00Z"}
    state["ordered"] = [state["accepted"]]
    for _ in range(2):  # the record before it, too
        records.write(path, state)
    with machine.gate():
        machine.push(0)
        assert machine.server.shown() == 1
        goes_on(machine, 2)


def test_everything_but_the_trees_is_lost(machine: Machine):
    """State, its copy and log are gone; the signed trees are enough to know the last sequence."""
    server = machine.server
    server.send(7)
    for path in server.config.store.iterdir():
        if path.is_file():
            path.unlink()
    with machine.gate():
        goes_on(machine, 8)
        machine.push(6)
        assert server.shown() == 8


def again(server: Server) -> Server:
    """Return the server of a rehearsal with another window, which its opening alone tells from the one before."""
    before = server.config.window
    later = replace(before, opens=before.opens + timedelta(minutes=30))
    return Server(replace(server.config, window=later), server.key)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_repeated_rehearsal_outlives_its_record(machine: Machine, fault: Callable[[Path], None]):
    """Its numbers begin anew: the last corte of the window before was taken for the newest, and the page went blank."""
    assert machine.server.send(9)["result"] == "shown"
    server = again(machine.server)
    assert server.send(1)["result"] == "shown"
    fault(server.config.store / "state.json")
    _start(server)
    assert (server.shown(), server.status()["shown"]["sequence"]) == (1, 1)
    shows(server, 1)
    assert server.send(2)["result"] == "shown"
    assert server.send(1)["code"] == "rollback"


def test_a_repeated_rehearsal_goes_on_where_its_log_ends_though_only_a_tree_of_the_window_before_is_left(
    machine: Machine,
):
    assert machine.server.send(9)["result"] == "shown"
    earlier = {path.name for path in (machine.server.config.public / "cortes").iterdir()}
    server = again(machine.server)
    assert server.send(4)["result"] == "shown"
    _lose_state(server)
    (server.config.public / "actual").unlink()
    for folder in (server.config.public / "cortes", server.config.store / "espera", server.config.store / "firmados"):
        for path in folder.iterdir():
            if path.name not in earlier:
                shutil.rmtree(path)
    _start(server)
    assert server.send(3)["code"] == "rollback"
    assert server.send(5)["result"] == "shown"


def _lose_state(server: Server) -> None:
    for path in (server.config.store / "state.json", server.config.store / "state.json.anterior"):
        path.unlink()


def _start(server: Server) -> None:
    """Do what the gate does at its start, once."""
    service = Gate(server.config)
    service.forget_other_elections()
    service.disown()
    service.step(instants.now())
    service.look_at_papers()


@pytest.mark.parametrize("then", ["removed", "ended"])
def test_a_rebuilt_state_keeps_a_corte_whose_signer_may_not_sign_today(machine: Machine, tmp_path: Path, then: str):
    """Its signature was replaced by an empty one, by the next look at the papers or the next push of the same corte.

    To a clock that is wrong, as after a power cut, signers are like those whose dates are over.
    """
    server, shown = machine.server, machine.server.config.public / "actual"
    papers = [(shown / name).read_bytes() for name in PAPERS]
    other = allow(make_key(tmp_path, "otra"))
    signers = {"removed": other, "ended": allow(server.key, before=f"{instants.now():%Y%m%d%H%M%S}")}
    _lose_state(server)
    server.config.allowed_signers.write_text(signers[then])
    _start(server)
    told = server.status()["shown"]
    assert (told["sequence"], told["files"]) == (1, len(FILES) + 1)
    shows(server, 1)
    server.config.allowed_signers.write_text(allow(server.key))
    assert server.deliver(*papers)["result"] == "repeated"
    assert [(shown / name).read_bytes() for name in PAPERS] == papers


def test_a_corte_that_only_the_log_knows_keeps_the_signature_with_which_it_is_pushed_again(machine: Machine):
    server, name = machine.server, (machine.server.config.public / "actual").readlink().name
    papers = [(server.config.public / "actual" / name).read_bytes() for name in PAPERS]
    _lose_state(server)
    for folder in (server.config.public / "actual", server.config.store / "firmados" / name):
        truncate(folder / manifest.NAME)
    _start(server)
    assert server.deliver(*papers)["result"] == "repeated"
    _start(server)
    assert [(server.config.public / "actual" / name).read_bytes() for name in PAPERS] == papers


@pytest.mark.parametrize("emptied", [False, True])
def test_a_rebuilt_state_has_no_corte_of_a_key_that_was_revoked_before_the_gate_knew(machine: Machine, emptied: bool):
    """The list of revoked keys and the loss of the state come with one start of the gate; damage to the list, too."""
    public = machine.server.key.with_name(machine.server.key.name + ".pub").read_text()
    server = Server(replace(machine.server.config, known_revoked=(public.strip(),)), machine.server.key)
    _lose_state(server)
    server.config.revoked.write_text("" if emptied else public)
    _start(server)
    assert (server.shown(), server.status()["shown"]) == (None, None)


def test_a_state_is_not_rebuilt_while_no_signature_can_be_verified(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    """Without memory or room for temporary files, say: a state without the shown corte would take it from the page."""
    server = machine.server
    _lose_state(server)

    def busy(*_: object) -> None:
        raise Refusal("system", "ssh-keygen no respondió a tiempo.")

    with monkeypatch.context() as troubled:
        troubled.setattr(signature, "_ssh_keygen", busy)
        with pytest.raises(OSError, match="no respondió"):
            _start(server)
    assert not (server.config.store / "state.json").exists()
    _start(server)
    assert (server.shown(), server.status()["shown"]["sequence"]) == (1, 1)


def test_the_trees_are_lost_but_not_the_log(machine: Machine):
    """The log tells which corte was accepted last: an older one stays refused, and the next one is shown."""
    server = machine.server
    server.send(7)
    for path in (server.config.store / "state.json", server.config.store / "state.json.anterior"):
        path.unlink()
    for folder in (server.config.public / "cortes", server.config.store / "espera"):
        shutil.rmtree(folder)
    (server.config.public / "actual").unlink()
    with machine.gate():
        machine.push(6)
        assert server.shown() is None
        goes_on(machine, 8)


@pytest.mark.parametrize(
    "line",
    [
        b'{"n": "9", "event": "shown"}', b'{"n": [1]}', b"[]", b"7", b"\xff", b"[" * 100_000,
        b'{"event": "shown", "opens": "OPENS", "sequence": "9", "corte": "x", "manifest_sha256": 1, "at": 2}',
        b'{"event": "shown", "opens": "OPENS", "sequence": 9, "corte": "2024-06-03T02:00:00Z", "orders": 1,'
        b' "manifest_sha256": "", "at": "2024-06-03T02:00:00Z"}',
    ],
    ids=lambda line: str(line)[:40],
)  # fmt: skip
def test_a_malformed_log_beside_a_lost_state_stops_no_push(machine: Machine, line: bytes):
    """Both are lost at once, and what stands in the log's place is JSON of somebody else's."""
    server = machine.server
    opens = instants.write(server.config.window.opens).encode()
    for path in (server.config.store / "state.json", server.config.store / "state.json.anterior"):
        path.unlink()
    (server.config.store / "bitacora.jsonl").write_bytes(line.replace(b"OPENS", opens) + b"\n")
    assert server.send(2)["result"] == "shown"


def test_a_pause_outlives_its_record(machine: Machine):
    """The order to keep what is shown (`hold`) is read from the log when the state is lost."""
    server = machine.server
    shown = server.status()["shown"]
    later = instants.parse(shown["generated"])
    assert server.send(2, orders=("hold",), corte=later, generated=later)["result"] == "held"
    for path in (server.config.store / "state.json", server.config.store / "state.json.anterior"):
        path.unlink()
    with machine.gate():
        until(lambda: server.status()["gate"]["hold"], what="se conozca otra vez la pausa")
        machine.push(3)
        assert server.shown() == 1
        assert server.status()["gate"]["hold"]["sequence"] == 2


def test_lines_taken_off_the_logs_end_are_noticed(machine: Machine):
    server = machine.server
    server.send(2)
    path = server.config.store / "bitacora.jsonl"
    head = log.end(path)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    server.send(3)
    first = next(log.entries(path))
    assert (first["event"], first["n"], first["previous"]) == ("segment", head.entries + 1, head.sha256)
    assert server.status()["log"]["segments"] == 2
    assert (server.config.store / first["after"]).exists()


def test_a_log_that_is_ahead_of_the_state_is_gone_on_with(machine: Machine):
    """After a crash between writing the log's line and saving the state, the log goes on without a new segment."""
    server = machine.server
    path = server.config.store / "bitacora.jsonl"
    log.append(path, log.end(path), "shown", instants.now())
    server.send(2)
    assert server.status()["log"]["segments"] == 1
