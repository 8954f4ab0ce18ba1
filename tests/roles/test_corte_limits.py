"""What is signed is what every server of every release takes and serves: one table decides at both ends."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tracemalloc
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from corte_kit import FILES, GOOD, Server, make_key, write_files
from role_kit import ROLES, render, value

import corte
from corte.format import limits, manifest, paths
from corte.format.manifest import Entry
from corte.format.refusal import Refusal

PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
SMALL = Entry(1, "a" * 64)


def refused(path: str) -> None:
    with pytest.raises(Refusal) as caught:
        manifest.read(replace(GOOD, files={**GOOD.files, path: SMALL}).to_bytes())
    assert caught.value.code == "path"


@pytest.mark.parametrize("name", ["copia.bak", "datos.sql", "sitio.ini", "A.BAK", "x.y.Sql", "nota.txt~", "x.key"])
def test_a_type_that_the_edge_refuses_is_not_signed(name: str):
    refused(name)
    refused(f"datos/congreso/{name}")


@pytest.mark.parametrize(
    "name", ["bak", "sql.csv", "ini/a.csv", "x.bak/a.csv", "x.bakery", "a.bin", "~a.csv", "a~b.csv"]
)
def test_other_names_are_signed(name: str):
    manifest.read(replace(GOOD, files={**GOOD.files, name: SMALL}).to_bytes())


def test_the_waf_refuses_exactly_those_types():
    text = render("waf", "etc/waf/settings.conf", {})
    (listed,) = re.findall(r"tx\.restricted_extensions=([^']*)'", text)
    assert listed.split() == [f".{name}/" for name in limits.REFUSED_TYPES]
    assert set(limits.REFUSED_TYPES) == {name.lower() for name in limits.REFUSED_TYPES}


@pytest.mark.parametrize("path", ["_fast/a.json", "_aviso/x.css", "_inspect", "healthz", "Healthz"])
def test_what_nginx_answers_itself_is_not_signed(path: str):
    refused(path)


def test_the_table_names_every_place_that_nginx_keeps_for_itself():
    """Every location of the edge and of the application's nginx that is not for files of the corte."""
    edge = (ROLES / "nginx/templates/etc/nginx/sites-available/prep.j2").read_text()
    application = (ROLES.parent / "containers/prep/rootfs/etc/nginx/nginx.conf").read_text()
    location = re.compile(r"^ +location (?:= |\^~ )?(?:\{\{ nginx_base_path \}\})?/?([\w.][\w.-]*)", re.MULTILINE)
    named = location.findall(edge + application)
    others = {".well-known", "robots.txt"}  # hidden names are refused anyway; robots.txt is served from the corte
    assert set(named) - others == set(limits.RESERVED)


@pytest.mark.parametrize(
    "name",
    [
        "a\ufe0f.csv", "a\u3164.csv", "a\u115f.csv", "a\uffa0.csv", "a\u034f.csv", "a\u17b4.csv", "a\u180b.csv",
        "a\u00ad.csv", "a\u200d.csv", "a\u2800.csv", "a\U000e0100.csv", "\u0430cta.csv", "\u202ea.csv", "a\u0338.csv",
        "\u1e9e.csv", "\U0001df25.csv", "\u1c89.csv", "\ua7cb.csv", "a\u00b2.csv", "\u3000a.csv",
    ],
    ids=ascii,
)  # fmt: skip
def test_a_name_that_looks_like_another_or_is_of_a_later_unicode_is_not_signed(name: str):
    """Variation selectors, fillers, joiners, Cyrillic; letters that Unicode 14 to 16 added."""
    refused(name)


def test_the_letters_are_of_unicode_3_2_and_fold_as_then():
    old = unicodedata.ucd_3_2_0
    for letter in limits.LETTERS:
        assert old.category(letter)[0] == "L" and old.normalize("NFC", letter) == letter
        assert old.normalize("NFKC", letter) == unicodedata.normalize("NFKC", letter)


JUDGE = """
import json, sys
from corte.format import paths
from corte.format.refusal import Refusal
def verdict(name):
    try:
        paths.check(name)
    except Refusal as refusal:
        return str(refusal)
    return paths.fold(name)
json.dump([verdict("a" + character) for character in json.load(sys.stdin)], sys.stdout)
"""
BLOCKS = (range(1, 0x3400), range(0xA600, 0xAC00), range(0xF900, 0x10000), range(0x1DF00, 0x1E000))
"""Alphabets, marks and forms, among them what was added between Unicode 13 (Python 3.9) and 16 (3.14)."""


def python(version: str) -> str | None:
    """Return the program of a Python version, of this machine or of its pyenv."""
    kept = sorted((Path.home() / ".pyenv/versions").glob(f"{version}.*/bin/python{version}"))
    return str(kept[-1]) if kept else shutil.which(f"python{version}")


@pytest.mark.parametrize("version", PYTHONS)
def test_every_python_judges_names_alike(version: str, tmp_path: Path):
    """The Unicode databases of Python 3.9 to 3.14 differ in thousands of characters."""
    program = python(version)
    if program is None:
        pytest.skip(f"this machine has no Python {version}")
    characters = json.dumps([chr(code) for block in BLOCKS for code in block])
    here = {"PYTHONPATH": str(Path(corte.__file__).parents[1])}
    judged = [
        subprocess.run(
            [each, "-B", "-c", JUDGE], input=characters, text=True, env=here, capture_output=True, check=True
        ).stdout
        for each in (program, sys.executable)
    ]
    assert judged[0] == judged[1]


def test_a_file_that_no_daemon_could_receive_is_not_signed():
    with pytest.raises(Refusal) as caught:
        manifest.read(replace(GOOD, files={"a.zip": Entry(limits.MAX_FILE_BYTES + 1, "a" * 64)}).to_bytes())
    assert caught.value.code == "size" and "a.zip" in str(caught.value)
    text = render("rsync", "etc/systemd/system/rsync.service.d/prep.conf", {})
    assert f"LimitFSIZE={limits.MAX_FILE_BYTES}\n" in text


def test_files_that_are_too_much_together_are_not_signed():
    files = {f"{number}.zip": Entry(limits.MAX_FILE_BYTES, "a" * 64) for number in range(4)}
    manifest.read(replace(GOOD, files=files).to_bytes())
    with pytest.raises(Refusal) as caught:
        manifest.read(replace(GOOD, files={**files, "a.csv": SMALL}).to_bytes())
    assert caught.value.code == "size"


def test_millions_of_folders_are_refused_before_they_are_counted():
    deep = [f"{number}/{'x/' * (paths.MAX_DEPTH - 2)}a.csv" for number in range(3 * limits.MAX_FOLDERS)]
    tracemalloc.start()
    try:
        with pytest.raises(Refusal, match=f"más de {limits.MAX_FOLDERS} carpetas"):
            paths.check_all(deep)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


def test_too_many_folders_are_not_signed():
    """The daemon's guard ends a transfer of more inodes than its limit, and folders are inodes."""
    files = {f"{number}/a.csv": SMALL for number in range(limits.MAX_FOLDERS)}
    manifest.read(replace(GOOD, files=files).to_bytes())
    refusal = replace(GOOD, files={**files, "otra/a.csv": SMALL}).to_bytes()
    with pytest.raises(Refusal, match="carpetas"):
        manifest.read(refusal)
    assert value("rsync", "rsync_max_files", {}) >= manifest.MAX_FILES + limits.MAX_FOLDERS + 3


@pytest.mark.parametrize("path", ["datos/x.bak", "actas/a\ufe0f.jpg", "healthz"])
def test_the_intake_refuses_what_another_program_signed(tmp_path: Path, path: str):
    server = Server.make(tmp_path / "srv", make_key(tmp_path, "firma"))
    assert server.send(5)["result"] == "shown"
    found = server.manifest(6)
    write_files(server.config.incoming, {path: b"x"})
    raw = replace(found, files={**found.files, path: Entry(1, manifest.digest(b"x"))}).to_bytes()
    assert (server.push(raw)["code"], server.shown()) == ("path", 5)
    assert FILES.keys() == manifest.read((server.config.public / "actual/corte.json").read_bytes()).files.keys()
