"""What the roles leave on a server that the institute took off the list: no secret, no signer, no account."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from role_kit import ROLES, render, value

ACCOUNT: dict[str, Any] = {"accounts_admin_user": "instituto", "accounts_revoked": True}
BEFORE, SINCE = "2027-06-05T01:30:00Z", "2027-06-06T01:30:00Z"


@pytest.mark.parametrize("revoked", [False, True])
def test_an_account_that_was_there_before_the_project_is_not_removed(revoked: bool) -> None:
    """The outlet may have made it for the institute; its home is the outlet's."""
    accounts = {name: {"comment": "Instituto (PREP)"} for name in ("ana", "instituto2")}
    facts = {"user_id": "operador", "accounts": accounts, "accounts_before": ["root", "operador", "ana"]}
    inputs = {**ACCOUNT, "accounts_revoked": revoked, "ansible_facts": facts}
    assert value("accounts", "_accounts_former_admins", inputs) == ["instituto2"]
    assert value("accounts", "_accounts_former_taken", inputs) == ["ana"], "it is given back as it was"


@pytest.mark.parametrize(("login", "taken"), [("operador", ["instituto"]), ("instituto", [])])
def test_the_institutes_account_is_given_back_only_when_it_was_there_before_and_its_time_is_over(
    login: str, taken: list[str]
) -> None:
    accounts = {name: {"comment": "Instituto (PREP)"} for name in ("instituto", "instituto2")}
    facts = {"user_id": login, "accounts": accounts, "accounts_before": ["root", "operador", "instituto"]}
    inputs = {"accounts_admin_user": "instituto", "ansible_facts": facts}
    assert value("accounts", "_accounts_taken", inputs) == taken
    assert value("accounts", "_accounts_former_taken", inputs) == []
    assert value("accounts", "_accounts_former_taken", {**inputs, "accounts_revoked": True}) == taken


def test_neither_secret_nor_signers_stay() -> None:
    assert render("rsync", "etc/rsyncd.secrets", {"rsync_revoked": True, "rsync_secret": "x"}).strip() == ""
    assert render("corte", "etc/prep-corte/allowed_signers", {"corte_revoked": True, "corte_signers": []}).strip() == ""


@pytest.mark.parametrize(("revoked", "kept"), [(False, []), (True, [SINCE])])
def test_the_server_itself_keeps_since_when_it_is_off_the_list(revoked: bool, kept: list[str]) -> None:
    """It must not be the inventory alone that knows: a copy of it made before the revocation does not."""
    inputs = {"corte_revoked": revoked, "corte_revoked_since": SINCE}
    lines = render("corte", "etc/prep-corte/revoked_since", inputs).splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == kept
    assert bool(lines) is revoked, "an empty file is removed, one without an instant is not"


def test_every_run_but_two_stops_at_a_revocation_that_its_inventory_does_not_know() -> None:
    """One whose inventory revokes goes on too, and gives nothing back."""
    admitting = {}
    for path in sorted((ROLES.parent / "playbooks").glob("*.yml")):
        first = yaml.safe_load(path.read_text(encoding="utf-8"))[0]
        admitting[path.stem] = first.get("vars", {}).get("preflight_any_revocation", False)
        imports = [task.get("ansible.builtin.import_role", {}) for task in first.get("tasks", [])]
        reached = {"reach", "look"} & {each.get("tasks_from") for each in imports}
        assert reached or path.stem in ("preflight", "server"), "site.yml is these two, and the role begins with it"
    assert {name: found for name, found in admitting.items() if found} == {"remove": True, "restore": True}


def test_only_what_leaves_the_lists_of_keys_alone_does_not_ask_whether_its_inventory_knows_the_revoked_ones() -> None:
    """A revocation, which waits for nobody, keeps those that the server alone knows."""
    plays = {path.stem: path.read_text(encoding="utf-8") for path in (ROLES.parent / "playbooks").glob("*.yml")}
    admitting = {name for name, text in plays.items() if "preflight_any_revoked_keys: true" in text}
    for name in admitting:  # in each of its plays that reaches the server
        for play in yaml.safe_load(plays[name]):
            text = yaml.safe_dump(play)
            assert "preflight" not in text or "preflight_any_revoked_keys: true" in text, (name, play["name"])
    runs_corte = r"name: corte, rolespec_validate: false\}(?!, tags: \[never)"
    writing = {name for name, text in plays.items() if re.search(runs_corte, text)}
    assert admitting == {"purge", "remove", "upgrade"} and writing == {"restore", "revoke", "server", "signers"}
    wired = yaml.safe_load((ROLES.parent / "playbooks/group_vars/all.yml").read_text(encoding="utf-8"))
    given = {"kept": wired["corte_revoked_keys"], "election_revoked_keys": ["a"], "preflight_unknown_keys": ["b"]}
    assert value("corte", "kept", {**given, "corte_revoked": True}) == ["a", "b"]
    assert value("corte", "kept", {**given, "corte_revoked": False}) == ["a"]


@pytest.mark.parametrize(
    ("revocations", "known", "kept"),
    [
        (None, [], ""),
        ([], [], ""),
        ([{"since": BEFORE, "state": "restored"}, {"since": SINCE, "state": "revoked"}], [BEFORE, SINCE], SINCE),
        ([{"since": SINCE}], [SINCE], SINCE),  # written by hand: the state of a revocation is revoked, if none is said
    ],
)
def test_the_inventory_says_which_revocations_it_knows_and_which_one_the_server_keeps(
    revocations: list[dict[str, str]] | None, known: list[str], kept: str
) -> None:
    wired = yaml.safe_load((ROLES.parent / "playbooks/group_vars/all.yml").read_text(encoding="utf-8"))
    inputs = {
        name: wired[name]
        for name in ("preflight_revocations", "corte_revoked_since", "corte_revoked", "preflight_revoked")
    }
    inputs["difusor_revocations"] = revocations
    assert value("corte", "preflight_revocations", inputs) == known
    assert value("corte", "corte_revoked_since", inputs) == kept
    assert value("corte", "preflight_revoked", inputs) is bool(kept)


@pytest.mark.parametrize(("login", "left"), [("ubuntu", []), ("instituto", ["instituto"])])
def test_the_institutes_account_leaves_unless_it_is_the_way_in(login: str, left: list[str]) -> None:
    known = {name: {"comment": "Instituto (PREP)"} for name in ("instituto", "instituto2")}
    accounts = {**known, "ubuntu": {"comment": ""}}
    inputs = {**ACCOUNT, "ansible_facts": {"user_id": login, "accounts": accounts, "accounts_before": ["root"]}}
    removed = value("accounts", "_accounts_former_admins", inputs)
    assert sorted({*known} - {*removed}) == left
    rules = [render("accounts", f"etc/sudoers.d/{name}", inputs) for name in ("prep-difusor", "zz-prep-difusor")]
    assert re.findall(r"(?m)^(\w+) ALL=", "".join(rules)) == left


def test_whatever_stops_the_gate_makes_sure_that_the_page_is_closed() -> None:
    """Older versions of systemd leave the gate file when the service just waits to be started again."""
    stopping = [path for path in (ROLES.parent / "playbooks").rglob("*.yml") if " corte_units" in path.read_text()]
    assert {path.stem for path in stopping} == {"purge", "revoke"}
    for path in stopping:
        stopped, _, after = path.read_text().partition(" corte_units")
        assert "tasks_from: closed" not in stopped and "{name: corte, tasks_from: closed}" in after, path
    for name in ("run", "remove"):
        assert "import_tasks: closed.yml" in (ROLES / f"corte/tasks/{name}.yml").read_text(), name
    (task,) = yaml.safe_load((ROLES / "corte/tasks/closed.yml").read_text())
    assert value("corte", "corte_gate_file", {}).startswith("/run/prep-corte/")
    assert task["removed"] == {"path": "{{ corte_gate_file | dirname }}"}


def test_a_purge_starts_nothing_on_a_server_that_was_revoked_meanwhile() -> None:
    """It goes by what the server says now, since its own variables are of its beginning."""
    tasks = yaml.safe_load((ROLES.parent / "playbooks/purge.yml").read_text(encoding="utf-8"))[0]["tasks"]
    (look, start) = next(task["always"] for task in tasks if "always" in task)
    assert look["ansible.builtin.stat"]["path"] in (ROLES / "corte/tasks/install.yml").read_text(encoding="utf-8")
    assert start["when"] == f"not (corte_revoked or {look['register']}.stat.exists)"


@pytest.mark.parametrize(
    "reached", [[], ["ssh"], ["ssh", "corte"], ["ssh", "corte", "rsync"], ["ssh", "corte", "rsync", "nginx"]]
)
def test_from_a_server_that_was_never_finished_a_revocation_takes_what_is_there(reached: list[str]) -> None:
    """It could never end there, and stopped the outlet's own rsync."""
    _, leave = yaml.safe_load((ROLES.parent / "playbooks/revoke.yml").read_text(encoding="utf-8"))
    names = {"nginx": "nginx_site", "rsync": "rsync_sandbox", "ssh": "ssh_drop_in"}
    files = {role: value(role, name, {}) for role, name in names.items()}
    library = value("corte", "corte_lib_dir", {})
    state = {
        "paths": {files[role]: "file root root 0644 x" for role in reached if role in files},
        "folders": {library: []} if "corte" in reached else {},
    }
    known = {
        **{name: files[role] for role, name in names.items()},
        "ansible_facts": {"current_state": state},
        **leave["vars"],
    }
    roles = {task["ansible.builtin.import_role"]["name"]: task["when"] for task in leave["tasks"] if "when" in task
             and "ansible.builtin.import_role" in task}  # fmt: skip
    assert sorted(role for role, when in roles.items() if value("corte", when, known)) == sorted(reached)
    proof = next(task for task in leave["tasks"] if "public_notice" in task.get("vars", {}))
    assert proof["when"] == roles["nginx"]


def test_a_server_that_no_run_has_changed_is_left_alone_by_a_revocation() -> None:
    close, leave = yaml.safe_load((ROLES.parent / "playbooks/revoke.yml").read_text(encoding="utf-8"))
    alone = {"ansible.builtin.meta": "end_host", "when": "not preflight_recorded"}
    assert alone.items() <= leave["pre_tasks"][1].items()
    stops = [task["ansible.builtin.command"] for task in close["tasks"] if "ansible.builtin.command" in task]
    assert [each["removes"] for each in stops if "rsync.service" in str(each)] == ["{{ rsync_sandbox }}"]
