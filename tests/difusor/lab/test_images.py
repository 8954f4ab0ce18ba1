"""The archives of container images that the lab makes."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

from difusor.inventory.images import check_image
from difusor.lab.images import _pack


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
    _pack(saved, packed)
    with tarfile.open(packed) as archive:
        kept = {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]
    assert kept == files
    check_image(packed.read_bytes()[:1500], str(packed), "waf")  # the rest is not there, so it cannot have been read
