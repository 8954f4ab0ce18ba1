"""Judges what the owner's files of SSH say for everybody, where the project's own, which is read first, does not help.

Sentences are Spanish, because a difusor's administrator reads them.
"""

from __future__ import annotations

from collections.abc import Iterator

from difusor.servers.neighbours import Neighbours, unfit

LIMIT = {"maxstartups": "MaxStartups", "persourcenetblocksize": "PerSourceNetBlockSize"}
"""Settings of which sshd may take the last value, as its manual writes them."""
REPLACED = "pubkeyauthentication"
"""That which the project's own file says for everybody."""
REMEDIES = {
    "authenticationmethods": (
        "ponga ahí «AuthenticationMethods publickey», o eso mismo en un bloque «Match User {account}»"
    ),
    "authorizedkeysfile": "agregue .ssh/authorized_keys a esa línea",
}
ELSEWHERE = "páselo a un bloque Match que no valga para ella"


def overridden(found: Neighbours, *, is_dual: bool) -> Iterator[str]:
    """Tell of limits of the owner's that sshd would take instead of the project's, which is then put back.

    `is_dual`: whether one socket takes the connections of IPv4 and IPv6, by which the role ssh chooses its value.
    """
    wanted = {"maxstartups": "30:30:100", "persourcenetblocksize": f"32:{128 if is_dual else 64}"}
    for name, value in found.overriding.items():
        places = found.places.get(name, ())
        if places and value != wanted[name]:
            yield (
                f"sshd tomaría «{LIMIT[name]} {value}» ({' y '.join(places)}) en vez de lo que pone el proyecto "
                f"({wanted[name]}), porque de eso vale la última línea; quite esa línea"
            )


def unsatisfied(found: Neighbours, by_password: bool) -> Iterator[str]:
    """Tell of methods that are asked of everybody and that nobody could satisfy, with which sshd does not start."""
    closed = {"keyboard-interactive", "hostbased", *(() if by_password else ("password",))}
    lists = [{method.partition(":")[0] for method in each.split(",")} for each in found.methods.split()]
    if places := lists and all(each & closed for each in lists) and found.places.get("authenticationmethods"):
        yield (
            f"sshd no aceptaría «AuthenticationMethods {found.methods}» ({places[0]}) con la configuración del "
            f"proyecto, que admite {'llaves y contraseñas' if by_password else 'solo llaves'}; ponga ahí "
            "«AuthenticationMethods publickey»"
        )


def without_session(found: Neighbours, *, by_password: bool, break_glass: bool) -> Iterator[str]:
    """Tell of what is said for everybody and gives the institute's account no session by its key, which a run proves.

    `break_glass`: whether the project says itself where that account's keys are.
    """
    told = {REPLACED, *(("authorizedkeysfile",) if break_glass else ())}
    if any(unsatisfied(found, by_password)):
        told.add("authenticationmethods")
    for said in (said for door in found.doors for said in unfit(door.general)):
        name = said.partition(" ")[0].lower()
        if name not in told and found.places.get(name):
            told.add(name)
            yield (
                f"con «{said}» ({found.places[name][0]}) la cuenta del Instituto, «{found.account}», no tendría por "
                f"SSH una sesión con su sola llave; {REMEDIES.get(name, ELSEWHERE).format(account=found.account)}"
            )
