"""How far ahead of the clock a corte may be dated: servers refuse every later corte with an earlier instant."""

from __future__ import annotations

from datetime import datetime, timedelta

from corte.format import instants
from corte.format.manifest import Manifest
from corte.format.refusal import Refusal

TOLERANCE = timedelta(minutes=5)
"""The clocks of institute and server never agree exactly, and a system may date its corte at the next full minute."""


def check(found: Manifest, now: datetime) -> None:
    """Refuse a corte that was signed, or counted, more than TOLERANCE after `now`.

    The corte of the opening is signed before the instant that it is for; it may only be signed in time.
    """
    if found.generated > now + TOLERANCE:
        raise Refusal("future", f"Dice haberse generado {instants.write(found.generated)}, que aún no llega.")
    if found.corte > now + TOLERANCE and found.corte != found.window.opens:
        raise Refusal(
            "future",
            f"Dice ser el corte de las {instants.write(found.corte)}, que aún no llegan: "
            f"son las {instants.write(now)}. Todo corte posterior con su hora correcta se rechazaría.",
        )
