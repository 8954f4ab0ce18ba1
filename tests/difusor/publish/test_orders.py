"""Orders given with `sign` reach real servers by `publish`, and every later corte carries what stands."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any
from unittest.mock import Mock

import pytest
from account_kit import NEEDS_ROOT, as_nobody
from corte_kit import make_key, write_files
from desk_kit import Desk
from publish_kit import make_target
from rich.console import Console

from corte.format import instants, manifest, signature
from corte.format.manifest import Manifest, Window
from corte.format.refusal import Refusal
from difusor.commands import publish, sign
from difusor.inventory import load_election
from difusor.project import HOME, UnusableError
from difusor.publish import deliver, notes, orders, signing, standing
from difusor.publish import target as targets
from difusor.publish.mirror import Mirror
from difusor.publish.orders import Publication, ordered_window
from difusor.publish.push import PushFailed
from difusor.publish.seen import Seen
from difusor.publish.signing import SignedCorte
from difusor.publish.target import Target


def signed_in(folder: Path) -> Manifest:
    return manifest.read((folder / manifest.NAME).read_bytes())


def test_a_run_that_waits_for_the_password_of_its_key_keeps_no_other_waiting_for_ever(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a word: a delivered corte had no table, and another operator could not sign."""
    monkeypatch.setattr(standing, "PATIENCE", 0.1)
    signed = desk.corte(6)
    assert desk.sign(signed).exit_code == 0
    with standing.Records(load_election(desk.election)).lock():
        done = desk.sign(desk.corte(7))
        assert (done.exit_code, "termínelo y repita" in " ".join(done.output.split())) == (1, True)
        assert desk.publish(signed, key=False) == (0, ["shown", "shown"])
        assert "no se anotó aquí que este corte se publicó" in " ".join(desk.details.split())
    assert desk.sign(desk.corte(7)).exit_code == 0


@NEEDS_ROOT
def test_whoever_may_not_sign_because_root_once_did_is_told_how(election: Path, monkeypatch: pytest.MonkeyPatch):
    book = standing.Records(load_election(election))
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders nobody else may enter
        home = Path(name)
        home.chmod(0o755)
        monkeypatch.setenv(HOME, name)
        monkeypatch.setattr(notes, "kept_in", lambda: home / "build/cortes")
        with book.lock():
            lock = home / "build/cortes/demo-official/.lock"
        remedy = re.escape(f"{lock} es de root; sudo chown -R $(id -un) {home}/build/cortes")
        with as_nobody(), pytest.raises(UnusableError, match=f"falta permiso: {remedy}$"), book.lock():
            pass
        shutil.rmtree(home / "build/cortes")
        remedy = re.escape(f"{home}/build es de root; sudo chown -R $(id -un) {home}/build")
        with as_nobody(), pytest.raises(UnusableError, match=f"falta permiso: {remedy}$"), book.lock():
            pass


def test_a_corte_whose_publication_is_over_is_refused_here_and_sent_to_nobody(desk: Desk) -> None:
    """That of the closing hour comes some minutes later, and every mirror would refuse it where nothing is retained."""
    lines = desk.election.read_text().splitlines(keepends=True)
    desk.election.write_text("".join(line for line in lines if "election_ret" not in line))
    closes = load_election(desk.election).window.closes
    desk.now = closes - timedelta(minutes=3)
    before, last = desk.corte(6), desk.corte(7)
    assert desk.sign(before, "--retain", instants.write(closes)).exit_code == 0
    desk.now = closes + timedelta(minutes=3)
    told = "ningún espejo recibe ya un corte; lo último que se mostró es el anterior"
    for again in (True, False):
        assert desk.publish(before, key=again) == (1, [])
        assert told in " ".join(desk.details.split())
    done = desk.sign(last, "--retain", instants.write(closes))
    assert (done.exit_code, told in " ".join(done.output.split()), signing.is_signed(last)) == (1, True, False)
    assert desk.seen() == [5, 5]
    assert desk.sign(last, "--retain", instants.write(closes + timedelta(days=1))).exit_code == 0
    assert desk.publish(last, key=False) == (0, ["shown", "shown"])


@pytest.mark.parametrize("step", ["describe", "verify"])
def test_who_reads_many_images_keeps_no_other_from_signing(desk: Desk, monkeypatch: pytest.MonkeyPatch, step: str):
    """An order to hold was refused after half a minute, because «otro no termina de firmar»."""
    monkeypatch.setattr(standing, "PATIENCE", 0.1)
    many, urgent, read = desk.corte(7), desk.corte(6), getattr(signing.tree, step)
    others: list[SignedCorte] = []

    def slowly(folder: Path, *given: Any) -> Any:
        if folder == many:
            others.append(orders.sign(urgent, desk.election, desk.key, orders.Orders(words=("hold",)))[0])
        return read(folder, *given)

    monkeypatch.setattr(signing.tree, step, slowly)
    signed, *_ = orders.sign(many, desk.election, desk.key, orders.Orders())
    (other,) = others
    assert other.manifest.orders == ("hold",)
    assert signed.manifest.stands.hold_in_force is not None, "it was ordered meanwhile, and stands"
    assert signing.verify(many)[0].sha256 == signed.sha256


def test_a_file_that_changes_after_it_was_read_is_not_signed(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    folder, statement = desk.corte(6), standing.statement

    def change(*given: Any) -> Any:
        (folder / "descargas/a.csv").write_bytes(b"other than was read")
        return statement(*given)

    monkeypatch.setattr(standing, "statement", change)
    done = desk.sign(folder)
    assert done.exit_code == 1 and "descargas/a.csv» mide 19 bytes" in " ".join(done.output.split()), done.output
    assert not (folder / manifest.NAME).exists()


def test_the_orders_of_what_was_published_are_kept_though_the_history_cannot_be_written(
    signed: SignedCorte, election: Path, records: Path
):
    """The next corte went on without them."""
    book = standing.Records(load_election(election))
    book._history.mkdir(parents=True)
    publication = Publication(signed, book.election)
    publication.hear(deliver.Outcome("norte", "shown", "", 1, 0.1))
    assert publication.end() == f"no se puede usar {book._history}: es una carpeta"
    assert book.newest() == signed.manifest


def test_a_corte_that_is_pushed_again_is_answered_each_time(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    """The first repetition has a number of its own, and those that follow are only counted."""
    folder = desk.folder / "cortes/5"
    for _ in range(3):
        assert desk.publish(folder, key=False) == (0, ["shown", "shown"])
        assert "ya lo tenía" in desk.details
    monkeypatch.setattr(deliver, "push", lambda *_: 1)
    assert desk.publish(folder, key=False) == (1, ["silent", "silent"]), "no intake has seen this push"


def test_a_hold_stands_in_every_later_corte_until_it_is_resumed(desk: Desk):
    done = desk.sign(desk.folder / "cortes/5", "--hold")
    assert re.search(r"sigue en pie: pausa desde \d\d/\d\d [\d:]+ P[DS]T: se", " ".join(done.output.split()))
    assert desk.publish(desk.folder / "cortes/5", "norte") == (0, ["held"])
    assert desk.publish(desk.corte(6)) == (0, ["held", "held"]), "sur missed the order"
    assert desk.seen() == [5, 5]
    assert desk.sign(desk.folder / "cortes/6", "--resume").exit_code == 0
    assert desk.publish(desk.folder / "cortes/6", "norte") == (0, ["shown"])
    assert desk.publish(desk.corte(7)) == (0, ["shown", "shown"]), "sur missed the resumption"
    assert signed_in(desk.folder / "cortes/7").orders == ()


def test_what_is_ordered_with_a_key_that_servers_do_not_know_was_never_ordered(desk: Desk, tmp_path: Path):
    """The wrong key was given once; the order is then left out on purpose, and the folder still has it."""
    right, desk.key = desk.key, make_key(tmp_path, "ajena")
    folder = desk.corte(6)
    assert desk.sign(folder, "--hold").exit_code == 1
    desk.key = right
    assert "sigue en pie" not in desk.sign(folder).output
    assert desk.publish(folder, key=False) == (0, ["shown", "shown"])


def test_light_mode_lasts_until_the_next_corte(desk: Desk):
    done = desk.sign(desk.folder / "cortes/5", "--light")
    assert "orden: modo ligero\n" in done.output and "sigue en pie: modo ligero desde" in done.output
    assert desk.publish(desk.folder / "cortes/5", key=False) == (0, ["shown", "shown"])
    assert "en modo ligero" in desk.details
    again = desk.sign(desk.corte(6), "--light")
    assert "sigue en pie: modo ligero desde" in again.output
    assert desk.publish(desk.folder / "cortes/6", "norte", key=False) == (0, ["shown"])
    done = desk.sign(desk.corte(7))
    assert "termina: modo ligero" in done.output and "sigue en pie" not in done.output
    assert desk.publish(desk.folder / "cortes/6", "sur", key=False)[0] == 1, "a corte with an order that has ended"
    assert "una orden terminó" in " ".join(desk.details.split())
    assert desk.publish(desk.folder / "cortes/7", key=False) == (0, ["shown", "shown"])
    assert "en modo ligero" not in desk.details
    assert "termina: modo ligero" not in desk.sign(desk.corte(8)).output
    desk.sign(desk.folder / "cortes/8", "--light")
    for sequence, told in ((9, True), (10, False)):
        assert desk.publish(desk.corte(sequence)) == (0, ["shown", "shown"])
        assert ("termina: modo ligero" in desk.details) is told, "publish signs without an order, and says so"


def test_light_mode_is_not_ordered_while_a_mirror_would_refuse_every_corte_that_names_it(desk: Desk):
    desk.outdated = "sur"
    assert desk.publish(desk.folder / "cortes/5", key=False) == (0, ["shown", "shown"])
    before = signed_in(desk.folder / "cortes/5")
    done = desk.sign(desk.folder / "cortes/5", "--light")
    assert done.exit_code == 1 and signed_in(desk.folder / "cortes/5") == before
    said = " ".join(done.output.split())
    assert "no conocen el modo ligero" in said and "sur@10.0.0.1" in said and "norte" not in said
    desk.outdated = ""
    assert desk.publish(desk.folder / "cortes/5", key=False) == (0, ["shown", "shown"])
    assert desk.sign(desk.folder / "cortes/5", "--light").exit_code == 0
    desk.outdated = "sur"
    assert desk.publish(desk.folder / "cortes/5", "sur", key=False) == (1, ["refused"])
    assert "no conoce el modo ligero" in " ".join(desk.details.split())


@pytest.mark.parametrize("order", ["--hold", "--rectification", "--clock-override", "--light", "--withdraw"])
def test_an_order_signed_while_the_clock_was_ahead_is_told_with_its_file_and_remedy(
    desk: Desk, records: Path, order: str
):
    """Nothing more could be signed or published until that hour had come, and no message said what to do."""
    folder, good, signed_before = desk.folder / "cortes/5", desk.folder / "good", desk.corte(6)
    shutil.copytree(folder, good)
    assert desk.sign(signed_before).exit_code == 0
    desk.now += timedelta(minutes=40)
    assert desk.sign(folder, order, *([folder] if order == "--withdraw" else [])).exit_code == 0
    desk.now -= timedelta(minutes=40)
    (kept,) = records.rglob("*.firmado.json")
    for path in (kept, folder / manifest.NAME):
        told = desk.sign(folder, "--resume").output
        assert f"{path} lleva órdenes de las " in told and "--after" in told
        if path == kept:
            assert desk.publish(signed_before, key=False) == (1, []) and f"{path} lleva órdenes" in desk.details
        path.rename(desk.folder / f"aparte-{path.name}")
    assert desk.sign(folder, "--after", good).exit_code == 0
    assert desk.publish(folder, key=False)[0] == 0


@pytest.fixture
def set_clock_right(desk: Desk) -> Callable[[], None]:
    """Have this machine's clock be seven minutes ahead of the mirrors', which are right; return what sets it right."""
    for server in desk.servers.values():
        said = server.status()
        server.config.status_file.write_text(json.dumps({**said, "clock": {**said["clock"], "synchronised": True}}))
    fast, push = [timedelta(minutes=7)], desk._push

    def pushed(*arguments: Any) -> int:
        desk.now -= fast[0]
        try:
            return push(*arguments)
        finally:
            desk.now += fast[0]

    def set_right() -> None:
        desk.now -= fast[0]
        fast[0] = timedelta(0)

    desk.patch.setattr(deliver, "push", pushed)
    desk.now += fast[0]
    return set_right


def test_a_clock_that_is_ahead_is_told_as_that(desk: Desk, set_clock_right: Callable[[], None]):
    """Every mirror refused the corte, none could say why, and the folder kept its date after that was set right."""
    folder = desk.corte(6)
    identity = {"secuencia": 6, "corte": instants.write(desk.now - timedelta(minutes=7))}
    (folder / signing.IDENTITY).write_text(json.dumps(identity))
    assert desk.publish(folder, "norte") == (1, ["refused"])
    assert "va 7 min adelante del de ese espejo" in desk.details and "firme el corte otra vez" in desk.details
    wrong = signed_in(folder)
    set_clock_right()
    assert desk.publish(folder) == (0, ["shown", "shown"])
    assert signed_in(folder).generated < wrong.generated
    assert standing.Records(load_election(desk.election)).newest() == signed_in(folder), "the wrong date stayed"


def test_an_order_signed_while_the_clock_was_ahead_is_not_dropped_by_signing_anew(
    desk: Desk, set_clock_right: Callable[[], None]
):
    last = desk.folder / "cortes/5"
    assert desk.sign(last, "--close", instants.write(desk.now + timedelta(hours=20))).exit_code == 0
    set_clock_right()
    assert desk.publish(last) == (1, []) and "llevaba órdenes (--close)" in " ".join(desk.details.split())


def test_a_hold_given_with_a_corte_that_nobody_has_keeps_the_one_before(desk: Desk):
    """Signing a corte twice before it is sent does not make it the one that stays shown."""
    folder = desk.corte(6)
    desk.sign(folder)
    desk.sign(folder, "--hold")
    assert desk.publish(folder) == (0, ["held", "held"])
    assert desk.seen() == [5, 5]


@pytest.mark.parametrize("signing_too", [False, True], ids=["alone", "while another one signs"])
def test_a_hold_ordered_while_a_corte_is_on_its_way_keeps_that_corte_shown(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, signing_too: bool
):
    """Only the end of `publish` told that it was published: the order kept the slow mirrors on the corte before."""
    monkeypatch.setattr(standing, "PATIENCE", 5)
    folder, again, push, heard = desk.corte(6), desk.folder / "cortes/6b", desk._push, Event()
    records = standing.Records(load_election(desk.election))
    assert desk.sign(folder).exit_code == 0
    say = publish._say

    def said(*given: Any) -> None:
        with records.lock() if signing_too else nullcontext():
            say(*given)
        heard.set()

    def pushed(folder: Path, target: Target, *limits: object) -> int:
        if target.name == "norte":
            return push(folder, target, *limits)
        assert heard.wait(60)
        shutil.copytree(folder, again)
        assert "desde el 7" in " ".join(desk.sign(again, "--hold").output.split())
        raise PushFailed("el envío no terminó a tiempo")

    with monkeypatch.context() as slow:
        slow.setattr(deliver, "push", pushed)
        slow.setattr(publish, "_say", said)
        assert desk.publish(folder, key=False) == (3, ["shown", "failed"])
    assert desk.seen() == [6, 5]
    assert desk.publish(again, key=False) == (0, ["held", "shown"])
    assert desk.seen() == [6, 6]
    assert [one.sequence for one, is_published in records.history() if is_published].count(6) == 2, "once each"


def test_a_hold_that_nobody_expects_is_a_failure(desk: Desk, records: Path):
    """Another operator gave the order, on another machine: the mirrors hold what this one publishes."""
    desk.sign(desk.folder / "cortes/5", "--hold")
    desk.publish(desk.folder / "cortes/5")
    shutil.rmtree(records)
    assert desk.sign(desk.corte(6)).exit_code == 0
    assert desk.publish(desk.folder / "cortes/6", key=False) == (1, ["paused", "paused"])
    assert "sigue órdenes que este corte no lleva" in desk.details and "--after" in desk.details
    done = desk.sign(desk.folder / "cortes/6", "--after", desk.folder / "cortes/5")
    assert "sigue en pie: pausa" in done.output
    assert desk.publish(desk.folder / "cortes/6") == (0, ["held", "held"])


def test_a_corte_signed_before_an_order_is_not_published_without_it(desk: Desk):
    early = desk.corte(6)
    desk.sign(early)
    desk.sign(desk.folder / "cortes/5", "--hold")
    assert desk.publish(early, key=False)[0] == 1
    assert "no lleva lo que sigue en pie" in desk.details
    assert desk.publish(early) == (0, ["held", "held"])


@pytest.mark.parametrize(
    ("name", "option", "hours", "says"),
    [
        ("closes", "--close", 1, "cierra"),
        ("closes", "--close", -1, "cierra"),
        ("retain_until", "--retain", 1, "sigue disponible hasta"),
    ],
    ids=["later close", "earlier close", "later end"],
)
def test_a_corte_signed_before_the_window_was_moved_does_not_move_it_back(
    desk: Desk, name: str, option: str, hours: int, says: str
):
    """Every mirror closed at the old hour again, or opened again, and only the table of forty told of it."""
    early, last = desk.corte(6), desk.folder / "cortes/5"
    moved = instants.write(getattr(load_election(desk.election).window, name) + timedelta(hours=hours))
    assert desk.sign(early).exit_code == 0
    assert desk.sign(last, option, moved).exit_code == 0
    assert desk.publish(last, key=False) == (0, ["shown", "shown"])
    assert desk.publish(early) == (1, []) and f"{option} seguido del que vale" in " ".join(desk.details.split())
    with_window(desk.election, **{name: hours})
    assert desk.publish(early, key=False) == (1, [])
    told = " ".join(desk.details.split())
    assert f"no lleva lo que sigue en pie ({says} " in told and "fírmelo otra vez" in told
    assert {desk.status(each)["gate"][name] for each in desk.servers} == {moved} and desk.seen() == [5, 5]
    assert desk.publish(early) == (0, ["shown", "shown"]), desk.details
    assert {desk.status(each)["gate"][name] for each in desk.servers} == {moved} and desk.seen() == [6, 6]


@pytest.mark.parametrize("named", ["folder", "corte.json", "digest"])
def test_the_shown_corte_is_withdrawn_by_signing_it_again(desk: Desk, named: str):
    bad = desk.corte(6)
    assert desk.publish(bad) == (0, ["shown", "shown"])
    names = {"folder": bad, "corte.json": bad / manifest.NAME, "digest": signing.verify(bad)[0].sha256}
    done = desk.sign(bad, "--withdraw", names[named])
    assert "corte 6 retirado" in done.output, done.output
    assert desk.publish(bad) == (0, ["withdrawn", "withdrawn"])
    assert desk.seen() == [5, 5]
    assert desk.sign(bad).exit_code == 1, "it was signed again without the order"
    assert desk.publish(desk.corte(7)) == (0, ["shown", "shown"])
    assert [one.sequence for one in signed_in(desk.folder / "cortes/7").stands.withdrawn] == [6]


@pytest.mark.parametrize("names", [("norte",), ("norte", "sur")])
def test_a_withdrawal_is_told_last_and_not_as_something_published(desk: Desk, names: tuple[str, ...]) -> None:
    """Its rows were green, and of a single difusor nothing else was said."""
    bad, options = desk.corte(6), ["--wait", 1, *(part for name in names for part in ("-i", desk.folder / name))]
    done = desk.run(publish, bad, *options, "--key", desk.key)
    assert done.exit_code == 0 and "RETIRA" not in done.stderr
    done = desk.sign(bad, "--withdraw", bad)
    assert "ORDEN DE RETIRAR, NO UN CORTE NUEVO: el corte 6 deja de mostrarse" in done.stderr
    assert f"Aún no se envía: ./difusor publish {bad}\n" in done.stderr and "✓" not in done.stderr
    done = desk.run(publish, bad, *options)
    last, count = done.stderr.splitlines()[-1], len(names)
    assert (done.exit_code, "Bien:" in done.stderr) == (0, False)
    assert last.startswith(f"RETIRADO, NO PUBLICADO: el corte 6 ya no se muestra en {count} de {count}; cada página")
    assert done.stderr.startswith("Orden de retirar el corte 6 de demo")
    desk.patch.setattr(deliver, "push", Mock(side_effect=PushFailed("no responde")))
    done = desk.run(publish, bad, *options)
    last = done.stderr.splitlines()[-1]
    assert (done.exit_code, last.startswith("NO SE RETIRÓ: el corte 6 puede mostrarse todavía")) == (1, True), last
    assert f"falta: {names[0]} (no entregado)" in last and last.endswith("Publique otra vez esta misma carpeta")


def test_a_withdrawal_is_told_in_red(desk: Desk) -> None:
    bad, screen = desk.corte(6), io.StringIO()
    assert desk.publish(bad) == (0, ["shown", "shown"])
    for verb in (publish, sign):
        desk.patch.setattr(verb, "console", Console(file=screen, force_terminal=True, color_system="standard"))
    desk.sign(bad, "--withdraw", bad)
    desk.run(publish, bad, "--wait", 1, "-i", desk.folder / "norte")
    for told in ("!", "ORDEN DE RETIRAR", "Orden de retirar", "retirado", "RETIRADO, NO PUBLICADO"):
        assert f"\x1b[1;31m{told}" in screen.getvalue(), told
    assert "\x1b[32m" not in screen.getvalue(), "green is what was published"


def test_a_corte_that_withdraws_another_says_so_last(desk: Desk) -> None:
    bad, right = desk.corte(6), desk.corte(7)
    options = ["--wait", 1, "-i", desk.folder / "norte", "--key", desk.key]
    assert desk.publish(bad) == (0, ["shown", "shown"])
    assert "ESTE CORTE RETIRA OTRO: el corte 6" in desk.sign(right, "--withdraw", bad).stderr
    for folder, is_told in ((right, True), (desk.corte(8), False)):
        done = desk.run(publish, folder, *options)
        assert done.exit_code == 0, done.output
        last = done.stderr.splitlines()[-1]
        assert last.startswith("RETIRA el corte 6: quien tiene este corte ya no muestra aquel") is is_told


def test_other_content_under_a_number_that_a_mirror_has_is_signed_only_to_withdraw_that(desk: Desk):
    """Stopped at the first mirror, exported anew and published again: mirrors showed two cortes of one number."""
    folder = desk.corte(6)
    assert desk.publish(folder, "norte") == (0, ["shown"])
    wrong = signing.verify(folder)[0]
    write_files(folder, {"descargas/a.csv": b"the right counts"})
    for _ in range(2):
        assert desk.publish(folder) == (1, []) and signing.papers(folder) == (wrong.raw, wrong.armour)
        told = " ".join(desk.details.split())
        assert f"--withdraw {wrong.sha256[:16]}; si no, dele a este el número siguiente" in told
    assert desk.sign(desk.corte(7)).exit_code == 0
    assert desk.sign(folder, "--withdraw", wrong.sha256[:16]).exit_code == 0
    assert desk.publish(folder) == (0, ["shown", "shown"])
    right = signing.verify(folder)[0].sha256
    assert [desk.status(name)["shown"]["manifest_sha256"] for name in desk.servers] == [right, right]


def test_after_a_purge_the_numbers_begin_anew(desk: Desk, tmp_path: Path):
    folder = desk.corte(5)
    write_files(folder, {"descargas/a.csv": b"the second rehearsal"})
    assert desk.sign(folder).exit_code == 1
    Seen().hand_over(make_target(desk.election), tmp_path)
    assert desk.sign(folder).exit_code == 0


@pytest.mark.parametrize("change", ["gone", "signed again"])
def test_a_corte_whose_folder_changes_while_it_is_delivered_has_its_table(desk: Desk, change: str):
    """It had a traceback, although every mirror had the corte."""
    folder, push = desk.corte(6), desk._push

    def pushed(*arguments: Any) -> int:
        sent = push(*arguments)
        if change == "gone":
            shutil.rmtree(folder)
        else:
            (folder / manifest.NAME).write_bytes(b"{}")
        return sent

    desk.patch.setattr(deliver, "push", pushed)
    assert desk.publish(folder, "norte") == (0, ["shown"]), desk.details
    election = load_election(desk.election)
    assert [one.sequence for one, is_published in standing.Records(election).history() if is_published] == [5, 6]


@pytest.mark.parametrize(
    "other", [{"id": "otra"}, {"environment": "simulacro"}, {"opens": timedelta(hours=-1)}], ids=["id", "kind", "opens"]
)
def test_difusores_of_two_elections_get_nothing_in_one_run(desk: Desk, records: Path, other: dict[str, Any]):
    """The orders of one were taken for those of the other, and the corte was written into its records."""
    election = load_election(desk.election)
    if "opens" in other:
        window = replace(election.window, opens=election.window.opens + other["opens"])
        strange = election.within(window)
    else:
        strange = election.model_copy(update=other)
    both = {"norte": make_target(desk.election), "sur": replace(make_target(desk.election, "sur"), election=strange)}
    desk.patch.setattr(targets, "read", lambda source: [both[source.name]])
    sent: list[str] = []
    desk.patch.setattr(deliver, "push", lambda folder, target, *_: sent.append(target.name))
    before = {path: path.read_bytes() for path in records.rglob("*.json*")}
    assert desk.publish(desk.corte(6)) == (1, [])
    assert desk.publish(desk.folder / "cortes/5", key=False) == (1, [])
    assert "no son de la misma elección y apertura" in " ".join(desk.details.split())
    assert sent == [] and {path: path.read_bytes() for path in records.rglob("*.json*")} == before


def test_the_record_of_one_election_takes_no_corte_of_another(signed: SignedCorte, election: Path, records: Path):
    other = standing.Records(load_election(election).model_copy(update={"environment": "simulacro"}))
    with other.lock(), pytest.raises(UnusableError, match="no es de esta elección"):
        other.remember(signed)
    assert not list(records.glob("*/*.firmado.json"))


def test_a_machine_that_only_publishes_a_withdrawal_knows_of_it(desk: Desk, records: Path):
    """Its audit called the withdrawn corte authentic, and the next corte that it signed did not carry the order."""
    bad = desk.corte(6)
    desk.publish(bad)
    shutil.copytree(records, aside := desk.folder / "records")
    desk.sign(bad, "--withdraw", bad)  # on another machine
    shutil.rmtree(records)
    aside.rename(records)
    assert desk.publish(bad, key=False) == (0, ["withdrawn", "withdrawn"])
    election = load_election(desk.election)
    known = standing.Records(election)
    assert [one.sequence for one in known.standing().withdrawn] == [6]
    assert [is_published for _, is_published in known.history()][-1] is False
    published, _ = Seen().published(election, known.standing())
    assert published and published.sequence == 5


def test_the_orders_of_a_corte_that_is_refused_are_known_where_it_was_published(desk: Desk, records: Path):
    shutil.copytree(records, aside := desk.folder / "records")
    assert desk.sign(folder := desk.corte(6), "--hold").exit_code == 0  # on another machine
    shutil.rmtree(records)
    aside.rename(records)

    def pushed(folder: Path, target: Target, *_: object) -> int:
        incoming = desk.servers[target.name].config.incoming
        shutil.copytree(folder, incoming, dirs_exist_ok=True)
        (incoming / "descargas/a.csv").unlink()
        desk.servers[target.name].run()
        return 1

    desk.patch.setattr(deliver, "push", pushed)
    assert desk.publish(folder, key=False) == (1, ["refused", "refused"]), desk.details
    known = standing.Records(load_election(desk.election))
    assert known.standing().hold_in_force
    assert [one.sequence for one, is_published in known.history() if is_published] == [5]


def test_what_no_mirror_has_got_is_not_remembered_as_ordered(desk: Desk, records: Path):
    shutil.copytree(records, aside := desk.folder / "records")
    assert desk.sign(folder := desk.corte(6), "--hold").exit_code == 0
    shutil.rmtree(records)
    aside.rename(records)
    desk.patch.setattr(deliver, "push", Mock(side_effect=PushFailed("no responde")))
    assert desk.publish(folder, key=False) == (1, ["failed", "failed"])
    assert standing.Records(load_election(desk.election)).standing().hold_in_force is None


def test_a_corte_is_withdrawn_by_its_digest_when_its_folder_is_gone(desk: Desk):
    bad = desk.corte(6)
    desk.publish(bad)
    sha256 = signing.verify(bad)[0].sha256
    shutil.rmtree(bad)
    right = desk.corte(7)
    assert desk.sign(right, "--withdraw", sha256[:16]).exit_code == 0
    assert desk.publish(right, "norte") == (0, ["shown"])
    told = desk.status("norte")["standing"]["withdrawn"]
    assert [(one["sequence"], one["manifest_sha256"]) for one in told] == [(6, sha256)]


def test_the_only_corte_is_withdrawn(desk: Desk):
    only = desk.folder / "cortes/5"
    assert desk.sign(only, "--withdraw", only).exit_code == 0
    assert desk.publish(only) == (0, ["withdrawn", "withdrawn"])
    assert desk.seen() == [None, None]
    assert "espera, sin corte" in desk.details


@pytest.mark.parametrize("name", ["f" * 64, "noexiste", "abc"])
def test_a_corte_that_is_not_known_is_not_withdrawn(desk: Desk, name: str):
    done = desk.sign(desk.folder / "cortes/5", "--withdraw", name)
    assert done.exit_code == 1
    assert signed_in(desk.folder / "cortes/5").orders == ()


def test_a_damaged_record_of_what_stands_is_told_and_not_taken_for_none(desk: Desk, records: Path):
    desk.sign(desk.folder / "cortes/5", "--hold")
    (path,) = records.glob("*/*.firmado.json")
    path.write_text(path.read_text().replace("hold", "h0ld"))
    done = desk.sign(desk.corte(6))
    assert done.exit_code == 1 and "--after" in done.output
    assert "Cámbiele el nombre" in done.output, "deleted, nobody could look at it any more"
    path.rename(path.with_suffix(".aparte"))
    assert desk.sign(desk.corte(6), "--after", desk.folder / "cortes/5").exit_code == 0
    assert signed_in(desk.folder / "cortes/6").stands.hold_in_force


def no_ssh_keygen(patch: pytest.MonkeyPatch, folder: Path) -> None:
    patch.setenv("PATH", str(folder))


def killed_ssh_keygen(patch: pytest.MonkeyPatch, folder: Path) -> None:
    (folder / "ssh-keygen").write_text("#!/bin/sh\nkill -9 $$\n")
    (folder / "ssh-keygen").chmod(0o755)
    patch.setenv("PATH", str(folder))


def full_disk(patch: pytest.MonkeyPatch, folder: Path) -> None:
    no_file = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    patch.setattr(tempfile, "NamedTemporaryFile", Mock(side_effect=no_file))


def no_temporary_folder(patch: pytest.MonkeyPatch, folder: Path) -> None:
    no_folder = FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")
    patch.setattr(tempfile, "NamedTemporaryFile", Mock(side_effect=no_folder))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (no_ssh_keygen, "No se pudo usar ssh-keygen: no existe"),
        (killed_ssh_keygen, "El sistema terminó ssh-keygen"),
        (full_disk, "se llenó el disco"),
        (no_temporary_folder, "no hay dónde escribir archivos temporales"),
    ],
)
def test_what_this_machine_cannot_verify_is_neither_damaged_nor_none(
    desk: Desk, tmp_path: Path, spoil: Callable[[pytest.MonkeyPatch, Path], None], said: str
):
    """A record said to be damaged was deleted, and with it the order; without a temporary folder there were none."""
    desk.sign(desk.folder / "cortes/5", "--hold")
    records, bare = standing.Records(load_election(desk.election)), tmp_path / "bin"
    bare.mkdir()
    with desk.patch.context() as patch:
        spoil(patch, bare)
        with pytest.raises(UnusableError, match=said) as caught:
            records.standing()
    assert "dañado" not in str(caught.value) and "sin mover ese archivo" in str(caught.value)
    assert records.standing().hold_in_force


@pytest.mark.parametrize(
    ("written", "said", "remedy"),
    [
        (manifest.FORMAT + 1, "lo firmó una versión posterior del proyecto", "git pull; corríjalo y repita, sin mover"),
        (manifest.FORMAT - 1, "y este programa lee el", "la versión que lo firmó (git checkout)"),
    ],
)
def test_the_orders_that_another_version_recorded_are_not_damaged(desk: Desk, written: int, said: str, remedy: str):
    """Whoever went back to an earlier checkout was told to rename the record, and the orders were forgotten."""
    desk.sign(desk.folder / "cortes/5", "--hold")
    records = standing.Records(election := load_election(desk.election))
    (path,) = notes.folder(election).glob(f"*.{notes.SIGNED}")
    raw = re.sub(r'(?<="format":) ?\d+', f"{written}", json.loads(path.read_text())["manifest"], count=1)
    armour = signature.sign(raw.encode(), desk.key, election.id).decode()
    path.write_text(before := json.dumps({"manifest": raw, "signature": armour}))
    with pytest.raises(UnusableError, match=said) as caught:
        records.standing()
    told = str(caught.value)
    assert f"es del formato {written}" in told and remedy in told and "dañado" not in told
    assert desk.sign(desk.folder / "cortes/5").exit_code == 1 and path.read_text() == before


def test_the_orders_of_a_folder_that_cannot_be_verified_are_not_taken_for_none(
    desk: Desk, records: Path, tmp_path: Path
):
    shutil.rmtree(records)
    desk.patch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refusal, match="No se pudo usar ssh-keygen"):
        standing.statement(desk.folder / "cortes/5", load_election(desk.election))


def test_the_list_of_withdrawn_cortes_has_an_end(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(standing, "MAX_WITHDRAWN", 1)
    bad = desk.folder / "cortes/5"
    assert desk.sign(bad, "--withdraw", bad).exit_code == 0
    other = desk.corte(6)
    desk.sign(other)
    assert "revoque la llave" in desk.sign(other, "--withdraw", other).output.replace("\n", " ")


def test_a_hold_given_with_the_corrected_corte_does_not_show_it_because_the_withdrawn_one_was_published(desk: Desk):
    """Both have one number; the corrected one has been nowhere, so the order to keep what is shown holds it back."""
    bad = desk.corte(6)
    desk.publish(bad)
    desk.sign(bad, "--withdraw", bad)
    desk.publish(bad)
    write_files(bad, {"descargas/a.csv": b"the right counts"})
    assert desk.sign(bad, "--hold").exit_code == 0
    assert desk.publish(bad) == (0, ["held", "held"])
    assert desk.seen() == [5, 5]


def test_nothing_is_retained_when_the_close_moves_unless_it_was_ordered() -> None:
    opens, hour = datetime(2024, 6, 3, 2, tzinfo=UTC), timedelta(hours=1)
    closes = opens + 24 * hour
    for moved in (closes - hour, closes + hour):
        assert ordered_window(Window(opens, closes, closes), moved, None) == Window(opens, moved, moved)
    retained = closes + 100 * hour
    assert ordered_window(Window(opens, closes, retained), closes - hour, None).retain_until == retained
    assert ordered_window(Window(opens, closes, closes), None, retained).retain_until == retained


def with_window(election: Path, **hours: int) -> None:
    """Move the close or the end in the election's file by so many hours."""
    window, text = load_election(election).window, election.read_text()
    for name, moved in hours.items():
        instant = getattr(window, name)
        text = text.replace(instants.write(instant), instants.write(instant + timedelta(hours=moved)))
    election.write_text(text)


@pytest.mark.parametrize(("name", "option"), [("closes", "--close"), ("retain_until", "--retain")])
@pytest.mark.parametrize("elsewhere", [True, False], ids=["signed elsewhere", "signed here"])
def test_a_window_that_was_moved_is_not_moved_back_by_an_older_file_of_the_election(
    desk: Desk, records: Path, name: str, option: str, elsewhere: bool
):
    """The next corte, signed with the file of the morning, closed the page at the old hour; nothing told of it."""
    window, last = load_election(desk.election).window, desk.folder / "cortes/5"
    moved = getattr(window, name) + timedelta(hours=1)
    assert desk.sign(last, option, instants.write(moved)).exit_code == 0
    after = ["--after", last] if elsewhere else []
    if elsewhere:
        shutil.rmtree(records)
    done = desk.sign(desk.corte(6), *after)
    told, zone = "".join(done.output.split()), load_election(desk.election).catalog.zone
    assert done.exit_code == 1 and not signing.is_signed(desk.folder / "cortes/6")
    for each in (getattr(window, name), moved):
        assert each.astimezone(zone).isoformat() in told
    assert f"{option}seguidodelquevale" in told
    if not elsewhere:
        assert desk.publish(desk.corte(6)) == (1, []) and option in desk.details
    assert desk.sign(desk.corte(6), option, instants.write(moved), *after).exit_code == 0
    with_window(desk.election, **{name: 1})
    assert desk.publish(desk.corte(7)) == (0, ["shown", "shown"])
    assert getattr(signed_in(desk.folder / "cortes/7").window, name) == moved


def test_a_close_after_the_end_takes_the_end_along(desk: Desk):
    window = load_election(desk.election).window
    text = desk.election.read_text()
    soon = instants.write(window.closes + timedelta(hours=1))
    desk.election.write_text(text.replace(instants.write(window.retain_until), soon))
    assert desk.sign(desk.folder / "cortes/5", "--retain", soon).exit_code == 0
    later = instants.write(window.closes + timedelta(hours=2))
    assert desk.sign(desk.corte(6), "--close", later).exit_code == 0


def test_a_corte_that_is_published_once_more_is_not_taken_for_the_last_one_signed(desk: Desk):
    early, moved = desk.folder / "cortes/5", load_election(desk.election).window.closes + timedelta(hours=1)
    assert desk.sign(desk.corte(6), "--close", instants.write(moved)).exit_code == 0
    assert desk.publish(early, key=False) == (0, ["shown", "shown"])
    with_window(desk.election, closes=1)
    assert desk.publish(desk.corte(7)) == (0, ["shown", "shown"])


@pytest.mark.parametrize("shows", [True, False], ids=["a corte", "only orders"])
def test_a_machine_that_has_signed_nothing_signs_no_corte_where_mirrors_have_another_ones(
    desk: Desk, records: Path, shows: bool
):
    """It was signed without the orders of the other machine; only then, and with success, the table told of them."""
    last, following = desk.folder / "cortes/5", desk.corte(6)
    assert desk.sign(last, "--rectification").exit_code == 0
    assert desk.publish(last, key=False) == (0, ["shown", "shown"])
    shutil.rmtree(records)
    if not shows:
        desk.patch.setattr(Mirror, "status", lambda mirror: {**desk.status(mirror.target.name), "shown": None})
    assert desk.publish(following) == (1, []) and not signing.is_signed(following)
    told = "".join(desk.details.split())
    assert "siguenórdenes:norte,sur.Firmecon«difusorsign»y--after" in told
    page = "https://prep.norte.test/corte.json"
    assert (f"{page}y{page}.sig" in told) is shows
    assert desk.sign(following, "--after", last).exit_code == 0
    assert signed_in(following).stands.rectified


@pytest.mark.parametrize("said", [{}, {"gate": {"opens": "2024-06-03T02:00:00Z"}}, {"shown": None}])
def test_a_machine_that_has_signed_nothing_signs_where_mirrors_have_nothing_of_this_opening(
    desk: Desk, records: Path, said: dict[str, Any]
):
    shutil.rmtree(records)
    desk.patch.setattr(Mirror, "status", lambda mirror: said and {**desk.status(mirror.target.name), **said})
    desk.publish(desk.corte(6))
    assert signing.is_signed(desk.folder / "cortes/6")


def test_a_corte_that_another_machine_signed_after_this_one_is_told_as_that(desk: Desk, tmp_path: Path):
    """It was only refused, or without an answer, although every mirror showed it."""
    ours, theirs = desk.corte(6), tmp_path / "theirs"
    shutil.copytree(ours, theirs)
    assert desk.sign(ours).exit_code == desk.sign(theirs).exit_code == 0
    assert desk.publish(theirs, key=False) == (0, ["shown", "shown"])
    assert desk.publish(ours, key=False) == (1, ["refused", "refused"])
    assert "Ya tiene este corte, firmado" in desk.details and "firme el siguiente con --after" in desk.details
    desk.patch.setattr(deliver, "push", lambda *_: 1)
    silent = ("silent", {**desk.status("norte"), "last_attempt": None})
    desk.patch.setattr(Mirror, "await_word", lambda *_: silent)
    assert desk.publish(ours, key=False) == (1, ["silent", "silent"])
    assert "Ya tiene este corte, firmado" in desk.details
