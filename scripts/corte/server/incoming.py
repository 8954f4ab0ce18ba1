"""The folder into which the institute pushes: its signature is claimed there, and what nobody may keep is deleted."""

from __future__ import annotations

import fcntl
import os
import resource
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import IO

from corte.format import files, manifest, signature, tree
from corte.format.manifest import Entry, Manifest
from corte.format.refusal import Refusal
from corte.server.compressed import date_of

_CLAIMED = ".reclamado"

_LIST = [
    "find", ".", "-mindepth", "1",
    "(", "-type", "d", "-printf", r"%y %P\0", ")", "-o",
    "(", "-type", "f", "-path", f"./{manifest.NAME}", ")", "-o",
    "(", "-type", "f", "-path", f"./{manifest.SIGNATURE_NAME}", ")", "-o",
    "-printf", r"%y %s %P\0",
]  # fmt: skip
"""Prints kind, size and path of everything, but no size of folders, and nothing of manifest and signature."""
MOST_PRINTED = manifest.MAX_BYTES
"""How many bytes are kept of what it prints; a manifest has more for each file than the listing."""
_LOOK_EVERY = 0.1
"""Seconds between two looks at how much it has printed."""


class Listing:
    """What the incoming folder holds, as a process of its own lists it while the intake verifies the manifest.

    It can only confirm that the folder holds exactly what a manifest lists. If it does not, or there is no listing,
    `tree.compare` decides, which takes longer and knows the reason.
    """

    def __init__(self, incoming: int, process: subprocess.Popen[bytes] | None, printed: IO[bytes] | None) -> None:
        """Take the folder's descriptor, the process that lists it, and the file that this prints to."""
        self.incoming, self.process, self.printed = incoming, process, printed

    def check(self, found: Manifest) -> None:
        """Refuse a folder that is not what the manifest lists, as `tree.compare` does."""
        if not self.confirms(found):
            tree.compare(self.incoming, found)

    def confirms(self, found: Manifest) -> bool:
        """Tell whether the folder held exactly what the manifest lists, beside manifest and signature."""
        if self.process is None or self.printed is None:
            return False
        lines = [f"f {size} {path}" for path, (size, _) in found.files.items()]
        lines += [f"d {path}" for path in found.folders]
        expected = {*"\0".join(lines).encode().split(b"\0")}
        if not _ends(self.process, self.printed, sum(map(len, expected)) + len(expected)):
            return False
        self.printed.seek(0)
        *listed, rest = self.printed.read().split(b"\0")
        return rest == b"" and len(listed) == len(expected) and expected == set(listed)


def _ends(process: subprocess.Popen[bytes], printed: IO[bytes], size: int) -> bool:
    """Tell whether a process ends well having printed `size` bytes; once it has printed more, it is not waited for."""
    while os.fstat(printed.fileno()).st_size <= size:
        with suppress(subprocess.TimeoutExpired):
            return process.wait(_LOOK_EVERY) == 0 and os.fstat(printed.fileno()).st_size == size
    return False


@contextmanager
def listing(incoming: int) -> Iterator[Listing]:
    """Begin to list the incoming folder (a descriptor); the listing is ended, however far it is, with the context."""
    with ExitStack() as opened:
        process = printed = None
        with suppress(OSError):  # the disk is full, or too many processes run
            printed = opened.enter_context(tempfile.TemporaryFile())
            process = subprocess.Popen(
                _LIST, cwd=f"/proc/self/fd/{incoming}", pass_fds=[incoming], stdout=printed, stderr=subprocess.DEVNULL,
                restore_signals=False,  # at the limit below, writing then fails, and the process leaves no core file
            )  # fmt: skip
            opened.enter_context(process)
            opened.callback(process.kill)
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (MOST_PRINTED, MOST_PRINTED))
        yield Listing(incoming, process, printed)


def claim(incoming: int) -> bytes | None:
    """Take the signature out of the incoming folder and return it; None when there is none (any more).

    Anything else of that name is removed too and b"" returned, or it would start the intake again and again.
    """
    try:
        os.rename(manifest.SIGNATURE_NAME, _CLAIMED, src_dir_fd=incoming, dst_dir_fd=incoming)
    except FileNotFoundError:
        return None
    except OSError:  # a folder is in the way of the claim
        _discard(_CLAIMED, incoming)
        os.rename(manifest.SIGNATURE_NAME, _CLAIMED, src_dir_fd=incoming, dst_dir_fd=incoming)
    try:
        return files.read_capped(_CLAIMED, signature.MAX_BYTES, incoming)
    except Refusal:
        return b""
    finally:
        _discard(_CLAIMED, incoming)


def read_manifest(incoming: int) -> bytes:
    """Return the pushed manifest's bytes; Refusal when it is no regular file, or too large.

    A folder of that name is removed, or it would refuse every later push: a push leaves manifest and signature out of
    what it deletes, and replaces anything but a folder.
    """
    try:
        return files.read_capped(manifest.NAME, manifest.MAX_BYTES, incoming)
    except Refusal:
        if _is_folder(manifest.NAME, incoming):
            _discard(manifest.NAME, incoming)
        raise


def _is_folder(name: str, incoming: int) -> bool:
    with suppress(FileNotFoundError):
        return stat.S_ISDIR(os.stat(name, dir_fd=incoming, follow_symlinks=False).st_mode)
    return False


def _discard(name: str, incoming: int) -> None:
    """Remove what has this name, even a folder: with `rm`, because Python's rmtree fails on very deep folders."""
    try:
        os.unlink(name, dir_fd=incoming)
    except FileNotFoundError:
        return
    except OSError:
        subprocess.run(["rm", "-rf", f"/proc/self/fd/{incoming}/{name}"], pass_fds=[incoming], check=False)


def forget(incoming: int) -> None:
    """Delete everything that was pushed but the signature of a push that came meanwhile.

    The daemon's guard takes the same lock before each push, so none begins while its files would be deleted.
    """
    fcntl.flock(incoming, fcntl.LOCK_EX)
    try:
        everything = ["find", ".", "-mindepth", "1", "-maxdepth", "1", "!", "-name", manifest.SIGNATURE_NAME]
        subprocess.run(
            [*everything, "-exec", "rm", "-rf", "{}", "+"], cwd=f"/proc/self/fd/{incoming}", pass_fds=[incoming],
            check=False,
        )  # fmt: skip
    finally:
        fcntl.flock(incoming, fcntl.LOCK_UN)


def copy(incoming: int, path: str, entry: Entry, new: str) -> None:
    """Copy a pushed file to the new file `new`, verifying every byte; its date is the same on all mirrors."""
    instant = date_of(entry.sha256)
    with open(new, "xb") as target:  # buffered: an unbuffered write may be partial
        tree.read_verified(incoming, path, entry, target.write)
        target.flush()
        os.fchmod(target.fileno(), 0o444)
        os.utime(target.fileno(), (instant, instant))
