"""The owner's rules of UFW: which the inventory has to decide about, and which close or limit the page."""

from __future__ import annotations

from dataclasses import replace

import pytest
from plugin_kit import load
from server_kit import SERVER, WANTED

from difusor.servers import preflight

probe = load("module_utils/probe/ufw.py")


def test_probe_knows_the_rules_that_are_somebodys_own() -> None:
    ours, theirs = b"prep-difusor:ssh".hex(), b"prep: la oficina".hex()
    lines = (
        f"allow tcp 22 0.0.0.0/0 any 10.0.0.1 in comment={ours}",
        f"allow tcp 22 0.0.0.0/0 any 10.0.0.2 in comment={ours[:4]}x{ours[5:]}",
        f"limit tcp 22 0.0.0.0/0 any 0.0.0.0/0 OpenSSH - in comment={theirs}",
        "deny any any 0.0.0.0/0 any 203.0.113.9 in",
        "allow udp 53 9.9.9.9 any 0.0.0.0/0 out",
        "route:allow tcp 80 10.1.0.5 any 0.0.0.0/0 in_eth0!out_br0",
    )
    text = "*filter\n" + "".join(f"### tuple ### {line}\n-A ufw-user-input -j ACCEPT\n" for line in lines)
    assert probe.rules(text) == [
        "limit tcp 22 0.0.0.0/0 any 0.0.0.0/0 OpenSSH - in",
        "route:allow tcp 80 10.1.0.5 any 0.0.0.0/0 in_eth0!out_br0",
    ]


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        (["deny tcp 80 0.0.0.0/0 any 0.0.0.0/0 Nginx%20HTTP - in"], [0]),
        (["reject any any 0.0.0.0/0 any 0.0.0.0/0 in_eth0"], [0]),
        (["deny tcp 79:81,8080 ::/0 any ::/0 in"], [0]),
        # Others than the page's visitors, other ports, and what a rule before has admitted.
        (["deny any any 0.0.0.0/0 any 203.0.113.9 in", "deny tcp 8080 0.0.0.0/0 any 0.0.0.0/0 in"], []),
        (["deny tcp 80 203.0.113.9 any 0.0.0.0/0 in", "deny any any 0.0.0.0/0 any 0.0.0.0/0 out"], []),
        (["deny udp 443 0.0.0.0/0 any 0.0.0.0/0 in", "route:deny tcp 80 0.0.0.0/0 any 0.0.0.0/0 in_eth0!out_br0"], []),
        (["allow tcp 80,443 0.0.0.0/0 any 0.0.0.0/0 in", "deny any any 0.0.0.0/0 any 0.0.0.0/0 in"], []),
        (["allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 in", "deny any any 0.0.0.0/0 any 0.0.0.0/0 in comment=70"], [1]),
        (
            ["deny tcp \x00\x00 0.0.0.0/0 any 0.0.0.0/0 in", "deny tcp 80", "", "deny tcp 80 0.0.0.0/0 any 0.0.0.0/0"],
            [],
        ),
        (["allow tcp 80,443 0.0.0.0/0 any 0.0.0.0/0 in_eth0", "deny any any 0.0.0.0/0 any 0.0.0.0/0 in"], [1]),
    ],
)
def test_a_rule_of_ufw_that_would_close_the_page_stops_the_run(rules: list[str], found: list[int]) -> None:
    denied = probe.denials("".join(f"### tuple ### {rule}\n-A x\n" for rule in rules))
    assert denied == [rules[number].partition(" comment")[0] for number in found]
    sentences = preflight.problems(replace(SERVER, denials=tuple(denied)), **WANTED)
    assert [each.partition(", y esa")[0] for each in sentences] == [
        f"UFW niega «{rule}» a cualquiera" for rule in denied
    ]


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        (["limit tcp 80 0.0.0.0/0 any 0.0.0.0/0 in"], [0]),
        (["limit any 443 ::/0 any ::/0 in_eth0", "limit tcp 80,443 0.0.0.0/0 any 0.0.0.0/0 Nginx%20Full - in"], [0, 1]),
        # Of SSH, of an office's own address, and of what a rule before has admitted.
        (["limit tcp 22 0.0.0.0/0 any 0.0.0.0/0 OpenSSH - in"], []),
        (["limit tcp 80 0.0.0.0/0 any 203.0.113.9 in", "limit tcp 443 203.0.113.9 any 0.0.0.0/0 in"], []),
        (["allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 in", "limit any 80 0.0.0.0/0 any 0.0.0.0/0 in"], []),
    ],
)
def test_a_limit_of_ufw_on_the_page_is_refused_and_not_offered_to_be_kept(rules: list[str], found: list[int]) -> None:
    """In the inventory it ended the run mid-way, where the project's own rule contradicts it."""
    text = "".join(f"### tuple ### {rule}\n-A x\n" for rule in rules)
    limited = probe.limits(text)
    assert limited == [rules[number] for number in found]
    server = replace(SERVER, rules=tuple(probe.rules(text)), limits=tuple(limited))
    for kept in ([], rules):
        sentences = preflight.problems(server, **{**WANTED, "kept_rules": kept})
        assert [each for each in sentences if each.startswith("UFW limita")] == [
            each for rule in limited for each in sentences if each.startswith(f"UFW limita con «{rule}» a seis")
        ]
        offered = [each.partition("» por una")[0] for each in sentences if "difusor_kept_ufw_rules" in each]
        assert offered == [f"UFW admite «{rule}" for rule in rules if rule not in [*limited, *kept]]
        assert len([each for each in sentences if each.startswith("UFW limita")]) == len(limited)
