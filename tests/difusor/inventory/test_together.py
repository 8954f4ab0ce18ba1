"""Inventories that one run names together: Ansible would give the servers of one what another says."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from inventory_kit import ELECTION, dump

from difusor.inventory import together
from difusor.inventory.variables import read


def made(folder: Path, name: str, server: str, election: str = "estatal-2024", **way: object) -> Path:
    """Write the inventory `name` of one server, without its partner's variables, and return its folder.

    `way` says where the server is; else its name does.
    """
    inventory, linked = folder / name, folder / f"{election}.yml"
    inventory.mkdir()
    dump(linked, {"all": {"vars": {**ELECTION, "election_id": election}}})
    (inventory / "election.yml").symlink_to(linked)
    dump(
        inventory / "hosts.yml",
        {
            "difusores": {"children": {name: {"hosts": {server: way or None}}}},
            "trusted_vantage": {"hosts": {"instituto": {"ansible_connection": "local"}}},
        },
    )
    return inventory


def test_difusores_of_one_election_go_together(tmp_path: Path) -> None:
    """Each has the institute's machine among its vantage points; one is named twice, and by its files."""
    north, south = made(tmp_path, "norte", "web1"), made(tmp_path, "sur", "web2")
    assert together.faults([north, south, north, south / "hosts.yml", south / "election.yml"]) == []
    copied = (south / "election.yml").read_bytes()
    (south / "election.yml").unlink()
    (south / "election.yml").write_bytes(copied)
    assert together.faults([north, south]) == []


def test_two_elections_are_two_runs(tmp_path: Path) -> None:
    north, south = made(tmp_path, "norte", "web1"), made(tmp_path, "sur", "web2", "simulacro-1")
    assert together.faults([north, south]) == [
        f"{north}/election.yml y {south}/election.yml no dicen la misma elección («estatal-2024» y «simulacro-1»), y "
        "todos los servidores recibirían la de uno solo; haga una corrida para cada elección"
    ]
    (named,) = together.faults([north, south / "hosts.yml", tmp_path / "simulacro-1.yml"])
    assert f"{tmp_path}/simulacro-1.yml no dicen la misma elección" in named


def test_two_versions_of_one_election_are_two_runs(tmp_path: Path) -> None:
    north, south = made(tmp_path, "norte", "web1"), made(tmp_path, "sur", "web2")
    changed = (south / "election.yml").read_text().replace("2024-06-04T02", "2024-06-04T03")
    (south / "election.yml").unlink()
    (south / "election.yml").write_text(changed)
    (said,) = together.faults([north, south])
    assert "/election.yml no dicen la misma elección, y todos" in said


@pytest.mark.parametrize(("name", "server", "told"), [("sur", "web1", "web1"), ("norte", "web2", "norte")])
def test_a_server_or_a_group_of_two_inventories_is_told(tmp_path: Path, name: str, server: str, told: str) -> None:
    """As when one is made from a copy of the other."""
    (tmp_path / "copia").mkdir()
    north, other = made(tmp_path, "norte", "web1"), made(tmp_path / "copia", name, server)
    (said,) = together.faults([north, other])
    assert said.startswith(f"«{told}» está en {north} y en {other}, y uno tomaría las variables del otro; haga una")


def at(address: str, **more: object) -> dict[str, object]:
    return {"ansible_host": address, **more}


@pytest.mark.parametrize(
    ("one", "other", "port"),
    [
        (at("203.0.113.5"), at("203.0.113.5", ansible_user="otra"), "22"),
        (at("203.0.113.5", ansible_port=2222), at("203.0.113.5", ansible_port="2222"), "2222"),
        (at("2001:DB8::5"), at("2001:db8:0::5", ansible_port=22, ansible_connection="ssh"), "22"),
        (at("WEB2"), {}, "22"),  # the other's name is its address
        (at("10.8.0.5", ansible_ssh_common_args="-J p"), at("10.8.0.5", ansible_ssh_common_args="-J p"), "22"),
    ],
)
def test_one_server_under_two_names_is_told(
    tmp_path: Path, one: dict[str, object], other: dict[str, object], port: str
) -> None:
    """As when an outlet was renamed and made anew, and its old folder still links the election."""
    old, new = made(tmp_path, "viejo", "web1", **one), made(tmp_path, "nuevo", "web2", **other)
    (said,) = together.faults([old, new])
    assert said.startswith(f"«web1» de {old} y «web2» de {new} son el mismo servidor (ansible_host: "), said
    assert f", puerto {port}), y los dos lo cambiarían a la vez; corrija esa dirección en hosts.yml o, si" in said


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (at("203.0.113.5"), at("203.0.113.6")),
        (at("203.0.113.5"), at("203.0.113.5", ansible_port=2222)),  # a router that passes ports on
        (at("10.8.0.5", ansible_ssh_common_args="-J a"), at("10.8.0.5", ansible_ssh_common_args="-J b")),
        (at("10.8.0.5", ansible_user="web1@puerta"), at("10.8.0.5", ansible_user="web2@puerta")),
        (at("10.8.0.5", ansible_ssh_executable="/a"), at("10.8.0.5", ansible_ssh_executable="/b")),
        (at("{{ lab_ipv4 }}.10"), at("{{ lab_ipv4 }}.10")),
        (at("x", ansible_connection="local"), at("x", ansible_connection="local")),
    ],
)
def test_two_servers_behind_one_address_are_two(
    tmp_path: Path, one: dict[str, object], other: dict[str, object]
) -> None:
    assert together.faults([made(tmp_path, "norte", "web1", **one), made(tmp_path, "sur", "web2", **other)]) == []


@pytest.mark.parametrize(
    "file", ["group_vars/sur/main.yml", "group_vars/sur.yml", "host_vars/web.sur.mx/x.yml", "host_vars/web.sur.mx.yml"]
)
def test_where_a_server_is_may_be_said_in_each_file_of_its_variables(tmp_path: Path, file: str) -> None:
    north, south = made(tmp_path, "norte", "web1", **at("203.0.113.5")), made(tmp_path, "sur", "web.sur.mx")
    assert together.faults([north, south]) == []
    (south / file).parent.mkdir(parents=True)
    dump(south / file, at("203.0.113.5"))
    assert len(together.faults([north, south])) == 1
    dump(south / file, at("203.0.113.5", ansible_port=2222))
    assert together.faults([north, south]) == []


@pytest.mark.parametrize(
    "file", ["group_vars/all/main.yml", "group_vars/difusores.yml", "more.yml"], ids=["all", "difusores", "vars"]
)
def test_what_one_inventory_says_of_all_servers_is_told(tmp_path: Path, file: str) -> None:
    """In one run the servers of the other would get it; read apart, they do not. What both say alike does no harm."""
    north, south = made(tmp_path, "norte", "web1"), made(tmp_path, "sur", "web2")
    says = {"difusor_path": "/prep/"}
    group = {"all": {"children": {"difusores": {"vars": says}}}}
    for inventory in (north, south):
        (inventory / file).parent.mkdir(parents=True, exist_ok=True)
    if file != "more.yml":
        (south / file).write_text("---\n# nada\n")
    dump(north / file, group if file == "more.yml" else says)
    path = frozenset(says)
    assert [read(each, only=path).hosts for each in (north, south, north)] == [
        {"web1": says, "instituto": says if file == "group_vars/all/main.yml" else {}},
        {"web2": {}, "instituto": {}},
        {"web1": says, "instituto": says if file == "group_vars/all/main.yml" else {}},
    ]
    assert together.faults([north]) == []
    assert together.faults([south, north]) == [
        f"{north / file} da variables a todos los servidores de la corrida, también a los de {south}; páselas a "
        "group_vars, con el nombre de su difusor, o haga una corrida para cada uno"
    ]
    (south / file).write_text(f"# igual\n{(north / file).read_text()}")
    assert together.faults([north, south]) == []
    (south / file).write_text((north / file).read_text().replace("/prep/", "/otra/"))
    assert [said.partition(" ")[0] for said in together.faults([north, south])] == [
        str(north / file), str(south / file)
    ]  # fmt: skip


def test_an_inventory_without_servers_gives_its_variables_to_those_of_the_others(tmp_path: Path) -> None:
    """As Molecule's own does."""
    north = made(tmp_path, "norte", "web1")
    (tmp_path / "mas").mkdir()
    dump(tmp_path / "mas/valores.yml", {"all": {"vars": {"valor": "mil"}}, "ungrouped": {"vars": {}}})
    assert together.faults([tmp_path / "mas", north]) == []


def test_it_does_not_matter_in_which_file_or_how_the_same_is_written(tmp_path: Path) -> None:
    north, south = made(tmp_path, "norte", "web1"), made(tmp_path, "sur", "web2")
    for inventory in (north, south):
        (inventory / "group_vars/all").mkdir(parents=True)
    (north / "group_vars/all/main.yml").write_text("difusor_path: /prep/\nntp: [a, b]\nold: 1\n")
    (north / "group_vars/all/more.yml").write_text("old: 2\n")
    (south / "group_vars/all/one.yml").write_text("old: 2\nntp:\n- 'a'\n- b\n")
    dump(south / "more.yml", {"all": {"vars": {"difusor_path": "/prep/"}}})
    assert together.faults([north, south]) == []
    (north / "group_vars/all").rename(north / "group_vars/difusores")
    assert len(together.faults([north, south])) == 2, "the same is said of another group"


@pytest.mark.parametrize(
    "text", ["$ANSIBLE_VAULT;1.1;AES256\n{}\n", "secret: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  {}\n"],
    ids=["file", "value"],
)  # fmt: skip
def test_what_is_encrypted_is_the_same_only_as_a_copy_and_that_is_told(tmp_path: Path, text: str) -> None:
    """The same text is encrypted in another way each time."""
    north, south = made(tmp_path, "norte", "web1"), made(tmp_path, "sur", "web2")
    one, other = north / "group_vars/all/vault.yml", south / "group_vars/all/secrets.yml"
    for path in (one, other):
        path.parent.mkdir(parents=True)
        path.write_text(text.format("3031"))
    assert together.faults([north, south]) == []
    other.write_text(text.format("3132"))
    told = together.faults([north, south])
    assert [said.partition(" ")[0] for said in told] == [str(one), str(other)]
    assert all(
        "(cifradas, y solo una copia del mismo texto cifrado cuenta como igual); páselas a" in said for said in told
    )


def test_whatever_ansible_can_read_can_be_compared(tmp_path: Path) -> None:
    north, south = made(tmp_path, "norte", "web1"), made(tmp_path, "sur", "web2")
    (south / "lab.yml").write_text("plugin: lab\nhosts: {web1: 10}\n")
    (south / "more.yml").write_text("difusores:\nsur: {vars: {x: !vault a}, hosts: null}\n")
    shutil.copy(south / "hosts.yml", south / "hosts.ini")
    assert together.faults([north, south, south / "hosts.ini"]) == []
    (south / "more.yml").write_text("difusores: {children: {este: null}}\neste: {hosts: {web1: {}}}\n")
    assert len(together.faults([north, south])) == 1
