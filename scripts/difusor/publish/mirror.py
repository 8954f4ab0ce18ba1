"""Asks a mirror for its estado.json until the mirror shows a corte or says why not."""

from __future__ import annotations

import asyncio
import json
import math
import secrets
import ssl
import time
import zlib
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from corte.format import instants, signature
from corte.format.standing import Standing
from difusor.inventory import Election
from difusor.publish import trust
from difusor.publish.signing import SignedCorte
from difusor.publish.stopping import LOOK_EVERY, STOPPED, TOLD
from difusor.publish.target import Target
from difusor.publish.trouble import trouble
from difusor.servers import certificate

PATH = "/.well-known/prep/estado.json"
EVERY = 0.05
"""Seconds between two requests at first; later a tenth of the time waited so far."""
BEHIND = 5.0
"""Seconds for which a mirror is waited for whose clock is behind this machine's at the opening; good clocks agree."""
OTHERS = (
    "no admite a los mismos firmantes que la elección de esta máquina: si aquí está al día, ./difusor signers -i X; si "
    "cambió en otra máquina, traiga antes de allá la elección"
)
TIMEOUT = 5.0
"""Seconds that a connection may stay silent; also the limit for receiving the whole of estado.json."""
MAX_BYTES = 256 * 1024
PIECE_BYTES = 256 * 1024
"""How many bytes of an answer's content are in memory at once, at most."""
MOST_BYTES = 64 * 1024 * 1024
"""How much of an answer that is wanted as a whole is kept."""
VISITORS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0",
)
"""What most citizens' browsers say they are; each mirror is asked as one of them, drawn by lot.

By a name of its own a mirror could show this machine one corte and everybody else another; and what stands in front of
some pages refuses whatever says that it is a program.
"""
_OF_THE_WIRE = ("content-encoding", "content-length", "transfer-encoding")
"""Headers that say how the content came, and no longer hold once it is decompressed."""
_TEXT = {
    name: str
    for name in ("corte", "since", "manifest_sha256", "signature_sha256", "opens", "state", "result", "code", "reason")
}
_SHAPE = {
    "shown": _TEXT,
    "held": _TEXT,
    "other_opening": {**_TEXT, "sequence": int},
    "last_attempt": {**_TEXT, "number": int, "times": int},
    "gate": {**_TEXT, "hold": _TEXT},
    "clock": {"synchronised": bool},
    "standing": {"withdrawn": list},
    "log": {"entries": int, "head": str, "segments": int},
    "trust_sha256": str,
}
"""The part of estado.json that is used here. Any value may be missing or null, but not of another type."""


class Mirror:
    """A difusor's public pages, requested at its server's own address under its public name."""

    deadline = math.inf
    """The end of the time for all requests together, by the monotonic clock."""
    distrust = ""
    """Why a browser would not accept the server's certificate, once a forgiving mirror has found that out."""

    def __init__(self, target: Target, authority: Path | None = None, forgiving: bool = False) -> None:
        """Take the server to ask, and a certificate authority to trust instead of the public ones.

        With `forgiving`, a server whose certificate a browser would not accept is asked all the same, and `distrust`
        says why a browser would not; else each request ends with UntrustedError.
        """
        host = f"[{target.address}]" if ":" in target.address else target.address
        self.url = str(httpx.URL(f"https://{host}:{certificate.PORT}{PATH}"))
        self.target, self.forgiving, self.visitor = target, forgiving, secrets.choice(VISITORS)
        self.client = self._client(target.tls(authority))
        self.extensions = {"sni_hostname": target.fqdn}
        self.problem = ""
        self.asked = instants.now()
        """When the last estado.json that arrived was requested."""

    def __enter__(self) -> Mirror:
        """Open a client that keeps its connection for further requests."""
        self._runner = asyncio.Runner()  # a task, unlike a thread, can be stopped at an endless answer
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self._runner.run(self.client.aclose())
        self._runner.close()

    def get(self, url: str) -> httpx.Response:
        """Return a whole answer with its content, decompressed; httpx.HTTPError when it does not come in time.

        Of more than MOST_BYTES only the beginning is returned.
        """
        content = bytearray()
        answer = self.hand(url, _into(content, MOST_BYTES))
        headers = [pair for pair in answer.headers.multi_items() if pair[0] not in _OF_THE_WIRE]
        return httpx.Response(answer.status_code, headers=headers, content=bytes(content))

    def hand(
        self,
        url: str,
        take: Callable[[bytes], object],
        seconds: float = math.inf,
        method: str = "GET",
        **headers: str,
    ) -> httpx.Response:
        """Pass an answer's content to `take`, piece by piece until `take` returns true; return its status and headers.

        `headers`, those of the request, have the names of httpx with `_` for `-`. Without another `Accept_Encoding`,
        gzip is asked for. httpx.HTTPError when there is no answer, or it has not ended after so many seconds, however
        steadily it drips.
        """
        asked = {"Accept-Encoding": "gzip", **{name.replace("_", "-"): value for name, value in headers.items()}}
        try:
            return self._in_time(self._hand(method, url, take, asked), seconds)
        except httpx.ConnectError as error:
            reason = trust.reason(error)
            if not reason or self.distrust:
                raise
            if not self.forgiving:
                raise trust.UntrustedError(reason) from error
            self.distrust, refused = reason, self.client
            self.client = self._client(self.target.own_tls())
            self._runner.run(refused.aclose())
            return self._in_time(self._hand(method, url, take, asked), seconds)

    def read(self, url: str, limit: int, seconds: float = math.inf, **headers: str) -> tuple[int, bytes]:
        """Return an answer's HTTP status and content; of more than `limit` bytes only the beginning."""
        content = bytearray()
        return self.hand(url, _into(content, limit), seconds, **headers).status_code, bytes(content)

    def status(self) -> dict[str, Any] | None:
        """Return estado.json, or None when the answer is missing or malformed (`problem` then says why)."""
        self.problem, asked = "", instants.now()
        try:
            status = parsed(*self.read(self.url, MAX_BYTES, TIMEOUT))
            self.asked = asked
            return status
        except (httpx.HTTPError, ValueError, RecursionError) as error:
            self.problem = trouble(error)
            return None

    def await_opening(self, opens: datetime) -> dict[str, Any] | None:
        """Return what `status` does; if an opening has come that the mirror waits for, ask for a few seconds first."""
        started = time.monotonic()
        while True:
            status = self.status()
            waited = time.monotonic() - started
            if waited >= BEHIND or not is_behind(status, opens) or STOPPED.wait(max(EVERY, waited / 10)):
                return status

    def await_word(
        self, signed: SignedCorte, after: int | None, seconds: float, before: dict[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """Ask until estado.json tells the result of a push of this corte, in an attempt numbered above `after`.

        With `after` None the earlier attempts are unknown; a refusal then counts only once a newer one follows.
        `before` is the estado.json of before the push: a mirror that had the corte already has to answer this push too,
        and a refusal that it only counts once more, under the same number, is an answer.
        A mirror that only its clock keeps shut is waited for: chrony may be about to confirm it. Only for a few seconds
        if chrony has confirmed it, and it is behind this machine's.
        Returns (shown, held, shut, withdrawn, refused or silent, the last estado.json).
        """
        started = time.monotonic()
        status: dict[str, Any] = {}
        word = ""
        while True:
            status = self.status() or status
            if status:
                after = last_number(status) if after is None else after
                word = word_on(status, signed, after, before)
                is_late = is_shut(status) or is_behind(status, signed.manifest.window.opens)
                word = "shut" if word == "held" and is_late else word
                if word not in ("", "shut"):
                    return word, status
            waited = time.monotonic() - started
            is_over = waited >= (min(BEHIND, seconds) if word and waits(status) else seconds)
            if is_over or STOPPED.wait(max(EVERY, waited / 10)):
                return word or "silent", status

    def _client(self, tls: ssl.SSLContext) -> httpx.AsyncClient:
        headers = {"Host": self.target.fqdn, "User-Agent": self.visitor, "Accept-Language": "es-MX,es;q=0.9"}
        return httpx.AsyncClient(verify=tls, timeout=TIMEOUT, headers=headers, trust_env=False)

    async def _hand(
        self, method: str, url: str, take: Callable[[bytes], object], asked: dict[str, str]
    ) -> httpx.Response:
        async with self.client.stream(method, url, headers=asked, extensions=self.extensions) as answer:
            decode = _decoder(answer.headers.get("Content-Encoding", ""))
            async for raw in answer.aiter_raw():
                for piece in decode(raw):
                    if take(piece):
                        return answer
            return answer

    def _in_time[Answer](self, asked: Coroutine[Any, Any, Answer], seconds: float = math.inf) -> Answer:
        async def bounded() -> Answer:
            async with asyncio.timeout(min(seconds, self.deadline - time.monotonic())) as bound:
                stopping = asyncio.create_task(_end_when_stopped(bound))
                try:
                    return await asked
                finally:
                    stopping.cancel()

        try:
            return self._runner.run(bounded())
        except TimeoutError:
            raise httpx.ReadTimeout(TOLD if STOPPED.is_set() else "no terminó de responder a tiempo") from None


async def _end_when_stopped(bound: asyncio.Timeout) -> None:
    while not STOPPED.is_set():
        await asyncio.sleep(LOOK_EVERY)
    with suppress(RuntimeError):  # its time is over just now
        bound.reschedule(0)


def _into(content: bytearray, limit: int) -> Callable[[bytes], bool]:
    """Return a function that collects pieces in `content`, and returns true once there are more than `limit` bytes."""

    def take(piece: bytes) -> bool:
        content.extend(piece[: limit + 1 - len(content)])
        return len(content) > limit

    return take


def _decoder(encoding: str) -> Callable[[bytes], Iterator[bytes]]:
    """Return a function that decompresses an answer's bytes into pieces of at most PIECE_BYTES.

    httpx.DecodingError for an encoding that was not asked for, or a double one (a few kilobytes compressed twice could
    expand to more than the memory holds), for bytes after the end of the compressed ones (zlib would keep them all),
    and for an answer that never ends because its bytes expand to nothing.
    """
    if encoding.strip().lower() in ("", "identity"):
        return lambda raw: iter([raw])
    if encoding.strip().lower() != "gzip":
        raise httpx.DecodingError("la respuesta viene codificada de un modo que no se pidió")
    packed = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    came = expanded = 0

    def decode(raw: bytes) -> Iterator[bytes]:
        nonlocal came, expanded
        came += len(raw)
        while raw:
            if packed.eof or came > 2 * expanded + PIECE_BYTES:
                raise httpx.DecodingError("la respuesta comprimida trae más bytes que los de su contenido")
            try:
                piece = packed.decompress(raw, PIECE_BYTES)
            except zlib.error:
                raise httpx.DecodingError("la respuesta dice venir comprimida y no se puede descomprimir") from None
            raw = packed.unused_data or packed.unconsumed_tail
            expanded += len(piece)
            yield piece

    return decode


def word_on(status: dict[str, Any], signed: SignedCorte, after: int, before: dict[str, Any] | None = None) -> str:
    """Return what estado.json says of a push of a corte: shown, held, refused, or "" if nothing yet.

    Of a corte that is nothing but the order to withdraw it: withdrawn. `before` is the estado.json of before the push.
    """
    is_answered = _last_push(status) > _last_push(before) if before else last_number(status) > after
    if refuses(status, signed) and is_answered:
        return "refused"
    had = bool(before and has(before, signed))
    return "" if had and not is_answered else has(status, signed)


def has(status: dict[str, Any], signed: SignedCorte) -> str:
    """Return what a mirror has made of a corte, whichever push brought it: shown, held, withdrawn, or "" for nothing.

    Withdrawn is one that is nothing but the order to withdraw it.
    """
    if signed.manifest.withdraws_itself:
        return "withdrawn" if stands(status).includes(signed.manifest.stands) else ""
    for word in ("shown", "held"):
        if (status.get(word) or {}).get("manifest_sha256") == signed.sha256:
            return word
    return ""


def stands(status: dict[str, Any]) -> Standing:
    """Return which of the institute's orders a mirror says that it follows; none when it does not say so properly."""
    try:
        return Standing.from_json(status.get("standing"))
    except ValueError:
        return Standing()


def trusts_others(status: dict[str, Any], election: Election) -> bool:
    """Tell whether a mirror says that others may sign there than the election says, or that other keys are revoked.

    So it is after a snapshot, where `signers` failed, and until it has run. Earlier versions say nothing of it.
    """
    said = status.get("trust_sha256")
    return bool(said) and said != signature.trust_sha256(election.allowed_signers, election.revoked)


def refuses(status: dict[str, Any], signed: SignedCorte) -> bool:
    """Tell whether the last attempt in estado.json is a refusal of this corte, whoever pushed it.

    A refusal that names another signature is not of this corte: where two publishers push at once, the signature of
    one can arrive beside the manifest of the other. Version 0.1.0 names none.
    """
    attempt = status.get("last_attempt") or {}
    is_named = attempt.get("manifest_sha256") == signed.sha256
    is_by_it = attempt.get("signature_sha256") in (None, signed.signature_sha256)
    return attempt.get("result") == "refused" and is_named and is_by_it


def is_shut(status: dict[str, Any]) -> bool:
    """Tell whether estado.json says that the page should be open, and that the server's clock is in doubt."""
    return (status.get("gate") or {}).get("state") == "unsynchronised"


def waits(status: dict[str, Any] | None) -> bool:
    """Tell whether estado.json says that the window has not opened yet, by a clock that the server can vouch for."""
    gate, clock = ((status or {}).get(name) or {} for name in ("gate", "clock"))
    return gate.get("state") == "waiting" and clock.get("synchronised") is True


def is_behind(status: dict[str, Any] | None, opens: datetime) -> bool:
    """Tell whether estado.json says that an opening is still to come that, by this machine's clock, has come."""
    return ((status or {}).get("gate") or {}).get("state") == "waiting" and instants.now() >= opens


def last_number(status: dict[str, Any] | None) -> int:
    """Return the number of the last attempt in estado.json; 0 when there was none."""
    return ((status or {}).get("last_attempt") or {}).get("number") or 0


def _last_push(status: dict[str, Any]) -> tuple[int, int]:
    """Return the number of the last attempt, and how often it came: the same push with the same result is counted."""
    return last_number(status), (status.get("last_attempt") or {}).get("times") or 0


def parsed(code: int, content: bytes) -> dict[str, Any]:
    """Return the content of estado.json from an answer; ValueError says why the answer is not a valid one."""
    if code != httpx.codes.OK:
        raise ValueError(f"estado.json responde {code}")
    if len(content) > MAX_BYTES:
        raise ValueError("estado.json no termina")
    try:
        document = json.loads(content)
    except ValueError:  # Python says itself, and in English, that a number has too many digits
        raise ValueError("su respuesta no es JSON") from None
    if not isinstance(document, dict) or not _has_shape(document, _SHAPE):
        raise ValueError("estado.json no tiene su forma")
    return document


def _has_shape(value: object, shape: Any) -> bool:
    if value is None or not isinstance(shape, dict):
        return value is None or isinstance(value, shape)
    return isinstance(value, dict) and all(_has_shape(value.get(name), inner) for name, inner in shape.items())
