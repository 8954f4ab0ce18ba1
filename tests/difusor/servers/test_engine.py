"""Docker on a server that is judged before the first run: whom its networks would cut off without a sign."""

from __future__ import annotations

from typing import Any

import pytest
from plugin_kit import load
from role_kit import ROLES, diagnosis, value
from server_kit import WANTED, with_facts

from difusor.servers.engine import OTHER_BRIDGE, of_the_bridge
from difusor.servers.preflight import problems
from difusor.spec.reading import values

SUBNET = "198.18.241.0/28"
BEFORE = {"docker_before": True}
FINISHED = {
    "all_ipv4_addresses": ["172.17.0.1"], "interfaces": ["lo", "docker0"], "current_state": {"networks": {"prep": {}}}
}  # fmt: skip


def cut_off(facts: dict[str, Any], *others: str, trusted: tuple[str, ...] = ()) -> list[str]:
    wanted = {**WANTED, "trusted": [*WANTED["trusted"], *trusted]}
    found = problems(with_facts(**facts), **wanted, others=others, subnet=SUBNET)
    return [each.partition(" quedaría incomunicada")[0] for each in found]


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({}, True),
        ({"docker_daemon": {"bip": "10.0.0.1/24"}}, False),
        ({"docker_daemon": {"bridge": "br0"}}, False),
        (BEFORE, False),  # its bridge has its network already
        ({"all_ipv4_addresses": ["172.17.0.9"]}, False),
        (FINISHED, False),
    ],
    ids=["new", "told-another", "told-a-bridge", "before", "own-network", "finished"],
)
def test_an_address_that_a_new_engines_bridge_would_take_is_told(facts: dict[str, Any], told: bool) -> None:
    assert cut_off(facts, trusted=("172.17.4.0/24",)) == (["172.17.4.0/24"] if told else [])


@pytest.mark.parametrize(
    ("own", "avoided", "taken"),
    [
        (["172.17.4.2"], ["172.17.4.0/24"], "172.18.0.0/16"),
        (["172.17.4.2"], ["172.17.4.0/24", "172.18.0.53"], "172.19.0.0/16"),
        (["172.16.0.2"], ["172.16.0.0/12"], "192.168.0.0/20"),
        (["192.168.4.2"], ["172.16.0.0/12", "192.168.4.0/24"], "192.168.16.0/20"),
    ],
)
def test_whom_the_next_network_of_a_new_engine_would_cut_off_is_told(
    own: list[str], avoided: list[str], taken: str
) -> None:
    """It avoids the network that the server is in, and takes the next one, which was the operator's."""
    facts = {"all_ipv4_addresses": own, "avoided": avoided}
    operator = taken.replace(".0.0/", ".9.0/24 ").split()[0]
    assert cut_off(facts, trusted=("172.17.0.9", operator)) == [operator]
    assert cut_off({**facts, **BEFORE}, trusted=(operator,)) == [], "its bridge has its network already"
    assert cut_off({**facts, "interfaces": ["docker0"]}, trusted=(operator,)) == []


def test_the_network_that_a_new_engine_takes_is_told() -> None:
    """Citizens who have one of its addresses get no answer, and the inventory knows nothing of them."""
    assert str(of_the_bridge({})) == "172.17.0.0/16"
    assert of_the_bridge(BEFORE) is None
    told = diagnosis(judged={"bridge": ["172.17.0.0/16"]})
    assert f"déle antes otra en /etc/docker/daemon.json: {OTHER_BRIDGE}: 172.17.0.0/16" in told
    assert "daemon.json" not in diagnosis()


@pytest.mark.parametrize("facts", [{}, BEFORE], ids=["new", "before"])
def test_an_address_that_the_projects_network_would_take_is_told_also_where_docker_ran(facts: dict[str, Any]) -> None:
    assert cut_off(facts, trusted=("198.18.241.9",)) == ["198.18.241.9"]
    assert cut_off({**facts, **FINISHED}, trusted=("198.18.241.9",)) == [], "a network that is there keeps its own"


def test_a_network_whose_engine_does_not_answer_is_not_judged_against_itself() -> None:
    found = {"interfaces": ["lo", "br-prep"], "reached": [SUBNET], "current_state": {"networks": {}}}
    assert cut_off(found) == []
    assert cut_off({**found, "interfaces": ["lo"]}) == [SUBNET]
    assert value("docker", "docker_bridge", {}) in found["interfaces"]


def test_whom_else_the_server_needs_is_compared_too() -> None:
    assert cut_off({}, "198.18.0.0/15", "tiempo.example", "2001:db8::/32", "172.18.0.5") == ["198.18.0.0/15"]
    found = {"reached": ["172.16.0.0/12", "198.18.241.3", "128.0.0.0/1", "10.0.0.0/8"]}
    assert cut_off(found) == ["172.16.0.0/12", "198.18.241.3"]


@pytest.mark.parametrize("avoided", ["172.16.0.0/12", "172.17.0.2"], ids=["on link", "name server"])
def test_what_docker_avoids_by_itself_stops_nothing(avoided: str) -> None:
    assert cut_off({"reached": [avoided], "avoided": [avoided]}) == []
    assert cut_off({"reached": [avoided], "avoided": []}) == [avoided], "it knows of none beyond a router"


def test_a_network_that_is_none_is_told() -> None:
    (said,) = problems(with_facts(), **WANTED, subnet="198.18.241.1/28")
    assert said.startswith("docker_subnet dice «198.18.241.1/28»")


def test_the_preflight_judges_the_network_that_the_role_makes() -> None:
    source = (ROLES.parent / "playbooks" / "group_vars/all.yml").read_text()
    judged = values(source)["preflight_subnet"].strip("{} ")
    assert value("preflight", judged, {}) == SUBNET, "where the preflight runs alone, no role docker says it"
    assert value("docker", judged, {}) == SUBNET
    assert value("docker", judged, {"docker_subnet": "10.7.0.0/28"}) == "10.7.0.0/28"


def test_the_probe_reads_routes_and_name_servers() -> None:
    routes = [
        "default via 10.0.0.1 dev eth0 proto dhcp", "10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.5",
        "unreachable 10.9.0.0/16", "10.0.0.1 dev eth0 scope link",
    ]  # fmt: skip
    resolvers = "# nameserver 9.9.9.9\nnameserver 127.0.0.53\nnameserver fd00::53\n", "nameserver 10.0.7.2\n", ""
    probe = load("module_utils/probe/server.py")
    found = probe.reached(routes, *resolvers)
    assert found == ["10.0.0.0/24", "10.0.0.1", "10.0.7.2", "10.9.0.0/16", "127.0.0.53"]
    assert probe.avoided(routes, *resolvers) == [each for each in found if each != "10.9.0.0/16"]
