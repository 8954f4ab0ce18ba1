"""What the system kept a verb from doing of one difusor or file is told in Spanish, with the file's name."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from difusor.acceptance import archive
from difusor.countdown import subjects
from difusor.inventory import vaults
from difusor.inventory.variables import Variables
from difusor.partners import asked, election, host_key, login_keys
from difusor.project import UnusableError, refusal
from difusor.servers import identity
from difusor.servers.connection import Login
from difusor.suite import everyone


def shut(*_: object, **__: object) -> NoReturn:
    """Fail as a file that this account may not read."""
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/casa/hosts.yml")


SAID = "no se puede usar /casa/hosts.yml: falta permiso"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (UnusableError("nada sirve"), "nada sirve"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", b"/x"), "no se puede usar /x: no existe"),
        (OSError(errno.ENOSPC, "No space left on device"), "se llenó el disco"),
        (OSError(0, "no se descifra", "/x"), "no se puede usar /x: no se descifra"),
    ],
)
def test_an_error_is_told_with_its_file(error: Exception, said: str) -> None:
    assert refusal(error) == said


def _countdown(folder: Path) -> str:
    (found,) = subjects.read_all([folder])
    assert isinstance(found, subjects.Broken)
    return found.check.found


def _report(folder: Path) -> str:
    return everyone._row(folder, folder, lambda name, percent: None).why


def _enroll(folder: Path) -> str:
    return login_keys.admitted(folder)[1]


@pytest.mark.parametrize(
    ("module", "name", "said"),
    [(subjects, "read", _countdown), (everyone, "measure", _report), (login_keys, "read", _enroll)],
)
def test_an_inventory_that_cannot_be_read(
    module: Any, name: str, said: Callable[[Path], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Countdown, report --all and enroll told it in English."""
    monkeypatch.setattr(module, name, shut)
    monkeypatch.setenv("DIFUSOR_HOME", str(tmp_path))
    (tmp_path / "diario").mkdir()
    assert said(tmp_path / "diario") == SAID


def test_a_machine_without_ssh_keyscan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnusableError, match="por su llave: no se puede usar ssh-keyscan: no existe; nada se creó"):
        host_key.scan(Login("diario", "127.0.0.1", "root", 1))


def test_connections_are_shared_in_the_folder_that_ansible_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the account's own folder cannot be written to, every verb that looks at a server ended."""
    monkeypatch.setenv("HOME", "/dev/null/x")
    monkeypatch.setenv("ANSIBLE_HOME", str(tmp_path / "ansible"))
    values = {"ansible_host": "192.0.2.1", "ansible_user": "root", "inventory_hostname": "diario"}
    identity.connect(Variables({"diario": values}, {"all": ["diario"]}), str(tmp_path / "hosts.yml"))
    assert f"ControlPath={tmp_path}/ansible/cp/difusor-" in values["ansible_ssh_extra_args"]
    assert (tmp_path / "ansible/cp").is_dir()


def test_an_empty_name_is_not_the_first_election(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIFUSOR_HOME", str(tmp_path))
    (tmp_path / "elections").mkdir()
    for name in ("ayuntamientos", "diputaciones"):
        (tmp_path / f"elections/{name}.yml").touch()
    with pytest.raises(UnusableError, match=r"no existe la elección «»; las que hay .*: ayuntamientos, diputaciones"):
        election.chosen("")


def test_a_file_of_an_account_that_does_not_exist_is_not_there() -> None:
    assert vaults.source_fault(["diario@~nadie-aqui/x"]).startswith("no existe ~nadie-aqui/x, de donde se toma la con")
    assert [*archive._private({"difusor_tls_key": "~nadie-aqui/x"})] == []
    with pytest.raises(ValueError, match="no hay ninguna cuenta «nadie-aqui»"):
        asked.a_file("~nadie-aqui/x")
