"""Safe reading of files that others may change, and writing that leaves the old file or the new one at a power cut."""

from __future__ import annotations

import errno
import fcntl
import math
import os
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import BufferedRandom, BufferedReader
from itertools import count
from pathlib import Path

from corte.format.refusal import Refusal, quote

UNFINISHED = ".nuevo-"
"""How the name of a file begins that has not got its own yet."""
NO_FILE = "no es un archivo: es una tubería, un dispositivo u otra cosa"
"""What there is to say of a path at which there is neither a file nor a folder."""
MOST = 64 << 20
"""Bytes of what people write by hand and programs note; what is larger lies there by mistake, or is damaged."""
_LOOK_EVERY = 0.02
"""Seconds between two looks at a lock that somebody else holds."""


def open_regular(path: str, dir_fd: int | None = None) -> int:
    """Open a regular file for reading and return its descriptor; Refusal when it is anything else.

    `path` is relative to `dir_fd`. No symbolic link below it is followed, and opening a FIFO does not block.
    """
    *folders, name = path.split("/") if dir_fd is not None else [path]
    here = dir_fd
    try:
        for folder in folders:
            below = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
            if here != dir_fd and here is not None:
                os.close(here)
            here = below
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=here)
    except FileNotFoundError:
        raise Refusal("missing", f"Falta el archivo {quote(path)}.") from None
    except OSError:
        raise Refusal("kind", f"{quote(path)} no es un archivo regular y legible.") from None
    finally:
        if here != dir_fd and here is not None:
            os.close(here)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Refusal("kind", f"{quote(path)} no es un archivo regular.")
    return descriptor


def opened(path: Path) -> BufferedReader:
    """Open a regular file for reading; OSError when it is anything else. Opening a FIFO does not block."""
    return os.fdopen(_regular(path, os.O_RDONLY), "rb")


def appended(path: Path) -> BufferedRandom:
    """Open a file for reading, and for writing behind what it has; one is made where none is. OSError as `opened`."""
    return os.fdopen(_regular(path, os.O_RDWR | os.O_APPEND | os.O_CREAT), "a+b")


def _regular(path: Path, flags: int) -> int:
    """Open a regular file and return its descriptor; OSError as `opened`."""
    try:
        descriptor = os.open(path, flags | os.O_NONBLOCK, 0o666)
    except OSError as error:
        if error.errno != errno.ENXIO:  # what a socket answers, and a device that is not there
            raise
        raise OSError(0, NO_FILE, str(path)) from None
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise OSError(0, NO_FILE, str(path))


def read(path: Path, most: float = math.inf) -> bytes:
    """Return the content of a regular file; OSError as `opened`, or when it has more than `most` bytes."""
    with opened(path) as source:
        if os.fstat(source.fileno()).st_size > most:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
        return source.read()


def small(path: Path) -> bytes:
    """Return the content of a regular file of at most MOST bytes; OSError as `read`."""
    return read(path, MOST)


def text(path: Path, encoding: str = "utf-8", errors: str = "strict") -> str:
    """Return the text of a file, as `Path.read_text` does; OSError as `small`, UnicodeDecodeError by itself."""
    return small(path).decode(encoding, errors).replace("\r\n", "\n").replace("\r", "\n")


def read_capped(path: str, limit: int, dir_fd: int | None = None) -> bytes:
    """Return a regular file's bytes; Refusal when there are more than `limit`."""
    with os.fdopen(open_regular(path, dir_fd), "rb") as source:
        content = source.read(limit + 1)
    if len(content) > limit:
        raise Refusal("size", f"{quote(path)} mide más de {limit} bytes.")
    return content


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Make an OSError say which file it is about; that of a write, such as of a full disk, does not by itself."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def beside(path: Path) -> Iterator[None]:
    """Make an OSError of a hidden file that is made beside another one say that one's path, which people know.

    That of the folder when it is the folder which admits no file.
    """
    try:
        yield
    except OSError as error:
        error.filename = str(path.parent if error.errno in (errno.EACCES, errno.EPERM, errno.ENOENT) else path)
        raise


def replace(
    path: Path, content: bytes, mode: int = 0o644, by_way_of: Path | None = None, waits: bool = True
) -> None:  # fmt: skip
    """Write a file so that readers and a power cut see the old content or the new, never a mixture.

    The new content is first written to a temporary file in the same folder, or in `by_way_of`, a folder of the same
    file system. Without `waits` it reaches the disk later, and a power cut before that may leave the file damaged.
    """
    with beside(path):
        descriptor, temporary = tempfile.mkstemp(dir=by_way_of or path.parent, prefix=UNFINISHED)
    try:
        with named(path), os.fdopen(descriptor, "wb") as target:
            target.write(content)
            target.flush()
            os.fchmod(descriptor, mode)
            if waits:
                os.fsync(descriptor)
        os.replace(temporary, cleared(path))
    except BaseException:
        # Gone already when Ctrl-C came just after the renaming; then it is Ctrl-C that has to be told.
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    if waits:
        sync_folder(path.parent)


def replace_link(path: Path, target: str) -> None:
    """Point a symbolic link somewhere else in one atomic step."""
    temporary = cleared(path.with_name(UNFINISHED + path.name))
    if os.path.lexists(temporary):
        temporary.unlink()
    temporary.symlink_to(target)
    os.replace(temporary, cleared(path))
    sync_folder(path.parent)


def cleared(path: Path) -> Path:
    """Make sure that no folder is at the path of a file about to be replaced; return the path.

    A folder there is deleted; if that fails because it holds somebody else's files, it is renamed.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    if path.is_dir() and not path.is_symlink():
        set_aside(path)
    return path


def vacated(path: Path) -> Path:
    """Make sure that nothing is at a path, as `cleared` does for folders; return the path."""
    cleared(path)
    with suppress(FileNotFoundError):
        path.unlink()
    return path


def set_aside(path: Path) -> Path:
    """Rename what is at a path to a hidden name beside it that is free; return that."""
    return path.rename(free(path.with_name(f".apartado-{path.name}-{number}") for number in count(1)))


def free(paths: Iterator[Path]) -> Path:
    """Return the first of these paths at which nothing is."""
    return next(path for path in paths if not os.path.lexists(path))


@contextmanager
def locked(folder: Path, wait: bool = True, patience: float = math.inf) -> Iterator[None]:
    """Hold the lock of a folder; whoever else wants it waits, or without `wait` gets BlockingIOError at once.

    After `patience` (seconds) it goes on without the lock: whoever may read a folder can hold its lock for ever.
    OSError when there is no such folder.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if wait:
            lock(descriptor, patience)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def lock(descriptor: int, patience: float = math.inf) -> bool:
    """Take the lock of an open file or folder, and tell whether that was possible within `patience` (seconds)."""
    if patience == math.inf:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return True
    until = time.monotonic() + patience
    while time.monotonic() < until:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(_LOOK_EVERY)
    return False


def sync_folder(path: Path) -> None:
    """Make renames in a folder survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file_system(path: Path) -> None:
    """Flush the whole file system under `path` to disk, which is faster than file by file; OSError if it fails."""
    if subprocess.run(_sync(path)).returncode != 0:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


@contextmanager
def syncing(path: Path) -> Iterator[None]:
    """Begin to flush the file system under `path`, so that flushing it at the end takes less; nothing depends on it."""
    with ExitStack() as begun:
        with suppress(OSError):  # too many processes run
            begun.enter_context(subprocess.Popen(_sync(path), stderr=subprocess.DEVNULL))
        yield


def _sync(path: Path) -> list[str]:
    return ["sync", "--file-system", str(path)]
