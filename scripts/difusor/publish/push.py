"""Sends a corte with two rsync calls to a difusor's daemon: the files first, then the manifest with its signature."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

from corte.format import manifest
from difusor.publish.target import Target

ATTEMPTS = 3
_PASSING = {5, 10, 12, 23, 30, 35}
"""rsync's exit statuses worth another attempt: refused for now, broken connection, simultaneous push, timeout."""
_LASTING = re.compile(r"auth failed|unknown module|access denied|configured to refuse", re.IGNORECASE)
"""Errors that another attempt cannot cure. "Connection refused" is not among them: the mirror may be restarting."""


class PushFailed(Exception):
    """rsync could not deliver; the message is rsync's own."""


def push(
    folder: Path, target: Target, bandwidth: int | None = None, checksum: bool = False, limit: float | None = None
) -> int:
    """Deliver a signed tree and return the number of bytes sent; PushFailed when it cannot be delivered.

    `bandwidth` caps the transfer (KiB/s), so that visitors keep the link. `checksum` compares content instead of time
    and size. `limit`: seconds after which the transfer is ended, even if the other end still reads slowly.
    """
    folder = folder.absolute()  # rsync takes the text before a colon, as in 20:10, for a host
    deadline = None if limit is None else time.monotonic() + limit
    options = [
        "--recursive",
        "--times",
        "--modify-window=-1",
        "--compress",
        "--timeout=30",
        "--contimeout=10",
        # rsync sends many small messages; without this each would wait for the other end's delayed acknowledgement.
        "--sockopts=TCP_NODELAY",
        "--stats",
    ]
    if bandwidth is not None:
        options.append(f"--bwlimit={bandwidth}")
    if checksum:
        options.append("--checksum")
    papers = (manifest.NAME, manifest.SIGNATURE_NAME)
    content = [*options, "--delete", *(f"--exclude=/{name}" for name in papers), f"{folder}/"]
    # Together, so that another publisher's do not come between; the signature, which starts the intake, is sent last.
    signed = [*options, *(str(folder / name) for name in papers)]
    return _deliver(content, target, deadline) + _deliver(signed, target, deadline)


def _deliver(arguments: list[str], target: Target, deadline: float | None) -> int:
    environment = {**os.environ, "RSYNC_PASSWORD": target.secret, "LC_ALL": "C"}
    command = ["rsync", *arguments, target.url]
    for attempt in range(1, ATTEMPTS + 1):
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        try:
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=left
            )
        except FileNotFoundError:
            raise PushFailed("falta el programa rsync en esta máquina") from None
        except subprocess.TimeoutExpired:
            raise PushFailed("el envío no terminó a tiempo; lo que ya llegó no se envía otra vez") from None
        if done.returncode == 0:
            return _sent(done.stdout)
        passing = done.returncode in _PASSING and not _LASTING.search(done.stderr)
        if attempt == ATTEMPTS or not passing:
            break
        time.sleep(attempt)
    raise PushFailed(_reason(done.stderr) or f"rsync terminó con {done.returncode}")


def _sent(statistics: str) -> int:
    found = re.search(r"Total bytes sent: ([\d,.]+)", statistics)
    return int(re.sub(r"\D", "", found[1])) if found else 0


def _reason(text: str) -> str:
    """Return the line of rsync's errors that tells the cause: the first, but for the notice of the server's script."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and "pre-xfer exec" not in line]
    return lines[0] if lines else ""
