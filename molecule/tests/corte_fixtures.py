"""Fixtures for the corte: the mirror as the institute and citizens reach it, and a copy of what it publishes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from corte.format import instants, limits, manifest
from difusor import inventory
from difusor.publish import signing
from difusor.publish.mirror import PATH, Mirror, last_number
from difusor.publish.push import push
from difusor.publish.signing import SignedCorte
from difusor.publish.target import Target
from difusor.suite.waiting import until

PACE = 1.0
"""Seconds between two requests to a server that answers «too fast»: asking at once again would get us banned."""
WAIT = 60.0
"""Seconds within which the server must report a push in estado.json."""


@pytest.fixture
def target(variables: dict[str, Any]) -> Target:
    """Return the server as the institute reaches it."""
    return Target.of(inventory.Host.of(variables["inventory_hostname"], variables))


@pytest.fixture
def mirror(target: Target) -> Iterator[Mirror]:
    """Return the client that reads the server's estado.json and published files, whatever its certificate is."""
    with Mirror(target, forgiving=True) as opened:
        yield opened


@pytest.fixture
def status(mirror: Mirror) -> dict[str, Any]:
    """Return estado.json."""
    found = mirror.status()
    assert found is not None, f"estado.json no responde: {mirror.problem}"
    return found


@pytest.fixture(scope="module")
def downloads() -> dict[str, Path]:
    """Return the folders of downloaded cortes, by their manifest's SHA-256, so that each is downloaded only once."""
    return {}


@pytest.fixture
def base(mirror: Mirror, variables: dict[str, Any]) -> str:
    """Return the page's address on the server itself."""
    return base_of(mirror, variables)


@pytest.fixture
def published(
    mirror: Mirror,
    status: dict[str, Any],
    base: str,
    downloads: dict[str, Path],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> SignedCorte:
    """Return a copy of the corte from the public page: manifest, signature and every file that the manifest names.

    Without what the server holds back in the heavy folders, if it says that light mode is ordered; another test asks
    for the order.
    """
    if status["shown"] is None:  # before the opening nothing may be shown: the clause is then not verified, and says so
        pytest.skip(f"no se muestra ningún corte (compuerta: {status['gate']['state']})")
    sha256 = status["shown"]["manifest_sha256"]
    if sha256 not in downloads:
        downloads[sha256] = download(mirror, base, status, tmp_path_factory.mktemp("corte")).folder
    folder = tmp_path / "publicado"
    shutil.copytree(downloads[sha256], folder)
    return _corte_in(folder)


def base_of(mirror: Mirror, variables: dict[str, Any]) -> str:
    """Return the page's address on the server itself."""
    return mirror.url.removesuffix(PATH) + str(variables["difusor_path"])


def download(mirror: Mirror, base: str, status: dict[str, Any], folder: Path) -> SignedCorte:
    """Copy the corte that the page at `base` shows into a folder, as the fixture `published` does."""
    _download(mirror, base, [manifest.NAME, manifest.SIGNATURE_NAME], folder)
    named = manifest.read((folder / manifest.NAME).read_bytes()).files
    _download(mirror, base, named, folder, limits.HEAVY if status["gate"].get("light") else ())
    return _corte_in(folder)


def send(published: SignedCorte, target: Target, mirror: Mirror, signer: Path, *orders: str, later: int = 0) -> str:
    """Sign a corte's folder anew, its sequence `later` numbers higher, and push it.

    Return the result: shown, held, or the refusal's code.
    """
    next_second()
    shown = published.manifest
    signed = signing.sign(published.folder, target.election, signer, shown.sequence + later, shown.corte, orders)
    before = last_number(mirror.status())
    push(signed.folder, target, checksum=True)
    word, status = mirror.await_word(signed, before, WAIT)
    return str(status["last_attempt"]["code"]) if word == "refused" else word


def get(mirror: Mirror, url: str) -> httpx.Response:
    """Get a page; when the server answers that we ask too fast, ask again after a pause."""
    what = f"{url} se entregue sin que el servidor diga que se pide demasiado aprisa"
    return until(lambda: mirror.get(url), lambda answer: answer.status_code != 429, what=what, every=PACE)


def await_status(mirror: Mirror, holds: Callable[[dict[str, Any]], object], what: str) -> dict[str, Any]:
    """Return estado.json as soon as `holds` is true for it; a mirror that does not answer is asked again."""

    def ask() -> dict[str, Any]:
        status = mirror.status()
        if status is None:
            raise ConnectionError(mirror.problem)
        return status

    return until(ask, holds, what=what, within=WAIT, despite=(ConnectionError,))


def next_attempt(mirror: Mirror, after: int) -> dict[str, Any]:
    """Return `last_attempt` of estado.json as soon as its number is larger than `after`."""
    what = f"el servidor diga qué fue del envío que siguió al número {after}"
    return dict(await_status(mirror, lambda status: last_number(status) > after, what)["last_attempt"])


def next_second() -> None:
    """Wait for the clock's next second: two signings of one corte differ only in their second."""
    began = instants.now().replace(microsecond=0)
    until(lambda: instants.now().replace(microsecond=0), lambda now: now > began, what="pase un segundo", every=0.02)


def _corte_in(folder: Path) -> SignedCorte:
    return SignedCorte.of(folder, *signing.papers(folder))


def _download(mirror: Mirror, base: str, paths: Iterable[str], folder: Path, held_back: Collection[str] = ()) -> None:
    for path in paths:
        answer = get(mirror, base + quote(path))
        if answer.status_code == 503 and path.partition("/")[0] in held_back:
            assert answer.content.startswith(b"<!doctype html>"), f"{path} responde 503 sin el aviso del modo ligero"
            continue
        assert answer.status_code == 200, f"{path} responde {answer.status_code}"
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(answer.content)
