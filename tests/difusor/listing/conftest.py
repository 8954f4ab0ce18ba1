"""Fixtures: a key that may sign the election's list, and a home whose list may be published."""

from __future__ import annotations

from pathlib import Path

import pytest
from corte_kit import make_key
from listing_kit import furnish


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_key(tmp_path_factory.mktemp("keys"), "firma")


@pytest.fixture
def home(tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return furnish(tmp_path / "instituto", key, monkeypatch)
