"""Looks into the archive of a container image: whether it is one, and whether it is the one that its variable needs."""

from __future__ import annotations

import io
import json
import lzma
import tarfile
import zlib
from pathlib import Path
from typing import Any

from difusor.project import build

PORT = "8080/tcp"
"""Where nginx and the WAF ask the PREP application (role prep)."""
RULESET = "prep-difusor.ruleset"
"""The label that containers/waf gives its image."""
SMALL = 1 << 20  # bytes; the files of an archive that describe the image have a few thousand


def built(kind: str) -> tuple[Path, str] | None:
    """Return the archive of the image of this kind that `difusor images` made last, and its SHA-256; None: none yet."""
    noted = build() / f"images/{kind}.tar.gz.sha256"
    if not noted.exists():
        return None
    sha256, name = noted.read_text(encoding="utf-8").split()
    return noted.with_name(name), sha256


def check_image(packed: bytes, path: str, kind: str) -> None:
    """Raise ValueError unless the archive `path` with this content is an image of this kind, "prep" or "waf"."""
    described = _config(packed)
    if described is None:
        raise ValueError(
            f"{path} no es una imagen de contenedor, como la que guarda «docker image save»; "
            "vuelva a obtener el archivo, o hágalo con ./difusor images"
        )
    waf = RULESET in (described.get("Labels") or {})
    if kind == "waf" and not waf:
        raise ValueError(f"{path} no es la imagen del WAF; escriba la que hace ./difusor images")
    if kind == "prep" and waf:
        raise ValueError(f"{path} es la imagen del WAF y no la del PREP; escriba aquí la del PREP")
    if kind == "prep" and PORT not in (described.get("ExposedPorts") or {}):
        raise ValueError(
            f"{path} no es la imagen del PREP: no declara el puerto {PORT.partition('/')[0]} (EXPOSE), en el que "
            "responde; pida la correcta a quien la hizo"
        )


def _config(packed: bytes) -> dict[str, Any] | None:
    """Return the `config` object of the image in an archive of `docker image save`; None when it is none."""
    small: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:*") as archive:
            for member in archive:
                if member.isfile() and member.size < SMALL and (file := archive.extractfile(member)):
                    small[member.name] = file.read()
        name = json.loads(small["manifest.json"])[0]["Config"]
        config = json.loads(small[name]).get("config")
    except (tarfile.TarError, OSError, EOFError, zlib.error, lzma.LZMAError, LookupError, TypeError, ValueError):
        return None
    return config if isinstance(config, dict) else {}
