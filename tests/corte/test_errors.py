"""What the system says in English is told in Spanish."""

from __future__ import annotations

import errno
import os
import shutil
import socket
from pathlib import Path

import pytest
from corte_kit import make_key, room_for

from corte.format import content, files, signature
from corte.format.errors import why
from corte.format.refusal import Refusal


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda folder: (folder / "x").read_bytes(), "no existe"),
        (lambda folder: folder.read_bytes(), "es una carpeta"),
        (lambda folder: (folder / ("x" * 300)).touch(), "el nombre es demasiado largo"),
        (lambda folder: folder.mkdir(), "ya existe"),
        (lambda folder: socket.create_connection(("127.0.0.1", 1)), "rechaza la conexión"),
        (lambda folder: socket.getaddrinfo("prep.invalid", 443), "nadie conoce ese nombre"),
    ],
)
def test_a_real_error_is_told_in_spanish(tmp_path: Path, call, said: str):
    with pytest.raises(OSError) as caught:
        call(tmp_path)
    assert why(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("name", "raw", "said"),
    [
        ("a.json", b'"\xe1"', "no está en UTF-8"),
        ("a.zip", b"PK", "no es un zip, o está dañado"),
        ("a.json", b"{", "no es JSON"),
        ("a.json", b"[" * 100_000, "tiene demasiados niveles"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_in_spanish(tmp_path: Path, name: str, raw: bytes, said: str):
    (tmp_path / name).write_bytes(raw)
    assert said in content.captures(tmp_path, [name])


def test_a_rare_error_is_told_by_its_name():
    assert why(OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))) == "el sistema no lo permite (ENOLCK)"


def test_a_copy_of_several_files_is_told_by_its_first_cause(tmp_path: Path):
    with pytest.raises(shutil.Error) as caught:
        (tmp_path / "a").mkdir()
        (tmp_path / "a/b").symlink_to("nada")
        shutil.copytree(tmp_path / "a", tmp_path / "c")
    assert why(caught.value) == "no existe"


def test_a_write_that_fails_names_its_file(tmp_path: Path):
    (tmp_path / "acta").write_bytes(b"x")
    with pytest.raises(OSError) as caught, room_for(10):
        files.replace(tmp_path / "acta", bytes(20))
    assert (caught.value.filename, why(caught.value)) == (str(tmp_path / "acta"), "el archivo es demasiado grande")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("acta", b"x")]


def test_no_sentence_is_the_systems_own():
    assert not [number for number in errno.errorcode if os.strerror(number) in why(OSError(number, "x"))]


def test_what_ssh_keygen_complains_of_is_told_in_spanish(tmp_path: Path):
    key, other = make_key(tmp_path, "firma"), tmp_path / "otra"
    other.with_suffix(".pub").write_bytes(key.with_suffix(".pub").read_bytes())
    with pytest.raises(Refusal, match="falta su parte privada"):
        signature.sign(b"x", other.with_suffix(".pub"), "demo")
    with pytest.raises(Refusal, match="esa llave no existe"):
        signature.sign(b"x", tmp_path / "no-hay", "demo")
    armour = signature.sign(b"x", key, "demo")
    with pytest.raises(Refusal, match="firma otro contenido"):
        signature.signed_by(b"y", armour, "demo")
