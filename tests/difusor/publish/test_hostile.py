"""What a hostile mirror may do to the institute's machine while it delivers: neither memory, nor time, nor terminal.

The daemon is real as far as rsync can tell: rsync itself is the client, over loopback.
"""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import hostile_kit
import httpx
import pytest
from click.testing import CliRunner
from corte_kit import FILES, write_files
from hostile_kit import Attack, message
from publish_kit import answer, command_of, make_target, without_end, write_election

from corte.format import instants
from difusor.commands import publish
from difusor.inventory import load_election
from difusor.publish import deliver, mirror, push, signing, target
from difusor.servers import child

WORDS = b"\x1b]0;publicado\x07\x1b[2J\xe2\x80\xae" + b"x" * 500
FLOODS = {
    "greeting": (False, hostile_kit.for_ever(WORDS + b"\n")),
    "words": (True, hostile_kit.for_ever(message(hostile_kit.INFO, WORDS + b"\n") * 100)),
    "errors": (True, hostile_kit.for_ever(message(hostile_kit.ERROR, WORDS + b"\n") * 100)),
}
Push = Callable[[Attack, bool, float], str]


@pytest.fixture
def election(tmp_path: Path, key: Path) -> Path:
    """Return an election's file, beside a folder to publish."""
    write_files(tmp_path / "corte", {**FILES, "a": b"x" * 5000})
    return write_election(tmp_path, key)


@pytest.fixture
def refused_push(election: Path, tmp_path: Path) -> Push:
    """Push a folder to a daemon that attacks; return why it failed."""

    def run(attack: Attack, admits: bool, limit: float) -> str:
        with hostile_kit.daemon(attack, admits) as port, pytest.raises(push.PushFailed) as failed:
            push.push(tmp_path / "corte", make_target(election, address="127.0.0.1", port=port), limit=limit)
        return str(failed.value)

    return run


@contextmanager
def measured(seconds: float, own_bytes: int) -> Iterator[None]:
    """Check that what is done inside takes at most so long, and so much memory of this process."""
    started = time.monotonic()
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < own_bytes
    finally:
        tracemalloc.stop()
    assert time.monotonic() - started < seconds


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_of_messages_takes_neither_memory_nor_time(refused_push: Push, flood: str):
    admits, attack = FLOODS[flood]
    with measured(seconds=120, own_bytes=8 * push.OUTPUT_BYTES):
        reason = refused_push(attack, admits, 300)
    assert "mensajes sin fin" in reason


def test_a_mirror_that_only_keeps_the_connection_alive_is_given_up(refused_push: Push):
    def attack(connection: socket.socket) -> None:
        while True:
            connection.sendall(message(hostile_kit.NOTHING))
            time.sleep(0.1)  # pace: a connection that is kept alive

    with measured(seconds=120, own_bytes=8 * push.OUTPUT_BYTES):
        assert "no terminó a tiempo" in refused_push(attack, True, 1)


@pytest.mark.timing("rsync works for three seconds of the twenty, which others can take from it")
def test_rsync_itself_takes_no_more_memory_than_it_may(refused_push: Push):
    """The mirror claims twenty million blocks of a file, for each of which rsync would keep forty bytes.

    The kernel refuses rsync what is beyond its limit, and rsync says so.
    """
    with measured(seconds=20, own_bytes=8 * push.OUTPUT_BYTES):
        assert "más memoria que la permitida" in refused_push(hostile_kit.sums_of(20_000_000), True, 4)


@pytest.mark.parametrize(
    ("start", "endless"),
    [(gzip.compress(b"{}"), b"x" * 65536), (gzip.compress(b"")[:10], b"\0\0\0\xff\xff" * 10_000)],
    ids=["after their end", "that expand to nothing"],
)
def test_compressed_bytes_without_content_are_not_taken(
    election: Path, monkeypatch: pytest.MonkeyPatch, start: bytes, endless: bytes
):
    async def content() -> AsyncIterator[bytes]:
        yield start
        async for piece in without_end(endless):
            yield piece

    transport = httpx.MockTransport(lambda _: answer(content(), **{"Content-Encoding": "gzip"}))
    client = httpx.AsyncClient(transport=transport)
    monkeypatch.setattr(mirror.httpx, "AsyncClient", lambda **_: client)
    monkeypatch.setattr(mirror, "TIMEOUT", 120)
    with measured(seconds=mirror.TIMEOUT, own_bytes=20_000_000), mirror.Mirror(make_target(election)) as asked:
        assert asked.status() is None and "más bytes" in asked.problem


def test_what_a_mirror_says_reaches_no_terminal_as_it_is(
    election: Path, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """In the table and with --json: control characters, other directions of writing, halves of a surrogate pair."""
    signed = signing.sign(tmp_path / "corte", load_election(election), key, 7, instants.now())
    acting = "\x1b[2J\x9b2J\r\u202e\u2066\ud800\u2028"
    named = {"manifest_sha256": signed.sha256, "signature_sha256": signed.signature_sha256}
    attempt = {**named, "number": 1, "result": "refused", "reason": f"No {acting}[green]sí[/]" + "x" * 100_000}
    said: list[bytes] = []
    transport = httpx.MockTransport(lambda _: answer(said.pop(0)))
    monkeypatch.setattr(mirror.httpx, "AsyncClient", partial(httpx.AsyncClient, transport=transport))
    monkeypatch.setattr(deliver, "push", lambda *_: 10)
    monkeypatch.setattr(target, "read", lambda _: [make_target(election)])
    for form in ([], ["--json"]):
        said += [b"{}", json.dumps({"last_attempt": attempt}).encode()]
        done = CliRunner().invoke(command_of(publish), [str(signed.folder), "-i", str(tmp_path), *form])
        assert (done.exit_code, type(done.exception)) == (1, SystemExit)
        assert not set(acting) & set(done.stdout) - set("[2J")
        assert len(done.stdout) < 5000
    assert "[green]sí[/]" in json.loads(done.stdout)["difusores"][0]["detail"]


@pytest.mark.parametrize(
    ("start", "endless"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1000),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x" * 65536),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1;" + b"x" * 65536),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n" * 1000),
        (b"HTTP/1.1 200 OK\r\n\r\n", b" " * 65536),
    ],
    ids=["headers", "one header", "answers before the answer", "a chunk's name", "headers at the end", "content"],
)
def test_an_answer_without_end_takes_neither_memory_nor_time(
    election: Path, monkeypatch: pytest.MonkeyPatch, start: bytes, endless: bytes
):
    monkeypatch.setattr(mirror, "TIMEOUT", 1)

    def flood(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):  # the client closes the connection
            connection.sendall(start)
            hostile_kit.for_ever(endless)(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        flooding = threading.Thread(target=flood, args=[listener])
        flooding.start()
        with measured(seconds=120, own_bytes=20_000_000), mirror.Mirror(make_target(election)) as asked:
            asked.url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            assert asked.status() is None and asked.problem
        flooding.join()


def test_a_mirror_cannot_send_the_publisher_elsewhere(election: Path, monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []
    moved = {"Location": "http://169.254.169.254/"}
    transport = httpx.MockTransport(lambda request: asked.append(str(request.url)) or answer(b"", 302, **moved))
    monkeypatch.setattr(mirror.httpx, "AsyncClient", partial(httpx.AsyncClient, transport=transport))
    with mirror.Mirror(make_target(election)) as opened:
        assert opened.status() is None and opened.problem == "estado.json responde 302"
        assert asked == [opened.url]


def test_an_interrupted_run_leaves_no_transfer_behind(election: Path, monkeypatch: pytest.MonkeyPatch):
    """The terminal's Ctrl-C does not reach the transfers, because each has a process group of its own."""
    ended: list[int] = []

    def delivered(signed: object, target: target.Target, options: object) -> deliver.Outcome:
        while target.name == "sur" and len(ended) < 2:  # the delivery tries again
            ended.append(child.run(["sleep", "300"], child.Bounds(250)).status)  # pace: a transfer that hangs
        return deliver.Outcome(target.name, "shown", "", 0, 0.0)

    def interrupt(_: deliver.Outcome) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(deliver, "deliver", delivered)
    both = [make_target(election), make_target(election, "sur")]
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        deliver.deliver_all(None, both, deliver.Options(), interrupt)
    assert ended == [-9, -9] and time.monotonic() - started < 120
