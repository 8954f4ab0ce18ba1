"""`managed_files` installs a role's files in one call: check mode is true, a second run silent, a refusal undone."""

from __future__ import annotations

import os
import shutil
import subprocess
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from ansible_kit import ansible
from plugin_kit import load

ROOT = Path(__file__).resolve().parents[2]
PLAY = """
- hosts: all
  gather_facts: false
  vars: {ansible_python_interpreter: "{{ ansible_playbook_python }}"}
  module_defaults:
    managed_files: {record: "{{ playbook_dir }}/record"}
    give_back: {record: "{{ playbook_dir }}/record"}
  roles: [subject]
  post_tasks:
    - ansible.builtin.import_tasks: PROJECT/playbooks/tasks/applied.yml
      vars: {record: "{{ playbook_dir }}/record"}
"""
RUNS = count(1)
"""The number of each run, by which it is told from others; the role `preflight` draws it at random."""
# The role's last task in a run that ends there, before its handlers.
INTERRUPTION = "- name: Die\n  ansible.builtin.fail:\n"


class Server(NamedTuple):
    """A folder that stands for the server's root, and the role whose files are installed there."""

    root: Path
    role: Path

    def template(self, path: str, text: str) -> None:
        """Write a template of the role for `path` below the root."""
        source = self.role / "templates" / str(self.root / path).lstrip("/")
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(text)

    def run(self, arguments: str = "", *options: str, then: str = "") -> subprocess.CompletedProcess[str]:
        """Run the role's one task with these arguments of `managed_files` (YAML, flow style); `then`: further tasks."""
        return self._play(f"- name: Install\n  managed_files: {arguments or '{}'}\n{then}", *options)

    def give_back(self, arguments: str) -> None:
        """Run `give_back` for the role, with these arguments besides `restore` (YAML, flow style)."""
        play = self._play(f"- name: Give back\n  give_back: {arguments}\n  args: {{restore: true}}\n")
        assert play.returncode == 0, play.stdout

    def _play(self, tasks: str, *options: str) -> subprocess.CompletedProcess[str]:
        (self.role / "tasks/main.yml").write_text(tasks)
        run = f"preflight_run={next(RUNS)}"
        play = self.role.parents[1] / "play.yml"
        return ansible("playbook", "-i", "localhost,", "-c", "local", "-e", run, play, *options)


@pytest.fixture
def give_back() -> Any:
    """The module that undoes what `managed_files` did."""
    return load("modules/give_back.py")


@pytest.fixture
def server(tmp_path: Path) -> Server:
    """An empty server and a role without files."""
    role = tmp_path / "project/roles/subject"
    (role / "tasks").mkdir(parents=True)
    (role / "templates").mkdir()
    (tmp_path / "project/play.yml").write_text(PLAY.replace("PROJECT", str(ROOT)))
    (tmp_path / "root").mkdir()
    (tmp_path / "project/record").mkdir()  # it exists, so no file of this machine is copied into it
    return Server(tmp_path / "root", role)


def test_writes_once_and_then_nothing(server: Server) -> None:
    server.template("etc/a.conf.j2", "# {{ ansible_managed }}\nanswer={{ 6 * 7 }}\n")
    server.template("etc/raw", "{{ not rendered }}\n")
    assert "changed=1" in server.run().stdout
    assert (server.root / "etc/a.conf").read_text().endswith("answer=42\n")
    assert (server.root / "etc/raw").read_text() == "{{ not rendered }}\n"
    assert "changed=0" in server.run().stdout


def test_folders_that_files_need_can_be_entered_whatever_roots_umask(tmp_path: Path) -> None:
    """The services that are no root read there; on some servers root's files are for nobody else."""
    files = object.__new__(load("modules/managed_files.py").ManagedFiles)
    files.remember = lambda path: None
    before = os.umask(0o077)
    try:
        files.make_directory(str(tmp_path / "a/b"))
    finally:
        os.umask(before)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("a", "a/b")] == [0o755, 0o755]


def test_what_an_interrupted_run_changed_is_changed_until_a_run_ends(server: Server) -> None:
    """Its handlers have not run, and nobody would ever restart or reload the program that reads the file."""
    server.template("etc/a.conf", "answer=42\n")
    (server.root / "stale").write_text("stale\n")
    unwanted = f"{{absent: [{server.root}/stale]}}"
    for _ in range(2):
        assert "changed=1" in server.run(unwanted, then=INTERRUPTION).stdout
    server.template("etc/b.conf", "answer=42\n")
    assert "changed=0" not in server.run(unwanted, "--check").stdout
    found = server.run(unwanted, "-v").stdout
    assert all(f"- {server.root}/{path}\n" in found for path in ("stale", "etc/a.conf", "etc/b.conf"))
    assert "changed=0" in server.run(unwanted).stdout


def test_damaged_bytes_in_the_record_do_not_stop_a_run(server: Server) -> None:
    record = server.role.parents[1] / "record"
    for name in ("paths", "unapplied"):
        (record / name).write_bytes(b"\xff\xfe /etc/x\n\x80\n")
    server.template("etc/a.conf", "answer=42\n")
    assert "changed=1" in server.run().stdout
    assert "changed=0" in server.run().stdout


def test_preview_shows_and_writes_nothing(server: Server) -> None:
    server.template("etc/a.conf.j2", "answer=42\n")
    shown = server.run("{}", "--check", "--diff").stdout
    assert "+answer=42" in shown
    assert "changed=1" in shown
    assert not (server.root / "etc").exists()


def test_secret_is_not_shown(server: Server) -> None:
    server.template("etc/secret.j2", "password=canary\n")
    path = server.root / "etc/secret"
    shown = server.run(f"{{files: {{{path}: {{mode: '0600', sensitive: true}}}}}}", "--diff", "-vvv").stdout
    assert path.read_text() == "password=canary\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert "canary" not in shown


def test_validator_may_read_the_content_from_standard_input(server: Server) -> None:
    server.template("etc/good", "good\n")
    server.run(f"{{files: {{{server.root}/etc/good: {{validate: grep -q good}}}}}}")
    assert (server.root / "etc/good").exists()


def test_file_that_its_validator_refuses_is_not_written(server: Server) -> None:
    server.template("etc/good", "good\n")
    server.template("etc/bad", "bad\n")
    result = server.run(f"{{files: {{{server.root}/etc/bad: {{validate: 'grep -q good %s'}}}}}}")
    assert result.returncode != 0
    assert "no se escribió nada" in result.stdout
    assert not (server.root / "etc").exists()


def test_whole_that_is_refused_is_put_back(server: Server) -> None:
    server.template("etc/a.conf", "old\n")
    server.run()
    server.template("etc/a.conf", "new\n")
    server.template("etc/b.conf", "new\n")
    result = server.run("{validate: 'false'}")
    assert "volvió la anterior" in result.stdout
    assert (server.root / "etc/a.conf").read_text() == "old\n"
    assert not (server.root / "etc/b.conf").exists()


def test_a_whole_that_nothing_can_judge_is_put_back(server: Server) -> None:
    """Somebody had removed nginx: the files stayed, and the run said only that a command could not be run."""
    server.template("etc/a.conf", "new\n")
    result = server.run("{validate: no-such-program -t}")
    assert "volvió la anterior" in result.stdout
    assert not (server.root / "etc/a.conf").exists()


def test_links_of_a_whole_that_is_refused_are_put_back(server: Server) -> None:
    root = server.root
    (root / "default").symlink_to("theirs")
    (root / "theirs").write_text("theirs\n")
    (root / "theirs").chmod(0o640)
    (root / "moved").symlink_to("theirs")
    links = f"{{{root}/new: ours, {root}/moved: ours, {root}/theirs: ours}}"
    result = server.run(f"{{links: {links}, absent: [{root}/default], validate: 'false'}}")
    assert "volvió la anterior" in result.stdout
    assert sorted(path.name for path in root.iterdir()) == ["default", "moved", "theirs"]
    assert [(root / name).readlink() for name in ("default", "moved")] == [Path("theirs")] * 2
    assert (root / "theirs").read_text() == "theirs\n"
    assert (root / "theirs").stat().st_mode & 0o777 == 0o640


def test_link_that_a_killed_run_left_half_made_is_made(server: Server) -> None:
    (server.root / "new.prep-new").symlink_to("ours")
    server.run(f"{{links: {{{server.root}/new: ours}}}}")
    assert [path.name for path in server.root.iterdir()] == ["new"]


def test_files_that_are_no_longer_wanted_are_removed(server: Server) -> None:
    server.template("etc/optional.j2", "{% if wanted | default(true) %}\nhere\n{% endif %}\n")
    (server.root / "stale").write_text("stale\n")
    assert "changed=1" in server.run().stdout
    assert (server.root / "etc/optional").exists()
    result = server.run(f"{{absent: [{server.root}/stale]}}", "-e", "{wanted: false}")
    assert "changed=1" in result.stdout
    assert not (server.root / "etc/optional").exists()
    assert not (server.root / "stale").exists()


def test_misspelled_option_and_stray_attribute_are_refused(server: Server) -> None:
    assert "no existe la opción diretories" in server.run("{diretories: {}}").stdout
    assert "no es una ruta absoluta: {{ folder }}" in server.run("{directories: {'{{ folder }}': {}}}").stdout
    assert "ninguna plantilla produce: /nowhere" in server.run("{files: {/nowhere: {mode: '0600'}}}").stdout


@pytest.fixture
def guard(tmp_path: Path) -> Path:
    """A stand-in for the rollback program: it notes each call, and is pending between `arm` and `restore`."""
    program = tmp_path / "guard"
    program.write_text(
        f"""#!/bin/sh
cd {tmp_path}
case $1 in arm) touch armed ;; restore) rm armed ;; pending) test -e armed; exit ;; esac
ls root/etc >>calls; echo $1 >>calls
"""
    )
    program.chmod(0o755)
    return program


def test_guard_is_armed_before_the_first_change_and_only_then(server: Server, guard: Path) -> None:
    (server.root / "etc").mkdir()
    server.template("etc/a.conf", "answer=42\n")
    server.template("etc/b.conf", "answer=42\n")
    server.run(f"{{guard: {guard}}}", "--check")
    assert not (guard.parent / "calls").exists()
    server.run(f"{{guard: {guard}}}")
    assert (guard.parent / "calls").read_text() == "arm\n"
    assert "armed: true" in server.run(f"{{guard: {guard}}}", "-v").stdout
    assert (guard.parent / "calls").read_text() == "arm\n"


def test_guard_restores_what_the_whole_refuses(server: Server, guard: Path) -> None:
    server.template("etc/a.conf", "answer=42\n")
    assert "volvió la anterior" in server.run(f"{{guard: {guard}, validate: 'false'}}").stdout
    assert (guard.parent / "calls").read_text().split()[-1] == "restore"
    assert not (guard.parent / "armed").exists()


def test_the_server_can_be_left_as_it_was_found(server: Server, give_back: Any) -> None:
    (server.root / "etc").mkdir()
    (server.root / "etc/theirs").write_text("first\n")
    (server.root / "etc/theirs").chmod(0o640)
    (server.root / "etc/default").symlink_to("theirs")
    record = server.role.parents[1] / "record"
    shutil.copytree(server.root, record / "found" / server.root.relative_to("/"), symlinks=True)
    for name in ("theirs", "new/deep/ours"):
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
    assert sorted(path.name for path in (server.root / "etc").iterdir()) == ["default", "theirs"]


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


def test_folders_that_are_the_projects_alone_are_put_right_and_else_left_alone(server: Server) -> None:
    """Those named, and all of copies; where they stand as wanted, recorded or not, a run changes nothing."""
    server.template("etc/prep/deep/ours", "ours\n")
    (server.root / "etc/prep").mkdir(parents=True, mode=0o755)
    source = server.role.parents[1] / "source"
    (source / "deep/down").mkdir(parents=True)
    (source / "deep/down/module.py").write_text("pass\n")
    wanted = f"{{copies: {{{server.root}/lib: {source}}}, directories: {{{server.root}/etc/prep: {{}}}}}}"
    server.run(wanted)
    alone = [server.root / path for path in ("etc/prep", "lib", "lib/deep", "lib/deep/down")]
    for path in alone:
        path.chmod(0o700)
    assert "changed=1" in server.run(wanted).stdout
    assert [path.stat().st_mode & 0o777 for path in alone] == [0o755] * 4
    assert "changed=0" in server.run(wanted).stdout


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
