"""The dictamen: results judged clause by clause, as JSON (for programs) and HTML (for people who sign)."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
from markupsafe import Markup

from corte.format import instants
from difusor.inventory import Declared
from difusor.inventory.picture import of_the_institute
from difusor.papers.dates import day, instant
from difusor.project import write
from difusor.report.comparison import counted
from difusor.report.results import Finding, Results
from difusor.report.verdict import REFUSED, Assessment, Verdict, assess_all, overall, shown
from difusor.servers.identity import MeasuredServer
from difusor.spec import Spec
from difusor.spec.deviations import Deviations

SCHEMA = "difusor-dictamen/1"


def compose(
    results: Results, host: str, spec: Spec, deviations: Deviations, drift: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Judge one server; return the dictamen as data for JSON. The same results always give the same dictamen.

    `drift`: what changed since a baseline, as from baseline.record.drift. `previous` is filled in by whoever knows the
    dictamen before it; several servers of one difusor become one dictamen in report.several.
    """
    server = results.servers[host]
    declared = server.declared
    local = results.finished.astimezone(declared.zone)
    findings = [finding for finding in results.findings if finding.host in ("", host)]
    assessments = assess_all(
        spec.clauses, findings, declared.difusor_waivers, local.date(), reachable=not server.unreachable
    )
    said = declared.model_dump(mode="json")
    verdicts = [assessment.verdict for assessment in assessments]
    return {
        "schema": SCHEMA,
        "verdict": overall(verdicts),
        "counts": {verdict: count for verdict in Verdict if (count := Counter(verdicts)[verdict])},
        "document": spec.document,
        "annex": spec.annex,
        **_letterhead(declared, spec),
        "unkept": _unkept(declared, spec),
        "inventory": results.inventory,
        "revision": results.revision,
        "call_revision": results.calls.get(declared.election_spec, ""),
        "difusor": {
            "name": declared.difusor_name or host,
            "site": declared.site,
            "public_address": declared.difusor_public_address,
        },
        "election": {
            name.removeprefix("election_"): said.get(name, getattr(declared, name))
            for name in type(declared).model_fields
            if name.startswith("election_")
        },
        "server": {**server.identity, "host": host},
        "servers": [_server(host, server, declared, verdicts)],
        "lab": {"name": declared.lab, "suite": server.identity.get("release", "")} if declared.lab else None,
        "unreachable": server.unreachable,
        "started": instants.write(results.started),
        "finished": instants.write(results.finished),
        "finished_local": local.isoformat(timespec="seconds"),
        "commit": results.commit,
        "tools": results.tools,
        "clauses": [_entry(assessment, local.date()) for assessment in assessments],
        "unbound": [_finding(finding) for finding in findings if not set(finding.clauses) & set(spec.ids)],
        "unjudged": [each.model_dump() for each in spec.unjudged],
        "left_out": {test: list(clauses) for test, clauses in sorted(results.left_out.items())},
        "drift": drift and {**drift, "taken": _local(drift["taken"], declared.zone)},
        "previous": None,
        "deviations": {
            topic: [{"rule": each.rule, "reason": each.reason, "ids": each.by_auditor()} for each in rules]
            for topic, rules in deviations.items()
        },
    }


def _server(host: str, server: MeasuredServer, declared: Declared, verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """Return one server as the dictamen lists it, with its own verdict."""
    return {
        **server.identity,
        "host": host,
        "public_address": declared.difusor_public_address,
        "unreachable": server.unreachable,
        "verdict": overall(verdicts),
    }


def _letterhead(declared: Declared, spec: Spec) -> dict[str, str]:
    """Return whose dictamen it is and who signs it: the election's institute, or else that of the call."""
    institute = declared.election_institute
    contact = declared.election_contact or spec.contact
    if institute is None:
        return {"institute": spec.institute, "address": "", "signs": "", "color": "", "logo": "", "contact": contact}
    return {
        "institute": institute.name,
        "address": " · ".join(filter(None, (institute.address, institute.telephone))),
        "signs": ", ".join(filter(None, (institute.signs.name, institute.signs.post))),
        "color": institute.colors.band,
        "logo": _logo(institute.logo),
        "contact": contact,
    }


def _logo(name: str) -> str:
    """Return the institute's logo as a data URI; empty when it has none, or this machine lacks it."""
    try:
        picture = of_the_institute(name)
    except ValueError:
        return ""
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}" if picture else ""


def _unkept(declared: Declared, spec: Spec) -> list[str]:
    """Return a sentence for each promise of the call that the institute's own election does not keep."""
    promised, decided = spec.promises.interval_minutes, declared.election_interval_minutes
    unkept = []
    if promised and decided and decided > promised:
        unkept.append(
            f"la convocatoria promete una actualización cada {promised} minutos y esta elección tiene una cada "
            f"{decided}"
        )
    if declared.election_environment == "official" and declared.election_opens and declared.election_closes:
        window = (instants.parse_offset(each) for each in (declared.election_opens, declared.election_closes))
        unkept.append(spec.promises.other_hours(*(each.astimezone(declared.zone) for each in window)))
    told = "; es un compromiso del Instituto y no se le imputa al difusor."
    return [each[0].upper() + each[1:] + told for each in unkept if each]


def write_papers(dictamen: Mapping[str, Any], path: Path, before: bytes = b"") -> tuple[Path, Path]:
    """Write `path`.json and `path`.html, each whole or not at all; return both. The HTML has the SHA-256 of the JSON.

    `before`: what the JSON said until now. If it differs, the sealed paper beside it was of that one, and goes first:
    wherever this is interrupted, no signed paper stands beside another dictamen, and `seal` refuses the two files.
    """
    text = json.dumps(dictamen, ensure_ascii=False, indent=2) + "\n"
    json_file, html_file = path.with_name(f"{path.name}.json"), path.with_name(f"{path.name}.html")
    page = render(dictamen, json_file.name, hashlib.sha256(text.encode()).hexdigest())
    if text.encode() != before:
        path.with_name(f"{path.name}.pdf").unlink(missing_ok=True)
    write(html_file, page)
    write(json_file, text)
    return json_file, html_file


def render(
    dictamen: Mapping[str, Any], json_name: str, sha256: str, name: str = "dictamen", further: Mapping[str, Any] = {}
) -> str:
    """Return the dictamen as HTML: one file without references to other files.

    `name` is that of a template which extends the dictamen's, and `further` the values that it needs besides.
    """
    named = partial(_named, len(dictamen["servers"]) > 1)
    tests = {named(finding): finding for clause in dictamen["clauses"] for finding in clause["findings"]}
    tests |= {named(finding): finding for finding in dictamen["unbound"]}
    bound: dict[str, list[str]] = {name: [] for name in tests}
    for clause in dictamen["clauses"]:
        for finding in clause["findings"]:
            bound[named(finding)].append(clause["id"])
    values = {"json_name": json_name, "sha256": sha256, "tests": tests, "bound": bound, **further}
    local = partial(_local, zone=ZoneInfo(dictamen["election"]["timezone"]))
    return _templates().get_template(f"{name}.html.j2").render(dictamen, local=local, **values)


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("difusor.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(
        instant=instant,
        day=lambda text: day(date.fromisoformat(text)),
        summary=summary,
        abridged=abridged,
        quoted=quoted,
        shown=shown,
        complaint=complaint,
        counted=counted,
        sentence=sentence,
    )
    return environment


def shortcomings(dictamen: Mapping[str, Any]) -> list[str]:
    """Return a line `test: why` for each test that counts against the server and that no waiver excuses."""
    several = len(dictamen["servers"]) > 1
    return [f"{_named(several, each)}: {complaint(each)}" for each in unexcused(dictamen)]


def _named(several: bool, finding: Mapping[str, Any]) -> str:
    """Return the name of a finding's test, after that of its server when there are several."""
    return f"{finding['host']}: {finding['test']}" if several and finding["host"] else str(finding["test"])


def complaint(finding: Mapping[str, Any]) -> str:
    """Return in one line why a finding did not pass: the cause that was found, else the sentence that does not hold."""
    return finding["detail"].partition("\n")[0] or f"no se cumple que: {finding['sentence'] or finding['test']}"


def unexcused(dictamen: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the findings that count against the server and that no waiver excuses, each test once."""
    findings = [each for entry in dictamen["clauses"] if entry["verdict"] in REFUSED for each in entry["findings"]]
    findings += dictamen["unbound"]
    return list({(each["host"], each["test"]): each for each in findings if each["outcome"] != "passed"}.values())


def summary(findings: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a clause's evidence in few lines, failures first; cases of one test with the same outcome share a line.

    Each line is {host, sentence, outcome, cases, value, why, beyond}; the annex has all cases.
    """
    lines: dict[tuple[str, str, str, str], dict[str, Any]] = {}
    for finding in sorted(findings, key=lambda each: each["outcome"] == "passed"):
        test = finding["test"].partition("[")[0]
        line = lines.setdefault(
            (finding.get("host", ""), test, finding["sentence"], finding["outcome"]),
            {
                "host": finding.get("host", ""),
                "sentence": finding["sentence"],
                "outcome": finding["outcome"],
                "cases": 0,
                "value": "",
                "why": "",
                "beyond": finding.get("beyond", []),
            },
        )
        line["cases"] += 1
        line["value"] = line["value"] or "; ".join(filter(None, finding["evidence"]))
        line["why"] = line["why"] or finding["detail"].partition("\n")[0]
    return list(lines.values())


def sentence(text: str) -> str:
    """Return a cause as a sentence of its own: with a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '…')) else '.'}"


def abridged(text: str) -> str:
    """Return a text with each SHA-256 in it shortened for reading; the JSON has it in full."""
    return re.sub(r"\b([0-9a-f]{12})[0-9a-f]{52}\b", r"\1…", text)


def quoted(text: str) -> Markup:
    """Return a text escaped for a quoted string in a style sheet, where HTML's escapes have no effect."""
    return Markup(re.sub(r"[^\w .,:;&()/-]", "", text))


def _entry(assessment: Assessment, today: date) -> dict[str, Any]:
    clause = assessment.clause
    return {
        "id": clause.id,
        "title": clause.title,
        "section": clause.section,
        "quote": clause.quote,
        "method": clause.method,
        "attested": clause.attested,
        "expect": clause.expect,
        "verdict": assessment.verdict,
        "passed": assessment.passed,
        "total": len(assessment.findings),
        "deciding": list(assessment.deciding),
        "waiver": _waiver(assessment, today),
        "causes": _causes(assessment),
        "fix": _fix(assessment),
        "findings": [_finding(finding) for finding in assessment.findings],
    }


def _causes(assessment: Assessment) -> list[str]:
    """Return what was found wrong, each cause once; nothing when the clause is met, excused or was not measured."""
    if assessment.verdict not in (Verdict.FAILS, Verdict.EXPIRED):
        return []
    if assessment.deciding:
        return [f"{'no cumple' if len(assessment.deciding) == 1 else 'no cumplen'} {', '.join(assessment.deciding)}"]
    return list(dict.fromkeys(complaint(_finding(each)) for each in assessment.findings if each.outcome == "failed"))


def _fix(assessment: Assessment) -> str:
    """Return what to do so that the clause is met; "" when it is met or excused, or nothing could be measured."""
    if assessment.verdict in (Verdict.FAILS, Verdict.EXPIRED):
        return assessment.clause.fix
    if assessment.verdict is Verdict.UNTESTED:
        gaps = [each for each in assessment.findings if each.outcome in ("skipped", "error")]
        causes = [each.detail.partition("\n")[0] or f"no se hizo {each.test}" for each in gaps]
        causes += [f"falta medir {', '.join(assessment.deciding)}"] if assessment.deciding else []
        return f"Falta medirla: {causes[0] if causes else 'ninguna prueba de la suite la mide'}."
    return ""


def _waiver(assessment: Assessment, today: date) -> dict[str, str] | None:
    waiver = assessment.waiver
    if waiver is None:
        return None
    if waiver.expires < today:
        note = "vencida"
    elif waiver.date > today:
        note = "aún no rige: su acuerdo es de un día posterior"
    elif assessment.verdict is Verdict.WAIVED:
        note = "vigente"
    elif assessment.verdict is Verdict.FAILS:
        note = "no admitida para lo que falló"
    elif assessment.verdict in (Verdict.UNTESTED, Verdict.UNREACHABLE):
        note = "no sustituye lo que falta medir"
    else:
        note = "no fue necesaria"
    return {**waiver.model_dump(mode="json", exclude={"clause"}), "note": note}


def _finding(finding: Finding) -> dict[str, Any]:
    return finding.model_dump(mode="json", exclude={"clauses"})


def _local(text: str, zone: ZoneInfo) -> str:
    return datetime.fromisoformat(text).astimezone(zone).isoformat(timespec="seconds")
