"""The spec is complete, and its loader names every mistake in it."""

import re
from pathlib import Path

import pytest

from difusor import spec

VALID = """
document: Convocatoria
institute: Instituto
clauses:
  - {id: SW-01, title: Uno, section: ANEXO 1, quote: texto, method: medido, role: preflight, fix: Arregle.}
"""


def _load(tmp_path: Path, text: str) -> spec.Spec:
    path = tmp_path / "spec.yml"
    path.write_text(text, encoding="utf-8")
    return spec.load(path)


def test_every_clause_of_the_house_is_there() -> None:
    """The spec has who may take part, the 17 requirements of ANEXO 1 and the 14 general provisions."""
    ids = spec.load().ids
    assert [name for name in ids if name.startswith("SW")] == [f"SW-{n:02}" for n in range(1, 6)]
    assert [name for name in ids if name.startswith("HW")] == [f"HW-{n:02}" for n in range(1, 6)]
    assert [name for name in ids if name.startswith("RED")] == [f"RED-{n:02}" for n in range(1, 8)]
    assert [name for name in ids if name.startswith("DG")] == [f"DG-{n:02}" for n in range(1, 15)]


def test_integrity_and_access_are_never_waived() -> None:
    """No clause that protects the results may be waived."""
    for clause in ("SW-04", "RED-04", "RED-07", "DG-04", "DG-05", "DG-10", "DG-11", "DG-12"):
        assert spec.load()[clause].waivable == ()


def test_quotes_are_single_spaced_prose() -> None:
    """A quote that YAML folds over several lines has no line break and no double space."""
    for clause in spec.load().clauses:
        assert not re.search(r"\s\s|\n", clause.quote), clause.id
        assert clause.fix.endswith("."), clause.id


def test_lookup_by_id() -> None:
    """A clause is found by its id; the error for an unknown id lists the known ones."""
    assert spec.load()["HW-02"].expect == {"cores": 8, "ghz": 2.0}
    with pytest.raises(KeyError, match=r"XX-99.*SW-01"):
        spec.load()["XX-99"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("method: medido", "method: supuesto", "cláusula SW-01: method: debe ser 'medido'"),
        ("title: Uno, ", "", "cláusula SW-01: title: falta"),
        ("role: preflight, ", "", "cláusula SW-01: .*nombra su rol"),
        ("fix: Arregle.", "fix: Arregle., arregla: x", "cláusula SW-01: arregla: no existe"),
        ("id: SW-01", "id: SW01", "cláusula SW01: id: no tiene la forma"),
        ("institute: Instituto", "", "institute: falta"),
        ("clauses:", "clauses: [", "spec.yml no es YAML: línea"),
    ],
)
def test_problems_are_named_by_clause_and_field(tmp_path: Path, old: str, new: str, message: str) -> None:
    """The error for a mistake in the spec names the clause and the field to correct."""
    with pytest.raises(spec.SpecError, match=message):
        _load(tmp_path, VALID.replace(old, new))


def test_an_id_given_twice_is_refused(tmp_path: Path) -> None:
    """A second entry with the same id is refused, because it would hide the first."""
    with pytest.raises(spec.SpecError, match="repetidas: SW-01"):
        _load(tmp_path, VALID + VALID.splitlines()[-1])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The error names the missing file."""
    with pytest.raises(spec.SpecError, match=r"nada\.yml"):
        spec.load(tmp_path / "nada.yml")
