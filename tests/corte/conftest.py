"""Fixtures: keys, a server that shows a corte, and an institute with two mirrors."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from corte_kit import Server, make_key
from orders_kit import Institute

from corte.format import instants


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("keys")
    return {name: make_key(folder, name) for name in ("firma", "intruso")}


@pytest.fixture
def server(tmp_path: Path, keys: dict[str, Path]) -> Server:
    """A server that already shows corte 5."""
    server = Server.make(tmp_path / "srv", keys["firma"])
    assert server.send(5)["result"] == "shown"
    return server


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_key(tmp_path_factory.mktemp("keys"), "firma")


@pytest.fixture
def mirrors(tmp_path: Path, key: Path) -> tuple[Server, Server]:
    """Two mirrors of one election: one that is always there, and one that will be away."""
    start = instants.now() - timedelta(hours=1)
    here, away = (Server.make(tmp_path / name, key, start) for name in ("here", "away"))
    for server in (here, away):
        server.config.gate_file.touch()
    return here, away


@pytest.fixture
def institute(mirrors: tuple[Server, Server]) -> Institute:
    institute = Institute(*mirrors)
    assert institute.push(institute.sign(5)) == ["shown", "shown"]
    return institute
