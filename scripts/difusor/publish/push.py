"""Sends a corte with two rsync calls to a difusor's daemon: the files first, then the manifest with its signature."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from corte.format import manifest
from difusor.publish.target import Target
from difusor.servers import child

ATTEMPTS = 3
LIMIT = 600.0
"""Seconds for a whole transfer, unless the operator gives others."""
MEMORY_BYTES = 256 * 1024 * 1024
"""Address space of each rsync. A corte of 200,000 files takes less than 64 MiB."""
OUTPUT_BYTES = 1024 * 1024
"""What each rsync may print: its statistics, 700 bytes, and at worst a line of complaint for each file."""
_PASSING = {5, 10, 12, 23, 30, 35}
"""rsync's exit statuses worth another attempt: refused for now, broken connection, simultaneous push, timeout."""
_LASTING = re.compile(r"auth failed|unknown module|access denied|configured to refuse", re.IGNORECASE)
"""Errors that another attempt cannot cure. "Connection refused" is not among them: the mirror may be restarting."""
_CAUSES = {
    "auth failed": "no acepta el secreto de rsync del inventario; aplique allá el inventario (./difusor apply)",
    "access denied": "no admite la dirección de esta máquina; agréguela a las confiables (./difusor trusted)",
    "unknown module": "no tiene el módulo rsync del inventario; aplíquelo allá (./difusor apply)",
    "max connections": "atiende otros envíos y no admite uno más; repita en un momento",
    "configured to refuse": "su demonio rsync no admite cómo se envía; aplique allá el inventario (./difusor apply)",
    "connection refused": "rechaza el puerto {port}: allá no corre el demonio rsync",
    "name or service not known|name resolution": "nadie conoce el nombre de su dirección",
    "timed out|timeout|no route to host|network is unreachable": "no responde en el puerto {port}: revise la "
    "dirección, y que su cortafuegos admita la de esta máquina",
    "no hay espacio|no space left|quota exceeded": "no tiene espacio en disco",
    "out of memory": "rsync necesitó más memoria que la permitida: el otro lado no responde como un espejo",
    "(?:send_files|sender|link_stat|opendir|readlink).*(?:failed|denied|vanished)": (
        "rsync no pudo leer en esta máquina un archivo del corte"
    ),
    "read-only file system": "su disco solo admite lectura",
    "permission denied|operation not permitted|ch(?:dir|root) failed": (
        "su demonio rsync no puede escribir en la carpeta de entrada; aplique allá el inventario (./difusor apply)"
    ),
    "connection (?:reset|unexpectedly closed)|broken pipe|server greeting|safe_read": "cortó la conexión",
}
"""Spanish sentences by what rsync, the daemon or its script says; the first that fits. {port} is the daemon's."""

_SCRIPT = "pre-xfer exec"
_UNGUARDED = (
    "el programa de su demonio rsync que vigila los envíos (guard.py) no arrancó; aplique allá el inventario "
    "(./difusor apply)"
)
"""What is wrong where the daemon's script failed and says nothing: it always says why it refuses."""


class PushFailed(Exception):
    """rsync could not deliver; the message is the end of a Spanish sentence about the server."""


class PushLate(PushFailed):
    """The time for the transfer was over before its end."""


def push(
    folder: Path, target: Target, bandwidth: int | None = None, checksum: bool = False, limit: float = LIMIT
) -> int:
    """Deliver a signed tree and return the number of bytes sent; PushFailed when it cannot be delivered.

    `bandwidth` caps the transfer (KiB/s), so that visitors keep the link. `checksum` compares content instead of time
    and size. `limit`: seconds after which the transfer is ended, even if the other end still reads slowly. Nothing
    that the other end sends can make rsync take more memory, or print more, than is set above.
    """
    folder = folder.absolute()  # rsync takes the text before a colon, as in 20:10, for a host
    deadline = time.monotonic() + limit
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


def _deliver(arguments: list[str], target: Target, deadline: float) -> int:
    for attempt in range(1, ATTEMPTS + 1):
        done = _rsync(arguments, target, deadline)
        said = _text(done.stderr)
        if done.status == 0:
            return _sent(_text(done.stdout))
        passing = done.status in _PASSING and not _LASTING.search(said)
        if attempt == ATTEMPTS or not passing:
            break
        time.sleep(attempt)
    raise PushFailed(_reason(said, target.port) or f"rsync terminó con {done.status}")


def _rsync(arguments: list[str], target: Target, deadline: float) -> child.Finished:
    """Run rsync until the deadline (by the monotonic clock); PushFailed when it does not end or prints too much."""
    # rsync's own variables could send a corte and the secret elsewhere (RSYNC_PROXY, RSYNC_CONNECT_PROG), or alter how.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RSYNC_")}
    environment = {**kept, "RSYNC_PASSWORD": target.secret, "LC_ALL": "C"}
    bounds = child.Bounds(max(0.0, deadline - time.monotonic()), OUTPUT_BYTES, MEMORY_BYTES)
    try:
        return child.run(["rsync", *arguments, target.url], bounds, environment)
    except FileNotFoundError:
        raise PushFailed("falta el programa rsync en esta máquina") from None
    except child.BoundError as exceeded:
        is_late = isinstance(exceeded, child.TooLongError)
        what = "no terminó a tiempo" if is_late else "traía mensajes sin fin"
        said = _reason(_text(exceeded.stderr) or _text(exceeded.stdout), target.port)
        told = f"el envío {what}" + (f" ({said})" if said else "")
        kind = PushLate if is_late else PushFailed
        raise kind(f"{told}; lo que ya llegó no se envía otra vez") from None


def _text(printed: bytes) -> str:
    return printed.decode("utf-8", "replace")


def _sent(statistics: str) -> int:
    # The last one: before the statistics rsync prints what the mirror says. A number of bytes has less than 20 digits.
    found = re.findall(r"^Total bytes sent: ([\d,.]{1,25})$", statistics, re.MULTILINE | re.ASCII)
    return int(re.sub(r"\D", "", found[-1]) or 0) if found else 0


def _reason(text: str, port: int) -> str:
    """Return in Spanish what rsync complains of; an unknown complaint as a quotation, "" when there is none.

    The line that tells the cause is the first, but for the notice that the server's script failed.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip() and _SCRIPT not in line]
    if _SCRIPT in text and all(line.startswith("rsync") for line in lines):  # what it says of the end
        return _UNGUARDED
    for pattern, cause in _CAUSES.items():
        if lines and re.search(pattern, lines[0], re.IGNORECASE):
            return cause.format(port=port)
    return f"rsync dice: «{lines[0]}»" if lines else ""
