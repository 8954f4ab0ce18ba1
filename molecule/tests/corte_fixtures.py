"""A mirror as the institute and a citizen reach it, and a copy of what it shows."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from difusor.corte import manifest
from difusor.publish.signing import Signed
from difusor.publish.target import Target
from difusor.publish.watch import PATH, Mirror

ATTEMPTS = 30
"""At one file, while the server says that we ask too fast."""
WAIT = 60.0
"""Seconds for the server's word on a push."""


@pytest.fixture
def target(variables: dict[str, Any]) -> Target:
    """Return the server as the institute reaches it."""
    return Target.of(variables["inventory_hostname"], variables)


@pytest.fixture
def mirror(target: Target) -> Iterator[Mirror]:
    """Return the server's public word, and a way to ask it for files."""
    with Mirror(target) as opened:
        yield opened


@pytest.fixture
def status(mirror: Mirror) -> dict[str, Any]:
    """Return estado.json."""
    found = mirror.status()
    assert found is not None, f"estado.json no responde: {mirror.problem}"
    return found


@pytest.fixture(scope="module")
def downloads() -> dict[str, Path]:
    """Return where each corte of this run was downloaded to, by its manifest's SHA-256: once is enough."""
    return {}


@pytest.fixture
def base(mirror: Mirror, variables: dict[str, Any]) -> str:
    """Return the page's address on the server itself."""
    return mirror.url.removesuffix(PATH) + str(variables["difusor_path"])


@pytest.fixture
def published(
    mirror: Mirror,
    status: dict[str, Any],
    base: str,
    downloads: dict[str, Path],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Signed:
    """Return a copy of what a citizen gets: manifest, signature and every file it names, from the public page."""
    if status["shown"] is None:
        pytest.skip(f"no se muestra ningún corte (compuerta: {status['gate']['state']})")
    sha256 = status["shown"]["manifest_sha256"]
    if sha256 not in downloads:
        folder = tmp_path_factory.mktemp("corte")
        _download(mirror, base, [manifest.NAME, manifest.SIGNATURE_NAME], folder)
        _download(mirror, base, manifest.read((folder / manifest.NAME).read_bytes()).files, folder)
        downloads[sha256] = folder
    folder = tmp_path / "publicado"
    shutil.copytree(downloads[sha256], folder)
    raw = (folder / manifest.NAME).read_bytes()
    return Signed(folder, manifest.read(raw), manifest.digest(raw))


def get(mirror: Mirror, url: str) -> httpx.Response:
    """Ask as a patient citizen: a server that is asked too fast is asked again."""
    for _ in range(ATTEMPTS):
        answer = mirror.get(url)
        if answer.status_code != 429:
            break
        time.sleep(1)
    return answer


def _download(mirror: Mirror, base: str, paths: Iterable[str], folder: Path) -> None:
    for path in paths:
        answer = get(mirror, base + quote(path))
        assert answer.status_code == 200, f"{path} responde {answer.status_code}"
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(answer.content)
