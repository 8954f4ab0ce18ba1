"""`difusor list --watch`: real pages on TLS and real name servers on loopback, of which some fail and come back."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from http.client import HTTPMessage
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from corte_kit import FILES, make_key, write_files
from inventory_kit import Certificates
from listing_kit import demo, enrolled
from look_kit import Table, name_server, page
from publish_kit import command_of

from corte.format import manifest, signature
from corte.format.refusal import Refusal
from difusor.commands import list as command
from difusor.inventory import Election, load_election
from difusor.listing import checking, looks, making, state, watch, watching
from difusor.listing.entries import Listed
from difusor.listing.looks import How, Look, _about_certificates, _There, look
from difusor.listing.making import Made, Making
from difusor.listing.state import Failing, State
from difusor.partners import record, revocation
from difusor.partners.filing import papers
from difusor.project import UnusableError
from difusor.publish import age, roads, signing, stopping
from difusor.publish.comparison import Comparison
from difusor.publish.mirror import PATH, VISITORS, Mirror
from difusor.publish.seen import Published, Seen
from difusor.publish.signing import SignedCorte
from difusor.publish.target import Target
from difusor.servers import certificate
from difusor.servers.certificate import Certificate
from difusor.servers.names import Answer, Names

NOW = datetime(2024, 5, 28, 18, tzinfo=UTC)
BAD = Look(("no responde",))
NORTE, SUR = Listed("norte", "Norte", "www.norte.com.mx/prep"), Listed("sur", "Sur", "www.sur.com.mx/prep")
PLACES = {"norte": "127.0.0.2", "sur": "127.0.0.3"}


@dataclass
class Night:
    """Two pages and a name server. A test changes `table` and `answers`; what is not in `answers` is 404."""

    home: Path
    making: Making
    table: Table = field(default_factory=dict)
    answers: dict[str, dict[str, tuple[int, bytes]]] = field(default_factory=dict)
    heard: list[HTTPMessage] = field(default_factory=list)

    def round(self) -> Made:
        return watching.watch_once(self.making)

    @property
    def page(self) -> list[str]:
        said = json.loads((self.home / "lista/lista.json").read_bytes())
        return [each["enlace"].split(".")[1] for each in said["difusores"]]

    @property
    def log(self) -> list[dict[str, Any]]:
        lines = (state.folder(demo(self.home)) / "bitacora.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def look(self, difusor: Listed = NORTE, *servers: str) -> Look:
        election = load_election(self.home / "elections/demo.yml")
        return look(difusor, How(election, servers or self.making.servers, self.making.authority))


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    return Certificates()


@pytest.fixture
def corte(home: Path, key: Path) -> dict[str, tuple[int, bytes]]:
    """Return what a page answers that shows a signed corte, by path."""
    folder = home / "corte"
    write_files(folder, {**FILES, "datos/corte.json": b'{"secuencia": 7, "corte": "2024-06-03T03:10:00Z"}'})
    signed = signing.sign(folder, load_election(home / "elections/demo.yml"), key)
    status = {"shown": {"manifest_sha256": signed.sha256}, "gate": {"state": "open"}}
    files = {f"/prep/{path.relative_to(folder)}": path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: (200, content) for name, content in {**files, PATH: json.dumps(status).encode()}.items()}


@pytest.fixture
def night(
    home: Path, key: Path, corte: dict[str, tuple[int, bytes]], certificates: Certificates, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Night]:  # fmt: skip
    (tmp_path / "ca.pem").write_bytes(certificates.root)
    found = Night(home, Making("demo", home / "lista", key, authority=tmp_path / "ca.pem"))
    with ExitStack() as running:
        port = 0
        for id, address in PLACES.items():
            enrolled(home, id)
            host = f"www.{id}.com.mx"
            leaf, secret = certificates.page(host)
            found.table[host, "A"] = [f"300 {address}"]
            found.answers[id] = dict(corte)
            (tmp_path / id).mkdir()
            chains = {host: (leaf + certificates.intermediate, secret)}
            port = running.enter_context(page(chains, _answering(found, id), tmp_path / id, address, port, found.heard))
        monkeypatch.setattr(certificate, "PORT", port)
        server = running.enter_context(name_server(found.table))
        found.making = Making("demo", home / "lista", key, (server,), tmp_path / "ca.pem")
        yield found


def test_few_pages_send_their_content_at_the_same_time(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty manifests of 3 MB at once did not come within ten seconds each, and good pages left the list."""
    monkeypatch.setattr(looks, "_silence", lambda *_: "")
    lock, met, one_more, now, most = threading.Lock(), threading.Barrier(18), threading.Event(), [0], [0]

    def arrive(host: str, address: str, *_: object) -> Certificate:
        met.wait(300)  # all of them want the content now
        return Certificate(address)

    def glance(target: Target, *_: object) -> Comparison:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
            if now[0] > 6:
                one_more.set()
        one_more.wait(0.2)  # in which another one comes, if it may
        with lock:
            now[0] -= 1
        return Comparison(target.name, "authentic", "")

    monkeypatch.setattr(looks, "glance", glance)
    monkeypatch.setattr(looks.certificate, "look", arrive)
    monkeypatch.setattr(
        looks.names, "look", lambda host, *_: Names(host, (Answer("1.1.1.1", addresses=("10.0.0.1", "10.0.0.2")),))
    )
    listed = [Listed(f"uno-{number}", "Uno", f"www.{number}.mx/prep") for number in range(9)]
    looks.look_all(listed, How(load_election(home / "elections/demo.yml")))
    assert not one_more.is_set() and 1 < most[0] <= 6


def test_a_page_that_hangs_takes_nobodys_turn(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty that hung kept the six turns for ten seconds each, and the round was late for the good ones."""
    monkeypatch.setattr(looks, "TIMEOUT", 3.0)  # in which the good one answers on a busy machine, too
    over, turns, glance = threading.Event(), list[str](), looks.glance

    def hang(path: str) -> tuple[int, bytes]:
        over.wait(60)
        return 200, b""

    def seen(target: Target, *more: Any) -> Comparison:
        turns.append(target.name)
        return glance(target, *more)

    monkeypatch.setattr(looks, "glance", seen)
    monkeypatch.setattr(night, "answers", {**night.answers, "norte": _Hanging(hang)})
    try:
        found = looks.look_all((NORTE, SUR), How(demo(night.home), night.making.servers, night.making.authority))
    finally:
        over.set()
    assert turns == ["sur"] and found["sur"] == Look()
    assert found["norte"].faults == ("en IPv4 127.0.0.2: no terminó de responder a tiempo",)


class _Hanging(dict[str, tuple[int, bytes]]):
    """The answers of a page that takes every request, and answers none until it is let go."""

    def __init__(self, hang: Callable[[str], tuple[int, bytes]]) -> None:
        super().__init__()
        self.hang = hang

    def get(self, path: str, default: Any = None) -> Any:
        return self.hang(path)


def _answering(night: Night, id: str) -> Callable[[str], tuple[int, bytes]]:
    return lambda path: night.answers[id].get(path, (404, b""))


def test_a_page_that_shows_what_the_institute_signed_has_nothing_wrong(night: Night) -> None:
    assert night.look() == Look()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"/prep/datos/congreso.json": (200, b"[]")}, "datos/congreso.json no es el que se firmó"),
        ({"/prep/corte.json": (503, b""), PATH: (404, b"")}, "estado.json responde 404"),
        ({"/prep/corte.json": (200, b"{}")}, "no lleva exactamente sus claves"),
        ({PATH: (200, b"{}")}, "su estado.json nombra otro manifiesto que el que entrega"),
    ],
)
def test_a_page_that_shows_anything_else_fails(change: dict[str, tuple[int, bytes]], told: str, night: Night) -> None:
    night.answers["norte"] |= change
    (fault,) = night.look().faults
    assert fault.startswith("en IPv4 127.0.0.2: ") and told in fault


def test_a_page_cannot_tell_by_their_headers_the_institutes_requests_from_a_citizens(night: Night) -> None:
    """They said python-httpx: a mirror could show that one the right corte, and some CDNs refuse it."""
    assert night.look() == Look()
    visitors = {each["User-Agent"] for each in night.heard}
    assert visitors <= {*VISITORS} and night.heard
    said = " ".join(value for each in night.heard for value in each.values()).lower()
    assert not any(word in said for word in ("python", "httpx", "difusor"))


def test_a_page_that_waits_for_the_opening_is_right(night: Night) -> None:
    night.answers["norte"] = {PATH: (200, b'{"gate": {"state": "waiting"}}'), "/prep/corte.json": (503, b"")}
    assert night.look() == Look()


def test_a_page_that_waits_for_another_election_is_warned_of(night: Night) -> None:
    """A server that was still the rehearsal's waited as well as any, and showed nothing at the opening."""
    for named, warned in (("simulacro-1", True), ("demo", False)):
        status = json.dumps({"election": named, "gate": {"state": "waiting"}}).encode()
        night.answers["norte"] = {PATH: (200, status), "/prep/corte.json": (503, b"")}
        found = night.look()
        assert not found.faults and bool(found.warnings) is warned
        assert all("127.0.0.2: espera los cortes de la elección «simulacro-1»" in each for each in found.warnings)


@pytest.mark.parametrize(("published", "faults"), [(8, 0), (9, 1)])
def test_a_page_is_not_at_fault_while_the_next_corte_may_still_be_on_its_way(
    published: int, faults: int, night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It shows 7, and another mirror has the published one already; who missed one in between was left behind."""
    monkeypatch.setattr(age, "GRACE", timedelta(0))
    election = load_election(night.home / "elections/demo.yml")
    shown = manifest.read(night.answers["norte"]["/prep/corte.json"][1])
    later = replace(shown, sequence=published, generated=shown.generated + timedelta(seconds=1))
    assert not Seen().publish(SignedCorte(night.home, later, b"", b""), election)
    found = night.look().faults
    assert len(found) == faults and all("y el Instituto publicó el 9" in each for each in found)


@pytest.mark.parametrize(
    ("sequence", "at", "due"),
    [
        (1, timedelta(minutes=5), timedelta(minutes=15)),
        (2, timedelta(minutes=5), timedelta(minutes=7)),
        (1, timedelta(minutes=-30), timedelta(minutes=2)),
        (1, timedelta(minutes=-5), timedelta(minutes=5)),
    ],
)
def test_a_page_has_to_show_a_corte_once_the_push_of_the_first_can_be_over(
    sequence: int, at: timedelta, due: timedelta, home: Path
) -> None:
    """Counted from the opening, with cortes every ten minutes."""
    election = load_election(home / "elections/demo.yml")
    opens = election.window.opens
    published = Published(
        opens=opens, sequence=sequence, generated=opens, manifest_sha256="f" * 64, hold=False, at=opens + at
    )
    for more in (timedelta(0), timedelta(seconds=1)):
        now = opens + due + more
        assert looks._is_due(published, How(election, now=partial(datetime.astimezone, now, UTC))) is bool(more)


def test_name_servers_that_differ_do_no_harm_as_long_as_every_address_is_right(night: Night) -> None:
    other: Table = {("www.norte.com.mx", "A"): ["900 127.0.0.4"], ("www.norte.com.mx", "CAA"): ['60 0 issue "x.mx"']}
    (first,) = night.making.servers
    with name_server(other) as second:
        found = night.look(NORTE, first, second)
        assert found.faults[0].startswith("en IPv4 127.0.0.4: ") and "no coinciden" in found.faults[1]
        assert found.warnings == (
            "las direcciones de www.norte.com.mx pueden recordarse 900 s (TTL); que no pasen de 300",
        )
        other["www.norte.com.mx", "A"] = ["300 127.0.0.2"]
        night.table["www.norte.com.mx", "A"] = ["300 127.0.0.2", "300 127.0.0.2"]
        assert night.look(NORTE, first, second) == Look()


def test_a_name_with_many_addresses_is_looked_at_by_lot_and_that_is_told(night: Night) -> None:
    """Behind four good ones an old server was never looked at, and nobody was told that it was there."""
    night.table["www.norte.com.mx", "A"] = ["300 127.0.0.2", *(f"300 127.0.1.{number}" for number in range(60))]
    found = night.look()
    assert 3 <= len(found.faults) <= 4 and not all("127.0.1.0" in each for each in found.faults)
    assert "www.norte.com.mx tiene 61 direcciones, y en cada vuelta se miran 4 al azar: " in found.warnings[0]


def test_both_families_are_looked_at_and_a_road_that_this_machine_lacks_blames_nobody(night: Night) -> None:
    night.table["www.norte.com.mx", "AAAA"] = ["300 ::1"]
    (fault,) = night.look().faults
    assert fault.startswith("en IPv6 ::1: ")
    how = How(load_election(night.home / "elections/demo.yml"))
    assert not _There(Certificate("2001:db8::7", trouble="la red no es accesible", away=True)).fault(how)


def test_a_page_to_which_this_machine_has_no_road_stays_on_the_list(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One with IPv6 alone was out for good after two rounds of a machine without IPv6."""
    there, handshake = "2001:db8::7", certificate._handshake

    def reach(name: str, address: str, *more: Any) -> bytes:
        if address == there:
            raise OSError(errno.ENETUNREACH, "Network is unreachable")
        return handshake(name, address, *more)

    monkeypatch.setattr(certificate, "_handshake", reach)
    monkeypatch.setattr(certificate, "_has_road", lambda _: False)
    del night.table["www.norte.com.mx", "A"]
    night.table["www.norte.com.mx", "AAAA"] = [f"300 {there}"]
    for _ in range(3):
        made = night.round()
        assert (night.page, made.events, made.is_blind) == (["norte", "sur"], (), False)
    found = made.looks["norte"]
    assert found.is_unknown and not found.faults
    assert found.warnings == (
        f"esta máquina no tiene camino a ninguna de sus direcciones ({there}) y no sabe qué muestra",
    )


def test_a_family_that_answers_nowhere_is_lost_here_and_blames_no_page(night: Night) -> None:
    """Where the institute's provider no longer carried its IPv6, up to half of the list was out after two rounds."""
    how = How(demo(night.home), night.making.servers, night.making.authority)
    night.table["www.norte.com.mx", "AAAA"] = ["300 ::1"]
    assert looks.look_all((NORTE, SUR), how)["norte"].faults, "one page with a dead address is at fault itself"
    night.table["www.sur.com.mx", "AAAA"] = ["300 ::1"]
    told = "por IPv6 no responde aquí ninguna de las 2 páginas que lo tienen, y eso no se cuenta contra ellas; revise "
    told += "la salida a internet de esta máquina por IPv6"
    for _ in range(3):
        made = night.round()
        assert (night.page, made.events, made.is_blind) == (["norte", "sur"], (), False)
    assert made.looks == {"norte": Look(warnings=(told,)), "sur": Look(warnings=(told,))}
    del night.table["www.norte.com.mx", "A"]
    found = looks.look_all((NORTE, SUR), how)
    assert found["norte"].is_unknown and not found["norte"].faults and found["sur"] == Look(warnings=(told,))
    night.answers["sur"]["/prep/datos/congreso.json"] = (200, b"[]")
    (fault,) = looks.look_all((NORTE, SUR), how)["sur"].faults
    assert fault.startswith("en IPv4 127.0.0.3: "), "what answers is judged as ever"
    night.table.clear()
    night.table.update({(f"www.{id}.com.mx", "A"): ["300 127.0.0.9"] for id in PLACES})
    assert night.round().is_blind, "where nothing answers at all it is not one family"


def test_a_certificate_that_ends_soon_or_may_not_be_renewed_is_told(night: Night) -> None:
    how = How(load_election(night.home / "elections/demo.yml"), now=lambda: NOW)
    seen = Certificate("192.0.2.7", expires=NOW + timedelta(days=2), issuer="Let's Encrypt")
    told = list(_about_certificates(Names("prep.mx", (), caa=("issue digicert.com",)), [_There(seen)], how))
    assert told == [
        "su certificado termina el 2024-05-30T18:00:00Z, antes que la publicación; que lo renueve",
        "el CAA de prep.mx no permite a letsencrypt.org, que emitió su certificado, renovarlo",
    ]


def test_after_two_failures_a_page_is_left_out_and_it_comes_back_by_itself(night: Night) -> None:
    right = dict(night.answers["norte"])
    assert night.round().written and night.page == ["norte", "sur"]
    night.answers["norte"] = {}
    first, second = night.round(), night.round()
    assert (first.events, first.written) == ((), False)
    assert [(each.change, each.listed.id) for each in second.events] == [("sale", "norte")] and second.written
    assert night.page == ["sur"] and list(state.read(demo(night.home)).out) == ["norte"]  # a new run begins with this
    told = " ".join((night.home / "lista/index.html").read_text().split())
    assert "no es un difusor oficial, o no responde bien en este momento." in told, "norte is still one"
    third = night.round()
    assert (third.events, third.written, list(third.out)) == ((), False, ["norte"])
    night.answers["norte"] = right
    back = night.round()
    assert [(each.change, each.listed.id) for each in back.events] == [("vuelve", "norte")] and not back.out
    assert night.page == ["norte", "sur"]
    told = [(each["que"], each.get("difusor", each.get("difusores"))) for each in night.log]
    assert told == [
        ("lista escrita", ["norte", "sur"]), ("sale", "norte"), ("lista escrita", ["sur"]), ("vuelve", "norte"),
        ("lista escrita", ["norte", "sur"]),
    ]  # fmt: skip
    assert night.log[1]["llamar"].startswith("Ana Peña Núñez, ") and "responde 404" in night.log[1]["motivo"][0]


def test_one_altered_file_of_many_takes_a_page_off_the_list(
    night: Night, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was drawn now and then, told, and hardly ever drawn twice in a row: the page stayed."""
    folder = night.home / "muchos"
    write_files(folder, {f"datos/{number:03}.json": b"[]" for number in range(40)})
    write_files(folder, {"datos/corte.json": b'{"secuencia": 7, "corte": "2024-06-03T03:10:00Z"}'})
    signed = signing.sign(folder, demo(night.home), key)
    status = json.dumps({"shown": {"manifest_sha256": signed.sha256}, "gate": {"state": "open"}}).encode()
    files = {f"/prep/{path.relative_to(folder)}": path for path in folder.rglob("*") if path.is_file()}
    for id in PLACES:
        night.answers[id] = {name: (200, path.read_bytes()) for name, path in files.items()} | {PATH: (200, status)}
    night.answers["norte"]["/prep/datos/017.json"] = (200, b"[1]")
    drawn = iter(["datos/017.json"] * 2)  # each page's first
    monkeypatch.setattr(roads, "sample", lambda files: {(path := next(drawn, "datos/001.json")): files[path]})
    for _ in range(2):
        made = night.round()
        assert [each.partition(": ")[2] for each in made.looks["norte"].faults] == [
            "datos/017.json no es el que se firmó"
        ]
    assert night.page == ["sur"]


def test_when_every_page_fails_the_fault_is_here_and_the_list_stays(night: Night) -> None:
    night.round()
    right = dict(night.answers)
    night.answers |= {"norte": {}, "sur": {}}
    for _ in range(3):
        assert night.round().is_blind
    assert night.page == ["norte", "sur"] and state.read(demo(night.home)).failing == {}
    assert night.log[-1]["que"].startswith("ninguna página respondió bien")
    night.answers |= {"sur": right["sur"]}
    assert not night.round().out  # the first failure that counts
    # A revocation takes effect all the same.
    night.answers |= {"sur": {}}
    folder = night.home / "inventories/norte"
    (folder / "group_vars/norte").mkdir(parents=True)
    revocation.revoke(folder, revocation.Order(by="Pleno", reason="alteró los resultados"))
    assert night.round().is_blind and night.page == ["sur"]


def test_a_list_that_cannot_be_written_is_written_the_next_time(night: Night) -> None:
    assert night.round().written and not night.round().written
    right, night.making = night.making, replace(night.making, key=make_key(night.home, "ajena"))
    folder = night.home / "inventories/sur"
    (folder / "group_vars/sur").mkdir(parents=True)
    revocation.revoke(folder, revocation.Order(by="Pleno", reason="alteró los resultados"))
    with pytest.raises(UnusableError, match="no es de ningún firmante"):
        night.round()
    assert night.page == ["norte", "sur"]
    night.making = right
    assert night.round().written and night.page == ["norte"]


def test_who_leaves_or_comes_back_while_the_list_cannot_be_written_is_told_once_it_can(night: Night) -> None:
    """Nobody was told to call them: by the next round they had left already. A run in between knows it too."""
    assert night.round().written
    right, stray = night.answers["norte"], night.home / "lista/.DS_Store"
    for answers, told, gone in (({}, ("sale", "norte"), ["sur"]), (right, ("vuelve", "norte"), ["norte", "sur"])):
        before = night.page
        night.answers["norte"] = answers
        if told[0] == "sale":
            assert not night.round().events  # the first failure
        stray.touch()
        for _ in range(2):
            with pytest.raises(UnusableError, match=r"tiene otras cosas, que se perderían \(\.DS_Store\)"):
                night.round()
        assert night.page == before and state.read(demo(night.home)).told is not None
        stray.unlink()
        found = night.round()
        assert [(each.change, each.listed.id) for each in found.events] == [told] and found.written
        assert found.events[0].faults and night.page == gone
        assert not night.round().events and "told" not in (state.folder(demo(night.home)) / "estado.json").read_text()
    assert [each["que"] for each in night.log if "difusor" in each] == ["sale", "vuelve"], "each is logged once"


def test_who_leaves_and_comes_back_before_anybody_could_be_told_is_told_of_to_nobody() -> None:
    unwritten = State(failing={"norte": Failing(failures=2, since=NOW, faults=BAD.faults)}, told={})
    found = watch.judge((NORTE, SUR), {"norte": Look(), "sur": Look()}, unwritten, NOW)
    assert found.events == () and [each.change for each in found.changes] == ["vuelve"]
    blind = watch.judge((NORTE, SUR), {"norte": BAD, "sur": BAD}, unwritten, NOW)
    assert [(each.change, each.faults) for each in blind.events] == [("sale", BAD.faults)] and blind.is_blind


def test_a_round_that_could_not_be_is_a_line_for_programs_too(capsys: pytest.CaptureFixture[str]) -> None:
    """A program heard nothing at all for as long as the list could not be written."""
    assert command._tell(UnusableError("la carpeta tiene otras cosas"), True) is False
    said = json.loads(capsys.readouterr().out)
    assert said["error"] == "la carpeta tiene otras cosas" and datetime.fromisoformat(said["at"]).tzinfo


def test_a_list_that_could_not_be_remembered_was_written_and_is_written_again(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = state.keep

    def full(election: Election, kept: State) -> None:
        if kept.page:
            raise UnusableError("no queda espacio")
        right(election, kept)

    with monkeypatch.context() as patch:
        patch.setattr(state, "keep", full)
        assert night.round().written and night.page == ["norte", "sur"]
    assert night.round().written and not night.round().written


def test_a_list_that_is_not_what_was_written_is_written_anew(night: Night) -> None:
    """Whoever altered it, or whichever other folder the watch of before had."""
    assert night.round().written and not night.round().written
    (night.home / "lista/index.html").write_text("<p>Otra lista")
    assert night.round().written and not night.round().written
    right, night.answers["norte"] = night.answers["norte"], {}
    elsewhere = replace(night.making, folder=night.home / "ensayo")
    watching.watch_once(elsewhere)
    assert watching.watch_once(elsewhere).written
    assert night.round().written and night.page == ["sur"]
    night.answers["norte"] = right


def test_a_list_whose_records_are_gone_stays(night: Night) -> None:
    """A disk that is not there, or somebody at work in the folder, empties no list on the night."""
    night.round()
    (night.home / "inventories").rename(night.home / "otra parte")
    with pytest.raises(UnusableError, match="tiene 2 difusores y por los registros de hoy saldrían 2"):
        night.round()
    assert night.page == ["norte", "sur"]


@pytest.mark.parametrize("lost", ["form", "papers", "day"])
def test_a_list_stays_whose_records_are_not_damaged_and_no_longer_put_anybody_on_it(night: Night, lost: str) -> None:
    """Another branch of the home's repository, a copy of before the papers, another polling day: an empty list."""
    night.round()
    for id in PLACES:
        folder = night.home / "inventories" / id
        if lost == "form":
            (folder / record.FILE).unlink()
        if lost == "papers":
            (folder / papers.FILE).unlink()
            shutil.rmtree(folder / papers.FOLDER)
        if lost == "day":
            kept = papers.read(folder)
            papers.write(folder, kept.dated(date(2021, 6, 6)))
    with pytest.raises(UnusableError, match=r"tiene 2 difusores y por los registros de hoy saldrían 2, como .* \("):
        night.round()
    assert night.page == ["norte", "sur"]


def test_who_leaves_the_list_by_the_records_is_told(night: Night) -> None:
    """Nobody was told of one whose folder or paper was gone."""
    este = enrolled(night.home, "este")
    watched = [str(night.home / "lista"), "--key", str(night.making.key), "--ca", str(night.making.authority)]

    def told() -> str:
        how = ["--watch", "--times", "1", "--dns", *night.making.servers]
        done = CliRunner().invoke(command_of(command), [*watched, *how])
        return " ".join(done.output.split())

    assert "sale de la lista" not in told() and night.page == ["este", "norte", "sur"]
    kept = papers.read(este)
    papers.write(este, kept.model_copy(update={"filed": kept.filed[:1]}))
    assert "✗ este sale de la lista: falta la carta compromiso (ANEXO 3)" in told() and night.page == ["norte", "sur"]
    said = next(each for each in night.log if each["que"] == "sale")
    assert said["difusor"] == "este" and said["motivo"][0].startswith("falta la carta"), said
    assert "sale de la lista" not in told()
    shutil.move(night.home / "inventories/sur", night.home / "otra parte")
    assert "✗ Diario Sur sale de la lista: en " in (last := told()) and "ya no hay inventario con ese nombre" in last
    assert night.page == ["norte"]


def test_who_leaves_by_the_records_is_logged_once_although_the_list_cannot_be_written(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled(night.home, "este")
    night.round()
    shutil.rmtree(night.home / "inventories/este")

    def full(*_: object) -> None:
        raise UnusableError("no queda espacio")

    with monkeypatch.context() as patch:
        patch.setattr(watching, "write", full)
        for _ in range(2):
            with pytest.raises(UnusableError, match="no queda espacio"):
                night.round()
    night.round()
    assert [each["difusor"] for each in night.log if each["que"] == "sale"] == ["Diario Este"]


def test_who_is_revoked_while_the_watch_looks_is_not_put_back(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is who came meanwhile left out: the clerk's list, which is newer than the look, is right."""
    right = watching.look_all

    def meanwhile(listed: Sequence[Listed], how: How) -> dict[str, Look]:
        found = right(listed, how)
        folder = night.home / "inventories/norte"
        (folder / "group_vars/norte").mkdir(parents=True)
        revocation.revoke(folder, revocation.Order(by="Pleno", reason="alteró los resultados"))
        enrolled(night.home, "oeste")
        making.make(night.making)
        return found

    monkeypatch.setattr(watching, "look_all", meanwhile)
    assert [each.id for each in night.round().shown] == night.page == ["oeste", "sur"]


def test_a_list_that_does_not_end_holds_the_watch_up_only_so_long(
    home: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be suspended, or ask for a passphrase at a terminal that somebody has left."""
    monkeypatch.setattr(state, "PATIENCE", 0.05)
    told = "otro «list» de esta máquina no termina de escribir la lista en 0 segundos"
    with state.turn(demo(home)):
        for wait in (watching.watch_once, making.make):
            with pytest.raises(UnusableError, match=told):
                wait(Making("demo", home / "lista", key))
    assert making.make(Making("demo", home / "lista", key)).written


def test_the_watch_signs_without_asking_anybody_and_knows_at_its_start_whether_it_can(night: Night, key: Path) -> None:
    """Whoever started it has gone home, and each round would wait for him."""
    own = Path(shutil.copy(key, night.home / "llave"))
    running = watching.rounds(replace(night.making, key=own), 0, 2)
    assert isinstance(next(running), Made)
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "una frase", "-f", own], check=True, capture_output=True)
    (night.home / "lista/index.html").unlink()
    told = next(running)
    assert isinstance(told, UnusableError) and "no se pudo pedir su frase" in str(told)
    assert next(running, None) is None
    making.make(night.making)
    with pytest.raises(UnusableError, match="no se pudo pedir su frase"):
        next(watching.rounds(replace(night.making, key=own), 0, 1))


def test_a_second_watch_of_an_election_is_refused(night: Night) -> None:
    """Two would count one failure twice, and a page that failed for a second would be out."""
    first = watching.rounds(night.making, 0, 2)
    next(first)
    with pytest.raises(UnusableError, match=r"ya se vigila la lista de demo en esta máquina \(proceso \d+\)"):
        next(watching.rounds(night.making, 0, 1))
    first.close()
    assert isinstance(next(watching.rounds(night.making, 0, 1)), Made)


def test_a_page_that_nobody_foresaw_is_at_fault_alone(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    right = certificate.look

    def stumbles(name: str, *more: Any) -> Certificate:
        if "norte" in name:
            raise OverflowError("year 0")
        return right(name, *more)

    monkeypatch.setattr(certificate, "look", stumbles)
    found = night.round().looks
    assert found["sur"] == Look() and found["norte"].faults[0].startswith("no se pudo mirar (OverflowError: year 0)")
    running = watching.rounds(night.making, 0, 2)
    next(running)
    monkeypatch.setattr(watching, "look_all", stumbles)
    told = next(running)
    assert isinstance(told, UnusableError) and "falló este programa" in str(told)


def test_a_watch_whose_machine_has_no_room_says_so_and_leaves_the_list(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It said every minute that this program had fallen, and to call whoever maintains it."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/tmp/corte-x.sig")

    running = watching.rounds(night.making, 0, 3)
    assert isinstance(next(running), Made)
    before = (night.home / "lista/lista.json.sig").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "NamedTemporaryFile", full)
        told = next(running)
    assert str(told) == "no se pudo comprobar la lista: se llenó el disco; corríjalo aquí y repita"
    assert (night.home / "lista/lista.json.sig").read_bytes() == before
    assert isinstance(next(running), Made)


def test_a_watch_goes_on_after_a_round_that_could_not_be(night: Night) -> None:
    """What prevents the first round is the operator's to mend; what prevents a later one may mend itself."""
    rounds = watching.rounds(night.making, 0, 3)
    assert isinstance(next(rounds), Made)
    path = night.home / "elections/demo.yml"
    right = path.read_text()
    path.write_text("{")
    assert isinstance(next(rounds), UnusableError)
    path.write_text(right)
    assert isinstance(next(rounds), Made) and next(rounds, None) is None
    path.write_text("{")
    with pytest.raises(UnusableError):
        next(watching.rounds(night.making, 0, 1))


@pytest.mark.parametrize(
    ("rounds", "out"),
    [("xx", ["norte"]), ("x", []), ("x.x", []), ("xx.", []), ("xx.x", []), ("xxxx", ["norte"])],
)
def test_two_failures_in_a_row_count_and_one_success_forgets_them(rounds: str, out: list[str]) -> None:
    kept = State()
    for number, each in enumerate(rounds):
        found = {"norte": BAD if each == "x" else Look(), "sur": Look()}
        kept = watch.judge((NORTE, SUR), found, kept, NOW + timedelta(minutes=number)).state
    assert list(kept.out) == out
    assert all(each.since == NOW for each in kept.out.values())


def test_a_page_of_which_this_machine_cannot_tell_stays_what_it_was() -> None:
    """A full disk here took good mirrors off the list, and by a look that found nothing a bad one would come back."""
    unknown, good = Look((), ("esta máquina no pudo comprobarlo",), is_unknown=True), Look()
    before = State()
    for _ in range(3):
        result = watch.judge([NORTE, SUR], {"norte": unknown, "sur": good}, before, NOW)
        before = result.state
    assert not result.events and not before.failing and len(result.shown) == 2
    for found in (BAD, BAD, unknown):
        result = watch.judge([NORTE, SUR], {"norte": found, "sur": good}, before, NOW)
        before = result.state
    assert list(before.out) == ["norte"] and before.failing["norte"].failures == 2 and not result.events
    assert watch.judge([NORTE, SUR], {"norte": unknown, "sur": BAD}, before, NOW).is_blind


def test_a_machine_that_cannot_verify_warns_of_a_page_and_accuses_it_of_nothing(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise Refusal("system", "El sistema terminó ssh-keygen antes de tiempo.")

    monkeypatch.setattr(signature, "_ssh_keygen", killed)
    found = night.look()
    assert found.is_unknown and not found.faults
    assert found.warnings[0].startswith("en IPv4 127.0.0.2: esta máquina no pudo comprobarlo: el sistema terminó")


@pytest.mark.parametrize(
    "lacking",
    [OSError(errno.EMFILE, "Too many open files"), MemoryError(), RuntimeError("can't start new thread")],
    ids=["files", "memory", "threads"],
)
@pytest.mark.parametrize(
    ("where", "name"),
    [(certificate, "look"), (certificate, "_handshake"), (Mirror, "__enter__")],
    ids=["look", "certificate", "content"],
)
def test_what_this_machine_lacks_takes_no_page_off_the_list(
    night: Night, monkeypatch: pytest.MonkeyPatch, where: object, name: str, lacking: Exception
) -> None:
    """A good one was out after two rounds in which this machine could open no more files."""

    def fails(*_: object) -> None:
        raise lacking

    monkeypatch.setattr(where, name, fails)
    how = How(load_election(night.home / "elections/demo.yml"), night.making.servers, night.making.authority)
    found = looks.look_all((NORTE,), how)["norte"]
    assert found.is_unknown and not found.faults, found
    assert "esta máquina no pudo comprobarlo: " in found.warnings[0]


def test_no_more_than_half_of_the_list_leaves_it_by_itself() -> None:
    """So many failures have one cause; and whoever comes back comes back meanwhile."""
    five = tuple(Listed(id, id, f"{id}.mx") for id in "abcde")
    kept, told = State(), []
    for failing in ("a", "a", "abcd", "abcd", "bcd", "bc", "abcde", "b"):
        found = watch.judge(five, {each.id: BAD if each.id in failing else Look() for each in five}, kept, NOW)
        kept = found.state
        told.append(("".join(kept.out), "".join(found.held), [(each.change, each.listed.id) for each in found.events]))
    assert told == [
        ("", "", []), ("a", "", [("sale", "a")]), ("a", "", []), ("a", "bcd", []), ("", "bcd", [("vuelve", "a")]),
        ("bc", "", [("sale", "b"), ("sale", "c")]), ("bc", "", []), ("b", "", [("vuelve", "c")]),
    ]  # fmt: skip


def test_a_damaged_state_is_told_and_not_forgotten(home: Path) -> None:
    state.keep(demo(home), State())
    (state.folder(demo(home)) / "estado.json").write_text("{")
    with pytest.raises(UnusableError, match="dice quién está fuera de la lista"):
        state.read(demo(home))


def test_the_verb_says_loudly_that_no_page_answers(night: Night) -> None:
    night.table.clear()
    words = [str(night.home / "lista"), "--key", str(night.making.key), "--watch", "--times", "1"]
    done = CliRunner().invoke(command_of(command), [*words, "--dns", *night.making.servers])
    assert done.exit_code == 1 and "NINGUNA página respondió bien" in done.output, done.output
    assert "norte: www.norte.com.mx no tiene direcciones en el DNS" in " ".join(done.output.split())


def test_the_watch_renews_the_list_when_half_of_its_time_is_left(night: Night) -> None:
    """And one that somebody else signed with the same names, or that does not say until when, at once."""
    at = datetime.now(UTC).replace(microsecond=0)
    night.making = replace(night.making, now=lambda: at)
    assert night.round().until == at + timedelta(hours=24)
    night.making = replace(night.making, now=lambda: at + timedelta(hours=12))
    assert not night.round().written
    night.making = replace(night.making, now=lambda: at + timedelta(hours=12, seconds=1))
    assert night.round().until == at + timedelta(hours=36, seconds=1)
    raw = (night.home / "lista/lista.json").read_bytes()
    armour = signature.sign(raw, make_key(night.home, "ajena"), "demo", "lista")
    (night.home / "lista/lista.json.sig").write_bytes(armour)
    assert night.round().written


def test_a_list_signed_while_the_clock_was_ahead_is_signed_anew(night: Night) -> None:
    """Whoever checks it refuses it as one of the future; by some minutes clocks may differ."""
    at, second = datetime.now(UTC).replace(microsecond=0), timedelta(seconds=1)
    written = []
    for now in (at + checking.AHEAD + second, at + second, at):
        night.making = replace(night.making, now=partial(datetime.astimezone, now, UTC))
        written.append(night.round().written)
    assert written == [True, False, True] and checking.read(night.home / "lista").made == at


@pytest.mark.parametrize("since", ["2024-06-03T03:31:00Z", "9999-12-31T23:59:59Z"])
def test_a_page_that_was_left_behind_by_what_another_machine_published_is_at_fault(
    night: Night, key: Path, monkeypatch: pytest.MonkeyPatch, since: str
) -> None:
    """This machine had published nothing, and kept on the list who showed the corte before, or none.

    As long as a mirror whose clock is ahead was the only one with the corte, it was due nowhere until its clock's hour.
    """
    monkeypatch.setattr(age, "GRACE", timedelta(minutes=-1))
    election, folder = load_election(night.home / "elections/demo.yml"), night.home / "nueve"
    write_files(folder, {**FILES, "datos/corte.json": b'{"secuencia": 9, "corte": "2024-06-03T03:30:00Z"}'})
    before = manifest.read(night.answers["norte"]["/prep/corte.json"][1])
    with monkeypatch.context() as later:
        later.setattr(signing.instants, "now", lambda: before.generated + timedelta(seconds=1))
        signed = signing.sign(folder, election, key)
    shown = {"manifest_sha256": signed.sha256, "since": since}
    status = {"shown": shown, "gate": {"state": "open"}}
    files = {f"/prep/{path.relative_to(folder)}": path for path in folder.rglob("*") if path.is_file()}
    night.answers["sur"] = {name: (200, path.read_bytes()) for name, path in files.items()}
    night.answers["sur"][PATH] = (200, json.dumps(status).encode())
    found = looks.look_all((NORTE, SUR), How(election, night.making.servers, night.making.authority))
    assert found["sur"] == Look() and len(found["norte"].faults) == 1
    assert found["norte"].faults[0].endswith("; lo muestra otro espejo, y en esta máquina no consta")


def test_ctrl_c_does_not_wait_for_the_pages_whose_turn_has_not_come(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six are looked at together, for ten seconds each: forty slow ones held the terminal for minutes."""
    told: list[bool] = []

    def visit(listed: Listed, how: How) -> tuple[Names, list[_There]]:
        if listed is SUR:
            raise KeyboardInterrupt
        told.append(stopping.STOPPED.wait(60))
        return Names("", ()), []

    monkeypatch.setattr(looks, "_visit", visit)
    how = How(load_election(night.home / "elections/demo.yml"), night.making.servers, night.making.authority)
    with pytest.raises(KeyboardInterrupt):
        looks.look_all([SUR, *[NORTE] * 8], how)
    assert told == [True] * 8 and not stopping.STOPPED.is_set()
