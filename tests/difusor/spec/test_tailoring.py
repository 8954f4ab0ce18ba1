"""The deviations as a SCAP tailoring file, and the report of failed rules that no deviation explains."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from command_kit import IMPORTED, difusor
from interpreter_kit import interpreter

from difusor.spec import deviations
from difusor.spec.tailoring import CONTENT, GUIDES, OWN, XCCDF, Guide, tailor

ROOT = Path(__file__).resolve().parents[3]
X = f"{{{XCCDF}}}"


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.content)
def test_each_profile_leaves_out_what_is_explained_and_says_why(guide: Guide) -> None:
    root = ElementTree.fromstring(tailor(guide, deviations.load(), datetime.now(UTC)))
    explained = deviations.by_id(deviations.load(), guide.auditor)
    assert root.tag == f"{X}Tailoring"
    assert [each.get("extends") for each in root.iter(f"{X}Profile")] == [
        f"{CONTENT}_profile_{name}" for name in guide.profiles
    ]
    for profile in root.iter(f"{X}Profile"):
        left_out = {each.get("idref"): each.findtext(f"{X}remark") for each in profile.iter(f"{X}select")}
        assert left_out == {f"{CONTENT}_rule_{name}": each.reason for name, each in explained.items()}
        assert {each.get("selected") for each in profile.iter(f"{X}select")} == {"false"}


def test_a_tailoring_cannot_be_written_over_a_file(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    done = difusor("tailoring", "--output", tmp_path / "x", cwd=ROOT / "scripts")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


class Server:
    """Results of the auditors' programs for a server that fails exactly the rules that the deviations explain."""

    def __init__(self, folder: Path) -> None:
        """Take the folder of the results."""
        self.folder = folder
        self.explained = {name: set(deviations.by_id(deviations.load(), name)) for name in deviations.AUDITORS}
        self.failed = {name: set(ids) for name, ids in self.explained.items()}
        self.judged: set[str] = set()

    def report(self) -> tuple[int, list[str]]:
        """Write the results as the auditors do; return the status of the report and what it prints."""
        for guide in GUIDES:
            failed = {name: "fail" for name in self.failed[guide.auditor]}
            for name in guide.profiles:
                self._xccdf(f"{CONTENT}_profile_{name}", {**failed, "some_rule": "pass"})
            left_out = {name: "notselected" for name in self.explained[guide.auditor] - self.judged}
            self._xccdf(f"{OWN}_profile_{guide.profiles[-1]}", left_out)
        (self.folder / "lynis.dat").write_text("hardening_index=84\n" + "".join(map(_suggestion, self.failed["lynis"])))
        checks = [{"id": name, "result": "WARN"} for name in self.failed["docker-bench"]]
        log = {"score": 60, "tests": [{"results": [*checks, {"id": "1.1.1", "result": "PASS"}]}]}
        (self.folder / "docker-bench.json").write_text(json.dumps(log))
        done = interpreter(*IMPORTED).run(ROOT / "bench/auditors/report.py", self.folder, "2 cores")
        assert done.stderr == ""
        return done.returncode, done.stdout.splitlines()

    def _xccdf(self, profile: str, results: dict[str, str]) -> None:
        root = ElementTree.Element(f"{X}TestResult")
        for name, result in results.items():
            rule = ElementTree.SubElement(root, f"{X}rule-result", idref=f"{CONTENT}_rule_{name}")
            ElementTree.SubElement(rule, f"{X}result").text = result
        ElementTree.ElementTree(root).write(self.folder / f"{profile}.xml")


def _suggestion(name: str) -> str:
    """Return a suggestion as lynis writes it; for a test with several fields, a second line names the field."""
    test, _, field = name.partition(":")
    details = f"details[]={test}|sshd|desc:of it;field:{field};prefval:2;value:3;|\n" if field else ""
    return f"suggestion[]={test}|Consider it|-|-|\n{details}"


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def test_a_server_that_fails_what_is_explained_is_accepted(server: Server) -> None:
    status, said = server.report()
    assert status == 0
    assert [line for line in said if line.startswith(("unexplained", "needed no more", "not left out"))] == []
    assert said[-1].startswith("auditors: cis_level1_server=1/")
    assert ' lynis=84 docker-bench=60 unexplained=0 needed_no_more=0 machine="2 cores"' in said[-1]


@pytest.mark.parametrize(
    ("auditor", "name"),
    [
        ("cis", "new_rule"),
        ("anssi", "new_rule"),
        ("lynis", "SSH-7408:Banner"),
        ("lynis", "NEW-1000"),
        ("docker-bench", "9.9"),
    ],
)
def test_a_rule_that_nobody_explained_is_named(server: Server, auditor: deviations.Auditor, name: str) -> None:
    server.failed[auditor].add(name)
    status, said = server.report()
    assert status == 1
    assert f"unexplained: {auditor}: {name}" in said
    assert " unexplained=1 " in said[-1]


@pytest.mark.parametrize("auditor", deviations.AUDITORS)
def test_a_deviation_that_no_rule_needs_is_named(server: Server, auditor: deviations.Auditor) -> None:
    explained = deviations.by_id(deviations.load(), auditor)
    name = next(name for name, each in explained.items() if each.lab)
    server.failed[auditor] = {each for each in explained if each != name}
    status, said = server.report()
    assert status == 0
    assert [line for line in said if line.startswith("needed no more")] == [f"needed no more: {auditor}: {name}"]


def test_a_deviation_that_shows_elsewhere_only_is_not_missed(server: Server) -> None:
    for auditor in deviations.AUDITORS:
        explained = deviations.by_id(deviations.load(), auditor)
        server.failed[auditor] -= {name for name, each in explained.items() if not each.lab}
    assert server.report()[1][-1].count("needed_no_more=0") == 1


def test_a_rule_that_the_tailoring_does_not_leave_out_is_named(server: Server) -> None:
    server.judged = {"sshd_limit_user_access"}
    status, said = server.report()
    assert status == 1
    assert "not left out: cis: sshd_limit_user_access" in said
