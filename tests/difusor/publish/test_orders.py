"""Orders given with `sign` reach real servers by `publish`, and every later corte carries what stands."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
import typer
from corte_kit import FILES, Server, make_key, write_files
from publish_kit import ELECTION, make_target
from typer.testing import CliRunner, Result

from corte.format import instants, manifest
from corte.format.manifest import Manifest, Window
from corte.format.refusal import Refusal
from difusor.commands import publish, sign, verify
from difusor.inventory import load_election
from difusor.publish import age, comparison, deliver, roads, signing, standing
from difusor.publish import target as targets
from difusor.publish.mirror import Mirror
from difusor.publish.orders import ordered_window
from difusor.publish.seen import Seen
from difusor.publish.target import Target


@pytest.fixture
def election(tmp_path: Path, key: Path) -> Path:
    """An election that opened an hour ago."""
    opens = instants.now().replace(microsecond=0) - timedelta(hours=1)
    dates = {
        "2024-06-03T02:00:00Z": opens,
        "2024-06-04T02:00:00Z": opens + timedelta(hours=24),
        "2024-06-10T05:59:00Z": opens + timedelta(days=7),
    }
    text = ELECTION.format(key=key.with_name("firma.pub").read_text().strip())
    for before, instant in dates.items():
        text = text.replace(before, instants.write(instant))
    (tmp_path / "election.yml").write_text(text)
    return tmp_path / "election.yml"


def _refuse(document: Any) -> Manifest:
    raise Refusal("manifest", "El manifiesto no dice en su forma qué órdenes están en pie.")


class Desk:
    """The institute's verbs, and the mirrors that they reach: real intakes, without rsync and HTTP between."""

    def __init__(self, folder: Path, election: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.election, self.key, self.patch = folder, election, key, monkeypatch
        self.now = instants.now().replace(microsecond=0) - timedelta(minutes=5)
        decided = load_election(election)
        self.servers: dict[str, Server] = {}
        self.outdated = ""
        """The mirror whose server is of a version before light mode."""
        for name in ("norte", "sur"):
            server = Server.make(folder / "servers" / name, key, decided.window.opens)
            server.config = replace(server.config, environment="official", window=decided.window)
            server.config.gate_file.touch()
            self.servers[name] = server
            (folder / name).mkdir()
        monkeypatch.setattr(targets, "read", lambda source: [make_target(election, source.name)])
        monkeypatch.setattr(deliver, "push", self._push)
        monkeypatch.setattr(Mirror, "__init__", lambda mirror, target, *_, **__: setattr(mirror, "target", target))
        monkeypatch.setattr(Mirror, "__enter__", lambda mirror: mirror)
        monkeypatch.setattr(Mirror, "__exit__", lambda *_: None)
        monkeypatch.setattr(Mirror, "problem", "", raising=False)
        monkeypatch.setattr(Mirror, "asked", instants.now(), raising=False)
        monkeypatch.setattr(Mirror, "status", lambda mirror: self._status(mirror.target.name))
        monkeypatch.setattr(signing.instants, "now", self._tick)

    def _tick(self) -> Any:
        self.now += timedelta(seconds=1)
        return self.now

    def _push(self, folder: Path, target: Target, *_: object) -> int:
        incoming = self.servers[target.name].config.incoming
        shutil.copytree(folder, incoming, dirs_exist_ok=True)
        with self.patch.context() as before_light_mode:
            if target.name == self.outdated and b'"light"' in (folder / manifest.NAME).read_bytes():
                before_light_mode.setattr(manifest, "_from_document", _refuse)
                manifest.read.cache_clear()
            self.servers[target.name].run()
        return 1

    def _status(self, name: str) -> dict[str, Any]:
        path = self.servers[name].config.status_file
        status = dict(json.loads(path.read_text())) if path.exists() else {}
        if status and name == self.outdated:
            del status["gate"]["light"]
        return status

    def corte(self, sequence: int) -> Path:
        """Write a corte's folder and return it."""
        folder = self.folder / "cortes" / str(sequence)
        identity = {"secuencia": sequence, "corte": instants.write(self.now + timedelta(seconds=1))}
        write_files(folder, {**FILES, "datos/corte.json": json.dumps(identity).encode()})
        return folder

    def sign(self, folder: Path, *options: object) -> Result:
        return self._run(sign, folder, "--election", self.election, "--key", self.key, *options)

    def publish(self, folder: Path, *names: str, key: bool = True) -> tuple[int, list[str]]:
        """Publish to these mirrors, or to all; return the exit status and the results."""
        where = [part for name in names or self.servers for part in ("-i", self.folder / name)]
        given = ["--key", self.key] if key else []
        done = self._run(publish, folder, *where, *given, "--json", "--wait", 1)
        self.details = done.output
        if not done.stdout:
            return done.exit_code, []
        return done.exit_code, [one["result"] for one in json.loads(done.stdout)["difusores"]]

    def seen(self) -> list[int | None]:
        return [server.shown() for server in self.servers.values()]

    @staticmethod
    def _run(verb: ModuleType, *arguments: object) -> Result:
        app = typer.Typer()
        app.command()(verb.run)
        return CliRunner().invoke(app, [str(part) for part in arguments])


@pytest.fixture
def desk(tmp_path: Path, election: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The institute after it has published corte 5 to both mirrors."""
    desk = Desk(tmp_path, election, key, monkeypatch)
    assert desk.publish(desk.corte(5)) == (0, ["shown", "shown"])
    return desk


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


def test_a_hold_stands_in_every_later_corte_until_it_is_resumed(desk: Desk):
    done = desk.sign(desk.folder / "cortes/5", "--hold")
    assert "sigue en pie: pausa desde" in done.output
    assert desk.publish(desk.folder / "cortes/5", "norte") == (0, ["held"])
    assert desk.publish(desk.corte(6)) == (0, ["held", "held"]), "sur missed the order"
    assert desk.seen() == [5, 5]
    assert desk.sign(desk.folder / "cortes/6", "--resume").exit_code == 0
    assert desk.publish(desk.folder / "cortes/6", "norte") == (0, ["shown"])
    assert desk.publish(desk.corte(7)) == (0, ["shown", "shown"]), "sur missed the resumption"
    assert signed_in(desk.folder / "cortes/7").orders == ()


def test_light_mode_lasts_until_the_next_corte(desk: Desk):
    done = desk.sign(desk.folder / "cortes/5", "--light")
    assert "orden: light" in done.output and "sigue en pie: modo ligero desde" in done.output
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


def test_a_hold_given_with_a_corte_that_nobody_has_keeps_the_one_before(desk: Desk):
    """Signing a corte twice before it is sent does not make it the one that stays shown."""
    folder = desk.corte(6)
    desk.sign(folder)
    desk.sign(folder, "--hold")
    assert desk.publish(folder) == (0, ["held", "held"])
    assert desk.seen() == [5, 5]


def test_a_hold_that_nobody_expects_is_a_failure(desk: Desk, records: Path):
    """Another operator gave the order, on another machine: the mirrors hold what this one publishes."""
    desk.sign(desk.folder / "cortes/5", "--hold")
    desk.publish(desk.folder / "cortes/5")
    shutil.rmtree(records)
    assert desk.publish(desk.corte(6)) == (1, ["paused", "paused"])
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


def test_a_corte_is_withdrawn_by_its_digest_when_its_folder_is_gone(desk: Desk):
    bad = desk.corte(6)
    desk.publish(bad)
    sha256 = signing.verify(bad)[0].sha256
    shutil.rmtree(bad)
    right = desk.corte(7)
    assert desk.sign(right, "--withdraw", sha256[:16]).exit_code == 0
    assert desk.publish(right, "norte") == (0, ["shown"])
    told = desk._status("norte")["standing"]["withdrawn"]
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
    path.unlink()
    assert desk.sign(desk.corte(6), "--after", desk.folder / "cortes/5").exit_code == 0
    assert signed_in(desk.folder / "cortes/6").stands.hold_in_force


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


@pytest.fixture
def audit(desk: Desk, election: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], comparison.Comparison]:
    """Return the function that compares what a mirror shows, as `audit` does."""

    def hand(mirror: Any, url: str, take: Callable[[bytes], object], *_: object, **__: object) -> httpx.Response:
        path = desk.servers[mirror.target.name].config.public / "actual" / url.removeprefix("https://x/")
        if not path.exists():
            return httpx.Response(404)
        take(path.read_bytes())
        return httpx.Response(200)

    monkeypatch.setattr(Mirror, "url", f"https://x{comparison.PATH}", raising=False)
    monkeypatch.setattr(Mirror, "hand", hand)
    monkeypatch.setattr(roads, "differences", lambda *_: [])
    monkeypatch.setattr(roads, "elsewhere", lambda *_: ([], []))
    known = standing.Records(load_election(election)).standing
    return lambda name: comparison.compare(make_target(election, name), seen=Seen(), standing=known())


def test_audit_tells_a_mirror_that_shows_a_withdrawn_corte(
    desk: Desk, audit: Callable[[str], comparison.Comparison], monkeypatch: pytest.MonkeyPatch
):
    """`sur` was away: it still shows what the institute withdrew, byte for byte as signed. `norte` is not behind."""
    monkeypatch.setattr(age, "GRACE", timedelta(0))
    bad = desk.corte(6)
    desk.publish(bad)
    desk.sign(bad, "--withdraw", bad)
    desk.publish(bad, "norte")
    for late in (timedelta(0), timedelta(hours=1)):
        desk.now += late
        north, south = audit("norte"), audit("sur")
        assert (north.result, "corte 6 retirado" in north.detail) == ("authentic", True), north
        assert (south.result, south.detail) == ("altered", "muestra el corte 6, que el Instituto retiró")


@pytest.fixture
def over(desk: Desk, tmp_path: Path) -> Path:
    """End the dates of the key that signed corte 5, an hour later; return the key of the one who signs from then on."""
    other = make_key(tmp_path, "turno2")
    text, lines = desk.election.read_text(), []
    first = text[text.index("      - principal:") :]
    for key, after, before in (
        (desk.key, "2020-01-01T00:00:00Z", instants.write(desk.now + timedelta(minutes=30))),
        (other, instants.write(desk.now + timedelta(minutes=20)), "2040-01-01T00:00:00-06:00"),
    ):
        lines += [
            "      - principal: firma@demo.test\n", f'        key: "{key.with_suffix(".pub").read_text().strip()}"\n',
            f'        valid_after: "{after}"\n', f'        valid_before: "{before}"\n',
        ]  # fmt: skip
    desk.election.write_text(text.replace(first, "".join(lines)))
    desk.now += timedelta(hours=1)
    return other


def test_what_was_published_stays_authentic_when_the_dates_of_its_key_are_over(
    desk: Desk, audit: Callable[[str], comparison.Comparison], over: Path, records: Path
):
    """Every mirror was called altered from midnight on, or from the last hour of a certificate for one night."""
    five = desk.folder / "cortes/5"
    assert audit("norte").detail == "firmado por firma@demo.test"
    assert desk._run(verify, five, "--election", desk.election).exit_code == 0
    assert desk.publish(five, key=False) == (1, ["refused", "refused"]), "servers take it no more"
    shutil.rmtree(records)
    unknown = audit("norte")
    assert (unknown.result, "no es de quien hoy puede firmar" in unknown.detail) == ("altered", True)
    assert desk._run(verify, five, "--election", desk.election).exit_code == 1


def test_who_signs_from_midnight_on_takes_up_the_orders_of_the_one_before(desk: Desk, over: Path, records: Path):
    desk.now -= timedelta(hours=1)
    desk.sign(desk.folder / "cortes/5", "--hold")
    desk.now += timedelta(hours=1)
    shutil.rmtree(records)
    desk.key = over
    done = desk.sign(desk.corte(6), "--after", desk.folder / "cortes/5")
    assert "sigue en pie: pausa" in done.output, done.output


def test_a_mirror_that_went_back_further_than_the_last_good_corte_is_old(
    desk: Desk, audit: Callable[[str], comparison.Comparison], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(age, "GRACE", timedelta(0))
    desk.publish(desk.corte(6), "norte")
    bad = desk.corte(7)
    desk.publish(bad)
    desk.sign(bad, "--withdraw", bad)
    desk.publish(bad)
    assert desk.seen() == [6, 5], "sur missed corte 6"
    assert (audit("norte").result, audit("sur").result) == ("authentic", "old")


def test_nothing_is_retained_when_the_close_moves_unless_it_was_ordered() -> None:
    opens, hour = datetime(2024, 6, 3, 2, tzinfo=UTC), timedelta(hours=1)
    closes = opens + 24 * hour
    for moved in (closes - hour, closes + hour):
        assert ordered_window(Window(opens, closes, closes), moved, None) == Window(opens, moved, moved)
    retained = closes + 100 * hour
    assert ordered_window(Window(opens, closes, retained), closes - hour, None).retain_until == retained
    assert ordered_window(Window(opens, closes, closes), None, retained).retain_until == retained
