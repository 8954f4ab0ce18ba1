"""`managed_files` installs a role's files in one call: check mode is true, a second run silent, a refusal undone."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from managed_kit import Server, recorded
from plugin_kit import load

# The role's last task in a run that ends there, before its handlers.
INTERRUPTION = "- name: Die\n  ansible.builtin.fail:\n"


def test_writes_once_and_then_nothing(server: Server) -> None:
    server.template("etc/a.conf.j2", "# {{ ansible_managed }}\nanswer={{ 6 * 7 }}\n")
    server.template("etc/raw", "{{ not rendered }}\n")
    assert "changed=1" in server.run().stdout
    assert (server.root / "etc/a.conf").read_text().endswith("answer=42\n")
    assert (server.root / "etc/raw").read_text() == "{{ not rendered }}\n"
    assert "changed=0" in server.run().stdout


def test_what_a_file_of_the_operators_says_in_another_encoding_arrives_as_it_is(server: Server) -> None:
    """`openssl pkcs12` writes the names of a .pfx in Latin-1 before its key; the run ended at it, almost at its end."""
    pem = server.role / "key.pem"
    pem.write_bytes("friendlyName: Diario de Yucatán\nkey\n".encode("latin-1"))
    server.template("etc/prep.pem.j2", f"{{{{ lookup('file_bytes', '{pem}').rstrip() }}}}\n")
    play = server.run()
    assert (play.returncode, "DEPRECATION" in play.stdout + play.stderr) == (0, False)
    assert (server.root / "etc/prep.pem").read_bytes() == pem.read_bytes()
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


@pytest.mark.parametrize("left", ["", "\0" * 20], ids=["gone", "zeros"])
def test_a_line_that_the_record_has_lost_is_written_again(left: str, server: Server) -> None:
    """A power cut could take it, and a removal left the file, or did not put back what had been in its place."""
    paths = server.role.parents[1] / "record/paths"
    server.template("etc/a.conf", "answer=42\n")
    wanted = f"{{links: {{{server.root}/etc/link: a.conf}}}}"
    server.run(wanted)
    listed = paths.read_text().splitlines()
    folders = [line for line in listed if line.endswith("/")]
    paths.write_text("\n".join([*folders, left]))
    before = paths.read_text()
    assert "changed=0" in server.run(wanted, "--check").stdout
    assert paths.read_text() == before
    for _ in range(2):
        assert "changed=0" in server.run(wanted).stdout
        assert sorted({*paths.read_text().splitlines()} - {left}) == sorted(listed)
    server.give_back("{}")
    assert list(server.root.iterdir()) == []


def test_no_record_is_begun_where_it_is_gone_and_nothing_is_written(server: Server) -> None:
    """It would pass for the one that was made before the first change."""
    record = server.role.parents[1] / "record"
    server.template("etc/a.conf", "answer=42\n")
    server.run()
    record.rename(record.with_name("backup"))
    assert "changed=0" in server.run().stdout
    assert not record.exists()


def installer(record: Path, **module: Any) -> Any:
    """Return what brings nothing into its wanted state, with this record; `module` stands in for AnsibleModule."""
    params = {"guard": None, "record": str(record), "run": ""}
    nothing: dict[str, Any] = {"files": {}, "directories": {}, "links": {}, "absent": []}
    return load("modules/managed_files.py"), SimpleNamespace(params=params, **module), nothing


def test_a_line_of_the_record_is_on_the_disk_before_the_change_that_it_tells_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(Path(f"/proc/self/fd/{file}").read_text()))
    written, module, nothing = installer(recorded(tmp_path / "record"))
    files = written.ManagedFiles(module, nothing)
    for line in ("/etc/a", "/etc/b"):
        files.remember(line)
    assert synced == ["/etc/a\n", "/etc/a\n/etc/b\n"]


def test_the_copy_of_before_is_on_the_disk_before_it_gets_its_name(tmp_path: Path) -> None:
    """A power cut within half a minute of the first change left empty copies; and what is left over goes."""
    record, commands = tmp_path / "record", []
    for name in ("record.new", "record.old"):
        recorded(tmp_path / name)
    written, module, nothing = installer(
        record, run_command=lambda command, **_: commands.append((command, record.exists()))
    )
    written.FOLDERS = []
    written.ManagedFiles(module, nothing).keep_found()
    assert commands[-1] == (["sync", "-f", f"{record}.new"], False)
    assert [path.name for path in tmp_path.iterdir()] == ["record"]


@pytest.mark.parametrize("damaged", ["etc/passwd", "var/lib/dpkg/status"])
def test_nothing_is_built_on_half_a_record_except_on_a_mirror(
    damaged: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that revokes a stolen key goes on: there the preflight tells, and the removal refuses."""

    def refused(msg: str) -> None:
        raise AssertionError(msg)

    record, gate = recorded(tmp_path / "record"), tmp_path / "gate.service"
    (record / "found" / damaged).write_text("")
    written, module, nothing = installer(record, check_mode=True, fail_json=refused)
    monkeypatch.setattr(written, "GATE", str(gate))
    with pytest.raises(AssertionError, match=r"está incompleto.*no se escribió nada.*borre esa carpeta"):
        written.ManagedFiles(module, nothing).apply()
    gate.touch()
    written.ManagedFiles(module, nothing).apply()


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


def test_an_empty_folder_gives_way_to_a_file_and_to_a_link(server: Server) -> None:
    """Docker makes one for each path that a container shall see and that is missing just then."""
    for name in ("etc/a.conf", "etc/link"):
        (server.root / name).mkdir(parents=True)
    server.template("etc/a.conf", "answer=42\n")
    wanted = f"{{links: {{{server.root}/etc/link: a.conf}}}}"
    assert "changed=1" in server.run(wanted, "--check").stdout
    assert "changed=1" in server.run(wanted).stdout
    assert (server.root / "etc/link").read_text() == "answer=42\n"
    assert "changed=0" in server.run(wanted).stdout


@pytest.mark.parametrize(
    ("there", "arguments"),
    [
        ("etc/b.conf/theirs", "{}"),
        ("etc/link/theirs", "{links: {ROOT/etc/link: a.conf}}"),
        ("etc/stale/theirs", "{absent: [ROOT/etc/stale]}"),
        ("etc/folder", "{directories: {ROOT/etc/folder/below: {}}}"),
        ("etc/c.d", "{}"),
    ],
)
def test_nothing_is_written_where_a_folder_has_a_files_place_or_a_file_a_folders(
    there: str, arguments: str, server: Server
) -> None:
    """The files before it in the alphabet were written, and the run ended with a traceback."""
    theirs = server.root / there
    theirs.parent.mkdir(parents=True)
    theirs.write_text("theirs\n")
    for name in ("etc/a.conf", "etc/b.conf", "etc/c.d/c.conf"):
        server.template(name, "answer=42\n")
    place = server.root / "/".join(there.split("/")[:2])
    for options in (["--check"], []):
        result = server.run(arguments.replace("ROOT", str(server.root)), *options)
        assert result.returncode != 0
        assert f"{place} es un" in result.stdout
        assert "no se escribió nada" in result.stdout
    assert theirs.read_text() == "theirs\n"
    assert [path for path in server.root.rglob("*") if path.is_file()] == [theirs]


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


@pytest.mark.parametrize(
    "stray", ["etc/.a.conf.swp", "etc/a (1).conf.j2", "etc/a.conf.j2~", "etc/a.conf.j2:Zone.Identifier"]
)
def test_a_stray_file_beside_a_template_does_not_reach_the_server(server: Server, stray: str) -> None:
    server.template("etc/a.conf.j2", "answer=42\n")
    server.template(stray, "answer=41\n")
    assert "changed=1" in server.run().stdout
    assert [path.name for path in (server.root / "etc").iterdir()] == ["a.conf"]
    source = server.role.parent / "code"
    (source / "b").mkdir(parents=True)
    for name in ("b/a.py", f"b/{Path(stray).name}"):
        (source / name).write_text("pass\n")
    assert "failed=0" in server.run(f"{{copies: {{{server.root}/lib: {source}}}}}").stdout
    assert [path.name for path in (server.root / "lib").rglob("*")] == ["b", "a.py"]


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


@pytest.mark.parametrize(
    ("error", "flags", "told"),
    [
        (
            PermissionError(1, "Operation not permitted", "/etc/.prep-new-x", None, "/etc/login.defs"),
            {"/etc/login.defs": "i"},
            "no se pudo cambiar /etc/login.defs: un atributo de chattr lo impide. Quítelo en el servidor "
            "(sudo chattr -i -a /etc/login.defs) y repita",
        ),
        (
            PermissionError(1, "Operation not permitted", "/etc/nginx/.prep-new-x"),
            {"/etc/nginx": "a"},
            "no se pudo cambiar /etc/nginx/.prep-new-x: un atributo de chattr lo impide. Quítelo en el servidor "
            "(sudo chattr -i -a /etc/nginx) y repita",
        ),
        (
            OSError(28, "No space left on device", "/etc/.prep-new-x"),
            {},
            "no se pudo cambiar /etc/.prep-new-x: el disco está lleno. Libere espacio en el servidor (df dice cuánto "
            "queda) y repita",
        ),
        (OSError(5, "Input/output error"), {}, "Input/output error. Corríjalo en el servidor y repita"),
    ],
)
def test_a_file_that_cannot_be_changed_is_told_with_its_remedy(
    error: OSError, flags: dict[str, str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = load("modules/managed_files.py")
    monkeypatch.setattr(module.fixed, "attributes", lambda path: flags.get(path, ""))
    said: list[str] = []

    class Module:
        def __init__(self, **_: Any) -> None:
            self.params = {"payload": "{}", "validate": None}

        def fail_json(self, msg: str) -> None:
            said.append(msg)
            raise SystemExit

    def apply(_: Any) -> None:
        raise error

    monkeypatch.setattr(module, "AnsibleModule", Module)
    monkeypatch.setattr(module.ManagedFiles, "__init__", lambda self, module, _: setattr(self, "module", module))
    monkeypatch.setattr(module.ManagedFiles, "apply", apply)
    with pytest.raises(SystemExit):
        module.main()
    assert said[0].endswith(told)
