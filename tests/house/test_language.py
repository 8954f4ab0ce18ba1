"""What an operator reads is in Spanish, also where a library, the system or systemd would say it in English."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from house_kit import tracked

ROOT = Path(__file__).resolve().parents[2]
UNITS = [path for path in tracked() if path.is_relative_to(ROOT / "roles") and "/etc/systemd/system/" in str(path)]
DESCRIBED = [path for path in UNITS if "Description=" in path.read_text(encoding="utf-8")]
ENGLISH = {"and", "for", "from", "in", "is", "of", "on", "or", "that", "the", "to", "what", "whether", "with"}
"""Words that hardly an English sentence lacks, and no Spanish one has."""


@pytest.mark.parametrize("path", DESCRIBED, ids=lambda path: path.name)
def test_a_unit_is_described_in_spanish(path: Path) -> None:
    """Operators read the description in `systemctl status`."""
    (said,) = re.findall(r"(?m)^Description=(.*)$", path.read_text(encoding="utf-8"))
    words = set(re.findall(r"[^\W\d_]+", said.lower()))
    assert words & ENGLISH == set()


@pytest.mark.parametrize("room", ["scripts/corte", "scripts/difusor"])
def test_no_message_quotes_what_the_system_says(room: str) -> None:
    """`corte.format.errors.why` says it in Spanish."""
    files = [path for path in tracked() if path.is_relative_to(ROOT / room) and path.suffix == ".py"]
    assert files
    assert [path for path in files if ".strerror" in path.read_text(encoding="utf-8").replace("os.strerror", "")] == []
