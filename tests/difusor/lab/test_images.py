"""Building the images: their archives, which a home has copies of, and what the operator is told."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from corte.format.files import locked
from difusor.inventory.images import built, check_image
from difusor.lab import images
from difusor.project import HOME

REFERENCE = "prep-difusor/waf:trixie-0123456789ab-sin"


def test_what_describes_an_image_is_read_without_unpacking_its_layers(tmp_path: Path) -> None:
    """A validation of the inventory needs it each time, and a layer has a hundred megabytes."""
    saved, packed = io.BytesIO(), tmp_path / "waf.tar.gz"
    files = {
        "blobs/layer": bytes(3 << 20),
        "blobs/config": json.dumps({"config": {"Labels": {"prep-difusor.ruleset": "4"}}}).encode(),
        "manifest.json": json.dumps([{"Config": "blobs/config"}]).encode(),
    }
    with tarfile.open(fileobj=saved, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    saved.seek(0)
    images._pack(saved, packed)
    with tarfile.open(packed) as archive:
        kept = {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]
    assert kept == files
    check_image(packed.read_bytes()[:1500], str(packed), "waf")  # the rest is not there, so it cannot have been read


def test_the_operator_sees_what_an_image_had_to_do_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    build = tmp_path / "containers/build"
    build.parent.mkdir()
    build.write_text(
        f"#!/bin/sh\necho 'se construye' >&2\necho 'AVISO: las reglas [4.25] no se obtuvieron' >&2\necho {REFERENCE}\n"
    )
    build.chmod(0o755)
    monkeypatch.setattr(images, "ROOT", tmp_path)
    monkeypatch.setattr(images, "BUILD", tmp_path / "build")
    archive = images.archive("waf")
    archive.parent.mkdir(parents=True)
    archive.write_bytes(b"saved before")
    archive.with_suffix(".gz.sha256").write_text(f"{'0' * 64}  waf.tar.gz\n")
    archive.with_suffix(".reference").write_text(REFERENCE)
    images._build("waf")
    said = capsys.readouterr().err
    assert "! las reglas [4.25] no se obtuvieron\n" in said
    assert "se construye" not in said
    assert archive.read_bytes() == b"saved before"


def test_an_archive_and_its_digest_are_written_by_one_run_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two of different images left the archive of one with the digest of the other, which inventories then pinned."""
    monkeypatch.setattr(images, "BUILD", tmp_path)
    saved: list[Path] = []

    def save(identity: str, archive: Path) -> None:
        with pytest.raises(BlockingIOError), locked(tmp_path / "turnos/archivo-waf", wait=False):
            pass
        archive.write_bytes(b"packed")
        saved.append(archive)

    def built(title: str, *command: object, log: Path, heard: Callable[[str], None]) -> None:
        heard(f"{REFERENCE}\n")  # and in the log is what another run writes

    monkeypatch.setattr(images, "save", save)
    monkeypatch.setattr(images, "run_step", built)
    monkeypatch.setattr(images, "_docker", lambda *arguments: "sha256:1")
    images._build("waf")
    images._build("waf")
    assert saved == [tmp_path / "images/waf.tar.gz"], "the second found it made of the same image"
    assert images.digest("waf") == hashlib.sha256(b"packed").hexdigest()


@pytest.mark.parametrize("left", ["", "0123456789ab"], ids=["emptied", "cut"])
def test_a_digest_that_a_power_cut_spoilt_is_made_anew(
    left: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was taken for whole, and `images`, `new difusor` and `enroll` ended in a traceback."""
    monkeypatch.setattr(images, "BUILD", tmp_path)
    monkeypatch.setattr(images, "save", lambda _, archive: archive.write_bytes(b"packed"))
    monkeypatch.setattr(images, "run_step", lambda *_, log, heard: heard(REFERENCE))
    monkeypatch.setattr(images, "_docker", lambda *_: "sha256:1")
    monkeypatch.setenv(HOME, str(tmp_path / "instituto"))
    images._build("waf")
    spoilt = tmp_path / "images/waf.tar.gz.sha256"
    spoilt.write_text(left)
    images._build("waf")
    assert images.digest("waf") == hashlib.sha256(b"packed").hexdigest()
    assert built("waf") is None
    images.bring("waf")
    assert built("waf")
    (tmp_path / "instituto/build/images/waf.tar.gz.sha256").write_text(left)
    assert built("waf") is None


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
