"""`give_back` leaves a server as `managed_files` found it, and believes no record that is damaged."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from managed_kit import Server
from plugin_kit import load


@pytest.fixture
def give_back() -> Any:
    """The module that undoes what `managed_files` did."""
    return load("modules/give_back.py")


def test_the_server_can_be_left_as_it_was_found(server: Server, give_back: Any) -> None:
    (server.root / "etc/empty").mkdir(parents=True)
    (server.root / "etc/empty").chmod(0o700)
    (server.root / "etc/theirs").write_text("first\n")
    (server.root / "etc/theirs").chmod(0o640)
    (server.root / "etc/default").symlink_to("theirs")
    record = server.role.parents[1] / "record"
    shutil.copytree(server.root, record / "found" / server.root.relative_to("/"), symlinks=True)
    for name in ("theirs", "new/deep/ours", "empty"):
        server.template(f"etc/{name}", "ours\n")
    server.run(f"{{absent: [{server.root}/etc/default]}}")
    server.template("etc/theirs", "ours again\n")
    server.run()
    assert not (server.root / "etc/default").is_symlink()
    found = give_back.Record(str(record))
    preview = found.restore(None, [], [], check_mode=True)
    assert (server.root / "etc/new/deep/ours").exists()
    assert found.restore(None, [], [], check_mode=False) == preview
    assert found.restore(None, [], [], check_mode=False) == ([], [])
    assert (server.root / "etc/theirs").read_text() == "first\n"
    assert (server.root / "etc/theirs").stat().st_mode & 0o777 == 0o640
    assert (server.root / "etc/default").readlink() == Path("theirs")
    assert (server.root / "etc/empty").is_dir() and (server.root / "etc/empty").stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in (server.root / "etc").iterdir()) == ["default", "empty", "theirs"]


def test_a_link_to_what_its_owner_has_deleted_since_stays_away(server: Server, give_back: Any) -> None:
    """The removal put a link among nginx's sites that led nowhere, and nginx did not start again."""
    etc = server.root / "etc"
    etc.mkdir()
    for name in ("deleted", "kept", "replaced"):
        (etc / name).write_text("theirs\n")
        (etc / f"to-{name}").symlink_to(name)
    (etc / "to-elsewhere").symlink_to("/nowhere/in/etc")  # it led nowhere then, too
    record = server.role.parents[1] / "record"
    shutil.copytree(server.root, record / "found" / server.root.relative_to("/"), symlinks=True)
    links = [etc / f"to-{name}" for name in ("deleted", "kept", "replaced", "elsewhere")]
    server.run(f"{{absent: [{', '.join(map(str, [*links, etc / 'replaced']))}]}}")
    (etc / "deleted").unlink()
    found = give_back.Record(str(record))
    preview = found.restore(None, [], [], check_mode=True)
    assert found.restore(None, [], [], check_mode=False) == preview
    assert sorted(path.name for path in etc.iterdir()) == ["kept", "replaced", "to-elsewhere", "to-kept", "to-replaced"]


@pytest.mark.parametrize("lost", ["etc", "var/lib/dpkg"])
def test_by_half_a_record_nothing_is_removed(lost: str, server: Server) -> None:
    """A removal that was killed while it deleted the record was repeated, and took the owner's own files for added."""
    server.template("etc/theirs", "put back already\n")
    server.run()
    shutil.rmtree(server.role.parents[1] / "record/found" / lost)
    for arguments in ("{}", "{own: true}"):
        refused = server.try_to_give_back(arguments)
        assert refused.returncode != 0
        assert "está incompleto" in refused.stdout
        assert (server.root / "etc/theirs").exists()


@pytest.mark.parametrize(
    "path", ["etc/systemd/system/prep-corte-gate.service", "etc/nginx/sites-available/prep"], ids=["gate", "page"]
)
def test_a_record_that_was_begun_on_a_mirror_is_told(path: str, server: Server) -> None:
    found = server.role.parents[1] / "record/found"
    look = "- name: Look\n  give_back: {own: true}\n"
    assert "late: false" in server.run("{}", "-vvv", then=look).stdout
    (found / path).parent.mkdir(parents=True)
    (found / path).write_text("# Managed by prep-difusor: change the inventory or the role, not this file.\n")
    assert "late: true" in server.run("{}", "-vvv", then=look).stdout


@pytest.mark.parametrize(
    ("before", "now", "after"),
    [
        (0o750, 0o751, 0o750),
        (0o755, 0o755, 0o755),
        (0o750, 0o755, 0o755),  # the owner has opened it further meanwhile
        (0o755, 0o751, 0o751),  # or closed it, and the gate kept its way through
        (0o700, 0o700, 0o700),
    ],
)
def test_a_folder_that_the_gate_has_opened_is_closed_again_where_the_owner_has_not_changed_it(
    before: int, now: int, after: int, give_back: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An owner's /srv of 0750 stayed 0751 after the removal."""
    srv, record, written = tmp_path / "srv", tmp_path / "record", load("modules/managed_files.py")
    srv.mkdir()
    srv.chmod(before)
    monkeypatch.setattr(written, "FOLDERS", [str(srv)])
    module = SimpleNamespace(params={"guard": None, "record": str(record)}, run_command=lambda *_, **__: None)
    written.ManagedFiles(module, {}).keep_found()
    srv.chmod(now)
    found = give_back.Record(str(record))
    expected = [str(srv)] if (before, now) == (0o750, 0o751) else []
    assert found.close([str(srv)], check_mode=True) == expected
    assert srv.stat().st_mode & 0o777 == now
    assert found.close([str(srv), str(tmp_path / "none")], check_mode=False) == expected
    assert srv.stat().st_mode & 0o777 == after
    assert give_back.Record(str(tmp_path / "older")).close([str(srv)], check_mode=False) == []


def test_what_is_its_owners_again_is_left_by_a_removal(server: Server) -> None:
    for name in ("ours", "theirs"):
        server.template(f"etc/{name}", "ours\n")
    server.run()
    theirs = server.root / "etc/theirs"
    (server.role / f"templates{theirs}").unlink()
    theirs.write_text("theirs\n")
    forget = f"- name: Forget\n  give_back: {{own: true, forget: [{theirs}]}}\n"
    for options, changed in ((["--check"], 1), ([], 1), ([], 0)):
        assert f"changed={changed}" in server.run("", *options, then=forget).stdout
    server.give_back("{}")
    assert [path.name for path in (server.root / "etc").iterdir()] == ["theirs"]


def test_a_role_gives_back_only_its_own(server: Server) -> None:
    """Files of another role stay, also in a shared folder; a call without `own` then removes the files of all roles."""
    for name in ("shared/ours", "alone/ours"):
        server.template(f"etc/{name}", "ours\n")
    code, other = server.root / "lib/code", server.root / "etc/shared/other"
    source = server.role.parents[1] / "source"
    (source / "deep").mkdir(parents=True)
    (source / "deep/module.py").write_text("pass\n")
    server.run(f"{{copies: {{{code}: {source}}}, links: {{{other}: ours}}}}")
    assert (code / "deep/module.py").exists()
    server.give_back(f"{{own: true, paths: [{server.root}/lib/]}}")
    assert sorted(path.name for path in server.root.rglob("*")) == ["etc", "other", "shared"]
    server.give_back("{}")
    assert list(server.root.iterdir()) == []


PREVIEW = """
- give_back: {restore: true, own: true, paths: [ROOT/lib/], also: [ROOT/keys]}
  register: asked_own
- give_back: {restore: true}
  register: asked_all
- give_back: {restore: true, also: [ROOT/keys]}
  register: __rollback_found
- vars: {ansible_python_interpreter: /bin/false}
  block:
    - give_back: {restore: true, own: true, paths: [ROOT/lib/], also: [ROOT/keys]}
      register: told_own
    - give_back: {restore: true}
      register: told_all
    - give_back:
      register: told_nothing
- ansible.builtin.assert: {that: "told_own[item] == asked_own[item]"}
  loop: "{{ asked_own | difference(['invocation']) }}"
- ansible.builtin.assert: {that: "told_all[item] == asked_all[item]"}
  loop: "{{ asked_all | difference(['invocation']) }}"
- ansible.builtin.assert:
    that:
      - asked_own.restored | map('basename') == ['theirs', 'keys']
      - asked_own.removed | map('basename') == ['code', 'ours']
      - (told_own | difference(asked_own) + told_all | difference(asked_all)) | length == 0
      - told_nothing.packages == told_all.packages and told_nothing.restored == told_nothing.removed == []
- give_back: {restore: true, own: true, opened: [ROOT]}
- give_back: {restore: true, own: true, also: [ROOT/others]}
"""


def test_a_preview_of_a_removal_asks_the_server_once_for_all_roles(server: Server) -> None:
    """Each role's question started a process there, and compared again what the first had compared."""
    (server.root / "etc").mkdir()
    for name in ("etc/theirs", "keys"):
        (server.root / name).write_text("theirs\n")
    found = server.role.parents[1] / "record/found"
    shutil.copytree(server.root, found / server.root.relative_to("/"))
    for name in ("etc/ours", "etc/theirs", "lib/code", "other/same"):
        server.template(name, "ours\n")
    server.run()
    (server.role / f"templates{server.root}/other/same").unlink()
    (server.root / "keys").write_text("ours\n")
    paths = sorted(server.root.rglob("*"))
    done = server.run("{}", "--check", then=PREVIEW.replace("ROOT", str(server.root)))
    assert done.returncode == 0, done.stdout
    assert sorted(server.root.rglob("*")) == paths


STATES = """\
Package: dpkg
Essential: yes
Status: install ok installed
Version: 1

Package: {}
Status: {}
Version: 1

Package: chrony
Status: install ok installed

"""


@pytest.mark.parametrize(
    ("status", "was_there"),
    [
        ("install ok unpacked", True), ("install ok half-configured", True), ("install reinstreq half-installed", True),
        ("install ok triggers-awaited", True), ("install ok triggers-pending", True), ("hold ok installed", True),
        ("deinstall ok config-files", False), ("purge ok not-installed", False),
    ],
)  # fmt: skip
def test_a_package_that_was_half_way_when_the_server_was_recorded_is_the_owners(
    give_back: Any, status: str, was_there: bool
) -> None:
    """Else a removal would take sudo or openssh-server away, which the first boot's updates were just installing."""
    found, now = STATES.format("sudo", status), STATES.format("sudo", "install ok installed")
    assert give_back.packages(found) == ["dpkg", *(["sudo"] if was_there else []), "chrony"]
    added = give_back.compare(give_back.packages(found), give_back.packages(now))["added"]
    assert added == ([] if was_there else ["sudo"])


def test_what_differs_from_before_is_said_of_etc_packages_accounts_and_groups(give_back: Any, tmp_path: Path) -> None:
    status = "Package: {}\nStatus: install ok installed\nVersion: 1\n\n"
    states = {
        "record/found": {
            "etc/passwd": "root:x:0\n",
            "etc/group": "games:x:60:\n",
            "etc/old": "",
            "var/lib/dpkg/status": status.format("timesyncd"),
        },
        "now": {
            "etc/passwd": "root:x:0\nprep:x:9\n",
            "etc/group": "docker:x:104:\n",
            "etc/new": "",
            "var/lib/dpkg/status": status.format("chrony"),
        },
    }
    for top, files in states.items():
        for name, text in {**files, "etc/shadow": "", "etc/same": ""}.items():
            path = tmp_path / top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    (tmp_path / "now/etc/shadow").chmod(0o600)
    assert give_back.Record(str(tmp_path / "record"), str(tmp_path / "now")).differences() == {
        "etc": {
            "added": ["/etc/new"], "missing": ["/etc/old"], "changed": ["/etc/group", "/etc/passwd"],
            "attributes": ["/etc/shadow"],
        },
        "packages": {"added": ["chrony"], "missing": ["timesyncd"]},
        "accounts": {"added": ["prep"], "missing": []},
        "groups": {"added": ["docker"], "missing": ["games"]},
    }  # fmt: skip
