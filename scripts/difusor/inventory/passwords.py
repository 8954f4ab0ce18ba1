"""`difusor password`: the password of the institute's user, as a salted hash, straight into a vault."""

from __future__ import annotations

import re
import string
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from passlib.hash import sha512_crypt

from corte.format import files
from difusor.project import ROOT
from difusor.terminal import console

NAME = "vault_difusor_admin_password_hash"
ROUNDS = 65_536
"""As in the server's login.defs: some 50 ms a guess instead of 4."""
LENGTH = 14
CLASSES = (string.ascii_lowercase, string.ascii_uppercase, string.digits)


def run(
    difusor: Annotated[str, typer.Argument(help="Nombre del difusor: la carpeta de inventories/.")],
    vault_password_file: Annotated[
        Path | None,
        typer.Option(
            "--vault-password-file", exists=True, dir_okay=False, help="Archivo con la contraseña de la bóveda."
        ),
    ] = None,
) -> None:
    """Pide una contraseña para el usuario del Instituto y guarda su hash SHA-512 cifrado en la bóveda del difusor."""
    # A tenth of a second, which who only asks for help need not pay.
    from ansible.errors import AnsibleError
    from ansible.parsing.vault import VaultLib, VaultSecret

    path = ROOT / f"inventories/{difusor}/group_vars/{difusor}/vault.yml"
    if not path.parent.is_dir():
        _refuse(f"No existe {path.parent.relative_to(ROOT)}; copie inventories/ejemplo.")
    if vault_password_file:
        key = vault_password_file.read_text(encoding="utf-8").strip()
    else:
        key = _ask(f"Contraseña de la bóveda «{difusor}»", twice=not path.exists())
    vault = VaultLib([(difusor, VaultSecret(key.encode()))])
    try:
        before = vault.decrypt(path.read_bytes()).decode() if path.exists() else "---\n"
    except AnsibleError:
        _refuse(f"{path.relative_to(ROOT)} no se descifra con esa contraseña, o no está cifrado; nada cambió.")
    password = _ask("Contraseña nueva del usuario del Instituto", twice=True)
    if found := weaknesses(password):
        _refuse(f"La contraseña {', '.join(found)}; nada cambió.")
    hashed = sha512_crypt.using(rounds=ROUNDS).hash(password)  # type: ignore[no-untyped-call]  # the stubs' gap
    files.replace(path, vault.encrypt(stored(before, hashed), vault_id=difusor), mode=0o600)
    console.print(f"[green]✓[/] Hash guardado en {path.relative_to(ROOT)}. Aplíquelo con site.yml --tags accounts.")


def weaknesses(password: str) -> list[str]:
    """Return why a password is not accepted, as ends of a Spanish sentence; the server asks the same of a new one."""
    found = []
    if len(password) < LENGTH:
        found.append(f"necesita {LENGTH} caracteres o más")
    if any(not set(password) & set(kind) for kind in CLASSES) or password.isalnum():
        found.append("necesita minúsculas, mayúsculas, cifras y signos")
    if re.search(r"(.)\1{3}", password):
        found.append("repite un carácter más de tres veces")
    return found


def stored(text: str, hashed: str) -> str:
    """Return a vault's YAML text with the hash in its place, every other line as it was."""
    line = f'{NAME}: "{hashed}"'
    replaced, count = re.subn(rf"(?m)^{NAME}:.*$", lambda _: line, text)
    return replaced if count else f"{text.rstrip()}\n{line}\n"


def _ask(title: str, *, twice: bool) -> str:
    return str(typer.prompt(title, hide_input=True, confirmation_prompt=twice and "Otra vez", err=True))


def _refuse(sentence: str) -> NoReturn:
    console.print(f"[bold red]✗[/] {sentence}")
    raise typer.Exit(1)
