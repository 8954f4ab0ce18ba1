"""A server's word about orders and hours is not enough for the dictamen: the institute's records and signature are."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from desk_kit import Desk
from publish_kit import make_target
from suite_kit import load

from corte.format import instants, signature
from corte.format.refusal import Refusal
from corte.format.standing import Standing
from difusor.project import ROOT
from difusor.publish import age, signing
from difusor.publish.signing import SignedCorte

# The marks of the suite are those of its own plugin.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnknownMarkWarning")
LONG = timedelta(minutes=11)
"""Longer than a corte may be on its way: the election has one every ten minutes."""
YEARS_LATER = "2030-01-01T00:00:00Z"
BASE = "https://x/prep/"


class Measurement:
    """What the suite's own tests say of a mirror of the desk, whose estado.json says what `lies` make of it."""

    def __init__(self, desk: Desk, name: str, lies: Callable[[dict[str, Any]], None] = lambda status: None) -> None:
        self.desk, self.name, self.lies = desk, name, lies
        self.clocks, self.fixtures, self.corte, self.prep, self.network = (
            load(file)
            for file in (
                "clock_fixtures.py",
                "corte_fixtures.py",
                "outside/test_corte.py",
                "outside/test_prep.py",
                "outside/test_network.py",
            )
        )
        self.target = make_target(desk.election, name)
        self.later = LONG
        self.evidence: list[Any] = []

    @property
    def status(self) -> dict[str, Any]:
        found = self.desk.status(self.name)
        self.lies(found)
        return found

    def take(self) -> Any:
        folder = (self.desk.servers[self.name].config.public / "actual").resolve()
        return self.fixtures.Shown(self.status, SignedCorte.of(folder, *signing.papers(folder)))

    @property
    def recorded(self) -> Any:
        return self.fixtures.recorded.__wrapped__(self.target)

    def now(self) -> datetime:
        return instants.now() + self.later

    def ordered(self, shown: Any) -> Any:
        return self.fixtures.ordered.__wrapped__(shown, self.recorded, self.target, timedelta(0), self.now)

    def orders(self) -> None:
        shown = self.take()
        ordered = self.ordered(shown)
        standing = self.fixtures.standing.__wrapped__(shown, ordered)
        self.corte.test_what_the_institute_withdrew_is_not_shown(shown, self.recorded, standing, self.evidence.append)

    def last(self) -> None:
        shown = self.take()
        ordered = self.ordered(shown)
        standing = self.fixtures.standing.__wrapped__(shown, ordered)
        self.prep.test_corte_is_the_institute_s_last_one(
            shown.corte, ordered, standing, self.target, lambda _: {"grace_minutes": 0}, self.now,
            self.evidence.append,
        )  # fmt: skip

    def actas(self, folder: Path) -> None:
        """Judge a server that answers for the actas with a notice, and keeps no manifest but the shown corte's."""
        self.prep.get = lambda *_: httpx.Response(503)
        shown, keeps_nothing = self.take(), SimpleNamespace(check_output=lambda *_: "")
        self.prep.test_nothing_is_held_back_without_an_order(
            keeps_nothing, None, BASE, shown, self.ordered(shown), self.target, folder, self.evidence.append
        )

    @property
    def window(self) -> Any:
        return self.fixtures.window.__wrapped__(self.status, self.take, self.target, self.recorded)

    def period(self, now: datetime, answer: int = 200, there: datetime | None = None) -> None:
        """Judge the gate by this machine's clock; `there` is what the server's says, by default the same."""
        said, text = httpx.Response(answer), '{"secuencia": 5}' if answer == 200 else "espere"
        self.clocks.instants, self.corte.get = SimpleNamespace(now=lambda: now), lambda *_: said
        host = SimpleNamespace(check_output=lambda _: str((there or now).timestamp()))
        self.corte.test_gate_follows_the_window(
            SimpleNamespace(status=lambda: self.status), self.window, self.target, BASE, BASE,
            lambda _: (answer, text), lambda _: {"closed_status": 503}, self.clocks.now.__wrapped__(host),
            self.evidence.append,
        )  # fmt: skip


@pytest.fixture(autouse=True)
def _suite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "molecule/tests")
    monkeypatch.setattr(age, "GRACE", timedelta(0))


@pytest.fixture
def withdrawn(desk: Desk) -> Desk:
    """Publish corte 6 and withdraw it; of that only `norte` hears, and `sur` goes on showing it."""
    bad = desk.corte(6)
    desk.publish(bad)
    desk.sign(bad, "--withdraw", bad)
    desk.publish(bad, "norte")
    assert desk.seen() == [5, 6]
    return desk


def test_a_withdrawn_corte_fails_though_the_server_knows_of_no_order(withdrawn: Desk):
    for test in (Measurement(withdrawn, "sur").orders, Measurement(withdrawn, "sur").last):
        with pytest.raises(AssertionError, match="muestra el corte 6, que el Instituto retiró"):
            test()
    Measurement(withdrawn, "norte").orders()
    Measurement(withdrawn, "norte").last()


def test_an_order_of_a_moment_ago_may_still_be_on_its_way(withdrawn: Desk):
    found = Measurement(withdrawn, "sur")
    found.later = timedelta(minutes=3)
    with pytest.raises(pytest.skip.Exception, match=r"hace un momento .* repita la medición"):
        found.orders()
    Measurement(withdrawn, "norte").orders()


@pytest.mark.parametrize("order", ["--hold", "--light"])
def test_an_order_that_was_not_sent_binds_nobody(desk: Desk, order: str):
    """A difusor failed that could not know of it: it counted from its signing."""
    desk.sign(desk.corte(6), order)
    found = Measurement(desk, "norte")
    for test in (found.orders, found.last):
        with pytest.raises(pytest.skip.Exception, match=r"no se ha enviado a nadie; publíquela, .* y repita"):
            test()
    desk.publish(desk.folder / "cortes/6")
    found.orders()


def test_an_order_counts_from_its_publication(desk: Desk):
    desk.sign(desk.corte(6), "--hold")
    desk.now += timedelta(minutes=3)
    desk.publish(desk.folder / "cortes/6", "norte")
    found = Measurement(desk, "sur")
    found.later = timedelta(minutes=1)
    with pytest.raises(pytest.skip.Exception, match="hace un momento"):
        found.orders()
    found.later = LONG
    with pytest.raises(AssertionError, match="el Instituto ordenó conservar lo que se muestra"):
        found.orders()


def test_an_order_that_was_sent_counts_though_a_later_one_was_not(desk: Desk):
    """Also when each new corte carries it on."""
    desk.sign(desk.corte(6), "--hold")
    desk.publish(desk.folder / "cortes/6", "norte")
    desk.now += timedelta(minutes=4)
    desk.publish(desk.corte(7), "norte")
    desk.sign(desk.corte(8), "--light")
    found = Measurement(desk, "sur")
    found.later = timedelta(minutes=7)
    with pytest.raises(AssertionError, match="el Instituto ordenó conservar lo que se muestra"):
        found.orders()
    with pytest.raises(pytest.skip.Exception, match="no se ha enviado a nadie"):
        Measurement(desk, "norte").orders()


def test_an_order_that_an_earlier_version_published_counts_too(desk: Desk, records: Path):
    """Which did not note when it was sent."""
    desk.sign(desk.corte(6), "--hold")
    desk.publish(desk.folder / "cortes/6", "norte")
    (history,) = records.glob("*/*.historia.jsonl")
    history.write_text("\n".join(line for line in history.read_text().splitlines() if '"sent"' not in line))
    with pytest.raises(AssertionError, match="el Instituto ordenó conservar lo que se muestra"):
        Measurement(desk, "sur").orders()


def test_a_machine_without_records_judges_by_what_the_server_says(withdrawn: Desk, records: Path):
    shutil.rmtree(records)
    found = Measurement(withdrawn, "sur")
    found.orders()
    assert any("no tiene registro de esta elección" in each for each in found.evidence)
    with pytest.raises(pytest.skip.Exception, match="mida desde la que publica"):
        found.last()

    def withdraw(status: dict[str, Any]) -> None:
        status["standing"] = withdrawn.status("norte")["standing"]

    for test in (Measurement(withdrawn, "sur", withdraw).orders, Measurement(withdrawn, "sur", withdraw).last):
        with pytest.raises(AssertionError, match="que el Instituto retiró"):
            test()


def test_records_that_cannot_be_read_leave_it_not_verified(withdrawn: Desk, records: Path):
    (path,) = records.glob("*/*.firmado.json")
    path.write_text("dañado")
    with pytest.raises(pytest.skip.Exception, match="está dañado: dice qué órdenes siguen en pie"):
        Measurement(withdrawn, "sur").orders()


@pytest.mark.parametrize(("order", "told"), [("--hold", "conservar lo que se muestra"), ("--light", "el modo ligero")])
def test_an_order_that_the_server_hides_fails(desk: Desk, order: str, told: str):
    desk.sign(desk.corte(6), order)
    desk.publish(desk.folder / "cortes/6", "norte")
    with pytest.raises(AssertionError, match=f"el Instituto ordenó {told} y el servidor no lo hace"):
        Measurement(desk, "sur").orders()
    Measurement(desk, "norte").orders()


@pytest.mark.parametrize(
    ("order", "end", "told"),
    [("--hold", "--resume", "conservar lo que se muestra"), ("--light", "", "el modo ligero")],
)
def test_an_order_that_goes_on_after_the_institute_ended_it_fails(desk: Desk, order: str, end: str, told: str):
    desk.sign(desk.corte(6), order)
    desk.publish(desk.folder / "cortes/6")
    desk.sign(desk.corte(7), *filter(None, [end]))
    desk.publish(desk.folder / "cortes/7", "norte")
    with pytest.raises(AssertionError, match=rf"el Instituto no ordena \(o ya no\) {told} y el servidor lo hace"):
        Measurement(desk, "sur").orders()
    Measurement(desk, "norte").orders()


def test_actas_held_back_after_the_light_mode_ended_fail(desk: Desk, tmp_path: Path):
    """Also where the server keeps the order, and nothing of its end."""
    desk.sign(desk.corte(6), "--light")
    desk.publish(desk.folder / "cortes/6")
    Measurement(desk, "sur").actas(tmp_path)
    desk.publish(desk.corte(7), "norte")
    with pytest.raises(AssertionError, match="ninguna orden firmada del Instituto sigue en pie"):
        Measurement(desk, "sur").actas(tmp_path)


def test_who_ordered_the_light_mode_is_told(desk: Desk, tmp_path: Path):
    desk.sign(desk.corte(6), "--light")
    desk.publish(desk.folder / "cortes/6", "norte")
    since = f"modo ligero desde {instants.write(Measurement(desk, 'norte').recorded.stands.light_at)}"
    for name, told in (
        ("norte", f"{since}, ordenado por firma@demo.test en el corte 6"),
        ("sur", f"{since}: lo ordenó el Instituto, según su registro; el servidor no guarda esa orden"),
    ):
        found = Measurement(desk, name)
        found.actas(tmp_path)
        assert found.evidence == [told]


def test_light_mode_that_another_desk_ordered_is_proven_by_what_the_server_keeps(
    desk: Desk, records: Path, tmp_path: Path
):
    """Reading what it keeps ended with an error of the measurement's, and the clause was never verified then."""
    desk.sign(desk.corte(6), "--light")
    desk.publish(desk.folder / "cortes/6")
    orders = desk.servers["sur"].config.store / "ordenes"
    shutil.rmtree(records)

    def content(path: str) -> SimpleNamespace:
        return SimpleNamespace(content=(orders / Path(path).relative_to(found.prep.ORDERS)).read_bytes())

    found = Measurement(desk, "sur")
    found.prep.get = lambda *_: httpx.Response(503)
    host = SimpleNamespace(check_output=lambda *_: "\n".join(each.name for each in orders.iterdir()), file=content)
    found.prep.test_nothing_is_held_back_without_an_order(
        host, None, BASE, found.take(), Standing(), found.target, tmp_path, found.evidence.append
    )
    assert host.check_output() and found.evidence[-1].endswith("ordenado por firma@demo.test en el corte 6")


@pytest.mark.parametrize("end", ["closes", "retain_until"])
def test_a_server_that_never_closes_fails(desk: Desk, end: str):
    window = Measurement(desk, "norte").target.election.window

    def never(status: dict[str, Any]) -> None:
        status["gate"] |= {name: YEARS_LATER for name in ("closes", "retain_until")[end == "retain_until" :]}
        status["gate"]["state"] = "open" if end == "closes" else "closed"

    for lies in (
        never,
        lambda status: never(status) or status.update(shown=None, held=status["shown"]),
        lambda status: never(status) or status["gate"].update(hold={"sequence": 5, "since": YEARS_LATER}),
    ):
        with pytest.raises(AssertionError, match="el servidor sigue otro periodo que el del Instituto"):
            Measurement(desk, "norte", lies).period(getattr(window, end) + timedelta(days=1))


def test_results_after_the_end_fail_and_within_the_window_comply(desk: Desk):
    found = Measurement(desk, "norte")
    found.period(instants.now())
    with pytest.raises(AssertionError, match="muestra resultados, y su publicación terminó"):
        found.period(found.window.retain_until + timedelta(minutes=1))


@pytest.mark.parametrize("ahead", [timedelta(hours=-2), timedelta(hours=24)])
def test_a_gate_is_not_judged_by_a_clock_that_may_be_the_wrong_one(desk: Desk, ahead: timedelta):
    """A laptop whose clock nothing keeps made a mirror with the right one fail."""
    found, there = Measurement(desk, "norte"), instants.now()
    found.clocks.is_synchronised_here = lambda: False
    with pytest.raises(pytest.skip.Exception, match="no se sabe cuál está mal; sincronícelo por NTP"):
        found.period(there + ahead, there=there)
    found.period(there, there=there)
    found.clocks.is_synchronised_here = lambda: True
    with pytest.raises(AssertionError, match="la compuerta dice open y por la hora debe decir"):
        found.period(there + ahead, there=there)


def test_an_unsigned_window_binds_nobody(desk: Desk):
    found = Measurement(desk, "norte")
    honest = found.window
    found.fixtures.is_signed = lambda *_: False
    assert found.window == honest == found.target.election.window


def test_a_signature_that_this_machine_cannot_verify_is_no_fault_of_the_server_s(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    """Its window was then taken for unsigned, and a close that the institute had moved for the server's invention."""

    def killed(*_: object, **__: object) -> None:
        raise Refusal("system", "El sistema terminó ssh-keygen antes de tiempo.")

    found = Measurement(desk, "norte")
    recorded = found.recorded
    monkeypatch.setattr(signature, "_ssh_keygen", killed)
    with pytest.raises(Refusal, match="terminó ssh-keygen antes de tiempo"):
        found.fixtures.window.__wrapped__(found.status, found.take, found.target, recorded)


def test_a_close_that_the_institute_moved_is_the_one_that_counts(desk: Desk):
    """With the corte that is shown; while it is held back, as this machine's records say."""
    moved = desk.now.replace(microsecond=0) + timedelta(hours=30)
    done = desk.sign(desk.corte(6), "--close", instants.write(moved))
    assert done.exit_code == 0, done.output
    desk.publish(desk.folder / "cortes/6")
    found = Measurement(desk, "norte", lambda status: None)
    assert found.window.closes == moved
    found.period(instants.now())
    hidden = Measurement(desk, "norte", lambda status: status.update(shown=None, held=status["shown"]))
    assert hidden.window.closes == moved


def test_what_is_retained_is_judged_by_the_signed_window_and_the_day_of_the_order(desk: Desk):
    found = Measurement(desk, "norte")
    judge = found.corte.test_nothing_is_retained_without_an_order
    judge(found.window, found.target, instants.now, found.evidence.append)
    text = desk.election.read_text()
    desk.election.write_text(text.replace("2024-05-30", "2099-05-30"))
    later = Measurement(desk, "norte")
    with pytest.raises(AssertionError, match="la fecha de ese acuerdo aún no llega"):
        judge(later.window, later.target, instants.now, found.evidence.append)


def test_the_link_is_measured_though_the_server_says_that_it_never_closes(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Not until the close that the institute signed, if that is later than the election's."""
    found, folder = Measurement(desk, "norte"), tmp_path / "papeles"
    folder.mkdir()

    def hand(url: str, take: Callable[[bytes], object]) -> httpx.Response:
        take((desk.servers["norte"].config.public / "actual" / url.removeprefix(BASE)).read_bytes())
        return httpx.Response(200)

    def is_measured(now: datetime) -> bool:
        mirror = SimpleNamespace(hand=hand, status=lambda: {"gate": {"closes": YEARS_LATER}})
        with monkeypatch.context() as patch:
            patch.setattr(instants, "now", lambda: now)
            return not found.network._not_now(mirror, BASE, found.target, folder)

    closes, minute = found.target.election.window.closes, timedelta(minutes=1)
    assert not is_measured(closes - minute) and is_measured(closes + minute)
    assert not is_measured(found.target.election.window.opens - minute), "a clock that is behind the shown corte"
    desk.sign(desk.corte(6), "--close", instants.write(closes + timedelta(hours=1)))
    desk.publish(desk.folder / "cortes/6")
    assert not is_measured(closes + minute) and is_measured(closes + timedelta(hours=1) + minute)
