"""One dictamen for all servers of a difusor: the worst of them decides each clause, and nobody's evidence is lost."""

from __future__ import annotations

from typing import Any

import pytest
from call_kit import FIRST
from call_kit import results as measured

from difusor.report import dictamen
from difusor.report.results import Results, ResultsError
from difusor.report.several import together
from difusor.spec import deviations


def of_two(results: Results, **outcomes: str) -> list[dict[str, Any]]:
    """Return the dictamens of web1 and of web2, which is the same but for the outcomes of these clauses' tests."""
    second = results.servers["web1"].model_copy(update={"identity": {"hostname": "dos", "machine_id": "d" * 32}})
    others = []
    for each in results.findings:
        new = next((outcomes[id] for id in each.clauses if id in outcomes), each.outcome)
        detail = each.detail if new == each.outcome else f"hallado {new}"
        if each.host:
            others.append(each.model_copy(update={"host": "web2", "outcome": new, "detail": detail}))
    found = results.model_copy(
        update={
            "servers": {"web1": results.servers["web1"], "web2": second},
            "findings": (*results.findings, *others),
        }
    )
    return [dictamen.compose(found, host, FIRST, deviations.load()) for host in found.servers]


def clause(document: dict[str, Any], id: str) -> dict[str, Any]:
    (found,) = (each for each in document["clauses"] if each["id"] == id)
    return found


def test_the_worst_server_decides_and_each_is_named() -> None:
    """SW-02 holds on the first and not on the second; RED-06 is wrong on both, for the same cause."""
    document = together(of_two(measured(), **{"SW-02": "failed"}))
    assert (clause(document, "SW-02")["verdict"], document["verdict"]) == ("NO CUMPLE", "NO CUMPLE")
    assert clause(document, "SW-02")["verdicts"] == {"web1": "CUMPLE", "web2": "NO CUMPLE"}
    assert clause(document, "SW-02")["causes"] == ["en web2: hallado failed"]
    assert clause(document, "RED-06")["causes"] == [
        "no hay documento que acredite RED-06; agréguelo a difusor_attestations"
    ]
    assert [server["host"] for server in document["servers"]] == ["web1", "web2"]
    assert sum(document["counts"].values()) == len(FIRST.ids)
    text = dictamen.render(document, "x.json", "0" * 64)
    assert "dos" in text and "d" * 32 in text
    assert '<b class="host">web2</b>' in text and "web2: test_" in text


def test_no_server_speaks_for_another() -> None:
    """What a server says of itself is no part of how the dictamen names it."""
    results = measured()
    liar = results.servers["web1"].model_copy(update={"identity": {"hostname": "uno", "host": "web2", "verdict": "x"}})
    found = results.model_copy(update={"servers": {"web1": liar}})
    document = dictamen.compose(found, "web1", FIRST, deviations.load())
    assert document["server"]["host"] == document["servers"][0]["host"] == "web1"
    assert document["servers"][0]["verdict"] == document["verdict"]


def test_every_finding_of_every_server_is_there() -> None:
    results = measured()
    one, two = of_two(results, **{"HW-02": "passed"})
    document = together([one, two])
    for id in FIRST.ids:
        found = {(each["host"], each["test"]) for each in clause(document, id)["findings"]}
        assert found == {(each["host"], each["test"]) for part in (one, two) for each in clause(part, id)["findings"]}
        assert clause(document, id)["total"] == len(found)
    assert clause(document, "HW-02")["verdict"] == "EXPIRADA"


def test_one_that_was_not_reached_makes_the_whole_not_evaluated() -> None:
    """Where the others comply: what nobody measured on one server does not comply for the difusor."""
    results = measured()
    fine = tuple(each.model_copy(update={"outcome": "passed"}) for each in results.findings)
    servers = {"web1": results.servers["web1"]}
    servers["web2"] = servers["web1"].model_copy(update={"unreachable": "web2 no responde", "identity": {}})
    found = results.model_copy(update={"servers": servers, "findings": fine})
    document = together([dictamen.compose(found, host, FIRST, deviations.load()) for host in servers])
    assert clause(document, "SW-01")["verdict"] == "NO EVALUADO"
    assert (document["verdict"], document["unreachable"]) == ("NO EVALUADO", "web2 no responde")
    assert [server["verdict"] == "NO EVALUADO" for server in document["servers"]] == [False, True]


def test_what_changed_since_a_baseline_is_told_with_its_server() -> None:
    one, two = of_two(measured())
    register = {"register": "x.json", "sha256": "0" * 64, "signed_by": "x", "taken": "2024-06-02T03:00:00+00:00"}
    change = {"kind": "files", "name": "/etc/motd", "before": "", "after": "a"}
    since = [register | {"changes": changes} for changes in ([], [change])]
    document = together([one | {"drift": since[0]}, two | {"drift": since[1]}])
    assert document["drift"]["changes"] == [{**change, "host": "web2"}]
    assert '<b class="host">web2</b> <code>/etc/motd' in dictamen.render(document, "x.json", "0" * 64)


def test_servers_of_two_elections_have_no_common_dictamen() -> None:
    one, two = of_two(measured())
    with pytest.raises(ResultsError, match=r"web1, web2 no son de la misma elección.*su propio inventario"):
        together([one, two | {"election": {**two["election"], "id": "otra"}}])


def test_a_single_server_has_its_own_dictamen() -> None:
    one, _ = of_two(measured())
    assert together([one]) == one
    assert "verdicts" not in clause(one, "SW-01")
    assert '<b class="host">' not in dictamen.render(one, "x.json", "0" * 64)
