"""What lies where a verb reads a file (a pipe, a device, a huge file) is told, and keeps nobody waiting."""

from __future__ import annotations

import errno
import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from corte_kit import make_key
from home_kit import difusor
from listing_kit import enrolled, furnish

from corte.format import files, signature
from corte.format.errors import why
from corte.format.refusal import Refusal
from difusor.partners.files import new_folder, write_new

NO_FILE = "no es un archivo: es una tubería, un dispositivo u otra cosa"


def bound(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2 << 30)


ODD: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pipe": (os.mkfifo, NO_FILE),
    "a socket": (bound, NO_FILE),
    "a device without an end": (lambda path: path.symlink_to("/dev/zero"), NO_FILE),
    "a folder": (Path.mkdir, "es una carpeta"),
    "2 GB of nothing": (huge, "el archivo es demasiado grande"),
}


@pytest.mark.parametrize("case", ODD)
def test_the_shared_reader_takes_files_alone(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket has a hundred characters at most
    make, said = ODD[case]
    make(tmp_path / "x")
    for reader in (files.small, files.text):
        with pytest.raises(OSError) as refused:
            reader(tmp_path / "x")
        assert (why(refused.value), refused.value.filename) == (said, str(tmp_path / "x"))


def test_what_grows_is_a_file_too(tmp_path: Path) -> None:
    with files.appended(tmp_path / "nuevo") as grown:
        grown.write(b"uno\n")
    with files.appended(tmp_path / "nuevo") as grown:
        grown.write(b"dos\n")
    assert files.text(tmp_path / "nuevo") == "uno\ndos\n"
    os.mkfifo(tmp_path / "tubo")
    with pytest.raises(OSError, match=NO_FILE):
        files.appended(tmp_path / "tubo")


@pytest.mark.parametrize(("number", "told"), [(errno.EROFS, "x/dicho"), (errno.ENOSPC, "x/dicho"), (errno.EACCES, "x")])
def test_no_hidden_file_is_named_where_none_can_be_written(
    number: int, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is gone, and nobody has given it that name: the file that was to be written is told, or its folder."""

    def refused(*_: object, dir: Path, **__: object) -> NoReturn:
        raise OSError(number, os.strerror(number), f"{dir}/.nuevo-a1b2c3")

    (tmp_path / "x").mkdir()
    for maker in ("mkstemp", "mkdtemp", "NamedTemporaryFile"):
        monkeypatch.setattr(tempfile, maker, refused)
    writers: list[Callable[[Path], object]] = [
        lambda path: files.replace(path, b""),
        lambda path: write_new(path, b""),
        lambda path: new_folder(path).__enter__(),
    ]
    for write in writers:
        with pytest.raises(OSError) as error:
            write(tmp_path / "x/dicho")
        assert error.value.filename == str(tmp_path / told)


def test_texts_have_the_ends_of_lines_that_python_gives_them(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xef\xbb\xbfuno\r\ndos\rtres\n")
    assert files.text(tmp_path / "x", "utf-8-sig") == "uno\ndos\ntres\n"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_key(tmp_path_factory.mktemp("keys"), "firma")


@pytest.fixture
def home(tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home with an election and two difusores that could be on its list."""
    folder = furnish(tmp_path / "instituto", key, monkeypatch)
    enrolled(folder, "norte")
    enrolled(folder, "sur")
    return folder


@pytest.mark.parametrize(
    ("file", "verb", "said"),
    [
        ("elections/demo.yml", "status", "elections/demo.yml no es un archivo; bórrelo, o ponga ahí el archivo que"),
        ("elections/demo.yml", "list", "elections/demo.yml no es un archivo; bórrelo, o ponga ahí el archivo que"),
        ("elections/demo.yml", "form", "elections/demo.yml no es un archivo; bórrelo, o ponga ahí el archivo que"),
        ("inventories/sur/anexo2.json", "status", f"/sur/anexo2.json: {NO_FILE}"),
        ("inventories/sur/papeles.json", "status", f"/sur/papeles.json: {NO_FILE}"),
        ("build/pasos/sur.json", "status", "build/pasos/sur.json no se entiende; bórrelo"),
        ("build/dictamen/sur.json", "status", f"/dictamen/sur.json: {NO_FILE}"),
    ],
)
def test_a_pipe_in_the_place_of_a_file_keeps_no_verb_waiting(file: str, verb: str, said: str, home: Path) -> None:
    path = home / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    done = difusor(verb, *([home / "formato"] if verb == "form" else []), "--election", "demo", home=home)
    assert done.returncode == 1 and said in done.stderr, done
    assert "falló este programa" not in done.stderr


@pytest.mark.parametrize("case", ODD)
def test_no_key_keeps_whoever_signs_waiting(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make, said = ODD[case]
    make(tmp_path / "llave")
    with pytest.raises(Refusal, match=f"No se pudo firmar con {tmp_path}/llave: {said}"):
        signature.sign(b"x", tmp_path / "llave", "demo")
    assert not signature.is_key(tmp_path / "llave")


def test_a_folder_in_the_place_of_an_election_is_told_as_one(home: Path) -> None:
    (home / "elections/demo.yml").unlink()
    (home / "elections/demo.yml").mkdir()
    done = difusor("status", "--election", "demo", home=home)
    assert done.returncode == 1 and "elections/demo.yml es una carpeta y tiene nombre de archivo" in done.stderr


def test_a_huge_file_fills_no_memory(home: Path) -> None:
    huge(home / "elections/demo.yml")
    done = difusor("status", "--election", "demo", home=home)
    assert done.returncode == 1 and "elections/demo.yml mide más de 64 MB, y ahí va un texto" in done.stderr
