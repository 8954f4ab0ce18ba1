"""Issues the dictamen of a difusor: judges its results, compares them with the last ones, and writes the papers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from corte.format.errors import why
from difusor import spec
from difusor.papers.dates import instant
from difusor.project import from_home, home_or_project, locked
from difusor.report import history
from difusor.report.dictamen import compose, write_papers
from difusor.report.results import Results, ResultsError
from difusor.report.several import together
from difusor.report.verdict import exit_status, shown
from difusor.spec import Spec, deviations


def issue(
    found: Results, output: Path, drifts: Mapping[str, Mapping[str, Any]] | None = None
) -> tuple[dict[str, Any], tuple[Path, Path]]:
    """Write the dictamen of the servers of one inventory to a folder; return it as data, and its files.

    `drifts`: by server, what changed since a baseline. The dictamen that was there before is kept (report.history).
    ResultsError or SpecError when there can be none, as when the call was changed since the measurement, when the one
    in force is of a later measurement, or when a file cannot be written: then the last one is in force; UnusableError
    when nothing can be locked there.
    """
    said, left_out = drifts or {}, deviations.load()
    each = [compose(found, host, _call(found, host), left_out, said.get(host)) for host in found.servers]
    dictamen = together(each)
    path = output / Path(found.inventory).name
    try:
        output.mkdir(parents=True, exist_ok=True)
        with locked(output):
            _refuse_earlier(path, dictamen)
            dictamen["previous"] = history.previous(path, dictamen)
            return dictamen, write_papers(dictamen, path, before=history.keep(path))
    except OSError as error:
        raise ResultsError(
            f"no se puede escribir el dictamen en {output}: {why(error)}. Corrija la carpeta; lo ya medido se emite "
            "otra vez, sin medir, con --results"
        ) from error


def _refuse_earlier(path: Path, dictamen: Mapping[str, Any]) -> None:
    """Raise ResultsError where results of before would take the place of what was measured after them."""
    if found := history.later(path, dictamen):
        raise ResultsError(
            f"{path}.json es de una medición posterior ({shown(found['verdict'])}, del "
            f"{instant(found['finished_local'])}) y se queda; estos resultados son del "
            f"{instant(dictamen['finished_local'])}. Para emitir su dictamen de todos modos, dé otra carpeta: --output "
            "CARPETA"
        )


def _call(found: Results, host: str) -> Spec:
    """Return the call that a server was measured for; ResultsError when its values are no longer those of that time."""
    name = found.servers[host].declared.election_spec
    call, measured = spec.load(name), found.calls.get(name)
    if measured and measured != spec.digest(name):
        path = from_home(home_or_project(f"spec/{name}.yml"))
        raise ResultsError(
            f"{found.inventory} se midió con otra versión de la convocatoria {name}: {path} "
            f"cambió desde entonces. Mídalo otra vez, o traiga el archivo de aquella, de SHA-256 {measured}"
        )
    return call


def status(dictamen: Mapping[str, Any]) -> int:
    """Return the exit status of a dictamen: 1 when anything is amiss or changed, 2 when not evaluated, else 0."""
    return exit_status([entry["verdict"] for entry in dictamen["clauses"]]) or int(is_amiss(dictamen))


def is_amiss(dictamen: Mapping[str, Any]) -> bool:
    """Tell whether something else than the clauses is to be corrected: the project's own criteria, or a change."""
    failed = any(finding["outcome"] != "passed" for finding in dictamen["unbound"])
    return failed or bool(dictamen["drift"] and dictamen["drift"]["changes"])
