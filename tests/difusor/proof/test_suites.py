"""What `difusor test` prints of its suites: each failure with its cause, and a last line that counts every test."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from call_kit import NAME, results

from difusor.proof import closing, failures, found, runs, suites
from difusor.proof.phases import Phases
from difusor.proof.runs import Run
from difusor.proof.suites import ONCE, YIELDING, Suite, named, releases
from difusor.terminal import StepFailed

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT / "tests/data"
DIED = StepFailed("Prueba bullseye: falló")
HELD = "= 11 failed, 200 passed in 9.0s ="
BROKEN = "= 3 failed, 9 passed, 2 skipped, 2 errors in 9.0s ="
MOMENT = datetime(2026, 11, 26, 5, 59, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def paths_below_build(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "ROOT", build)


@pytest.mark.parametrize(
    ("log", "failure", "excused", "last"),
    [
        ("698 passed in 60.0s", None, 0, "698 passed, 0 failed"),
        (HELD, None, 11, "200 passed, 0 failed"),
        ("696 passed, 2 skipped in 60.0s", None, 0, "696 passed, 0 failed, 2 skipped"),
        (BROKEN, DIED, 0, "9 passed, 5 failed, 2 skipped"),
        ("fatal: no space left", DIED, 0, "0 passed, 1 failed"),
        (None, DIED, 0, "0 passed, 1 failed"),
    ],
)
def test_totals(
    build: Path,
    capsys: pytest.CaptureFixture[str],
    log: str | None,
    failure: StepFailed | None,
    excused: int,
    last: str,
) -> None:
    if log is not None:
        (build / "log/test-unit.log").write_text(log)
    closing.say([Run(Suite("unit"), failure=failure)])
    said = capsys.readouterr()
    assert said.out == f"{last}\n"
    assert said.err == f"{excused} pruebas con exención vigente, mostradas en los dictámenes del laboratorio\n"


def test_repeated_tests_are_counted_before_the_closing_line(build: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Repeats are found in pytest's own output and in the form in which Ansible prints it; once for each suite."""
    unit = (
        "..\nREPETIDA tests/test_x.py::test_a[b c]: AssertionError: 2 > 1\n..\n3 passed in 1.0s\nE  REPETIDA none: no\n"
    )
    host = "    - 'REPETIDA test_ufw.py::test_b: no responde'\n    - REPETIDA test_ufw.py::test_b: again\n"
    (build / "log/test-unit.log").write_text(unit)
    (build / "log/test-trixie.log").write_text(host)
    closing.say([Run(Suite("unit")), Run(Suite("trixie"))])
    said = capsys.readouterr()
    assert said.out == "3 passed, 0 failed\n"
    assert said.err.splitlines()[0] == (
        "2 pruebas repetidas (dependen de la velocidad de la máquina): "
        "tests/test_x.py::test_a[b c] (unit), test_ufw.py::test_b (trixie)"
    )
    (build / "log/test-unit.log").write_text("")
    closing.say([Run(Suite("unit")), Run(Suite("trixie"))])
    assert capsys.readouterr().err.startswith("1 prueba repetida (depende de la velocidad de la máquina): test_ufw")


def test_what_a_call_does_not_ask_for_is_told_by_release(build: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each release shows an election of its own, whose call may lack clauses: no test of theirs is lost in silence."""
    for suite, left in (("bookworm", {}), ("trixie", {"b.py::test_b": ("HW-05",)})):
        Suite(suite).results.parent.mkdir(parents=True)
        Suite(suite).results.write_text(results().model_copy(update={"left_out": left}).model_dump_json())
    closing.say([Run(Suite("unit")), Run(Suite("bookworm")), Run(Suite("trixie"))])
    asked = f"{len(results().findings)} pruebas del servidor con la convocatoria {NAME}"
    assert capsys.readouterr().err.splitlines()[:2] == [
        f"bookworm: {asked}",
        f"trixie: {asked}; 1 no se hicieron, porque no tiene su cláusula: b.py::test_b (HW-05)",
    ]


def finding(test: str, outcome: str, detail: str = "", **more: Any) -> dict[str, Any]:
    said = {"host": "diario", "test": test, "outcome": outcome, "detail": detail}
    return said | {"sentence": "El puerto está cerrado."} | more


def write_dictamen(build: Path, suite: str) -> None:
    ended = {"ended": MOMENT.isoformat(), "seconds": 2.5}
    clauses = [
        {
            "verdict": "NO CUMPLE",
            "findings": [finding("a", "failed", "está abierto\n22/tcp", **ended), finding("b", "passed")],
        },
        {"verdict": "EXENTO", "findings": [finding("c", "failed", "no es Ubuntu")]},
    ]
    paper = {"clauses": clauses, "unbound": [finding("d", "failed")]}
    (build / f"dictamen/{suite}").mkdir(parents=True, exist_ok=True)
    (build / f"dictamen/{suite}/demo.json").write_text(json.dumps(paper))


def test_a_failed_suite_says_what_speaks_against_the_server(
    build: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def die(*_: object, **__: object) -> None:
        assert not Suite("trixie").dictamen.exists(), "the dictamen of the last run is still there"
        assert not Suite("trixie").journals.exists(), "the journals of the last run are still there"
        write_dictamen(build, "trixie")
        raise DIED

    monkeypatch.setattr(runs, "run_step", die)
    write_dictamen(build, "trixie")
    Suite("trixie").journals.mkdir()
    assert runs.run(Run(Suite("trixie"))).failure is DIED
    said = capsys.readouterr().err
    assert said.splitlines() == [f"✗ {DIED}", "a: está abierto", "d: no pasó"]


def test_the_last_screen_tells_what_was_wanted_what_was_seen_and_where_to_look(
    build: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_dictamen(build, "trixie")
    journals = Suite("trixie").journals
    journals.mkdir()
    lines = [f"{MOMENT - timedelta(seconds=back):%Y-%m-%dT%H:%M:%S.%f+0000} difusor x: {back}" for back in (300, 20, 1)]
    (journals / "journal-difusor.log").write_text("\n".join([*lines[:2], "    y más", lines[2], ""]))
    peer = f"{MOMENT - timedelta(seconds=10):%Y-%m-%dT%H:%M:%S.%f+0000} ciudadano y: 10\n"
    (journals / "journal-ciudadano.log").write_text(peer)
    failures.say([Run(Suite("trixie"), failure=DIED), Run(Suite("unit"))])
    assert capsys.readouterr().err.splitlines() == [
        f"✗ {DIED}",
        "  a en trixie, 05:59:30 UTC",
        "    esperaba: El puerto está cerrado.",
        "    encontró: está abierto",
        "              22/tcp",
        "    diario de esos momentos: log/trixie/minute-a.log (entero: journal-*.log, junto a él)",
        "  d en trixie",
        "    esperaba: El puerto está cerrado.",
        "    encontró: no pasó",
    ]
    minute = (journals / "minute-a.log").read_text()
    assert minute == f"{lines[1]}\n    y más\n{peer}{lines[2]}\n"


def test_a_run_leaves_its_log_and_what_its_phases_took(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command is a real shell script that prints the same lines as Molecule."""
    said = "echo 'INFO     [default > create] Executing'; sleep 0.3"  # pace: what a phase takes
    said += "; echo 'INFO     [default > verify] Executing'"
    monkeypatch.setattr(Suite, "command", property(lambda _: ["sh", "-c", f"{said}; echo $LAB $HOST_SUITE $NO_COLOR"]))
    assert runs.run(Run(Suite("trixie"))).failure is None
    assert Suite("trixie").log.read_text().splitlines()[-1] == "trixie trixie 1"
    record = suites.last_record(Suite("trixie"))
    assert record is not None and record.held
    assert [phase.name for phase in record.phases] == ["start", "create", "verify"]
    assert record.phases[1].seconds >= 0.3
    assert record.seconds >= 0.3


@pytest.mark.parametrize(
    ("suite", "program", "tests"),
    [
        (Suite("unit"), f"{' '.join(YIELDING)} pytest -q tests", None),
        (Suite("trixie"), "molecule test --scenario-name default", None),
        (Suite("trixie", ("a.py", "b.py")), "molecule test --scenario-name changed", "a.py b.py"),
        (Suite("vm"), "molecule test --scenario-name vm", None),
    ],
)
def test_what_a_suite_runs(suite: Suite, program: str, tests: str | None) -> None:
    assert " ".join(suite.command).startswith(program)
    assert suite.environment["LAB"] == suite.name
    assert suite.environment["MOLECULE_EPHEMERAL_DIRECTORY"].endswith(f"molecule/{suite.name}")
    assert suite.environment.get("TEST_FILES") == tests
    assert suite.environment.get("HOST_SUITE") == (suite.name if suite.name == "trixie" else None)
    assert suite.name == "unit" or Path(f"{ROOT}/molecule/{suite.command[-1]}/molecule.yml").exists()


@pytest.mark.parametrize("held", [True, False])
def test_unit_tests_keep_their_files_in_memory_and_leave_none(
    held: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def step(title: str, *command: str, **_: Any) -> None:
        (folder,) = (Path(word.partition("=")[2]) for word in command if word.startswith("--basetemp="))
        folder.mkdir()
        (folder / "left").write_text("")
        seen.append(folder)
        if not held:
            raise StepFailed("falló")

    for name in ("scratch", "build"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(suites, "MEMORY", tmp_path / "scratch")
    monkeypatch.setattr(suites, "MEMORY_NEEDED", 0)
    monkeypatch.setattr(suites, "BUILD", tmp_path / "build")
    monkeypatch.setattr(runs, "run_step", step)
    assert (runs.run(Run(Suite("unit"))).failure is None) == held
    assert seen and not list((tmp_path / "scratch").iterdir())


def test_without_room_in_memory_and_for_other_suites_files_are_on_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Suite("trixie").scratch is None
    monkeypatch.setattr(suites, "MEMORY_NEEDED", 1 << 60)
    assert Suite("unit").scratch is None
    monkeypatch.setattr(suites, "MEMORY", Path("/nowhere"))
    assert Suite("unit").scratch is None
    assert "--basetemp" not in " ".join(Suite("unit").command)


@pytest.mark.parametrize(
    ("log", "where", "said"),
    [
        (
            "idempotence",
            "idempotence en bookworm, 05:59:30 UTC: Change each time",
            ["CRITICAL Idempotence test failed because of the following tasks:", "*  => Change each time"],
        ),
        (
            "verify",
            "verify en bookworm, 05:59:30 UTC: Run these files of the compliance suite, also what alters the server",
            ["[ERROR]: Task failed: Module failed: The command exited with a non-zero return code."],
        ),
    ],
)
def test_a_suite_that_died_in_a_phase_says_which_task_and_what_it_said(
    build: Path, capsys: pytest.CaptureFixture[str], log: str, where: str, said: list[str]
) -> None:
    """Logs of real runs that left no results; what they print after the failure (destroy) is not named as its cause."""
    run = Run(Suite("bookworm"), Phases(lambda: MOMENT), DIED)
    run.suite.log.write_text((DATA / f"molecule-{log}.log").read_text())
    with run.suite.log.open() as lines:
        for line in lines:
            run.phases.hear(line)
    failures.say([run])
    screen = capsys.readouterr().err.splitlines()
    assert screen[1:3] == [f"  fase {where}", f"    {said[0]}"]
    assert screen[2:][: len(said)] == [f"    {line}" for line in said]
    assert not [line for line in screen if "destroy" in line]


def test_phases_take_from_one_line_to_the_next(build: Path) -> None:
    clock = iter(MOMENT + timedelta(seconds=10 * number) for number in range(1, 100))
    phases = Phases(lambda: next(clock))
    for line in (DATA / "molecule-idempotence.log").read_text().splitlines(keepends=True):
        phases.hear(line)
    record = phases.record(MOMENT, MOMENT + timedelta(seconds=70), held=False)
    # idempotence takes 20 s: the line that reports its failure reads the clock once more.
    assert [(phase.name, phase.seconds) for phase in record.phases] == [
        ("start", 10), ("converge", 10), ("idempotence", 20), ("cleanup", 10), ("destroy", 20),
    ]  # fmt: skip
    assert record.seconds == 70


def test_what_pytest_writes_of_tests_without_a_server(build: Path, pytester: pytest.Pytester) -> None:
    """Failures are read from the JUnit file that pytest writes, also that of a file that cannot be imported."""
    body = "import pytest\ndef test_a(): assert 1 == 2, 'uno no es dos'\ndef test_b(): pass\n"
    pytester.makepyfile(test_x=body, test_y="import no_existe")
    pytester.runpytest_subprocess(f"--junitxml={Suite('unit').junit}")
    assert {test.name: test.saw.splitlines()[0] for test in found.failed(Suite("unit"))} == {
        "test_y.py": "ModuleNotFoundError: No module named 'no_existe'"
    }
    pytester.runpytest_subprocess("test_x.py", f"--junitxml={Suite('unit').junit}")
    assert [(test.name, test.saw.splitlines()[0]) for test in found.failed(Suite("unit"))] == [
        ("test_x.py::test_a", "AssertionError: uno no es dos")
    ]
    assert [test.name for test in found.tests(Suite("unit"))] == ["test_x.py::test_a", "test_x.py::test_b"]


@pytest.mark.parametrize(
    "names", [["bullseye"], ["bullseye", "unit", "trixie"], ["unit", "bookworm", "bullseye", "trixie"]]
)
def test_what_depends_on_no_release_runs_on_one_of_those_chosen(names: list[str]) -> None:
    of_releases = [suite for suite in named(names) if suite.name != "unit"]
    runs = [name for suite in of_releases for name in ONCE if f"molecule/tests/{name}" not in suite.left_out]
    assert sorted(runs) == sorted(ONCE)
    shares = [len(ONCE) - len(suite.left_out) for suite in of_releases]
    assert max(shares) - min(shares) <= 1
    for suite in of_releases:
        options = suite.environment.get("PYTEST_ADDOPTS", "").split()
        left_out = [option for option in options if option.startswith("--ignore")]
        assert left_out == [f"--ignore={name}" for name in suite.left_out]


def test_two_servers_of_one_release_share_nothing(build: Path) -> None:
    first, second = (Suite("trixie", ("a.py",), server=number) for number in (1, 2))
    assert (first.lab, second.lab) == ("trixie", "trixie-2")
    assert first.environment["HOST_SUITE"] == second.environment["HOST_SUITE"] == "trixie"
    for part in ("log", "record", "dictamen", "journals"):
        assert getattr(first, part) != getattr(second, part)
    assert first.environment["LAB"] != second.environment["LAB"]


def test_a_release_begins_with_a_file_that_exists() -> None:
    """Of three releases no two begin with the same, or all of them would wait for a clock at the same time."""
    given = [suite.environment.get("PYTEST_ADDOPTS", "").split() for suite in named(releases())]
    begin = [option for options in given for option in options if option.startswith("--begin=")]
    assert len(set(begin)) == len(begin) == len(given) - 1
    folder = ROOT / "molecule/tests/lab"
    assert [option for option in begin if not (folder / option.removeprefix("--begin=")).is_file()] == []


def test_suites_without_a_release_leave_nothing_to_others() -> None:
    assert [suite.left_out for suite in named(["unit", "vm", "trixie"])[:2]] == [(), ()]
