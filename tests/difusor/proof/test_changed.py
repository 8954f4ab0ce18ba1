"""`difusor test --changed`: which files differ, in real repositories, and what is run for them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import click
import pytest

from difusor.commands import test
from difusor.proof import changed
from difusor.proof.affected import APART, SECONDS, TESTS_OF_ROLES
from difusor.proof.suites import releases


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit."""
    monkeypatch.setattr(changed, "ROOT", tmp_path)
    for name, value in {
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_AUTHOR_NAME": "x",
        "GIT_AUTHOR_EMAIL": "x@x.test",
    }.items():
        monkeypatch.setenv(name, value)
        monkeypatch.setenv(name.replace("AUTHOR", "COMMITTER"), value)
    git(tmp_path, "init", "--quiet", "--initial-branch=work")
    (tmp_path / "kept").write_text("1")
    (tmp_path / "moved").write_text("a file that is moved as it is\n" * 5)
    commit(tmp_path)
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True)


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=x")


def test_what_is_not_committed_or_not_known_to_git_has_changed(repository: Path) -> None:
    (repository / "kept").write_text("2")
    (repository / "moved").rename(repository / "new name")
    (repository / ".gitignore").write_text("build\n")
    (repository / "build").write_text("")
    assert changed.changed_files() == ("HEAD", [".gitignore", "kept", "moved", "new name"])


def test_upstream_is_where_this_work_left_it(repository: Path) -> None:
    """Commits that others added upstream since this branch began do not count as changes of this branch."""
    git(repository, "checkout", "--quiet", "-b", "others")
    (repository / "theirs").write_text("")
    commit(repository)
    git(repository, "update-ref", "refs/remotes/origin/main", "others")
    git(repository, "checkout", "--quiet", "work")
    (repository / "mine").write_text("")
    commit(repository)
    assert changed.changed_files() == ("origin/main", ["mine"])
    assert changed.changed_files("HEAD") == ("HEAD", [])


def test_a_revision_that_does_not_exist_is_a_sentence(repository: Path) -> None:
    with pytest.raises(click.UsageError, match="no se puede comparar con nada"):
        test.run(["nada"], changed=True)


def test_a_role_runs_its_tests_on_one_release(capsys: pytest.CaptureFixture[str]) -> None:
    plan = changed.plan(["roles/chrony/templates/etc/chrony/chrony.conf.j2", "docs/es/datos.md"])
    assert [(suite.name, suite.tests) for suite in plan.suites()] == [
        ("unit", ()),
        (releases()[0], ("molecule/tests/server/test_chrony.py",)),
    ]
    changed.say("HEAD", plan)
    said = capsys.readouterr().err
    assert "docs/es/datos.md → documentación" in said
    assert f"Se prueba unit, y en {releases()[0]}: test_chrony\n" in said
    assert f"No se prueba {', '.join(releases()[1:])}: una versión basta" in said
    assert "test_ufw, test_vantage, test_waf: el cambio no las alcanza" in said


def test_documents_need_no_server(capsys: pytest.CaptureFixture[str]) -> None:
    plan = changed.plan(["docs/es/datos.md", "README.md", "roles/ssh/README.md"])
    assert [suite.name for suite in plan.suites()] == ["unit"]
    changed.say("HEAD", plan)
    assert "Se prueba unit; ninguna prueba de servidor\n" in capsys.readouterr().err


def test_unit_tests_that_read_no_role_are_left_out_of_a_change_of_roles(capsys: pytest.CaptureFixture[str]) -> None:
    plan = changed.plan(["roles/chrony/tasks/main.yml", "CHANGELOG.md"])
    assert plan.suites()[0].left_out == APART
    assert f"--ignore={APART[0]}" in plan.suites()[0].command
    changed.say("HEAD", plan)
    assert f"de unit, {', '.join(APART)}: el cambio no las alcanza" in capsys.readouterr().err
    for other in ("scripts/corte/gate.py", "roles/nginx/templates/usr/share/prep/avisos/espera.js"):
        assert changed.plan(["roles/chrony/tasks/main.yml", other]).apart == ()


def test_tests_that_take_long_are_dealt_out_between_two_servers() -> None:
    suites = changed.plan(["roles/nginx/tasks/main.yml"]).suites()
    assert [suite.lab for suite in suites] == ["unit", releases()[0], f"{releases()[0]}-2"]
    names = [{changed.name_of(Path(path)) for path in suite.tests} for suite in suites[1:]]
    assert names[0] | names[1] == set(TESTS_OF_ROLES["nginx"])
    assert not names[0] & names[1]
    first, second = (sum(SECONDS.get(name, 0) for name in part) for part in names)
    assert abs(first - second) <= max(SECONDS.values()) / 2


@pytest.mark.parametrize(
    "path",
    [
        "scripts/difusor/suite/plugin.py", "molecule/shared/create.yml", "molecule/tests/conftest.py", "ansible.cfg",
        "site.yml", "playbooks/group_vars/all.yml", "plugins/modules/managed_files.py", "spec/ribera-2027.yml",
        "requirements.lock", "inventories/demo/hosts.yml", "elections/demo.yml", "containers/host/Dockerfile",
        "a/new/part",
    ],
)  # fmt: skip
def test_what_reaches_everything_runs_the_whole_suite(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    plan = changed.plan([path, "roles/chrony/tasks/main.yml"])
    assert [(suite.name, suite.tests) for suite in plan.suites()][1:] == [(releases()[0], ())]
    changed.say("HEAD", plan)
    assert f"{releases()[0]} completa: el cambio puede alcanzar todo" in capsys.readouterr().err


def test_what_only_a_kernel_shows_is_left_to_the_machine() -> None:
    assert [suite.name for suite in changed.plan(["molecule/tests/lab/test_machine.py"]).suites()] == ["unit"]


def test_a_file_of_tests_that_was_removed_is_not_run() -> None:
    plan = changed.plan(["molecule/tests/lab/test_removed.py", "molecule/tests/server/test_ssh.py"])
    assert plan.tests == ("ssh",)


def test_a_name_stands_for_its_files_in_every_folder() -> None:
    folders = [f"molecule/tests/{folder}" for folder in ("lab", "outside", "server")]
    suite = changed.plan(["molecule/tests/server/test_nginx.py"]).suites()[1]
    assert suite.tests == tuple(f"{folder}/test_nginx.py" for folder in folders)
