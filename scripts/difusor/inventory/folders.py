"""Finds the files of an inventory, and what in its folders is no file or folder, or cannot be read."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from corte.format import files
from corte.format.errors import why

SUFFIXES = (".yml", ".yaml")
EXTENSIONS = ("", *SUFFIXES, ".json")
"""The files of group_vars/ and host_vars/ that Ansible reads; beside them it reads .yml and .yaml (see ansible.cfg)."""
VARIABLES = ("group_vars", "host_vars")
COPY = re.compile(
    r"conflicted copy|copia en conflicto|sync-conflict-|_conflict-\d|"
    r"\((?:[^()]*\b)?(?:copia|copy)(?: \d+)?\)|\(\d{1,2}\)|- (?:copia|copy)\b| copy(?: \d+)?\.",
    re.IGNORECASE,
)
"""In the name of a copy that a program which synchronises folders leaves of a file, or a file manager."""
CLOSED = "{}: no se puede leer (falta permiso); corrija sus permisos"
ASTRAY = {errno.ENOENT: "no existe", errno.ENOTDIR: "no existe", errno.ELOOP: "lleva de vuelta al mismo enlace"}
"""Where a link leads to that leads to no file."""


def faults(source: Path) -> list[str]:
    """Return a sentence for each thing of an inventory source (a folder, or a file in one) that cannot be read."""
    try:
        source.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return [f"no existe el inventario {source}; revise lo que sigue a -i"]
    except OSError as error:
        return [f"{source}: no se puede leer ({why(error)}); corrija los permisos de la carpeta en que está"]
    if source.is_dir():
        if wrong := _of_folder(source):
            return [wrong]
        found = [fault(path) for path in own_files(source)]
        if not found:
            return [f"{source} no es un inventario: no tiene hosts.yml; lo hace ./difusor new difusor, o revise -i"]
    else:
        found = [fault(source)]
    below = [each for name in VARIABLES for each in _below(_folder(source) / name, set())]
    return [*filter(None, found), *below]


def own_files(source: Path) -> list[Path]:
    """Return the files that Ansible reads as inventories, sorted: the source itself, or those in its folder."""
    if not source.is_dir():
        return [source]
    return sorted(path for path in source.iterdir() if path.name[0] != "." and path.suffix in SUFFIXES)


def variable_files(source: Path) -> Iterator[Path]:
    """Yield the files of variables that Ansible reads for an inventory source; its folders are readable."""
    for name in VARIABLES:
        yield from _variable_files(_folder(source) / name)


def _folder(source: Path) -> Path:
    return source if source.is_dir() else source.parent


def _variable_files(folder: Path, *, is_inner: bool = False) -> Iterator[Path]:
    for path in _entries(folder) if folder.is_dir() else ():
        if path.is_dir():
            # The folder of a server has dots in its name; inside it, Ansible passes over folders that have.
            yield from () if is_inner and path.suffix else _variable_files(path, is_inner=True)
        elif path.suffix in EXTENSIONS:
            yield path


def _entries(folder: Path) -> list[Path]:
    """Return what Ansible looks at in a folder of variables."""
    return sorted(path for path in folder.iterdir() if path.name[0] != "." and path.name[-1] != "~")


def _below(folder: Path, around: set[Path]) -> Iterator[str]:
    """Yield what is wrong in a folder of variables and in those in it; `around` are the real folders that hold it."""
    if not os.path.lexists(folder):
        return
    if wrong := _of_folder(folder):
        yield wrong
        return
    if folder.resolve() in around:
        yield f"{folder} es un enlace a una carpeta que lo contiene; quítelo"
        return
    for path in _entries(folder):
        if path.is_dir() and path.suffix not in SUFFIXES:
            yield from _below(path, {*around, folder.resolve()})
        elif (path.suffix in EXTENSIONS or path.is_dir()) and (wrong := fault(path)):
            yield wrong


def _of_folder(path: Path) -> str:
    try:
        if not stat.S_ISDIR(path.stat().st_mode):
            return f"{path} no es una carpeta; quítelo, o haga la carpeta con sus archivos de variables"
    except OSError as error:
        return _missing(path, error)
    return "" if os.access(path, os.R_OK | os.X_OK) else CLOSED.format(path)


def fault(path: Path) -> str:
    """Return why this is no file to be read, as a sentence; empty when it is one."""
    if COPY.search(path.name):  # what was deleted from the file itself would live on in it
        return (
            f"{path} tiene nombre de copia, y Ansible la leería junto al original; pase al original lo que le falte y "
            "bórrela; si no es copia, dele otro nombre. Si la hizo un programa que sincroniza carpetas (Nextcloud, "
            "Dropbox, Syncthing), saque de ahí la carpeta del Instituto"
        )
    return _kind(path)


def unread(path: Path, error: OSError) -> str:
    """Return, as a sentence, why the file at a path could not be read."""
    if error.errno == errno.EFBIG:
        return f"{path} mide más de {files.MOST >> 20} MB, y ahí va un texto; recupérelo de su copia"
    return _kind(path) or _missing(path, error)


def _kind(path: Path) -> str:
    """Return, as a sentence, that there is no file at a path, or none that may be read; empty when there is one."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return _missing(path, error)
    if stat.S_ISDIR(mode):
        return f"{path} es una carpeta y tiene nombre de archivo; póngale otro nombre, o ponga ahí el archivo"
    if not stat.S_ISREG(mode):
        return f"{path} no es un archivo; bórrelo, o ponga ahí el archivo que debe llevar ese nombre"
    return "" if os.access(path, os.R_OK) else CLOSED.format(path)


def _missing(path: Path, error: OSError) -> str:
    if not os.path.islink(path) or error.errno not in ASTRAY:
        return f"{path}: no se puede leer ({why(error)}); corrija sus permisos"
    target = f"{os.readlink(path)}, que {ASTRAY[error.errno]}"
    if path.name != "election.yml":
        return f"{path} es un enlace a {target}; corrija el enlace"
    return f"{path} enlaza la elección {target}; enlace la suya: ln -sfn ../../elections/ELECCIÓN.yml {path}"
