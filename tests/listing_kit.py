"""An institute's home with an election whose list may be published, and difusores with their papers on file."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from form_kit import GOOD, png
from publish_kit import write_election

from difusor.inventory import Election, load_election
from difusor.partners import record
from difusor.partners.filing import papers
from difusor.partners.filing.papers import Entry, Papers
from difusor.partners.form.items import Received, read
from difusor.partners.record import LOGO
from difusor.project import HOME

AT = datetime(2024, 5, 20, 18, tzinfo=UTC)
CALL = '    election_call: {{list_from: "{}", auditor: "", seat: "", elected: "", email: ""}}\n'
PICTURE = png()
PAPERS = ("oficio", "carta")


def furnish(
    folder: Path, key: Path, monkeypatch: pytest.MonkeyPatch, list_from: str | None = "2024-05-27T06:00:00Z"
) -> Path:
    """Make a home with the election `demo`, make it the home of this process, and return it."""
    monkeypatch.setenv(HOME, str(folder))
    (folder / "elections").mkdir(parents=True)
    written = write_election(folder / "elections", key)
    path = written.rename(written.with_name("demo.yml"))
    if list_from:
        path.write_text(path.read_text() + CALL.format(list_from))
    return folder


def demo(home: Path) -> Election:
    """Return the election of the home, as its file says it now."""
    return load_election(home / "elections/demo.yml")


def enrolled(
    home: Path, id: str, name: str = "", link: str = "", filed: tuple[str, ...] = PAPERS, logo: bool = True
) -> Path:
    """Make a difusor that has enrolled, with these papers on file; return its inventory, which has nothing else."""
    folder = home / "inventories" / id
    folder.mkdir(parents=True)
    (folder / "election.yml").symlink_to("../../elections/demo.yml")
    said = {**GOOD, "nombre": name or f"Diario {id.capitalize()}", "enlace": link or f"www.{id}.com.mx/prep"}
    form, _, findings = read(Received(said, {}))
    assert form, findings
    kept = record.Record(form=form, received=AT, written={LOGO: hashlib.sha256(PICTURE).hexdigest()})
    (folder / record.FILE).write_bytes(kept.to_bytes())
    if logo:
        (folder / LOGO).write_bytes(PICTURE)
    entries = []
    for number, paper in enumerate(filed):
        digest = hashlib.sha256(f"{id} {paper}".encode()).hexdigest()
        entry = Entry(paper=paper, folio=f"{number}", received=AT, filed=AT, kind="pdf", sha256=digest)  # type: ignore[arg-type]
        papers.keep(folder, entry, b"")
        entries.append(entry)
    papers.write(folder, Papers(filed=tuple(entries)))
    return folder
