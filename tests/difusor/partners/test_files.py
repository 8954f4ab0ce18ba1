"""Files and folders get their names whole or not at all, also on a share that has neither links nor an exchange."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest
from home_kit import everything

from difusor.partners import files
from difusor.project import UnusableError

UNABLE = [errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP]
"""What NFS, CIFS, sshfs, 9p and exFAT answer."""


def answering(number: int) -> Callable[..., None]:
    return Mock(side_effect=OSError(number, os.strerror(number)))


def write(folder: Path, text: str) -> None:
    with files.new_folder(folder, over=True) as unfinished:
        (unfinished / "lista.json").write_text(text)


@pytest.mark.parametrize("number", UNABLE)
def test_a_folder_on_a_share_is_replaced_again_and_again(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list was written once, and never again."""
    monkeypatch.setattr(files, "_exchange", answering(number))
    for text in ("una", "dos", "tres"):
        write(tmp_path / "lista", text)
        assert everything(tmp_path) == {"lista/lista.json": text.encode()}
    assert [path.name for path in tmp_path.iterdir()] == ["lista"], "the earlier one is gone"


def test_a_folder_that_cannot_be_replaced_is_there_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "lista", "una")
    monkeypatch.setattr(files, "_exchange", answering(errno.EINVAL))
    rename = os.rename

    def refuse(source: Path, target: Path) -> None:
        if Path(target) == tmp_path / "lista" and Path(source).name != "lista":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        rename(source, target)

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        write(tmp_path / "lista", "dos")
    assert everything(tmp_path) == {"lista/lista.json": b"una"}
    assert [path.name for path in tmp_path.iterdir()] == ["lista"]


def test_what_else_keeps_a_folder_from_being_replaced_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "lista", "una")
    monkeypatch.setattr(files, "_exchange", answering(errno.EROFS))
    with pytest.raises(OSError, match=os.strerror(errno.EROFS)):
        write(tmp_path / "lista", "dos")
    assert everything(tmp_path) == {"lista/lista.json": b"una"}


def test_a_new_folder_says_that_it_exists_only_if_it_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever kept it from its name, a full disk too, was told as «ya existe»."""
    (tmp_path / "diario").mkdir()
    (tmp_path / "diario/main.yml").touch()
    with pytest.raises(UnusableError, match="ya existe"), files.new_folder(tmp_path / "diario"):
        pass
    monkeypatch.setattr(os, "rename", answering(errno.ENOSPC))
    with pytest.raises(OSError) as caught, files.new_folder(tmp_path / "norte"):
        pass
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(tmp_path / "norte"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["diario"]


@pytest.mark.parametrize("number", [*UNABLE, errno.EPERM])
def test_a_file_is_written_where_there_are_no_links_and_never_over_another(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`form` could not write the form to a stick with FAT or exFAT."""
    monkeypatch.setattr(os, "link", answering(number))
    files.write_new(tmp_path / "formato.yml", "uno")
    with pytest.raises(UnusableError, match="ya existe"):
        files.write_new(tmp_path / "formato.yml", "dos")
    assert everything(tmp_path) == {"formato.yml": b"uno"}
    monkeypatch.setattr(os, "link", answering(errno.ENOSPC))
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        files.write_new(tmp_path / "otro.yml", "uno")
    assert everything(tmp_path) == {"formato.yml": b"uno"}
