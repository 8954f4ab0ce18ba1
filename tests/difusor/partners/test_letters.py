"""`difusor letter`: the call's letter word by word, the acknowledgement of the oficio, the trusted addresses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from call_kit import NAME as CALL
from inventory_kit import KEY
from papers_kit import text_of

from corte.format import files
from difusor.inventory import load_election
from difusor.inventory.variables import read
from difusor.partners import letters, record
from difusor.partners.filing import filing
from difusor.partners.host_key import fingerprint
from difusor.partners.letters import KINDS
from difusor.project import ROOT, UnusableError

MADE = datetime(2024, 5, 20, 18, tzinfo=UTC)


@pytest.fixture
def as_in_2024(home: Path, enrolled: Path) -> Path:
    """Return the inventory of a difusor in the election of the call that the project has."""
    (ours,) = (path for path in (ROOT / "elections").glob("*-2024.yml"))
    whole = yaml.safe_load(ours.read_text())
    rehearsed = yaml.safe_load((home / "elections/ensayo.yml").read_text())["all"]["vars"]
    whole["all"]["vars"] |= {name: rehearsed[name] for name in ("election_signers", "election_trusted_addresses")}
    (home / "elections/ensayo.yml").write_text(yaml.safe_dump(whole, allow_unicode=True))
    kept = record.read(enrolled)
    assert kept
    (enrolled / record.FILE).write_bytes(kept.model_copy(update={"day": None}).to_bytes())  # enrolled for another one
    return enrolled


def written(inventory: Path, *kinds: Any) -> dict[str, str]:
    papers = letters.write(inventory, kinds or KINDS, MADE, filing.state(inventory), letters.folder_of(inventory))
    return {path.stem: text_of(path) for path in papers.written} | dict(papers.waiting)


def test_the_letter_has_the_words_of_the_call_in_their_order(as_in_2024: Path) -> None:
    said = written(as_in_2024, "carta")["carta"]
    call = " ".join((ROOT / f"spec/{CALL}.txt").read_text().split())
    annex = call[call.rindex("manifiesta su compromiso") : call.rindex("A T E N T A M E N T E")].strip()
    assert annex in said
    order = ["a ______ de mayo de 2024", "PRESENTE:", "Luis Güemes", "ÁREA RESPONSABLE DEL INSTITUTO",
             "Por medio de la presente el (la) Diario de Ribelos;", annex, "A T E N T A M E N T E",
             "favor de escanear y enviar a la cuenta de correo: correspondencia@"]  # fmt: skip
    places = [said.index(each) for each in order]
    assert places == sorted(places)


def test_what_an_election_does_not_say_is_left_blank_or_said_of_it(enrolled: Path) -> None:
    said = written(enrolled, "carta")["carta"]
    election = load_election(enrolled)
    assert election.institute.name in said and "correo:" not in said


@pytest.mark.parametrize(
    ("received", "told"), [("2024-05-22T19:59:00-06:00", "dentro"), ("2024-05-22T20:01:00-06:00", "después")]
)
def test_the_acknowledgement_says_whether_the_oficio_was_in_time_and_what_is_missing(
    as_in_2024: Path, received: str, told: str, with_notice: Callable[..., None]
) -> None:
    with_notice(as_in_2024, received)
    said = written(as_in_2024, "acuse")["acuse"]
    assert "oficio MED/7" in said and f"{told} del plazo" in said
    assert "22 de mayo de 2024, 20:00 horas" in said and "Carta compromiso (ANEXO 3) falta" in said


def test_papers_that_cannot_be_made_yet_are_told_and_do_not_keep_the_others(enrolled: Path) -> None:
    found = written(enrolled)
    assert found["acuse"].startswith("no se ha registrado su oficio")
    for each in ("189.240.1.1", "2806:10::/64", "22, 2222, 8730", "TCP 80 y 443", "189.240.1.7, 2806:2f0::7"):
        assert each in found["direcciones"]
    (key,) = next(each["difusor_admin_keys"] for each in read(enrolled).hosts.values() if "difusor_admin_keys" in each)
    assert "de la cuenta ubuntu, que debe" in found["direcciones"] and fingerprint(key) in found["direcciones"]
    assert not (letters.folder_of(enrolled) / "acuse.pdf").exists()


def test_the_outlet_is_asked_from_where_its_own_people_enter(enrolled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No item of the form asks for it, and the run closes SSH to every address that is not listed."""
    monkeypatch.setattr(letters, "pdf", str.encode)
    letters.write(enrolled, ("direcciones",), MADE, (), letters.folder_of(enrolled))
    said = " ".join((letters.folder_of(enrolled) / "direcciones.pdf").read_text().split())
    assert "desde otra dirección, dígansela al Instituto antes de la instalación" in said


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("trusted_addresses", "10.1.2.3", "debe ser una lista"),
        ("trusted_addresses", ["0.0.0.0/0"], "es todo Internet"),
        ("trusted_addresses", None, "debe ser una lista"),
        ("trusted_addresses", "{{ nadie_lo_define }}", "no se puede calcular"),
        ("admin_keys", KEY, "debe ser una lista"),
        ("admin_keys", [KEY.split()[1]], "no es una llave pública"),
        ("admin_keys", [f"no-pty {KEY}"], "no es una llave pública"),
    ],
    ids=["no list", "everybody", "blank", "unknown", "no list of keys", "half a key", "options"],
)
def test_what_no_server_would_take_is_on_no_paper(
    name: str, value: Any, told: str, enrolled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An outlet's administrator would open the server to what nobody meant, or nobody gets a paper for one mistake."""
    monkeypatch.setattr(letters, "pdf", lambda html: b"%PDF-")
    main = enrolled / f"group_vars/{enrolled.name}/main.yml"
    main.write_text(yaml.safe_dump(yaml.safe_load(main.read_text()) | {f"difusor_{name}": value}))
    found = letters.write(enrolled, ("carta", "direcciones"), MADE, (), letters.folder_of(enrolled))
    assert [path.stem for path in found.written] == ["carta"]
    assert f"difusor_{name}" in found.waiting["direcciones"] and told in found.waiting["direcciones"]


def test_no_paper_is_written_while_somebody_signs_an_earlier_one(
    enrolled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`seal`, which holds the lock of the folder, wrote the signed earlier one over the new one."""
    folder, kept, held = letters.folder_of(enrolled), files.replace, []

    def replace(path: Path, content: bytes) -> None:
        with pytest.raises(BlockingIOError), files.locked(folder, wait=False):
            pass
        held.append(path.name)
        kept(path, content)

    monkeypatch.setattr(letters, "pdf", lambda html: b"%PDF-")
    monkeypatch.setattr(files, "replace", replace)
    letters.write(enrolled, ("carta",), MADE, filing.state(enrolled), folder)
    assert held == ["carta.pdf"]


def test_a_key_that_ends_with_its_line_is_on_the_paper(enrolled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it does in a block of YAML; a run takes it."""
    monkeypatch.setattr(letters, "pdf", lambda html: b"%PDF-")
    main = enrolled / f"group_vars/{enrolled.name}/main.yml"
    main.write_text(yaml.safe_dump(yaml.safe_load(main.read_text()) | {"difusor_admin_keys": [f"{KEY}\n"]}))
    assert letters.write(enrolled, ("direcciones",), MADE, (), letters.folder_of(enrolled)).waiting == {}


def test_where_the_call_says_no_ports_the_paper_tells_those_of_the_servers(
    home: Path, enrolled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "pdf", str.encode)
    call = f"{load_election(enrolled).spec}.yml"
    clauses = yaml.safe_load((ROOT / "spec" / call).read_text())
    clauses["clauses"] = [each for each in clauses["clauses"] if each["id"] not in ("RED-03", "RED-04")]
    (home / "spec/papers").mkdir(parents=True)
    (home / "spec" / call).write_text(yaml.safe_dump(clauses))
    texts = (ROOT / "spec/papers" / call).read_text().partition("addresses:")[0]
    (home / "spec/papers" / call).write_text(texts)
    letters.write(enrolled, ("direcciones",), MADE, (), letters.folder_of(enrolled))
    said = (letters.folder_of(enrolled) / "direcciones.pdf").read_text()
    assert "22, 2222, 8730" in said and "TCP 80 y 443: " in said and 'class="quote"' not in said


def test_the_same_papers_have_the_same_bytes(enrolled: Path) -> None:
    written(enrolled, "carta")
    first = (letters.folder_of(enrolled) / "carta.pdf").read_bytes()
    written(enrolled, "carta")
    assert (letters.folder_of(enrolled) / "carta.pdf").read_bytes() == first


def test_a_difusor_without_a_form_has_no_letter(home: Path) -> None:
    (home / "inventories/otro").mkdir()
    with pytest.raises(UnusableError, match="no tiene formato del ANEXO 2") as told:
        letters.write(home / "inventories/otro", KINDS, MADE, (), home)
    assert "./difusor file ARCHIVO -i otro --as carta" in str(told.value)
    assert "./difusor enroll" not in str(told.value), "refuses a name that exists already"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"environment": "simulacro", "opens": "2027-05-16T19:00:00-07:00"}, "el ______"),
        (
            {"environment": "simulacro", "opens": "2027-05-16T19:00:00-07:00", "day": "2027-06-06"},
            "el 6 de junio de 2027",
        ),
        ({"environment": "official", "opens": "2027-06-06T19:00:00-07:00"}, "el 6 de junio de 2027"),
        (
            {"environment": "official", "opens": "2027-06-07T00:00:00-07:00", "day": "2027-06-06"},
            "el 6 de junio de 2027",
        ),
    ],
    ids=["rehearsal", "rehearsal of a day", "evening", "after midnight"],
)
def test_a_letter_commits_to_the_day_of_the_election(
    said: dict[str, str], told: str, home: Path, enrolled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = home / "elections/ensayo.yml"
    whole = yaml.safe_load(ours.read_text())
    whole["all"]["vars"].pop("election_day", None)
    whole["all"]["vars"] |= {f"election_{name}": value for name, value in said.items()}
    ours.write_text(yaml.safe_dump(whole, allow_unicode=True))
    drawn: list[str] = []
    monkeypatch.setattr(letters, "pdf", lambda html: drawn.append(html) or b"%PDF-")
    letters.write(enrolled, ("carta",), MADE, (), letters.folder_of(enrolled))
    assert f"que se celebrará {told}," in drawn[0]
