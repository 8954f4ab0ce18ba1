"""Hostile forms: no command runs, nothing is written outside an inventory, the message names the item or the file."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
import zlib
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from form_kit import BOUNDED, GOOD, as_yaml, beside_logo, png
from home_kit import everything, furnish
from hypothesis import given, settings
from hypothesis import strategies as st
from inventory_kit import KEY, shipped

from difusor.inventory import picture
from difusor.inventory.variables import read as read_inventory
from difusor.partners import enrolment
from difusor.partners.enrolment import Desk
from difusor.partners.form.items import Received, Remark, items, keys, read
from difusor.partners.form.received import open_form
from difusor.partners.likeness import alike, folded, imitates
from difusor.partners.review import Surroundings, _institute
from difusor.project import UnusableError

PIPE = "{{ lookup('pipe', 'touch evaluado') }}"


def judged(change: dict[str, str]) -> list[Remark]:
    """Return what is wrong with the correct form when some of its values are others."""
    places = {each.key: f"celda de {each.number}" for each in items()}
    return read(Received({**GOOD, **change}, places))[2]


# ---------------------------------------------------------------------------------------------------- single values
TEXTS = {
    "template": PIPE,
    "block": "{% for x in [] %}{% endfor %}",
    "comment": "{# nada #}",
    "jinja2 header": "#jinja2: variable_start_string:'[['",
    "nested": "Diario {{'{{'}} x",
    "newline": "Diario\n    ansible_connection: local",
    "carriage return": "Diario\rx",
    "line separator": "Diario\u2028x",
    "next line": "Diario\u0085x",
    "null": "Diario\x00x",
    "escape": "Diario\x1b[2Jx",
    "right to left": "Diario\u202esoleroM",
    "zero width": "Dia\u200brio",
    "soft hyphen": "Dia\u00adrio",
    "tag characters": "Diario\U000e0041",
    "cyrillic": "D\u0456\u0430rio de Ribelos",
    "greek": "Diari\u03bf de Ribelos",
    "fullwidth": "\uff24iario de Ribelos",
    "mathematical": "\U0001d403iario de Ribelos",
    "combining": "Diario\u0336 de Ribelos",
    "arabic digits": "Diario \u0661\u0662",
    "formula": "=HYPERLINK(\"http://x.mx\",\"Diario\")",
    "lotus formula": "@SUM(A1)",
    "dde": "+cmd|' /C calc'!A0",
    "minus": "-2+3+cmd|' /C calc'!A0",
    "plus": "+HYPERLINK(A1)",
    "example": "EJEMPLO, Diario",
    "surrogate": "Diario \ud800",
    "long": "x" * 5000,
}  # fmt: skip
DESCRIBED = ("software", "hardware", "energia", "red")
FREE = ("nombre", "tecnico.nombre", "legal.nombre", "ftp.usuario", *DESCRIBED)


@pytest.mark.parametrize("key", FREE)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_a_text_that_is_more_than_text_is_refused_by_its_item(key: str, text: str) -> None:
    found = judged({key: text})
    if text == TEXTS["newline"] and key in DESCRIBED:
        assert found == [], "a description has lines, which become one"
        return
    assert [each.key for each in found] == [key]
    assert found[0].place.startswith("celda de ") and found[0].sentence


HOSTS = {
    "upper": ("DIARIO.MX", True), "dot": ("diario.mx.", True), "one label": ("localhost", False),
    "local": ("diario.local", False), "internal": ("diario.internal", False), "suffix": ("com.mx", False),
    "cyrillic": ("di\u0430rio.mx", False), "punycode": ("xn--dirio-4ve.mx", False), "accent": ("diarió.mx", False),
    "dotless": ("dıario.mx", False), "option": ("-oProxyCommand=touch.mx", False), "space": ("diario .mx", False),
    "range": ("web[1:9].diario.mx", False), "underscore": ("a_b.diario.mx", False), "template": (PIPE, False),
    "shell": ("diario.mx;id", False), "substitution": ("$(id).mx", False), "long": (f"{'a' * 64}.mx", False),
    "call's example": ("www.difusor.mx", False), "example": ("www.example.com", False),
}  # fmt: skip


@pytest.mark.parametrize(("host", "good"), HOSTS.values(), ids=HOSTS.keys())
@pytest.mark.parametrize("key", ["sitio", "enlace", "ftp.servidor", "anexo_tecnico.ssh_servidor"])
def test_a_host_is_a_registered_name_in_plain_letters(key: str, host: str, good: bool) -> None:
    assert [each.key for each in judged({key: host})] == ([] if good else [key])


ADDRESSES = (
    "127.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1",
    "203.0.113.10", "189.240.1.7/32", "189.240.1", "0189.240.1.7", "0xbd.240.1.7", "3186622727", "189.240.1.7:22",
    "189.240.1.7 -oProxyCommand=id", "٣.٢.١.٠", "::ffff:189.240.1.7", "2806:2f0::7", "192.88.99.1", "192.0.0.9", PIPE,
)  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_only_an_ipv4_that_a_server_can_have_is_one(address: str) -> None:
    assert [each.key for each in judged({"anexo_tecnico.ipv4": address})] == ["anexo_tecnico.ipv4"]


NOBODYS = (
    "::1", "fe80::1", "fe80::1%eth0", "ff02::1", "2001:db8::1", "::ffff:8.8.8.8", "2002:808:808::1", "::8.8.8.8",
    "64:ff9b::8.8.8.8", "fec0::7", "2001:20::7", "2001:4:112::7", "2001:0:808:808::7", "4000::7", "5f00::7",
)  # fmt: skip


@pytest.mark.parametrize("address", NOBODYS)
def test_only_an_ipv6_that_a_server_can_have_is_one(address: str) -> None:
    assert [each.key for each in judged({"anexo_tecnico.ipv6": address})] == ["anexo_tecnico.ipv6"]


OTHERS = [
    ("enlace", "diario.mx/../../etc"), ("enlace", "diario.mx/.well-known"), ("enlace", "diario.mx//x"),
    ("enlace", "diario.mx:8443/prep"), ("enlace", "usuario@diario.mx"), ("enlace", "diario.mx/prep?x=1"),
    ("enlace", "diario.mx/prep#x"), ("enlace", "javascript:alert(1)"), ("enlace", "ftp://diario.mx/prep"),
    ("enlace", "https://https://diario.mx"), ("enlace", "diario.mx\\prep"), ("enlace", "diario.mx/pr%65p"),
    ("tecnico.correo", "sistemas"), ("tecnico.correo", "a@b@diario.mx"), ("tecnico.correo", "a..b@diario.mx"),
    ("tecnico.correo", "sistemas@di\u0430rio.mx"), ("tecnico.correo", "a@diario.mx\nBcc: otro@x.mx"),
    ("tecnico.correo", "\"a b\"@diario.mx"), ("tecnico.correo", "a@[189.240.1.7]"),
    ("tecnico.correo", "a@diario.local"),
    ("legal.telefono", "044 777 123 4567"), ("legal.telefono", "+52 1 777 123 4567"), ("legal.telefono", "777 12"),
    ("legal.telefono", "no tengo"), ("legal.telefono", "=7771234567"), ("legal.telefono", "777 123 4567; id"),
    ("logotipo", "../logotipo.png"), ("logotipo", "/etc/passwd"), ("logotipo", "a/b.png"), ("logotipo", "a\\b.png"),
    ("logotipo", "..png"), ("logotipo", ".oculto.png"), ("logotipo", "logo.svg"), ("logotipo", "logo.png.exe"),
    ("logotipo", "-rf.png"), ("logotipo", "logo.png\x00.sh"), ("logotipo", "C:logo.png"), ("logotipo", "~/logo.png"),
    ("anexo_tecnico.ssh_cuenta", "root"), ("anexo_tecnico.ssh_cuenta", "-oProxyCommand=id"),
    ("anexo_tecnico.ssh_cuenta", "a b"), ("anexo_tecnico.ssh_cuenta", "ubuntu\nansible_become: no"),
    ("anexo_tecnico.ssh_cuenta", PIPE), ("anexo_tecnico.ssh_puerto", "0"), ("anexo_tecnico.ssh_puerto", "70000"),
    ("anexo_tecnico.ssh_puerto", "22 -o x"), ("anexo_tecnico.ssh_puerto", "-22"), ("anexo_tecnico.ssh_puerto", PIPE),
    ("anexo_tecnico.ssh_llave", "ssh-ed25519 AAAA"), ("anexo_tecnico.ssh_llave", f"{KEY}\n* {KEY}"),
    ("anexo_tecnico.ssh_llave", f"@cert-authority * {KEY}"), ("anexo_tecnico.ssh_llave", f"command=\"id\" {KEY}"),
    ("anexo_tecnico.ssh_llave", "-----BEGIN OPENSSH PRIVATE KEY-----"),
    ("anexo_tecnico.certificado", "otro"), ("anexo_tecnico.servidor", "nube"),
    ("anexo_tecnico.participa_como", PIPE),
    ("anexo_tecnico.nucleos", "ocho"), ("anexo_tecnico.nucleos", "-8"), ("anexo_tecnico.nucleos", "1e9"),
    ("anexo_tecnico.ghz", "nan"), ("anexo_tecnico.ghz", "inf"), ("anexo_tecnico.ram_gb", "9" * 400),
]  # fmt: skip


@pytest.mark.parametrize(("key", "text"), OTHERS, ids=lambda text: ascii(text)[1:28])
def test_a_value_of_another_kind_is_refused_by_its_item(key: str, text: str) -> None:
    assert [each.key for each in judged({key: text})] == [key]


@pytest.mark.parametrize(
    ("host", "domain", "seen"),
    [
        ("lmpebar.mx", "impebar.mx", True), ("impebar.com.mx", "impebar.mx", True),
        ("impebar-prep.mx", "impebar.mx", True),
        ("impebr.mx", "impebar.mx", True), ("impebarc.mx", "impebar.mx", True), ("imebar.mx", "impebar.mx", True),
        ("ipmebar.mx", "impebar.mx", True), ("1mpebar.mx", "impebar.mx", True), ("im-pebar.mx", "impebar.mx", True),
        ("impebar.diario.mx", "impebar.mx", True), ("lmpebarnoticias.mx", "impebar.mx", True),
        ("irnpebar.mx", "impebar.mx", True), ("www.impebar.mx", "impebar.mx", False),
        ("diario.mx", "impebar.mx", False), ("impacto.mx", "impebar.mx", False), ("prep.uaem.mx", "impebar.mx", False),
    ],
)  # fmt: skip
def test_an_imitation_of_a_domain_is_seen(host: str, domain: str, seen: bool) -> None:
    assert imitates(host, domain) is seen


@pytest.mark.parametrize(
    ("name", "domain", "seen"),
    [
        ("El Tiempo", "iem.org.mx", False), ("Línea Directa", "ine.mx", False), ("La Prepa", "prep.iee.mx", False),
        ("IEM Noticias", "iem.org.mx", True), ("1ne Noticias", "ine.mx", True), ("La Impebar", "impebar.mx", True),
        ("Noticiasimpebar", "impebar.mx", True), ("Instituto Electoral de Ribera", "prep.iee.mx", True),
    ],
)  # fmt: skip
def test_a_short_domain_of_the_institute_is_not_seen_within_a_word(name: str, domain: str, seen: bool) -> None:
    institute = {**shipped("ribera-2027").institute.model_dump(), "domain": domain}
    around = Surroundings(shipped("ribera-2027", institute=institute), [], datetime(2027, 5, 20, tzinfo=UTC))
    said = defaultdict(str, nombre=name)
    assert ("se confunde con el Instituto" in str([*_institute(said, Received(said, {}), around)])) is seen


@BOUNDED
@given(st.text("abcdefghij", min_size=4, max_size=9), st.data())
def test_names_one_letter_apart_are_alike_both_ways(name: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(name) - 1))
    for other in (f"{name[:place]}z{name[place:]}", f"{name[:place]}z{name[place + 1 :]}"):
        assert alike(name, other) and alike(other, name)
    assert not alike(name, name) and not alike(name, f"{name}zz") and not alike(f"zz{name}", name)


@pytest.mark.parametrize(
    ("name", "plain"),
    [("Łódź y Œuvre", "lodzyoeuvre"), ("Ærø Straße", "aerostrasse"), ("Ñandú, Đuro", "nanduduro"), ("El Día", "eldia")],
)
def test_a_name_may_have_the_letters_of_its_language_and_is_compared_without_them(name: str, plain: str) -> None:
    assert judged({"nombre": name}) == [] and folded(name) == plain


# ---------------------------------------------------------------------------------------------------- files in YAML
def bomb() -> str:
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 9))
    return f"l0: &l0 lol\n{levels}"


FILES = {
    "alias bomb": bomb(),
    "anchor": "nombre: &a Diario\nsitio: *a\n",
    "merge": "base: &b {nombre: x}\n<<: *b\n",
    "python object": "nombre: !!python/object/apply:os.system ['touch evaluado']\n",
    "python name": "!!python/name:os.system nombre: x\n",
    "vault": "nombre: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n",
    "unsafe": f"nombre: !unsafe \"{PIPE}\"\n",
    "binary": "nombre: !!binary aG9sYQ==\n",
    "two documents": "nombre: x\n---\nnombre: y\n",
    "deep": "[" * 3000,
    "deep mapping": "{a: " * 3000,
    "list": "- nombre\n- sitio\n",
    "text": "hola",
    "control": "nombre: a\x07b\n",
    "tab": "tecnico:\n\tnombre: x\n",
    "quotes": "nombre: \"Diario\n",
    "many": "".join(f"x{number}: 1\n" for number in range(3000)),
    "utf-16": "nombre: Diario\n".encode("utf-16"),
    "bytes": b"\xff\xfe\x00nombre",
    "huge": b"nombre: " + b"a" * (80 << 10),
    "empty": b"  \n",
    "pdf": b"%PDF-1.7 nombre: x",
    "old excel": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "picture": png(),
}  # fmt: skip


@pytest.mark.parametrize("content", FILES.values(), ids=FILES.keys())
def test_a_file_that_is_no_form_is_refused_in_a_sentence(content: str | bytes, tmp_path: Path) -> None:
    form = beside_logo(tmp_path, "formato.yml", content.encode() if isinstance(content, str) else content)
    before, began = everything(tmp_path), time.process_time()
    with pytest.raises(UnusableError, match=r"^formato\.yml.*[Nn]ada se creó"):
        open_form(form)
    assert time.process_time() - began < 10, "whatever it would grow to"
    assert everything(tmp_path) == before


LINES = {
    "twice": ("nombre: Otro\n", "nombre", "está dos veces"),
    "twice in a part": ("legal: {nombre: x}\n", "legal.nombre", "está dos veces"),
    "unknown": ("ansible_connection: local\n", "ansible_connection", "no es un dato del formato"),
    "misspelt": ("sitio_: x\n", "sitio_", "¿quiso decir sitio?"),
    "vars": ("all: {vars: x}\n", "all", "no es un dato"),
}


@pytest.mark.parametrize(("line", "key", "words"), LINES.values(), ids=LINES.keys())
def test_a_line_too_many_is_named(line: str, key: str, words: str, tmp_path: Path) -> None:
    form = as_yaml(tmp_path)
    form.write_text(form.read_text() + line, encoding="utf-8")
    none, _, findings = read(open_form(form))
    assert none is None, "nothing is guessed"
    assert [(each.key, words in each.sentence) for each in findings] == [(key, True)]
    assert "renglón" in findings[0].place


@pytest.mark.parametrize("value", ["[a, b]", "{a: b}"])
def test_a_value_that_is_no_text_is_named(value: str, tmp_path: Path) -> None:
    form = as_yaml(tmp_path)
    form.write_text(re.sub(r"(?m)^red: .*$", f"red: {value}", form.read_text()), encoding="utf-8")
    assert [each.key for each in read(open_form(form))[2]] == ["red"]


@BOUNDED
@given(st.text(max_size=400) | st.binary(max_size=400))
def test_whatever_the_file_says_is_told_in_a_sentence(tmp_path: Path, content: str | bytes) -> None:
    raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    form = beside_logo(tmp_path, "formato.yml", raw)
    try:
        assert read(open_form(form))[0] is None
    except UnusableError as refused:
        assert "ada se creó" in str(refused)


# -------------------------------------------------------------------------------------------------------- the logo
def chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4) + kind + content + zlib.crc32(kind + content).to_bytes(4)


def header(width: int, height: int) -> bytes:
    head = width.to_bytes(4) + height.to_bytes(4) + bytes([8, 6, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)


LOGOS = {
    "bomb": header(60000, 60000) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b""),
    "beyond limits": header(2**31 - 1, 2**31 - 1) + chunk(b"IDAT", b"") + chunk(b"IEND", b""),
    "no pixels": header(200, 80) + chunk(b"IEND", b""),
    "zero": header(0, 80) + chunk(b"IEND", b""),
    "cut": png()[:90],
    "text bomb": header(200, 80) + chunk(b"zTXt", b"a\0\0" + zlib.compress(b"a" * (64 << 20))) + chunk(b"IEND", b""),
    "small": png(20, 20),
    "large": png(5000, 100),
    "jpeg": b"\xff\xd8\xff\xe0" + b"\0" * 64,
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "gif as png": b"GIF89a" + b"\0" * 64,
    "html": b"<html>",
    "empty": b"",
}


@pytest.mark.parametrize("received", LOGOS.values(), ids=LOGOS.keys())
def test_what_is_no_logo_is_refused_in_a_sentence(received: bytes) -> None:
    began = time.process_time()
    with pytest.raises(ValueError, match=r"^el logotipo (no es|está|mide)"):
        picture.anew(received)
    assert time.process_time() - began < 10


@pytest.mark.parametrize("name", ["enlace.png", "carpeta.png", "tubo.png", "toma.png", "falta.png"])
def test_only_a_file_beside_the_form_is_a_logo(name: str, tmp_path: Path) -> None:
    (tmp_path / "secreto.png").write_bytes(png())
    mail = tmp_path / "correo"
    (mail / "carpeta.png").mkdir(parents=True)
    (mail / "enlace.png").symlink_to(tmp_path / "secreto.png")
    os.mkfifo(mail / "tubo.png")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(mail / "toma.png"))
        found = enrolment.picture(name, open_form(as_yaml(mail)), mail, Desk("x", "y", None))[1]  # type: ignore[arg-type]
    assert [each.key for each in found] == ["logotipo"]


# ------------------------------------------------------------------------- what is accepted is data, Ansible's too
ODD = [
    "no", "null", "1e3", "0x1F", "2027-06-06", "!vault x", "*a", "'", '"', "\\", "a: b", "- a", "x #y", "${id}", "%s",
    "$(touch evaluado)", "`touch evaluado`", "}} x", "%}", "<b>", "&amp;", "../../x", "~", "%{x}", "{ x }", "{x",
]  # fmt: skip


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        home = furnish(tmp_path_factory.mktemp("datos") / "instituto", patch)
        yield home


@settings(BOUNDED, max_examples=30)
@given(st.sampled_from(ODD) | st.text(min_size=1, max_size=60))
def test_a_text_that_is_accepted_is_read_back_by_ansible_as_it_is(enrolled: Path, text: str) -> None:
    form, said, findings = read(Received({**GOOD, "red": text, "software": f"x {text}"}, {}))
    assert form or {each.key for each in findings} <= {"red", "software"}
    if form is None:
        return
    folder = enrolled / f"inventories/leido{len(list((enrolled / 'inventories').iterdir()))}"  # Ansible remembers files
    group = folder / "group_vars/leido"
    group.mkdir(parents=True)
    desk = Desk("leido", "ensayo", None, (KEY,))  # type: ignore[arg-type]
    partner = enrolment.facts(form, desk)
    for name, content in enrolment._registered(form, desk, partner, b"", None).items():
        (folder / name).write_bytes(content)
    (folder / "hosts.yml").write_text("difusores: {children: {leido: {hosts: {web1: }}}}\n")
    values = read_inventory(folder, only=frozenset({"difusor_registration"})).hosts["web1"]["difusor_registration"]
    assert (values["network"], values["software"]) == (said["red"], said["software"])
    assert not list(enrolled.rglob("evaluado")) and not Path("evaluado").exists()


def test_there_are_more_than_a_hundred_cases() -> None:
    values = len(FREE) * len(TEXTS) + 4 * len(HOSTS) + len(ADDRESSES) + len(OTHERS)
    assert values + len(FILES) + len(LINES) + len(LOGOS) > 100
    assert set(FREE) < set(keys()) and subprocess.call(["test", "!", "-e", "evaluado"]) == 0
