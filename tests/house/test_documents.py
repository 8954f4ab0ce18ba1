"""House rules for the documents: files and sections they name or link to exist, and README and LEEME name the same."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path

import pytest
from house.test_rooms import ROOMS
from house_kit import tracked, tracked_at

from difusor.project import ROOT

DOCUMENTS = [path for path in tracked() if path.suffix == ".md"]
TOPS = {path.relative_to(ROOT).parts[0] for path in tracked()}
LINK = re.compile(r"\]\(([^)#]+)[^)]*\)")
NAME = re.compile(r"`([\w.-]+/[\w./*{},-]*)`")
ANCHOR = re.compile(r"\]\(([^)#:]*)#([^)]+)\)")
HEADING = re.compile(r"^#{1,6} (.*)$", re.MULTILINE)
FENCE = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
QUOTED = re.compile(r"(docs/[\w/.-]+\.md), «([^»]+)»")
"""As a message sends its reader to a document: the file, and words to look for in it."""
STEPS = re.findall(r"^\| `(\S+)` \| `([^`]+)` \|", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)
"""The first two columns of the walks in CONTRIBUTING.md: a file or folder, and the name to look for in it."""
REDIRECTED = re.compile(r"(?:\./difusor|\bln|pytest|ansible-playbook) [^`\"'\n]*<[a-záéíóúñ_ ]+>")
"""A command with a placeholder that a shell takes for two redirections; pasted, it would read and write files."""
COMMANDED = [path for path in tracked() if path.suffix in {".md", ".py", ".yml", ".j2"} and "tests" not in path.parts]


def label(path: Path) -> str:
    return str(path.relative_to(ROOT))


document_test = pytest.mark.parametrize("document", DOCUMENTS, ids=label)


@document_test
def test_documents_name_files_that_exist(document: Path) -> None:
    names = [name for name in NAME.findall(document.read_text(encoding="utf-8")) if name.split("/")[0] in TOPS]
    assert [name for name in names if not all(any(ROOT.glob(each)) for each in alternatives(name))] == []


def test_no_command_has_a_placeholder_that_a_shell_would_obey() -> None:
    found = {label(path): REDIRECTED.findall(path.read_text(encoding="utf-8")) for path in COMMANDED}
    assert {path: commands for path, commands in found.items() if commands} == {}


@document_test
def test_documents_link_to_files_that_exist(document: Path) -> None:
    targets = LINK.findall(document.read_text(encoding="utf-8"))
    assert [target for target in targets if "://" not in target and not (document.parent / target).exists()] == []


@document_test
def test_documents_link_to_sections_that_exist(document: Path) -> None:
    found = ANCHOR.findall(document.read_text(encoding="utf-8"))
    wrong = [
        (name, anchor) for name, anchor in found if anchor not in sections((document.parent / name, document)[not name])
    ]
    assert wrong == []


def test_a_message_that_sends_to_a_document_quotes_it() -> None:
    """Its reader looks for the words in the document."""
    found = [(path, *each) for path in COMMANDED for each in QUOTED.findall(joined(path.read_text(encoding="utf-8")))]
    assert found
    lost = [each for each in found if each[2] not in (ROOT / each[1]).read_text(encoding="utf-8")]
    assert lost == []


def test_the_index_links_to_every_document() -> None:
    text = (ROOT / "docs/index.md").read_text(encoding="utf-8")
    linked = {(ROOT / "docs" / target).resolve() for target in LINK.findall(text)}
    assert [label(path) for path in DOCUMENTS if path.is_relative_to(ROOT / "docs") and path not in linked] == [
        "docs/index.md"
    ]


def test_the_glossary_is_sorted_and_names_each_term_once() -> None:
    rows = (ROOT / "docs/glossary.md").read_text(encoding="utf-8").splitlines()
    terms = [fold(row.split("|")[1].strip()) for row in rows if row.startswith("| ")][1:]
    assert terms == sorted(set(terms))


def test_the_architecture_describes_every_room_in_order() -> None:
    text = (ROOT / "docs/en/architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `((?:corte|difusor)\.\w+)` \|", text, re.MULTILINE)
    assert named == list(reversed(ROOMS))


def test_both_readmes_point_to_the_same_files() -> None:
    spanish, english = ((ROOT / name).read_text(encoding="utf-8") for name in ("LEEME.md", "README.md"))
    assert NAME.findall(spanish) == NAME.findall(english)


@pytest.mark.parametrize(("where", "what"), STEPS)
def test_a_walk_names_what_stands_there(where: str, what: str) -> None:
    assert any(what in path.read_text(encoding="utf-8", errors="replace") for path in tracked_at(where))


def fold(term: str) -> str:
    """Return a term as a dictionary sorts it: without case and accents."""
    return "".join(each for each in unicodedata.normalize("NFD", term.casefold()) if not unicodedata.combining(each))


def joined(source: str) -> str:
    """Return a source in which texts that Python or YAML joins stand in one line."""
    return re.sub(r"(\"\s*\n\s*f?\"|\s*\n\s*)", lambda found: "" if '"' in found[0] else " ", source)


@cache
def sections(document: Path) -> set[str]:
    """Return the anchors of a document, as GitHub makes them of its headings."""
    slugs: list[str] = []
    for heading in HEADING.findall(FENCE.sub("", document.read_text(encoding="utf-8"))):
        said = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        slug = "".join(each for each in said if each.isalnum() or each in " -_").replace(" ", "-")
        again = sum(each == slug or re.fullmatch(rf"{re.escape(slug)}-\d+", each) is not None for each in slugs)
        slugs.append(f"{slug}-{again}" if again else slug)
    return set(slugs)


def alternatives(name: str) -> list[str]:
    """Return the names that a pair of braces stands for."""
    if not (braces := re.search(r"{(.*?)}", name)):
        return [name.removesuffix("/")]
    return [each for part in braces[1].split(",") for each in alternatives(name.replace(braces[0], part, 1))]
