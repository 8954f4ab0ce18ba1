"""The gate shows a corte only inside its window, by a clock that chrony vouches for; in doubt it stays closed."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from corte_kit import FILES, ZEROS, Server, allow, make_key, table

from corte.format import instants, signature
from corte.format.manifest import Window
from corte.server import clock, gate, log
from corte.server.clock import Clock
from corte.server.gate import Gate
from corte.server.memory import Memory
from corte.server.state import Corte
from corte.server.store import Store

NOW = datetime(2024, 6, 3, 2, tzinfo=UTC)
SYNCHRONISED = "A29FC801,10.0.0.1,3,1717379936.1,0.000001,0.000002,0.00001,1.0,0.0,0.01,0.001,0.002,64.2,{}\n"
CLAIMS_MORE = SYNCHRONISED.replace("0.002,64", "61.0,64")  # what chrony 4.0 claims when it runs with -x
LOST = CLAIMS_MORE.replace("1717379936", "1717350000")  # the last answer of a time server came eight hours ago


@pytest.fixture(scope="module")
def opens() -> datetime:
    return instants.now().replace(microsecond=0) + timedelta(minutes=30)


@pytest.fixture(scope="module")
def waits(tmp_path_factory: pytest.TempPathFactory, key: Path, opens: datetime) -> Server:
    """The server that each test gets a copy of."""
    server = Server.make(tmp_path_factory.mktemp("servidor") / "srv", key, opens)
    assert server.send(1)["result"] == "held"
    return server


@pytest.fixture
def server(tmp_path: Path, waits: Server) -> Server:
    """A server before its window opens, with corte 1 already received."""
    return waits.copy(tmp_path / "srv")


def gate_of(server: Server, synchronised: bool = True) -> Gate:
    service = Gate(server.config)
    service.clock = Clock(synchronised, 0.0, 0.001, instants.now())
    return service


def results(server: Server) -> list[Path]:
    """Return every file below the folder that the web server can read."""
    return [path for path in server.config.public.rglob("*") if path.name != "cortes"]


def test_before_the_instant_nothing_can_be_reached(server: Server, opens: datetime):
    gate_of(server).step(opens - timedelta(milliseconds=1))
    status = server.status()
    assert results(server) == []
    assert not server.config.gate_file.exists()
    assert status["gate"]["state"] == "waiting"
    assert status["shown"] is None
    assert status["held"]["sequence"] == 1


def test_before_the_instant_estado_says_nothing_of_what_the_tables_hold(server: Server, opens: datetime):
    assert server.send(2, {"descargas/GUB.csv": table(7, registered=3)})["warnings"] == []
    attempt = server.send(3, {"descargas/GUB.csv": table(5)})
    assert (attempt["code"], attempt["warnings"]) == ("rectification", [])
    assert not re.search("7|5|renglones|GUB", str(attempt["reason"]))
    history = str(list(log.entries(server.config.store / "bitacora.jsonl")))
    assert "7 actas" in history and "renglones" in history
    gate_of(server).step(opens)
    assert "7 actas" in server.status()["last_attempt"]["reason"]


def test_at_the_instant_the_held_corte_is_shown(server: Server, opens: datetime):
    gate_of(server).step(opens)
    assert server.shown() == 1
    assert server.config.gate_file.exists()
    assert server.status()["gate"]["state"] == "open"
    assert server.status()["shown"]["since"] == instants.write(opens)


def test_a_doubtful_clock_does_not_open(server: Server, opens: datetime):
    service = gate_of(server, synchronised=False)
    service.step(opens)
    assert results(server) == []
    assert server.status()["gate"]["state"] == "unsynchronised"
    service.clock = replace(service.clock, synchronised=True)
    service.step(opens + timedelta(seconds=2))
    assert server.shown() == 1


@pytest.mark.parametrize("text", ["", SYNCHRONISED.format("Not synchronised")], ids=["silent", "anew"])
def test_what_chrony_confirmed_shortly_before_it_went_silent_opens(server: Server, opens: datetime, text: str):
    """As when chronyd is stopped, or stood still for a moment: it then begins anew, and takes minutes."""
    service = gate_of(server)
    service.now()
    service.clock = clock.read(text, 0.5, NOW)
    service.step(opens)
    assert server.status()["gate"]["state"] == "open"


@pytest.mark.parametrize(
    ("offset", "confirmed_within"), [(3.0, 0.001), (None, 0.6)], ids=["chrony knows better", "too long ago"]
)
def test_what_chrony_confirmed_once_does_not_open(
    server: Server, opens: datetime, offset: float | None, confirmed_within: float
):
    service = gate_of(server)
    service.now()
    service.watch.error = confirmed_within
    service.clock = Clock(False, offset, offset, instants.now())
    service.step(opens)
    assert server.status()["gate"]["state"] == "unsynchronised"


@pytest.mark.parametrize("then", [Clock(False, None, None, NOW), Clock(False, 3.0, 3.0, NOW, set_by=-3.0)])
def test_a_clock_that_chrony_knew_to_be_wrong_does_not_open_when_chrony_goes_silent_or_somebody_sets_it(
    server: Server, opens: datetime, then: Clock
):
    """Three seconds fast, it opened three seconds early by the time before."""
    service = gate_of(server)
    service.now()
    service.clock = Clock(False, 3.0, 3.0, NOW)
    service.now()
    service.clock = then
    service.step(opens)
    assert server.status()["gate"]["state"] == "unsynchronised"
    service.clock = replace(service.clock, synchronised=True, error=0.001, set_by=0.0)
    service.now()
    service.clock = Clock(False, None, None, NOW)
    service.step(opens)
    assert server.status()["gate"]["state"] == "open", "chrony has confirmed the time since"


def test_an_open_gate_survives_the_loss_of_its_time_server(server: Server, opens: datetime):
    gate_of(server).step(opens)
    gate_of(server, synchronised=False).step(opens + timedelta(hours=1))
    assert server.shown() == 1
    assert server.config.gate_file.exists()


def test_after_a_reboot_it_is_closed_until_the_gate_has_judged(server: Server, opens: datetime):
    gate_of(server).step(opens)
    server.config.gate_file.unlink()  # /run is empty after a reboot
    gate_of(server, synchronised=False).step(opens + timedelta(minutes=5))
    assert results(server) == []
    gate_of(server).step(opens + timedelta(minutes=6))
    assert server.shown() == 1


def test_a_clock_set_back_closes_again(server: Server, opens: datetime):
    service = gate_of(server)
    service.step(opens)
    service.step(opens - timedelta(hours=1))
    assert results(server) == []
    assert not server.config.gate_file.exists()


def test_closed_keeps_showing_until_it_is_retired(server: Server, opens: datetime):
    service = gate_of(server)
    window = server.config.window
    service.step(opens)
    service.step(window.closes)
    assert (server.shown(), server.status()["gate"]["state"]) == (1, "closed")
    assert server.config.gate_file.exists()
    service.step(window.retain_until)
    assert (results(server), server.status()["gate"]["state"]) == ([], "retired")
    assert not server.config.gate_file.exists()


def test_the_corte_of_the_close_comes_after_it(tmp_path: Path, server: Server):
    """It is taken where the institute ordered, signed in that very corte, to retain it; else nothing is shown."""
    closes = instants.now().replace(microsecond=0) - timedelta(minutes=3)
    window = Window(closes - timedelta(hours=24), closes, closes)
    late = Server.make(tmp_path / "late", server.key, window.opens)
    late.config = replace(late.config, window=window)
    service = gate_of(late)
    service.step(closes)
    refusal = late.send(144, corte=closes)
    assert (refusal["code"], late.shown(), late.status()["gate"]["state"]) == ("window", None, "retired")
    retained = replace(window, retain_until=closes + timedelta(days=6))
    assert late.send(144, corte=closes, window=retained)["result"] == "held"
    service.step(instants.now())
    assert (late.shown(), late.status()["gate"]["state"]) == (144, "closed")
    assert late.status()["gate"]["retain_until"] == instants.write(retained.retain_until)


def test_the_log_has_the_changes_that_were_due_while_the_gate_was_off(server: Server, opens: datetime):
    gate_of(server).step(opens - timedelta(seconds=1))
    gate_of(server).step(opens)
    gate_of(server).step(server.config.window.closes)
    server.config.gate_file.unlink()  # a reboot, and the window ends before the server is back
    gate_of(server).step(server.config.window.retain_until)
    gate_of(server).step(server.config.window.retain_until)
    entries = log.entries(server.config.store / "bitacora.jsonl")
    assert [entry["verdict"] for entry in entries if entry["event"] == "gate"] == ["open", "closed", "retired"]


def test_a_signed_corte_moves_the_close_but_never_the_opening(server: Server, opens: datetime):
    later = Window(opens, server.config.window.closes + timedelta(hours=2), server.config.window.retain_until)
    assert server.send(2, {**FILES, "x.csv": b"x"}, window=later)["result"] == "held"
    service = gate_of(server)
    service.step(opens)
    service.step(server.config.window.closes)
    assert server.status()["gate"]["state"] == "open"
    earlier = Window(opens - timedelta(hours=1), later.closes, later.retain_until)
    assert server.send(3, window=earlier)["code"] == "window"


def test_a_corte_of_an_earlier_rehearsal_is_not_shown_in_the_next(server: Server, opens: datetime):
    gate_of(server).step(opens)
    moved = opens + timedelta(days=7)
    window = Window(moved, moved + timedelta(hours=24), moved + timedelta(days=7))
    server.config = replace(server.config, window=window)
    service = gate_of(server)
    service.step(opens + timedelta(minutes=1))
    assert results(server) == []
    service.step(moved)
    assert server.shown() is None


def test_another_rehearsal_counts_from_the_beginning(server: Server, opens: datetime):
    assert server.send(9)["result"] == "held"
    gate_of(server).step(opens)
    start = opens - timedelta(hours=1)
    again = Window(start, start + timedelta(hours=24), start + timedelta(days=7))
    server.config = replace(server.config, window=again)
    gate_of(server).step(instants.now())
    assert results(server) == []
    assert server.send(2)["result"] == "shown"
    assert server.shown() == 2


def test_on_the_real_night_nothing_counts_down(server: Server, opens: datetime):
    server.config = replace(server.config, environment="official")
    assert server.send(9, ZEROS, environment="official")["result"] == "held"
    start = opens - timedelta(hours=1)
    server.config = replace(server.config, window=Window(start, start + timedelta(hours=24), start + timedelta(days=7)))
    assert server.status()["other_opening"] is None
    attempt = server.send(2, environment="official")
    assert attempt["code"] == "rollback" and f"es de otra apertura: {instants.write(opens)}." in attempt["reason"]
    kept = server.status()["other_opening"]
    assert (kept["sequence"], kept["opens"]) == (9, instants.write(opens))


def test_nothing_of_another_election_stays(server: Server, opens: datetime):
    gate_of(server).step(opens)
    server.config = replace(server.config, environment="official")
    service = gate_of(server)
    service.forget_other_elections()
    service.step(opens)
    assert results(server) == []
    assert list((server.config.store / "espera").iterdir()) == []
    assert list((server.config.store / "objetos").glob("??/*")) == []


def test_a_state_that_lost_its_tree_shows_nothing_and_the_next_push_mends_it(server: Server, opens: datetime):
    next((server.config.store / "espera").iterdir()).rename(server.config.store / "perdido")
    service = gate_of(server)
    service.step(opens)
    assert server.shown() is None
    raw = (server.config.store / "perdido/corte.json").read_bytes()
    assert server.push(raw)["result"] in ("held", "repeated")
    service.step(opens)
    assert server.shown() == 1


@pytest.fixture
def stolen(server: Server, tmp_path: Path) -> Path:
    """Return the key of a second signer of an official server; a thief has it."""
    thief = make_key(tmp_path, "robada")
    server.config.allowed_signers.write_text(allow(server.key) + allow(thief, principal="otra@demo.test"))
    return thief


def revoke(server: Server, key: Path) -> None:
    """Revoke a key as the playbook does on election night: list the key and restart the gate."""
    server.config.allowed_signers.write_text(allow(server.key))
    server.config.revoked.write_text("# comment\n\n" + key.with_name(key.name + ".pub").read_text())
    service = gate_of(server)
    service.disown()
    service.step(server.config.window.opens + timedelta(minutes=1))


def test_cortes_of_a_revoked_key_are_no_longer_shown(server: Server, opens: datetime, stolen: Path):
    gate_of(server).step(opens)
    evil = server.manifest(10**9, {**FILES, "datos/congreso.json": b"falso\n"}, orders=("hold",))
    assert server.push(evil.to_bytes(), key=stolen)["result"] == "held"
    assert server.send(2)["code"] == "rollback", "the thief's sequence should keep out every later corte"
    revoke(server, stolen)
    status = server.status()
    assert (server.shown(), status["shown"]["sequence"], status["gate"]["hold"]) == (1, 1, None)
    assert server.send(2)["result"] == "held", "the intake sees the machine's clock, which is before the opening"
    gate_of(server).step(opens + timedelta(minutes=2))
    assert server.shown() == 2
    events = [entry["event"] for entry in log.entries(server.config.store / "bitacora.jsonl")]
    assert "disowned" in events


def test_estado_says_by_a_digest_who_may_sign_and_which_keys_are_revoked(
    server: Server, opens: datetime, stolen: Path
) -> None:
    """By it the institute notices a server that is back at the lists of before a theft; how they are written is one."""
    gate_of(server).step(opens)
    before, lists = server.status()["trust_sha256"], server.config.allowed_signers.read_text()
    revoke(server, stolen)
    after = server.status()["trust_sha256"]
    gone = f"# comment\n{stolen.with_name(stolen.name + '.pub').read_text()}"
    assert before == signature.trust_sha256(lists, "")
    assert after == signature.trust_sha256(allow(server.key), gone.replace(" ", "  "))
    assert signature.trust_sha256(lists, "") == signature.trust_sha256("".join(reversed(lists.splitlines(True))), "")
    assert len({before, after, signature.trust_sha256(allow(server.key), "")}) == 3
    server.config.revoked.unlink()
    assert server.config.trust_sha256() is None


def test_the_last_good_corte_replaces_that_of_a_revoked_key(server: Server, opens: datetime, stolen: Path):
    gate_of(server).step(opens)
    evil = server.manifest(2, {**FILES, "datos/congreso.json": b"falso\n"})
    assert server.push(evil.to_bytes(), key=stolen)["result"] == "held"
    gate_of(server).step(opens + timedelta(seconds=2))
    assert server.shown() == 2
    revoke(server, stolen)
    assert server.shown() == 1
    assert (server.config.public / "actual/datos/congreso.json").read_bytes() == FILES["datos/congreso.json"]


def test_nothing_is_shown_when_every_corte_is_of_a_revoked_key(server: Server, opens: datetime, stolen: Path):
    for sequence in range(2, 2 + server.config.keep):
        evil = server.manifest(sequence, {**FILES, "datos/congreso.json": b"%d\n" % sequence})
        assert server.push(evil.to_bytes(), key=stolen)["result"] == "held"
    revoke(server, stolen)
    assert results(server) == []
    assert server.send(2)["result"] == "held"


def test_cortes_of_a_removed_but_not_revoked_signer_stay_shown(server: Server, opens: datetime, stolen: Path):
    assert server.push(server.manifest(2).to_bytes(), key=stolen)["result"] == "held"
    server.config.allowed_signers.write_text(allow(server.key))
    service = gate_of(server)
    service.disown()
    service.step(opens)
    assert server.shown() == 2


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the function that makes keys of a kind, an authority's certificate of one of them, and what they sign."""

    @cache
    def made(kind: str) -> Path:
        folder = tmp_path_factory.mktemp(kind)
        for name in ("authority", "operator", "other"):
            subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(folder / name)], check=True)
        operator = str(folder / "operator.pub")
        subprocess.run(
            ["ssh-keygen", "-q", "-s", str(folder / "authority"), "-I", "x", "-n", "x", operator], check=True
        )
        (folder / "plain").write_bytes(signature.sign(b"x", folder / "operator", "demo"))
        (folder / "certified").write_bytes(signature.sign(b"x", folder / "operator-cert.pub", "demo"))
        return folder

    return made


@pytest.mark.parametrize("who", ["operator", "authority"])
@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_certificate_is_known_by_its_key_and_by_its_authoritys(issued: Callable[[str], Path], kind: str, who: str):
    folder = issued(kind)
    plain, certified = (folder / "plain").read_bytes(), (folder / "certified").read_bytes()
    key = (folder / f"{who}.pub").read_text()
    assert signature.is_by_any(certified, "basura\n" + key)
    assert signature.is_by_any(plain, key) is (who == "operator")
    assert not signature.is_by_any(certified, (folder / "other.pub").read_text())


@pytest.mark.parametrize(
    ("text", "synchronised"),
    [
        (SYNCHRONISED.format("Normal"), True),
        (SYNCHRONISED.format("Insert second"), True),
        (SYNCHRONISED.format("Not synchronised"), False),
        (CLAIMS_MORE.format("Normal"), True),
        (LOST.format("Normal"), False),
        (SYNCHRONISED.format("Normal").replace("0.000001", "-2.0"), False),
        ("506 Cannot talk to daemon\n", False),
        ("", False),
    ],
)
def test_the_clock_is_judged_by_chrony(text: str, synchronised: bool):
    assert clock.read(text, 0.5, NOW).synchronised is synchronised


def test_the_gate_wakes_at_the_exact_instant_of_opening(opens: datetime):
    window = Window(opens, opens + timedelta(hours=1), opens + timedelta(hours=2))
    assert gate._pause(window, opens - timedelta(milliseconds=40)) == pytest.approx(0.04)
    assert gate._pause(window, opens) == gate.TICK


def test_the_clock_is_not_asked_right_before_an_instant(
    server: Server, opens: datetime, monkeypatch: pytest.MonkeyPatch
):
    asked = []
    service = gate_of(server)
    monkeypatch.setattr(clock, "ask", lambda limit: asked.append(limit) or service.clock)
    service.ask_clock(server.config.window, opens - timedelta(seconds=1))
    assert asked == []
    service.ask_clock(server.config.window, opens - timedelta(seconds=6))
    assert asked == [0.5]


def test_a_signed_order_opens_by_a_doubtful_clock(server: Server, opens: datetime):
    later = instants.now().replace(microsecond=0) + timedelta(seconds=2)
    assert server.send(2, orders=("clock-override",), generated=later)["result"] == "held"
    gate_of(server, synchronised=False).step(opens - timedelta(seconds=1))
    assert results(server) == []
    gate_of(server, synchronised=False).step(opens)
    assert (server.shown(), server.status()["gate"]["clock_override"]) == (2, True)


def test_a_hold_before_the_opening_shows_nothing_and_outlives_a_reboot(server: Server, opens: datetime):
    assert server.send(2, orders=("hold",))["result"] == "held"
    gate_of(server).step(opens)
    assert server.shown() is None
    assert server.status()["held"]["sequence"] == 2


def test_a_hold_that_comes_while_the_clock_is_set_back_keeps_what_is_shown(server: Server, opens: datetime):
    """The gate counts time by the processor and is open; by the clock that the intake reads, it is still too early."""
    service = gate_of(server)
    service.step(opens)
    gate_of(server, synchronised=False).step(opens + timedelta(seconds=1))
    assert server.send(2, orders=("hold",), generated=opens + timedelta(seconds=1))["result"] == "held"
    service.step(opens + timedelta(seconds=2))
    assert server.shown() == 1


def test_what_is_held_comes_back_after_a_reboot(server: Server, opens: datetime):
    gate_of(server).step(opens)
    state = Memory(server.config).load()
    assert state.accepted is not None
    order = Corte.of(server.manifest(2, orders=("hold",), generated=opens + timedelta(seconds=1)), "a" * 64, "", b"")
    Memory(server.config).save(state.follow(order, server.config).accept(order, server.config))
    server.config.gate_file.unlink()
    gate_of(server, synchronised=False).step(opens + timedelta(minutes=1))
    assert results(server) == []
    gate_of(server).step(opens + timedelta(minutes=2))
    assert server.shown() == 1


def test_a_stop_in_the_middle_of_a_step_is_not_lost(server: Server, monkeypatch: pytest.MonkeyPatch):
    """The signal arrives when a file has just been renamed, so that tidying up finds its temporary file gone."""
    rename, asked = os.replace, []

    def stopped(*paths: object) -> None:
        rename(*paths)
        asked.append(os.kill(os.getpid(), signal.SIGTERM))

    def went_on(seconds: float) -> None:
        pytest.fail(f"the gate went on for {seconds} s after {len(asked)} stops")

    monkeypatch.setattr(os, "replace", stopped)
    monkeypatch.setattr(time, "sleep", went_on)
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as left:
            gate_of(server).run()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert left.value.code == 0
    assert asked


@pytest.mark.parametrize("times", [1, 2])
def test_a_folder_that_is_closed_in_the_middle_of_a_step_is_met_by_another_step(
    server: Server, monkeypatch: pytest.MonkeyPatch, times: int
):
    """The service goes on to rest instead of ending, also where the repair does not help."""
    has, asked = Store.has, []

    def closed(store: Store, name: str) -> bool:
        asked.append(name)
        if len(asked) <= times:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)
        return has(store, name)

    def rest(seconds: float) -> None:
        raise SystemExit(f"at rest for {seconds} s")

    monkeypatch.setattr(Store, "has", closed)
    monkeypatch.setattr(time, "sleep", rest)
    monkeypatch.setattr(instants, "now", lambda now=instants.now: now() + timedelta(hours=1))
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit, match="at rest"):
            gate_of(server).run()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert server.shown() == (1 if times == 1 else None)
