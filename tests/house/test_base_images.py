"""containers/build: an image that extends another begins with the other's root file system."""

from __future__ import annotations

import os
import subprocess
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = (ROOT / "containers/build").read_text().replace('\nmain "$@"\n', "\n")
STAND_INS = """
ROOMY=1000000000000 # nothing is mounted
apart() { :; }
exists() { [[ -e $here/${1#*/} ]]; }
bootstrap() {
  echo "$(basename "$1") $(packages "$1" "$2")$(cat "$4/base.tar" 2>/dev/null)" >>"$here/begun"
  [[ ! -e $1/broken ]] || die "$3 no se pudo construir"
  touch "$here/${3#*/}"
}
"""
DOCKER = """#!/bin/sh
echo "$*" >>{log}
case $1 in create) echo "of $2" ;; export) echo "; root $2" ;; esac
"""


@pytest.fixture
def containers(tmp_path: Path) -> Path:
    """The script with the images host and peer, which extends it; bootstrap and Docker note what they are given."""
    folder = tmp_path / "containers"
    for name, packages in (("host", "systemd\nsudo\n"), ("peer", "curl\n")):
        (folder / name).mkdir(parents=True)
        (folder / name / "packages").write_text(packages)
    (folder / "peer/base").symlink_to("../host")
    (folder / "build").write_text(f'{FUNCTIONS}\n{STAND_INS}\nmain "$@"\n')
    (folder / "build").chmod(0o755)
    (folder / "docker").write_text(DOCKER.format(log=folder / "asked"))
    (folder / "docker").chmod(0o755)
    return folder


def build(containers: Path, *names: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{containers}:{os.environ['PATH']}"}
    return subprocess.run([containers / "build", *names], env=environment, capture_output=True, text=True, timeout=300)


def begun(containers: Path) -> list[str]:
    return (containers / "begun").read_text().splitlines()


@pytest.mark.parametrize(
    "names", [("peer", "bookworm"), ("host:bookworm", "peer:bookworm"), ("peer:bookworm", "host:bookworm")], ids=str
)
def test_the_base_is_built_first_and_once(containers: Path, names: tuple[str, ...]) -> None:
    """In whatever order they are asked for; only the packages that the base does not have are installed on it."""
    done = build(containers, *names)
    assert done.returncode == 0, done.stderr
    host, peer = begun(containers)
    assert host == "host systemd,sudo"
    reference = next(path.name for path in containers.glob("host:*"))
    assert peer == f"peer curl; root of prep-difusor/{reference}"
    made = f"of prep-difusor/{reference}"
    assert (containers / "asked").read_text().splitlines() == [
        f"create prep-difusor/{reference} true", f"export {made}", f"rm {made}"
    ]  # fmt: skip


def test_an_image_without_a_base_asks_nothing_of_docker(containers: Path) -> None:
    assert build(containers, "host", "bookworm").returncode == 0
    assert not (containers / "asked").exists()


def test_without_its_base_an_image_is_not_built(containers: Path) -> None:
    (containers / "host/broken").touch()
    done = build(containers, "peer", "bookworm")
    assert done.returncode == 1
    assert done.stdout == ""
    assert begun(containers) == ["host systemd,sudo"]
    assert "no se pudo construir" in done.stderr.splitlines()[0]
    assert "la imagen peer parte de la imagen host, que no se pudo construir" in done.stderr.splitlines()[1]


def test_a_change_of_the_base_gives_another_image(containers: Path) -> None:
    def reference(name: str) -> str:
        return build(containers, name, "bookworm").stdout

    before = reference("host"), reference("peer")
    (containers / "peer/packages").write_text("curl\nrsync\n")
    assert reference("host") == before[0]
    changed = reference("peer")
    assert changed != before[1]
    (containers / "host/customize").write_text("true\n")
    assert reference("host") != before[0]
    assert reference("peer") not in (changed, before[1])


def test_what_is_of_this_machine_is_not_taken_from_the_base(tmp_path: Path) -> None:
    """The base may have been built with other mirrors and another proxy, and Docker's export adds files of its own."""
    of_machine = ("etc/hosts", "etc/resolv.conf", "etc/apt/sources.list", "etc/apt/apt.conf.d/99mmdebstrap")
    of_docker = (".dockerenv", "dev/console", "etc/apt/sources.list.d/0000sources.list", "etc/mtab")
    of_base = ("var/lib/dpkg/status", "usr/share/dev", "etc/apt/apt.conf.d/01autoremove", "srv/etc/hosts")
    base, root = tmp_path / "base", tmp_path / "root"
    for name in (*of_machine, *of_docker, *of_base):
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text("base")
    with tarfile.open(tmp_path / "base.tar", "w") as archive:
        for entry in sorted(base.iterdir()):
            archive.add(entry, entry.name)
    for name in (*of_machine, "var/lib/dpkg/status"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("machine")
    script = f"{FUNCTIONS}\nsh -c \"$(unpacking '{tmp_path}/base.tar')\" hook '{root}'"
    subprocess.run(["bash", "-c", script], check=True)
    found = {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}
    assert found == {**dict.fromkeys(of_machine, "machine"), **dict.fromkeys(of_base, "base")}
    assert (root / "dev").is_dir()  # an ordinary user's mmdebstrap mounts devices there and does not make it


MMDEBSTRAP = r"""#!/bin/bash
set -e
# Its hooks run as another account, whom neither the checkout nor the umask of its owner may keep out.
pwd >"$SEEN/seen"
for word; do
  case $word in --setup-hook=* | --customize-hook=*) echo "$word" >>"$SEEN/seen" ;; esac
done
for path in $(grep -o "$TMPDIR/[^' ]*" "$SEEN/seen" | sort -u); do
  stat --format '%A %n' "$path" >>"$SEEN/modes"
done
stat --format '%A %n' "$TMPDIR" >>"$SEEN/modes"
"""


def test_the_hooks_of_an_image_need_nothing_of_a_closed_home(containers: Path, tmp_path: Path) -> None:
    folder = containers / "host"
    (folder / "rootfs/etc").mkdir(parents=True)
    (folder / "customize").write_text("#!/bin/sh\n")
    (folder / "customize").chmod(0o700)
    stand_ins = STAND_INS[: STAND_INS.index("bootstrap()")]
    archive = """bring_archive() { touch "$2"; }\nbring_base() { echo >"$3"; }\n"""
    (containers / "build").write_text(f'{FUNCTIONS}\n{stand_ins}{archive}main "$@"\n')
    (containers / "mmdebstrap").write_text(MMDEBSTRAP)
    (containers / "mmdebstrap").chmod(0o755)
    environment = {**os.environ, "PATH": f"{containers}:{os.environ['PATH']}", "SEEN": str(tmp_path)}
    command = f"umask 077; exec {containers}/build host bookworm"
    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    seen = (tmp_path / "seen").read_text()
    assert str(tmp_path) not in seen and str(ROOT) not in seen
    modes = [line.split() for line in (tmp_path / "modes").read_text().splitlines()]
    assert {path.rsplit("/")[-1]: mode for mode, path in modes[:-1]} == {
        "archive": "-rw-r--r--", "base.tar": "-rw-r--r--", "customize": "-rwxr-xr-x", "rootfs.tar": "-rw-r--r--"
    }  # fmt: skip
    assert modes[-1] == ["drwxr-xr-x", seen.splitlines()[0]]


def test_the_image_of_the_waf_has_nothing_of_this_machines_apt(tmp_path: Path) -> None:
    """It goes to outlets, and the options of apt may name a proxy with its password."""
    root = tmp_path / "root"
    for name, content in {
        "etc/apt/apt.conf.d/99mmdebstrap": 'Acquire::http::Proxy "http://usuario:clave@proxy.test";',
        "etc/modsecurity/crs/crs-setup.conf": "# OWASP CRS ver.4.25.1",
        "etc/nginx/unicode.mapping": "",
        "usr/share/modsecurity-crs/rules/REQUEST-901.conf": "",
        "usr/share/waf/health": "",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{content}\n")
    for name in ("chroot", "install"):  # there is no system in it, and only root gives files away
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run([ROOT / "containers/waf/customize", root], env=environment, check=True)
    assert not (root / "etc/apt").exists()
    assert (root / "etc/labels").read_text().startswith("prep-difusor.ruleset=4.25.1\n")
