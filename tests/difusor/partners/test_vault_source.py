"""The source of the vaults' passwords: one that gives none is refused in Spanish, and no other is drawn instead."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from form_kit import as_yaml
from home_kit import PARTNER, difusor, everything, made

from difusor.inventory import vaults
from difusor.project import VAULTS, UnusableError

PROGRAM = "#!/bin/sh\necho una-contrasena\n"


def program(text: str, mode: int = 0o755) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.write_text(text)
        path.chmod(mode)

    return make


CLIENT, FILE = "vault-password-client", "vault-password"
USELESS: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "client elsewhere": (CLIENT, lambda path: path.symlink_to("/media/llave/x"), "un enlace a /media/llave/x, que no"),
    "file elsewhere": (FILE, lambda path: path.symlink_to("/media/llave/x"), "un enlace a /media/llave/x, que no"),
    "client nobody may run": (CLIENT, program(PROGRAM, 0o644), "no se puede ejecutar; permítalo: chmod +x"),
    "program nobody may run": (FILE, program(PROGRAM, 0o644), "no se puede ejecutar; permítalo: chmod +x"),
    "folder": (CLIENT, Path.mkdir, "no es un archivo"),
    "saved with a mark": (FILE, lambda path: path.write_bytes(b"\xef\xbb\xbfclave\n"), "una marca que no se ve (BOM)"),
    "saved in UTF-16": (
        FILE,
        lambda path: path.write_bytes("clave\n".encode("utf-16")),
        "no se ve (de UTF-16), que otro",
    ),
    "all may run it": (FILE, program("clave\n"), "es una contraseña y Ansible la ejecutaría como programa: chmod -x"),
    "client without its first line": (CLIENT, program("clave\n"), "si es un programa, ejecútelo a mano"),
    "empty": (FILE, lambda path: path.write_text("\n"), "está vacío; recupérelo"),
    "locked": (CLIENT, program("#!/bin/sh\necho cerrado >&2; exit 2\n"), "no se obtuvo la contraseña de las bóvedas"),
    "silent": (CLIENT, program("#!/bin/sh\n"), "si es un programa, ejecútelo a mano"),
    "no interpreter": (CLIENT, program("#!/no/hay\n"), "si es un programa, ejecútelo a mano"),
}


@pytest.mark.parametrize(("name", "make", "words"), USELESS.values(), ids=USELESS.keys())
def test_a_source_that_gives_no_password_is_refused(
    name: str, make: Callable[[Path], object], words: str, home: Path, tmp_path: Path
) -> None:
    make(home / name)
    before = sorted(os.listdir(home))
    done = difusor("enroll", str(as_yaml(tmp_path / "correo")), "--ssh-key", str(home / "llave"), home=home)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert words in done.stderr and str(home / name) in done.stderr
    assert sorted(os.listdir(home)) == before, "no other password was drawn"
    assert list((home / "inventories").iterdir()) == []


def test_a_program_of_any_size_may_give_the_password(tmp_path: Path) -> None:
    for name in (CLIENT, FILE):
        program("#!/bin/sh\n")(tmp_path / name)
        os.truncate(tmp_path / name, 200 << 20)
        assert vaults.source_fault([f"difusores@{tmp_path / name}"]) == ""


def test_where_vaults_are_and_not_their_password_no_second_one_is_drawn(home: Path, tmp_path: Path) -> None:
    """A copy of the home without it: the next inventory was sealed with another, which the right one then replaced."""
    made()
    (home / FILE).unlink()
    before = everything(home)
    enroll = ("enroll", str(as_yaml(tmp_path / "correo")), "--ssh-key", str(home / "llave"))
    for words in (enroll, ("new", "difusor", "otro")):
        done = difusor(*words, home=home)
        assert done.returncode == 1 and "Traceback" not in done.stderr
        assert f"falta {home / FILE}, que abre las bóvedas que ya hay (diario); tráigalo" in done.stderr
        assert everything(home) == before, "no password was drawn, and nothing was made"


def test_a_copy_of_a_home_without_its_password_is_told_what_it_lacks(home: Path) -> None:
    """That file is the one that no repository keeps: the vaults are there, and nothing opens them."""
    made()
    (home / FILE).unlink()
    done = difusor("front", "-i", "diario", home=home)
    assert done.returncode == 1 and f"vault.yml: falta {home / FILE}, que abre las bóvedas; tráigalo de" in done.stderr


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            lambda raw: raw[: len(raw) // 2],
            "vault.yml es una bóveda y está dañada, como la deja una copia que se cortó",
        ),
        (lambda raw: raw[:-20], "vault.yml es una bóveda y está dañada, como la deja una copia que se cortó"),
        (lambda raw: raw + raw, "vault.yml es una bóveda y está dañada, como la deja una copia que se cortó"),
        (lambda raw: raw[:300] + bytes(64) + raw[364:], "vault.yml es una bóveda y está dañada, como la deja"),
        (lambda raw: raw.replace(b"\n", b"\r\n"), "su inventario no tiene difusor_front"),
        (lambda raw: b"", "vault.yml está vacío, como lo deja un disco lleno; recupérelo de su copia, o bórrelo"),
        (
            lambda raw: bytes(len(raw)),
            "vault.yml está dañado: tiene bytes en cero, como los deja un apagón; recupérelo",
        ),
    ],
)
def test_a_damaged_vault_is_not_taken_for_another_password(
    spoil: Callable[[bytes], bytes], said: str, home: Path
) -> None:
    vault = made() / "group_vars/diario/vault.yml"
    vault.write_bytes(spoil(vault.read_bytes()))
    done = difusor("front", "-i", "diario", home=home)
    assert done.returncode == 1 and said in done.stderr, done


def test_a_key_that_is_sealed_counts_and_an_inventory_that_nobody_can_read_does_not(home: Path) -> None:
    folder = home / "inventories/diario"
    (folder / "tls").mkdir(parents=True)
    (folder / "group_vars").write_text("no es una carpeta")
    vaults.refuse_lost_password()
    (folder / "tls/key.pem").write_bytes(vaults.HEADER + b";1.2;AES256;diario\n")
    with pytest.raises(UnusableError, match=r"las bóvedas que ya hay \(diario\)"):
        vaults.refuse_lost_password()


def test_of_two_that_draw_the_first_password_one_stays(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def meanwhile(length: int) -> str:
        (home / FILE).write_text("la del otro\n")
        return "x" * length

    monkeypatch.setattr(secrets, "token_urlsafe", meanwhile)
    vaults.ensure_password()
    assert (home / FILE).read_text() == "la del otro\n"
    assert not [path for path in home.iterdir() if path.name.startswith(".vault")]


def test_a_partners_vault_is_written_with_the_password_of_its_own_identity(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was written with the first one's and called by its own name: who was given that alone could not open it."""
    for name in ("diario", "radio"):
        (home / f"{name}.txt").write_text(f"la de {name}\n")
    monkeypatch.setenv(VAULTS, f"radio@{home}/radio.txt,diario@{home}/diario.txt")
    for of_partner, by in (("diario", "diario"), ("radio", "radio"), ("otro", "radio")):
        vault = (made({**PARTNER, "id": of_partner}) / f"group_vars/{of_partner}/vault.yml").read_bytes()
        assert vault.startswith(f"$ANSIBLE_VAULT;1.2;AES256;{of_partner}\n".encode())
        assert VaultLib([(by, VaultSecret(f"la de {by}".encode()))]).decrypt(vault)
