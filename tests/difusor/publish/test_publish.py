"""A corte is delivered to many difusores, and the operator is told what became of it at each."""

from __future__ import annotations

import io
import json
import math
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, as_completed
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import typer
from click.testing import CliRunner
from corte_kit import table
from publish_kit import command_of, make_target
from rich.console import Console

from corte.format import instants
from difusor.board import rows
from difusor.cli import VERBS
from difusor.commands import audit, publish
from difusor.project import HOME, UnusableError
from difusor.publish import comparison, deliver, mirror, push, standing
from difusor.publish import target as targets
from difusor.publish.deliver import Options, Outcome
from difusor.publish.signing import SignedCorte
from difusor.publish.target import Target


def test_every_verb_has_its_function():
    assert {"sign", "verify", "publish"} <= VERBS.keys()


def test_a_reason_cannot_write_on_the_operators_terminal(
    signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch
):
    reason = "Sobra «[/x]» [green]publicado[/]\x1b[2J."
    mirror_that_says(monkeypatch, ("refused", {"last_attempt": {"code": "path", "reason": reason}}))
    monkeypatch.setattr(targets, "read", lambda source: [make_target(election)])
    monkeypatch.setattr(publish, "results", Console(file=(screen := io.StringIO()), width=200))
    with pytest.raises(typer.Exit):
        publish.run(signed.folder, [Path("norte")])
    assert "Sobra «[/x]» [green]publicado[/]" in screen.getvalue()
    assert "\x1b" not in screen.getvalue()


def test_people_read_when_a_mirror_opens_by_the_clocks_of_the_election_and_programs_in_utc(
    signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch
):
    """One of another year than this one, so that it has its year; eighty columns hold the table."""
    shown = {"corte": "2024-06-03T02:00:00Z", "since": "2024-06-03T02:00:05Z"}
    mirror_that_says(monkeypatch, ("shown", {"shown": shown}))
    off = "fuera de la lista desde 2024-06-03T03:00:00Z: firmó otro"
    both = [make_target(election), make_target(election, "sur", revoked=off)]
    monkeypatch.setattr(targets, "read", lambda source: both)
    monkeypatch.setattr(publish, "results", Console(file=(screen := io.StringIO()), width=80))
    with pytest.raises(typer.Exit):
        publish.run(signed.folder, [Path("norte")])
    text = "".join(line.split("│")[3].strip() + " " for line in screen.getvalue().splitlines() if line[:1] == "│")
    assert "corte 02/06/2024 19:00:00 PDT, desde 02/06/2024 19:00:05 PDT" in " ".join(text.split())
    assert "desde 02/06/2024 20:00:00 PDT: firmó otro" in " ".join(text.split())
    assert max(map(len, screen.getvalue().splitlines())) <= 80
    done = CliRunner().invoke(command_of(publish), [str(signed.folder), "-i", str(signed.folder), "--json"])
    assert "corte 2024-06-03T02:00:00Z, desde 2024-06-03T02:00:05Z" in json.loads(done.stdout)["difusores"][1]["detail"]


def mirror_that_says(monkeypatch: pytest.MonkeyPatch, *words: tuple[str, dict[str, Any]]) -> list[bool]:
    """Replace network and rsync: the mirror answers `words`. Return the list that gets each push's `checksum`."""
    pushes: list[bool] = []
    said = list(words)

    def pushed(folder: Path, target: Target, bandwidth: int | None, checksum: bool, limit: float | None) -> int:
        if target.address == "caído":
            raise push.PushFailed("connection refused")
        pushes.append(checksum)
        return 10

    monkeypatch.setattr(deliver, "push", pushed)
    monkeypatch.setattr(mirror.Mirror, "status", lambda self: None)
    monkeypatch.setattr(mirror.Mirror, "await_word", lambda self, *_: said.pop(0) if len(said) > 1 else said[0])
    return pushes


SHOWN = ("shown", {"shown": {"corte": "2024-06-03T03:10:00Z", "since": "2024-06-03T03:11:00Z"}})


def refusal(code: str) -> tuple[str, dict[str, Any]]:
    return "refused", {"last_attempt": {"code": code, "reason": "No."}}


def test_a_mirror_that_lets_others_sign_is_not_good_at_any_push(
    signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that is back at a snapshot of before a key was stolen; one of an earlier version says nothing of it."""
    decided = make_target(election).election
    own = mirror.signature.trust_sha256(decided.allowed_signers, decided.revoked)
    both = [make_target(election), make_target(election, "sur")]
    monkeypatch.setattr(targets, "read", lambda source: [both[source.name == "sur"]])
    asked = [str(signed.folder), "-i", str(signed.folder.parent / "norte"), "-i", str(signed.folder.parent / "sur")]
    for name in ("norte", "sur"):
        (signed.folder.parent / name).mkdir(exist_ok=True)
    for said, status in ((own, 0), ("0" * 64, 3), ("0" * 64, 3), (None, 0)):
        mirror_that_says(monkeypatch, SHOWN)
        answers = {"norte": {**SHOWN[1], "trust_sha256": said}, "sur": SHOWN[1]}
        monkeypatch.setattr(mirror.Mirror, "await_word", lambda self, *_, a=answers: ("shown", a[self.target.name]))
        done = CliRunner().invoke(command_of(publish), asked)
        assert done.exit_code == status, done.output
        is_told = "norte: no admite a los mismos firmantes que la elección de esta máquina" in done.output
        assert is_told == ("falta: norte (otros firmantes)" in done.output) == (status == 3)


def test_one_difusor_that_fails_stops_no_other(signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch):
    mirror_that_says(monkeypatch, SHOWN)
    both = [make_target(election, "sur", address="caído"), make_target(election)]
    told: list[Outcome] = []
    outcomes = deliver.deliver_all(signed, both, Options(), told.append)
    assert [(outcome.difusor, outcome.result) for outcome in outcomes] == [("sur", "failed"), ("norte", "shown")]
    assert {outcome.difusor for outcome in told} == {"sur", "norte"}


def test_one_difusor_that_cannot_even_be_asked_stops_no_other(
    signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch
):
    mirror_that_says(monkeypatch, SHOWN)
    bad = make_target(election, "sur", fqdn="ñandú.mx")
    outcomes = deliver.deliver_all(signed, [bad, make_target(election)], Options(), lambda _: None)
    assert [(outcome.result, bool(outcome.detail)) for outcome in outcomes] == [("failed", True), ("shown", True)]
    assert (found := comparison.compare(bad)).result == "unreachable" and found.detail


def test_what_nobody_foresaw_of_one_difusor_stops_no_other(
    signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch
):
    """An address that is none, for instance, which no inventory has any more."""
    mirror_that_says(monkeypatch, SHOWN)
    both = [make_target(election, "sur", address="203.0.113.256"), make_target(election)]
    failed, shown = deliver.deliver_all(signed, both, Options(), lambda _: None)
    assert (failed.result, shown.result) == ("failed", "shown")
    assert failed.detail.startswith("falló este programa (InvalidURL: ")


@pytest.mark.parametrize(("at_once", "together"), [(2, 2), (None, 6)], ids=["two", "all"])
def test_so_many_are_sent_at_once_as_is_asked(
    signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch, at_once: int | None, together: int
):
    """Where forty pushes of images share one link, none of them may end in time."""
    mirror_that_says(monkeypatch, SHOWN)
    lock, met, now, most = threading.Lock(), threading.Barrier(together), [0], [0]

    def pushed(*_: object) -> int:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        met.wait(300)
        with lock:
            now[0] -= 1
        met.wait(300)
        return 10

    monkeypatch.setattr(deliver, "push", pushed)
    six = [make_target(election, f"uno-{number}") for number in range(6)]
    outcomes = deliver.deliver_all(signed, six, Options(at_once=at_once), lambda _: None)
    assert [each.result for each in outcomes] == ["shown"] * 6 and most == [together]


@pytest.mark.parametrize(("late", "is_told"), [(3, True), (2, False)])
def test_the_cause_is_told_when_most_deliveries_took_too_long(
    signed: SignedCorte, election: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: int, is_told: bool
):
    mirror_that_says(monkeypatch, SHOWN)

    def pushed(folder: Path, target: Target, *_: object) -> int:
        if target.name < str(late):
            raise push.PushLate("el envío no terminó a tiempo; lo que ya llegó no se envía otra vez")
        return 10

    monkeypatch.setattr(deliver, "push", pushed)
    monkeypatch.setattr(targets, "read", lambda source: [make_target(election, str(number)) for number in range(4)])
    done = CliRunner().invoke(command_of(publish), [str(signed.folder), "-i", str(tmp_path), "--at-once", "4"])
    told = "3 de 4 envíos no terminaron a tiempo: casi siempre es por el enlace de esta máquina, que lleva 4 a la vez"
    assert (told in done.stderr, "publique otra vez con --at-once 1," in done.stderr) == (is_told, is_told), done.stderr


def test_one_difusor_that_is_slow_delays_no_other(signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch):
    mirror_that_says(monkeypatch, SHOWN)
    others_told = threading.Event()

    def pushed(folder: Path, target: Target, *_: object) -> int:
        assert target.address != "lento" or others_told.wait(300)
        return 10

    monkeypatch.setattr(deliver, "push", pushed)
    told: list[str] = []
    both = [make_target(election, "sur", address="lento"), make_target(election)]
    deliver.deliver_all(signed, both, Options(), lambda done: told.append(done.difusor) or others_told.set())
    assert told == ["norte", "sur"]


def test_the_word_of_every_difusor_as_json(
    signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    mirror_that_says(monkeypatch, SHOWN)
    sources = {"norte": make_target(election), "sur": make_target(election, "sur", address="caído")}
    monkeypatch.setattr(targets, "read", lambda source: [sources[source.name]])
    for name in sources:
        (tmp_path / name).mkdir()
    both = [str(signed.folder), "-i", str(tmp_path / "norte"), "-i", str(tmp_path / "sur")]
    done = CliRunner().invoke(command_of(publish), [*both, "--json"])
    document = json.loads(done.stdout)
    assert (done.exit_code, document["sequence"], document["manifest_sha256"]) == (3, 7, signed.sha256)
    assert [(one["difusor"], one["result"]) for one in document["difusores"]] == [("norte", "shown"), ("sur", "failed")]
    assert CliRunner().invoke(command_of(publish), [*both[:3], "--json"]).exit_code == 0


def test_the_exit_status_tells_some_from_none(
    signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """Whether thirty-eight of forty had the corte or none, it was 1."""
    mirror_that_says(monkeypatch, SHOWN)
    good, bad = make_target(election), make_target(election, "sur", address="caído")
    off = make_target(election, "oeste", revoked="fuera de la lista")
    for found, status in (([good, off], 0), ([good, bad, off], 3), ([bad, off], 1), ([off], 1)):
        monkeypatch.setattr(targets, "read", lambda source, found=found: found)
        done = CliRunner().invoke(command_of(publish), [str(signed.folder), "-i", str(tmp_path)])
        assert done.exit_code == status, done.output
    (signed.folder / "corte.json.sig").unlink()
    assert CliRunner().invoke(command_of(publish), [str(signed.folder), "-i", str(tmp_path)]).exit_code == 1


def test_the_last_line_counts_who_has_the_corte_and_names_who_lacks_it(
    signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """Of forty rows, those that had failed had left the screen."""
    mirror_that_says(monkeypatch, SHOWN)
    sur = make_target(election, "sur", address="caído")
    others = [make_target(election, "norte"), make_target(election, "este")]
    off = make_target(election, "oeste", revoked="fuera de la lista")
    monkeypatch.setattr(targets, "read", lambda source: [sur, *others, off])
    command = [str(signed.folder), "-i", str(tmp_path)]
    for more in ([], ["--json"]):
        done = CliRunner().invoke(command_of(publish), [*command, *more])
        assert done.stderr.splitlines()[-1] == "Bien: 2 de 3; falta: sur (no entregado)"
    monkeypatch.setattr(targets, "read", lambda source: others)
    assert CliRunner().invoke(command_of(publish), command).stderr.splitlines()[-1] == "Bien: 2 de 2"


def test_tables_that_do_not_add_up_are_told_before_the_corte_that_publish_signs_is_delivered(
    tree: Path, election: Path, key: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """A corte that is signed already was told of when it was signed."""
    mirror_that_says(monkeypatch, SHOWN)
    monkeypatch.setattr(targets, "read", lambda source: [make_target(election)])
    (tree / "descargas/alcaldias.csv").write_bytes(table(7))
    command = [str(tree), "-i", str(tmp_path), "--key", str(key)]
    done = CliRunner().invoke(command_of(publish), command)
    before, delivered, _ = done.stderr.partition("norte: publicado")
    assert done.exit_code == 0 and delivered and "! alcaldias.csv: " in before
    assert "alcaldias.csv" not in CliRunner().invoke(command_of(publish), command).stderr


@pytest.mark.parametrize("code", ["digest", "system"])
def test_what_another_push_cures_is_sent_again(
    signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch, code: str
):
    """A file that time and size did not tell, and a server that could start no program for a moment."""
    pushes = mirror_that_says(monkeypatch, refusal(code), SHOWN)
    assert deliver.deliver(signed, make_target(election), Options()).result == "shown"
    assert pushes == [False, True]


def test_a_corte_refused_as_before_an_opening_that_has_come_is_sent_again(
    signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch
):
    """A server's clock may be a little behind; where it stays behind, that is the cause to tell."""
    pushes = mirror_that_says(monkeypatch, refusal("early"), SHOWN)
    assert deliver.deliver(signed, make_target(election), Options()).result == "shown"
    assert pushes == [False, True]
    mirror_that_says(monkeypatch, refusal("early"))
    outcome = deliver.deliver(signed, make_target(election), Options())
    assert (outcome.result, "el del espejo va detrás" in outcome.detail) == ("refused", True)


@pytest.mark.parametrize(
    ("behind", "gate", "clock", "told"),
    [
        (120, {"state": "open"}, {"synchronised": True}, "su reloj atrasa 120 min respecto al de esta máquina"),
        (-3, {"state": "open"}, {"synchronised": True}, "su reloj adelanta 3 min respecto al de esta máquina"),
        (120, {"state": "waiting"}, {"synchronised": True}, "su reloj atrasa 120 min"),
        (0.8, {"state": "open"}, {"synchronised": True}, ""),
        (0, {"state": "open"}, {"synchronised": False}, "su reloj no está sincronizado, con la página abierta"),
        (0, {"state": "open", "clock_override": True}, {"synchronised": False}, ""),
        (0, {"state": "closed"}, {"synchronised": False}, ""),
    ],
)
def test_a_clock_that_is_wrong_with_the_page_open_is_warned_of(
    signed: SignedCorte,
    election: Path,
    monkeypatch: pytest.MonkeyPatch,
    behind: float,
    gate: Any,
    clock: Any,
    told: str,
):
    """A machine that was paused for two hours took each corte, and its page counted the time by that clock."""
    updated = instants.write(instants.now() - timedelta(minutes=behind))
    mirror_that_says(
        monkeypatch, refusal("system"), ("shown", {**SHOWN[1], "gate": gate, "clock": clock, "updated": updated})
    )
    outcome = deliver.deliver(signed, make_target(election), Options())
    assert (outcome.result, len(outcome.warnings)) == ("shown", bool(told)), outcome
    assert all(told in each and "sudo systemctl restart chrony" in each for each in outcome.warnings)


def test_a_refusal_for_good_is_told_at_once(signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch):
    pushes = mirror_that_says(monkeypatch, refusal("rollback"))
    outcome = deliver.deliver(signed, make_target(election), Options())
    assert (outcome.result, outcome.detail, outcome.good, len(pushes)) == ("refused", "No.", False, 1)


def test_another_elections_difusor_is_not_even_called(
    signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch
):
    pushes = mirror_that_says(monkeypatch, SHOWN)
    target = make_target(election)
    outcome = deliver.deliver(
        signed, replace(target, election=target.election.model_copy(update={"id": "otra"})), Options()
    )
    assert (outcome.result, pushes) == ("refused", [])


def test_an_inventory_that_cannot_be_read_is_one_outcome(
    election: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    def read(inventory: Path) -> list[Target]:
        if inventory.name == "malo":
            raise UnusableError("no existe el inventario")
        return [make_target(election)]

    monkeypatch.setattr(targets, "read", read)
    found, failed, _ = publish._read([tmp_path / "malo", tmp_path / "norte"])
    assert [target.name for target in found] == ["norte"]
    assert [(outcome.difusor, outcome.result) for outcome in failed] == [("malo", "failed")]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a home whose difusores norte, sur and este are of the election demo, and oeste of another one."""
    home = tmp_path / "home"
    monkeypatch.setenv(HOME, str(home))
    for name, election in {"norte": "demo", "sur": "demo", "este": "demo", "oeste": "otra"}.items():
        (home / "inventories" / name).mkdir(parents=True)
        (home / "inventories" / name / "election.yml").symlink_to(f"../../elections/{election}.yml")
        (home / "elections").mkdir(exist_ok=True)
        (home / f"elections/{election}.yml").touch()
    return home


@pytest.mark.parametrize("verb", [publish, audit])
def test_what_nobody_foresaw_of_one_inventory_leaves_the_others_theirs(
    election: Path, monkeypatch: pytest.MonkeyPatch, verb: ModuleType
):
    """A port that was no number ended the verb for all of them with a traceback."""
    monkeypatch.setattr(targets, "read", lambda source: [make_target(election)] if source.name == "norte" else {}["x"])
    servers, others, *_ = verb._read([Path("sur"), Path("norte")])
    assert [one.name for one in servers] == ["norte"]
    (fallen,) = others if verb is publish else [found for found, _ in others]
    assert (fallen.difusor, fallen.result) == ("sur", "failed" if verb is publish else "unchecked")
    assert fallen.detail == "falló este programa (KeyError: 'x'); avise a quien lo mantiene"


def test_who_of_the_election_got_nothing_is_told(
    signed: SignedCorte, election: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Who is off the list is not missed. To publish to some only is no failure: somebody may mean to."""
    mirror_that_says(monkeypatch, SHOWN)
    revoked = SimpleNamespace(told="fuera de la lista")
    monkeypatch.setattr(rows.revocation, "in_force", lambda folder: revoked if folder.name == "este" else None)
    monkeypatch.setattr(targets, "read", lambda source: [make_target(election, source.name)])
    outside = tmp_path / "sur"
    outside.mkdir()

    def left_out(*options: object) -> tuple[list[str], str]:
        done = CliRunner().invoke(command_of(publish), [str(signed.folder), *map(str, options), "--json"])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)["left_out"], done.stderr

    found, told = left_out("-i", home / "inventories/norte")
    assert found == ["sur"] and f"sur; si deben tenerlo: ./difusor publish {signed.folder} -i sur\n" in told
    assert left_out("-i", outside)[0] == []
    for all_of_it in (("-i", "norte", "-i", "sur"), ("--election", "demo")):
        assert left_out(*all_of_it)[0] == []


def test_who_presses_ctrl_c_is_told_at_once_who_has_the_corte_by_then(
    signed: SignedCorte, election: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, records: Path
):
    """A mirror that does not answer was waited for without a word, and what was published by then was forgotten."""
    says = {"norte": {"shown": {"manifest_sha256": signed.sha256}, "last_attempt": {"number": 1}}}
    before = {"norte"}  # who has not been asked yet
    sent, both_sent = list[str](), threading.Event()

    def status(self: mirror.Mirror) -> dict[str, Any] | None:
        if self.target.name == "este":
            return None if mirror.STOPPED.wait(300) else {}
        is_first = self.target.name in before
        before.discard(self.target.name)
        return {} if is_first else says.get(self.target.name, {})

    def pushed(folder: Path, target: Target, *_: object) -> int:
        sent.append(target.name)
        if {"norte", "sur"} <= {*sent}:
            both_sent.set()
        return 10

    def interrupted(works: list[Future[Outcome]]) -> Iterator[Future[Outcome]]:
        yield next(as_completed(works))
        assert both_sent.wait(300)
        raise KeyboardInterrupt

    monkeypatch.setattr(mirror.Mirror, "status", status)
    monkeypatch.setattr(deliver, "push", pushed)
    monkeypatch.setattr(deliver, "as_completed", interrupted)
    all_three = [make_target(election, name) for name in ("norte", "sur", "este")]
    monkeypatch.setattr(targets, "read", lambda source: all_three)
    started = time.monotonic()
    done = CliRunner().invoke(command_of(publish), [str(signed.folder), "-i", str(tmp_path), "--json"])
    assert time.monotonic() - started < 120 and not mirror.STOPPED.is_set()
    results = {one["difusor"]: one["result"] for one in json.loads(done.stdout)["difusores"]}
    assert (done.exit_code, results) == (130, {"norte": "shown", "sur": "silent", "este": "failed"})
    assert "este" not in sent  # it was still asked what it shows
    assert "Se detiene; en 5 segundos a lo más" in done.stderr
    assert standing.Records(make_target(election).election).is_published(signed.manifest)


@pytest.mark.parametrize("stops", [True, False], ids=["Ctrl-C twice", "Ctrl-C at the end"])
def test_the_table_waits_for_nobody_who_signs(
    signed: SignedCorte, election: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, records: Path, stops: bool
):
    """It came after up to half a minute in which another Ctrl-C lost it."""
    known, lock = standing.Records(make_target(election).election), standing.files.lock

    def waited(descriptor: int, patience: float = math.inf) -> bool:
        if patience == standing.PATIENCE:
            raise KeyboardInterrupt
        return lock(descriptor, patience)

    def interrupted(works: list[Future[Outcome]]) -> Iterator[Future[Outcome]]:
        yield next(as_completed(works))
        if stops:
            raise KeyboardInterrupt

    shown = Outcome("norte", "shown", "corte 7", 1, 0.1)
    monkeypatch.setattr(deliver, "deliver", lambda *_: shown)
    monkeypatch.setattr(deliver, "as_completed", interrupted)
    monkeypatch.setattr(targets, "read", lambda source: [make_target(election)])
    with known.lock():
        monkeypatch.setattr(standing.files, "lock", waited)
        done = CliRunner().invoke(command_of(publish), [str(signed.folder), "-i", str(tmp_path), "--json"])
    assert [one["result"] for one in json.loads(done.stdout)["difusores"]] == ["shown"]
    assert done.exit_code == 130 and known.is_published(signed.manifest)


def test_an_inventory_that_links_no_election_stops_no_publication_to_all_of_one(
    signed: SignedCorte, election: Path, home: Path, monkeypatch: pytest.MonkeyPatch
):
    mirror_that_says(monkeypatch, SHOWN)
    monkeypatch.setattr(targets, "read", lambda source: [make_target(election, source.name)])
    (home / "inventories/suelto").mkdir()
    done = CliRunner().invoke(command_of(publish), [str(signed.folder), "--election", "demo", "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert {each["difusor"] for each in document["difusores"]} == {"este", "norte", "sur"}
    assert (document["astray"], document["left_out"]) == (["suelto"], []), "a program reads no warning"
    assert "no se les envía: suelto; si son de esta, dé cada uno con -i" in done.stderr


def test_who_of_the_election_was_not_compared_is_told(home: Path, monkeypatch: pytest.MonkeyPatch):
    """Whoever was forgotten in the line of `audit` was as good as compared."""
    monkeypatch.setattr(rows.revocation, "in_force", lambda folder: None)

    def read(source: Path) -> list[Target]:
        raise UnusableError("no se puede leer")

    monkeypatch.setattr(targets, "read", read)

    def compared(*options: str) -> tuple[list[str], str]:
        done = CliRunner().invoke(command_of(audit), [*options, "--json"])
        return [each["difusor"] for each in json.loads(done.stdout)], done.stderr

    told = "misma elección y no se compararon: este, sur; si también es para ellos, repita con --election en vez de -i"
    found, said = compared("-i", "norte")
    assert found == ["norte"] and told in said
    found, said = compared("--election", "demo")
    assert found == ["este", "norte", "sur"] and "misma elección" not in said


def test_an_election_that_no_inventory_links_is_told_with_what_is_wrong_with_theirs(signed: SignedCorte, home: Path):
    """In a home that was copied without its links it said to name the difusores, one by one."""
    for name in ("este", "norte", "sur"):
        (link := home / "inventories" / name / "election.yml").unlink()
        link.touch()
    done = CliRunner().invoke(command_of(publish), [str(signed.folder), "--election", "demo"])
    told = "no se sabe de cuál son: este, norte, sur. De cada uno, su election.yml falta, es una copia o "
    assert done.exit_code == 1 and told in done.stderr, done.output
    assert f"ln -sfn ../../elections/demo.yml {home}/inventories/DIFUSOR/election.yml" in done.stderr


@pytest.mark.parametrize("options", [[], ["-i", "norte", "--election", "demo"]], ids=["none", "both"])
def test_it_has_to_be_said_to_whom(signed: SignedCorte, home: Path, options: list[str]):
    done = CliRunner().invoke(command_of(publish), [str(signed.folder), *options])
    assert done.exit_code == 2 and "Dé -i o --election, no ambas ni ninguna" in done.output
