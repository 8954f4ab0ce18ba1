"""The suite's plugin, run on small suites against the local machine as the tested host."""

import hashlib
import json
import os
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import templates_kit
from call_kit import NAME as CALL

from difusor import project, spec
from difusor.inventory import variables
from difusor.inventory.revision import revision
from difusor.report.results import load
from difusor.report.verdict import Verdict, assess_all
from difusor.servers import identity, working
from difusor.suite import fixtures, plugin

pytest_plugins = ["pytester"]

BARE = ("-p", "no:hypothesispytest")  # as molecule/tests/pytest.ini has it
SECRET = "canario-de-prueba-77"
INVENTORY = f"""
difusores:
  hosts:
    uno: {{ansible_connection: local}}
    mudo: {{ansible_host: 127.0.0.1, ansible_port: 1, ansible_user: nadie}}
  vars:
    vault_clave: {SECRET}
    puerto: "{{{{ 800 + 73 }}}}"
    clave: "{{{{ vault_clave }}}}"
    rota: "{{{{ no_existe }}}}"
    difusor_name: Uno
    election_spec: {CALL}
    difusor_waivers:
      - {{clause: HW-01, reason: Virtual, by: Pleno, agreement: CEE, date: "2030-05-01", expires: "2030-06-30"}}
"""
SUITE = '''
import pytest

@pytest.mark.clause("SW-01", "SW-02")
def test_passes(host, variables, expect, record_evidence):
    """Se midió
    el puerto.

    Detalle que no va en el dictamen.
    """
    record_evidence(f"puerto {variables['puerto']}, clave {variables['clave']}")
    assert "rota" not in variables
    assert expect("HW-02") == {"cores": 8, "ghz": 2.0}

@pytest.mark.clause("HW-01")
@pytest.mark.parametrize("port", [22, 873])
def test_fails(host, variables, port):
    """Falla."""
    assert port == 22, f"la clave {variables['clave']} falló"

@pytest.mark.clause("HW-02")
def test_breaks(host):
    """No pudo medir."""
    {}["x"]

@pytest.mark.clause("HW-03")
def test_command(host):
    """No pudo medir con una orden."""
    host.check_output("echo memoria rota >&2; exit 3")

@pytest.mark.criterion("SW-03")
def test_beyond(host, record_evidence):
    """Ninguna llave débil."""
    record_evidence({"icc": False, "puertos": [80, 443]})
    assert [1] == [2]

@pytest.mark.clause("RED-04")
def test_from_outside(host, trusted):
    """Desde fuera."""

@pytest.mark.clause("HW-05")
def test_document(attested):
    """Atesta."""
    attested("HW-05")
'''

HALF = '''
import os, pytest

@pytest.mark.clause("SW-01")
def test_first(host):
    """Pasa."""

@pytest.mark.clause("SW-01")
def test_last(host):
    """No termina."""
    {end}
'''


@pytest.fixture(scope="module", autouse=True)
def _imported(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Import the plugin and Ansible once, because pytester would otherwise import them anew in each run."""
    assert plugin and fixtures
    templates_kit.keep()
    inventory = tmp_path_factory.mktemp("inventario") / "hosts.yml"
    inventory.write_text(INVENTORY)
    variables.read(inventory)


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest('pytest_plugins = ["difusor.suite.plugin", "difusor.suite.fixtures"]')
    (pytester.path / "hosts.yml").write_text(INVENTORY)
    pytester.makepyfile(test_suite=SUITE)
    return pytester


def _run(suite: pytest.Pytester, *options: str) -> pytest.RunResult:
    asked = ("--ansible-inventory=hosts.yml", "--results=r.json", *options)
    return suite.runpytest_inprocess(*BARE, *asked, no_reraise_ctrlc=True)


def _findings(suite: pytest.Pytester) -> dict[tuple[str, str], dict[str, Any]]:
    text = (suite.path / "r.json").read_text()
    return {(each["host"], each["test"].partition("::")[2]): each for each in json.loads(text)["findings"]}


@pytest.mark.parametrize("workers", ["0", "2"])
def test_findings(suite: pytest.Pytester, workers: str) -> None:
    before = datetime.now(UTC)
    done = _run(suite, "-n", workers, "-vv", "--showlocals", "--dist=loadgroup")
    found = _findings(suite)
    said = json.loads((suite.path / "r.json").read_text())
    assert said["revision"] == revision(suite.path / "hosts.yml") != ""
    assert said["calls"] == {CALL: hashlib.sha256((project.ROOT / f"spec/{CALL}.yml").read_bytes()).hexdigest()}
    outcomes = {test: each["outcome"] for (host, test), each in found.items() if host == "uno"}
    assert outcomes == {
        "test_passes": "passed",
        "test_fails[22]": "passed",
        "test_fails[873]": "failed",
        "test_breaks": "error",
        "test_command": "error",
        "test_beyond": "failed",
        "test_from_outside": "skipped",
        "test_document": "failed",
    }
    assert {each["outcome"] for (host, _), each in found.items() if host == "mudo"} == {"unreachable"}
    ended = [datetime.fromisoformat(each["ended"]) for each in found.values()]
    assert before < min(ended) and max(ended) < datetime.now(UTC)
    assert found["uno", "test_passes"]["clauses"] == ["SW-01", "SW-02"]
    assert found["uno", "test_passes"]["sentence"] == "Se midió el puerto."
    assert found["uno", "test_passes"]["evidence"] == ["puerto 873, clave «secreto»"]
    assert found["uno", "test_fails[873]"]["detail"] == "la clave «secreto» falló"
    assert (
        found["uno", "test_breaks"]["detail"]
        == "no se pudo medir: la prueba se interrumpió (test_suite.py, renglón 23)"
    )
    assert found["uno", "test_breaks"]["raised"] == "KeyError: 'x'"
    command = found["uno", "test_command"]["detail"]
    assert command == "no se pudo medir: la orden «echo memoria rota >&2; exit 3» terminó con 3: memoria rota"
    beyond = found["uno", "test_beyond"]
    assert (beyond["clauses"], beyond["beyond"]) == ([], ["SW-03"])
    assert (beyond["detail"], beyond["evidence"]) == ("", ["icc: no, puertos: 80, 443"])
    assert found["uno", "test_document"]["method"] == "atestado"
    assert "trusted_vantage" in found["uno", "test_from_outside"]["detail"]
    servers = json.loads((suite.path / "r.json").read_text())["servers"]
    assert servers["uno"]["unreachable"] == "" and servers["uno"]["identity"]["kernel"]
    assert servers["mudo"]["unreachable"].startswith("mudo no responde: ")
    assert workers == "0" or "test_from_outside[ansible://uno]@trusted" in done.stdout.str(), "tests are not grouped"
    assert SECRET not in done.stdout.str() + done.stderr.str() + (suite.path / "r.json").read_text()


def test_what_a_test_has_prepared_counts_as_its_time(suite: pytest.Pytester) -> None:
    """Of a minute and a half in which a server was altered the list of the slowest tests said 0.0 s."""
    suite.makepyfile(
        test_slow="""
        import pytest, time

        @pytest.fixture
        def altered():
            time.sleep(0.2)  # pace: what is prepared

        def test_quick(host, altered):
            pass
        """
    )
    _run(suite, "test_slow.py", "--hosts=ansible://uno").assert_outcomes(passed=1)
    assert _findings(suite)["uno", "test_quick"]["seconds"] >= 0.2


def test_one_clause(suite: pytest.Pytester) -> None:
    _run(suite, "--clause=HW-01", "--hosts=ansible://uno").assert_outcomes(passed=1, failed=1, deselected=6)


def test_what_alters_a_server_runs_in_the_lab_only(suite: pytest.Pytester) -> None:
    """Tests in the folder lab/ need `--lab` but no marker; they run last, after all tests that only measure."""
    suite.makepyfile(
        **{"lab/test_push": "def test_push(host):\n    pass\n", "test_suite": "def test_look(host):\n    pass\n"}
    )
    _run(suite, "--hosts=ansible://uno").assert_outcomes(passed=1, deselected=1)
    _run(suite, "lab", "--hosts=ansible://uno").assert_outcomes(deselected=1)
    refusal = ["*--lab altera servidores, y en hosts.yml estos no son de un laboratorio: *uno*"]
    _run(suite, "--lab").stderr.fnmatch_lines(refusal)
    (suite.path / "hosts.yml").write_text(INVENTORY.replace("nadie}", "nadie, lab: prueba}"))
    _run(suite, "--lab", "--hosts=ansible://mudo").stderr.fnmatch_lines(refusal)  # all hosts must be a lab's
    (suite.path / "hosts.yml").write_text(f"{INVENTORY}    lab: prueba\n")
    done = _run(suite, "--hosts=ansible://uno", "--lab", "-v")
    done.assert_outcomes(passed=2)
    done.stdout.fnmatch_lines(["test_suite.py::test_look*", "lab/test_push.py::test_push*"])
    assert ("uno", "test_push") in _findings(suite)


def test_the_lab_may_begin_with_any_of_its_files(suite: pytest.Pytester) -> None:
    """What only measures comes first nevertheless, whatever its name is."""
    names = ("lab/test_a", "lab/test_b", "lab/test_c", "test_suite")
    suite.makepyfile(**{name: f"def test_{name[-1]}(host):\n    pass\n" for name in names})
    (suite.path / "hosts.yml").write_text(f"{INVENTORY}    lab: prueba\n")
    done = _run(suite, "--hosts=ansible://uno", "--lab", "--begin=test_b.py", "-v")
    done.stdout.fnmatch_lines([f"{name}.py::*" for name in ("test_suite", "lab/test_b", "lab/test_c", "lab/test_a")])


@pytest.mark.parametrize(
    ("lacking", "said"), [("", ""), ("curl\n", "a ajeno le falta curl"), ("python3\ncurl\n", "le falta python3 y curl")]
)
def test_a_vantage_point_needs_its_tools(lacking: str, said: str) -> None:
    """Without curl or Python every connection attempt fails, so any firewall would seem closed."""
    answers = {identity.IDENTITY: "uid=0\n", identity.LACKING: lacking}
    host = SimpleNamespace(run=lambda command: SimpleNamespace(stdout=answers[command], stderr=""))
    assert said in identity.blindness("ajeno", host) if said else identity.blindness("ajeno", host) == ""


@pytest.mark.parametrize(("name", "outcome"), [("diario", "unreachable"), ("ajeno", "error")])
def test_a_vantage_point_that_is_lost_is_not_the_server(tmp_path: Path, name: str, outcome: str) -> None:
    """The clauses that need it remain without a measure; the server's whole dictamen was NO EVALUADO."""
    nowhere = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_user": "nadie"}
    inventory = variables.Variables({"diario": {**nowhere}, "ajeno": {**nowhere}}, {"all": ["diario", "ajeno"]})
    lost = identity.connect(inventory, str(tmp_path / "hosts.yml")).get_host(name)
    call = pytest.CallInfo.from_call(lambda: lost.run("true"), "call")  # type: ignore[union-attr]
    report = SimpleNamespace(passed=False, skipped=False, when="call")
    assert plugin._outcome(report, call, "diario") == outcome  # type: ignore[arg-type]
    assert identity.lost(call.excinfo.value if call.excinfo else None)


def test_what_asks_a_kernel_asks_no_container(suite: pytest.Pytester) -> None:
    suite.makepyfile(test_suite="import pytest\n\n@pytest.mark.vm\ndef test_kernel(host):\n    pass\n")
    for kind, outcome in {"host": "deselected", "vm": "passed"}.items():
        (suite.path / "hosts.yml").write_text(f"{INVENTORY}    lab_server: {kind}\n")
        _run(suite, "--hosts=ansible://uno").assert_outcomes(**{outcome: 1})


RAN = """
from pathlib import Path

def test_other_run(host):
    Path({latest!r}).write_text({word!r})
    Path({unapplied!r}).write_text({left!r})
"""


@pytest.mark.parametrize(
    ("word", "left", "lab", "measured"),
    [
        ("a\n", "", False, True),
        ("b\n", "", False, False),
        ("a\n", "a /etc/chrony/chrony.conf\n", False, False),
        ("a\n", "z /etc/chrony/chrony.conf\n", False, True),  # of one that failed, long ago
        ("", "", False, True),  # a restart
        ("b\n", "", True, True),  # the lab's tests are runs
    ],
)
def test_no_results_come_of_a_server_that_another_run_changes(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, word: str, left: str, lab: bool, measured: bool
) -> None:
    """A report at a fixed hour, and somebody's apply: what was half changed was the dictamen in force."""
    latest, unapplied = suite.path / "run", suite.path / "record/unapplied"
    unapplied.parent.mkdir()
    latest.write_text("a\n")
    monkeypatch.setattr(working, "LATEST", str(latest))
    monkeypatch.setattr(working, "RECORD", str(unapplied.parent))
    (suite.path / "hosts.yml").write_text(f"{INVENTORY}    lab: prueba\n" if lab else INVENTORY)
    given = {"latest": str(latest), "unapplied": str(unapplied), "word": word, "left": left}
    suite.makepyfile(test_suite=RAN.format(**given))
    done = _run(suite, "--hosts=ansible://uno", *(["--lab"] if lab else []))
    assert (suite.path / "r.json").exists() is measured
    assert ("ERROR: mientras tanto otra ejecución trabajó en uno" in done.stderr.str()) is not measured


@pytest.mark.parametrize(
    ("left", "minutes", "refused"),
    [("a /etc/x\n", 1, True), ("a /etc/x\n", 60, False), ("z /etc/x\n", 1, False), ("", 1, False)],
)
def test_nothing_is_measured_while_another_run_is_under_way(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, left: str, minutes: int, refused: bool
) -> None:
    """One that failed, long ago, is no reason: its server is measured as it is."""
    latest, unapplied = suite.path / "run", suite.path / "record/unapplied"
    unapplied.parent.mkdir()
    latest.write_text("a\n")
    unapplied.write_text(left)
    at = datetime.now(UTC).timestamp() - 60 * minutes
    os.utime(unapplied, (at, at))
    monkeypatch.setattr(working, "LATEST", str(latest))
    monkeypatch.setattr(working, "RECORD", str(unapplied.parent))
    said = _run(suite, "--hosts=ansible://uno").stderr.str()
    assert ("ERROR: otra ejecución (apply, trusted, signers…) trabaja en uno, o no llegó a su fin" in said) is refused
    assert (suite.path / "r.json").exists() is not refused


def test_a_change_that_waits_for_its_proof_is_a_run_under_way(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    (suite.path / "rollback.tar").touch()
    monkeypatch.setattr(working, "RECORD", str(suite.path))
    assert "trabaja en uno" in _run(suite, "--hosts=ansible://uno").stderr.str()


def test_a_silent_difusor_ends_the_run(suite: pytest.Pytester) -> None:
    done = _run(suite, "--hosts=ansible://mudo")
    assert done.ret == 2
    done.stdout.fnmatch_lines(["*no evaluado: mudo no responde:*"])
    assert json.loads((suite.path / "r.json").read_text())["findings"] == []


@pytest.mark.parametrize(
    ("end", "options"), [("os._exit(3)", ("-n", "1")), ("raise KeyboardInterrupt", ()), ("raise SystemError", ())]
)
def test_half_a_run_is_no_result(suite: pytest.Pytester, end: str, options: tuple[str, ...]) -> None:
    """A run that broke off writes no results: a clause whose second test never ended would seem to comply."""
    suite.makepyfile(test_suite=HALF.format(end=end))
    _run(suite, "--hosts=ansible://uno", *options)
    assert (suite.path / "r.json").exists() == ("SystemError" in end)


def test_a_file_that_cannot_be_read_is_named(suite: pytest.Pytester) -> None:
    suite.makepyfile(test_broken="import no_existe")
    done = _run(suite, "--hosts=ansible://uno", "-n", "1", "--no-summary")
    done.stderr.fnmatch_lines(["no terminó test_broken.py: *ModuleNotFoundError: No module named 'no_existe'"])
    assert not (suite.path / "r.json").exists()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            '@pytest.mark.clause("XX-99")\ndef test_x():\n    """Mide."""',
            "*no está entre las cláusulas que se miden: *XX-99*",
        ),
        ('@pytest.mark.clause("HW-01")\ndef test_x():\n    pass', "*falta el docstring*"),
    ],
)
def test_a_suite_that_would_mislead_is_refused(suite: pytest.Pytester, source: str, message: str) -> None:
    suite.makepyfile(test_suite=f"import pytest\n{source}\n")
    done = suite.runpytest_inprocess(*BARE, "--collect-only")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines([message])


def test_a_waiver_that_says_nothing_is_refused_before_measuring(suite: pytest.Pytester) -> None:
    waiver = '{clause: HW-01, reason: Prisa, by: Pleno, agreement: CEE, date: "2024-05-01", expires: 31/12/2024}'
    before = INVENTORY.partition("      - {clause")[0]
    (suite.path / "hosts.yml").write_text(f"{before}      - {waiver}\n")
    done = _run(suite)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*difusor_waivers[[]0[]].expires: «31/12/2024» no es una fecha*"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "*¿qué difusor?*"),
        (("--ansible-inventory=nada",), "*no existe el inventario nada*"),
        (("--ansible-inventory=hosts.yml", "--clause=HW-99"), f"*no está en la convocatoria {CALL}: HW-99*"),
        (("--ansible-inventory=hosts.yml", "--hosts=ansible://otro"), "*hosts.yml no tiene el servidor otro*"),
    ],
)
def test_usage(suite: pytest.Pytester, options: tuple[str, ...], message: str) -> None:
    done = suite.runpytest_inprocess(*BARE, *options)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines([message])


OTHER = '''
import pytest

@pytest.mark.clause("PAR-01")
@pytest.mark.parametrize("case", [1, 2])
def test_lacking(host, case):
    """Mide lo que esta convocatoria no pide."""

@pytest.mark.clause("PAR-01", "HW-02")
def test_partly(host, expect):
    """Mide también lo que pide."""
    assert expect("HW-02")["cores"] == 4

@pytest.mark.clause("RED-02", "HW-03")
def test_of_an_absent_value(host, expect):
    """Lee un valor que la convocatoria no fija, y mide lo que pide."""
    expect("RED-02")["addresses"]

@pytest.mark.criterion("HW-03")
def test_beyond_an_absent_value(host, expect):
    """Lee un valor que la convocatoria no fija, para lo que el proyecto pide de más."""
    expect("RED-02")["addresses"]

@pytest.mark.clause("PAR-01")
@pytest.mark.criterion("RED-02", "SW-01")
def test_asked_all_the_same(host, criteria):
    """Se mide como criterio del proyecto."""
    assert criteria["certificate_days"] == 21

@pytest.mark.clause("RED-08")
@pytest.mark.criterion("DG-02")
def test_asked_by_this_call(host, call, expect):
    """Se mide como cláusula."""
    assert "RED-08" in call.ids and expect("RED-08")["tls_floor"] == "TLSv1.3"
'''


@pytest.mark.parametrize("workers", ["0", "2"])
def test_what_the_call_does_not_ask_is_left_out_by_name(suite: pytest.Pytester, workers: str) -> None:
    """Neither a skipped test nor a passed one: it is in no finding, and the run ends with its name and clause.

    Of a clause that the call has, a test is never silent: what is left of the clause would seem to be all of it.
    """
    waivers = INVENTORY.partition("    difusor_waivers:")[0]
    (suite.path / "hosts.yml").write_text(waivers.replace(CALL, "ribera-2027"))
    suite.makepyfile(test_suite=OTHER)
    done = _run(suite, "--hosts=ansible://uno", "-n", workers, "-q", "--no-summary")
    found = {test: (each["clauses"], each["beyond"], each["outcome"]) for (_, test), each in _findings(suite).items()}
    assert found == {
        "test_partly": (["HW-02"], [], "passed"),
        "test_of_an_absent_value": (["HW-03"], [], "skipped"),
        "test_asked_all_the_same": ([], ["SW-01"], "passed"),
        "test_asked_by_this_call": (["RED-08"], [], "passed"),
    }
    done.stdout.fnmatch_lines(
        [
            "No se hacen, porque la convocatoria ribera-2027 no tiene su cláusula:",
            "  PAR-01: test_suite.py::test_lacking",
            "  RED-02: test_suite.py::test_beyond_an_absent_value",
        ]
    )
    left_out = json.loads((suite.path / "r.json").read_text())["left_out"]
    silent = {"test_suite.py::test_lacking": ["PAR-01"], "test_suite.py::test_beyond_an_absent_value": ["RED-02"]}
    assert left_out == silent


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("election_spec: ribera", "*election_spec: no hay convocatoria «ribera» (spec/ribera.yml)*"),
        ("election_id: x", "*election_spec: falta*"),
        ("election_spec: ribera-2027\n    difusor_waivers: [{W}]", "*HW-05 no es una cláusula de la convocatoria*"),
    ],
)
def test_a_call_that_cannot_be_used_is_refused_before_measuring(
    suite: pytest.Pytester, wrong: str, message: str
) -> None:
    waiver = '{clause: HW-05, reason: x, by: Pleno, agreement: CEE, date: "2030-05-01", expires: "2030-06-30"}'
    before = INVENTORY.partition("    difusor_waivers:")[0]
    (suite.path / "hosts.yml").write_text(before.replace(f"election_spec: {CALL}", wrong.replace("{W}", waiver)))
    done = _run(suite)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines([message])


OWN = """
document: Convocatoria
institute: Instituto
annex: ANEXO 1
criteria: {certificate_days: 14, tls_floor: TLSv1.2}
clauses:
  - {id: HW-05, title: Luz, section: '1', quote: q, method: atestado, role: preflight, fix: Envíe.}
  - {id: DG-15, title: Planta, section: '2', quote: q, method: atestado, fix: Envíe.}
  - {id: DG-16, title: Seguro, section: '3', quote: q, method: atestado, fix: Envíe.}
  - {id: DG-17, title: Guardia, section: '4', quote: q, method: manual, fix: Nombre.}
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_clause_that_only_this_call_has_is_judged_by_its_document(
    suite: pytest.Pytester, workers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each by its own; where a call has none there is no such test, not even a skipped one."""
    other = '\n@pytest.mark.clause("HW-01")\ndef test_other(host):\n    """Se mide."""\n'
    test = 'def test_own(host, own_clause, attested):\n    """Un documento lo acredita."""\n    attested(own_clause)\n'
    suite.makepyfile(test_suite="import pytest\n\n" + test + other)
    _run(suite, "--hosts=ansible://uno", "-n", workers)
    assert _findings(suite).keys() == {("uno", "test_other")}

    (suite.path / "spec").mkdir()
    (suite.path / "spec/valle.yml").write_text(OWN)
    monkeypatch.setenv(project.HOME, str(suite.path))
    (paper := suite.path / "contrato.pdf").write_bytes(b"%PDF-")
    digest = hashlib.sha256(b"%PDF-").hexdigest()
    filed = f"{{clause: DG-15, document: {paper}, sha256: {digest}, signed_by: Luz, received: '2024-05-01'}}"
    waivers = INVENTORY.partition("    difusor_waivers:")[0].replace(CALL, "valle")
    (suite.path / "hosts.yml").write_text(f"{waivers}    difusor_attestations: [{filed}]\n")
    _run(suite, "--hosts=ansible://uno", "-n", workers)
    found = load(suite.path / "r.json").findings
    told = {each.detail for each in found if each.outcome == "failed"}
    assert any("--as constancia --clause DG-16 --folio FOLIO" in each for each in told), told
    judged = assess_all(spec.load("valle").clauses, found, (), date(2024, 6, 2))
    assert {each.clause.id: each.verdict for each in judged} == {
        "HW-05": Verdict.UNTESTED, "DG-15": Verdict.ATTESTED, "DG-16": Verdict.FAILS, "DG-17": Verdict.MANUAL
    }  # fmt: skip


ROADS = '''
import pytest

@pytest.mark.clause("DG-02")
def test_of_citizens(host, road):
    """Un ciudadano la recibe."""
    assert road["difusor_fqdn"] != "www.example", "el sitio la altera"

@pytest.mark.clause("DG-02")
def test_of_the_server(host, variables):
    """El servidor la tiene."""
    assert variables["difusor_fqdn"] == "prep.example"
'''


@pytest.mark.parametrize("workers", ["0", "2"])
def test_what_citizens_get_is_measured_through_a_site_in_front_too(suite: pytest.Pytester, workers: str) -> None:
    """A site that added an advertisement to every page complied, because only the server behind it was asked."""
    suite.makepyfile(test_suite=ROADS)
    bare = INVENTORY.replace("difusor_name: Uno", "difusor_name: Uno\n    difusor_fqdn: prep.example")
    (suite.path / "hosts.yml").write_text(bare)
    _run(suite, "-n", workers)
    assert {key for key in _findings(suite) if key[0] == "uno"} == {
        ("uno", "test_of_citizens"), ("uno", "test_of_the_server")
    }  # fmt: skip
    front = "difusor_front: {name: www.example, program: nginx, addresses: [192.0.2.20]}"
    (suite.path / "hosts.yml").write_text(bare.replace("uno: {ansible", f"uno: {{{front}, ansible"))
    _run(suite, "-n", workers)
    found = _findings(suite)
    assert {key: each["outcome"] for key, each in found.items() if key[0] == "uno"} == {
        ("uno", "test_of_citizens[servidor]"): "passed",
        ("uno", "test_of_citizens[sitio]"): "failed",
        ("uno", "test_of_the_server"): "passed",
    }
    assert "por el sitio www.example" in found["uno", "test_of_citizens[sitio]"]["evidence"][0]
    assert ("mudo", "test_of_citizens[servidor]") in found and ("mudo", "test_of_citizens[sitio]") not in found
    (suite.path / "hosts.yml").write_text(
        bare.replace("uno: {ansible", f"uno: {{{front}, difusor_origin_lock: true, ansible")
    )
    _run(suite, "-n", workers)
    assert {key for key in _findings(suite) if key[0] == "uno"} == {
        ("uno", "test_of_citizens[sitio]"), ("uno", "test_of_the_server")
    }, "no citizen reaches a server that admits the site alone"  # fmt: skip


@pytest.mark.parametrize(
    ("lock", "roads"), [("", ["servidor", "sitio"]), (", difusor_origin_lock: true", ["sitio"])], ids=["open", "locked"]
)
def test_what_citizens_get_is_measured_where_the_name_leads_to_a_cdn(
    suite: pytest.Pytester, lock: str, roads: list[str]
) -> None:
    """A CDN or a balancer that altered every page complied: what it gave to citizens was not asked for."""
    test = '''
import pytest

@pytest.mark.clause("DG-02")
def test_of_citizens(host, road):
    """Un ciudadano la recibe."""
    assert road["difusor_public_address"], "por el nombre"
'''
    suite.makepyfile(test_suite=test)
    own = "difusor_fqdn: prep.example, difusor_public_address: 192.0.2.7, difusor_cdn_ranges: [198.51.100.0/24]"
    (suite.path / "hosts.yml").write_text(INVENTORY.replace("uno: {ansible", f"uno: {{{own}{lock}, ansible"))
    _run(suite)
    found = _findings(suite)
    assert {test: each["outcome"] for (name, test), each in found.items() if name == "uno"} == {
        f"test_of_citizens[{road}]": "failed" if road == "sitio" else "passed" for road in roads
    }
    assert "por prep.example, cuya CDN o balanceador" in found["uno", "test_of_citizens[sitio]"]["evidence"][0]
    assert ("mudo", "test_of_citizens[sitio]") not in found


SHARED = '''
import pytest

@pytest.mark.clause("DG-02")
def test_of_citizens(host, road):
    """Un ciudadano la recibe."""

@pytest.mark.clause("RED-03")
def test_of_ports(host, untrusted):
    """Responden los puertos web."""

@pytest.mark.clause("SW-01")
def test_of_the_server(host, variables):
    """El servidor la tiene."""
'''


@pytest.mark.parametrize(("other", "outcome"), [("2001:DB8:0::7", "skipped"), ("2001:db8::8", "passed")])
def test_what_an_address_of_two_servers_answers_is_neither_s(suite: pytest.Pytester, other: str, outcome: str) -> None:
    """A server without WAF complied by the answers of the other, because both had the balancer's address."""
    suite.makepyfile(test_suite=SHARED)
    outside = "\nuntrusted_vantage:\n  hosts:\n    externo: {ansible_connection: local}\n"
    two = INVENTORY.replace("{ansible_connection: local}", "{ansible_connection: local, difusor_public_address: X}")
    two = two.replace("ansible_user: nadie}", f"ansible_user: nadie, difusor_public_address: '{other}'}}")
    (suite.path / "hosts.yml").write_text(two.replace(": X", ": '2001:db8::7'") + outside)
    _run(suite, "--hosts=ansible://uno")
    found = _findings(suite)
    assert {test: each["outcome"] for (_, test), each in found.items()} == {
        "test_of_citizens": outcome, "test_of_ports": outcome, "test_of_the_server": "passed",
    }  # fmt: skip
    said = "uno, mudo tienen la misma difusor_public_address" in found["uno", "test_of_ports"]["detail"]
    assert said is (outcome == "skipped")
