"""What an inventory excepts, clauses of the call and rules of the WAF, judged by what else it says."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, ValidationInfo

from difusor import spec
from difusor.inventory.parts import Exclusion, Waiver
from difusor.inventory.values import is_urgent

INSPECTED = "/.well-known/prep/waf/"
"""What is asked for below this path of any server goes through its WAF, also while the gate is closed; behind it is a
constant (role nginx)."""


def _may_be_excused(waiver: Waiver, info: ValidationInfo) -> Waiver:
    """Return the waiver if the call in the validation context lets the institute excuse its clause; else ValueError.

    Without a call in the context only the form of the waiver is checked.
    """
    call = (info.context or {}).get("call", "")
    if not call:
        return waiver
    clauses = spec.load(call)
    if waiver.clause not in clauses.ids:
        raise ValueError(f"{waiver.clause} no es una cláusula de la convocatoria {call} (spec/{call}.yml); quítela")
    if not clauses[waiver.clause].waivable:
        raise ValueError(f"{waiver.clause} no admite exención; quítela y cumpla la cláusula")
    return waiver


def _of_the_site(exclusion: Exclusion, info: ValidationInfo) -> Exclusion:
    """Return the exclusion if something that the WAF inspects may have its path; else ValueError.

    What does not begin as the page's folder does is of no request, and the rule would go on as if nothing were written.
    """
    base, path = info.data.get("path", "/"), exclusion.path
    is_there = any(folder.startswith(path) or path.startswith(folder) for folder in (base, INSPECTED))
    if not (is_there or is_urgent(info)):
        raise ValueError(
            f"«{path}» no está en la página, y ahí la regla {exclusion.rule} seguiría; escriba "
            f"{base.rstrip('/')}{path} o quite path"
        )
    return exclusion


Waivers = list[Annotated[Waiver, AfterValidator(_may_be_excused)]]
Exclusions = list[Annotated[Exclusion, AfterValidator(_of_the_site)]]
