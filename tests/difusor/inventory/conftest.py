"""A fixture for the tests of inventories: variables without mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest
from variables_kit import Variables, variables


@pytest.fixture
def good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Variables:
    """The variables of a difusor without mistakes, on a machine that trusts its certificate."""
    found = variables(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", found["difusor_tls_certificate"])
    return found
