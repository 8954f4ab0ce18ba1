"""Says in Spanish, for the operator, what stands by a corte, what of it another one lacks or moves, and what ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from corte.format import instants
from corte.format.manifest import Manifest, Window
from corte.format.standing import Standing

NOT_LIGHT = "modo ligero; las imágenes de las actas se envían otra vez"
ORDERS = {
    "hold": "pausa",
    "resume": "termina la pausa: se muestra el último corte",
    "rectification": "las cuentas pueden bajar",
    "clock-override": "se abre aunque el reloj no esté sincronizado",
    "no-clock-override": "ya no se abre con el reloj sin sincronizar",
    "light": "modo ligero",
    "withdrawal": "retiro de un corte",
}
"""What each word of `manifest.ORDERS` is called to the operator."""


def sentences(standing: Standing) -> list[str]:
    """Return what stands as Spanish clauses for the operator; empty when nothing does."""
    told = []
    if hold := standing.hold_in_force:
        what = f"se retienen los cortes desde el {hold.first}" if hold.first else "no se muestra ninguno"
        told.append(f"pausa desde {instants.write(hold.at)}: {what}")
    if standing.rectified:
        told.append(f"las cuentas pueden bajar hasta el corte {standing.rectified.sequence}")
    if standing.overrides_clock:
        told.append("se abre aunque el reloj no esté sincronizado")
    if standing.is_light and standing.light_at:
        told.append(f"modo ligero desde {instants.write(standing.light_at)}: las imágenes de las actas no se envían")
    told += [f"corte {one.sequence} retirado, manifiesto {one.manifest_sha256[:16]}…" for one in standing.withdrawn]
    return told


def withdrawn_with(document: Manifest) -> str:
    """Return which corte the signing of this manifest withdrew, for the operator; "" when it withdrew none."""
    if document.withdraws_itself:  # perhaps not for the first time
        return f"el corte {document.sequence}"
    gone = [one.sequence for one in document.stands.withdrawn if one.at == document.generated]
    return f"el corte {', '.join(map(str, gone))}" if gone and "withdrawal" in document.orders else ""


def lacking(ours: Standing, theirs: Standing) -> list[str]:
    """Return as Spanish clauses, for the operator, what stands by theirs and not by ours; empty for nothing."""
    if ours.includes(theirs):
        return []
    return [clause for clause in sentences(theirs) if clause not in sentences(ours)] or ["una orden terminó"]


def apart(time: timedelta) -> str:
    """Return how far apart two instants are, as people say it: 20 min, 3 h, 25 h 30 min, 3 días."""
    minutes = round(abs(time) / timedelta(minutes=1))
    if minutes < 1:
        return f"{abs(time).seconds} s"
    if minutes >= 72 * 60:
        return f"{round(minutes / 60 / 24)} días"
    hours, minutes = divmod(minutes, 60)
    return " ".join([*([f"{hours} h"] if hours else []), *([f"{minutes} min"] if minutes else [])])


def moves(was: Window, would: Window) -> Iterator[tuple[str, str, datetime, datetime]]:
    """Yield what of a window another one moves: the option of `sign`, the verb, and the instants before and after."""
    if was.closes != would.closes:
        yield "--close", "cierra", was.closes, would.closes
    kept = max(was.retain_until, would.closes)  # never less than until the close
    is_retained = was.retain_until > was.closes or would.retain_until > would.closes
    if is_retained and kept != would.retain_until:
        yield "--retain", "sigue disponible hasta", kept, would.retain_until


def ended(document: Manifest) -> list[str]:
    """Return as Spanish clauses, for the operator, what stood until this corte was signed and ends with it."""
    at, stands = document.stands.light_ended_at, document.stands
    if at is None or at < document.generated or stands.is_light:
        return []
    return [NOT_LIGHT]
