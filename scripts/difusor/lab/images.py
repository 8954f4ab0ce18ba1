"""Builds the container images that a difusor's server runs, as archives pinned by SHA-256."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO

from corte.format.files import locked
from difusor.inventory.images import noted
from difusor.project import BUILD, ROOT, build, write
from difusor.terminal import StepFailed, run_step, side_by_side, warn

NAMES = ("prep", "waf")
WARNING = "AVISO: "
"""How a line of containers/build begins that the operator has to see."""


def archive(name: str) -> Path:
    """Return the path of an image's archive."""
    return BUILD / f"images/{name}.tar.gz"


def digest(name: str) -> str:
    """Return the SHA-256 of an image's archive, in hexadecimal, as kept beside it."""
    return _digest_of(archive(name)).read_text().split()[0]


def _digest_of(archive: Path) -> Path:
    return archive.with_suffix(".gz.sha256")


def ensure_archives() -> None:
    """Build the images and save them as build/images/<name>.tar.gz with a .sha256, unless that was done before.

    Raises StepFailed when an image cannot be built.
    """
    side_by_side(*(partial(_build, name) for name in NAMES))


def bring(name: str) -> Path:
    """Copy an image's archive to the institute's home, unless that is the project; return where it is there.

    Its name contains the digest, so that the archive that an inventory pins stays when a newer one is built.
    """
    if build() == BUILD:
        return archive(name)
    with _alone(name):
        source, sha256 = archive(name), digest(name)
        copy = build() / f"images/{name}-{sha256[:12]}.tar.gz"
        copy.parent.mkdir(parents=True, exist_ok=True)
        if not copy.exists():
            temporary = copy.with_suffix(".new")
            shutil.copyfile(source, temporary)
            os.replace(temporary, copy)
        write(build() / f"images/{name}.tar.gz.sha256", f"{sha256}  {copy.name}\n")
    return copy


def _build(name: str) -> None:
    said: list[str] = []  # not read from the log, which another run may write at the same time
    log = BUILD / f"log/image-{name}.log"
    run_step(f"Imagen {name}", ROOT / "containers/build", name, log=log, heard=said.append)
    for line in said:
        if line.startswith(WARNING):
            warn(line.removeprefix(WARNING).strip())
    with _alone(name):
        _ensure_archive(said[-1].strip(), archive(name))


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """Let no other run of this project write an image's archive or its digest, or copy it, meanwhile."""
    folder = BUILD / f"turnos/archivo-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        yield


def _ensure_archive(reference: str, archive: Path) -> None:
    """Save an image to `archive` with its SHA-256 beside, unless the archive there has the same reference."""
    made_from = archive.with_suffix(".reference")
    is_whole = archive.exists() and noted(_digest_of(archive)) and made_from.exists()
    if is_whole and made_from.read_text().strip() == reference:
        return
    archive.parent.mkdir(parents=True, exist_ok=True)
    made_from.unlink(missing_ok=True)
    save(_docker("image", "inspect", "--format", "{{.Id}}", reference), archive)
    with archive.open("rb") as packed:
        digest = hashlib.file_digest(packed, "sha256").hexdigest()
    write(_digest_of(archive), f"{digest}  {archive.name}\n")
    write(made_from, reference + "\n")


def save(identity: str, archive: Path) -> None:
    """Save the image with this id to a gzip archive, whole or not at all; the same image gives the same bytes.

    Raises StepFailed when docker fails.
    """
    temporary = archive.with_suffix(".new")
    with tempfile.TemporaryFile(dir=archive.parent) as saved:
        if subprocess.run(["docker", "image", "save", identity], stdout=saved, check=False).returncode:
            raise StepFailed(f"docker no pudo guardar la imagen {identity}")
        saved.seek(0)
        _pack(saved, temporary)
    os.replace(temporary, archive)


def _pack(saved: IO[bytes], target: Path) -> None:
    """Compress a tar archive with its smallest files first: who reads what describes the image can stop there."""
    with (
        tarfile.open(fileobj=saved) as archive,
        target.open("wb") as sink,
        gzip.GzipFile(filename="", mode="wb", fileobj=sink, compresslevel=3, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w") as packed,
    ):
        for member in sorted(archive, key=lambda member: member.size):
            packed.addfile(member, archive.extractfile(member) if member.isfile() else None)


def _docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout.strip()
