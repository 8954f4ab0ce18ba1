"""`managed_files` records how it leaves each path, so that a later look tells what somebody has changed since."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from managed_kit import Server
from plugin_kit import load

WRITTEN = load("module_utils/probe/written.py")


def record_of(server: Server) -> Path:
    return server.role.parents[1] / "record"


def known(server: Server) -> dict[str, str]:
    """Return what is recorded of the files below the root, without what is recorded of folders."""
    lines = WRITTEN.lines(str(record_of(server)))
    return {str(Path(path).relative_to(server.root)): line.split()[0] for path, line in lines.items()}


def test_what_a_run_leaves_is_recorded_for_root_alone(server: Server) -> None:
    server.template("etc/a.conf", "answer=42\n")
    wanted = f"{{links: {{{server.root}/link: a}}, directories: {{{server.root}/etc: {{}}}}}}"
    written = record_of(server) / WRITTEN.NAME
    server.run(wanted, "--check")
    assert not written.exists()
    server.run(wanted)
    assert known(server) == {"etc/a.conf": "file", "link": "link", "etc": "directory"}
    assert written.stat().st_mode & 0o777 == 0o600
    before = written.stat().st_ino
    assert "changed=0" in server.run(wanted).stdout
    assert written.stat().st_ino == before


def test_a_run_that_finds_everything_as_wanted_records_it_too(server: Server) -> None:
    """As the first one of this version; or where somebody put an older file back, and then the inventory too."""
    written = record_of(server) / WRITTEN.NAME
    server.template("etc/a.conf", "answer=41\n")
    server.run()
    older = written.read_text()
    server.template("etc/a.conf", "answer=42\n")
    server.run()
    server.template("etc/a.conf", "answer=41\n")
    (server.root / "etc/a.conf").write_text("answer=41\n")
    for text in (written.read_text(), "", "[]", "{"):
        written.write_text(text)
        assert "changed=0" in server.run("{}", "--check").stdout
        assert written.read_text() == text
        assert "changed=0" in server.run().stdout
        assert written.read_text() == older


def test_what_is_wanted_no_longer_or_was_refused_is_not_recorded(server: Server) -> None:
    server.template("etc/optional.j2", "{{ 'here' if wanted | default(true) else '' }}\n")
    server.template("etc/a.conf", "answer=42\n")
    server.run()
    server.run("{}", "-e", "{wanted: false}")
    assert known(server) == {"etc/a.conf": "file"}
    before = (record_of(server) / WRITTEN.NAME).read_text()
    server.template("etc/a.conf", "answer=43\n")
    assert "volvió la anterior" in server.run("{validate: 'false'}", "-e", "{wanted: false}").stdout
    assert (record_of(server) / WRITTEN.NAME).read_text() == before


def test_what_is_given_back_is_no_longer_expected(server: Server) -> None:
    """As the files of a sensor that was switched off, and what is its owner's again."""
    for name in ("ours", "theirs"):
        server.template(f"etc/{name}", "ours\n")
    other = server.root / "other"
    server.run(f"{{links: {{{other}: ours}}}}")
    theirs = server.root / "etc/theirs"
    (server.role / f"templates{theirs}").unlink()
    forget = f"- name: Forget\n  give_back: {{own: true, forget: [{theirs}]}}\n"
    server.run("", then=forget)
    assert known(server) == {"etc/ours": "file", "other": "link"}
    server.give_back("{own: true}")
    assert known(server) == {"other": "link"}
    server.give_back("{}")
    assert known(server) == {}


def test_what_strays_from_the_record_is_told_also_where_there_is_none(tmp_path: Path) -> None:
    paths = [str(tmp_path / name) for name in ("a", "b", "none")]
    for path in paths[:2]:
        Path(path).write_text("answer=42\n")
    assert WRITTEN.strayed(str(tmp_path), paths) == paths[:2]
    WRITTEN.note(str(tmp_path), paths)
    assert WRITTEN.strayed(str(tmp_path), paths) == []
    Path(paths[0]).unlink()
    Path(paths[1]).chmod(0o600)
    Path(paths[2]).touch()
    assert WRITTEN.strayed(str(tmp_path), paths) == paths


@pytest.mark.parametrize("listed", ["misrecorded", "unapplied"])
def test_a_file_as_wanted_that_is_not_recorded_so_is_not_passed_over(listed: str) -> None:
    """Else nothing would ever record it: the countdown would be red for good, or never."""
    action = object.__new__(load("action/managed_files.py").ActionModule)
    action._task = SimpleNamespace(args={})
    payload: dict[str, Any] = {"files": {}, "directories": {}, "links": {"/etc/link": "a"}, "absent": []}
    state = {"paths": {"/etc/link": "link a"}, "folders": {}, "misrecorded": [], "unapplied": []}
    for others, is_current in (([], True), (["/etc/other"], True), (["/etc/link"], False)):
        facts = {"current_state": json.loads(json.dumps({**state, listed: others}))}
        assert action._is_current(payload, {"ansible_facts": facts, "preflight_key": "key"}) is is_current
