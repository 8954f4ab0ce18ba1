"""Looks into the archive of a container image: whether it is one, and whether it is the one that its variable needs."""

from __future__ import annotations

import hashlib
import io
import json
import lzma
import re
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from corte.format import files
from difusor.project import build

PORT = "8080/tcp"
"""Where nginx and the WAF ask the PREP application (role prep)."""
RULESET = "prep-difusor.ruleset"
"""The label that containers/waf gives its image."""
FILES = "prep-difusor.files"
"""The label in which an image of the PREP application lists its files, by spaces; the edge answers no other names."""
LISTED = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9_.-]*/)*[A-Za-z0-9][A-Za-z0-9_.-]*")
STARTED = ("Entrypoint", "Cmd", "User", "WorkingDir")
"""What says in an image, and in a container, which program is started and how."""
TAKEN, EMPTIED = ".wh.", ".wh..wh..opq"
"""How a layer names what it takes away from those below it: one name, or all that a folder had."""
SMALL = 1 << 20  # bytes; the files of an archive that describe the image have a few thousand


def built(kind: str) -> tuple[Path, str] | None:
    """Return the archive of the image of this kind that `difusor images` made last, and its SHA-256; None: none yet."""
    return noted(build() / f"images/{kind}.tar.gz.sha256")


def noted(path: Path) -> tuple[Path, str] | None:
    """Return the archive that a file beside it names, and its SHA-256; None when it is not there, or cut."""
    if not path.exists():
        return None
    found = files.text(path, errors="replace").split()
    return (path.with_name(found[1]), found[0]) if len(found) == 2 else None


def check_image(packed: bytes, path: str, kind: str) -> None:
    """Raise ValueError unless the archive `path` with this content is an image of this kind, "prep" or "waf"."""
    described = _config(packed)
    if described is None:
        raise ValueError(
            f"{path} no es una imagen de contenedor, como la que guarda «docker image save»; "
            "vuelva a obtener el archivo, o hágalo con ./difusor images"
        )
    waf = RULESET in _labels(described)
    if kind == "waf" and not waf:
        raise ValueError(f"{path} no es la imagen del WAF; escriba la que hace ./difusor images")
    if kind == "prep" and waf:
        raise ValueError(f"{path} es la imagen del WAF y no la del PREP; escriba aquí la del PREP")
    if kind == "prep" and PORT not in (described.get("ExposedPorts") or {}):
        raise ValueError(
            f"{path} no es la imagen del PREP: no declara el puerto {PORT.partition('/')[0]} (EXPOSE), en el que "
            "responde; pida la correcta a quien la hizo"
        )
    try:
        listed_files(_labels(described))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def labels(packed: bytes) -> dict[str, str]:
    """Return the labels of the image in an archive; none when it is no image."""
    return _labels(_config(packed) or {})


def architecture(archive: Path) -> str:
    """Return what the image in an archive is made for, in Docker's words: amd64, arm64; empty when it does not say."""
    with files.opened(archive) as file:
        return str((_description(file) or {}).get("architecture") or "")


def unlike(archive: Path, layers: Sequence[str], config: Mapping[str, Any]) -> list[str]:
    """Return in what an image that runs is not the one in an archive; nothing when it is that one.

    By its content, because an engine chooses the name of what it loads: `layers` are the SHA-256 of its uncompressed
    layers (RootFS of `docker image inspect`), `config` what `docker inspect` says of its container.
    """
    with files.opened(archive) as file:
        described = _description(file) or {}
    wanted = described.get("config") or {}
    found = [name for name in STARTED if (config.get(name) or "") != (wanted.get(name) or "")]
    same = list(layers) == (described.get("rootfs") or {}).get("diff_ids")
    return [*([] if same else ["su contenido"]), *found]


def files_below(archive: Path, folder: str) -> dict[str, str]:
    """Return the SHA-256 of each file that the image in an archive has below a folder, by its path there.

    An archive that is none raises what tarfile and json do: tarfile.TarError, OSError, LookupError or ValueError.
    """
    with tarfile.open(archive) as whole:
        manifest = whole.extractfile("manifest.json")
        order = list(json.loads(manifest.read())[0]["Layers"]) if manifest else []
        layers = {}
        for member in whole:  # in the order of the archive: to go back would be to decompress it again
            if member.name in order and (packed := whole.extractfile(member)):
                layers[member.name] = _layer(packed, folder.strip("/") + "/")
    found: dict[str, str] = {}
    for hidden, added in (layers[name] for name in order):
        found = {path: digest for path, digest in found.items() if not f"{path}/".startswith(hidden)} | added
    below = len(folder.strip("/")) + 1
    return {path[below:]: digest for path, digest in found.items()}


def _layer(packed: IO[bytes], folder: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return what a layer takes away from those below it (beginnings of paths), and its files in `folder`."""
    hidden, added = [], {}
    with tarfile.open(fileobj=packed) as layer:
        for member in layer:
            path = member.name.removeprefix("./").lstrip("/")
            above, _, name = path.rpartition("/")
            if name == EMPTIED:
                hidden.append(f"{above}/")
            elif name.startswith(TAKEN):
                hidden.append(f"{above}/{name.removeprefix(TAKEN)}/".lstrip("/"))
            elif path.startswith(folder) and (member.isfile() or member.islnk()):
                file = layer.extractfile(member)
                added[path] = hashlib.sha256(file.read() if file else b"").hexdigest()
    return tuple(hidden), added


def listed_files(labels: Mapping[str, str]) -> list[str]:
    """Return the files that an image with these labels lists; none without a list; ValueError for an unusable one."""
    listed = labels.get(FILES, "").split()
    for file in listed:
        if not LISTED.fullmatch(file):
            raise ValueError(
                f"la etiqueta {FILES} lista «{file}», y el borde solo responde nombres de letras sin acento, cifras, "
                "«.», «_» y «-»; pida que se corrija a quien hizo la imagen"
            )
    if len(set(listed)) < len(listed):
        raise ValueError(f"la etiqueta {FILES} lista dos veces un archivo; pida que se corrija a quien hizo la imagen")
    return listed


def _labels(config: Mapping[str, Any]) -> dict[str, str]:
    return config.get("Labels") or {}


def _config(packed: bytes) -> dict[str, Any] | None:
    """Return the `config` object of the image in an archive of `docker image save`; None when it is none."""
    described = _description(io.BytesIO(packed))
    if described is None:
        return None
    config = described.get("config")
    return config if isinstance(config, dict) else {}


def _description(packed: IO[bytes]) -> dict[str, Any] | None:
    """Return the JSON object that describes the image in an archive of `docker image save`; None when it is none.

    Only as much is unpacked as is needed: `./difusor images` writes what describes the image first, Docker last.
    """
    try:
        with tarfile.open(fileobj=packed, mode="r:*") as archive:
            return _described(archive)
    except (tarfile.TarError, OSError, EOFError, zlib.error, lzma.LZMAError, LookupError, TypeError, ValueError):
        return None


def _described(archive: tarfile.TarFile) -> dict[str, Any]:
    """Return the JSON object that describes the image; LookupError, TypeError or ValueError when there is none."""
    small: dict[str, bytes] = {}
    for member in archive:
        if member.isfile() and member.size < SMALL and (file := archive.extractfile(member)):
            small[member.name] = file.read()
        if (manifest := small.get("manifest.json")) and (name := json.loads(manifest)[0]["Config"]) in small:
            return dict(json.loads(small[name]))
    raise LookupError("no manifest, or not what it names")
