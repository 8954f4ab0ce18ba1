"""The compliance suite's pytest plugin: markers name clauses, each host is contacted once, findings go to a file.

Loaded, with its fixtures, by molecule/tests/conftest.py. Works with and without pytest-xdist: the controlling process
passes its data, secrets included, to the workers in memory.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Generator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from difusor import inventory, spec
from difusor.inventory import variables
from difusor.inventory.revision import revision
from difusor.project import UnusableError, commit, from_home, write
from difusor.report import results
from difusor.servers import identity
from difusor.spec.expected import VALUES
from difusor.suite import asked, wording
from difusor.suite.redaction import Redactor
from difusor.suite.repeats import is_repeated
from difusor.suite.tools import versions
from difusor.suite.undisturbed import Undisturbed
from difusor.terminal import plain_lines

FINDING = "difusor-finding"
UNDISTURBED = "difusor-undisturbed"
LAB = "lab"
"""The folder of the tests that alter the server, and the marker that all tests in that folder get."""
DETAIL_LIMIT = 2_000
EVIDENCE_LIMIT = 4_000
COMPLETE = {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED}


@dataclass
class Suite:
    """The data of one run: the inventory's values, the servers, and why another host cannot be used (empty: it can)."""

    inventory: variables.Variables = field(default_factory=variables.Variables)
    servers: dict[str, identity.MeasuredServer] = field(default_factory=dict)
    vantages: dict[str, str] = field(default_factory=dict)

    @cached_property
    def call_name(self) -> str:
        """The name of the call of the inventory's election; empty when no inventory was read."""
        return next((each["election_spec"] for each in self.inventory.hosts.values() if "election_spec" in each), "")

    @cached_property
    def call(self) -> spec.Spec | None:
        """The spec of that call; None when no inventory was read."""
        return spec.load(self.call_name) if self.call_name else None

    @cached_property
    def redact(self) -> Redactor:
        """The redactor of the inventory's secrets."""
        return Redactor(self.inventory.secrets)


SUITE = pytest.StashKey[Suite]()
EVIDENCE = pytest.StashKey[list[str]]()
METHOD = pytest.StashKey[str]()
LEFT_OUT = pytest.StashKey[asked.LeftOut]()
BEGAN = pytest.StashKey[float]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --clause, --lab, --begin and --results beside testinfra's --hosts and --ansible-inventory."""
    group = parser.getgroup("difusor")
    group.addoption("--clause", action="append", default=[], metavar="ID", help="only this clause's tests; repeatable")
    group.addoption("--lab", action="store_true", help="also the tests that alter the server; in a lab only")
    group.addoption(
        "--begin", default="", metavar="FILE", help="the file of lab/ to begin with; those before it follow"
    )
    group.addoption("--results", type=Path, metavar="FILE", help="write the findings to FILE (JSON)")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers; test the inventory's difusores unless other hosts are named."""
    config.addinivalue_line("markers", "clause(*ids): the clauses this test measures, of the calls that have them")
    config.addinivalue_line("markers", "criterion(*ids): what the project asks beyond these clauses, failing none")
    config.addinivalue_line(
        "markers", "lab: alters the server; what stands in the folder lab has it, and runs with --lab only"
    )
    config.addinivalue_line("markers", "vm: asks a kernel of its own; left out where the lab's server is a container")
    config.stash[SUITE] = Suite()
    if config.option.ansible_inventory and config.option.hosts is None:
        config.option.hosts = "ansible://difusores"
    config.stash[LEFT_OUT] = asked.LeftOut(config)
    if hasattr(config, "workerinput"):
        return
    config.pluginmanager.register(config.stash[LEFT_OUT], "difusor-left-out")
    if config.option.results:
        config.pluginmanager.register(Collector(config), "difusor-collector")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Read the inventory and contact every host once, before the first test and before any worker starts."""
    config = session.config
    source = config.option.ansible_inventory
    suite = config.stash[SUITE]
    if not source:
        if config.option.collectonly:
            return
        raise pytest.UsageError("¿qué difusor? --ansible-inventory=inventories/DIFUSOR")
    if hasattr(config, "workerinput"):
        config.stash[SUITE] = _received(config.workerinput["difusor"])
        identity.connect(config.stash[SUITE].inventory, source)
        return
    try:
        suite.inventory = variables.read(Path(source))
        runner = identity.connect(suite.inventory, source)
    except UnusableError as error:
        raise pytest.UsageError(str(error)) from error
    if faults := [fault for values in suite.inventory.hosts.values() for fault in _faults(values)]:
        raise pytest.UsageError("\n".join(dict.fromkeys(faults)))
    config.stash[LEFT_OUT].call = suite.call_name
    if config.option.lab and (real := [name for name, each in suite.inventory.hosts.items() if "lab" not in each]):
        raise pytest.UsageError(
            f"--lab altera servidores, y en {source} estos no son de un laboratorio: {', '.join(real)}"
        )
    if config.option.collectonly:
        return
    pattern = config.option.hosts.removeprefix("ansible://")
    for name in runner.get_hosts(pattern):
        suite.servers[name] = identity.server(name, runner.get_host(name), suite.inventory.hosts[name])
    if config.option.results and not config.option.lab:  # whose tests are runs themselves
        answering = [name for name, server in suite.servers.items() if not server.unreachable]
        config.pluginmanager.register(Undisturbed(runner, answering), UNDISTURBED)
    for name in [name for group in identity.VANTAGES for name in suite.inventory.groups.get(group, [])]:
        suite.vantages[name] = identity.blindness(name, runner.get_host(name))
    if not suite.servers:
        raise pytest.UsageError(f"{source} no tiene el servidor {pattern}")


def _faults(values: Mapping[str, Any]) -> list[str]:
    """Return what makes a dictamen impossible; site.yml refuses it too, but the inventory may have changed since."""
    needed = ("difusor_waivers", "election_id", "election_place", "election_spec")
    judged = {name: values[name] for name in needed if name in values}
    told = (*judged, "election_spec")
    return [fault for fault in inventory.problems(judged) if fault.startswith(told)] if judged else []


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """End the run when no server answers: there is nothing to evaluate."""
    servers = session.config.stash[SUITE].servers.values()
    if servers and all(server.unreachable for server in servers):
        pytest.exit("no evaluado: " + "; ".join(server.unreachable for server in servers), returncode=2)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Pass the controlling process's data to a pytest-xdist worker."""
    suite = node.config.stash[SUITE]
    servers = {name: server.model_dump(mode="json") for name, server in suite.servers.items()}
    node.workerinput["difusor"] = json.dumps(
        {"inventory": asdict(suite.inventory), "servers": servers, "vantages": suite.vantages}
    )


def _received(message: str) -> Suite:
    given = json.loads(message)
    servers = {name: identity.MeasuredServer.model_validate(server) for name, server in given["servers"].items()}
    return Suite(variables.Variables(**given["inventory"]), servers, given["vantages"])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse unknown clauses and tests without a sentence; leave out tests not to be run; put those that alter last.

    Tests that act from other hosts or alter the server all run in the same worker, one after the other.
    """
    suite, wanted = config.stash[SUITE], set(config.option.clause)
    if unknown := wanted - set(suite.call.ids if suite.call else VALUES):
        raise pytest.UsageError(f"no está en la convocatoria {suite.call_name}: {', '.join(sorted(unknown))}")
    known = {*VALUES, *(suite.call.ids if suite.call else ())}
    if problems := [f"{item.nodeid}: {name}" for item in items for name in _named(item) if name not in known]:
        raise pytest.UsageError(f"no está entre las cláusulas que se miden: {'; '.join(problems)}")
    if mute := [item.nodeid for item in items if _named(item) and not _sentence(item)]:
        raise pytest.UsageError(f"falta el docstring, que es lo que el dictamen muestra: {'; '.join(mute)}")
    for item in items:
        if item.path.parent.name == LAB:
            item.add_marker(LAB)
        if (group := _group(item)) and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(group))
    _note_what_is_not_asked(config, items)
    if left_out := {item for item in items if _left_out(item, wanted)}:
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]
    begin = config.option.begin
    items.sort(key=lambda item: (_alters(item), _alters(item) and item.path.name < begin))


def _note_what_is_not_asked(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Note the tests of clauses that the call lacks; a worker tells the controlling process."""
    left_out = config.stash[LEFT_OUT]
    for item in items:
        if _not_asked(item):
            left_out.add(_test_name(item), _marked(item, "clause"))
    if hasattr(config, "workeroutput"):
        config.workeroutput[asked.LEFT_OUT] = left_out.tests


def _not_asked(item: pytest.Item) -> bool:
    """Tell whether a test is only about clauses that the call lacks, and about nothing that the project asks."""
    clauses = _marked(item, "clause")
    return bool(clauses) and not _measured(item) and not _marked(item, "criterion")


def _measured(item: pytest.Item) -> tuple[str, ...]:
    """Return the clauses of the call that a test measures."""
    return asked.of_the_call(_marked(item, "clause"), item.config.stash[SUITE].call)


def _group(item: pytest.Item) -> str | None:
    """Return the group of tests that must not run at the same time as this one; None when any may.

    What a test does from another host (a ban, a push) must not disturb others. From the trusted host only the lab's
    tests change anything.
    """
    vantages = {"trusted", "untrusted"} & set(getattr(item, "fixturenames", ()))
    if vantages == {"trusted"} and not item.config.option.lab:
        return "trusted"
    return "outside" if vantages or _alters(item) else None


def _alters(item: pytest.Item) -> bool:
    return item.get_closest_marker(LAB) is not None


def _left_out(item: pytest.Item, wanted: set[str]) -> bool:
    """Tell whether a test is not run: excluded by --clause, altering without --lab, or needing a kernel of its own."""
    unasked = _alters(item) and not item.config.option.lab
    hosts = item.config.stash[SUITE].inventory.hosts.values()
    contained = item.get_closest_marker("vm") is not None and any(each.get("lab_server") == "host" for each in hosts)
    return _not_asked(item) or unasked or contained or bool(wanted and not wanted & set(_named(item)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip the tests of a server that does not answer; begin the time and the evidence of each, repeated ones too."""
    item.stash[EVIDENCE], item.stash[BEGAN] = [], datetime.now(UTC).timestamp()
    server = item.config.stash[SUITE].servers.get(host_name(item))
    if server and server.unreachable:
        pytest.skip(f"no evaluado: {server.unreachable}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach a finding to the report of the phase that decides a test's result, with secrets removed from both."""
    report = yield
    suite = item.config.stash[SUITE]
    text = report.longreprtext
    if (clean := suite.redact(text)) != text:
        report.longrepr = clean
    report.sections = [(name, suite.redact(section)) for name, section in report.sections]
    if report.when != "call" and report.passed:
        return report
    if call.excinfo and isinstance(call.excinfo.value, asked.LacksClause) and not _measured(item):
        report.user_properties.append(asked.left_out(_test_name(item), [call.excinfo.value.clause]))
        return report
    server = suite.servers.get(host_name(item))
    detail, raised = ("", "") if report.passed else wording.why(call)
    finding = results.Finding(
        clauses=_measured(item),
        beyond=() if _measured(item) else asked.of_the_call(_marked(item, "criterion"), suite.call),
        host=host_name(item),
        test=_test_name(item),
        outcome="unreachable" if server and server.unreachable else _outcome(report, call, host_name(item)),
        method="atestado" if item.stash.get(METHOD, "") else "medido",
        sentence=_sentence(item),
        evidence=tuple(plain_lines(suite.redact(text)[:EVIDENCE_LIMIT]) for text in item.stash.get(EVIDENCE, [])),
        detail=plain_lines(suite.redact(detail)[:DETAIL_LIMIT]),
        raised=plain_lines(suite.redact(raised)[:DETAIL_LIMIT]),
        seconds=round(call.stop - item.stash[BEGAN], 3),  # with what was prepared, which may be most of it
        ended=datetime.fromtimestamp(round(call.stop, 3), UTC),
    )
    report.user_properties.append((FINDING, finding.model_dump_json()))
    return report


class Collector:
    """Collects the findings in the controlling process and writes the results file, if the run was not cut short."""

    def __init__(self, config: pytest.Config) -> None:
        """Note when the run starts."""
        self.config = config
        self.started = datetime.now(UTC)
        self.findings: list[results.Finding] = []
        self.repeated: dict[str, str] = {}
        self.lost: list[str] = []
        self.measured_with: dict[str, Any] = {}

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self) -> None:
        """Note with which inventory, project and call is measured, before any of them can be changed."""
        if source := self.config.option.ansible_inventory:
            names = [each.get("election_spec") for each in self.config.stash[SUITE].inventory.hosts.values()]
            calls = {name: spec.digest(name) for name in names if name}
            self.measured_with = {"revision": revision(Path(source)), "commit": commit(), "calls": calls}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the finding attached to a report; when a worker died during a test, the report has none.

        Of a repeated test only the last finding counts; it keeps the message of the first failure.
        """
        texts = [str(value) for name, value in report.user_properties if name == FINDING]
        carried = list(map(results.Finding.model_validate_json, texts))
        if is_repeated(report):
            for finding in carried:
                self.repeated.setdefault(report.nodeid, finding.detail or finding.sentence)
        else:
            first = self.repeated.get(report.nodeid, "")
            self.findings += [finding.model_copy(update={"repeated": first}) for finding in carried]
        if report.failed and not carried:
            self._lose(report)
        report.user_properties = [each for each in report.user_properties if each[0] != FINDING]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a test file that cannot be imported, because pytest-xdist goes on without its tests."""
        if report.failed:
            self._lose(report)

    def _lose(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        self.lost.append(f"{report.nodeid}: {report.longreprtext.strip().splitlines()[-1]}")

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Write the results file, unless the run was cut short: no clause is judged by a part of its tests."""
        suite = self.config.stash[SUITE]
        silent = all(server.unreachable for server in suite.servers.values())
        if not suite.servers or (not silent and (self.lost or exitstatus not in COMPLETE)):
            for each in dict.fromkeys(self.lost):
                print(suite.redact(f"\nno terminó {each}"), file=sys.stderr)
            return
        undisturbed = self.config.pluginmanager.get_plugin(UNDISTURBED)
        if undisturbed and undisturbed.is_overtaken():
            return
        found = results.Results(
            started=self.started,
            finished=datetime.now(UTC),
            inventory=str(from_home(Path(self.config.option.ansible_inventory))),
            **self.measured_with,
            tools=versions(),
            servers=suite.servers,
            findings=tuple(sorted(self.findings, key=lambda each: (each.host, each.test))),
            left_out=self.config.stash[LEFT_OUT].tests,
        )
        write(self.config.option.results, found.model_dump_json(indent=2) + "\n")


def host_name(item: pytest.Item) -> str:
    """Return the inventory name of the host an item tests; empty when it tests none."""
    host = item.callspec.params.get("_testinfra_host") if hasattr(item, "callspec") else None
    return getattr(host.backend, "host", "") if host else ""


def _marked(item: pytest.Item, marker: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for each in item.iter_markers(marker) for name in each.args))


def _named(item: pytest.Item) -> tuple[str, ...]:
    """Return the clauses that a test measures, and those beyond which it asks something."""
    return _marked(item, "clause") + _marked(item, "criterion")


def _sentence(item: pytest.Item) -> str:
    text = inspect.getdoc(getattr(item, "function", None)) or ""
    return " ".join(text.split("\n\n")[0].split())


def _test_name(item: pytest.Item) -> str:
    """Return the test's folder, file and name, with its parameters but without the host."""
    name = item.name.partition("[")[0]
    if hasattr(item, "callspec"):
        parameters = item.callspec.id.replace(f"ansible://{host_name(item)}", "").strip("-")
        name += f"[{parameters}]" if parameters else ""
    return f"{item.path.relative_to(item.config.rootpath).as_posix()}::{name}"


def _outcome(report: pytest.TestReport, call: pytest.CallInfo[None], host: str) -> results.Outcome:
    """Return the outcome: `failed` only for a failed assertion; any other exception means that nothing was measured."""
    if report.passed or report.skipped:
        return report.outcome
    error = call.excinfo.value if call.excinfo else None
    if identity.lost(error, host):  # a vantage point that is lost says nothing of the host, which may well answer
        return "unreachable"
    return "failed" if report.when == "call" and wording.measured(error, wording.place_of(call)) else "error"
