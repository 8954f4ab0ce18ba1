"""The forms that arrive: each is reviewed, and what follows of it is done, until its sender is enrolled or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from difusor.lab.desk import mail
from difusor.lab.desk.office import ELECTION, Office
from difusor.lab.desk.outlets import LATE, Outlet
from difusor.lab.desk.step import Step
from difusor.partners import desk
from difusor.partners.answer import Answer
from difusor.partners.facts import FactError
from difusor.partners.record import LOGO
from difusor.project import UnusableError, from_project


def blank(office: Office) -> Step:
    """Write the empty form, as it goes out to the outlets."""
    folder = office.folder / "formato"
    for name in ("anexo2.xlsx", "anexo2.yml"):
        mail.write_form(folder / name, {}, office.election.name)
    paths = [folder / name for name in ("anexo2.xlsx", "anexo2.yml")]
    words = ("form", str(from_project(folder)), "--election", ELECTION)
    return Step("El formato que se envía a los medios, vacío", words, (paths,))


def mailed(office: Office, outlet: Outlet) -> Iterator[Step]:
    """Yield what the desk answers to an outlet's form, and what the clerk does about it next."""
    form = office.mail / outlet.folder / f"anexo2.{'xlsx' if outlet.is_workbook else 'yml'}"
    mail.write_form(form, outlet.said, office.election.name)
    if outlet.has_logo:
        mail.write_logo(form.with_name(LOGO), outlet.name)
    yield _judged(_enroll(office, outlet, form), outlet, outlet.answer, outlet.keys)
    if outlet.accepted:
        accept = [f"{key}={outlet.accepted}" for key in sorted(outlet.keys)]
        yield _judged(_enroll(office, outlet, form, accept), outlet, "creado", outlet.keys)
    if outlet.update:
        yield _judged(_enroll(office, outlet, form, update=True), outlet, "corregido", frozenset())
    if outlet.corrected:
        again = replace(
            outlet, said={**outlet.said, **outlet.corrected}, title=f"{outlet.title}, ya corregido", day=outlet.day + 2
        )
        second = form.with_stem("anexo2-corregido")
        mail.write_form(second, again.said, office.election.name)
        yield _judged(_enroll(office, again, second), again, "creado", frozenset())


@dataclass(frozen=True)
class _Enrolment:
    words: tuple[str, ...]
    answer: Answer | Exception


def _enroll(office: Office, outlet: Outlet, form: Path, accept: Sequence[str] = (), update: bool = False) -> _Enrolment:
    received = office.day(outlet.day)
    folio, noticed = ("", None) if outlet.update else (outlet.folio, notified(office, outlet))
    words = ["enroll", str(from_project(form)), "--received", received.isoformat()]
    if noticed:
        words += ["--folio", folio, "--notified", noticed.isoformat()]
    words += [word for each in accept for word in ("--accept", each)] + ["--update"] * update
    words += ["--ssh-key", str(from_project(office.key))]
    try:
        answer: Answer | Exception = desk.enroll(
            form, election=None, name=None, update=update, check=False, accept=list(accept), received=received,
            folio=folio, notified=noticed, logo=None, ssh_key=str(office.key), certificate=None, certificate_key=None,
            server_name=None,
        )  # fmt: skip
    except (UnusableError, FactError) as problem:
        answer = problem
    return _Enrolment(tuple(words), answer)


def notified(office: Office, outlet: Outlet) -> datetime:
    """Return when an outlet's oficio came: the day before its form, and after the call's date when that is late."""
    return office.day(-6, 23) if outlet.day == LATE else office.day(outlet.day - 1)


def _judged(done: _Enrolment, outlet: Outlet, awaited: str, about: frozenset[str]) -> Step:
    title = f"{outlet.shown} ({outlet.title})"
    if isinstance(done.answer, Exception):
        return Step(title, done.words, refused=done.answer, wrong=f"debía quedar «{awaited}»")
    wrong = ""
    if done.answer.outcome != awaited:
        wrong = f"quedó «{done.answer.outcome}» y debía quedar «{awaited}»"
    elif (found := {each.key for each in done.answer.findings}) != about:
        wrong = f"dijo algo de {sorted(found)} y debía decirlo de {sorted(about)}"
    return Step(title, done.words, (done.answer,), wrong=wrong)
