"""What a server's owner has in tables of nft that are called like those of iptables, as in many guides."""

from __future__ import annotations

import re
from typing import Any

import pytest
from plugin_kit import load

from difusor.servers.neighbours import Neighbours, problems

NATIVE = """table ip filter {
	chain input {
		type filter hook input priority filter; policy drop;
		tcp dport 22 accept
	}
}
table ip nat {
	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		tcp dport 80 redirect to :8080
	}
}
"""
BY_IPTABLES = """table ip filter {
	chain INPUT {
		type filter hook input priority filter; policy drop;
		counter packets 0 bytes 0 jump ufw-before-input
	}

	chain ufw-before-input {
		counter packets 0 bytes 0 drop
	}
}
table ip nat {
	chain PREROUTING {
		type nat hook prerouting priority dstnat; policy accept;
		tcp dport 80 counter packets 0 bytes 0 redirect to :8080
	}
}
"""


def nft(ruleset: str, *, iptables: bool = True) -> Any:
    """Return the look at a server with these tables, of which iptables, where it is installed, says nothing."""
    bodies = dict(re.findall(r"^table (\S+ \S+) (\{\n.*?^\})", ruleset, re.MULTILINE | re.DOTALL))

    def look(*words: str) -> list[str]:
        if words[0] != "nft":
            return ["iptables v1.8.9 (nf_tables)"] if iptables and words[1] == "--version" else []
        if words[2] == "tables":
            return [f"table {name}" for name in bodies]
        name = " ".join(words[3:])
        return ruleset.splitlines() if words[2] == "chains" else f"table {name} {bodies[name]}".splitlines()

    return look


@pytest.mark.parametrize("iptables", [True, False])
def test_tables_of_nft_that_are_called_like_those_of_iptables_are_the_owners(iptables: bool) -> None:
    """iptables shows nothing of them, and a bare server has no iptables: the page was shut without a word."""
    probe = load("module_utils/probe/neighbours.py")
    text = probe.owners_tables(nft(NATIVE, iptables=iptables))
    assert text == NATIVE
    assert probe.tables(text, probe.Connection([80])) == ([], ["ip filter"])
    (diverted,) = probe.diverting_tables(text)
    assert diverted["rule"] == "nft ip nat: tcp dport 80 redirect to :8080"
    (sentence,) = problems(Neighbours(shutting=("nft ip filter",)))
    assert "nft delete chain ip filter CADENA" in sentence, "the table may have rules of Docker's, too"
    assert "a la tabla dele otro nombre" in sentence


def test_tables_of_iptables_are_not_read_as_nfts() -> None:
    probe = load("module_utils/probe/neighbours.py")
    assert probe.owners_tables(nft(BY_IPTABLES)) == ""
    assert probe.owners_tables(nft(BY_IPTABLES, iptables=False)) == BY_IPTABLES, "nobody else shows them then"


def test_of_a_table_that_is_the_owners_and_iptables_only_the_owners_part_is_read() -> None:
    own = "\tchain sale {\n\t\ttype filter hook output priority 0;\n\t}\n\tchain INPUT"
    both, probe = BY_IPTABLES.replace("\tchain INPUT", own), load("module_utils/probe/neighbours.py")
    text = probe.owners_tables(nft(both))
    assert probe.tables(text, probe.Connection([80])) == ([], []), "UFW's own policy shuts nothing"
