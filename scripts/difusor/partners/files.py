"""Writes the files of elections and inventories: whole or not at all, never over others, every value quoted."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from corte.format import files, instants
from difusor.project import ROOT, VAULT_PASSWORD, UnusableError, home

UNABLE = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM})
"""What a file system answers that has no links, or no exchange of names: NFS, CIFS, sshfs, exFAT."""
COPIES = f"/{VAULT_PASSWORD}*"
CLIENT = f"!/{VAULT_PASSWORD}-client"
"""The client script is no secret: it holds no password, and asks a keyring for it. So git may keep it."""
SECRETS = (COPIES, CLIENT, f"/.{VAULT_PASSWORD}*", rf"/\#{VAULT_PASSWORD}*", "/build/acceptance/**/llave")
"""The lines of a home's .gitignore: the password with the copies that editors make, and the key of an acceptance."""
WHY = "# Solo los secretos. Lo demás de esta carpeta puede guardarse en un repositorio: en él, lo secreto va cifrado."


def render(template: str, values: Mapping[str, Any]) -> str:
    """Return a template with each `${{value}}` in it as quoted YAML, which is JSON: text can be nothing but text."""
    return _templates().get_template(template).render(values)


@cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("difusor.partners"),
        variable_start_string="${",
        variable_end_string="}",
        finalize=_quoted,
        autoescape=False,  # no HTML: finalize quotes
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )


def _quoted(value: Any) -> str:
    text = instants.write(value) if isinstance(value, datetime) else value
    return json.dumps(list(text) if isinstance(text, tuple) else text, ensure_ascii=False)


def ensure_home() -> None:
    """Make the home's folders unless they exist, and let its .gitignore name every secret; its other lines stay."""
    for folder in ("elections", "inventories"):
        (home() / folder).mkdir(parents=True, exist_ok=True)
    if not home().samefile(ROOT):  # the project's own names them
        _ignore_secrets((home() / ".gitignore").resolve())


def _ignore_secrets(path: Path) -> None:
    """Append the lines that a .gitignore lacks, with the line ends that it has."""
    there = files.small(path) if path.exists() else b""
    lines = [line.strip() for line in there.decode("utf-8", "replace").splitlines()]
    if not (lacking := _lacking(lines)):
        return
    end = "\r\n" if b"\r\n" in there else "\n"
    ours = "".join(f"{line}{end}" for line in [WHY, *lacking] if line != WHY or WHY not in lines)
    joint = end if there and not there.endswith(b"\n") else ""
    files.replace(path, there + (joint + ours).encode(), mode=stat.S_IMODE(path.stat().st_mode) if there else 0o644)


def _lacking(lines: Sequence[str]) -> list[str]:
    """Return those of SECRETS that a .gitignore of these lines needs; the last line that fits a file decides there."""
    lacking = [line for line in SECRETS if line not in lines or (line == CLIENT and COPIES not in lines)]
    if CLIENT in lacking and any(line.lstrip("/") == CLIENT.lstrip("!/") for line in lines):
        lacking.remove(CLIENT)  # who ignores that program has the password in it
    return lacking


def refuse_existing(path: Path, what: str) -> None:
    """Raise UnusableError when something has this name already."""
    if os.path.lexists(path):
        raise UnusableError(f"ya existe {what} «{path.stem}» ({path}); nada se tocó. Elija otro nombre, o edítelo")


def write_new(path: Path, content: str | bytes) -> None:
    """Write a file that must not exist yet; UnusableError when another run has made it meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as made:
        with files.beside(path):
            temporary = made.enter_context(
                tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete_on_close=False)
            )
        with files.named(path):
            temporary.write(content.encode() if isinstance(content, str) else content)
            temporary.close()
        os.chmod(temporary.name, 0o644)
        try:
            os.link(temporary.name, path)
        except FileExistsError:
            raise UnusableError(f"ya existe {path}; nada se tocó") from None
        except OSError as error:
            if error.errno not in UNABLE:
                raise
            _create(path, Path(temporary.name).read_bytes())


def _create(path: Path, content: bytes) -> None:
    """Write a file that must not exist yet where there are no links: who reads it meanwhile sees a part."""
    try:
        created = path.open("xb")
    except FileExistsError:
        raise UnusableError(f"ya existe {path}; nada se tocó") from None
    try:
        with files.named(path), created:
            created.write(content)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@contextmanager
def new_folder(path: Path, over: bool = False) -> Iterator[Path]:
    """Yield a folder to fill, which gets its name `path` at the end; whatever happens before, nothing is left of it.

    With `over` it takes the place of one of that name in one step, so that a reader sees the old one or the new one; on
    a share that has no such step, in two.
    """
    with files.beside(path):
        unfinished = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        with files.named(path):
            yield unfinished
        unfinished.chmod(0o755)
        if over and path.is_dir():
            try:
                _exchange(unfinished, path)
            except OSError as error:
                if error.errno not in UNABLE:
                    raise
                _replace(path, unfinished)
        else:
            try:
                os.rename(unfinished, path)
            except OSError as error:
                if os.path.lexists(path):
                    raise UnusableError(f"ya existe {path}; nada se tocó") from None
                error.filename = str(path)  # and not the hidden one
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _replace(path: Path, new: Path) -> None:
    """Give a folder the name of another one in two steps, between which nothing has it, and delete the other one.

    Whatever keeps it from the name, the other one gets its name back.
    """
    aside = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.")) / path.name
    try:
        os.rename(path, aside)
        os.rename(new, path)
    finally:
        if not os.path.lexists(path):
            os.rename(aside, path)
        shutil.rmtree(aside.parent, ignore_errors=True)


def _exchange(one: Path, other: Path) -> None:
    """Swap the names of two folders in one step, with the system's renameat2, which Python does not offer."""
    current_folder, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    system = ctypes.CDLL(None, use_errno=True)
    if system.renameat2(current_folder, os.fsencode(one), current_folder, os.fsencode(other), exchange):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(other))
