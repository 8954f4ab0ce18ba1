"""Elections and catalogues as a careless clerk leaves them: told with file and place, and nothing is made of them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from home_kit import ELECTION, difusor, everything, made

from difusor.inventory import InventoryError, load, load_election
from difusor.partners import election
from difusor.partners.facts import ElectionFacts, of
from difusor.project import ROOT, UnusableError

RIBERA = (ROOT / "elections/ribera-2027.yml").read_text(encoding="utf-8")


def another(like: str) -> Path:
    return election.create(of(ElectionFacts, ELECTION | {"id": "otra", "like": like}))


MODELS = {
    "name of a colour": ('"#0b3d4f"', "red", "election_institute.colors.band: debe ser un color como #7a2682"),
    "short colour": ('"#0b3d4f"', '"#fff"', "election_institute.colors.band"),
    "capitals": ('"#0b3d4f"', '"#0B3D4F"', "en minúsculas"),
    "colour that is a comment": ('"#0b3d4f"', "#0b3d4f", "malo.yml, renglón"),
    "no offices": ("[alcaldias, congreso]", "[]", "election_offices: está vacía"),
    "capitals of an office": ("[alcaldias, congreso]", "[Alcaldias]", "no tiene el cargo «Alcaldias»; los que tiene:"),
    "office without list": ("[alcaldias, congreso]", "alcaldias", "election_offices: debe ser una lista"),
    "capitals of a place": ("election_place: ribera", "election_place: Ribera", "a su archivo; dice «Ribera»"),
    "no place": ("election_place: ribera", "election_place:", "election_place: debe ser un texto"),
    "misspelt": ("acronym:", "acronim:", "¿quiso decir acronym?"),
    "twice": ("election_client: ier", "election_client: ier\n    election_client: oir", "ya está en el renglón 21"),
    "twice within": ("acronym: IER", "acronym: IER\n      acronym: OIR", "acronym ya está en el renglón 15"),
    "tab": ("    election_offices", "\telection_offices", "renglón 12, columna 1: no es YAML válido: hay un tabulador"),
    "octal": ("interval_minutes: 15", "interval_minutes: 015", ": 015: quite los ceros de la izquierda"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "words"), MODELS.values(), ids=MODELS.keys())
def test_nothing_is_made_like_an_election_that_cannot_be_used(old: str, new: str, words: str, home: Path) -> None:
    assert old in RIBERA
    (home / "elections/malo.yml").write_text(RIBERA.replace(old, new, 1), encoding="utf-8")
    before = everything(home)
    with pytest.raises(UnusableError) as refused:
        another("malo")
    assert words in str(refused.value) and "malo" in str(refused.value), refused.value
    assert everything(home) == before


@pytest.mark.parametrize("said", ["2027", ""])
def test_an_election_whose_id_is_no_text_ends_nothing(said: str, home: Path) -> None:
    """`new election` looks at all of them, and fell with a traceback for any of another."""
    (home / "elections/malo.yml").write_text(RIBERA.replace("election_id: ribera-2027", f"election_id: {said}"))
    assert election.models() == ["ensayo", "malo"], "its place and institute are whole"
    assert election.taken("malo")["election_place"] == "ribera"
    another("ensayo")


def test_nothing_is_made_with_an_own_catalogue_that_has_fewer_offices(home: Path) -> None:
    own = home / "catalogs/ribera.yml"
    own.parent.mkdir()
    lines = (ROOT / "catalogs/ribera.yml").read_text(encoding="utf-8").splitlines(keepends=True)
    own.write_text("".join(line for line in lines if "key: congreso" not in line), encoding="utf-8")
    with pytest.raises(UnusableError, match=rf"{own} no tiene el cargo «congreso»; los que tiene: alcaldias"):
        another("ribera-2027")
    assert not (home / "elections/otra.yml").exists()


FILES = {
    "utf-16": (RIBERA.encode("utf-16"), "no está en UTF-8"),
    "latin-1": ("all: {vars: {election_name: Elección}}".encode("latin-1"), "renglón 1: no está en UTF-8"),
    "empty": (b"", "está vacío"), "no variables": (b"all:\n  vars:\n", "no es el archivo de una elección"),
    "list": (b"all:\n  vars: [1]\n", "no es el archivo de una elección"),
    "other file": (b"a: 1\n", "no es el archivo de una elección"),
    "bracket": (b"all:\n  vars:\n    election_id: [x\n", "renglón 4"),
    "twice": (b"all:\n  vars:\n    election_id: x\n    election_id: y\n", "election_id ya está en el renglón 3"),
    "two documents": (b"all: {vars: {}}\n---\nall: {vars: {}}\n", "un solo documento"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "words"), FILES.values(), ids=FILES.keys())
def test_a_file_that_is_no_election_is_told_in_a_sentence(content: bytes, words: str, home: Path) -> None:
    path = home / "elections/otra.yml"
    path.write_bytes(content)
    with pytest.raises(InventoryError) as refused:
        load_election(path)
    assert str(path) in str(refused.value) and words in str(refused.value)


def test_a_mark_that_notepad_writes_is_no_fault(home: Path) -> None:
    path = home / "elections/ensayo.yml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_election(path).id == "ensayo"


def test_a_copy_of_an_election_that_kept_its_id_is_told(home: Path) -> None:
    """Servers would take a corte of the one for one of the other."""
    made()
    copy = shutil.copy(home / "elections/ensayo.yml", home / "elections/copia.yml")
    for use in (lambda: load_election(copy), lambda: load(home / "inventories/diario")):
        with pytest.raises(InventoryError, match="tienen el mismo election_id, «ensayo»; dele otro a la que sea copia"):
            use()
    copy.write_text(copy.read_text().replace('election_id: "ensayo"', "election_id: copia  # otra"), encoding="utf-8")
    assert load_election(copy).id == "copia" and load(home / "inventories/diario")


def test_a_host_that_is_there_twice_is_told(home: Path) -> None:
    hosts = made() / "hosts.yml"
    text = hosts.read_text()
    address = next(line for line in text.splitlines() if "ansible_host" in line)
    hosts.write_text(text.replace(address, f"{address}\n{address}"))
    with pytest.raises(InventoryError, match=r"hosts\.yml, renglón 8: ansible_host ya está en el renglón 7"):
        load(hosts.parent)


def test_the_key_of_whoever_signs_is_looked_for_from_where_the_clerk_is(home: Path) -> None:
    (home / "llave.pub").write_text(ELECTION["signing_key"])
    done = difusor(
        "new", "election", "otra", "--like", "ribera-2027", "--title", "T", "--environment", "simulacro", "--trusted",
        "189.240.1.1", "--signer", "f@i.mx", "--key", os.path.relpath(home / "llave.pub", "/"), home=home,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
