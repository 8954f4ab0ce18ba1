"""What a server's owner has set up beside the project: whom SSH's access lists keep out, and what rules let through."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from difusor.servers.neighbours import SPELLING, Door, Neighbours, problems

MODULE = Path(__file__).resolve().parents[3] / "plugins/modules/neighbour_probe.py"


def load_probe() -> Any:
    specification = importlib.util.spec_from_file_location("neighbour_probe", MODULE)
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def told(address: str = "10.9.0.4", groups: Sequence[str] = (), **lists: list[str]) -> list[str]:
    door = Door(address, {**{name: [] for name in SPELLING}, **lists})
    files = {name: ["/etc/ssh/sshd_config.d/10-diario.conf"] for name in lists}
    return problems(Neighbours(account="instituto", groups=frozenset(groups), doors=(door,), files=files))


@pytest.mark.parametrize(
    "lists",
    [
        {},
        {"allowusers": ["operador", "instituto"]},
        {"allowusers": ["inst*"]},
        {"allowusers": ["instituto@10.9.0.0/24"]},
        {"allowusers": ["instituto@192.0.2.1,10.9.0.?"]},
        {"denyusers": ["instituto@192.0.2.*", "instituto2"]},
        {"allowgroups": ["sudo"]},
        {"denygroups": ["www-data"], "allowusers": ["*"]},
    ],
)
def test_access_lists_that_let_the_institute_in(lists: dict[str, list[str]]) -> None:
    assert told(**lists) == []


@pytest.mark.parametrize(
    ("lists", "sentence"),
    [
        ({"allowusers": ["operador", "ana"]}, "no está en AllowUsers operador ana (en /etc/ssh/sshd_config.d/10"),
        ({"allowusers": ["instituto@10.8.0.0/16"]}, "no está en AllowUsers instituto@10.8.0.0/16"),
        ({"allowusers": ["instituto@10.9.0.*,!10.9.0.4"]}, "no está en AllowUsers"),
        ({"allowgroups": ["ssh-users"]}, "no está en AllowGroups ssh-users"),
        ({"denyusers": ["?nstituto"]}, "lo niega DenyUsers ?nstituto"),
        ({"denygroups": ["sudo"]}, "lo niega DenyGroups sudo"),
        ({"denyusers": ["*@10.9.0.4"], "allowusers": ["instituto"]}, "lo niega DenyUsers *@10.9.0.4"),
    ],
)
def test_access_lists_that_keep_the_institute_out(lists: dict[str, list[str]], sentence: str) -> None:
    (found,) = told(**lists)
    assert found.startswith("SSH no dejaría entrar a «instituto», la cuenta del Instituto, desde 10.9.0.4: ")
    assert sentence in found


def test_the_accounts_own_groups_count() -> None:
    assert told(allowgroups=["prensa"], groups=["instituto", "prensa"]) == []


def test_one_reason_is_told_once_for_all_addresses() -> None:
    lists = {**{name: [] for name in SPELLING}, "allowusers": ["ana"]}
    doors = tuple(Door(address, lists) for address in ("10.9.0.4", "fd00::4"))
    (found,) = problems(Neighbours(account="instituto", doors=doors))
    assert "desde 10.9.0.4, fd00::4: " in found


def test_probe_finds_the_lists_in_included_files(tmp_path: Path) -> None:
    (tmp_path / "sshd_config.d").mkdir()
    included, deeper = tmp_path / "sshd_config.d/10-diario.conf", tmp_path / "más"
    included.write_text(f"allowusers operador\nInclude {deeper}\n#DenyUsers nadie\n")
    deeper.write_text("Match Address 10.9.0.4\n  DenyGroups sudo\n")
    main = tmp_path / "sshd_config"
    main.write_text("Include sshd_config.d/*.conf\nPort 22\n")
    probe = load_probe()
    found = probe.with_lists(probe.configuration(str(main), str(tmp_path)))
    assert (found["allowusers"], found["denygroups"], found["denyusers"]) == ([str(included)], [str(deeper)], [])


RULES = """
-P INPUT ACCEPT
-N oficina
-N ufw-user-input
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p icmp -j ACCEPT
-A INPUT -p tcp -m tcp --dport 3306 -j ACCEPT
-A INPUT -s 10.1.0.0/16 -j oficina
-A INPUT -j ufw-user-input
-A oficina -p tcp -m state --state NEW -m tcp --dport 22 -m comment --comment "la oficina" -j ACCEPT
-A ufw-user-input -p tcp -m tcp --dport 80 -j ACCEPT
-A FORWARD -i br0 -j ACCEPT
""".strip().splitlines()


def test_rules_of_iptables_that_will_go_on_admitting() -> None:
    probe = load_probe()
    chains = probe.filters(RULES)
    assert [rule for rule in probe.owners_rules(chains) if probe.admits(rule)] == [RULES[6], RULES[9]]
    assert probe.shuts(chains) == []


@pytest.mark.parametrize("rule", ["-A INPUT -j DROP", "-A INPUT -j REJECT --reject-with icmp-port-unreachable"])
def test_a_rule_that_denies_the_rest_ahead_of_ufw_stops_the_run(rule: str) -> None:
    probe = load_probe()
    assert probe.shuts(probe.filters([*RULES[:8], rule])) == [rule]
    assert probe.shuts(probe.filters([*RULES[:9], rule])) == [], "UFW has been asked before"
    (found,) = problems(Neighbours(shutting=(rule,)))
    assert found.startswith(f"iptables niega con «{rule}» todo lo demás antes de preguntar a UFW")


RULESET = """
table inet filter {
	chain input {
		type filter hook input priority filter; policy %s;
		tcp dport 22 accept
	}

	chain forward {
		type filter hook forward priority filter; policy accept;
	}
}
table inet vacia {
	chain input {
		type filter hook input priority filter; policy accept;
	}
}
table inet prep-difusor {
	set addr-set-sshd {
		type ipv4_addr
	}

	chain f2b-chain {
		type filter hook input priority filter - 1; policy accept;
		tcp dport 22 ip saddr @addr-set-sshd drop
	}
}
table ip filter {
	chain INPUT {
		type filter hook input priority filter; policy drop;
		counter packets 1 bytes 2 jump ufw-before-input
	}
}
"""


@pytest.mark.parametrize(
    ("policy", "found"), [("accept", (["inet filter"], [])), ("drop", ([], ["inet filter"]))], ids=["accept", "drop"]
)
def test_tables_of_nft_that_filter_what_comes_in(policy: str, found: tuple[list[str], list[str]]) -> None:
    assert load_probe().tables(RULESET % policy) == found


def test_a_table_that_denies_by_default_stops_the_run() -> None:
    (found,) = problems(Neighbours(shutting=("nft inet filter",)))
    assert "nft delete table inet filter" in found


def test_a_queue_of_the_owners_stops_the_run() -> None:
    said = {
        ("ip", "-4"): ["default via 10.0.0.1 dev eth0 proto dhcp", "default via 10.1.0.1 dev eth1 metric 9"],
        ("ip", "-6"): ["default via fe80::1 dev eth2 proto ra"],
        "eth0": ["qdisc tbf 8001: root refcnt 2 rate 50Mbit", "qdisc fq 8002: parent 8001:1 limit 10"],
        "eth1": ["qdisc mq 0: root", "qdisc fq_codel 0: parent :2 limit 10240p"],
        "eth2": ["qdisc htb 50e: root refcnt 2 r2q 10 default 0x20"],
    }
    probe = load_probe()
    found = probe.shaped(lambda *words: said[words[:2] if words[0] == "ip" else words[-1]])
    assert found == ["eth0 (tbf 8001:)"]
    (sentence,) = problems(Neighbours(shaped=tuple(found)))
    assert sentence.startswith("eth0 (tbf 8001:) ya tiene un control de tráfico")


def test_a_swarm_stops_the_run() -> None:
    (found,) = problems(Neighbours(swarm=True))
    assert "docker swarm leave" in found


def test_ports_that_docker_publishes() -> None:
    ports = [
        "0.0.0.0:8080->80/tcp, :::8080->80/tcp, 127.0.0.1:9000->9000/tcp",
        "*:81->80/tcp",
        "3306/tcp",
        "127.5.6.7:580->8080/tcp",
    ]
    found = load_probe().published([*ports, "[::]:53-54->53-54/udp, [::1]:70->70/tcp"])
    assert found == ["53-54/udp", "8080/tcp", "81/tcp"]


def test_datagrams_that_programs_wait_for() -> None:
    lines = [
        'UNCONN 0 0 0.0.0.0:161 0.0.0.0:* users:(("snmpd",pid=7,fd=3))',
        'UNCONN 0 0 *:45331 *:* users:(("resolver",pid=8,fd=3))',
        "UNCONN 0 0 [::]:51820 [::]:*",
        'UNCONN 0 0 0.0.0.0%eth0:68 0.0.0.0:* users:(("dhclient",pid=9,fd=3))',
    ]
    assert load_probe().datagrams(lines) == [
        {"address": "0.0.0.0", "port": 161, "process": "snmpd"},
        {"address": "::", "port": 51820, "process": ""},
    ]
