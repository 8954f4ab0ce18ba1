"""What differs between a dictamen and the one before it: what got better or worse, or was measured otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from corte.format import instants
from difusor.report.verdict import Verdict
from difusor.terminal import some

BETTER, WORSE, OTHERWISE, NEW, GONE = "mejoró", "empeoró", "se midió de otra forma", "es nueva", "ya no se juzga"
KINDS = (WORSE, BETTER, OTHERWISE, NEW, GONE)
"""How a clause can differ, in the order in which it is told."""
TIERS = {
    Verdict.FAILS: 0, Verdict.EXPIRED: 0, Verdict.UNREACHABLE: 1, Verdict.UNTESTED: 1, Verdict.WAIVED: 2,
    Verdict.MANUAL: 3, Verdict.ATTESTED: 3, Verdict.COMPLIES: 3, Verdict.NOT_APPLICABLE: 3,
}  # fmt: skip
"""How good a verdict is. Between two of the same tier, or between wrong and unknown, nothing got better or worse."""
WAYS = {"medido": "con una medición", "atestado": "con un documento"}


def compare(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Return what differs since an earlier dictamen: {verdict, finished, finished_local, commit, remarks, changes}.

    The first four are the earlier one's. Each change is {id, title, kind (KINDS), before, after, how}: the ids of the
    verdicts, empty where there was none, and sentences on what was measured otherwise. Both dictamens are data as in
    their JSON files; KeyError, TypeError, ValueError or AttributeError when the earlier one is not.
    """
    earlier = {str(entry["id"]): entry for entry in before["clauses"]}
    later = {str(entry["id"]): entry for entry in now["clauses"]}
    instants.parse_offset(before["finished_local"])  # whoever shows it takes it for an instant
    changes = [change for id in {**later, **earlier} if (change := _change(earlier.get(id), later.get(id)))]
    return {
        "verdict": str(before["verdict"]),
        "finished": str(before["finished"]),
        "finished_local": str(before["finished_local"]),
        "commit": str(before["commit"]),
        "remarks": list(_remarks(before, now)),
        "changes": sorted(changes, key=lambda change: KINDS.index(change["kind"])),
    }


def counted(previous: Mapping[str, Any]) -> str:
    """Return how many clauses differ in which way, in words: `2 empeoraron, 1 mejoró`; "" when none does."""
    words = {
        WORSE: ("empeoró", "empeoraron"), BETTER: ("mejoró", "mejoraron"),
        OTHERWISE: ("se midió de otra forma", "se midieron de otra forma"), NEW: ("es nueva", "son nuevas"),
        GONE: ("ya no se juzga", "ya no se juzgan"),
    }  # fmt: skip
    kinds = [change["kind"] for change in previous["changes"]]
    counts = {kind: count for kind in KINDS if (count := kinds.count(kind))}
    return ", ".join(f"{count} {words[kind][count > 1]}" for kind, count in counts.items())


def _change(before: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return how one clause differs; None when it does not."""
    either = now or before or {}
    how = list(_how(before, now)) if before and now else []
    was, becomes = (Verdict(entry["verdict"]) if entry else None for entry in (before, now))
    kind = _kind(was, becomes)
    if not kind and not how:
        return None
    return {
        "id": str(either["id"]), "title": str(either["title"]), "kind": kind or OTHERWISE,
        "before": str(was or ""), "after": str(becomes or ""), "how": how,
    }  # fmt: skip


def _kind(was: Verdict | None, becomes: Verdict | None) -> str:
    if was is None or becomes is None:
        return NEW if was is None else GONE
    if was is becomes:
        return ""
    tiers = TIERS[was], TIERS[becomes]
    if tiers[0] == tiers[1] or set(tiers) == {0, 1}:
        return OTHERWISE
    return BETTER if tiers[1] > tiers[0] else WORSE


def _how(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each thing that makes two measurements of one clause different ones."""
    ways = [sorted({str(each["method"]) for each in entry["findings"]}) for entry in (before, now)]
    if ways[0] != ways[1] and all(ways):
        yield f"antes {' y '.join(WAYS[way] for way in ways[0])}, ahora {' y '.join(WAYS[way] for way in ways[1])}"
    if before["expect"] != now["expect"]:
        yield f"se pedía {_values(before['expect'])}, ahora {_values(now['expect'])}"
    tests = [list(dict.fromkeys(_test(each) for each in entry["findings"])) for entry in (before, now)]
    added, gone = ([each for each in tests[one] if each not in tests[1 - one]] for one in (1, 0))
    if tests[0] and tests[1] and added:
        yield f"se agregó {some(added)}"
    if tests[0] and tests[1] and gone:
        yield f"ya no se hace {some(gone)}"


def _test(finding: Mapping[str, Any]) -> str:
    """Return a test's name without its parameters, which follow from what the server has."""
    return str(finding["test"]).partition("[")[0]


def _values(expected: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in expected.items()) or "nada medible"


def _remarks(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each thing because of which the two dictamens may not be of the same."""
    if before["election"]["id"] != now["election"]["id"]:
        yield f"Aquel dictamen fue de otra elección, {before['election']['id']}."
    if before["document"] != now["document"]:
        yield "Aquel dictamen se midió contra otra convocatoria."
    if machines := _machines(now) - _machines(before):
        yield f"No se midieron los mismos servidores: entonces no estaba {', '.join(sorted(machines))}."
    if before["commit"] != now["commit"]:
        yield f"Aquel se midió con la revisión {before['commit'][:12] or 'desconocida'} de este proyecto."


def _machines(dictamen: Mapping[str, Any]) -> set[str]:
    """Return the servers of a dictamen, each by the identifier of its machine."""
    servers = dictamen.get("servers") or [dictamen["server"]]
    return {f"{each['host']} ({each['machine_id'][:8]})" for each in servers if each.get("machine_id")}
