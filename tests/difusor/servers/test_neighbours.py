"""What a server's owner has set up beside the project: whom SSH's access lists keep out, and what rules let through."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from typing import Any

import pytest
import role_kit
from plugin_kit import load

from difusor.project import ROOT
from difusor.servers import notices
from difusor.servers.neighbours import SESSION, SPELLING, Door, Neighbours, problems, unfit
from difusor.servers.notices import rows


def load_probe() -> Any:
    return load("module_utils/probe/neighbours.py")


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


GENERAL = [
    "pubkeyauthentication yes", "authenticationmethods any", "authorizedkeysfile .ssh/authorized_keys",
    "maxsessions 10", "forcecommand none", "chrootdirectory none",
]  # fmt: skip


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("pubkeyauthentication no", "PubkeyAuthentication no"),
        ("authenticationmethods publickey,password", "AuthenticationMethods publickey,password"),
        ("authorizedkeysfile /etc/ssh/llaves/%u", "AuthorizedKeysFile /etc/ssh/llaves/%u"),
        ("forcecommand internal-sftp", "ForceCommand internal-sftp"),
        ("authenticationmethods publickey,password publickey", ""),
        ("authorizedkeysfile /etc/ssh/llaves %h/.ssh/authorized_keys", ""),
        ("maxsessions 2", ""),
    ],
)
def test_a_match_block_that_gives_the_institute_no_session_stops_the_run(setting: str, said: str) -> None:
    """The run itself proves only the login from the operator's address; what holds for everybody, it proves."""
    name = setting.split()[0]
    matched = [setting if line.startswith(f"{name} ") else line for line in GENERAL]

    def look(*words: str) -> list[str]:
        return matched if "addr=10.9.0.1" in ",".join(words) else GENERAL

    found = load_probe().doors(look, "instituto", ["10.9.0.0/24", "10.8.0.4"])
    doors = [Door(each["address"], {kind: each[kind] for kind in SPELLING}, each["matched"]) for each in found]
    sentences = problems(Neighbours(account="instituto", doors=tuple(doors)))
    told = f"desde 10.9.0.1: un bloque Match dice para ella «{said}»; exclúyala"
    assert [told in sentence for sentence in sentences] == ([True] if said else [])
    general = load_probe().doors(lambda *_: matched, "instituto", ["10.9.0.0/24"])
    assert general[0]["matched"] == {}, "it is said for everybody, or its own file says otherwise"


def test_a_match_block_at_which_sshd_ends_stops_the_run() -> None:
    found = load_probe().doors(lambda *words: [] if "-C" in words else GENERAL, "instituto", ["10.9.0.4"])
    door = Door("10.9.0.4", {name: [] for name in SPELLING}, is_broken=found[0]["broken"])
    (sentence,) = problems(Neighbours(account="instituto", doors=(door,)))
    assert "desde 10.9.0.4: sshd no acepta un bloque Match" in sentence
    assert not load_probe().doors(lambda *_: [], "instituto", ["10.9.0.4"])[0]["broken"], "sshd is not installed yet"


def test_the_accounts_own_groups_count() -> None:
    assert told(allowgroups=["prensa"], groups=["instituto", "prensa"]) == []


def test_one_reason_is_told_once_for_all_addresses() -> None:
    lists = {**{name: [] for name in SPELLING}, "allowusers": ["ana"]}
    doors = tuple(Door(address, lists) for address in ("10.9.0.4", "fd00::4"))
    (found,) = problems(Neighbours(account="instituto", doors=doors))
    assert "desde 10.9.0.4, fd00::4: " in found


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


NAT = """
-P PREROUTING ACCEPT
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080
-A PREROUTING -d 203.0.113.7/32 -p tcp -m multiport --dports 25,443 -j DNAT --to-destination 10.1.0.5
-A PREROUTING -d 203.0.113.8/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.1.0.6
-A PREROUTING -i lo -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080
-A PREROUTING -p udp -m udp --dport 443 -j REDIRECT --to-ports 8443
-A OUTPUT -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 3128
-A DOCKER -d 127.5.6.7/32 ! -i br-prep -p tcp -m tcp --dport 580 -j DNAT --to-destination 172.18.0.2:8080
-A CNI-DN-0a -p tcp -m tcp --dport 873 -j DNAT --to-destination 10.42.0.8:873
-A KUBE-SERVICES -d 10.43.0.1/32 -p tcp -m tcp --dport 443 -j KUBE-SVC-0A
""".strip().splitlines()


def test_a_rule_that_leads_a_port_of_the_page_elsewhere_stops_the_run() -> None:
    """No program listens there then, so that nginx starts, and citizens get somebody else's answer."""
    probe = load_probe()
    found = probe.diverting(probe.filters(NAT), ["203.0.113.7"])
    assert [(each["rule"], each["ports"]) for each in found] == [(NAT[2], [80]), (NAT[3], [25, 443]), (NAT[9], [873])]
    diverting = tuple((each["rule"], tuple(each["ports"])) for each in found)
    assert problems(Neighbours(diverting=diverting), [443]) == [
        f"«{NAT[3]}» desvía lo que llega al puerto 443, que el proyecto necesita; quite esa regla, y de donde se carga "
        "al arrancar"
    ]


def test_a_table_of_nft_that_leads_a_port_elsewhere_is_found() -> None:
    text = (
        "table ip casa {\n\tchain entra {\n\t\ttype nat hook prerouting priority dstnat; policy accept;\n"
        '\t\tiifname "eth0" tcp dport { 80, 443 } dnat to 10.1.0.5\n\t\ttcp dport 8000-8002 redirect to :1\n\t}\n'
        "\tchain sale {\n\t\ttype nat hook postrouting priority srcnat;\n\t\ttcp dport 80 dnat to 10.1.0.5\n\t}\n}\n"
    )
    found = load_probe().diverting_tables(text)
    assert [each["ports"] for each in found] == [[80, 443], [8000, 8001, 8002]]
    assert found[0]["rule"] == 'nft ip casa: iifname "eth0" tcp dport { 80, 443 } dnat to 10.1.0.5'


def test_networks_of_virtual_machines_that_the_firewall_will_cut_off_are_told() -> None:
    said = {
        "iptables": ["-P FORWARD ACCEPT"],
        "bridge": ["3: docker0: <UP>", "4: br-0123456789ab: <UP>", "5: br-prep: <UP>", "6: lxdbr0: <UP> mtu 1500"],
        "tun": [],
        "veth": ["7: veth1a@if6: <UP> mtu 1500 qdisc noqueue master br-prep state UP", "8: eth0@if9: <UP> mtu 1500"],
        "wireguard": ["9: wg0: <POINTOPOINT,NOARP,UP> mtu 1420"],
    }
    probe = load_probe()
    look = lambda *words: said["iptables" if words[0] == "iptables" else words[-1]]  # noqa: E731
    assert probe.routed(look, True, False) == ["lxdbr0", "wg0"]
    assert probe.routed(look, False, False) == [], "the server forwards nothing"
    said["iptables"] = []
    assert probe.routed(look, True, False) == ["lxdbr0", "wg0"], "iptables comes with UFW"
    said["iptables"] = ["-P FORWARD DROP"]
    assert probe.routed(look, True, True) == [], "what is forwarded has rules of its own"


@pytest.mark.parametrize(
    ("policy", "crossing", "rules", "found"),
    [
        ("ACCEPT", False, [], ["br0"]),
        ("DROP", False, [], ["br0"]),  # of a Docker of the owner's, which has not let the packet filter see bridges
        ("ACCEPT", True, [], ["br0"]),
        ("DROP", True, [], []),  # they pass by rules today
        ("ACCEPT", False, ["-A INPUT -i br0 -p tcp -m tcp --dport 22 -j ACCEPT"], ["br0"]),
        ("ACCEPT", False, ["-A ufw-user-forward -i br0 -o br0 -j ACCEPT"], []),
        ("DROP", False, ["-A LIBVIRT_FWX -i br0 -o br0 -j ACCEPT"], []),
        ("DROP", False, ["-A FORWARD -m physdev --physdev-is-bridged -j ACCEPT"], []),
        ("DROP", False, ["-A FORWARD -m physdev --physdev-is-bridged -j LOG"], ["br0"]),
    ],
)
def test_bridges_of_virtual_machines_that_docker_and_the_firewall_will_close_are_told(
    policy: str, crossing: bool, rules: list[str], found: list[str]
) -> None:
    """The server itself routes nothing, so that nobody expects its firewall between the machines."""
    said = {
        "iptables": [f"-P FORWARD {policy}", *rules],
        "bridge": ["4: br0: <UP> mtu 1500 qdisc noqueue state UP", "5: br1: <UP> mtu 1500 qdisc noqueue state UP"],
        "tun": ["7: vnet0: <UP> mtu 1500 qdisc noqueue master br0 state UNKNOWN", "8: tap1: <UP> master ovs-system"],
    }
    look = lambda *words: said.get("iptables" if words[0] == "iptables" else words[-1], [])  # noqa: E731
    assert load_probe().routed(look, False, crossing) == found


def test_a_masked_unit_stops_the_run() -> None:
    states = ["Id=ssh.service", "LoadState=loaded", "", "Id=nginx.service", "LoadState=masked"]
    masked, running = load_probe().masked_and_running(lambda *_: states, ["ssh.service", "nginx.service"], [])
    (found,) = problems(Neighbours(masked=tuple(masked)))
    assert found.endswith("systemctl unmask nginx.service")
    assert running == []


RESIDENTS = role_kit.value("preflight", "preflight_residents", {})
# What systemd says of some units: their names, of which the first is the unit's own, how it was loaded, and its state.
STATES = (
    ("nginx.service", "loaded", "active"),
    ("monit.service", "masked", "inactive"),
    ("cfengine.service cfengine3.service", "loaded", "active"),
    ("chef-client.timer", "loaded", "active"),
    ("sshguard.service", "loaded", "activating"),
    ("psad.service", "loaded", "failed"),
)


def test_services_of_the_owners_that_may_disturb_the_page_are_told() -> None:
    """Only those that run, each by the name it is known by; that one of them is masked stops nothing."""
    residents = [unit for units in RESIDENTS.values() for unit in units]
    shown = [
        line
        for names, loaded, active in STATES
        for line in (f"Id={names.split()[0]}", f"Names={names}", f"LoadState={loaded}", f"ActiveState={active}", "")
    ]
    masked, running = load_probe().masked_and_running(lambda *_: shown, ["nginx.service"], residents)
    assert masked == []
    found = Neighbours(running=tuple(running))
    assert problems(found) == []
    told = rows(found, (80, 443), residents=RESIDENTS)
    assert [(what.partition(",")[0].removeprefix("AVISO: estos programas "), names) for what, names in told] == [
        ("cierran el paso a una dirección entera por lo que llega de ella", ["sshguard.service"]),
        ("escriben la configuración del servidor", ["cfengine3.service", "chef-client.timer"]),
    ]
    assert rows(Neighbours(running=("monit.service",)), (80, 443)) == []


def test_what_is_told_of_services_is_told_of_every_kind() -> None:
    """And of none that the roles start themselves."""
    assert RESIDENTS.keys() == notices.RESIDENTS.keys()
    named = [unit for units in RESIDENTS.values() for unit in units]
    assert len(named) == len({*named})
    assert not {*named} & {*role_kit.value("preflight", "preflight_units", {"preflight_certbot": True})}


def test_every_unit_that_a_role_starts_is_looked_for() -> None:
    found = {
        name
        for path in (ROOT / "roles").glob("*/tasks/*.yml")
        for name in re.findall(r"^ +unit:\n +name: ([\w-]+\.service)$", path.read_text(), re.MULTILINE)
    }
    found |= {f"{name}.timer" for name in role_kit.value("nginx", "_nginx_timers", {"nginx_tls_mode": "acme"})}
    units = set(role_kit.value("preflight", "preflight_units", {"preflight_certbot": True}))
    assert {"nginx.service", "logrotate.timer", "certbot.timer"} <= found
    assert {name for name in found if not name.startswith("prep-")} - {"suricata.service"} <= units
    assert units - set(role_kit.value("preflight", "preflight_units", {})) == {"certbot.timer"}


def test_a_queue_of_the_owners_stops_the_run() -> None:
    said = {
        ("ip", "-4"): ["default via 10.0.0.1 dev eth0 proto dhcp", "default via 10.1.0.1 dev eth1 metric 9"],
        ("ip", "-6"): ["default via fe80::1 dev eth2 proto ra"],
        "eth0": ["qdisc tbf 8001: root refcnt 2 rate 50Mbit", "qdisc fq 8002: parent 8001:1 limit 10"],
        "eth1": ["qdisc mq 0: root", "qdisc fq_codel 0: parent :2 limit 10240p"],
        "eth2": ["qdisc htb 50e: root refcnt 2 r2q 10 default 0x20"],
    }
    probe = load("module_utils/probe/queues.py")

    def lines(*words: str) -> list[str]:
        return said[words[:2] if words[0] == "ip" else words[-1]]

    assert probe.uplinks(lines, ["-4"]) == ["eth0", "eth1"]
    found = probe.shaped(lines)
    assert found == ["eth0 (tbf 8001:)"]
    assert probe.unshared(lines) == ["eth0", "eth1"], "the role's own queue stands on eth2 alone"
    (sentence,) = problems(Neighbours(shaped=tuple(found)))
    assert sentence.startswith("eth0 (tbf 8001:) ya tiene un control de tráfico")


def test_a_card_whose_default_route_is_in_a_table_of_its_own_leads_outwards_too() -> None:
    """Citizens come by it and are answered by it; the main table has the card by which the server is administered."""
    said = {
        "ip -4 route show default": ["default via 10.0.0.1 dev eno1"],
        "ip -4 rule show": [
            "0:\tfrom all lookup local",
            "99:\tfrom 10.8.0.0/24 lookup 200",
            "100:\tfrom 203.0.113.10 lookup 100 proto static",
            "101:\tfrom 203.0.113.11 fwmark 0x1 lookup 300",
            "32765:\tnot from all fwmark 0xca6c lookup 51820",
            "32766:\tfrom all lookup main",
        ],
        "ip -4 route show default table 100": ["default via 203.0.113.1 dev eno2"],
        "ip -4 route show default table 200": ["default dev tun0 scope link"],
        "ip -4 route show default table 300": ["default dev eno3"],
        "ip -4 route show default table 51820": ["default dev wg0"],
        "ip -4 -oneline address show dev eno2 to 203.0.113.10": ["3: eno2    inet 203.0.113.10/24 scope global eno2"],
        "ip -4 -oneline address show dev eno3 to 203.0.113.11": ["4: eno3    inet 203.0.113.11/24 scope global eno3"],
        "ip -6 rule show": ["0:\tfrom all lookup local", "32765:\tfrom 2001:db8::7 lookup publica"],
        "ip -6 route show default table publica": ["default via fe80::1 dev eno4 metric 1024 pref medium"],
        "ip -6 -oneline address show dev eno4 to 2001:db8::7": ["5: eno4    inet6 2001:db8::7/64 scope global"],
        "tc qdisc show dev eno1": ["qdisc htb 50e: root refcnt 2 r2q 10 default 0x20"],
        "tc qdisc show dev eno2": ["qdisc fq_codel 0: root refcnt 2 limit 10240p"],
    }
    probe = load("module_utils/probe/queues.py")
    lines = lambda *words: said.get(" ".join(words), [])  # noqa: E731
    assert probe.uplinks(lines) == ["eno1", "eno2", "eno4"]
    assert probe.unshared(lines) == ["eno2"], "that is where the citizens' answers leave"


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


def test_protocols_that_programs_wait_for() -> None:
    lines = [
        'UNCONN 0 0 0.0.0.0:112 0.0.0.0:* users:(("keepalived",pid=7,fd=9))',
        'UNCONN 0 0 *:58 *:* users:(("systemd-network",pid=8,fd=3))',
        "UNCONN 0 0 0.0.0.0%eth0:89 0.0.0.0:*",
    ]
    assert load_probe().raw(lines) == [{"protocol": 112, "process": "keepalived"}, {"protocol": 89, "process": ""}]


def test_logins_of_late() -> None:
    lines = [
        "Accepted publickey for ana from 203.0.113.9 port 50000 ssh2: ED25519 SHA256:x",
        "Accepted password for luis from 2001:db8::7 port 50001 ssh2",
        "Accepted publickey for ana from 203.0.113.9 port 50002 ssh2: ED25519 SHA256:x",
        "Accepted publickey for ana from fe80::1%eth0 port 50002 ssh2: ED25519 SHA256:x",
        "Accepted publickey for ana from UNKNOWN port 65535 ssh2: ED25519 SHA256:x",
        "Failed password for invalid user from from 198.51.100.1 port 1 ssh2",
    ]
    found = [tuple(each.values()) for each in load_probe().entered(lines)]
    assert found == [
        ("luis", "password", "2001:db8::7", ""),
        ("ana", "publickey", "203.0.113.9", ""),
        ("ana", "publickey", "fe80::1", ""),
    ]


def test_the_rsa_key_of_a_login_is_found_by_what_sshd_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    probe, key, other = load_probe(), "ssh-rsa AAAAB3NzaC1yc2E=", "ssh-rsa AAAAB3NzaC1yc3E="
    monkeypatch.setattr(probe, "account_keys", lambda _: ["ssh-rsa AAAAB", other, key])
    mark = base64.b64encode(hashlib.sha256(base64.b64decode(key.split()[1])).digest()).decode().rstrip("=")
    line = f"Accepted publickey for nas from 10.0.0.5 port 50000 ssh2: RSA SHA256:{mark}"
    assert [probe.entered([each])[0]["key"] for each in (line, line.replace(mark, "otra"))] == [key, ""]


def test_datagrams_that_programs_wait_for() -> None:
    lines = [
        'UNCONN 0 0 0.0.0.0:161 0.0.0.0:* users:(("snmpd",pid=7,fd=3))',
        'UNCONN 0 0 *:45331 *:* users:(("resolver",pid=8,fd=3))',
        "UNCONN 0 0 [::]:51820 [::]:*",
        'UNCONN 0 0 0.0.0.0%eth0:68 0.0.0.0:* users:(("dhclient",pid=9,fd=3))',
        'UNCONN 0 0 [fe80::1]%eth0:123 [::]:* users:(("ntpd",pid=10,fd=20))',
    ]
    assert load_probe().datagrams(lines) == [
        {"address": "0.0.0.0", "port": 161, "process": "snmpd"},
        {"address": "::", "port": 51820, "process": ""},
        {"address": "fe80::1", "port": 123, "process": "ntpd"},
    ]


@pytest.mark.parametrize(
    ("name", "value", "is_unfit"),
    [
        ("authorizedkeysfile", ".ssh/authorized_keys .ssh/authorized_keys2", False),
        ("authorizedkeysfile", "/etc/ssh/llaves/%u", True),
        ("authenticationmethods", "any", False),
        ("authenticationmethods", "publickey,password", True),
        ("forcecommand", "none", False),
        ("forcecommand", "internal-sftp", True),
    ],
)
def test_what_gives_no_session_by_a_key_is_known_whoever_says_it(name: str, value: str, is_unfit: bool) -> None:
    assert list(unfit({name: value})) == ([f"{SESSION[name]} {value}"] if is_unfit else [])
