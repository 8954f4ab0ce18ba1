"""Becomes root on a server whose sudo asks for a password, which goes through standard input and nowhere else."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
import typer
from testinfra.backend.base import BaseBackend, CommandResult

from difusor.project import UnusableError, refuse_unrunnable
from difusor.servers.connection import NO_PASSWORD_GIVEN, WRONG_PASSWORD
from difusor.terminal.asking import has_terminal

FILE = "ANSIBLE_BECOME_PASSWORD_FILE"
"""Ansible's own setting: the file with the password of sudo, for the servers whose inventory declares none."""
PRINTS = Path(__file__).with_name("sudo-password")
"""What that setting names after `ask`: a program that prints what the descriptor in DESCRIPTOR has."""
DESCRIPTOR = "DIFUSOR_SUDO"
ROOT_SPEAKS = "difusor: root"
"""Printed to standard error once sudo has let the command begin; what sudo wrote before is its prompt or a greeting."""


def ask(wanted: bool = True) -> None:
    """Ask for the password of sudo, for this process and those that inherit `descriptors`; nothing is written to disk.

    Nothing happens unless it is `wanted`. UnusableError when there is no terminal to ask on, and when PRINTS is no
    program, of which Ansible would take the text for the password.
    """
    if not wanted:
        return
    refuse_unrunnable(PRINTS)
    if not has_terminal():
        raise UnusableError(
            "no hay terminal en que pedir la contraseña de sudo; dela en la bóveda (ansible_become_password), o en un "
            f"archivo que solo usted lea: export {FILE}=/RUTA/COMPLETA"
        )
    try:
        password = str(typer.prompt("Contraseña de sudo", hide_input=True, err=True))
    except click.Abort:
        raise UnusableError("no se dio la contraseña de sudo; nada se hizo") from None
    descriptor = os.memfd_create("sudo", 0)
    os.write(descriptor, password.encode())
    os.environ.update({FILE: str(PRINTS), DESCRIPTOR: str(descriptor)})


def descriptors() -> list[int]:
    """Return the descriptors that a program has to inherit to know the password that `ask` was told."""
    return [int(os.environ[DESCRIPTOR])] if os.environ.get(FILE) == str(PRINTS) else []


class Sudo:
    """How the commands of one testinfra backend become root.

    First without a password. Once sudo has refused that, and the password is known, each command gets it, and sudo is
    told to ignore that it has been given lately (-k): it reads the line in any case, and the command finds nothing.
    """

    def __init__(self, backend: BaseBackend) -> None:
        """Take the backend, whose way to run commands changes."""
        self._backend = backend
        self._password = ""
        self._asked = False
        backend.get_sudo_command = self._command
        backend.run = partial(self._run, backend.run)

    @classmethod
    def of(cls, backend: BaseBackend, password: str) -> Sudo:
        """Return that of a backend, which testinfra keeps as long as this process runs, with a password (or "")."""
        known: Sudo = getattr(backend, "difusor_sudo", None) or cls(backend)
        backend.difusor_sudo = known
        known._password, known._asked = password, False
        return known

    @property
    def input(self) -> bytes:
        """What a command finds on its standard input: the password for sudo, or nothing."""
        return f"{self._password}\n".encode() if self._asked and self._backend.sudo else b""

    def answer(self, stderr: bytes) -> bytes:
        """Return a command's standard error without what sudo wrote before the command began."""
        return stderr.rpartition(f"{ROOT_SPEAKS}\n".encode())[2]

    def _command(self, command: str, user: str | None) -> str:
        account = f"-u {shlex.quote(user)} " if user else ""
        how = "-n"
        if self._asked:
            how = "-k -S"
            # Where sudo does not ask after all, nobody reads the password: the command must not find it either.
            command = f"exec </dev/null; echo '{ROOT_SPEAKS}' >&2; {command}"
        # In English, whatever the server's language, because its complaints are recognised. Before glibc 2.39 LANGUAGE
        # counts more than C.UTF-8.
        return f"env LC_ALL=C.UTF-8 LANGUAGE=C sudo {account}{how} /bin/sh -c {shlex.quote(command)}"

    def _run(
        self, run: Callable[..., CommandResult], command: str, *arguments: str, **options: object
    ) -> CommandResult:
        result = run(command, *arguments, **options)
        refused = result.failed and re.search(NO_PASSWORD_GIVEN, result.stderr)
        if not (refused and self._password and self._backend.sudo) or self._asked:
            return result
        self._asked = True
        result = run(command, *arguments, **options)
        if result.failed and re.search(WRONG_PASSWORD, result.stderr):
            self._asked, self._password = False, ""  # given once more, it could lock the account
        return result
