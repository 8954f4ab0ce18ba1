"""What a host of the lab keeps of Ansible's modules: the same code runs, and other source is compiled anew."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from difusor.project import ROOT

FOLDER = ROOT / "containers/host/rootfs/usr/lib/python3/dist-packages"
PROGRAM = """
import sys
sys.path[:0] = [{archive!r}, {folder!r}]
import compiled_modules
compiled_modules.KEPT = {kept!r}
import sent
print(sent.VALUE, sent.__file__)
"""


def run(archive: Path, kept: Path, value: str) -> str:
    """Import the module `sent`, whose VALUE is `value`, from an archive as a host of the lab does; return its value."""
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("sent.py", f"VALUE = {value!r}\n")
    program = PROGRAM.format(archive=str(archive), folder=str(FOLDER), kept=str(kept))
    printed = subprocess.run([sys.executable, "-IB", "-c", program], check=True, capture_output=True, text=True).stdout
    shown, file = printed.split()
    assert file == f"{archive}/sent.py"
    return shown


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "kept"


def test_what_was_compiled_is_kept_and_runs_from_another_archive(tmp_path: Path, kept: Path) -> None:
    assert run(tmp_path / "one.zip", kept, "a") == "a"
    (name,) = kept.iterdir()
    compiled = name.read_bytes()
    assert run(tmp_path / "two.zip", kept, "a") == "a"
    assert [each.read_bytes() for each in kept.iterdir()] == [compiled]


def test_other_source_is_compiled_anew(tmp_path: Path, kept: Path) -> None:
    assert [run(tmp_path / "one.zip", kept, value) for value in ("a", "b", "a")] == ["a", "b", "a"]
    assert len(list(kept.iterdir())) == 2


def test_only_what_ansible_sends_does_without_the_search_for_unused_objects(tmp_path: Path, kept: Path) -> None:
    """The server's own programs, which run for weeks, import this file, too."""
    program = f"import sys; sys.path.insert(0, {str(FOLDER)!r}); import compiled_modules, gc; print(gc.isenabled())"
    assert subprocess.check_output([sys.executable, "-IB", "-c", program], text=True) == "True\n"
    with zipfile.ZipFile(tmp_path / "one.zip", "w") as written:
        written.writestr("sent.py", "import gc\nVALUE = gc.isenabled()\n")
    program = PROGRAM.format(archive=str(tmp_path / "one.zip"), folder=str(FOLDER), kept=str(kept))
    assert subprocess.check_output([sys.executable, "-IB", "-c", program], text=True).startswith("False ")


def test_without_room_it_is_compiled_each_time(tmp_path: Path, kept: Path) -> None:
    kept.write_text("a file where the folder should be")
    assert run(tmp_path / "one.zip", kept, "a") == "a"
