"""`difusor password`: the password is never shown, a weak one is refused, and the vault gets only its hash."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret
from click.testing import CliRunner
from passlib.hash import sha512_crypt
from publish_kit import command_of

from corte.format import files
from difusor.commands import password
from difusor.inventory.passwords import DRAWN, LENGTH, NAME, REPEATS, ROUNDS, SEQUENCE, weaknesses
from difusor.project import ROOT

GOOD = "Urna-Sellada-2027"
KEY = "llave de la bóveda"
VAULT = VaultLib([("diario", VaultSecret(KEY.encode()))])


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password, "has_terminal", lambda: True)  # CliRunner answers in its place


@pytest.fixture
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DIFUSOR_HOME", str(tmp_path))
    path = tmp_path / "inventories/diario/group_vars/diario/vault.yml"
    path.parent.mkdir(parents=True)
    text = f"---\n{DRAWN}: sorteada\n{NAME}: cambiame  # pendiente\nvault_difusor_rsync_secret: se-queda-como-estaba\n"
    path.write_bytes(VAULT.encrypt(text, vault_id="diario"))
    return path


def ask(*answers: str) -> tuple[int, str]:
    """Run `difusor password` with these answers; return its exit status and everything it printed."""
    result = CliRunner().invoke(command_of(password), ["diario"], input="\n".join(answers) + "\n")
    return result.exit_code, result.output


def opened(path: Path) -> dict[str, str]:
    values: dict[str, str] = yaml.safe_load(VAULT.decrypt(path.read_bytes()))
    return values


@pytest.mark.parametrize("name", ["diario/", "../inventories/diario", "nadie"])
def test_a_path_is_no_name_of_a_difusor(name: str, vault: Path) -> None:
    """With the / that a shell completes the vault got another name, by which no password opens it."""
    before = vault.read_bytes()
    done = CliRunner().invoke(command_of(password), [name], input="\n".join([KEY, GOOD, GOOD]) + "\n")
    assert (done.exit_code, vault.read_bytes()) == (1, before)
    said = " ".join(done.output.split())
    assert f"No existe el difusor «{name}»" in said and ": diario. Revise el nombre" in said


def test_hash_lands_in_the_vault_and_nothing_is_shown(vault: Path) -> None:
    status, shown = ask(KEY, GOOD, GOOD)
    assert status == 0
    assert GOOD not in shown
    assert KEY not in shown
    values = opened(vault)
    assert sha512_crypt.verify(GOOD, values[NAME])
    assert values["vault_difusor_rsync_secret"] == "se-queda-como-estaba"
    assert DRAWN not in values, "it is not the password any more"
    assert GOOD.encode() not in vault.read_bytes()
    assert vault.read_bytes().startswith(b"$ANSIBLE_VAULT;1.2;AES256;diario")
    assert stat.S_IMODE(vault.stat().st_mode) == 0o600


def test_vault_is_made_when_there_is_none(vault: Path) -> None:
    vault.unlink()
    assert ask(KEY, KEY, GOOD, GOOD)[0] == 0
    assert list(opened(vault)) == [NAME]


def test_what_another_verb_wrote_while_the_password_was_typed_stays(
    vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vault got the secret again that `revoke` had replaced meanwhile, and nobody was told."""
    drawn = f"---\n{NAME}: sorteado\nvault_difusor_rsync_secret: sorteado\n"

    def answer(title: str, *, twice: bool) -> str:
        if title.startswith("Contraseña de la bóveda"):
            return KEY
        vault.write_bytes(VAULT.encrypt(drawn, vault_id="diario"))
        return GOOD

    def replace(*given: Any, **named: Any) -> None:
        with pytest.raises(BlockingIOError), files.locked(vault.parent, wait=False):
            pass
        write(*given, **named)

    write = files.replace
    monkeypatch.setattr(files, "replace", replace)
    monkeypatch.setattr(password, "_ask", answer)
    assert ask()[0] == 0
    values = opened(vault)
    assert sha512_crypt.verify(GOOD, values[NAME])
    assert values["vault_difusor_rsync_secret"] == "sorteado"


def test_a_vault_that_got_another_password_meanwhile_is_left_as_it_is(
    vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = VaultLib([("diario", VaultSecret(b"otra"))]).encrypt("---\n", vault_id="diario")

    def answer(title: str, *, twice: bool) -> str:
        if title.startswith("Contraseña de la bóveda"):
            return KEY
        vault.write_bytes(other)
        return GOOD

    monkeypatch.setattr(password, "_ask", answer)
    status, said = ask()
    assert status == 1 and "no se descifra con esa contraseña" in said and "nada cambió" in said
    assert vault.read_bytes() == other


@pytest.mark.parametrize("as_program", [False, True])
def test_the_password_of_the_home_opens_the_vault_without_a_question(
    vault: Path, tmp_path: Path, as_program: bool
) -> None:
    source = tmp_path / "vault-password"
    source.write_text(f"#!/bin/sh\necho '{KEY}'\n" if as_program else f"{KEY}\n")
    source.chmod(0o700 if as_program else 0o600)
    assert ask(GOOD, GOOD)[0] == 0
    assert sha512_crypt.verify(GOOD, opened(vault)[NAME])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\n", "está vacío; recupérelo de su copia; nada cambió"),
        (b"#!/bin/sh\necho cerrado >&2; exit 2\n", "no se obtuvo la contraseña de las bóvedas de"),
        (b"#!/bin/sh\n", "si es un programa, ejecútelo a mano: debe imprimirla; nada cambió"),
        (b"#!/no/hay\n", "si es un programa, ejecútelo a mano: debe imprimirla; nada cambió"),
        (b"#!/bin/sh\nprintf '\\377'\n", "si es un programa, ejecútelo a mano: debe imprimirla; nada cambió"),
    ],
)
@pytest.mark.parametrize("as_option", [False, True])
def test_a_source_that_gives_no_password_is_refused_in_a_sentence(
    vault: Path, tmp_path: Path, content: bytes, told: str, as_option: bool
) -> None:
    before, source = vault.read_bytes(), tmp_path / ("llave" if as_option else "vault-password")
    source.write_bytes(content)
    source.chmod(0o700)
    given = ["diario", *(["--vault-password-file", str(source)] if as_option else [])]
    result = CliRunner().invoke(command_of(password), given, input=f"{GOOD}\n{GOOD}\n")
    said = " ".join(result.output.split())
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    assert told in said and vault.read_bytes() == before


def test_a_vault_that_cannot_be_used_is_refused_in_a_sentence(vault: Path) -> None:
    vault.write_bytes(VAULT.encrypt(b"\xff", vault_id="diario"))
    status, said = ask(KEY, GOOD, GOOD)
    assert status == 1 and "no es texto en UTF-8; recupérelo de su copia; nada cambió" in " ".join(said.split())
    vault.unlink()
    vault.mkdir()
    status, said = ask(KEY, GOOD, GOOD)
    assert status == 1 and "no se puede leer" in said


@pytest.mark.parametrize("answers", [("otra llave", GOOD, GOOD), (KEY, "corta", "corta")])
def test_wrong_vault_or_weak_password_changes_nothing(vault: Path, answers: tuple[str, ...]) -> None:
    before = vault.read_bytes()
    status, shown = ask(*answers)
    assert status == 1
    assert answers[1] not in shown
    assert vault.read_bytes() == before


def test_without_a_terminal_no_password_is_asked_for(vault: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be shown, and Python would warn of it in English."""
    monkeypatch.setattr(password, "has_terminal", lambda: False)
    status, shown = ask(KEY, GOOD, GOOD)
    assert (status, "No hay terminal en que pedir contraseñas" in shown) == (1, True)


@pytest.mark.parametrize(
    "weak",
    [
        "Corta-1",
        "sin-mayusculas-2027",
        "SIN-MINUSCULAS-2027",
        "Sin-Cifras-Ningunas",
        "SinSignos20272027",
        "Urna-Sellad-27",
        "Urna-Sellada-1234",
        "Urna-dcba-Sella-7",
    ],
)
def test_weak_passwords_are_named(weak: str) -> None:
    assert weaknesses(weak)
    assert not weaknesses(GOOD)


def test_the_server_asks_for_the_same() -> None:
    lines = (ROOT / "roles/pam/templates/etc/security/pwquality.conf.j2").read_text().splitlines()
    asked = dict(line.split(" = ") for line in lines if " = " in line)
    assert (asked["minlen"], asked["minclass"]) == (str(LENGTH), "4")
    assert (asked["maxrepeat"], asked["maxsequence"]) == (str(REPEATS), str(SEQUENCE))


def test_each_hash_has_its_salt() -> None:
    hashes = {sha512_crypt.using(rounds=ROUNDS).hash(GOOD) for _ in range(2)}
    assert len(hashes) == 2
