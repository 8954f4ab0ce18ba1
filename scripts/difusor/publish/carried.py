"""Says which orders a corte carries that an ordinary one does not, and which the last published one carried still.

Of what was published last, `build/cortes/` has the window and what stood, for each election, environment and opening.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from corte.format import files, instants
from corte.format.manifest import Manifest, Window
from corte.format.standing import Standing
from difusor.inventory import Election
from difusor.project import refusal, write
from difusor.publish import notes, wording

AGAIN = "Para que siga, firme el corte con «difusor sign --light»"
_MANY = 3
"""Up to so many withdrawn cortes each have a clause of their own; more than that share one."""


@dataclass(frozen=True)
class Carried:
    """What a published corte carried: its sequence, when it was signed, its window, and what stood with it."""

    sequence: int
    generated: datetime
    window: Window
    stands: Standing

    @classmethod
    def of(cls, document: Manifest) -> Carried:
        """Return what a corte carries."""
        return cls(document.sequence, document.generated, document.window, document.stands)


def last(election: Election) -> tuple[Carried | None, str]:
    """Return what the corte carried that was last published here for this opening, and what prevents knowing it."""
    path = _path(election)
    try:
        said = json.loads(files.small(path))
        window, stands = Window.from_json(said["window"]), Standing.from_json(said["standing"])
        return Carried(int(said["sequence"]), instants.parse(said["generated"]), window, stands), ""
    except FileNotFoundError:
        return None, ""
    except OSError as error:
        why = refusal(error)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        why = f"{path} está dañado; lo escribe de nuevo el siguiente corte que se publique"
    return None, f"no se sabe qué órdenes llevaba el último corte publicado, ni si este deja alguna: {why}"


def note(document: Manifest, election: Election) -> None:
    """Note what a corte carries that a difusor has taken, unless one that was signed later is noted; else OSError."""
    before, _ = last(election)
    if before is None or document.generated >= before.generated:
        said = {
            "sequence": document.sequence, "generated": instants.write(document.generated),
            "window": document.window.to_json(), "standing": document.stands.to_json(),
        }  # fmt: skip
        write(_path(election), json.dumps(said) + "\n")


def _path(election: Election) -> Path:
    return notes.folder(election) / f"{election.window.opens:%Y%m%dT%H%M%SZ}.{notes.CARRIED}"


def moved(window: Window, decided: Window) -> list[str]:
    """Return as Spanish clauses what of a window is not as the election's file says, and by how much."""
    return [
        f"{says} {instants.write(would)}, {wording.apart(would - was)} {'después' if would > was else 'antes'} "
        "de lo que dice la elección"
        for _, says, was, would in wording.moves(decided, window)
    ]


def orders(document: Manifest) -> tuple[list[str], list[str]]:
    """Return as Spanish clauses what a corte orders itself, and what an earlier one ordered and it carries on."""
    own: list[str] = []
    inherited: list[str] = []
    stands = document.stands
    for word, isolated in (
        ("hold", Standing(hold=stands.hold, resumed_at=stands.resumed_at)),
        ("rectification", Standing(rectified=stands.rectified)),
        ("clock-override", Standing(
            clock_override_at=stands.clock_override_at, clock_override_ended_at=stands.clock_override_ended_at,
        )),
        ("light", Standing(light_at=stands.light_at, light_ended_at=stands.light_ended_at)),
    ):  # fmt: skip
        (own if word in document.orders else inherited).extend(wording.sentences(isolated))
    own += [_ENDS[word] for word in document.orders if word in _ENDS]
    is_withdrawing = "withdrawal" in document.orders
    fresh = [one for one in stands.withdrawn if is_withdrawing and one.at == document.generated]
    for found, gone in ((own, fresh), (inherited, [one for one in stands.withdrawn if one not in fresh])):
        if len(gone) > _MANY:
            found.append(f"{len(gone)} cortes retirados: {', '.join(str(one.sequence) for one in gone)}")
        else:
            found.extend(wording.sentences(Standing(withdrawn=tuple(gone))))
    return own, inherited


_ENDS = {word: wording.ORDERS[word] for word in ("resume", "no-clock-override")}
"""Words of `manifest.ORDERS` that end another order, and so leave nothing that stands."""


def ended(document: Manifest, before: Carried | None) -> list[str]:
    """Return as Spanish clauses what stood till now, or was carried by the corte published before, and is no more."""
    told = wording.ended(document)
    if before is None or before.generated > document.generated:
        return [f"{clause}. {AGAIN}" for clause in told]
    if before.stands.is_light and not document.stands.is_light:
        told = [wording.NOT_LIGHT]
    return [*(f"{clause}. {AGAIN}" for clause in told), *_dropped(document, before)]


def _dropped(document: Manifest, before: Carried) -> Iterator[str]:
    was, now, whose = before.stands, document.stands, f"el corte {before.sequence}, publicado antes"
    if was.hold_in_force and now.hold_in_force is None and "resume" not in document.orders:
        yield f"la pausa que llevaba {whose}: se muestra este"
    if was.overrides_clock and not now.overrides_clock and "no-clock-override" not in document.orders:
        yield f"abrir con el reloj sin sincronizar, que ordenaba {whose}"
    if was.rectified and now.rectified is None:
        yield f"la rectificación que llevaba {whose}"
    for one in was.withdrawn:
        if not now.withdraws(*one.identity, one.manifest_sha256):
            yield f"el retiro del corte {one.sequence}, que llevaba {whose}"
    for _, says, then, would in wording.moves(before.window, document.window):
        yield f"la ventana de antes: {says} {instants.write(would)}, y con {whose}, {instants.write(then)}"
