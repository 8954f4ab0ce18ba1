"""Writes the deviations as SCAP tailoring files, with which OpenSCAP skips the rules that are explained there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

from corte.format import files
from difusor.spec import deviations
from difusor.spec.deviations import Auditor, Deviations

XCCDF = "http://checklists.nist.gov/xccdf/1.2"
CONTENT = "xccdf_org.ssgproject.content"
"""The beginning of all ids in the SCAP Security Guide."""
OWN = "xccdf_mx.prep-difusor"


@dataclass(frozen=True)
class Guide:
    """A guide of the SCAP Security Guide: its file, and the profiles that the servers are measured against."""

    content: str
    auditor: Auditor
    profiles: tuple[str, ...]


GUIDES = (
    Guide("ubuntu2204", "cis", ("cis_level1_server", "cis_level2_server")),
    Guide(
        "debian12",
        "anssi",
        ("anssi_bp28_minimal", "anssi_bp28_intermediary", "anssi_bp28_enhanced", "anssi_bp28_high"),
    ),
)


def write_all(folder: Path) -> Iterator[tuple[Guide, Path]]:
    """Write the tailoring of each guide to `folder`, and yield each guide with the path written.

    Raises SpecError when the deviations cannot be read.
    """
    left_out = deviations.load()
    folder.mkdir(parents=True, exist_ok=True)
    for guide in GUIDES:
        path = folder / f"{guide.content}.xml"
        files.replace(path, tailor(guide, left_out, datetime.now(UTC)))
        yield guide, path


def tailor(guide: Guide, left_out: Deviations, written: datetime) -> bytes:
    """Return the tailoring of a guide (XCCDF 1.2, XML): each profile extended, without the rules of `left_out`."""
    ElementTree.register_namespace("", XCCDF)
    root = ElementTree.Element(f"{{{XCCDF}}}Tailoring", id=f"{OWN}_tailoring_{guide.content}")
    _add(root, "benchmark", href=f"ssg-{guide.content}-ds.xml")
    _add(root, "version", "1", time=written.isoformat(timespec="seconds"))
    for name in guide.profiles:
        profile = _add(root, "Profile", id=f"{OWN}_profile_{name}", extends=f"{CONTENT}_profile_{name}")
        _add(profile, "title", f"{name}, sin las reglas que deliberadamente no se aplican")
        for rule, deviation in deviations.by_id(left_out, guide.auditor).items():
            selector = _add(profile, "select", idref=f"{CONTENT}_rule_{rule}", selected="false")
            _add(selector, "remark", deviation.reason)
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _add(parent: ElementTree.Element, tag: str, text: str | None = None, **attributes: str) -> ElementTree.Element:
    """Add an element of XCCDF to another, and return it."""
    child = ElementTree.SubElement(parent, f"{{{XCCDF}}}{tag}", attributes)
    child.text = text
    return child
