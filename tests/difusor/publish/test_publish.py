"""The institute's side: what it signs, what it pushes, and how it reads each mirror's estado.json."""

from __future__ import annotations

import gzip
import io
import json
import os
import socket
import threading
import time
import tracemalloc
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
import typer
from corte_kit import FILES, make_key, write_files
from publish_kit import SECRET, answer, make_target, without_end, write_election
from rich.console import Console
from typer.testing import CliRunner

from corte.format import limits, manifest
from corte.format.refusal import Refusal
from difusor.cli import VERBS
from difusor.commands import publish, sign, verify
from difusor.inventory import load_election
from difusor.project import UnusableError
from difusor.publish import comparison, deliver, mirror, push, seen, signing
from difusor.publish import target as targets
from difusor.publish.deliver import Options, Outcome
from difusor.publish.orders import signed_for
from difusor.publish.signing import SignedCorte
from difusor.publish.target import Target


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_key(tmp_path_factory.mktemp("keys"), "firma")


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the verbs keep what they see of mirrors in a folder of the test."""
    monkeypatch.setattr(seen, "kept_in", lambda: tmp_path / "espejos")


@pytest.fixture
def election(tmp_path: Path, key: Path) -> Path:
    return write_election(tmp_path, key)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "corte"
    identity = {"secuencia": 7, "corte": "2024-06-03T03:10:00Z"}
    write_files(folder, {**FILES, "datos/corte.json": json.dumps(identity).encode()})
    return folder


@pytest.fixture
def signed(tree: Path, election: Path, key: Path) -> SignedCorte:
    return signing.sign(tree, load_election(election), key)


def test_every_verb_has_its_function():
    assert {"sign", "verify", "publish"} <= VERBS.keys()


def test_a_tree_is_signed_under_the_elections_own_terms(signed: SignedCorte):
    document = signed.manifest
    assert (document.election, document.environment, document.sequence) == ("demo", "official", 7)
    assert document.window.opens == datetime(2024, 6, 3, 2, tzinfo=UTC)
    again, fingerprint = signing.verify(signed.folder)
    assert again == signed
    assert fingerprint.startswith("SHA256:")


def test_the_signer_is_one_of_the_elections(signed: SignedCorte, election: Path, tmp_path: Path):
    decided = load_election(election)
    assert signing.signer(signed, decided) == "firma@demo.test"
    other = signing.sign(signed.folder, decided, make_key(tmp_path, "otra"))
    with pytest.raises(Refusal, match="La firma no es de quien"):
        signing.signer(other, decided)
    with pytest.raises(Refusal, match="el difusor publica demo"):
        signing.signer(signed, decided.model_copy(update={"environment": "simulacro"}))


def test_a_revoked_key_is_noticed_at_the_institute_too(signed: SignedCorte, election: Path, key: Path):
    public = key.with_name("firma.pub").read_text()
    election.write_text(election.read_text() + f"    election_revoked_keys: ['{public.strip()}']\n")
    with pytest.raises(Refusal, match="La firma no es de quien"):
        signing.signer(signed, load_election(election))


def test_a_changed_byte_is_noticed_at_the_institute_too(signed: SignedCorte):
    path = signed.folder / "descargas/a.csv"
    path.write_bytes(path.read_bytes().swapcase())
    with pytest.raises(Refusal, match=r"a\.csv"):
        signing.verify(signed.folder)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda tree: (tree / "vacia").mkdir(),
        lambda tree: (tree / "enlace").symlink_to("/etc/passwd"),
        lambda tree: (tree / ".oculto").write_text("x"),
        lambda tree: (tree / "DATOS").mkdir() or (tree / "DATOS/corte.json").write_text("x"),
        lambda tree: (tree / "datos/copia.bak").write_text("x"),
        lambda tree: (tree / "datos/a\ufe0f.json").write_text("x"),
        lambda tree: [
            (tree / f"datos/{number}").mkdir() or (tree / f"datos/{number}/a").touch() for number in range(9)
        ],
        lambda tree: os.truncate(tree / "descargas/a.csv", 100_001),
        lambda tree: write_files(tree, {f"descargas/{number}.csv": b"" for number in range(50)}),
    ],
    ids=[
        "empty folder",
        "link",
        "hidden file",
        "twin folder",
        "type",
        "invisible",
        "folders",
        "large file",
        "manifest",
    ],
)
def test_what_no_server_would_take_is_not_signed(
    tree: Path, election: Path, key: Path, spoil: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(limits, "MAX_FOLDERS", 9)
    monkeypatch.setattr(limits, "MAX_FILE_BYTES", 100_000)
    monkeypatch.setattr(manifest, "MAX_BYTES", 5_000)
    spoil(tree)
    with pytest.raises(Refusal):
        signing.sign(tree, load_election(election), key)
    assert not signing.is_signed(tree)


def test_a_tree_that_does_not_say_which_corte_it_is(tree: Path, election: Path, key: Path):
    (tree / "datos/corte.json").write_text("[]")
    with pytest.raises(UnusableError, match="--sequence"):
        signing.sign(tree, load_election(election), key)
    instant = datetime(2024, 6, 3, 4, tzinfo=UTC)
    assert signing.sign(tree, load_election(election), key, 9, instant).manifest.sequence == 9


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda text: text.replace("    election_opens", "    election_opened"), "election_opens: falta"),
        (lambda text: text.replace("-06:00", ""), "no es un instante absoluto"),
        (lambda text: text.replace("demo\n", '"{{ lab }}"\n', 1), "depende de un inventario"),
        (lambda text: "[]", "no es el archivo de una elección"),
    ],
)
def test_an_unusable_election_says_why(election: Path, change: Any, sentence: str):
    election.write_text(change(election.read_text()))
    with pytest.raises(UnusableError, match=sentence):
        load_election(election)


def test_the_role_installs_the_same_signers(election: Path):
    line = load_election(election).allowed_signers
    assert line.startswith(
        'firma@demo.test namespaces="prep-corte@demo",valid-after="20200101000000",valid-before="20400101060000" ssh-ed'
    )


def test_the_secret_is_neither_shown_nor_an_argument(
    signed: SignedCorte, election: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    calls = fake_rsync(tmp_path, monkeypatch, "echo 'Total bytes sent: 1,234'")
    target = make_target(election)
    assert push.push(signed.folder, target, bandwidth=500) == 2468
    content, signature = calls.read_text().splitlines()
    assert SECRET not in repr(target) + content + signature
    assert "--bwlimit=500" in content and "--exclude=/corte.json.sig" in content and "--delete" in content
    assert signature.endswith(f"{manifest.SIGNATURE_NAME} rsync://impepac@10.0.0.1:873/corte/ {SECRET[:2]}")


def test_a_folder_named_by_the_hour_is_no_other_machine(
    signed: SignedCorte, election: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    calls = fake_rsync(tmp_path, monkeypatch, "")
    (tmp_path / "20:10").symlink_to(signed.folder)
    monkeypatch.chdir(tmp_path)
    push.push(Path("20:10"), make_target(election))
    assert all(f" {tmp_path}/20:10/" in line for line in calls.read_text().splitlines())


@pytest.mark.parametrize(
    ("script", "attempts", "sentence"),
    [
        ("echo '@ERROR: max connections (2) reached -- try again later' >&2; exit 5", 3, "max connections"),
        ("echo '@ERROR: auth failed on module corte' >&2; exit 5", 1, "auth failed"),
        ("echo 'rsync: The server is configured to refuse --links' >&2; exit 4", 1, "refuse"),
        ("echo 'rsync: failed to connect to 10.0.0.1: Connection refused (111)' >&2; exit 10", 3, "Connection refused"),
        ("exit 30", 3, "rsync terminó con 30"),
    ],
)
def test_only_what_may_pass_is_tried_again(
    signed: SignedCorte, election: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    script: str, attempts: int, sentence: str,
):  # fmt: skip
    calls = fake_rsync(tmp_path, monkeypatch, script)
    with pytest.raises(push.PushFailed, match=sentence):
        push.push(signed.folder, make_target(election))
    assert len(calls.read_text().splitlines()) == attempts


def test_a_transfer_that_does_not_end_is_given_up(
    signed: SignedCorte, election: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fake_rsync(tmp_path, monkeypatch, "exec sleep 30")  # pace: a transfer that hangs
    with pytest.raises(push.PushFailed, match="no terminó a tiempo"):
        push.push(signed.folder, make_target(election), limit=0.2)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"\xff", b"[" * 100_000, b'{"last_attempt": []}', b'{"last_attempt": {"number": "9"}}',
        b'{"shown": "x"}', b'{"shown": {"manifest_sha256": []}}', b'{"gate": {"hold": 1}}',
        without_end(b" " * 9999),
    ],
    ids=lambda content: str(content)[:40],
)  # fmt: skip
def test_a_mirror_that_says_something_else_is_silent(
    signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
):
    client = httpx.AsyncClient(transport=httpx.MockTransport(lambda request: answer(content)))
    monkeypatch.setattr(mirror.httpx, "AsyncClient", lambda **_: client)
    monkeypatch.setattr(deliver, "push", lambda *_: 10)
    outcome = deliver.deliver(signed, make_target(election), Options(wait=0))
    assert outcome.result == "silent" and outcome.detail


@pytest.mark.parametrize(
    ("encoding", "times"),
    [("gzip", 1), ("gzip, gzip", 2), ("br", 1), ("gzip", 0)],
    ids=["once", "twice", "other", "none"],
)
def test_what_an_answer_expands_to_is_counted_as_it_comes(
    election: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, times: int
):
    """A compressed answer of a few kilobytes can expand to gigabytes: only a piece of it is ever in memory."""
    content = b" " * (200_000_000 if times else 1000)
    for _ in range(times):
        content = gzip.compress(content, 1)
    transport = httpx.MockTransport(lambda request: answer(content, **{"Content-Encoding": encoding}))
    client = httpx.AsyncClient(transport=transport)
    monkeypatch.setattr(mirror.httpx, "AsyncClient", lambda **_: client)
    tracemalloc.start()
    with mirror.Mirror(make_target(election)) as asked:
        assert asked.status() is None and asked.problem
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n"], ids=["headers", "body"])
def test_an_answer_that_drips_is_given_up(election: Path, monkeypatch: pytest.MonkeyPatch, start: bytes):
    monkeypatch.setattr(mirror, "TIMEOUT", 0.5)

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):  # the client closes the connection
            connection.sendall(start)
            for _ in range(100):
                connection.sendall(b" ")
                time.sleep(0.1)  # pace: the answer arrives byte by byte

    with socket.create_server(("127.0.0.1", 0)) as listener, mirror.Mirror(make_target(election)) as dripped:
        dripping = threading.Thread(target=drip, args=[listener])
        dripping.start()
        dripped.url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        assert (dripped.status(), dripped.problem) == (None, "no terminó de responder a tiempo")
        dripping.join()


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


def refusal_of(manifest_sha256: str, signature_sha256: str, number: int) -> dict[str, Any]:
    """Return the last attempt of a mirror that refused it."""
    named = {"manifest_sha256": manifest_sha256, "signature_sha256": signature_sha256}
    return {**named, "number": number, "result": "refused", "reason": "No."}


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ({}, ""),
        ({"shown": None, "held": None, "last_attempt": None}, ""),
        ({"shown": {"manifest_sha256": "this"}}, "shown"),
        ({"shown": {"manifest_sha256": "other"}, "held": {"manifest_sha256": "this"}}, "held"),
        ({"last_attempt": refusal_of("this", "this", 6)}, "refused"),
        ({"last_attempt": refusal_of("this", "this", 5)}, ""),
        ({"last_attempt": refusal_of("other", "this", 6)}, ""),
        ({"last_attempt": refusal_of("this", "other", 6)}, ""),
        ({"last_attempt": refusal_of("this", "other", 6), "shown": {"manifest_sha256": "this"}}, "shown"),
    ],
)
def test_a_mirrors_word_is_about_this_push(signed: SignedCorte, status: dict[str, Any], word: str):
    """Two who publish at once can have the signature of one beside the manifest of the other: that is refused."""
    text = json.dumps(status).replace('"manifest_sha256": "this"', f'"manifest_sha256": "{signed.sha256}"')
    said = json.loads(text.replace('"signature_sha256": "this"', f'"signature_sha256": "{signed.signature_sha256}"'))
    assert mirror.word_on(said, signed, after=5) == word


@pytest.mark.parametrize(
    ("said", "result", "detail"),
    [
        ([None, 5, 5], "silent", "quizá por un envío anterior: No."),
        ([None, 5, 6], "refused", "No."),
        ([5, 5, 6], "refused", "No."),
        ([4, 5], "refused", "No."),
    ],
)
def test_an_old_refusal_is_not_the_word_on_this_push(
    signed: SignedCorte,
    election: Path,
    monkeypatch: pytest.MonkeyPatch,
    said: list[int | None],
    result: str,
    detail: str,
):
    def status(self: mirror.Mirror) -> dict[str, Any] | None:
        number = said.pop(0) if len(said) > 1 else said[0]
        return None if number is None else {"last_attempt": refusal_of(signed.sha256, signed.signature_sha256, number)}

    monkeypatch.setattr(mirror.Mirror, "status", status)
    monkeypatch.setattr(deliver, "push", lambda *_: 10)
    outcome = deliver.deliver(signed, make_target(election), Options(wait=1))
    assert outcome.result == result
    assert detail in outcome.detail


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


def test_one_difusor_that_fails_stops_no_other(signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch):
    mirror_that_says(monkeypatch, SHOWN)
    both = [make_target(election, "sur", address="caído"), make_target(election)]
    told: list[Outcome] = []
    outcomes = deliver.deliver_all(signed, both, Options(), told.append)
    assert [(outcome.difusor, outcome.result) for outcome in outcomes] == [("sur", "failed"), ("norte", "shown")]
    assert {outcome.difusor for outcome in told} == {"sur", "norte"}


@pytest.mark.parametrize("spoil", [{"certificate": "basura.pem"}, {"fqdn": "ñandú.mx"}], ids=["certificate", "name"])
def test_one_difusor_that_cannot_even_be_asked_stops_no_other(
    signed: SignedCorte, election: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: dict[str, str]
):
    mirror_that_says(monkeypatch, SHOWN)
    (tmp_path / "basura.pem").write_text("basura")
    values = {name: tmp_path / value if name == "certificate" else value for name, value in spoil.items()}
    bad = make_target(election, "sur", **values)
    outcomes = deliver.deliver_all(signed, [bad, make_target(election)], Options(), lambda _: None)
    assert [(outcome.result, bool(outcome.detail)) for outcome in outcomes] == [("failed", True), ("shown", True)]
    assert (found := comparison.compare(bad)).result == "unreachable" and found.detail


def test_one_difusor_that_is_slow_delays_no_other(signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch):
    mirror_that_says(monkeypatch, SHOWN)
    others_told = threading.Event()

    def pushed(folder: Path, target: Target, *_: object) -> int:
        assert target.address != "lento" or others_told.wait(30)
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
    app = app_of(publish)
    both = [str(signed.folder), "-i", str(tmp_path / "norte"), "-i", str(tmp_path / "sur")]
    done = CliRunner().invoke(app, [*both, "--json"])
    document = json.loads(done.stdout)
    assert (done.exit_code, document["sequence"], document["manifest_sha256"]) == (1, 7, signed.sha256)
    assert [(one["difusor"], one["result"]) for one in document["difusores"]] == [("norte", "shown"), ("sur", "failed")]
    assert CliRunner().invoke(app, [*both[:3], "--json"]).exit_code == 0


def test_a_file_that_time_and_size_did_not_tell_is_sent_again(
    signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch
):
    pushes = mirror_that_says(monkeypatch, refusal("digest"), SHOWN)
    assert deliver.deliver(signed, make_target(election), Options()).result == "shown"
    assert pushes == [False, True]


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
    found, failed = publish._read([tmp_path / "malo", tmp_path / "norte"])
    assert [target.name for target in found] == ["norte"]
    assert [(outcome.difusor, outcome.result) for outcome in failed] == [("malo", "failed")]


def test_a_tree_signed_for_another_opening_is_signed_again(signed: SignedCorte, election: Path, key: Path):
    target = make_target(election)
    moved = replace(target.election.window, opens=target.election.window.opens + timedelta(hours=1))
    later = replace(target, election=target.election.within(moved))
    assert signed_for([target], signed.folder, key) == signed
    assert signed_for([later], signed.folder, None) == signed
    assert signed_for([later], signed.folder, key).manifest.window == moved
    with pytest.raises(UnusableError, match="no está firmado"):
        (signed.folder / manifest.SIGNATURE_NAME).unlink()
        signed_for([target], signed.folder, None)


@pytest.mark.parametrize("order", ["hold", "close"])
def test_what_a_corte_orders_is_not_lost_by_signing_it_anew(tree: Path, election: Path, key: Path, order: str):
    decided = load_election(election)
    later = replace(decided.window, closes=decided.window.closes + timedelta(hours=1))
    if order == "close":
        signing.sign(tree, decided.within(later), key)
    else:
        signing.sign(tree, decided, key, orders=[order])
    (tree / manifest.SIGNATURE_NAME).write_bytes(b"x")
    with pytest.raises(UnusableError, match=rf"\({order}\).*«difusor sign»"):
        signed_for([make_target(election)], tree, key)
    (tree / "datos/corte.json").write_text(json.dumps({"secuencia": 8, "corte": "2024-06-03T03:20:00Z"}))
    assert signed_for([make_target(election)], tree, key).manifest.orders == (), "an old order was signed again"


def fake_rsync(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    """Put `script` first in PATH as rsync; return the file with its arguments and two letters of the secret."""
    calls = folder / "calls"
    (folder / "bin").mkdir()
    program = folder / "bin/rsync"
    program.write_text(f'#!/bin/sh\necho "$@" "$(echo "$RSYNC_PASSWORD" | cut -c1-2)" >>{calls}\n{script}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(push.time, "sleep", lambda seconds: None)
    return calls


def run_verb(*arguments: object) -> str:
    done = CliRunner().invoke(app_of(sign), [str(part) for part in arguments])
    assert done.exit_code == 0, done.output
    return done.output


def app_of(verb: ModuleType) -> typer.Typer:
    app = typer.Typer()
    app.command()(verb.run)
    return app


def test_a_rehearsal_is_signed_as_one_and_verified(tree: Path, election: Path, key: Path):
    told = run_verb(tree, "--election", election, "--key", key, "--simulacro")
    raw = (tree / manifest.NAME).read_bytes()
    assert manifest.read(raw).environment == "simulacro"
    assert manifest.digest(raw) in told
    done = CliRunner().invoke(app_of(verify), [str(tree)])
    assert (done.exit_code, done.stdout.strip()) == (0, manifest.digest(raw))
    official = CliRunner().invoke(app_of(verify), [str(tree), "--election", str(election)])
    assert (official.exit_code, official.stdout) == (1, "")
    (tree / "descargas/a.csv").write_bytes(b"x")
    assert CliRunner().invoke(app_of(verify), [str(tree)]).exit_code == 1


def test_the_night_s_orders_are_flags_of_sign(tree: Path, election: Path, key: Path):
    run_verb(tree, "--election", election, "--key", key, "--close", "2024-06-03T21:00:00-06:00", "--hold")
    document = manifest.read((tree / manifest.NAME).read_bytes())
    assert document.orders == ("hold",)
    assert document.window.closes == datetime(2024, 6, 4, 3, tzinfo=UTC)
    assert document.window.opens == datetime(2024, 6, 3, 2, tzinfo=UTC)
    run_verb(
        tree, "--election", election, "--key", key, "--close", "2024-07-01T00:00:00Z", "--resume", "--rectification"
    )
    document = manifest.read((tree / manifest.NAME).read_bytes())
    assert document.orders == ("rectification", "resume")
    assert document.window.retain_until == document.window.closes


@pytest.mark.parametrize("flags", [("--hold", "--resume"), ("--close", "2024-06-01T00:00:00Z")])
def test_an_order_that_makes_no_sense_is_not_signed(tree: Path, election: Path, key: Path, flags: tuple[str, ...]):
    arguments = [str(part) for part in (tree, "--election", election, "--key", key, *flags)]
    assert CliRunner().invoke(app_of(sign), arguments).exit_code == 1
    assert not signing.is_signed(tree)
