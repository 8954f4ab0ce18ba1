"""Judges whether a page is reached in both address families, by what several places answered."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence

from difusor.countdown.checks import Check, bad, good, warn
from difusor.terminal import plain, some

Answers = Mapping[str, Mapping[str, str | None]]
"""By place, by address: "" when the page answered, else why not; None when the place has no way to that family."""
FEWEST = 2
"""From how many places each address has to be tried."""
PERIMETER = "pida a su difusor que su perímetro admita el 443 en esa dirección; si no la usa, que la quite de su DNS"
ANSWERED = ("responde ", "estado.json responde ")
"""How the reason begins where something answers that is not the page: then the road is open."""
IN_FRONT = (
    "vea desde ahí https://{}/.well-known/prep/estado.json: otro servidor tiene esa dirección, o algo delante del suyo "
    "(perímetro, CDN) niega la página a ese lugar"
)


def judge(name: str, addresses: Sequence[str], answers: Answers) -> Check:
    """Return the check of a page whose name has these addresses."""
    families = {ipaddress.ip_address(each).version: each for each in addresses}
    if 4 not in families:
        return bad("families", "no tiene dirección IPv4", "pida a su difusor el registro A de su nombre en el DNS")
    heard = {address: _heard(address, answers) for address in addresses}
    for address, said in heard.items():
        refused = {place: why for place, why in said.items() if why}
        if refused and len(refused) == len(said):
            return bad("families", f"{address} {_told(refused)}", _remedy(refused, name))
    for address, said in heard.items():
        if refused := {place: why for place, why in said.items() if why}:
            answered = some([place for place, why in said.items() if not why])
            return warn(
                "families", f"{address} responde desde {answered}, pero {_told(refused)}", _remedy(refused, name)
            )
    for address, said in heard.items():
        if len(said) < FEWEST:
            seen = f"solo se comprobó desde {some([*said])}" if said else "no se pudo comprobar desde ningún lugar"
            return warn(
                "families", f"{address} {seen}",
                "compruébela desde otra red que tenga esa familia, o agregue al inventario un trusted_vantage",
            )  # fmt: skip
    named = " e ".join(f"IPv{version}" for version in sorted(families))
    return good("families", f"{named} desde {min(map(len, heard.values()))} lugares")


def _heard(address: str, answers: Answers) -> dict[str, str]:
    """Return what each place that could try said of an address."""
    said = {place: found.get(address) for place, found in answers.items()}
    return {place: why for place, why in said.items() if why is not None}


def _remedy(refused: Mapping[str, str], name: str) -> str:
    return IN_FRONT.format(name) if all(why.startswith(ANSWERED) for why in refused.values()) else PERIMETER


def _told(refused: Mapping[str, str]) -> str:
    place, why = next(iter(refused.items()))
    return f"desde {place} {plain(why, 80)}"
