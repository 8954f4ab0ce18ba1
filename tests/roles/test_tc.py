"""The program that keeps a share of the outgoing line: the real one, on an interface in a network of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import role_kit

# An interface with a default route and another without, as on a server with two networks.
NETWORK = """
set -eu
ip link add eth0 type veth peer name far0
ip link add eth1 type veth peer name far1
ip link set eth0 up; ip link set far0 up; ip link set eth1 up; ip link set far1 up
ip address add 192.0.2.2/24 dev eth0
ip route add default via 192.0.2.1 dev eth0
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Return the program as the server would get it."""
    path = tmp_path / "prep-uplink"
    path.write_text(role_kit.render("tc", "usr/local/sbin/prep-uplink", {"tc_uplink_mbps": 100, "tc_ports": [22, 873]}))
    path.chmod(0o755)
    return path


def run(script: str) -> subprocess.CompletedProcess[str]:
    """Run a script as root of a network of its own."""
    command = ["unshare", "--user", "--map-root-user", "--net", "sh", "-c", NETWORK + script]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)


def roots(shown: str) -> list[str]:
    """Return the kinds and handles of the queues at the roots of interfaces that `tc qdisc show` prints."""
    return [" ".join(line.split()[1:3]) for line in shown.splitlines() if " root " in line]


def test_a_share_is_kept_however_often_it_is_started(program: Path) -> None:
    done = run(f"{program} start 1000; {program} start 100; tc class show dev eth0; tc filter show dev eth0")
    assert done.returncode == 0, done.stderr
    assert "class htb 50e:1 root rate 95Mbit ceil 95Mbit" in done.stdout
    assert "class htb 50e:10 parent 50e:1 leaf" in done.stdout
    assert "prio 0 rate 9500Kbit ceil 95Mbit" in done.stdout
    assert "prio 1 rate 85500Kbit ceil 95Mbit" in done.stdout
    assert "match 00160000/ffff0000 at 20" in done.stdout, "SSH, IPv4"
    assert "match 03690000/ffff0000 at 40" in done.stdout, "rsync, IPv6"


def test_the_line_is_as_before_when_it_stops(program: Path) -> None:
    done = run(f"tc qdisc show; {program} start 100; tc qdisc show; {program} stop; tc qdisc show")
    assert done.returncode == 0, done.stderr
    shown = roots(done.stdout)
    assert shown.count("htb 50e:") == 1, "only the interface with a default route"
    assert len(set(shown)) == 2, "nothing else is left or lost"
    assert shown[-1] == shown[0]


PUBLIC = """
ip address add 203.0.113.10/24 dev eth1
ip route add default via 203.0.113.1 dev eth1 table 100
ip rule add from 203.0.113.10 table 100
ip link add tun0 type veth peer name far2; ip link set tun0 up; ip link set far2 up
ip route add default dev tun0 table 200
ip rule add from 198.51.100.0/24 table 200
ip rule add fwmark 7 table 300
ip route add default dev far2 table 300
"""


def test_a_card_with_a_default_route_in_a_table_of_its_own_gets_its_share(program: Path) -> None:
    """Citizens come by it; what only has the source of other networks, or a mark, leaves by tunnels."""
    done = run(f"{PUBLIC} {program} start 100; tc qdisc show")
    assert done.returncode == 0, done.stderr
    shaped = [line.split()[4] for line in done.stdout.splitlines() if " htb 50e: " in line]
    assert sorted(shaped) == ["eth0", "eth1"]


def test_a_queue_of_the_owners_stays(program: Path) -> None:
    owners = "tc qdisc add dev eth0 root handle 7: tbf rate 50mbit burst 64k latency 50ms"
    done = run(f"{owners}; {program} start 100 || echo refused $?; {program} stop; tc qdisc show dev eth0")
    assert "eth0 tiene un control de tráfico ajeno (tbf 7:), que se queda" in done.stderr
    assert done.stdout.splitlines()[0] == "refused 1"
    assert roots(done.stdout) == ["tbf 7:"]


def test_a_step_that_fails_leaves_the_line_as_before(program: Path) -> None:
    program.write_text(program.read_text().replace("protocol 6 0xff", "protocol sin-sentido"))
    done = run(f"{program} start 100 || echo failed; tc qdisc show dev eth0")
    assert "failed" in done.stdout
    assert "htb" not in done.stdout


def test_without_a_default_route_it_says_so(program: Path) -> None:
    done = run(f"ip route del default; {program} start 100 || echo refused")
    assert done.stdout.strip() == "refused"
    assert "ninguna interfaz tiene ruta por omisión" in done.stderr


def test_it_is_installed_only_where_the_inventory_says_what_the_line_carries() -> None:
    for path in ("usr/local/sbin/prep-uplink", "etc/systemd/system/prep-uplink.service"):
        assert role_kit.render("tc", path, {"tc_uplink_mbps": 0, "tc_ports": [22]}).strip() == ""
