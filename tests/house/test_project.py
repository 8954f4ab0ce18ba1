"""House rules for the project's files as a whole: names, plays, pins, and what no file may mention."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ansible_collections
import pytest
import yaml
from house_kit import tracked, tracked_at
from packaging.specifiers import SpecifierSet

from difusor import inventory

ROOT = Path(__file__).resolve().parents[2]
WIRING = ROOT / "playbooks/group_vars/all.yml"
PLAYBOOKS = [ROOT / "site.yml", *sorted((ROOT / "playbooks").glob("*.yml"))]
# Package registries and their mirrors, and paths that only one machine has; written so as not to match itself.
FOREIGN = re.compile(
    r"py[p]i\.org|python[h]osted\.org|npm[j]s\.(org|com)|gh[c]r\.io|qu[a]y\.io|registry-1\.dock[e]r|hub\.dock[e]r|"
    r"(deb|security|archive|ports)\.(deb[i]an\.org|ubunt[u]\.com)|galaxy\.ans[i]ble|proxy\.gol[a]ng|crat[e]s\.io|"
    r"[^\w.]/wor[k]/|[^\w.]/roo[t]/"
)


HANDED = (
    "board", "catalog", "commands", "inventory", "listing", "papers", "partners", "publish", "report",
    "spec", "synthetic",
)  # fmt: skip
"""The rooms of scripts/difusor that read what people, or earlier verbs, have put where it lies."""
OWN = ("/proc/self", "temporary.name", "specs.read_text", "playbooks/group_vars/all.yml", "Path(store)")
"""What they read of the project's own, the system's, and what they have just written."""


def load(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader)


class Loader(yaml.SafeLoader):
    """Reads values with a tag such as `!vault` as None: only the names of variables matter here."""


Loader.add_multi_constructor("!", lambda loader, suffix, node: None)


def roles_of(play: dict[str, Any]) -> list[dict[str, Any]]:
    """Return how a play imports roles or parts of them, in order."""
    tasks = [task for section in ("pre_tasks", "tasks", "post_tasks") for task in play.get(section, [])]
    return [task["ansible.builtin.import_role"] for task in tasks if "ansible.builtin.import_role" in task]


def whole_roles(play: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the imports of whole roles among `roles_of`."""
    return [each for each in roles_of(play) if "tasks_from" not in each]


def test_wiring_feeds_only_inputs_that_exist() -> None:
    given = {name for name in load(WIRING) if not name.startswith("ansible_")}
    assert given - inventory.role_inputs(ROOT / "roles") == set()


def test_wiring_reads_only_names_that_exist() -> None:
    read = set(re.findall(r"\b(?:difusor|election)_\w+", WIRING.read_text(encoding="utf-8")))
    assert {name for name in read if not name.endswith("_")} - inventory.NAMES == set()


def test_roles_evaluate_no_partner_and_no_election() -> None:
    """A role's message may name an inventory variable; only playbooks/group_vars/all.yml may pass its value on."""
    expression = re.compile(r"{{.*?}}|{%.*?%}|^ *(?:when|that|loop): .*$", re.MULTILINE)
    name = re.compile(r"\b(?:difusor|election)_\w+")
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in sorted((ROOT / "roles").rglob("*"))
        if path.suffix in (".yml", ".j2")
        for part in expression.findall(path.read_text(encoding="utf-8"))
        if (match := name.search(part))
    ]
    assert found == []


@pytest.mark.parametrize("path", sorted((ROOT / "elections").glob("*.yml")), ids=lambda path: path.name)
def test_election_says_all_and_nothing_else(path: Path) -> None:
    may_be_absent = {"election_retain_until", "election_retention_order", "election_day", "election_call"}
    said = {name for name in load(path)["all"]["vars"] if not name.startswith("lab_")}
    assert said | may_be_absent == inventory.variable_names(inventory.Election)


@pytest.mark.parametrize("folder", sorted((ROOT / "inventories").iterdir()), ids=lambda folder: folder.name)
def test_inventory_names_are_known(folder: Path) -> None:
    election = folder / "election.yml"
    assert election.is_symlink()
    assert election.resolve(strict=True).parent == ROOT / "elections"
    names = [name for path in folder.glob("*_vars/*/main.yml") for name in load(path)]
    assert inventory.unknown(names, ROOT) == []


def test_the_example_shows_every_name() -> None:
    assert set(load(ROOT / "inventories/ejemplo/group_vars/ejemplo/main.yml")) == inventory.variable_names(
        inventory.Partner
    )


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_plays_stop_at_the_first_failure(path: Path) -> None:
    """A stolen key and an address that has to go are kept out wherever that is possible, and of the others later."""
    plays = [play for play in load(path) if isinstance(play, dict) and "hosts" in play]
    alone = {"signers.yml": [True, True], "trusted.yml": [False, True]}.get(path.name, [False] * len(plays))
    assert [play.get("any_errors_fatal") for play in plays] == [not each for each in alone]


def test_a_stolen_key_is_revoked_on_a_server_that_a_run_of_the_site_would_refuse() -> None:
    look, install = load(ROOT / "playbooks/signers.yml")
    parts = [(each["name"], each["tasks_from"]) for each in roles_of(look)]
    assert parts == [("preflight", "inventory"), ("preflight", "look")], "neither judge nor papers"
    assert [each["name"] for each in whole_roles(install)] == ["corte"]


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_plays_that_use_roles_are_wired(path: Path) -> None:
    for play in load(path):
        if whole_roles(play) or "roles" in play:
            assert [(path.parent / file).resolve() for file in play.get("vars_files", [])] == [WIRING], play["name"]


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_roles_are_checked_once_and_before_the_first_of_them_runs(path: Path) -> None:
    for play in load(path):
        unchecked = [each for each in whole_roles(play) if each.get("rolespec_validate") is False]
        assert not unchecked or "validate_play" in play["pre_tasks"][0], play["name"]
        assert unchecked in ([], whole_roles(play)), play["name"]


def test_what_the_site_installs_is_removed_in_reverse() -> None:
    """Packages are removed second to last, when all else is gone; the role with the rollback is removed last."""
    (server,) = load(ROOT / "playbooks/server.yml")
    _, remove = load(ROOT / "playbooks/remove.yml")
    imports = [task.get("ansible.builtin.import_role", {}) for task in remove["tasks"]]
    removed = [each["name"] for each in imports if each.get("tasks_from") == "remove"]
    installed = [each["name"] for each in reversed(whole_roles(server)) if each["name"] != "packages"]
    assert removed == [*installed[:-1], "packages", installed[-1]]
    assert all((ROOT / "roles" / role / "tasks/remove.yml").exists() for role in removed)
    noted = [task["note_step"]["step"] for task in remove["tasks"] if "note_step" in task]
    assert noted == ["removed"], "or the board would call it installed"


def test_playbooks_read_no_private_name_of_a_role() -> None:
    roles = "|".join(path.name for path in (ROOT / "roles").iterdir())
    private = re.compile(rf"\b__?(?:{roles})_\w+")
    files = [path for path in (ROOT / "playbooks").rglob("*") if path.suffix in (".yml", ".j2")]
    found = {path.name: names for path in files if (names := private.findall(path.read_text(encoding="utf-8")))}
    assert found == {}


def test_every_restart_says_how_long_it_waits() -> None:
    """By itself Ansible gives up after ten minutes, and a server that tests its memory and its disks takes longer."""
    found = {
        path.name: (entry["ansible.builtin.reboot"] or {}).get("reboot_timeout", 0)
        for path in sorted((ROOT / "playbooks").rglob("*.yml"))
        for entry in mappings(load(path))
        if "ansible.builtin.reboot" in entry
    }
    assert found and {name: seconds for name, seconds in found.items() if seconds < 900} == {}


def mappings(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every mapping in what YAML has read, those inside others too."""
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from mappings(each)


def test_collections_come_with_the_ansible_package() -> None:
    for required in load(ROOT / "requirements.yml")["collections"]:
        namespace, name = required["name"].split(".")
        manifest = Path(ansible_collections.__path__[0], namespace, name, "MANIFEST.json")
        installed = json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"]
        assert installed in SpecifierSet(required["version"]), required["name"]


def test_the_licence_is_the_same_everywhere() -> None:
    """The action plugins import Ansible, so the project has Ansible's licence."""
    said = (ROOT / "LICENSE").read_text(encoding="utf-8").splitlines()[0].removeprefix("SPDX-License-Identifier: ")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    roles = [load(path)["galaxy_info"]["license"] for path in (ROOT / "roles").glob("*/meta/main.yml")]
    assert {said, project["license"], *roles} == {"GPL-3.0-or-later"}


def test_the_changelog_begins_with_the_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    versions = re.findall(r"^## \[(\d[^]]*)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert versions[0] == project["version"]


def test_hooks_before_a_commit_fetch_nothing() -> None:
    hooks = load(ROOT / ".pre-commit-config.yaml")["repos"]
    assert [(each["repo"], {hook["language"] for hook in each["hooks"]}) for each in hooks] == [("local", {"system"})]


def test_no_file_names_a_registry_or_one_machine() -> None:
    found = []
    for path in tracked():
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(ROOT)}:{number}: {match.group()}"
            for number, line in enumerate(lines, 1)
            if (match := FOREIGN.search(f" {line}"))
        ]
    assert found == []


def test_what_people_hand_over_is_read_where_no_pipe_keeps_it_waiting() -> None:
    """By `files.small`, `files.text` and their like: `Path.read_text` waits for ever at a pipe."""
    waiting = re.compile(r"\.read_(?:bytes|text)\(|\.open\(\"[ra]")
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in tracked_at("scripts/difusor")
        if path.suffix == ".py" and path.relative_to(ROOT / "scripts/difusor").parts[0] in HANDED
        for line in path.read_text(encoding="utf-8").splitlines()
        if waiting.search(line) and not any(own in line for own in OWN)
    ]
    assert found == []


def test_lines_end_with_lf_on_every_machine() -> None:
    """With core.autocrlf, as on Windows, a CR came behind each shebang, also in what servers get byte for byte."""
    command = ["git", "ls-files", "--eol", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert [line for line in listed if "attr/text=auto eol=lf" not in line] == []
    texts = [path for path in tracked() if b"\0" not in path.read_bytes()]
    assert [path for path in texts if b"\r" in path.read_bytes()] == []


def test_a_link_leads_to_a_file_of_the_project() -> None:
    """One to an absolute path, such as another checkout's environment, replaces what another machine has there."""
    links = [ROOT / name for name in _git_links()]
    assert [link for link in links if os.path.isabs(os.readlink(link)) or not link.exists()] == []


def _git_links() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "--stage"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [line.split("\t")[1] for line in listed.splitlines() if line.startswith("120000 ")]


def test_only_one_file_tells_python_where_the_project_is() -> None:
    """The project is an installed package. Only these files set a path: a plugin, and what runs on a server."""
    path = re.compile(r"PYTHON[P]ATH|sys\.pat[h]\.(insert|append|extend)")
    found = {
        str(file.relative_to(ROOT))
        for file in tracked()
        if not file.is_relative_to(ROOT / "tests")
        and file.suffix in ("", ".cfg", ".j2", ".py", ".sh", ".yml")
        and path.search(file.read_text(encoding="utf-8", errors="replace"))
    }
    assert found == {
        "plugins/inventory/inventory_files.py",
        "playbooks/purge.yml",
        "roles/corte/templates/etc/systemd/system/prep-corte-.service.d/sandbox.conf.j2",
    }


def test_playbooks_of_the_lab_stand_a_checkout_with_spaces_in_its_path() -> None:
    """Where Ansible or a shell splits a line into words, its path stands quoted or as one word of `argv`."""
    split = re.compile(
        r"(cmd|command): *\"?.*\{\{ (ansible_playbook_python|lab_project|lab_dir|lab_sysctl) |[>/ ]\{\{ lab_sysctl }}"
    )
    lines = {f"{file.name}: {line}" for file in tracked_at("molecule") for line in file.read_text().splitlines()}
    assert [line for line in lines if split.search(line) and "| quote" not in line] == []


def test_the_documentation_of_every_plugin_is_yaml() -> None:
    """`ansible-doc` shows none of a plugin with a colon in the wrong place, and nothing else reads it."""
    for file in tracked_at("plugins"):
        for node in ast.parse(file.read_text(encoding="utf-8")).body if file.suffix == ".py" else []:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("DOCUMENTATION", "EXAMPLES", "RETURN"):
                assert yaml.safe_load(ast.literal_eval(node.value)), file


def test_the_lock_has_names_versions_and_digests_and_no_place() -> None:
    """Where the packages come from is the affair of each machine's pip."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pinned = re.compile(r"[\w.\[\]-]+==[\w.]+( ; .+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?|    # .+|# .+|")
    assert [line for line in lines if not pinned.fullmatch(line)] == []
