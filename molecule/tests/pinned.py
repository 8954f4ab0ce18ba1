"""Compares the image that a container runs with the archive that the institute pinned, which is on this machine.

What the server says of its own image is only the name that somebody gave it there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

from difusor.inventory import images


def archive(image: Mapping[str, Any]) -> Path | None:
    """Return the archive of an image of the inventory; None when the server pulls it by its digest.

    The test is skipped when the archive is no longer there, or is another.
    """
    if not image.get("archive"):
        return None
    path = Path(image["archive"])
    if not path.is_file():
        pytest.skip(f"no se encuentra {path}, el archivo de la imagen; vuelva a ponerlo ahí")
    with path.open("rb") as packed:
        if hashlib.file_digest(packed, "sha256").hexdigest() != image["sha256"]:
            pytest.skip(f"{path} ya no es el archivo que el inventario fija; vuelva a ponerlo ahí")
    return path


def check(
    host: Host, container: Mapping[str, Any], image: Mapping[str, Any], record_evidence: Callable[[object], None]
) -> None:
    """Assert that a container runs the image that the inventory pins."""
    pinned = image.get("sha256") or image["reference"].split("@sha256:")[-1]
    record_evidence(f"{container['Config']['Image']} (fijada: {pinned})")
    assert container["Config"]["Image"].endswith(pinned[:12])
    if path := archive(image):
        inspect = "docker image inspect --format '{{json .RootFS.Layers}}' %s"
        layers = json.loads(host.check_output(inspect, container["Image"]))
        others = images.unlike(path, layers, container["Config"])
        record_evidence(f"distinto del archivo del Instituto: {', '.join(others) or 'nada'}")
        assert not others, f"lleva el nombre de la imagen fijada y no es ella: cambia {', '.join(others)}"
