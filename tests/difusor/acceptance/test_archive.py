"""The archive holds everything that the steps kept and none of the secrets, and is the same each time."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import subprocess
import tarfile
from pathlib import Path

import pytest
from home_kit import furnish, made

from difusor.acceptance.archive import cleaner, pack, packed, secrets
from difusor.acceptance.case import Case
from difusor.acceptance.journal import Journal, Record, Start, Verdict, shelf
from difusor.acceptance.refusals import only_server
from difusor.inventory.variables import read
from difusor.project import HOME, ROOT
from difusor.suite.redaction import SECRET

VALUE = "canario-rsync-9b27d4e0"
ENCODED = base64.b64encode(f"x:{VALUE}".encode()).decode()
HASH = "$6$rounds=656000$MjLSBo8ELbsBtmVj$2d3kK7eXAMPLEhashEXAMPLEhash/EXAMPLE.hash0"
YESCRYPT = "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"


def private_key(folder: Path) -> str:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key"], check=True)
    return (folder / "key").read_text()


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"rsync://instituto:{VALUE}@10.0.0.1/corte/", VALUE),
        (f'+  "secret": "{VALUE}"', VALUE),
        (f"Authorization: Basic {ENCODED}", ENCODED),
        (f"root:{HASH}:19000:0:99999:7:::", HASH[3:40]),
        (f"-difusor_admin_password_hash: {YESCRYPT}", YESCRYPT[4:40]),
        (f"Cookie: sesion={TOKEN}", TOKEN),
        ("https://operador:otra-clave@diario.mx/", "otra-clave"),
        ("db_password = 'correcto-caballo'", "correcto-caballo"),
        ("api-key: 8f14e45fceea167a5a36", "8f14e45fceea167a5a36"),
        ('{"password": "correcto caballo, pila"}', "caballo, pila"),
        (json.dumps(json.dumps({"db_password": "correcto caballo"})), "caballo"),
        ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMIK7MDENG", "wJalrXUtnFEMIK7MDENG"),
        ("ExecStart=/usr/bin/app --db-password correcto-caballo", "correcto-caballo"),
        ("MYSQL_PWD=correcto-caballo", "correcto-caballo"),
        ("redis://:otra-clave@127.0.0.1/0", "otra-clave"),
        ("Cookie: PHPSESSID=9b27d4e0c1; a=b", "9b27d4e0c1"),
        ("remote: ghp_16C7e42F292c6912E7710c838347Ae178B4a", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"),
    ],
)  # fmt: skip
def test_what_is_secret_is_blacked_out(text: str, secret: str) -> None:
    clean = cleaner([VALUE])(text)
    assert SECRET in clean
    assert secret not in clean


@pytest.mark.parametrize("form", [str, json.dumps, lambda key: key.replace("\n", "\n+    "), lambda key: key[:200]])
def test_a_private_key_is_blacked_out_in_every_form(form: object, tmp_path: Path) -> None:
    key = private_key(tmp_path)
    clean = cleaner([])(f"antes\n{form(key)}")  # type: ignore[operator]
    assert clean.startswith("antes\n")
    assert not any(line in clean for line in key.splitlines()[1:4])


def test_addresses_names_and_settings_stay() -> None:
    text = (
        "PasswordAuthentication no\nPASS_MAX_DAYS 365\n189.240.1.7 prep.diario.mx\nSHA256:3J4fQd\n"
        '/etc/pam.d/common-password\nsecret = no\nhttps://prep.diario.mx/?a=b@c\n"/etc/pam.d/passwd": "0644 root:r a"\n'
        '"passwd:amd64": "1:4.13"\n"/etc/pam.d/common-password": "0644 root:root b"\n'
    )
    assert cleaner([VALUE])(text) == text


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Journal, Case]:
    furnish(tmp_path / "instituto", monkeypatch)
    inventory = made()
    case = Case(inventory, only_server(inventory), tmp_path / "llave")
    found = Journal(shelf(inventory) / "20270606T200000Z")
    found.begin(
        Start(
            inventory="inventories/diario", server=case.server, key="/llave", authority="", keep=False, commit="abc",
            inventory_sha256="1" * 64, project_sha256="2" * 64, host_key="SHA256:x", machine="m",
        )
    )  # fmt: skip
    for number, name in enumerate(("before", "visitor"), 1):
        folder = found.folder / f"{number:02}-{name}"
        folder.mkdir()
        (folder / "salida.log").write_text(f"{name} en 189.240.1.7\n")
        record = Record(step=name, title=name, verdict=Verdict.PASSED, sentence="bien", started=found.begun, seconds=1)
        found.keep(folder, record)
    return found, case


def test_none_of_the_inventorys_secrets_is_in_the_archive(journal: tuple[Journal, Case]) -> None:
    found, case = journal
    variables = read(case.inventory)
    password = (Path(os.environ[HOME]) / "vault-password").read_text().strip()
    values = [*variables.secrets, password]
    assert len(values) > 2
    (found.folder / "01-before/todo.log").write_text("\n".join(f"valor: {value}; {value!r}" for value in values))
    (found.folder / "02-visitor/llave").write_text("la llave de la cuenta")
    (found.folder / "02-visitor/enlace").symlink_to(Path(os.environ[HOME]) / "vault-password")
    archive = pack(found, case)
    assert archive.path.stat().st_mode & 0o777 == 0o600
    assert (
        archive.path.with_name(f"{archive.path.name}.sha256").read_text() == f"{archive.sha256}  {archive.path.name}\n"
    )
    with tarfile.open(archive.path) as tar:
        names = [name.partition("/")[2] for name in tar.getnames()]
    text = gzip.decompress(archive.path.read_bytes()).decode()
    assert names == [
        "01-before/resultado.json", "01-before/salida.log", "01-before/todo.log", "02-visitor/resultado.json",
        "02-visitor/salida.log", "inicio.json",
    ]  # fmt: skip
    assert [value for value in values if value in text] == []
    assert "before en 189.240.1.7" in text
    assert str(ROOT) not in text


def test_a_secret_in_the_name_of_a_file_is_blacked_out(journal: tuple[Journal, Case]) -> None:
    found, _ = journal
    (found.folder / f"01-before/{VALUE}.log").write_text("x")
    with tarfile.open(fileobj=io.BytesIO(packed(found, cleaner([VALUE])))) as tar:
        names = tar.getnames()
    assert any(name.endswith(f"{SECRET}.log") for name in names)
    assert not any(VALUE in name for name in names)


def test_the_same_journal_gives_the_same_archive(journal: tuple[Journal, Case]) -> None:
    found, case = journal
    clean = cleaner(secrets(case))
    first = packed(found, clean)
    for path in found.folder.rglob("*"):
        os.utime(path, (1, 1))
    assert packed(found, clean) == first
    with tarfile.open(fileobj=io.BytesIO(first)) as tar:
        assert {(each.uid, each.gid, each.uname, each.mode) for each in tar} == {(0, 0, "", 0o600)}
