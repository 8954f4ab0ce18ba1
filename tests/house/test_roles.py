"""House rules for roles: their inputs, their anatomy, and what their files may hold."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import role_kit
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from difusor.inventory.model import Election, Partner
from difusor.spec.reading import values

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir())
TASK_FILES = sorted((ROOT / "roles").glob("*/tasks/*.yml")) + sorted((ROOT / "roles").glob("*/handlers/*.yml"))
# Files without an ansible_managed comment: formats that have no comments, and texts for people.
UNSIGNED = {".css", ".html", ".js", ".json", ".net", ".pem", ".svg", ".txt"}


def role_test(function: Any) -> Any:
    return pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)(function)


def load(path: Path) -> Any:
    return values(path.read_text(encoding="utf-8")) if path.exists() else None


def tasks(path: Path) -> list[dict[str, Any]]:
    """Every task of a file, those inside blocks too."""

    def flat(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        found = []
        for entry in entries:
            found.append(entry)
            for part in ("block", "rescue", "always"):
                found += flat(entry.get(part, []))
        return found

    return flat(load(path) or [])


@role_test
def test_inputs_are_documented_key_for_key(role: Path) -> None:
    options = load(role / "meta/argument_specs.yml")["argument_specs"]["main"].get("options", {})
    defaults = load(role / "defaults/main.yml") or {}
    required = {name for name, option in options.items() if option.get("required")}
    assert set(options) == set(defaults) | required
    assert not required & set(defaults), "an input with a default must not be declared as required"


@role_test
def test_names_tell_the_role_and_the_reach(role: Path) -> None:
    defaults = load(role / "defaults/main.yml") or {}
    assert [name for name in defaults if not name.startswith(f"{role.name}_")] == []
    derived = [name for path in role.glob("vars/*.yml") for name in load(path) or {}]
    assert [name for name in derived if not name.startswith((f"_{role.name}_", f"{role.name}_"))] == []
    registered = [task["register"] for path in role.glob("tasks/*.yml") for task in tasks(path) if "register" in task]
    assert [name for name in registered if not name.startswith(f"__{role.name}_")] == []


PLAYBOOKS = sorted((ROOT / "playbooks").glob("*.yml"))
VARIABLES = {
    role.name: {
        name: str(value)
        for part in ("defaults", "vars")
        for name, value in (load(role / part / "main.yml") or {}).items()
    }
    for role in ROLES
}
OWNERS = {name: role for role, variables in VARIABLES.items() for name in variables}


@role_test
def test_what_follows_a_change_of_files_runs_whenever_they_are_changed(role: Path) -> None:
    """A run by the tag of a clause wrote them and left out the restart, and later runs found nothing changed.

    Nor is anything run without them: it would ask for a result that is not there.
    """
    contents = [entry for entry in load(role / "tasks/main.yml") if "ansible.builtin.import_tasks" in entry]
    parts = {role / "tasks" / entry["ansible.builtin.import_tasks"]: set(entry.get("tags", [])) for entry in contents}
    registers = {
        task["register"]: tags
        for path, tags in parts.items()
        for task in tasks(path)
        if "managed_files" in task and "register" in task
    }
    apart = []
    for register, tags in registers.items():
        names = [register, *(name for name, text in VARIABLES[role.name].items() if register in text)]
        asking = re.compile(rf"\b({'|'.join(names)})\b")
        apart += [each.name for each, of in parts.items() if of != tags and asking.search(each.read_text("utf-8"))]
    assert apart == []


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda path: path.name)
def test_a_playbook_has_every_role_of_which_its_roles_inputs_are_computed(playbook: Path) -> None:
    """A run refuses inputs that cannot be computed, so one variable of another role stopped the late changes."""
    imported = set(re.findall(r"(?:name: |role: )(\w+)\b", playbook.read_text(encoding="utf-8"))) & set(VARIABLES)
    asked = {name for role in imported for name in load(ROOT / "roles" / role / "defaults/main.yml") or {}}
    known: set[str] = set()
    while asked:
        known |= asked
        texts = [VARIABLES[OWNERS[name]][name] for name in asked]
        asked = {name for text in texts for name in re.findall(r"\w+", text) if name in OWNERS} - known
    assert {name: OWNERS[name] for name in known if OWNERS[name] not in imported} == {}


CONDITIONS = ("when", "that", "changed_when", "failed_when", "until")


def expressions(value: Any, key: str = "") -> Iterator[str]:
    """Yield every Jinja expression of what a YAML file says: what stands in braces, and conditions as a whole."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from expressions(each, name)
    elif isinstance(value, list):
        for each in value:
            yield from expressions(each, key)
    elif isinstance(value, str):
        yield from [value] if key in CONDITIONS else re.findall(r"(?s)\{\{.*?\}\}|\{%.*?%\}", value)


def test_a_switch_is_read_as_one_also_where_it_is_text() -> None:
    """With `-e name=false`, or in quotes, it is a text, and every text is true: «false» switched on."""
    wired = load(ROOT / "playbooks/group_vars/all.yml")
    entries = [
        option
        for role in ROLES
        for entry in load(role / "meta/argument_specs.yml")["argument_specs"].values()
        for option in entry.get("options", {}).items()
    ]
    # What the project's own playbooks always give is required; what is wired is checked with the inventory.
    switches = {name for name, option in entries if option["type"] == "bool" and not option.get("required")} - set(
        wired
    )
    assert {"packages_updates_frozen", "corte_strict_content", "ssh_classic_key_exchange"} <= switches
    found = []
    for path in [*ROOT.glob("roles/**/*"), *ROOT.glob("playbooks/**/*")]:
        if path.suffix == ".yml" and path.parent.name != "meta":
            found += [(path.name, each) for each in expressions(load(path))]
        elif path.suffix == ".j2":
            found += [(path.name, each) for each in expressions(path.read_text(encoding="utf-8"))]
    bare = re.compile(rf"\b({'|'.join(switches)})\b(?!\s*\| bool)")
    assert [(name, each) for name, each in found if bare.search(each)] == []
    asked = re.compile(rf"(?<!boolean\()variables(?:\.get\(|\[)\"({'|'.join(switches)})\"")
    suite = ROOT.glob("molecule/tests/**/*.py")
    assert [path.name for path in suite if asked.search(path.read_text(encoding="utf-8"))] == []


COMPUTED = [
    ("nginx", "etc/systemd/system/prep-certificate.service", {"nginx_certificate_days": 30}),
    ("rsync", "etc/systemd/system/rsync.service.d/prep.conf", {"rsync_waiting": 64, "rsync_transfers": 4}),
    ("packages", "usr/local/sbin/prep-updates-due", {"packages_held_hours": 12}),
    (
        "ufw",
        "etc/ufw/after.init",
        {"ufw_source_rate": 7, "ufw_source_burst": 70, "ufw_always_limited_rate": 8, "ufw_always_limited_burst": 9},
    ),
]


@pytest.mark.parametrize(("role", "path", "numbers"), COMPUTED, ids=[role for role, *_ in COMPUTED])
def test_a_number_is_computed_with_also_where_it_is_text(role: str, path: str, numbers: dict[str, int]) -> None:
    """With `-e name=30`, or in quotes: a text times 86,400 is that many copies of it, and sums were put together."""
    facts = {"ipv6_advertised": True, "distribution_release": "bookworm"}
    held = {"packages_held_opens": "2027-06-07T02:00:00Z", "packages_held_closes": "2027-06-08T02:00:00Z"}
    given = {"ansible_facts": facts, **held, "rsync_trusted_addresses": [], "rsync_secret": "x"}
    as_text = {name: str(number) for name, number in numbers.items()}
    assert role_kit.render(role, path, given | numbers) == role_kit.render(role, path, given | as_text)


def test_a_variable_without_a_value_is_wired_as_one_that_is_not_there() -> None:
    """The models take both for the same; a role got the word None for a key, and a registration that is not there."""
    wired = load(ROOT / "playbooks/group_vars/all.yml")
    optional = {
        str(field.alias)
        for model in (Election, Partner)
        for field in model.model_fields.values()
        if type(None) in get_args(field.annotation)
    }
    others = {"difusor_cdn_ranges": [], "election_closes": "2024-06-04T02:00:00Z"}
    found = []
    for name, text in wired.items():
        if named := optional & {*re.findall(r"\w+", str(text))}:
            absent, empty = (
                Templar(loader=DataLoader(), variables={**others, **given}).template(trust_as_template(text))
                for given in ({}, dict.fromkeys(named))
            )
            found += [(name, absent, empty)]
    assert {"ssh_break_glass_key", "preflight_registered", "suricata_rules"} <= {name for name, *_ in found}
    assert [each for each in found if each[1] != each[2]] == []


def test_a_late_change_of_the_trusted_addresses_reaches_every_role_that_reads_them() -> None:
    inputs = load(ROOT / "playbooks/group_vars/all.yml")
    reading = [name for name, text in inputs.items() if "ufw_trusted_addresses" in f"{name} {text}"]
    readers = {name.partition("_")[0] for name in reading}
    plays = load(ROOT / "playbooks/trusted.yml")
    tasks = [task for task in plays[1]["tasks"] if "tags" not in task]
    run = {task["ansible.builtin.import_role"]["name"] for task in tasks if "ansible.builtin.import_role" in task}
    assert run == readers - {"preflight"}
    # A fault of the institute's account, which role ssh proves, ends the run: what is in force by then is authorised.
    before = [task.get("ansible.builtin.import_tasks") for task in tasks[-3:-1]]
    assert before == ["tasks/applied.yml", "tasks/authorise.yml"]
    assert tasks[-1]["ansible.builtin.import_role"]["name"] == "ssh"


@role_test
def test_every_default_has_its_line(role: Path) -> None:
    path = role / "defaults/main.yml"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    bare = [
        line
        for before, line in zip(["", *lines], lines, strict=False)
        if re.match(r"[a-z]\w*:", line)
        and not (before.startswith("#") or "  # " in line or re.match(r"[a-z]\w*:", before))
    ]
    assert bare == [], "each default, or group of defaults, needs a comment that explains it"


@pytest.mark.parametrize("path", TASK_FILES, ids=lambda path: "/".join(path.parts[-3:]))
def test_no_task_keeps_a_file_where_every_account_may_put_its_own(path: Path) -> None:
    assert not re.search(r"(?<![\w/])/(?:var/tmp|tmp|dev/shm)/", path.read_text(encoding="utf-8"))


@role_test
def test_anatomy(role: Path) -> None:
    assert (role / "meta/main.yml").exists()
    readme = (role / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(readme) <= 40
    contents = load(role / "tasks/main.yml")
    assert 1 <= len(contents) <= 4, "a table of contents has two to four lines"
    for entry in contents:
        imports = {"ansible.builtin.import_tasks", "ansible.builtin.import_role"}
        assert imports & set(entry), f"«{entry.get('name')}» is not an import"
        assert entry["name"]


@pytest.mark.parametrize("path", TASK_FILES, ids=lambda path: str(path.relative_to(ROOT / "roles")))
def test_task_files_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 60


@pytest.mark.parametrize("path", TASK_FILES, ids=lambda path: str(path.relative_to(ROOT / "roles")))
def test_tasks_hide_no_error_and_edit_no_line(path: Path) -> None:
    for task in tasks(path):
        assert "ignore_errors" not in task, task["name"]
        assert not {"lineinfile", "ansible.builtin.lineinfile"} & set(task), task["name"]


def test_a_program_that_is_asked_in_english_answers_in_english() -> None:
    """Before glibc 2.39 the LANGUAGE of a server in Spanish counts more than C.UTF-8, and its texts are recognised."""
    folders = ("roles", "playbooks", "plugins", "scripts")
    files = [each for folder in folders for ending in ("yml", "py") for each in (ROOT / folder).rglob(f"*.{ending}")]
    asked = re.compile(r".*\bLC_ALL[:=] ?C\.UTF-8\b.*")
    found = [line for each in sorted(files) for line in asked.findall(each.read_text(encoding="utf-8"))]
    assert found and [line for line in found if not re.search(r"\bLANGUAGE[:=] ?C\b", line)] == []


CODENAMES = {
    "22.04": "jammy", "24.04": "noble", "26.04": "resolute", "11": "bullseye", "12": "bookworm", "13": "trixie",
}  # fmt: skip


@role_test
def test_a_role_is_for_the_releases_that_the_preflight_admits(role: Path) -> None:
    admitted = load(ROOT / "roles/preflight/defaults/main.yml")["preflight_releases"]
    platforms = load(role / "meta/main.yml")["galaxy_info"]["platforms"]
    assert {each["name"]: each["versions"] for each in platforms} == {
        name: [CODENAMES[each] for each in releases] for name, releases in admitted.items()
    }


@role_test
def test_templates_say_who_manages_the_file(role: Path) -> None:
    unsigned = [
        str(path.relative_to(role))
        for path in role.glob("templates/**/*.j2")
        if path.with_suffix("").suffix not in UNSIGNED and "ansible_managed" not in path.read_text(encoding="utf-8")
    ]
    assert unsigned == []


def test_a_file_that_left_the_templates_is_removed_from_servers() -> None:
    """Servers are set up months before the election, by the version of that day, which installed files of its own."""
    present = {*_installed(str(path.relative_to(ROOT)) for role in ROLES for path in role.glob("templates/**/*"))}
    command = ["git", "log", "--format=", "--name-only", "--diff-filter=D", "--no-renames", "--", "roles/*/templates/*"]
    deleted = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    earlier = {*_installed(deleted)} - present - {"/usr/local/lib/prep-corte/corte"}  # a folder now
    lists = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "roles").glob("*/[tv]a*s/*.yml"))
    assert sorted(path for path in earlier if path not in lists) == [], "`absent` of the role's managed_files names it"


@role_test
def test_a_removal_takes_a_roles_files_of_earlier_versions_with_the_rest(role: Path) -> None:
    """Else they stay until the last role is removed, and what reads them starts anew before: the outlet's nginx did."""
    if gone := _named(role, "managed_files", "absent"):
        given = _named(role, "give_back", "paths", "remove")
        assert [path for path in gone if not any(path == each or path.startswith(f"{each}/") for each in given)] == []


def _named(role: Path, module: str, option: str, file: str = "*") -> list[str]:
    """Return the paths that an option of a role's tasks names; a folder loses its final slash."""
    found = [(task.get(module) or {}).get(option) for path in role.glob(f"tasks/{file}.yml") for task in tasks(path)]
    said = [each if isinstance(each, list) else [each] for each in found if each]
    # The value of one is a path, or a list of them.
    known = [role_kit.value(role.name, "each", {"each": each}) for those in said for each in those]
    return [path.rstrip("/") for each in known for path in ([each] if isinstance(each, str) else each)]


def _installed(templates: Iterable[str]) -> Iterable[str]:
    """Yield where on a server the templates of these paths in the project are installed."""
    for template in templates:
        if found := re.fullmatch(r"roles/[^/]+/templates(/.+?)(?:\.j2)?", template):
            yield found[1]
