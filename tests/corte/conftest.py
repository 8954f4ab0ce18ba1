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


@pytest.fixture(scope="module")
def shows_five(tmp_path_factory: pytest.TempPathFactory, keys: dict[str, Path]) -> Server:
    """The server that each test gets a copy of."""
    server = Server.make(tmp_path_factory.mktemp("servidor") / "srv", keys["firma"])
    assert server.send(5)["result"] == "shown"
    return server


@pytest.fixture
def server(tmp_path: Path, shows_five: Server) -> Server:
    """A server that already shows corte 5."""
    return shows_five.copy(tmp_path / "srv")


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_key(tmp_path_factory.mktemp("keys"), "firma")


@pytest.fixture(scope="module")
def began(tmp_path_factory: pytest.TempPathFactory, key: Path) -> Institute:
    """The institute that each test gets a copy of."""
    start = instants.now() - timedelta(hours=1)
    folder = tmp_path_factory.mktemp("espejos")
    here, away = (Server.make(folder / name, key, start) for name in ("here", "away"))
    for server in (here, away):
        server.config.gate_file.touch()
    institute = Institute(here, away)
    assert institute.push(institute.sign(5)) == ["shown", "shown"]
    return institute


@pytest.fixture
def institute(tmp_path: Path, began: Institute) -> Institute:
    """An institute with two mirrors: one that is always there, and one that will be away. Both show corte 5."""
    return began.copy(tmp_path)
