"""Building the images: their archives, and what the operator is told."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from difusor.inventory.images import check_image
from difusor.lab import images

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
    archive.with_suffix(".reference").write_text(REFERENCE)
    images._build("waf")
    said = capsys.readouterr().err
    assert "! las reglas [4.25] no se obtuvieron\n" in said
    assert "se construye" not in said
    assert archive.read_bytes() == b"saved before"
