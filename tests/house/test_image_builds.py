"""containers/build: what it is given, and what it makes of it, with stand-ins for Docker, mmdebstrap and apt."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_several_images_are_built_side_by_side(tmp_path: Path) -> None:
    """Each waits until the other has begun; the references come in the order asked for, and none when one fails."""
    build = tmp_path / "build"
    functions = (ROOT / "containers/build").read_text().replace('\nmain "$@"\n', "\n")
    os.mkfifo(tmp_path / "meeting")
    image = (
        "image() { echo se construye $1 >&2; case $1 in broken) exit 3 ;; host) echo >meeting ;;"
        " peer) read -r _ <meeting ;; esac; echo prep-difusor/$1:$2; }"
    )
    build.write_text(f'{functions}\n{image}\nmain "$@"\n')
    build.chmod(0o755)

    def built(*names: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([build, *names], cwd=tmp_path, capture_output=True, text=True, timeout=300)

    both = built("peer:bookworm", "host:trixie")
    assert both.stdout == "prep-difusor/peer:bookworm\nprep-difusor/host:trixie\n"
    assert both.returncode == 0
    assert sorted(both.stderr.splitlines()) == ["se construye host", "se construye peer"]
    failed = built("host:trixie", "peer:bookworm", "broken:trixie")
    assert failed.returncode != 0
    assert failed.stdout == ""


SOURCES = """\
http://archivo.test/debian {own} main Debian
mirror+https://archivo.test/lista {own}-updates main Debian
mirror+file:/etc/apt/mirrors/list {own}-updates main Debian
file:/media/debian {own} main Debian
cdrom://Debian {own} main Debian
http://archivo.test/debian-security {own}-security main Debian
http://docker.test/linux/debian {own} stable Docker CE
http://ppa.test/deadsnakes {own} main LP-PPA-deadsnakes
http://archivo.test/debian bookworm main Debian
"""


@pytest.mark.parametrize("of_cloud", [False, True], ids=["", "the release from a file of mirrors"])
def test_images_are_built_from_the_distributions_own_sources(tmp_path: Path, of_cloud: bool) -> None:
    """Docker's archive and PPAs name the same release, but their keys are not mmdebstrap's; images lack our files."""
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    own = release["VERSION_CODENAME"]
    sources = SOURCES.format(own=own)
    if of_cloud:
        sources = sources.replace(
            f"http://archivo.test/debian {own}", f"mirror+file:/etc/apt/mirrors/debian.list {own}"
        )
    (tmp_path / "apt-get").write_text(f"#!/bin/sh\ncat <<'END'\n{sources}END\n")
    (tmp_path / "apt-get").chmod(0o755)
    functions = (ROOT / "containers/build").read_text().replace('\nmain "$@"\n', "\n")
    done = subprocess.run(
        ["bash", "-c", f"{functions}\nsources {own}"],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    if of_cloud:
        assert lines == []  # then mmdebstrap takes all of its public default
    elif release["ID"] == "debian":
        assert lines == [
            f"deb http://archivo.test/debian {own} main",
            f"deb http://archivo.test/debian-security {own}-security main",
            f"deb mirror+https://archivo.test/lista {own}-updates main",
        ]
    assert "docker" not in done.stdout and "ppa" not in done.stdout


def test_an_image_that_two_labs_need_at_once_is_built_once(tmp_path: Path) -> None:
    (tmp_path / "containers/peer").mkdir(parents=True)
    (tmp_path / "containers/peer/packages").write_text("systemd\n")
    functions = (ROOT / "containers/build").read_text().replace('\nmain "$@"\n', "\n")
    stand_ins = """
    ROOMY=1000000000000 # nothing is mounted
    apart() { :; }
    exists() { [[ -e built ]]; }
    bootstrap() { echo "$3" >>begun; while (($(wc -l <asked) < 2)); do :; done; touch built; }
    content_hash() { echo asked >>asked; echo 0123456789ab; }
    """
    script = f"{functions}\n{stand_ins}\nmain peer bookworm & first=$!; main peer bookworm & wait $first && wait $!"
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path / "containers", capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["prep-difusor/peer:bookworm-0123456789ab"] * 2
    assert (tmp_path / "containers/begun").read_text() == "prep-difusor/peer:bookworm-0123456789ab\n"


def test_the_files_of_an_image_are_roots(tmp_path: Path) -> None:
    """Not those of whoever has the checkout: the number may be somebody's in the image, who could then write /etc."""
    folder = tmp_path / "rootfs/etc"
    folder.mkdir(parents=True)
    (folder / "lab.conf").touch()
    (folder / "start").touch()
    for path, mode in ((folder / "lab.conf", 0o660), (folder / "start", 0o770), (folder, 0o770)):
        path.chmod(mode)
        if os.geteuid() == 0:
            os.chown(path, 1000, 1000)
    functions = (ROOT / "containers/build").read_text().replace('\nmain "$@"\n', "\n")
    subprocess.run(["bash", "-c", f"{functions}\npack '{tmp_path}/rootfs' '{tmp_path}/rootfs.tar'"], check=True)
    with tarfile.open(tmp_path / "rootfs.tar") as archive:
        packed = {entry.name: (entry.uid, entry.gid, oct(entry.mode)) for entry in archive if entry.name != "."}
    assert packed == {
        "./etc": (0, 0, "0o755"), "./etc/lab.conf": (0, 0, "0o644"), "./etc/start": (0, 0, "0o755")
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "names", "status", "said"),
    [
        ("# only a comment", "", 0, ""),
        ("{right} ../archivo.tar.gz", "archive", 0, ""),
        ("{wrong} ../archivo.tar.gz", "archive", 1, "no tiene el SHA-256 que fija"),
        ("{right} ../nada.tar.gz", "", 1, "no se pudo leer"),
        ("{right} http://127.0.0.1:1/crs.tar.gz", "", 1, "AVISO: http://127.0.0.1:1/crs.tar.gz no se pudo obtener"),
    ],
    ids=["none", "as pinned", "another content", "no such path", "out of reach"],
)
def test_only_an_archive_out_of_reach_is_done_without(
    tmp_path: Path, content: str, names: str, status: int, said: str
) -> None:
    """A URL out of reach leaves the build going on without the archive; a wrong archive ends it."""
    (tmp_path / "waf").mkdir()
    (tmp_path / "archivo.tar.gz").write_bytes(b"reglas")
    right = hashlib.sha256(b"reglas").hexdigest()
    (tmp_path / "waf/archive").write_text(content.format(right=right, wrong="0" * 64) + "\n")
    functions = (ROOT / "containers/build").read_text().replace('\nmain "$@"\n', "\n")
    script = f"{functions}\nbring_archive {tmp_path}/waf {tmp_path}/archive || {{ echo without; exit 1; }}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert done.returncode == status
    assert said in done.stderr
    assert (done.stdout == "without\n") is said.startswith("AVISO")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name == "archive") == names.split()
