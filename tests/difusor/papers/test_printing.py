"""Papers as PDF: fit for an archive, the same bytes for the same paper, and no value of theirs does anything."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import jinja2
import pytest
from papers_kit import structure_of, text_of

from difusor.papers import document, printing
from difusor.papers.document import Head, Issuer
from difusor.papers.printing import Attached, pdf
from difusor.project import ROOT, UnusableError

MADE = datetime(2027, 5, 1, 18, tzinfo=UTC)
ISSUER = Issuer(
    name="Instituto <b>Electoral</b> & Cía.", acronym="IER", address="Muelle 1", telephone="(600) 000 0000",
    contact="Unidad de Informática", color="#0b3d4f", signs="Dirección Ejecutiva", signer="",
    zone=ZoneInfo("America/Tijuana"),
)  # fmt: skip
TEMPLATE = """
{% extends "paper.html.j2" %}{% import "parts.html.j2" as parts %}
{% block body %}
<p>{{ name }}</p>{{ parts.facts([("Nombre", name[:400])]) }}{{ parts.signature(name[:60], "") }}
{% endblock %}
"""


@pytest.fixture(autouse=True)
def template(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have a template `prueba` beside those of the room."""
    environment = document.environment("difusor.papers")
    loader = jinja2.ChoiceLoader([jinja2.DictLoader({"prueba": TEMPLATE}), environment.loader or jinja2.DictLoader({})])
    monkeypatch.setattr(environment, "loader", loader)
    yield


def html(name: str, folio: str = "IER/1/2027") -> str:
    return document.document("prueba", Head("Papel", "Proceso 2027", ISSUER, MADE, folio), {"name": name})


def test_a_paper_is_an_archive_s_pdf_that_a_screen_reader_can_read() -> None:
    """PDF/A-3a says so in its metadata; it is tagged, in Mexican Spanish, and has its page numbers and its folio."""
    content = pdf(html("Diario de Ribelos"), [Attached("datos.json", b"{}", MADE, "los datos")])
    objects = structure_of(content)
    assert b'pdfaid:part="3" pdfaid:conformance="A"' in objects
    for each in (b"/MarkInfo", b"es-MX", b"/StructTreeRoot", b"/OutputIntents", b"/AFRelationship /Data"):
        assert each in objects
    said = text_of(content)
    assert "Página 1 de 1" in said and said.count("IER/1/2027") == 2
    assert "Instituto <b>Electoral</b> & Cía." in said


def test_the_same_paper_has_the_same_bytes_and_another_has_others() -> None:
    first, again, other = (pdf(html(name)) for name in ("Diario", "Diario", "Diarío"))
    assert first == again != other


HOSTILE = (
    "<script>alert(1)</script><img src='file:///etc/passwd'>", "</style><link rel=attachment href=file:///etc/passwd>",
    "\u202egnp.exe", "a\u2066b\u2069", "Dіаrіо", "{{ 7*7 }}{% raw %}", "dos\nrenglones\x1b[2J\x00",
    "\ud800", "W" * 4000,
)  # fmt: skip


def test_no_value_acts_or_breaks_the_page() -> None:
    """Markup is text, nothing is fetched or attached, marks that reverse the writing are shown, and long words wrap."""
    for name in HOSTILE:
        page = html(name)
        assert "<script" not in page and "<img" not in page and "<link" not in page
        assert not re.search("[\u202e\u2066\x1b\x00\ud800]", page)
    content = pdf(html(" ".join(HOSTILE)))
    said = text_of(content)
    assert "<script>alert(1)</script>" in said and "{{ 7*7 }}" in said and said.count("W") >= 4000
    assert b"/EmbeddedFile" not in structure_of(content)


def test_a_missing_library_is_told_with_the_packages_that_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def find_spec(self, name: str, *rest: object) -> None:
            if name == "weasyprint":
                raise OSError("cannot load library 'libpango-1.0-0'")

    monkeypatch.delitem(sys.modules, "weasyprint", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(UnusableError, match=r"apt-get install libpango-1.0-0 .*fonts-liberation"):
        pdf("<p>")


def test_the_launcher_installs_what_the_sentence_names() -> None:
    assert f"need {' '.join(printing.PACKAGES)}\n" in (ROOT / "difusor").read_text()
