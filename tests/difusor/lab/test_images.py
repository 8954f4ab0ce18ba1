"""Archives of images: an institute's home has copies of its own, which stay when newer ones are built."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from difusor.inventory.images import built
from difusor.lab import images
from difusor.project import HOME


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(images, "BUILD", tmp_path / "project/build")
    (tmp_path / "project/build/images").mkdir(parents=True)
    return tmp_path / "project"


def build(project: Path, packed: bytes) -> str:
    """Write an archive as `ensure_archives` does; return its SHA-256."""
    path = project / "build/images/waf.tar.gz"
    path.write_bytes(packed)
    digest = hashlib.sha256(packed).hexdigest()
    path.with_suffix(".gz.sha256").write_text(f"{digest}  waf.tar.gz\n")
    return digest


def test_a_home_keeps_each_archive_that_an_inventory_may_pin(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOME, str(tmp_path / "instituto"))
    assert built("waf") is None
    found = []
    for packed in (b"one", b"two"):
        digest = build(project, packed)
        path = images.bring("waf")
        assert (path, digest) == built("waf")
        assert path.parent == tmp_path / "instituto/build/images" and not path.is_symlink()
        found.append(path)
    assert [path.read_bytes() for path in found] == [b"one", b"two"]


def test_without_a_home_there_is_one_archive_as_ever(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(project, b"one")
    monkeypatch.setenv(HOME, str(project))
    assert images.bring("waf") == project / "build/images/waf.tar.gz"
    assert [path.name for path in sorted((project / "build/images").iterdir())] == ["waf.tar.gz", "waf.tar.gz.sha256"]
