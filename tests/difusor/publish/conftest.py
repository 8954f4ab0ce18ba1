"""Fixtures: an election, a key that may sign its cortes, and a corte, before and after signing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from corte_kit import FILES, make_key, write_files
from desk_kit import Desk
from publish_kit import write_election

from difusor.inventory import load_election
from difusor.publish import signing
from difusor.publish.signing import SignedCorte


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_key(tmp_path_factory.mktemp("keys"), "firma")


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


@pytest.fixture(scope="module")
def began(tmp_path_factory: pytest.TempPathFactory, key: Path) -> Desk:
    """The desk that each test gets a copy of."""
    with Desk.begun(tmp_path_factory.mktemp("mesa"), key) as desk:
        assert desk.publish(desk.corte(5)) == (0, ["shown", "shown"])
    return desk


@pytest.fixture
def desk(tmp_path: Path, began: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The institute after it has published corte 5 to both mirrors."""
    return began.copy(tmp_path, monkeypatch)
