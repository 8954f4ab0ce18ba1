"""The fixture that the tests of the desk share: the home of an institute."""

from __future__ import annotations

from pathlib import Path

import pytest
from home_kit import furnish
from inventory_kit import KEY


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an institute's home with an election and images, and in it the operator's public key."""
    folder = furnish(tmp_path / "instituto", monkeypatch)
    (folder / "llave.pub").write_text(f"{KEY}\n")
    return folder
