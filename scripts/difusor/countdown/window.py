"""Judges whether a server is whole of the election of its inventory: gate, pages, and automatic updates."""

from __future__ import annotations

from datetime import UTC, datetime

from corte.format import instants, record
from difusor.countdown.checks import Check, bad, good, warn
from difusor.countdown.look import CONFIG
from difusor.countdown.seen import Server
from difusor.inventory import Election
from difusor.inventory.calendar import hours_advice
from difusor.terminal import local, plain, some

FIELDS = {
    "election": "la elección", "environment": "el entorno", "opens": "la apertura", "closes": "el cierre",
    "retain_until": "el fin de la conservación", "interval_minutes": "el intervalo entre cortes (en minutos)",
}  # fmt: skip
"""What the fields of a server's server.json are called."""


def judge(election: Election, server: Server, given: str) -> Check:
    """Return the check of a server's election; `given` is what follows -i in the command that mends it.

    That is a run of the whole site: role corte alone would turn the gate's row green, and leave nginx and apt with
    what they were told of another election, such as a rehearsal.
    """
    apply = f"./difusor apply -i {given}"
    if server.config is None:
        return bad("window", "el servidor no sabe de ninguna elección", f"instálelo: {apply}")
    try:
        config = record.checked(server.config)
    except record.Damaged:
        return bad("window", f"{CONFIG} está dañado, o es de una versión anterior", f"{apply} lo escribe de nuevo")
    wanted: dict[str, str | datetime] = {
        "election": election.id, "environment": election.environment, "opens": election.opens,
        "interval_minutes": str(election.interval_minutes),  # of an older one the mirror would say that it is late
    }  # fmt: skip
    if not (by_gate := _goes_by(server, election)):
        wanted |= {"closes": election.closes, "retain_until": election.retain_until or election.closes}
    found = {field: config.get(field) for field in wanted}
    wrong = [
        f"{FIELDS[field]} en el servidor es {told(found[field], election)} y debe ser {told(value, election)}"
        for field, value in wanted.items()
        if (instant if isinstance(value, datetime) else str)(found[field]) != value
    ]
    if wrong:
        return bad("window", some(wrong), f"si la elección está bien escrita, {apply}, entero, sin --tags")
    if left := _left(election, server, by_gate):
        return bad("window", some(left), f"{apply}, entero, sin --tags: solo una parte es de esta elección")
    if kept := _kept(server, election):
        return warn(
            "window",
            f"tiene un corte de otra apertura ({kept}) y rechazará los de número u hora menor",
            "firme el primero de la noche con «difusor sign» y --withdraw (la carpeta de aquel, o su corte.json)",
        )
    # A signed corte moved the close, so somebody decided the hours, and nothing is to be doubted of them.
    is_signed = by_gate and instant(config.get("closes")) != election.closes
    if not is_signed and (doubts := hours_advice(election)):
        return warn("window", some(doubts), f"si así se decidió, nada; si no, corrija la elección y ejecute {apply}")
    return good("window", f"abre {told(election.opens, election)}")


def _kept(server: Server, election: Election) -> str:
    """Return which corte of another opening a server says it has, which would keep out the right ones; "" for none."""
    kept = (server.status or {}).get("other_opening")
    if not isinstance(kept, dict):
        return ""
    return f"el {plain(kept.get('sequence'), 40)}, que abría {told(kept.get('opens'), election)}"


def _goes_by(server: Server, election: Election) -> bool:
    """Tell whether the server's gate has the election's hours: a signed corte moves those of its server.json."""
    status = server.status or {}
    gate, of = status.get("gate"), (status.get("election"), status.get("environment"))
    if not isinstance(gate, dict) or of != (election.id, election.environment):
        return False
    return all(instant(gate.get(name)) == value for name, value in vars(election.window).items())


def _left(election: Election, server: Server, by_gate: bool) -> list[str]:
    """Return what a server still has of another election, or of another window.

    `by_gate`: its gate has the election's hours. Updates wait for as long as it is open, whatever the last run said.
    """
    found = []
    if server.rehearsal is not None and server.rehearsal != (election.environment == "simulacro"):
        found.append(
            "las páginas de nginx dicen todavía «Simulacro» y piden a los buscadores que no las muestren"
            if server.rehearsal
            else "las páginas de nginx no dicen que es un simulacro"
        )
    if server.held is None:
        found.append("las actualizaciones automáticas no esperan a que pase la elección")
    else:
        since, until = (datetime.fromtimestamp(each, UTC) for each in server.held)
        needed = election.opens if by_gate else election.closes
        if since > election.opens or until < needed.replace(microsecond=0):
            found.append(
                f"las actualizaciones automáticas esperan de {told(since, election)} a {told(until, election)}, y no "
                "mientras se publica"
            )
    return found


def instant(text: object) -> datetime | None:
    """Return the instant that a text of a server says; None when it says none."""
    try:
        return instants.parse_offset(str(text))
    except ValueError:
        return None


def told(value: object, election: Election) -> str:
    """Return a value of server.json: an instant as people at the election's place read it, anything else as it is."""
    moment = value if isinstance(value, datetime) else instant(value)
    return plain(value, 40) if moment is None else local(moment, election.catalog.zone)
