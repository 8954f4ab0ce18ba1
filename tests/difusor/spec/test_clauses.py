"""The specs of the calls are complete, and the loader names every mistake in one."""

import re
from pathlib import Path

import pytest
from call_kit import FIRST, NAME

from difusor import project, spec
from difusor.spec.clauses import read
from difusor.spec.expected import VALUES

VALID = """
document: Convocatoria
institute: Instituto
annex: ANEXO 1
criteria: {certificate_days: 14, tls_floor: TLSv1.2}
clauses:
  - {id: SW-05, title: Uno, section: ANEXO 1, quote: t, method: medido, role: accounts, expect: {uid: 0}, fix: Haga.}
"""


def _load(tmp_path: Path, text: str) -> spec.Spec:
    path = tmp_path / "spec.yml"
    path.write_text(text, encoding="utf-8")
    return read(path)


def test_every_clause_of_the_house_is_there() -> None:
    """The first call has who may take part, the 17 requirements of ANEXO 1 and the 14 general provisions."""
    ids = FIRST.ids
    assert [name for name in ids if name.startswith("SW")] == [f"SW-{n:02}" for n in range(1, 6)]
    assert [name for name in ids if name.startswith("HW")] == [f"HW-{n:02}" for n in range(1, 6)]
    assert [name for name in ids if name.startswith("RED")] == [f"RED-{n:02}" for n in range(1, 8)]
    assert [name for name in ids if name.startswith("DG")] == [f"DG-{n:02}" for n in range(1, 15)]


def test_another_call_has_other_clauses_and_values() -> None:
    other = spec.load("ribera-2027")
    assert set(FIRST.ids) - set(other.ids) and set(other.ids) - set(FIRST.ids)
    common = set(FIRST.ids) & set(other.ids)
    assert {each for each in common if FIRST[each].expect != other[each].expect} >= {
        "SW-01",
        "HW-02",
        "RED-01",
        "DG-14",
    }
    assert (FIRST.tls_floor, other.tls_floor) == ("TLSv1.2", "TLSv1.3")
    assert (FIRST.rsync_port, other.rsync_port) == (873, 8730)
    assert FIRST.web_ports == other.web_ports == [80, 443]
    assert (FIRST.promises.interval_minutes, other.promises.interval_minutes) == (10, 15)


@pytest.mark.parametrize("call", spec.names())
def test_integrity_and_access_are_never_waived(call: str) -> None:
    """No clause that protects the results may be waived."""
    for clause in ("SW-04", "RED-04", "RED-07", "DG-04", "DG-05", "DG-10", "DG-11", "DG-12"):
        assert spec.load(call)[clause].waivable == ()


@pytest.mark.parametrize("call", spec.names())
def test_quotes_are_single_spaced_prose(call: str) -> None:
    """A quote that YAML folds over several lines has no line break and no double space."""
    for clause in spec.load(call).clauses:
        assert not re.search(r"\s\s|\n", clause.quote), clause.id
        assert clause.fix.endswith("."), clause.id


def test_lookup_by_id() -> None:
    """A clause is found by its id; the error for an unknown id lists the known ones."""
    assert FIRST["HW-02"].expect == {"cores": 8, "ghz": 2.0}
    with pytest.raises(KeyError, match=r"XX-99.*SW-01"):
        FIRST["XX-99"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("method: medido", "method: supuesto", "cláusula SW-05: method: debe ser 'medido'"),
        ("title: Uno, ", "", "cláusula SW-05: title: falta"),
        ("role: accounts, ", "", "cláusula SW-05: .*nombra su rol"),
        ("fix: Haga.", "fix: Haga., arregla: x", "cláusula SW-05: arregla: no existe"),
        ("id: SW-05", "id: SW05", "cláusula SW05: id: no tiene la forma"),
        ("id: SW-05", "id: SW-55", "cláusula SW-55: ninguna prueba la mide; las que se miden son PAR-01, "),
        ("uid: 0", "uid: '0'", "cláusula SW-05: expect: uid debe ser 0; dice «0»"),
        ("uid: 0", "uid: 7", "cláusula SW-05: expect: uid debe ser 0; dice «7»"),
        ("uid: 0", "", "cláusula SW-05: expect: uid falta"),
        ("uid: 0", "uid: 0, gid: 0", "cláusula SW-05: expect: gid no existe; quítela"),
        ("{uid: 0}", "[uid]", "cláusula SW-05: expect: debe ser un conjunto"),
        ("institute: Instituto", "", "institute: falta"),
        ("annex: ANEXO 1", "", "annex: falta"),
        ("tls_floor: TLSv1.2", "tls_floor: TLSv1.1", "criteria: tls_floor: debe ser 'TLSv1.2' o 'TLSv1.3'"),
        ("certificate_days: 14", "certificate_days: '14'", "criteria: certificate_days: debe ser un número entero"),
        ("document: Conv", "document: a\ndocument: Conv", "spec.yml, renglón 3: document ya está en el renglón 2"),
        ("clauses:", "clauses: [", "spec.yml no es YAML: línea"),
        ("document: Conv", "document:\u00a0Conv", "spec.yml, renglón 2, columna 10: lleva un signo que no se"),
        ("document: Conv", "document: &a x\ninstitutes: *a\nx: Conv", "spec.yml no es YAML: línea 3"),
        (VALID, "", "spec.yml está vacío, como lo deja un disco lleno; recupérelo de su copia"),
        (VALID, "---", "debe ser un conjunto de claves y valores"),
        (VALID, VALID.partition("clauses:")[0] + "clauses: []", "no tiene ninguna cláusula"),
    ],
)
def test_problems_are_named_by_clause_and_field(tmp_path: Path, old: str, new: str, message: str) -> None:
    """The error for a mistake in the spec names the clause and the field to correct."""
    with pytest.raises(spec.SpecError, match=message):
        _load(tmp_path, VALID.replace(old, new))


@pytest.mark.parametrize(
    ("clause", "given", "wrong"),
    [
        ("SW-03", {"port": 2222, "methods": ["publickey"]}, "port debe ser 22; dice «2222»"),
        ("SW-03", {"port": 22, "methods": "publickey"}, "methods debe ser una lista"),
        ("SW-03", {"port": True, "methods": []}, "methods está vacía"),
        (
            "SW-01",
            {"distribution": "Ubuntu", "versions": [22.04], "recommended": "22.04"},
            "versions.0 debe ser un texto",
        ),
        ("HW-02", {"cores": "8", "ghz": 2}, "cores debe ser un número entero"),
        ("HW-02", {"cores": 0, "ghz": float("nan")}, "ghz debe ser un número"),
        ("RED-01", {"mbps": 50, "payload_mbps": -1}, "payload_mbps"),
        ("RED-03", {"ports": [80, 443, 8080]}, "ports.2 debe ser 80 o 443; dice «8080»"),
        (
            "DG-07",
            {"port": 443},
            "port debe estar entre 1 y 32767, sin contar 22, 80, 443 y 580, que son de otros; dice «443»",
        ),
        ("DG-07", {"port": 32_768}, "dice «32768»"),
        ("DG-07", {"port": 580}, "dice «580»"),
        ("RED-04", {"ports": [22, 8730]}, "RED-04: para las direcciones confiables son 22, 873 (SW-03 y DG-07)"),
        ("DG-14", {"telephone": 6000000000, "extension": 12}, "extension debe ser un texto"),
    ],
)
def test_a_value_of_another_type_is_refused(tmp_path: Path, clause: str, given: dict, wrong: str) -> None:
    """A test would compare it with what it measured, and a server would fail for it or comply by it."""
    own = VALID.replace("SW-05", clause).replace("{uid: 0}", repr(given).replace("True", "true").replace("nan", ".nan"))
    with pytest.raises(spec.SpecError, match=re.escape(wrong)):
        _load(tmp_path, own)


def test_a_telephone_may_have_no_extension(tmp_path: Path) -> None:
    own = VALID.replace("SW-05", "DG-14").replace("{uid: 0}", '{telephone: 800 000 0000, extension: ""}')
    assert _load(tmp_path, own)["DG-14"].expect["extension"] == ""


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(spec.SpecError) as refused:
        _load(tmp_path, VALID.replace("uid: 0", "").replace("annex: ANEXO 1", "anexo: x"))
    assert len(str(refused.value).splitlines()) == 3


def test_an_id_given_twice_is_refused(tmp_path: Path) -> None:
    """A second entry with the same id is refused, because it would hide the first."""
    with pytest.raises(spec.SpecError, match="repetidas: SW-05"):
        _load(tmp_path, VALID + VALID.splitlines()[-1])


def test_a_derived_clause_rests_on_clauses_of_the_call(tmp_path: Path) -> None:
    derived = "  - {id: DG-06, title: T, section: S, quote: q, method: derivado, rests_on: [HW], fix: Haga.}\n"
    with pytest.raises(spec.SpecError, match=r"DG-06 depende de HW \(rests_on\) y no hay ninguna"):
        _load(tmp_path, VALID + derived)
    assert _load(tmp_path, VALID + derived.replace("[HW]", "[HW, SW]"))["DG-06"].rests_on == ("HW", "SW")


@pytest.mark.parametrize("other", ["Red", "RED-01", "REDES"])
def test_a_derived_clause_rests_on_groups_that_a_call_can_have(tmp_path: Path, other: str) -> None:
    """One that was misspelt counted for nothing, and the clause was met whatever the rest of the annex was."""
    derived = f"  - {{id: DG-06, title: T, section: S, quote: q, method: derivado, rests_on: [SW, {other}], fix: H.}}\n"
    with pytest.raises(spec.SpecError, match=rf"cláusula DG-06: rests_on: 1: debe ser 'PAR', .*; dice «{other}»"):
        _load(tmp_path, VALID + derived)


def test_a_call_that_does_not_exist_is_told_with_those_that_do() -> None:
    for name in ("ribera", "deviations", "../spec/ribera-2027"):
        with pytest.raises(spec.SpecError, match=rf"no hay convocatoria «{name}» .*: .*{NAME}"):
            spec.load(name)
    with pytest.raises(spec.SpecError, match="no dice de qué convocatoria es"):
        spec.load("")


def test_a_home_has_calls_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "spec").mkdir()
    (tmp_path / "spec/valle-2027.yml").write_text(VALID)
    (tmp_path / "spec/.valle.yml").write_text("no es de nadie")
    monkeypatch.setenv(project.HOME, str(tmp_path))
    assert spec.load("valle-2027").ids == ("SW-05",)
    assert spec.names() == sorted(
        {"valle-2027", *(path.stem for path in (project.ROOT / "spec").glob("*.yml"))} - {"deviations"}
    )
    assert "SW-05" in VALUES


OWN = "  - {id: DG-15, title: Planta, section: ANEXO 1, quote: Planta de luz., method: atestado, fix: Envíe.}\n"


def test_a_call_asks_also_what_no_test_measures(tmp_path: Path) -> None:
    """A document establishes it, or a person; it needs no role of the project and has no value that a test reads."""
    for method in ("atestado", "manual"):
        own = _load(tmp_path, VALID + OWN.replace("atestado", method))["DG-15"]
        assert (own.method, own.role, own.on_paper) == (method, None, method == "atestado")
        read.cache_clear()
    with pytest.raises(spec.SpecError, match=r"DG-15: ninguna prueba la mide; .* method: atestado .* unjudged"):
        _load(tmp_path, VALID + OWN.replace("atestado", "medido"))
    with pytest.raises(spec.SpecError, match="DG-15: ninguna prueba lee los valores de expect"):
        _load(tmp_path, VALID + OWN.replace("fix:", "expect: {horas: 12}, fix:"))
