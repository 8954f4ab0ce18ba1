"""Verdicts: each kind, the last day of a waiver, and that the worst result decides."""

from datetime import date, timedelta

import pytest
from call_kit import FIRST

from difusor.inventory import Waiver
from difusor.report.results import Finding, Outcome
from difusor.report.verdict import Overall, Verdict, assess, assess_all, excused, exit_status, overall
from difusor.spec import Clause

TODAY = date(2024, 6, 2)


def clause(**fields: object) -> Clause:
    base = {"id": "HW-01", "title": "t", "section": "s", "quote": "q", "method": "medido", "role": "r", "fix": "f"}
    values = {"expect": FIRST[str(fields.get("id", "HW-01"))].expect}
    return Clause.model_validate(base | values | fields)


def finding(outcome: Outcome, method: str = "medido", clauses: tuple[str, ...] = ("HW-01",)) -> Finding:
    return Finding.model_validate(
        {"clauses": clauses, "host": "h", "test": "t", "outcome": outcome, "method": method, "sentence": "s"}
    )


def waiver(expires: date = TODAY, name: str = "HW-01", decided: date = date(2020, 1, 1)) -> Waiver:
    return Waiver(clause=name, reason="r", by="b", agreement="a", date=decided, expires=expires)


def verdict(of: Clause, *findings: Finding, waivers: tuple[Waiver, ...] = (), reachable: bool = True) -> Verdict:
    return assess(of, findings, waivers, TODAY, reachable).verdict


WAIVABLE = clause(waivable=["medido"])
PARTLY = clause(attested="lo de fuera", waivable=["atestado"])


def test_measured_and_passed_complies() -> None:
    assert verdict(clause(), finding("passed"), finding("passed")) is Verdict.COMPLIES


def test_one_failure_is_enough() -> None:
    assert verdict(clause(), finding("passed"), finding("failed")) is Verdict.FAILS


@pytest.mark.parametrize("outcome", ["skipped", "error"])
def test_what_did_not_measure_never_complies(outcome: Outcome) -> None:
    assert verdict(clause(), finding("passed"), finding(outcome)) is Verdict.UNTESTED


def test_no_test_at_all_is_untested() -> None:
    assert verdict(clause()) is Verdict.UNTESTED
    assert verdict(clause(), finding("passed", clauses=("HW-02",))) is Verdict.UNTESTED


def test_a_failure_is_worse_than_a_gap() -> None:
    assert verdict(clause(), finding("skipped"), finding("failed"), finding("unreachable")) is Verdict.FAILS


def test_documents_attest() -> None:
    assert verdict(clause(method="atestado"), finding("passed", "atestado")) is Verdict.ATTESTED
    assert verdict(clause(), finding("passed", "atestado"), finding("passed")) is Verdict.COMPLIES


def test_the_attested_part_of_a_measured_clause_must_be_there() -> None:
    assert verdict(PARTLY, finding("passed")) is Verdict.UNTESTED
    assert verdict(PARTLY, finding("passed"), finding("passed", "atestado")) is Verdict.COMPLIES


def test_a_person_checks_a_manual_clause() -> None:
    assert verdict(clause(method="manual")) is Verdict.MANUAL


def test_an_optional_clause_may_not_apply() -> None:
    optional = clause(optional=True, role=None)
    assert verdict(optional) is Verdict.NOT_APPLICABLE
    assert verdict(optional, finding("skipped")) is Verdict.NOT_APPLICABLE
    assert verdict(optional, finding("failed")) is Verdict.FAILS


@pytest.mark.parametrize(
    ("expires", "expected"),
    [
        (date(2024, 6, 1), Verdict.EXPIRED),
        (date(2024, 6, 2), Verdict.WAIVED),  # a waiver holds until the end of its last day
        (date(2024, 6, 3), Verdict.WAIVED),
    ],
)
def test_a_waiver_ends_with_its_day(expires: date, expected: Verdict) -> None:
    assert verdict(WAIVABLE, finding("failed"), waivers=(waiver(expires),)) is expected


@pytest.mark.parametrize(("decided", "expected"), [(TODAY, Verdict.WAIVED), (TODAY + timedelta(days=1), Verdict.FAILS)])
def test_a_waiver_begins_with_the_day_of_its_agreement(decided: date, expected: Verdict) -> None:
    later = waiver(date(2024, 6, 30), decided=decided)
    assert verdict(WAIVABLE, finding("failed"), waivers=(later,)) is expected
    assert excused(finding("failed"), {"HW-01": WAIVABLE}, (later,), TODAY) is (expected is Verdict.WAIVED)


def test_a_waiver_that_begins_later_does_not_hide_the_one_in_force() -> None:
    later = waiver(date(2024, 6, 30), decided=date(2024, 6, 15))
    assert verdict(WAIVABLE, finding("failed"), waivers=(waiver(), later)) is Verdict.WAIVED


def test_the_longest_waiver_counts() -> None:
    waivers = (waiver(date(2024, 6, 30)), waiver(date(2024, 5, 1)))
    assert verdict(WAIVABLE, finding("failed"), waivers=waivers) is Verdict.WAIVED


def test_a_waiver_of_another_clause_excuses_nothing() -> None:
    assert verdict(WAIVABLE, finding("failed"), waivers=(waiver(name="HW-02"),)) is Verdict.FAILS


def test_a_waiver_does_not_stand_in_for_a_test() -> None:
    assert verdict(WAIVABLE, waivers=(waiver(),)) is Verdict.UNTESTED
    assert verdict(WAIVABLE, finding("failed"), finding("skipped"), waivers=(waiver(),)) is Verdict.UNTESTED


def test_an_expired_waiver_of_a_clause_that_holds_is_no_fault() -> None:
    assert verdict(WAIVABLE, finding("passed"), waivers=(waiver(date(2020, 1, 1)),)) is Verdict.COMPLIES


def test_only_what_the_spec_allows_is_waived() -> None:
    assert verdict(clause(), finding("failed"), waivers=(waiver(),)) is Verdict.FAILS
    documents = finding("failed", "atestado")
    assert verdict(PARTLY, finding("passed"), documents, waivers=(waiver(),)) is Verdict.WAIVED
    assert verdict(PARTLY, finding("failed"), documents, waivers=(waiver(),)) is Verdict.FAILS


def test_an_unreachable_server_is_not_evaluated() -> None:
    assert verdict(clause(), reachable=False) is Verdict.UNREACHABLE
    assert verdict(clause(), finding("passed"), finding("unreachable")) is Verdict.UNREACHABLE


@pytest.mark.parametrize(
    ("verdicts", "expected", "status"),
    [
        (["CUMPLE", "ATESTADO", "MANUAL", "NO APLICA"], Overall.COMPLIES, 0),
        (["CUMPLE", "EXENTO"], Overall.WAIVED, 0),
        (["CUMPLE", "SIN PRUEBA", "EXENTO"], Overall.INCOMPLETE, 1),
        (["SIN PRUEBA", "EXPIRADA"], Overall.FAILS, 1),
        (["NO CUMPLE", "NO EVALUADO"], Overall.FAILS, 1),
        (["NO EVALUADO", "NO EVALUADO"], Overall.UNREACHABLE, 2),
        (["NO EVALUADO", "SIN PRUEBA"], Overall.UNREACHABLE, 1),
    ],
)
def test_the_worst_verdict_decides(verdicts: list[str], expected: Overall, status: int) -> None:
    judged = [Verdict(each) for each in verdicts]
    assert overall(judged) is expected
    assert exit_status(judged) == status


EXPIRED = waiver(date(2024, 6, 1))
OPTIONAL = clause(id="RED-05", role=None, optional=True)


@pytest.mark.parametrize(
    ("of", "waivers", "stands"),
    [
        (finding("failed"), (waiver(),), True),
        (finding("failed"), (EXPIRED,), False),
        (finding("failed"), (EXPIRED, waiver()), True),
        (finding("failed"), (), False),
        (finding("failed", "atestado"), (waiver(),), False),
        (finding("failed", clauses=("HW-01", "SW-01")), (waiver(),), False),
        (finding("failed", clauses=("HW-01", "SW-01")), (waiver(), waiver(name="SW-01")), False),
        (finding("failed", clauses=()), (waiver(),), False),
        (finding("error"), (waiver(),), False),
        (finding("skipped"), (waiver(),), False),
        (finding("skipped", clauses=("RED-05",)), (), True),
        (finding("skipped", clauses=()), (), False),
    ],
)
def test_one_test_of_a_part_of_the_suite_is_excused(of: Finding, waivers: tuple[Waiver, ...], stands: bool) -> None:
    """A waiver excuses one failed test, but never of a clause that admits no waiver (here SW-01)."""
    clauses = {each.id: each for each in (WAIVABLE, OPTIONAL, clause(id="SW-01"))}
    assert excused(of, clauses, waivers, TODAY) is stands


@pytest.mark.parametrize(
    ("outcomes", "expected", "deciding"),
    [
        ({"SW-01": "passed", "HW-01": "passed"}, Verdict.COMPLIES, ("SW-01", "HW-01")),
        ({"SW-01": "failed", "HW-01": "passed"}, Verdict.FAILS, ("SW-01",)),
        ({"SW-01": "failed", "HW-01": "failed"}, Verdict.FAILS, ("SW-01", "HW-01")),
        ({"SW-01": "passed", "HW-01": "error"}, Verdict.UNTESTED, ("HW-01",)),
        ({"SW-01": "passed"}, Verdict.UNTESTED, ("HW-01",)),
    ],
)
def test_a_derived_clause_is_as_good_as_the_worst_that_it_rests_on(
    outcomes: dict[str, Outcome], expected: Verdict, deciding: tuple[str, ...]
) -> None:
    rests = clause(id="DG-06", method="derivado", role=None, rests_on=["SW", "HW"])
    clauses = [rests, clause(id="SW-01"), clause(), clause(id="DG-02")]
    found = [finding(outcome, clauses=(name,)) for name, outcome in outcomes.items()]
    derived, *_ = assess_all(clauses, [*found, finding("failed", clauses=("DG-02",))], (), TODAY)
    assert (derived.verdict, derived.deciding) == (expected, deciding)


def test_a_derived_clause_does_not_rest_on_itself_or_on_another_derived_one() -> None:
    """Where a call has it rest on its own group, it was never met: nothing tests a derived clause."""
    rests = clause(id="DG-06", method="derivado", role=None, rests_on=["DG"])
    other = clause(id="DG-07", method="derivado", role=None, rests_on=["DG", "HW"])
    found = [finding("passed", clauses=("DG-02",)), finding("passed")]
    derived, second, *_ = assess_all([rests, other, clause(id="DG-02"), clause()], found, (), TODAY)
    assert (derived.verdict, derived.deciding) == (Verdict.COMPLIES, ("DG-02",))
    assert (second.verdict, second.deciding) == (Verdict.COMPLIES, ("DG-02", "HW-01"))


def test_a_derived_clause_names_only_what_is_met() -> None:
    """Not what does not apply, nor what a person has yet to check."""
    clauses = [
        clause(id="DG-06", method="derivado", role=None, rests_on=["HW", "RED"]), clause(), OPTIONAL,
        clause(id="HW-05", method="atestado"), clause(id="HW-02", method="manual"),
    ]  # fmt: skip
    found = [finding("passed"), finding("skipped", clauses=("RED-05",)), finding("passed", "atestado", ("HW-05",))]
    derived, *others = assess_all(clauses, found, (), TODAY)
    assert (derived.verdict, derived.deciding) == (Verdict.COMPLIES, ("HW-01", "HW-05"))
    assert {each.verdict for each in others} == {"CUMPLE", "NO APLICA", "ATESTADO", "MANUAL"}


def test_a_waived_clause_makes_the_derived_one_waived() -> None:
    rests = clause(id="DG-06", method="derivado", role=None, rests_on=["HW"])
    derived, _ = assess_all([rests, WAIVABLE], [finding("failed")], [waiver()], TODAY)
    assert (derived.verdict, derived.deciding) == (Verdict.WAIVED, ("HW-01",))
    assert assess_all([rests, WAIVABLE], [], (), TODAY, reachable=False)[0].verdict is Verdict.UNREACHABLE
