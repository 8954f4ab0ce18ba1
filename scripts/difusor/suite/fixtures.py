"""The fixtures of the compliance suite's tests: what they ask, from where, by which road, and where evidence goes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host
from testinfra.utils.ansible_runner import AnsibleRunner

from difusor.inventory import InventoryError, attestations, is_shared
from difusor.spec import Spec
from difusor.spec.expected import VALUES
from difusor.suite.asked import LacksClause
from difusor.suite.plugin import EVIDENCE, METHOD, SUITE, host_name
from difusor.suite.wording import enumerated, plainly

Record = Callable[[object], None]


@pytest.fixture
def record_evidence(request: pytest.FixtureRequest) -> Record:
    """Return a function that adds a measured value (a text, or anything that can be enumerated) to the evidence."""
    evidence: list[str] = request.node.stash.setdefault(EVIDENCE, [])

    def record(value: object) -> None:
        evidence.append(plainly(value if isinstance(value, str) else enumerated(value)).strip())

    return record


@pytest.fixture
def call(pytestconfig: pytest.Config) -> Spec:
    """Return the spec of the election's call."""
    found = pytestconfig.stash[SUITE].call
    assert found, "el inventario no dice de qué convocatoria es (election_spec)"
    return found


@pytest.fixture
def expect(call: Spec) -> Callable[[str], dict[str, Any]]:
    """Return a function from a clause id to the values that the call requires; without the clause there is no test."""

    def values(clause: str) -> dict[str, Any]:
        if clause not in call.ids:
            raise LacksClause(clause)
        return call[clause].expect

    return values


@pytest.fixture
def criteria(call: Spec) -> dict[str, Any]:
    """Return the values that the project requires beyond the call."""
    return call.criteria.model_dump()


@pytest.fixture(scope="module")
def variables(pytestconfig: pytest.Config, _testinfra_host: Host) -> dict[str, Any]:
    """Return the rendered variables of the tested host: its inventory and playbooks/group_vars."""
    return pytestconfig.stash[SUITE].inventory.hosts[_testinfra_host.backend.host]


ROAD = "road"
SERVER, SITE = "servidor", "sitio"
"""A test of what citizens get (it uses ROAD) asks the server; with a site, a CDN or a balancer in front it is made for
that road as well, and for that one alone where the firewall admits nobody but what is in front."""


@pytest.fixture
def road(request: pytest.FixtureRequest, variables: dict[str, Any], record_evidence: Record) -> dict[str, Any]:
    """Return the variables with the page's name and address on one of the roads on which citizens get it."""
    if getattr(request, "param", SERVER) == SERVER:
        return variables
    front = variables.get("difusor_front")
    told = f"el sitio {front['name']}, que" if front else f"{variables['difusor_fqdn']}, cuya CDN o balanceador"
    record_evidence(f"por {told} pasa la página a los ciudadanos")
    return through(variables)


def through(variables: dict[str, Any]) -> dict[str, Any]:
    """Return a server's variables with the name and the address of the site in front of it.

    Where a CDN or a balancer is in front the name is the server's, and the address empty: citizens ask by the name.
    """
    front = variables.get("difusor_front") or {"name": variables["difusor_fqdn"], "addresses": [""]}
    way = {"difusor_fqdn": front["name"], "difusor_public_address": front["addresses"][0], "difusor_origin_lock": False}
    return {**variables, **way}


@pytest.fixture
def url(road: dict[str, Any]) -> str:
    """Return the address of the page for citizens, ending in a slash."""
    return f"https://{road['difusor_fqdn']}{road['difusor_path']}"


FROM_OUTSIDE = {"trusted", "untrusted", ROAD}
"""Fixtures of tests that ask for a server by its public address, or by the page's name there."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test that asks by an address that several servers have: what another one answers is not this one's."""
    if not FROM_OUTSIDE & set(getattr(item, "fixturenames", ())):
        return
    read, name = item.config.stash[SUITE].inventory, host_name(item)
    others = [each for each in read.groups.get("difusores", []) if each != name]
    if sharing := [each for each in others if name and is_shared(read.hosts[name], read.hosts[each])]:
        pytest.skip(
            f"{enumerated([name, *sharing])} tienen la misma difusor_public_address y no se sabe cuál contesta; "
            "escriba en hosts.yml la de cada servidor"
        )


OWN = "own_clause"
"""A test with this argument is made for each clause that the call has on paper alone and that no test is about."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make the test of OWN one for each such clause, which it then measures, and a test of ROAD one for each road."""
    fronted = any(map(_is_behind, metafunc.config.stash[SUITE].inventory.hosts.values()))
    if ROAD in metafunc.fixturenames and fronted:
        metafunc.parametrize(ROAD, [SERVER, SITE], indirect=True)
    if OWN in metafunc.fixturenames:
        found = metafunc.config.stash[SUITE].call
        ids = [each.id for each in found.clauses if each.on_paper and each.id not in VALUES] if found else []
        metafunc.parametrize(OWN, [pytest.param(each, marks=pytest.mark.clause(each)) for each in ids])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Drop the test of OWN where the call has no such clause, and that of a road that no citizen takes to a server.

    pytest would skip the one, and what is skipped is told.
    """
    items[:] = [
        each
        for each in items
        if (OWN not in getattr(each, "fixturenames", ()) or each.get_closest_marker("clause"))
        and not _is_no_road(each, config)
    ]


def _is_no_road(item: pytest.Item, config: pytest.Config) -> bool:
    """Tell whether a test is of what is in front of a server that has nothing there, or past that to a locked server.

    Another server of the inventory has something there.
    """
    road = item.callspec.params.get(ROAD) if hasattr(item, "callspec") else None
    if road is None:
        return False
    server = config.stash[SUITE].inventory.hosts[host_name(item)]
    return not _is_behind(server) if road == SITE else _is_behind(server) and bool(server.get("difusor_origin_lock"))


def _is_behind(variables: Mapping[str, Any]) -> bool:
    """Tell whether citizens get the page through an outlet's own site, a CDN or a balancer."""
    return bool(variables.get("difusor_front") or variables.get("difusor_cdn_ranges"))


@pytest.fixture
def attested(
    request: pytest.FixtureRequest, variables: dict[str, Any], record_evidence: Record
) -> Callable[[str], None]:
    """Return a function that asserts that a clause's documents exist unaltered, for clauses no program can measure."""

    def check(clause: str) -> None:
        request.node.stash[METHOD] = "atestado"
        try:
            documents = attestations(variables, clause)
        except InventoryError as error:
            pytest.fail(str(error), pytrace=False)
        kind = "carta" if clause == "DG-09" else f"constancia --clause {clause}"
        how = f"./difusor file ARCHIVO -i DIFUSOR --as {kind} --folio FOLIO"
        others = any(each.get("clause") == clause for each in variables.get("difusor_attestations", []))
        told = " de esta elección (el que hay es de otra)" if others else ""
        assert documents, f"no hay documento{told} que acredite {clause}; archívelo: {how}"
        for each in documents:
            path = Path(each.document)
            assert path.is_file(), f"no se encuentra {path}"
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            record_evidence(f"{path.name}, {each.told}, SHA-256 {digest}")
            assert digest == each.sha256, f"{path.name} no es el documento que se registró: cambió su SHA-256"

    return check


@pytest.fixture(scope="session")
def trusted(pytestconfig: pytest.Config) -> Host:
    """Return a host with a trusted address (the institute's); the test is skipped when there is none."""
    return _vantage(pytestconfig, "trusted_vantage", "un punto de observación confiable")


@pytest.fixture(scope="session")
def untrusted(pytestconfig: pytest.Config) -> Host:
    """Return a host with any other address (a citizen's); the test is skipped when there is none."""
    return _vantage(pytestconfig, "untrusted_vantage", "un punto de observación externo")


def _vantage(config: pytest.Config, group: str, what: str) -> Host:
    suite = config.stash[SUITE]
    for name in suite.inventory.groups.get(group, []):
        if blind := suite.vantages[name]:
            pytest.skip(blind)
        return AnsibleRunner.get_runner(config.option.ansible_inventory).get_host(name)
    pytest.skip(f"el inventario no tiene {what} (grupo {group})")
