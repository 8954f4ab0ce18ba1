"""The files of an inventory: each is parsed once, and one that names a plugin of Ansible's is read by that."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader

from difusor.inventory import sources
from difusor.inventory.variables import InventoryError, read

GENERATED = "plugin: ansible.builtin.generator\nlayers: {numero: [1, 2]}\n"
ONE = "difusores: {hosts: {uno: {difusor_name: Uno}}}\n"


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "hosts.yml").write_text(ONE)
    (tmp_path / "group_vars/difusores.yml").write_text("difusor_fqdn: prep.uno.mx\n")
    return tmp_path


def test_each_file_is_parsed_once_and_not_copied(inventory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed, asked = Counter[str](), []
    load, load_from_file = DataLoader.load, DataLoader.load_from_file

    def counted(loader: DataLoader, data: str, file_name: str, **options: Any) -> Any:
        parsed[Path(file_name).name] += 1
        return load(loader, data, file_name, **options)

    def noted(loader: DataLoader, file_name: str, *rest: Any, unsafe: bool = False, **options: Any) -> Any:
        asked.append((Path(file_name).name, unsafe))
        return load_from_file(loader, file_name, *rest, unsafe=unsafe, **options)

    read(inventory)  # what the loader keeps for all inventories
    monkeypatch.setattr(DataLoader, "load", counted)
    monkeypatch.setattr(DataLoader, "load_from_file", noted)
    found = read(inventory).hosts["uno"]
    assert (found["difusor_name"], found["difusor_fqdn"]) == ("Uno", "prep.uno.mx")
    assert parsed["hosts.yml"] == 1
    assert ("hosts.yml", False) not in asked


def test_each_file_is_judged_once_as_what_it_is(inventory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judged, judge = Counter[str](), sources._of_content

    def counted(path: Path, *rest: Any, **options: Any) -> Any:
        judged[path.name] += 1
        return judge(path, *rest, **options)

    monkeypatch.setattr(sources, "_of_content", counted)
    read(inventory)
    assert judged == {"hosts.yml": 1, "difusores.yml": 1}
    (inventory / "hosts.yml").write_text("- uno\n")
    with pytest.raises(InventoryError, match=r"hosts\.yml: debe ser un solo documento"):
        read(inventory)


@pytest.mark.parametrize("text", [GENERATED, '{"plugin": "ansible.builtin.generator", "layers": {"numero": [1, 2]}}\n'])
def test_a_file_that_names_a_plugin_is_read_by_it(text: str, inventory: Path) -> None:
    hosts = "hosts: {name: 'server{{ numero }}', parents: [{name: generados}]}\n"
    (inventory / "more.yml").write_text(text + hosts if text is GENERATED else f"{text[:-2]}, {hosts.strip()}}}\n")
    groups = read(inventory).groups
    assert groups["generados"] == ["server1", "server2"]
    assert groups["difusores"] == ["uno"]


def test_the_word_alone_names_none(inventory: Path) -> None:
    (inventory / "hosts.yml").write_text(ONE.replace("Uno", "'plugin: Uno'"))
    assert read(inventory).hosts["uno"]["difusor_name"] == "plugin: Uno"


@pytest.mark.parametrize("named", ["no_existe", "ansible.builtin.generator"])
def test_a_file_whose_plugin_cannot_read_it_is_told(named: str, inventory: Path) -> None:
    (inventory / "more.yml").write_text(f"plugin: {named}\n")
    with pytest.raises(InventoryError, match=r"more\.yml"):
        read(inventory)
