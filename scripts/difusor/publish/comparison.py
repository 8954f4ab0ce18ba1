"""Downloads what citizens get from a mirror and compares it, byte for byte, with the signed manifest."""

from __future__ import annotations

import hashlib
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import quote

import httpx

from corte.format import manifest, paths, signature
from corte.format.manifest import Entry
from corte.format.refusal import Refusal
from corte.format.standing import Standing
from difusor.publish import signing
from difusor.publish.mirror import PATH, Mirror, stands
from difusor.publish.signing import SignedCorte
from difusor.publish.standing import sentences
from difusor.publish.target import Target

ATTEMPTS = 30
"""How often one file is requested while the mirror answers that the requests come too fast."""
FORMS = {"gzip": "", "identity": ", sin comprimir,"}
"""A text is asked for in both forms that a server keeps: one can be altered while the other is not."""


@dataclass(frozen=True)
class Comparison:
    """The result for one mirror: authentic, altered, empty (shows no corte) or unreachable; and every difference."""

    difusor: str
    result: str
    detail: str
    sequence: int | None = None
    manifest_sha256: str | None = None
    files: int = 0
    bytes: int = 0
    differences: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        """Whether citizens get exactly what the institute signed."""
        return self.result == "authentic"


def compare(
    target: Target,
    authority: Path | None = None,
    expected: str | None = None,
    limit: float = math.inf,
    standing: Standing | None = None,
) -> Comparison:
    """Download everything that a mirror shows and compare it; a mirror's faults are returned, never raised.

    `expected` is the SHA-256 of the manifest that the mirror should show, if that is to be checked too; `limit` is the
    number of seconds after which the comparison ends, even if the mirror still answers slowly; `standing` says which
    cortes the institute withdrew, besides those that the mirror itself names.
    """
    started = time.monotonic()
    try:
        with Mirror(target, authority) as mirror:
            mirror.deadline = started + limit
            shown = _shown(mirror)
            found = _compare_once(mirror, target, expected, standing)
            if not found.good and _shown(mirror) != shown:  # a new corte arrived meanwhile
                found = _compare_once(mirror, target, expected, standing)
    except (httpx.HTTPError, OSError, ValueError) as error:
        found = Comparison(target.name, "unreachable", str(error) or type(error).__name__)
    except Refusal as refusal:
        found = Comparison(target.name, "altered", str(refusal))
    return Comparison(**{**vars(found), "seconds": round(time.monotonic() - started, 2)})


def _compare_once(mirror: Mirror, target: Target, expected: str | None, standing: Standing | None = None) -> Comparison:
    followed = stands(mirror.status() or {})
    known = followed.join(standing or Standing())
    base = mirror.url.removesuffix(PATH) + target.path
    with tempfile.TemporaryDirectory(prefix="corte-") as name:
        folder = Path(name)
        for part, limit in ((manifest.NAME, manifest.MAX_BYTES), (manifest.SIGNATURE_NAME, signature.MAX_BYTES)):
            status, content = _patiently(_content, mirror, base + part, limit)
            if status != 200:
                return Comparison(target.name, "empty", "; ".join([f"{part} responde {status}", *_orders(followed)]))
            (folder / part).write_bytes(content)
        raw = (folder / manifest.NAME).read_bytes()
        signed = SignedCorte(folder, manifest.read(raw), manifest.digest(raw))
        signer = signing.signer(signed, target.election)
    differences = [
        *_withdrawn(signed, known),
        *_misnamed(mirror, signed.sha256, expected),
        *_differences(mirror, base, signed),
    ]
    return Comparison(
        target.name,
        "altered" if differences else "authentic",
        differences[0] if differences else "; ".join([f"firmado por {signer}", *_orders(followed)]),
        signed.manifest.sequence,
        signed.sha256,
        len(signed.manifest.files),
        signed.manifest.total_bytes,
        differences,
    )


def _orders(followed: Standing) -> list[str]:
    """Return, for the operator, the orders by which the mirror may not show the newest corte."""
    return sentences(Standing(hold=followed.hold, resumed_at=followed.resumed_at, withdrawn=followed.withdrawn))


def _withdrawn(signed: SignedCorte, known: Standing) -> Iterator[str]:
    found = signed.manifest
    if known.withdrawn and known.withdraws(found.sequence, found.corte, found.content_sha256, signed.sha256):
        yield f"muestra el corte {found.sequence}, que el Instituto retiró"


def _misnamed(mirror: Mirror, sha256: str, expected: str | None) -> Iterator[str]:
    if expected not in (None, sha256):
        yield f"muestra el manifiesto {sha256[:16]}… y no {str(expected)[:16]}…"
    if _shown(mirror) != sha256:
        yield "su estado.json nombra otro manifiesto que el que entrega"


def _differences(mirror: Mirror, base: str, signed: SignedCorte) -> Iterator[str]:
    for path, entry in signed.manifest.files.items():
        for encoding, form in FORMS.items() if path.endswith(paths.TEXTS) else [("gzip", "")]:
            status, found = _patiently(partial(_digest, encoding=encoding), mirror, base + quote(path), entry.size)
            if status != 200:
                yield f"{path}{form} responde {status}"
            elif found != entry:
                yield f"{path}{form} no es el que se firmó"


def _shown(mirror: Mirror) -> str:
    return str(((mirror.status() or {}).get("shown") or {}).get("manifest_sha256", ""))


def _patiently[Got](
    ask: Callable[[Mirror, str, int], tuple[int, Got]], mirror: Mirror, url: str, limit: int
) -> tuple[int, Got]:
    """Return the answer to a request, repeated after a pause while the mirror answers that requests come too fast."""
    for _ in range(ATTEMPTS - 1):
        status, got = ask(mirror, url, limit)
        if status != httpx.codes.TOO_MANY_REQUESTS:
            return status, got
        time.sleep(1)
    return ask(mirror, url, limit)


def _content(mirror: Mirror, url: str, limit: int) -> tuple[int, bytes]:
    status, content = mirror.read(url, limit)
    if len(content) > limit:
        raise Refusal("size", f"{url} mide más de {limit} bytes.")
    return status, content


def _digest(mirror: Mirror, url: str, size: int, encoding: str) -> tuple[int, Entry]:
    found, length = hashlib.sha256(), 0

    def take(piece: bytes) -> bool:
        nonlocal length
        found.update(piece)
        length += len(piece)
        return length > size

    status = mirror.hand(url, take, Accept_Encoding=encoding).status_code
    return status, Entry(length, found.hexdigest())
