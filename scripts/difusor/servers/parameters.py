"""Tells which kernel parameters the owner has set and the project changes.

Sentences are Spanish, because a difusor's administrator reads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from difusor.project import ROOT
from difusor.spec.reading import values

ROLE = ROOT / "roles/kernel/vars/main.yml"
SET_BY_DOCKER = "net.ipv4.ip_forward"
# What UFW's own file says as its package has it, which no owner has thought of.
PACKAGED = {
    "net.ipv4.icmp_echo_ignore_all": "0",
    "net.ipv4.conf.all.log_martians": "0",
    "net.ipv4.conf.default.log_martians": "0",
}


@dataclass(frozen=True)
class Parameter:
    """One line of a file of the owner's; `lost`: whether only UFW reads that file, which it will not any more."""

    path: str
    name: str
    value: str
    lost: bool = False


def changed(written: Iterable[Parameter], overrides: Mapping[str, Any], *, advertised: bool) -> list[str]:
    """Return what changes, as "name: old → new".

    `written`: the owner's lines in the order in which they are read; `overrides`: what the inventory sets, None for
    what stays as it is; `advertised`: whether IPv6 is configured by router advertisements. Parameters of which the role
    takes what the owner needs more of are none.
    """
    role = values(ROLE.read_text(encoding="utf-8"))
    ours = {**role["_kernel_sysctl"], **({} if advertised else role["_kernel_sysctl_unadvertised"]), **overrides}
    told: dict[str, str] = {}
    kept: dict[str, str] = {}
    for each in written:
        if not each.lost:
            kept[each.name] = each.value
        elif PACKAGED.get(each.name) == each.value or each.name == SET_BY_DOCKER:
            continue
        set_to = ours.get(each.name)
        if isinstance(set_to, str) and "{{" in set_to:
            continue
        new = kept.get(each.name) if set_to is None else " ".join(str(set_to).split())
        told.pop(each.name, None)
        if new != each.value:
            told[each.name] = f"{each.name}: {each.value} → {new or f'sin poner ({each.path} ya no se lee)'}"
    return list(told.values())
