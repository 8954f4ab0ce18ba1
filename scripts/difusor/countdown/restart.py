"""Judges whether a server waits for a restart, which the first power cut of the night would bring."""

from __future__ import annotations

from datetime import UTC, datetime

from difusor.countdown.checks import Check, Moment, good, warn
from difusor.countdown.seen import Server
from difusor.inventory import Election
from difusor.terminal import local, plain, some


def judge(election: Election, server: Server, moment: Moment, given: str) -> Check:
    """Return the check of a pending restart; `given` is what follows -i in the command that restarts the server."""
    found = []
    if server.restart_since is not None:
        since = local(datetime.fromtimestamp(server.restart_since, UTC), election.catalog.zone)
        packages = some([plain(each, 60) for each in server.restart_for])
        found.append(f"espera un reinicio desde {since}" + (f" ({packages})" if packages else ""))
    if server.next_kernel:
        running, other = plain(server.kernel, 60), plain(server.next_kernel, 60)
        found.append(f"corre el núcleo {running}, y al arrancar lo haría con {other}")
    if not found:
        return good("restart", "ninguno pendiente")
    # The upgrade restarts what packages have asked to be restarted, and nothing else.
    command = "sudo reboot en el servidor" if server.restart_since is None else f"./difusor upgrade -i {given}"
    late = f"para esta noche ya es tarde: no lo reinicie; después del cierre, {command}"
    now = f"hoy aún se puede; si no, lo hará el primer corte de luz de la noche: {command}"
    return warn("restart", "; ".join(found), late if moment is Moment.HOUR else now)
