"""The share of the outgoing line that the role `tc` keeps for the institute, and the figures with which it may."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from difusor.spec import Spec

LEAST, MOST = 10, 100_000
Mbps = Annotated[int, Field(ge=LEAST, le=MOST)]
"""What the role takes: the Mbit per second that the line carries outwards."""
DATA = 0.9
"""How much of that figure the server then sends as data, at most: it lets out 95 %, and a part of it are headers."""


def least(call: Spec | None) -> int:
    """Return the smallest figure with which a server still sends what RED-01 of its call asks for."""
    needed = call["RED-01"].expect.get("payload_mbps", 0) if call and "RED-01" in call.ids else 0
    return max(LEAST, math.ceil(needed / DATA))


def left_out(mbps: int, call: Spec | None) -> str:
    """Return why no share is kept of the link of a form, without full stop; empty when one is."""
    enough = least(call)
    if enough <= mbps <= MOST:
        return ""
    return (
        f"de un enlace de {mbps:,} Mbps (T14) no se aparta nada para la entrada del Instituto: se aparta desde "
        f"{enough:,}, con que el servidor aún envía lo que pide la convocatoria, y hasta {MOST:,}"
    )


def missing(mbps: int, call: Spec | None) -> str:
    """Return what an operator should know of this figure, without full stop; empty when a share is kept.

    `mbps` is 0 where the inventory says none.
    """
    enough = least(call)
    if not mbps:
        return (
            "ninguna; se aparta si difusor_uplink_mbps dice en el inventario los Mbps que el enlace envía según su "
            f"contrato, {enough} o más"
        )
    if mbps < enough:
        return (
            f"con difusor_uplink_mbps: {mbps} el servidor enviaría menos de lo que pide la convocatoria (RED-01); "
            f"con {enough} o más, no. Quite la variable, o corríjala si el contrato da más"
        )
    return ""
