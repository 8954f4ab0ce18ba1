"""The dictamen to sign and file: its page as PDF/A-3 with the measured data inside, and an official's signature."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jinja2

from corte.format import files
from corte.format.errors import why
from difusor.papers import bounds
from difusor.papers.certificates import Credentials, Holder
from difusor.papers.checking import INVALID, MAGIC, check
from difusor.papers.dates import hour
from difusor.papers.printing import Attached, pdf
from difusor.papers.signing import require_zone, signed
from difusor.project import DAMAGE, UnusableError, locked
from difusor.report import results
from difusor.report.dictamen import SCHEMA, render
from difusor.terminal import plain

LONGEST_FOLIO = 120
"""Characters: it stands at the foot of every page."""
SIGNED, UNSIGNED = "copia: el original es el PDF firmado", "sin firma electrónica"
TWIN = "El dictamen, para programas: lo mismo que dicen estas páginas, con todos los valores medidos"
RAW = "Lo que respondió cada prueba, tal como se midió"


@dataclass(frozen=True)
class Sealing:
    """What is said of a dictamen when it is sealed: its folio, the signer's post, the instant, whether it replaces."""

    folio: str
    at: datetime
    post: str = ""
    replace: bool = False


@dataclass(frozen=True)
class Sealed:
    """A paper that was written. `holder` is who signed it now, if anybody; `notes` are sentences without full stop."""

    path: Path
    sha256: str
    holder: Holder | None
    attached: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def seal(source: Path, sealing: Sealing, credentials: Credentials | None) -> Sealed:
    """Write the PDF of a dictamen beside its JSON, signed if there are credentials; or add a signature to a PDF.

    UnusableError when the source is neither, or contradicts its results, or the folio is none, or a signed PDF would be
    lost; nothing is written then. Two people who sign at the same time do so one after the other, so that no signature
    is lost.
    """
    with locked(source.parent):
        content = _read(source)
        if content.startswith(MAGIC):
            return _countersigned(source, content, sealing, credentials)
        return _sealed(source, content, sealing, credentials)


def _sealed(source: Path, content: bytes, sealing: Sealing, credentials: Credentials | None) -> Sealed:
    dictamen = _dictamen(source, content)
    _refuse_altered(source, content)
    _refuse_folio(sealing.folio)
    target = source.with_suffix(".pdf")
    _refuse_loss(target, sealing.replace)
    holder = credentials.holder if credentials else None
    with _understood(source):
        attached, notes = _attached(source, content, dictamen)
        if holder and not _expected(dictamen, holder):
            notes.append(f"la elección dice que firma {_signs(dictamen)['name']}, y el certificado es de {holder.name}")
        page = _page(source, content, dictamen, sealing, holder, attached)
    if credentials:
        require_zone()
    paper = pdf(page, attached)
    if credentials:
        paper = signed(paper, credentials, f"Dictamen, folio {sealing.folio}")
    files.replace(target, paper)
    return Sealed(target, _digest(paper), holder, tuple(each.name for each in attached), tuple(notes))


def _countersigned(path: Path, content: bytes, sealing: Sealing, credentials: Credentials | None) -> Sealed:
    """Add a signature to a PDF that is there; what was signed before stays valid."""
    if credentials is None:
        raise UnusableError(f"{path} ya es un PDF; para firmarlo dé --certificate y --key")
    if b"/ByteRange" in content and check(content, (), sealing.at).status == INVALID:
        raise UnusableError(f"{path} ya no es lo que se firmó; diga qué le pasó: ./difusor verify {path}")
    paper = signed(content, credentials, f"Folio {sealing.folio}" if sealing.folio else "")
    files.replace(path, paper)
    return Sealed(path, _digest(paper), credentials.holder)


def _page(
    source: Path, content: bytes, dictamen: Mapping[str, Any], sealing: Sealing, holder: Holder | None,
    attached: tuple[Attached, ...],
) -> str:  # fmt: skip
    further = {
        "folio": sealing.folio,
        "holder": holder,
        "post": sealing.post or (_signs(dictamen)["post"] if holder and _expected(dictamen, holder) else ""),
        "signed_at": hour(sealing.at.astimezone(ZoneInfo(dictamen["election"]["timezone"]))),
        "foot": SIGNED if holder else UNSIGNED,
        "pdf_name": source.with_suffix(".pdf").name,
        "attached": attached,
    }
    return render(dictamen, source.name, _digest(content), "sealed", further)


@contextmanager
def _understood(source: Path) -> Iterator[None]:
    """Turn what goes wrong with a dictamen that lacks something, or has it in another form, into its sentence."""
    try:
        yield
    except (*DAMAGE, jinja2.TemplateError) as error:
        raise UnusableError(
            f"{source} es de otra versión o está dañado ({plain(error, 80)}); emítalo otra vez: ./difusor report "
            "--results ARCHIVO"
        ) from None


def _signs(dictamen: Mapping[str, Any]) -> Mapping[str, str]:
    """Return who signs for the institute according to the election: name and post, "" when it does not say."""
    institute = dictamen["election"].get("institute") or {"signs": {"name": "", "post": ""}}
    found: Mapping[str, str] = institute["signs"]
    return found


def _expected(dictamen: Mapping[str, Any], holder: Holder) -> bool:
    """Tell whether it is that person; the names in certificates have no accents, and capitals only."""
    name = _signs(dictamen)["name"]
    return not name or _folded(name) == _folded(holder.name)


def _folded(name: str) -> str:
    parts = unicodedata.normalize("NFD", " ".join(name.split()).casefold())
    return "".join(each for each in parts if not unicodedata.combining(each))


def _attached(source: Path, content: bytes, dictamen: Mapping[str, Any]) -> tuple[tuple[Attached, ...], list[str]]:
    """Return what goes inside: the JSON, and the results of the same measurement; a note when these are not there."""
    made = datetime.fromisoformat(dictamen["finished"])
    twin = Attached(source.name, content, made, TWIN)
    raw = source.with_name(f"{Path(dictamen['inventory']).name}.results.json")
    try:
        measured = results.load(raw)
    except results.ResultsError as error:
        return (twin,), [f"va sin los resultados de la medición: {error}"]
    if measured.finished.replace(microsecond=0) != made:  # a dictamen tells its time in whole seconds
        day = measured.finished.astimezone(ZoneInfo(dictamen["election"]["timezone"]))
        return (twin,), [f"va sin los resultados de la medición: {raw} es de otra, del {day:%d/%m/%Y}"]
    if strange := _contradicted(dictamen, measured):
        raise UnusableError(
            f"{raw} y {source} no dicen lo mismo de {strange}, y son de la misma medición: uno de los dos se alteró. "
            "Recupérelo de su copia, o mida otra vez: ./difusor report"
        )
    return (twin, Attached(raw.name, _read(raw), made, RAW)), []


def _contradicted(dictamen: Mapping[str, Any], measured: results.Results) -> str:
    """Return the first test of which a dictamen does not say what its results do; "" when there is none.

    What only one of them has a place for, because it is of another version, is not compared.
    """
    hosts = {"", *(each["host"] for each in dictamen["servers"])}
    answers = {
        (each.host, each.test): each.model_dump(mode="json", exclude={"clauses"})
        for each in measured.findings
        if each.host in hosts
    }
    said = [*chain.from_iterable(each["findings"] for each in dictamen["clauses"]), *dictamen["unbound"]]
    altered = [each["test"] for each in said if not _agree(each, answers.get((each["host"], each["test"])))]
    unsaid = answers.keys() - {(each["host"], each["test"]) for each in said}
    return next(iter([*altered, *sorted(test for _, test in unsaid)]), "")


def _agree(said: Mapping[str, Any], answer: Mapping[str, Any] | None) -> bool:
    return answer is not None and all(answer[name] == value for name, value in said.items() if name in answer)


def _dictamen(source: Path, content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except DAMAGE:
        found = None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise UnusableError(f"{source} no es un dictamen: dé el JSON que escribe ./difusor report, o un PDF")
    return found


def _refuse_altered(source: Path, content: bytes) -> None:
    """Raise UnusableError when the page beside the dictamen, which has its SHA-256, was made of another one."""
    page = source.with_suffix(".html")
    if page.exists() and _digest(content).encode() not in _read(page):
        raise UnusableError(
            f"{source} ya no es el que se emitió: {page.name} da otro SHA-256. Emítalo otra vez: ./difusor report "
            "--results ARCHIVO"
        )


def _refuse_folio(folio: str) -> None:
    if not folio.strip():
        raise UnusableError("falta el folio con que se archiva el dictamen; delo con --folio")
    if len(folio) > LONGEST_FOLIO or plain(folio) != folio:
        raise UnusableError(f"el folio va en un renglón y con {LONGEST_FOLIO} letras o menos")


def _refuse_loss(target: Path, replace: bool) -> None:
    if target.exists() and not replace and b"/ByteRange" in _read(target):
        raise UnusableError(f"{target} ya está firmado y nada cambió; si el nuevo lo sustituye, repita con --replace")


def _read(path: Path) -> bytes:
    try:
        return bounds.read(path)
    except OSError as error:
        raise UnusableError(f"no se puede leer {path} ({why(error)}); corrija la ruta") from None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
