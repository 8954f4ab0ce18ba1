"""An acceptance keeps each step as it ends, goes on where it stopped, and gives the server back whatever failed."""

from __future__ import annotations

import errno
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from difusor.acceptance import begin, run, visitor
from difusor.acceptance.case import Case, LostError
from difusor.acceptance.journal import Journal, Outcome, Start, Verdict, alone, latest, shelf
from difusor.acceptance.steps import STEPS, Step
from difusor.process.surroundings import BARE
from difusor.project import HOME, UnusableError
from difusor.terminal import StepFailed

START = Start(
    inventory="inventories/diario", server="difusor", key="/llave", authority="", keep=False, commit="abc",
    inventory_sha256="1" * 64, project_sha256="2" * 64, host_key="SHA256:x", machine="m",
)  # fmt: skip


class Answering(Case):
    """A server that answers, unless `silent` says why not."""

    silent = ""

    def known(self) -> Any:
        return SimpleNamespace(unreachable=self.silent)


@pytest.fixture
def inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(HOME, str(tmp_path))
    return tmp_path / "inventories/diario"


@pytest.fixture
def case(inventory: Path) -> Answering:
    return Answering(inventory, "difusor", inventory / "llave")


@pytest.fixture
def journal(inventory: Path) -> Journal:
    found = Journal(shelf(inventory) / "20270606T200000Z")
    found.begin(START.model_copy(update={"inventory": str(inventory)}))
    return found


def table(done: list[str], **ends: Exception | Outcome) -> tuple[Step, ...]:
    """Return the true table, whose steps only note that they ran and end as is said."""

    def doing(name: str) -> Callable[..., Outcome]:
        def step(_: Case, folder: Path, *places: Path) -> Outcome:
            done.append(name)
            (folder / "visto.txt").write_text(f"{name} {[place.name for place in places]}")
            end = ends.get(name, Outcome(Verdict.PASSED, "bien", {"de": name}))
            if isinstance(end, BaseException):
                raise end
            return end

        return step

    return tuple(Step(**{**vars(step), "run": doing(step.name)}) for step in STEPS)


def verdicts(result: run.Result) -> dict[str, Verdict]:
    return {record.step: record.verdict for record in result.records}


def test_all_steps_in_their_order(case: Answering, journal: Journal) -> None:
    done: list[str] = []
    result = run.go(case, journal, keep=False, steps=table(done))
    assert done == [step.name for step in STEPS]
    assert result.accepted and result.first_failure is None
    assert case.facts["visitor"] == {"de": "visitor"}
    summary = json.loads((journal.folder / "resumen.json").read_text())
    assert [step["step"] for step in summary["pasos"]] == done
    assert not journal.ended, "without its archive it can still be resumed"
    journal.close("0" * 64)
    assert journal.ended


def test_the_table_names_only_earlier_steps() -> None:
    known: set[str] = set()
    for step in STEPS:
        assert {*step.needs, *step.reads, *filter(None, [step.after])} <= known, step.name
        known.add(step.name)
    assert len(known) == len(STEPS)


def test_what_fails_stops_what_depends_on_it_and_the_server_is_given_back(case: Answering, journal: Journal) -> None:
    done: list[str] = []
    result = run.go(case, journal, keep=False, steps=table(done, apply=StepFailed("falló a los 9 s.")))
    assert done == ["before", "preflight", "visitor", "rehearse", "apply", "remove", "dismiss", "bare", "compare"]
    found = verdicts(result)
    assert {found[name] for name in ("repeat", "corte", "report", "again", "visit", "upgrade")} == {Verdict.SKIPPED}
    assert result.first_failure is not None
    assert (result.first_failure.step, result.first_failure.sentence) == ("apply", "falló a los 9 s")
    assert not result.accepted


def test_nothing_is_given_back_that_was_not_touched(case: Answering, journal: Journal) -> None:
    done: list[str] = []
    result = run.go(case, journal, keep=False, steps=table(done, preflight=StepFailed("sin espacio")))
    assert done == ["before", "preflight"]
    assert verdicts(result)["remove"] is Verdict.SKIPPED


def test_what_was_not_verified_is_never_passed(case: Answering, journal: Journal) -> None:
    done: list[str] = []
    unverified = Outcome(Verdict.UNVERIFIED, "no se puede en un contenedor")
    result = run.go(case, journal, keep=False, steps=table(done, restart=unverified))
    assert "again" not in done and verdicts(result)["again"] is Verdict.UNVERIFIED
    assert not result.accepted and result.first_failure is None


def test_kept_servers_are_not_given_back(case: Answering, journal: Journal) -> None:
    done: list[str] = []
    run.go(case, journal, keep=True, steps=table(done))
    assert done[-2:] == ["upgrade", "dismiss"], "the ordinary account and its job of cron do not stay"


@pytest.mark.parametrize("end", [LostError("se perdió la conexión"), KeyboardInterrupt(), StepFailed("unreachable")])
def test_a_lost_connection_is_no_verdict_and_the_step_is_done_again(
    case: Answering, journal: Journal, end: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(Answering, "silent", "diario no responde en el puerto 22")
    with pytest.raises(run.BrokenOffError, match=r"«Dictamen» quedó a medias: .*--resume"):
        run.go(case, journal, keep=False, steps=table(done, report=end))  # type: ignore[arg-type]
    assert not journal.ended and not journal.folder.with_name(f"{journal.folder.name}.tar.gz").exists()
    monkeypatch.setattr(Answering, "silent", "")
    before, again = len(done), Answering(case.inventory, case.server, case.key)
    result = run.go(again, journal, keep=False, steps=table(done))
    assert done[before:] == [step.name for step in STEPS][before - 1 :]
    assert len(result.records) == len(STEPS)
    assert again.facts["visitor"] == {"de": "visitor"}, "a step finds what earlier ones found before the interruption"


def test_a_mistake_of_the_programs_own_is_kept_and_the_server_is_given_back(case: Answering, journal: Journal) -> None:
    done: list[str] = []
    result = run.go(case, journal, keep=False, steps=table(done, report=KeyError("counts")))
    (failed,) = (record for record in result.records if record.verdict is Verdict.FAILED)
    assert (failed.step, failed.sentence) == ("report", f"error del programa (KeyError), que está en {run.MISTAKE}")
    assert "Traceback" in (journal.folder / "08-report" / run.MISTAKE).read_text()
    assert {"remove", "dismiss", "compare"} <= {*done}


def test_a_full_disk_here_is_no_verdict_on_the_server(case: Answering, journal: Journal) -> None:
    done: list[str] = []
    steps = table(done, report=OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(
        run.BrokenOffError, match=r"no pudo guardar lo visto \(.*\)\. Haga lugar, y siga con .*--resume"
    ):
        begin._finish(case, journal, False, steps)
    assert done[-1] == "report" and not (journal.folder / "08-report/resultado.json").exists()


def test_ctrl_c_while_the_archive_is_packed_leaves_something_to_resume(
    case: Answering, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(begin, "pack", interrupted)
    with pytest.raises(run.BrokenOffError, match=r"usted interrumpió .*accept -i diario --resume"):
        begin._finish(case, journal, False, table([]))
    assert (found := latest(case.inventory)) is not None and not found.ended


def test_a_line_that_broke_for_a_moment_is_no_verdict(case: Answering, tmp_path: Path) -> None:
    recap = "PLAY RECAP ***\ndifusor    : ok=31   changed=4    unreachable=%s    failed=%s\n"
    for unreachable, failed, kind in ((1, 0, LostError), (0, 1, StepFailed)):
        said = recap % (unreachable, failed)
        with pytest.raises(kind):
            case.program("Instalación", tmp_path / "log", sys.executable, "-c", f"print({said!r}); raise SystemExit(4)")


def test_a_result_is_written_whole_or_not_at_all(case: Answering, journal: Journal) -> None:
    (journal.folder / "01-before").mkdir()
    (journal.folder / "01-before/resultado.json").write_text('{"step": "bef')
    with pytest.raises(UnusableError, match=r"01-before/resultado\.json no se puede leer"):
        run.go(case, journal, keep=False, steps=table([]))


def test_what_is_advised_is_for_the_server_of_the_acceptance_and_no_other_of_that_name(inventory: Path) -> None:
    """The inventory was outside the home, and its name that of another difusor, whose server was to be removed."""
    journal = Journal(shelf(inventory) / "20270606T200000Z")
    journal.begin(START.model_copy(update={"inventory": "/otra parte/diario"}))
    assert "remove -i '/otra parte/diario' --early" in journal.giving_up
    assert journal.going_on == "./difusor accept -i '/otra parte/diario' --resume"
    (journal.folder / "inicio.json").write_text("{")
    with pytest.raises(UnusableError, match=r"remove -i X --early"):
        journal.start()


def test_the_latest_is_that_which_began_last(inventory: Path) -> None:
    for name in ("20270606T200000Z", "20270607T010000Z"):
        Journal(shelf(inventory) / name).begin(START)
    (shelf(inventory) / "20270608T010000Z").mkdir()  # it was never begun
    assert (found := latest(inventory)) is not None and found.folder.name == "20270607T010000Z"
    assert found.folder.stat().st_mode & 0o777 == 0o700


def test_one_that_has_not_ended_is_the_latest_whatever_the_clock_said(inventory: Path) -> None:
    ahead, corrected = (Journal(shelf(inventory) / name) for name in ("20310606T200000Z", "20270607T010000Z"))
    for each in (ahead, corrected):
        each.begin(START)
    ahead.close("0" * 64)
    assert (found := latest(inventory)) is not None and found.folder == corrected.folder


def test_a_new_login_takes_the_way_of_the_inventory_but_no_connection_that_is_open(case: Answering) -> None:
    case.__dict__["values"] = {
        "ansible_user": "operador", "ansible_ssh_common_args": "-o ProxyJump=bastion -o ControlPath=/abierta -S /otra",
        "ansible_ssh_extra_args": "-o 'UserKnownHostsFile=/home/ana/Mis documentos/known_hosts'",
    }  # fmt: skip
    said = subprocess.run([*case.login("ssh"), "-G", "189.240.1.7"], capture_output=True, text=True, check=True).stdout
    assert "proxyjump bastion" in said and "controlpath" not in said
    assert "user operador" in said and "userknownhostsfile /home/ana/Mis" in said
    assert set(BARE) <= set(case.login("ssh"))
    assert "Port=22" not in case.login("ssh"), "ssh's own configuration may name another port"
    own = case.login("sftp", user="prep-visita", key=Path("llave"))
    assert "User=prep-visita" in own and "IdentitiesOnly=yes" in own


def test_a_new_login_has_the_password_of_the_inventory(
    case: Answering, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a key opens, or another account enters, ssh asks for none."""
    (tmp_path / "ssh").write_text("#!/bin/sh\n\"$SSH_ASKPASS\" 'password: '; printf ' %s' \"$@\"\n")
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    case.__dict__["values"] = {"ansible_user": "operador", "ansible_password": "clave"}
    done = case.enters()
    assert done is not None and done.stdout.startswith(b"clave\n") and b"BatchMode" not in done.stdout
    assert "BatchMode=yes" in case.login("sftp", user="prep-visita", key=Path("llave"))
    case.__dict__["values"] = {"ansible_user": "operador"}
    assert "BatchMode=yes" in case.login("ssh")


def test_a_server_that_admits_no_other_account_before_the_installation_is_no_failure(
    case: Answering, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> int:
        raise StepFailed("prep-visita no pudo subir un archivo por SFTP: «Permission denied (publickey).»")

    monkeypatch.setattr(visitor, "_upload", refused)
    monkeypatch.setattr(Answering, "play", lambda *_: None)
    assert visitor.arrive(case, tmp_path).verdict is Verdict.UNVERIFIED


def test_a_path_with_spaces_is_one_word_for_sftp() -> None:
    path = Path('/home/ana/Mis "documentos"/a\\b/subida.txt')
    assert shlex.split(f"put {visitor.quoted(path)} subida.txt") == ["put", str(path), "subida.txt"]


def test_two_acceptances_do_not_run_at_once(inventory: Path) -> None:
    with (
        alone(inventory),
        pytest.raises(UnusableError, match="otra aceptación de diario está en curso"),
        alone(inventory),
    ):
        pass


def test_a_playbook_that_survives_its_parent_keeps_others_out(inventory: Path) -> None:
    """As when the window of the terminal is closed and ansible-playbook still runs."""
    with alone(inventory) as lock:
        code = "import sys; print('vivo', flush=True); sys.stdin.read()"
        child = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[lock]
        )
        assert child.stdout is not None and child.stdin is not None
        child.stdout.readline()
    with pytest.raises(UnusableError, match="aún corre el paso que dejó"), alone(inventory):
        pass
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    with alone(inventory):
        pass


def test_a_verb_inherits_the_lock(inventory: Path, tmp_path: Path) -> None:
    with alone(inventory) as lock:
        case = Case(inventory, "diario", tmp_path / "llave", lock=lock)
        case.program("Un paso", tmp_path / "log", sys.executable, "-c", f"import os; os.fstat({lock})")
        with pytest.raises(StepFailed):
            case.program("Otro paso", tmp_path / "log", sys.executable, "-c", "import os; os.fstat(250)")
