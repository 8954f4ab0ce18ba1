"""One dictamen for a difusor of several servers: a clause has the verdict of the server that is worst in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from difusor.report.results import ResultsError
from difusor.report.verdict import Verdict, overall

RANKS = list(Verdict)
"""From the worst verdict to the best."""


def together(dictamens: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the dictamens of a difusor's servers, as `compose` makes them, as one of the same form.

    `servers` has every server with its own verdict, `server` the first of them; each clause has the verdict of each
    server in `verdicts`. ResultsError when the servers are not measured for the same election and call.
    """
    first = dictamens[0]
    if len(dictamens) == 1:
        return dict(first)
    for name in ("election", "document"):
        if any(each[name] != first[name] for each in dictamens):
            hosts = ", ".join(_host(each) for each in dictamens)
            raise ResultsError(
                f"los servidores {hosts} no son de la misma elección, y un dictamen es de una; ponga los de cada "
                "una en su propio inventario"
            )
    clauses = [_clause(first["clauses"][place]["id"], dictamens) for place in range(len(first["clauses"]))]
    verdicts = [each["verdict"] for each in clauses]
    return {
        **first,
        "verdict": overall(verdicts),
        "counts": {verdict: count for verdict in Verdict if (count := Counter(verdicts)[verdict])},
        "servers": [server for each in dictamens for server in each["servers"]],
        "unreachable": "; ".join(filter(None, (each["unreachable"] for each in dictamens))),
        "clauses": clauses,
        "unbound": _once(each["unbound"] for each in dictamens),
        "drift": _drift(dictamens),
    }


def _host(dictamen: Mapping[str, Any]) -> str:
    return str(dictamen["server"]["host"])


def _clause(id: str, dictamens: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return one clause of all servers: the entry of the worst one, with what was found on the others."""
    entries = {_host(each): entry for each in dictamens for entry in each["clauses"] if entry["id"] == id}
    worst = min(entries.values(), key=lambda entry: RANKS.index(entry["verdict"]))
    alike = [entry for entry in entries.values() if entry["verdict"] == worst["verdict"]]
    findings = _once(entry["findings"] for entry in entries.values())
    causes = {host: cause for host, entry in entries.items() for cause in entry["causes"]}
    return {
        **worst,
        "verdicts": {host: entry["verdict"] for host, entry in entries.items()},
        "passed": sum(finding["outcome"] == "passed" for finding in findings),
        "total": len(findings),
        "deciding": list(dict.fromkeys(chain.from_iterable(entry["deciding"] for entry in alike))),
        "causes": _told({host: entry["causes"] for host, entry in entries.items()}) if causes else [],
        "fix": " ".join(dict.fromkeys(filter(None, (entry["fix"] for entry in alike)))),
        "findings": findings,
    }


def _told(causes: Mapping[str, Sequence[str]]) -> list[str]:
    """Return each cause once, with the servers that have it; one that all have, without."""
    having: dict[str, list[str]] = {}
    for host, said in causes.items():
        for cause in said:
            having.setdefault(cause, []).append(host)
    return [
        cause if len(hosts) == len(causes) else f"en {' y '.join(hosts)}: {cause}" for cause, hosts in having.items()
    ]


def _once(findings: Iterable[Iterable[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return the findings of all servers; one that is of no server, such as a paper's, is there once."""
    return list({(each["host"], each["test"]): each for each in chain.from_iterable(findings)}.values())


def _drift(dictamens: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return what changed on all servers since the baseline, each change with its server."""
    found = {_host(each): each["drift"] for each in dictamens if each["drift"]}
    if not found:
        return None
    changes = [{**change, "host": host} for host, drift in found.items() for change in drift["changes"]]
    return {**next(iter(found.values())), "changes": changes}
