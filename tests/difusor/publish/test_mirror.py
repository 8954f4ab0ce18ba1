"""How the institute reads a mirror's estado.json, whatever that holds, and which answer counts."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
import tracemalloc
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from publish_kit import answer, make_target, without_end

from corte.format import instants
from corte.format.manifest import Window
from difusor.inventory import load_election
from difusor.publish import deliver, mirror, signing
from difusor.publish.deliver import Options
from difusor.publish.signing import SignedCorte
from difusor.publish.trouble import PROXIES


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"\xff", b"[" * 100_000, b'{"last_attempt": []}', b'{"last_attempt": {"number": "9"}}',
        b'{"shown": "x"}', b'{"shown": {"manifest_sha256": []}}', b'{"gate": {"hold": 1}}',
        without_end(b" " * 9999),
    ],
    ids=lambda content: str(content)[:40],
)  # fmt: skip
def test_an_answer_of_another_form_counts_as_none(
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


def test_no_proxy_is_asked_for_a_mirror(election: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may keep the corte of before, and answer for a mirror that is down."""
    with socket.create_server(("127.0.0.1", 0)) as proxy, socket.create_server(("127.0.0.1", 0)) as own:
        for name in (*PROXIES, "http_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.setattr(mirror, "TIMEOUT", 3.0)
        with mirror.Mirror(make_target(election)) as asked:
            asked.url = f"https://127.0.0.1:{own.getsockname()[1]}/"
            assert asked.status() is None
        for each in (proxy, own):
            each.setblocking(False)
        own.accept()[0].close()
        with pytest.raises(BlockingIOError):
            proxy.accept()


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n"], ids=["headers", "body"])
def test_an_answer_that_drips_is_given_up(election: Path, monkeypatch: pytest.MonkeyPatch, start: bytes):
    monkeypatch.setattr(mirror, "TIMEOUT", 3.0)

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
        ({"last_attempt": {"manifest_sha256": "this", "number": 6, "result": "refused"}}, "refused"),  # by 0.1.0
        ({"last_attempt": refusal_of("this", "other", 6), "shown": {"manifest_sha256": "this"}}, "shown"),
    ],
)
def test_only_the_answer_to_this_push_counts(signed: SignedCorte, status: dict[str, Any], word: str):
    """Two who publish at once can have the signature of one beside the manifest of the other: that is refused."""
    text = json.dumps(status).replace('"manifest_sha256": "this"', f'"manifest_sha256": "{signed.sha256}"')
    said = json.loads(text.replace('"signature_sha256": "this"', f'"signature_sha256": "{signed.signature_sha256}"'))
    assert mirror.word_on(said, signed, after=5) == word


def attempt_at(sha256: str, number: int, times: int, result: str = "repeated") -> dict[str, Any]:
    return {"manifest_sha256": sha256, "number": number, "times": times, "result": result}


@pytest.mark.parametrize("word", ["shown", "held"])
@pytest.mark.parametrize(
    ("number", "times", "is_answered"), [(5, 1, False), (5, 2, True), (6, 1, True)], ids=["dead", "counted", "newer"]
)
def test_a_mirror_that_had_the_corte_has_to_answer_the_push_that_repeats_it(
    signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch, word: str, number: int, times: int,
    is_answered: bool,
):  # fmt: skip
    """Its page shows the corte although nothing takes in what is pushed; a server counts repetitions in `times`."""
    corte = {"manifest_sha256": signed.sha256, "corte": "2024-06-03T03:10:00Z", "since": "2024-06-03T03:11:00Z"}
    before = {word: corte, "last_attempt": attempt_at(signed.sha256, 5, 1)}
    said = [before, {**before, "last_attempt": attempt_at(signed.sha256, number, times)}]
    monkeypatch.setattr(mirror.Mirror, "status", lambda self: said.pop(0) if len(said) > 1 else said[0])
    monkeypatch.setattr(deliver, "push", lambda *_: 10)
    outcome = deliver.deliver(signed, make_target(election), Options(wait=0))
    assert (outcome.result, outcome.good) == ((word, True) if is_answered else ("silent", False))
    assert outcome.detail.startswith("ya lo tenía; " if is_answered else "ya tenía este corte y no dice qué hizo")


def test_a_repeated_push_that_is_refused_as_the_one_before_is_refused(
    signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch
):
    """The server counts it under the same number; it was told as without an answer, after all the time to wait."""
    refused = {**refusal_of(signed.sha256, signed.signature_sha256, 5), "code": "disk"}
    said = [{"last_attempt": {**refused, "times": times}} for times in (1, 2)]
    monkeypatch.setattr(mirror.Mirror, "status", lambda self: said.pop(0) if len(said) > 1 else said[0])
    monkeypatch.setattr(deliver, "push", lambda *_: 10)
    assert deliver.deliver(signed, make_target(election), Options(wait=0)).result == "refused"


def test_a_refusal_by_a_server_of_an_earlier_version_is_told_with_what_to_do(
    signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch
):
    """Version 0.1.0 names no signature: its refusal was told after a minute, as no answer at all."""
    reason = "El manifiesto no lleva exactamente sus claves."
    attempt = {
        "number": 6, "at": "2024-06-03T03:12:00Z", "result": "refused", "sequence": None, "reason": reason,
        "manifest_sha256": signed.sha256, "code": "manifest", "warnings": [], "times": 1,
    }  # fmt: skip
    gate = {"state": "open", "hold": None, "clock_override": False}
    said = [{"gate": gate, "last_attempt": None}, {"gate": gate, "last_attempt": attempt}]
    monkeypatch.setattr(mirror.Mirror, "status", lambda self: said.pop(0) if len(said) > 1 else said[0])
    monkeypatch.setattr(deliver, "push", lambda *_: 10)
    outcome = deliver.deliver(signed, make_target(election), Options(wait=0))
    assert outcome.result == "refused" and outcome.detail.startswith(reason)
    assert "tiene una versión anterior del proyecto" in outcome.detail and "./difusor apply -i X" in outcome.detail


def say_once_pushed(monkeypatch: pytest.MonkeyPatch, said: dict[str, Any]) -> None:
    """Have the mirror say this from the push on, and nothing of a corte before."""
    pushed: list[object] = []
    before = {name: value for name, value in said.items() if name not in ("shown", "held")}
    monkeypatch.setattr(mirror.Mirror, "status", lambda self: said if pushed else before)
    monkeypatch.setattr(deliver, "push", lambda *_: pushed.append(_) or 10)


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


def test_a_page_that_only_its_clock_keeps_shut_is_not_said_to_open_in_the_past(
    signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch
):
    said = {
        "held": {"manifest_sha256": signed.sha256},
        "gate": {"state": "unsynchronised", "opens": "2024-06-03T02:00:00Z"},
    }
    say_once_pushed(monkeypatch, said)
    outcome = deliver.deliver(signed, make_target(election), Options(wait=1))
    assert (outcome.result, outcome.good) == ("shut", False), "citizens see no results there, and nobody would know"
    assert "reloj no está sincronizado" in outcome.detail
    assert "systemctl restart chrony" in outcome.detail, "chrony would slew a known difference away for hours"


@pytest.mark.parametrize("synchronised", [True, False])
def test_a_page_that_a_slow_clock_keeps_shut_after_the_opening_is_said_to_be_shut(
    signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch, synchronised: bool
):
    """It was said to be held until an instant that was over, and the run ended well."""
    said = {
        "held": {"manifest_sha256": signed.sha256},
        "gate": {"state": "waiting", "opens": "2024-06-03T02:00:00Z"},
        "clock": {"synchronised": synchronised},
    }
    monkeypatch.setattr(mirror, "BEHIND", 0.1)
    say_once_pushed(monkeypatch, said)
    monkeypatch.setattr(signing, "check_sendable", lambda *_: None)  # as of the corte of zeros
    outcome = deliver.deliver(signed, make_target(election), Options(wait=60 if synchronised else 1))
    assert (outcome.result, outcome.good) == ("shut", False)
    assert "el del espejo va detrás" in outcome.detail and "abre" not in outcome.detail


def test_before_the_opening_a_page_that_waits_is_held(
    tree: Path, election: Path, key: Path, monkeypatch: pytest.MonkeyPatch
):
    now = instants.now().replace(microsecond=0)
    decided = load_election(election).within(Window(now + timedelta(hours=1), *[now + timedelta(hours=2)] * 2))
    signed = signing.sign(tree, decided, key, 1, now)
    said = {
        "held": {"manifest_sha256": signed.sha256},
        "gate": {"state": "waiting", "opens": instants.write(decided.window.opens)},
        "clock": {"synchronised": True},
    }
    say_once_pushed(monkeypatch, said)
    monkeypatch.setattr(signing, "check_sendable", lambda *_: None)
    outcome = deliver.deliver(signed, replace(make_target(election), election=decided), Options(wait=60))
    assert (outcome.result, outcome.good) == ("held", True) and outcome.detail.startswith("abre 20")


def test_a_page_that_opens_while_it_is_waited_for_is_not_said_to_be_shut(
    signed: SignedCorte, election: Path, monkeypatch: pytest.MonkeyPatch
):
    """Chrony confirms the time some seconds after a server was started."""
    corte = {"manifest_sha256": signed.sha256, "corte": "2024-06-03T03:10:00Z", "since": "2024-06-03T03:11:00Z"}
    shut, opened = {"held": corte, "gate": {"state": "unsynchronised"}}, {"shown": corte, "gate": {"state": "open"}}
    slow = {"held": corte, "gate": {"state": "waiting"}, "clock": {"synchronised": True}}
    said = [{}, shut, shut, slow, slow, opened]
    monkeypatch.setattr(mirror.Mirror, "status", lambda self: said.pop(0) if len(said) > 1 else said[0])
    monkeypatch.setattr(deliver, "push", lambda *_: 10)
    assert deliver.deliver(signed, make_target(election), Options(wait=30)).result == "shown"
