"""The share of the outgoing line: from which figure on it is kept, and what an operator is told where it is not."""

from __future__ import annotations

import re

import pytest
import role_kit
from call_kit import FIRST

from difusor import spec
from difusor.inventory.uplink import LEAST, least, left_out, missing
from difusor.project import ROOT
from difusor.spec.reading import values

PAYLOAD, FRAME = 1448, 1514
"""Bytes of data in a full packet of TCP, and of all that the kernel's queue counts of it."""
SEALED = 0.995
"""The part of it that is data for ssh, with which the link is measured."""


@pytest.mark.parametrize("call", sorted(spec.names()))
def test_a_server_with_a_share_still_sends_what_its_call_asks_for(call: str) -> None:
    """Else the share would make a server fail RED-01 whose link is as fast as the call wants it."""
    required = spec.load(call)["RED-01"].expect["payload_mbps"]
    program = role_kit.render("tc", "usr/local/sbin/prep-uplink", {"tc_uplink_mbps": 100, "tc_ports": [22, 873]})
    permille = re.search(r'fill "\$interface" \$\(\(\$1 \* (\d+)\)\)', program)
    assert permille
    assert least(spec.load(call)) * int(permille[1]) / 1000 * PAYLOAD / FRAME * SEALED >= required


def test_a_call_without_a_link_takes_what_the_role_takes() -> None:
    assert least(None) == LEAST
    without = FIRST.model_copy(update={"clauses": tuple(each for each in FIRST.clauses if each.id != "RED-01")})
    assert least(without) == LEAST


def test_it_is_told_where_no_share_is_kept_and_which_variable_keeps_one() -> None:
    assert missing(0, FIRST).startswith("ninguna") and "difusor_uplink_mbps" in missing(0, FIRST)
    assert "104 o más" in missing(0, FIRST)
    assert "RED-01" in missing(100, FIRST) and missing(104, FIRST) == missing(100, None) == ""
    assert "un enlace de 100 Mbps (T14)" in left_out(100, FIRST) and left_out(104, FIRST) == ""
    assert left_out(200_000, None)


@pytest.mark.parametrize("share", [[], [missing(0, FIRST)]])
def test_the_preflights_comparison_tells_it_in_a_line(share: list[str]) -> None:
    told = role_kit.diagnosis(judged={"share": share})
    assert ("Parte del enlace que se aparta para la entrada del Instituto" in told) is bool(share)
    assert "".join(share) in told


@pytest.mark.parametrize(
    ("said", "meant"), [({}, 0), ({"difusor_uplink_mbps": None}, 0), ({"difusor_uplink_mbps": 200}, 200)]
)
def test_an_inventory_may_say_that_no_share_is_kept(said: dict[str, int | None], meant: int) -> None:
    variables = values((ROOT / "playbooks/group_vars/all.yml").read_text(encoding="utf-8"))
    for name in ("tc_uplink_mbps", "preflight_uplink"):
        assert role_kit.value("tc", variables[name].strip("{} "), said) == meant
