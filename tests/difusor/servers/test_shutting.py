"""Which of the owner's rules of iptables and nft shut the page out ahead of UFW, and which only look like it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from plugin_kit import load

from difusor.servers.neighbours import Neighbours, problems
from difusor.servers.notices import rows

OWN = ["203.0.113.7"]


@pytest.fixture(scope="module")
def probe() -> Any:
    return load("module_utils/probe/neighbours.py")


@pytest.fixture(scope="module")
def connection(probe: Any) -> Any:
    return probe.Connection([80, 443, 873], ["eth0"], OWN)


def shut(probe: Any, connection: Any, rules: str) -> list[str]:
    """Return what is found of rules in one text, of the chain INPUT where they name none, ahead of UFW's own."""
    lines = [line if line.startswith("-A ") else f"-A INPUT {line}" for line in rules.split("; ")]
    found: list[str] = probe.shuts(probe.filters([*lines, "-A INPUT -j ufw-before-input"]), connection)
    return [line.removeprefix("-A INPUT ") for line in found]


# Of each the last rule is the one that shuts.
SHUTTING = [
    "-j DROP",
    "-j REJECT --reject-with icmp-port-unreachable",
    "-p tcp -j DROP",
    "-i eth0 -j DROP",
    "-i eth+ -j DROP",
    "! -i lo -j DROP",
    "! -i docker0 -j DROP",
    "! -p icmp -j DROP",
    "-d 203.0.113.7/32 -j DROP",
    "! -s 10.0.0.0/8 -j DROP",
    "-p tcp -m multiport --dports 80,443 -m set ! --match-set campus src -j DROP",
    "-m geoip ! --source-country MX,US -j DROP",
    "-m set --match-set campus src -j ACCEPT; -m geoip --source-country MX -j RETURN; -j DROP",
    "-m conntrack --ctstate NEW -j DROP",
    "-m state --state INVALID,NEW -j DROP",
    "-m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP",
    "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j DROP",
    "-p tcp -m tcp --dport 443 -j DROP",
    "-p tcp -m multiport --dports 25,400:500 -j REJECT",
    "-p tcp -m tcp ! --dport 22 -j DROP",
    '-m comment --comment "-j ACCEPT all, no" -j DROP',
    "-p tcp -m tcp --dport 80 -j ACCEPT; -j DROP",
    "-s 10.1.0.0/16 -j ACCEPT; -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT; -i lo -j ACCEPT; -j DROP",
    # As the older Red Hat had it.
    "-j RH-INPUT; -A RH-INPUT -p tcp -m tcp --dport 22 -j ACCEPT; -A RH-INPUT -j REJECT",
    "-i eth0 -j A; -A A -p tcp -g B; -A B -j LOG; -A B -j DROP",
    "-p tcp -m tcp --dport 80 -j WEB; -A WEB -s 10.0.0.0/8 -j RETURN; -A WEB -j DROP",
    "-j LISTA; -A LISTA -s 192.0.2.1/32 -j ACCEPT; -j DROP",
]
HARMLESS = [
    "-s 192.0.2.1/32 -j DROP",
    "-i lo -j DROP",
    "-i docker0 -j DROP",
    "-i eth1 -j DROP",
    "! -i eth0 -j DROP",
    "-p udp -j DROP",
    "-p icmp -j DROP",
    "-d 224.0.0.0/4 -j DROP",
    "-p tcp -m tcp --dport 3306 -j DROP",
    "-p tcp -m tcp --sport 0:1023 -j DROP",
    "-m conntrack --ctstate INVALID -j DROP",
    "-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate NEW -j DROP",
    "-p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE -j DROP",
    "-f -j DROP",
    "-m set --match-set crowdsec-blacklists src -j DROP",
    "-p tcp -m tcp --dport 22 -m set ! --match-set campus src -j DROP",
    "-m set ! --match-set servidores dst -j DROP",
    "-m set ! --match-set parejas src,dst -j DROP",
    "-m set ! --match-set malos src -j ACCEPT; -j DROP",
    "-m geoip --source-country KP -j DROP",
    "-m geoip ! --destination-country MX -j DROP",
    "-m rpfilter --invert -j DROP",
    "-m addrtype --dst-type BROADCAST -j DROP",
    # As wg-quick and Docker have them in the table raw.
    "! -i wg0 -d 203.0.113.7/32 -m addrtype ! --src-type LOCAL -j DROP",
    "-d 172.18.0.2/32 ! -i br-prep -j DROP",
    "-d 127.5.6.7/32 ! -i lo -p tcp -m tcp --dport 443 -j DROP",
    # Limits of what one address, or all, may ask for.
    "-p tcp -m tcp --dport 80 -m connlimit --connlimit-above 50 --connlimit-mask 32 --connlimit-saddr -j REJECT",
    "-p tcp -m tcp --dport 80 -m hashlimit --hashlimit-above 100/sec --hashlimit-mode srcip --hashlimit-name w -j DROP",
    "-p tcp -m state --state NEW -m recent --update --seconds 60 --hitcount 20 --name W --mask 255.255.255.255 -j DROP",
    "-p tcp -m tcp --dport 80 -m limit --limit 25/min --limit-burst 100 -j ACCEPT; -p tcp -m tcp --dport 80 -j DROP",
    "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j syn; -A syn -m limit --limit 9/sec -j RETURN; -A syn -j DROP",
    "-p tcp -m tcp --dport 80 -j W; -A W -p tcp -m tcp --dport 80 -m limit --limit 9/sec -j RETURN; -A W -j DROP",
    # What has been admitted before.
    "-j ACCEPT; -j DROP",
    "-i eth0 -j ACCEPT; -j DROP",
    "-m conntrack --ctstate NEW,RELATED,ESTABLISHED -j ACCEPT; -j DROP",
    "-j A; -A A -j ACCEPT; -j DROP",
    "-j A; -A A -j RETURN; -A A -j DROP",
    # Of programs that the preflight knows.
    "-p tcp -m multiport --dports 22 -j f2b-sshd; -A f2b-sshd -s 192.0.2.9/32 -j REJECT; -A f2b-sshd -j RETURN",
    "-p tcp -j f2b-web; -A f2b-web -j DROP",
    "-j DOCKER-USER; -A DOCKER-USER -j DROP",
    "-j LIBVIRT_INP; -A LIBVIRT_INP -i virbr0 -p udp -m udp --dport 53 -j ACCEPT",
    "-j KUBE-FIREWALL; -A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment x -j DROP",
    "-j ufw-before-input; -A ufw-before-input -j DROP; -j DROP",
    "-j A; -A A -j ufw-user-input; -A A -j DROP; -j DROP",
]


@pytest.mark.parametrize("rules", SHUTTING)
def test_a_rule_that_denies_the_page_ahead_of_ufw_is_found(probe: Any, connection: Any, rules: str) -> None:
    assert shut(probe, connection, rules) == [rules.rpartition("; ")[2]]


@pytest.mark.parametrize("rules", HARMLESS)
def test_a_rule_that_denies_something_else_is_not(probe: Any, connection: Any, rules: str) -> None:
    assert shut(probe, connection, rules) == []


WEB = "-p tcp -m tcp --dport 80"
LIMITED = "-m limit --limit 25/min --limit-burst 100"
RECENT = "-m recent --update --seconds 60 --hitcount 20 --name W --mask 255.255.255.255 --rsource"
# What limits all visitors together, and then what limits each source; of each the texts as they are told.
LIMITING = [
    (f"{WEB} {LIMITED} -j ACCEPT; {WEB} -j DROP", [f"{WEB} {LIMITED} -j ACCEPT; -A INPUT {WEB} -j DROP"], []),
    (
        "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j syn; -A syn -m limit --limit 9/sec -j RETURN; -A syn -j DROP",
        ["-A syn -m limit --limit 9/sec -j RETURN; -A syn -j DROP"],
        [],
    ),
    (f"{WEB} -m hashlimit --hashlimit-above 9/sec --hashlimit-name w -j DROP", ..., []),
    (f"{WEB} -m connlimit --connlimit-above 50 --connlimit-mask 0 --connlimit-saddr -j REJECT", ..., []),
    (f"{WEB} -m connlimit --connlimit-above 50 --connlimit-mask 32 --connlimit-saddr -j REJECT", [], ...),
    (f"{WEB} -m hashlimit --hashlimit-above 9/sec --hashlimit-mode srcip --hashlimit-name w -j DROP", [], ...),
    (f"-p tcp -m state --state NEW {RECENT} -j DROP", [], ...),
    (
        f"{WEB} -m hashlimit --hashlimit-upto 9/sec --hashlimit-mode srcip --hashlimit-name w -j ACCEPT; {WEB} -j DROP",
        [],
        [
            f"{WEB} -m hashlimit --hashlimit-upto 9/sec --hashlimit-mode srcip --hashlimit-name w -j ACCEPT; "
            f"-A INPUT {WEB} -j DROP"
        ],
    ),
    (
        f"{WEB} {RECENT} -j lento; -A lento -m limit --limit 1/min -j LOG; -A lento -j DROP",
        [],
        [f"{WEB} {RECENT} -j lento"],
    ),
    # Nothing that is denied behind it, another port, one source, a log, and what the project and others have.
    (f"{WEB} {LIMITED} -j ACCEPT", [], []),
    (f"-p tcp -m tcp --dport 22 {RECENT} -j DROP", [], []),
    (f"-s 192.0.2.1/32 {WEB} -m connlimit --connlimit-above 5 --connlimit-mask 32 --connlimit-saddr -j DROP", [], []),
    (f'{WEB} {LIMITED} -j LOG --log-prefix "web"; -p icmp {LIMITED} -j ACCEPT; -p icmp -j DROP', [], []),
    (f"{WEB} -m recent --rcheck --seconds 60 --name MALOS --mask 255.255.255.255 --rsource -j DROP", [], []),
    (f"-j prep-input; -A prep-input {WEB} {LIMITED} -j RETURN; -A prep-input -j DROP", [], []),
    (f"{WEB} -j ACCEPT; {WEB} {RECENT} -j DROP", [], []),
]


@pytest.mark.parametrize(("rules", "together", "each"), LIMITING)
def test_what_limits_the_page_beyond_the_usual_is_found(
    probe: Any, connection: Any, rules: str, together: Any, each: Any
) -> None:
    """Twenty-five a minute for all visitors were taken for what lets the usual through."""
    lines = [line if line.startswith("-A ") else f"-A INPUT {line}" for line in rules.split("; ")]
    chains = probe.filters([*lines, "-A INPUT -j ufw-before-input"])
    found = probe.limiting([chains, chains], [], "", connection, before=list)
    wanted = [[rules] if kind is ... else kind for kind in (together, each)]
    assert [[text.removeprefix("-A INPUT ") for text in kind] for kind in found] == wanted


def test_a_limit_for_all_together_stops_the_run_and_one_for_each_address_is_told() -> None:
    (said,) = problems(Neighbours(limiting=("-A INPUT -m limit -j ACCEPT; -A INPUT -j DROP",), limiting_each=("x",)))
    assert said.startswith("«-A INPUT -m limit -j ACCEPT; -A INPUT -j DROP» limita lo que todos los visitantes juntos")
    ((what, names),) = rows(Neighbours(limiting_each=("x",)), (80, 443))
    assert "cada dirección" in what
    assert names == ["x"]


# As the package has them.
BEFORE = """*filter
:ufw-before-input - [0:0]
:ufw-not-local - [0:0]
# End required lines
%s
-A ufw-before-input -i lo -j ACCEPT
-A ufw-before-output -o lo -j ACCEPT
-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-input -m conntrack --ctstate INVALID -j ufw-logging-deny
-A ufw-before-input -m conntrack --ctstate INVALID -j DROP
-A ufw-before-input -p icmp --icmp-type echo-request -j ACCEPT
-A ufw-before-forward -p icmp --icmp-type echo-request -j ACCEPT
-A ufw-before-input -p udp --sport 67 --dport 68 -j ACCEPT
-A ufw-before-input -j ufw-not-local
-A ufw-not-local -m addrtype --dst-type LOCAL -j RETURN
-A ufw-not-local -m addrtype --dst-type MULTICAST -j RETURN
-A ufw-not-local -m addrtype --dst-type BROADCAST -j RETURN
-A ufw-not-local -m limit --limit 3/min --limit-burst 10 -j ufw-logging-deny
-A ufw-not-local -j DROP
-A ufw-before-input -p udp -d 239.255.255.250 --dport 1900 -j ACCEPT
COMMIT
"""
# A recipe against floods that many have followed.
RECIPE = """-A ufw-before-input -p tcp --dport 80 -j ufw-http
-A ufw-before-input -p tcp --dport https -j ufw-http
-A ufw-http -p tcp --syn -m connlimit --connlimit-above 50 --connlimit-mask 24 -j ufw-http-logdrop
-A ufw-http -m state --state NEW -m recent --name conn_per_ip --set
-A ufw-http -m state --state NEW -m recent --name conn_per_ip --update --seconds 10 --hitcount 20 -j ufw-http-logdrop
-A ufw-http -j ACCEPT
-A ufw-http-logdrop -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "[UFW HTTP DROP] "
-A ufw-http-logdrop -j DROP
-A ufw-before-input -p tcp --dport 80 -m comment --comment "sin fin -j DROP"""


@pytest.mark.parametrize(
    ("own", "together", "each"),
    [
        ("", [], []),
        (RECIPE, [], [2, 4]),
        (
            "-A ufw-before-input -p tcp --dport 80 -m limit --limit 9/s -j ACCEPT\n"
            "-A ufw-before-input -p tcp --dport 80 -j DROP",
            [0, 1],
            [],
        ),
    ],
)
def test_limits_in_a_file_of_ufws_are_found_and_its_own_of_the_log_are_not(
    connection: Any, own: str, together: list[int], each: list[int], tmp_path: Path
) -> None:
    file, lines = tmp_path / "before.rules", own.splitlines()
    file.write_text(BEFORE % own)
    before = load("module_utils/probe/ufw.py").before
    found = load("module_utils/probe/neighbours.py").limiting(
        [],
        [],
        "",
        connection,
        lambda: before({str(file): "ufw-before-input", str(tmp_path / "no"): "ufw6-before-input"}),
    )
    assert found == (
        ["; ".join(lines[number] for number in together)] if together else [],
        sorted(lines[number] for number in each),
    )


def test_without_a_default_route_any_interface_but_loopback_is_the_outside(probe: Any) -> None:
    connection = probe.Connection([80])
    assert shut(probe, connection, "-i eth1 -j DROP") == ["-i eth1 -j DROP"]
    assert shut(probe, connection, "-i lo -j DROP") == []


def test_a_rule_that_shuts_stops_the_run() -> None:
    (found,) = problems(Neighbours(shutting=("-A INPUT -j DROP",)))
    assert found.startswith("iptables niega con «-A INPUT -j DROP» también la página o los cortes, antes de preguntar")


CHAIN = """
table inet %s {
	set malos {
		type ipv4_addr
		elements = { 192.0.2.1,
				192.0.2.2 }
	}

	chain %s {
		type filter hook input priority filter; policy %s;
%s
	}

	chain web {
		ip saddr 10.0.0.0/8 return
		log prefix "web: " level warn
		counter packets 4 bytes 200 drop
	}

	chain tope {
		limit rate 9/second burst 5 packets return
		drop
	}

	chain forward {
		type filter hook forward priority filter; policy drop;
		drop
	}
}
"""
NFT_SHUTTING = [
    "drop",
    'iifname "lo" accept; ct state established,related accept; tcp dport 22 accept; counter packets 1 bytes 2 drop',
    'tcp dport 22 accept; reject with icmpx type port-unreachable comment "lo demás"',
    'iifname "eth0" drop',
    'iif != "lo" drop',
    "ct state new drop",
    "ct state != { established, related } drop",
    "meta l4proto tcp reject with tcp reset",
    "tcp dport { 25, 80,\n\t\t\t     443 } drop",
    "tcp dport != 22 drop",
    "tcp dport 1-1024 counter packets 0 bytes 0 drop",
    'tcp dport 80 log prefix "web: " level info drop',
    "ip saddr != 10.0.0.0/8 drop",
    "ip daddr 203.0.113.7 drop",
]
NFT_HARMLESS = [
    "tcp dport 22 accept",
    "ip saddr @malos drop",
    "ip saddr 192.0.2.1 drop",
    'iifname "docker0" drop',
    "ct state invalid drop",
    "meta l4proto udp drop",
    "tcp dport 3306 reject",
    "tcp dport 80 limit rate over 100/second drop",
    "tcp dport 80 meter web { ip saddr limit rate over 9/second } drop",
    "tcp dport 80 ct count over 50 drop",
    "tcp dport 80 limit rate 99/second accept; tcp dport 80 drop",
    "tcp flags & (fin | syn | rst | ack) == syn jump tope",
    "accept; drop",
    "ct state vmap { invalid : drop, established : accept }",
    "fib daddr type broadcast drop",
    'iifname != "wg0" ip daddr 203.0.113.7 fib saddr type != local drop',
]


@pytest.mark.parametrize(
    ("rules", "together", "each"),
    [
        ("tcp dport 80 limit rate 9/second accept; tcp dport 80 drop", True, False),
        ("tcp dport 80 limit rate over 9/second burst 5 packets drop", True, False),
        ("tcp dport 80 ct count over 50 reject", True, False),
        ("tcp flags & (fin | syn | rst | ack) == syn jump tope", True, False),
        ("tcp dport 80 meter web size 65535 { ip saddr limit rate over 9/second burst 5 packets } drop", False, True),
        ("tcp dport 80 add @web { ip saddr ct count over 50 } drop", False, True),
        ("tcp dport 22 limit rate over 9/second drop; tcp dport 80 limit rate 9/second accept", False, False),
        ('limit rate 9/second burst 5 packets log prefix "x"', False, False),
        ("tcp dport 80 accept; tcp dport 80 ct count over 50 reject", False, False),
    ],
)
def test_limits_of_nft_are_found(probe: Any, connection: Any, rules: str, together: bool, each: bool) -> None:
    text = CHAIN % ("casa", "entra", "accept", "\n".join(f"\t\t{line}" for line in rules.split("; ")))
    found = probe.limiting([], [], text, connection, before=list)
    assert [bool(kind) for kind in found] == [together, each]
    assert all(rule.startswith("nft inet casa: ") for kind in found for rule in kind)


def tables(probe: Any, connection: Any, rules: str) -> Any:
    text = CHAIN % ("casa", "entra", "accept", "\n".join(f"\t\t{each}" for each in rules.split("; ")))
    return probe.tables(text, connection)


@pytest.mark.parametrize("rules", NFT_SHUTTING)
def test_a_rule_of_nft_that_denies_the_page_is_found(probe: Any, connection: Any, rules: str) -> None:
    last = " ".join(rules.rpartition("; ")[2].split())
    assert tables(probe, connection, rules) == ([], [f"inet casa: {last}"])


def test_a_rule_of_nft_behind_a_jump_is_found(probe: Any, connection: Any) -> None:
    found = tables(probe, connection, "tcp dport 80 jump web; accept")
    assert found == ([], ["inet casa: counter packets 4 bytes 200 drop"])


@pytest.mark.parametrize("rules", NFT_HARMLESS)
def test_a_rule_of_nft_that_denies_something_else_is_not(probe: Any, connection: Any, rules: str) -> None:
    assert tables(probe, connection, rules) == (["inet casa"], [])


@pytest.mark.parametrize(
    ("name", "policy", "rules", "found"),
    [
        ("casa", "drop", "\t\ttcp dport 22 accept", ([], ["inet casa"])),
        ("casa", "accept", "", ([], [])),
        ("prep-difusor", "accept", "\t\ttcp dport 22 ip saddr @addr-set-sshd drop", ([], [])),
        ("f2b-table", "drop", "\t\tdrop", ([], [])),
    ],
)
def test_tables_of_nft_that_filter_what_comes_in(
    probe: Any, connection: Any, name: str, policy: str, rules: str, found: tuple[list[str], list[str]]
) -> None:
    assert probe.tables(CHAIN % (name, "input", policy, rules), connection) == found


@pytest.mark.parametrize(
    ("hook", "shut"),
    [
        ("hook prerouting priority raw;", True),
        ('hook ingress device "eth0" priority filter;', True),
        ("hook ingress devices = { eth0, eth1 } priority filter;", True),
        ('hook ingress device "docker0" priority filter;', False),
        ("hook output priority filter;", False),
        ("hook forward priority filter;", False),
    ],
)
def test_a_chain_of_nft_that_comes_before_ufws_is_read_too(probe: Any, connection: Any, hook: str, shut: bool) -> None:
    text = "table netdev casa {\n\tchain antes {\n\t\ttype filter %s policy accept;\n\t\t%s\n\t}\n}\n"
    found = probe.tables(text % (hook, "tcp dport { 80, 443 } drop"), connection)
    assert found == ([], ["netdev casa: tcp dport { 80, 443 } drop"] if shut else [])
    assert probe.tables(text % (hook, "tcp dport 23 drop"), connection) == ([], []), "it closes nothing of the page"


def test_tables_of_iptables_that_come_before_ufws_are_read_where_somebody_has_made_them(
    probe: Any, connection: Any
) -> None:
    rules = {
        ("iptables", "raw"): "-A PREROUTING -p tcp -m tcp --dport 80 -j DROP",
        ("iptables", "mangle"): "-A INPUT -p tcp -m tcp --dport 3306 -j DROP",
        ("ip6tables", "mangle"): "-A INPUT -p tcp -m multiport --dports 22,873 -j DROP",
        ("ip6tables", "raw"): "-j DROP",
    }

    def look(*words: str) -> list[str]:
        if words == ("nft", "list", "tables"):
            return ["table ip raw", "table ip mangle", "table ip6 mangle"]
        return ["iptables v1.8.9 (nf_tables)"] if words[1] == "--version" else [rules[words[0], words[2]]]

    found = probe.shuts_earlier(probe.earlier(look), connection)
    assert found == ["-t raw " + rules["iptables", "raw"], "-t mangle " + rules["ip6tables", "mangle"]]
    (sentence, _) = problems(Neighbours(shutting=tuple(found)))
    assert sentence.startswith(
        f"iptables niega con «{found[0]}» también la página o los cortes, antes de preguntar a UFW"
    )


def test_what_of_nft_shuts_stops_the_run() -> None:
    found = problems(Neighbours(shutting=("nft inet filter", "nft inet casa: tcp dport 80 drop")))
    assert "nft delete table inet filter" in found[0]
    assert found[1].startswith("la regla «tcp dport 80 drop» de la tabla de nft «inet casa» niega también la página")
