"""The folder into which the institute pushes: its signature is claimed there, and what nobody may keep is deleted."""

from __future__ import annotations

import fcntl
import os
import subprocess

from corte.format import files, manifest, signature
from corte.format.refusal import Refusal

_CLAIMED = ".reclamado"


def claim(incoming: int) -> bytes | None:
    """Take the signature out of the incoming folder and return it; None when there is none (any more).

    Anything else of that name is removed too and b"" returned, or it would start the intake again and again.
    """
    try:
        os.rename(manifest.SIGNATURE_NAME, _CLAIMED, src_dir_fd=incoming, dst_dir_fd=incoming)
    except FileNotFoundError:
        return None
    except OSError:  # a folder is in the way of the claim
        _discard_claimed(incoming)
        os.rename(manifest.SIGNATURE_NAME, _CLAIMED, src_dir_fd=incoming, dst_dir_fd=incoming)
    try:
        return files.read_capped(_CLAIMED, signature.MAX_BYTES, incoming)
    except Refusal:
        return b""
    finally:
        _discard_claimed(incoming)


def _discard_claimed(incoming: int) -> None:
    """Remove what was claimed, even a folder: with `rm`, because Python's rmtree fails on very deep folders."""
    try:
        os.unlink(_CLAIMED, dir_fd=incoming)
    except FileNotFoundError:
        return
    except OSError:
        subprocess.run(["rm", "-rf", f"/proc/self/fd/{incoming}/{_CLAIMED}"], pass_fds=[incoming], check=False)


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
