"""Tells which kernel parameters the owner has set and the project changes.

Sentences are Spanish, because a difusor's administrator reads them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
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
FILTER = re.compile(r"net\.ipv4\.conf\.(?!(?:all|default|\*)\.)(.+)\.rp_filter")
"""Of one interface, or of those that a pattern fits."""
FOR_ALL = "net.ipv4.conf.all.rp_filter"
LOOSE = "2"
"""The value of rp_filter with which the kernel takes what it answers by another interface."""


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
    written = list(written)
    told: dict[str, str] = {}
    kept: dict[str, str] = {}
    before = next((each.value for each in reversed(written) if each.name == FOR_ALL), "0")
    after = str(before if ours[FOR_ALL] is None else ours[FOR_ALL])
    for each in written:
        if not each.lost:
            kept[each.name] = each.value
        elif PACKAGED.get(each.name) == each.value or each.name == SET_BY_DOCKER:
            continue
        set_to = ours.get(each.name)
        if isinstance(set_to, str) and "{{" in set_to:
            continue
        new = kept.get(each.name) if set_to is None else " ".join(str(set_to).split())
        old, new = _in_force(each.name, each.value, before), _in_force(each.name, new, after)
        told.pop(each.name, None)
        if new != old:
            told[each.name] = f"{each.name}: {old} → {new or f'sin poner ({each.path} ya no se lee)'}"
            if FILTER.fullmatch(each.name) and new == "1":
                told[each.name] += f" ({LOOSE} si ahí llega lo que se contesta por otra interfaz)"
    return list(told.values())


def _in_force(name: str, value: str | None, for_all: str) -> str | None:
    """Return the value by which the kernel goes: of rp_filter the larger one of an interface's and of `for_all`."""
    if value is None or not FILTER.fullmatch(name) or not (value.isdigit() and for_all.isdigit()):
        return value
    return max(value, for_all, key=int)


def is_loose(interfaces: Collection[str], owners: Mapping[str, str], overrides: Mapping[str, Any]) -> bool:
    """Tell whether the kernel will take what comes in by one of these although it answers by another.

    `owners`: what the owner's files set, of which the project replaces what holds for all interfaces; `overrides`: what
    the inventory sets, None for what stays as it is.
    """
    said = {**owners, **{name: value for name, value in overrides.items() if value is not None}}
    values = {match[1]: str(value) for name, value in said.items() if (match := FILTER.fullmatch(name))}
    for interface in interfaces:
        fitting = [value for pattern, value in values.items() if fnmatchcase(interface, pattern)]
        if values.get(interface, fitting[-1] if fitting else "") == LOOSE:
            return True
    return False
