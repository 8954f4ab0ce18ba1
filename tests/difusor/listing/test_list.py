"""`difusor list`: who is on it, what its page says, and how a citizen verifies that it is the institute's."""

from __future__ import annotations

import hashlib
import html
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from corte_kit import make_key
from form_kit import png
from home_kit import difusor, everything, made
from home_kit import furnish as furnish_whole
from listing_kit import AT, demo, enrolled, furnish
from publish_kit import command_of

from difusor.commands import list as command
from difusor.inventory import linked, load_election
from difusor.listing import entries, making, page, state, watching
from difusor.listing.entries import Listed
from difusor.listing.looks import Look
from difusor.listing.making import Making
from difusor.listing.state import Failing, State
from difusor.listing.watch import Event
from difusor.partners import record, revocation
from difusor.partners.filing import papers
from difusor.partners.filing.papers import Entry, Excuse, Papers
from difusor.partners.record import LOGO
from difusor.process import streams
from difusor.project import UnusableError
from difusor.suite import browser


def wanted(folder: Path | None, key: Path | None) -> Making:
    return Making("demo", folder, key)


def twin(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / page.TWIN).read_bytes())
    return found


def revoke(folder: Path) -> None:
    (folder / f"group_vars/{folder.name}").mkdir(parents=True)
    revocation.revoke(folder, revocation.Order(by="Pleno", reason="alteró los resultados"))


def test_only_whoever_has_every_paper_and_was_not_revoked_is_on_it_by_name(home: Path, key: Path) -> None:
    for id, name in (("sur", "Ómnibus del Sur"), ("valle", "Diario del Valle"), ("norte", "el Norte")):
        enrolled(home, id, name)
    enrolled(home, "sincarta", filed=("oficio",))
    enrolled(home, "sinoficio", filed=("carta",))
    enrolled(home, "sinlogo", logo=False)
    revoke(enrolled(home, "revocado"))
    (enrolled(home, "roto") / papers.FILE).write_text("{")
    (enrolled(home, "sinforma") / record.FILE).unlink()
    for id in ("gemelo", "gemela"):
        enrolled(home, id, "La Gémela" if id == "gemela" else "LA GEMELA")
    found = making.make(wanted(home / "lista", key))
    assert [each.name for each in found.shown] == ["Diario del Valle", "el Norte", "Ómnibus del Sur"]
    left = [(each.id, each.reason.partition(":")[0].partition(",")[0], each.damage) for each in found.entries.left]
    twins = "otro difusor lleva el mismo nombre o el mismo enlace; corrija uno de los dos"
    of = f"{home}/inventories"
    since = revocation.read(home / "inventories/revocado")[0].told.partition(":")[0]
    assert left == [
        ("gemela", twins, True),
        ("gemelo", twins, True),
        ("revocado", since, False),
        ("roto", f"{of}/roto/papeles.json no es un registro que se entienda; recupérelo de su copia", True),
        ("sincarta", "falta la carta compromiso (ANEXO 3)", False),
        ("sinforma", "falta el formato", False),
        ("sinlogo", f"{of}/sinlogo/logotipo.png falta", False),
        ("sinoficio", "falta el oficio digitalizado", False),
    ]
    assert [each["nombre"] for each in twin(home / "lista")["difusores"]] == [each.name for each in found.shown]  # type: ignore[attr-defined]


def test_an_inventory_that_links_no_election_is_told_and_the_verb_fails(home: Path, key: Path) -> None:
    """It was missing from the list without a word when its link had become a copy, as rsync -L leaves it."""
    enrolled(home, "sur")
    for id in ("copia", "perdido", "retirado"):
        (enrolled(home, id) / "election.yml").unlink()
    (home / "inventories/copia/election.yml").write_bytes((home / "elections/demo.yml").read_bytes())
    revoke(home / "inventories/retirado")
    found = making.make(wanted(None, None))
    assert [each.id for each in found.shown] == ["sur"]
    left = {each.id: (each.reason, each.damage) for each in found.entries.left}
    assert left.keys() == {"copia", "perdido", "retirado"}
    assert left["copia"] == (linked.of_nobody(home / "inventories/copia"), True)
    assert left["retirado"][1] is False and left["retirado"][0].startswith("fuera de la lista desde ")
    done = difusor("list", str(home / "lista"), "--key", str(key), home=home)
    assert done.returncode == 1 and "copia no está en la lista: su election.yml " in done.stderr
    assert "inventories/copia/election.yml" in done.stderr


def test_the_page_links_exactly_what_was_registered_and_nothing_else_outside(home: Path, key: Path) -> None:
    enrolled(home, "sur", link="https://www.diariodelsur.com.mx/Prep_2024/")
    enrolled(home, "norte", link="prep.elnorte.mx")
    making.make(wanted(home / "lista", key))
    text = (home / "lista/index.html").read_text()
    outside = re.findall(r'(?:href|src)="(https?:[^"]*)"', text)
    assert outside == ["https://prep.elnorte.mx", "https://www.diariodelsur.com.mx/Prep_2024"]
    local = set(re.findall(r'(?:href|src)="(?!https?:|#|data:)([^"]*)"', text))
    assert all((home / "lista" / name).is_file() for name in local)
    assert local == {
        *(str(each.relative_to(home / "lista")) for each in (home / "lista").rglob("*") if each.is_file())
    } - {page.PAGE}
    assert "<script" not in text and "url(" not in (home / "lista/estilo.css").read_text()
    assert "@import" not in (home / "lista/estilo.css").read_text() and "default-src 'none'" in text
    assert "prefers-color-scheme: dark" in (home / "lista/estilo.css").read_text()
    for color in ("#0b3d4f", "#0a6a72", "#7fd4dc"):  # the institute's
        assert color in (home / "lista/estilo.css").read_text()


def test_a_citizen_verifies_the_list_with_the_command_that_the_page_gives(home: Path, key: Path) -> None:
    enrolled(home, "sur")
    making.make(wanted(home / "lista", key))
    (command,) = re.findall(r"<code>(ssh-keygen .*?)</code>", (home / "lista/index.html").read_text())
    shell = html.unescape(command)
    right = subprocess.run(shell, shell=True, cwd=home / "lista", capture_output=True, text=True)
    fingerprint = subprocess.run(["ssh-keygen", "-lf", key], capture_output=True, text=True).stdout.split()[1]
    assert right.returncode == 0 and right.stdout.startswith("Good") and fingerprint in right.stdout, right
    assert fingerprint in (home / "lista/index.html").read_text()
    digests = twin(home / "lista")["archivos"]
    assert digests == {
        name: hashlib.sha256(content).hexdigest()
        for name, content in everything(home / "lista").items()
        if name not in (page.TWIN, page.SIGNATURE, page.SIGNERS)
    }
    (home / "lista/lista.json").write_text((home / "lista/lista.json").read_text().replace("www.sur", "www.otro"))
    assert subprocess.run(shell, shell=True, cwd=home / "lista", capture_output=True).returncode != 0


@pytest.mark.parametrize(
    ("list_from", "told"),
    [
        ("2039-05-27T06:00:00Z", "la convocatoria permite publicar la lista desde el 26/05/2039 23:00:00 PDT"),
        (None, "no dice desde cuándo puede publicarse la lista"),
    ],
)
def test_the_list_is_not_written_before_the_call_allows_it(
    list_from: str | None, told: str, tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = furnish(tmp_path / "instituto", key, monkeypatch, list_from)
    enrolled(folder, "sur")
    with pytest.raises(UnusableError, match=told):
        making.make(wanted(folder / "lista", key))
    with pytest.raises(UnusableError, match=told):
        list(watching.rounds(wanted(folder / "lista", key), 1, 1))
    assert not (folder / "lista").exists()
    assert [each.id for each in making.make(wanted(None, None)).shown] == ["sur"]  # the desk may see it any time


def test_a_folder_with_other_things_and_a_key_that_may_not_sign_change_nothing(home: Path, key: Path) -> None:
    enrolled(home, "sur")
    making.make(wanted(home / "lista", key))
    (home / "ajena").mkdir()
    (home / "ajena/tesis.odt").write_text("x")
    shutil.copytree(home / "lista", home / "web")
    (home / "web/robots.txt").write_text("x")
    before = everything(home)
    stranger = make_key(home, "ajeno")
    for asked, told in (
        (wanted(home / "ajena", key), "tiene otras cosas, que se perderían"),
        (wanted(home / "web", key), r"se perderían \(robots\.txt\); sáquelas"),
        (wanted(home / "lista", stranger), "no es de ningún firmante de demo"),
        (wanted(home / "lista", None), "dé la llave de un firmante"),
    ):
        with pytest.raises(UnusableError, match=told):
            making.make(asked)
    assert {name: text for name, text in everything(home).items() if name in before} == before
    assert [each.name for each in home.iterdir() if each.name.startswith(".")] == []


def test_no_list_takes_effect_that_the_log_cannot_tell_of(home: Path, key: Path) -> None:
    """As on a disk that is full: the verb says that it could not, and it did not."""
    enrolled(home, "sur")
    making.make(wanted(home / "lista", key))
    before = everything(home / "lista")
    enrolled(home, "norte")
    log = state.folder(demo(home)) / "bitacora.jsonl"
    log.unlink()
    log.mkdir()
    with pytest.raises(UnusableError, match=r"no se puede escribir en .*bitacora\.jsonl"):
        making.make(wanted(home / "lista", key))
    assert everything(home / "lista") == before and not list(home.glob(".lista*"))


def test_a_line_of_the_log_that_was_cut_takes_no_other_along(home: Path) -> None:
    log = state.folder(demo(home)) / "bitacora.jsonl"
    state.log(demo(home), AT, que="uno")
    log.write_bytes(whole := log.read_bytes() + b'{"cuando": "2024-05-')
    state.log(demo(home), AT, que="dos")
    state.log(demo(home), AT, que="tres")
    lines = log.read_text().splitlines()
    assert log.read_bytes().startswith(whole) and len(lines) == 4
    assert [json.loads(line)["que"] for line in (lines[0], *lines[2:])] == ["uno", "dos", "tres"]


def test_the_list_takes_the_place_of_the_one_before_as_a_whole(home: Path, key: Path) -> None:
    (home / "lista").mkdir()  # an empty one is as good as none
    first = enrolled(home, "sur")
    making.make(wanted(home / "lista", key))
    inode = (home / "lista").stat().st_ino
    (first / LOGO).write_bytes(b"")
    enrolled(home, "norte")
    making.make(wanted(home / "lista", key))
    assert (home / "lista").stat().st_ino != inode
    assert [each["nombre"] for each in twin(home / "lista")["difusores"]] == ["Diario Norte"]  # type: ignore[attr-defined]
    assert len(list((home / "lista/logotipos").iterdir())) == 1
    assert {path.stat().st_mode & 0o777 for path in (home / "lista").rglob("*") if path.is_file()} == {0o644}


def test_who_serves_a_copy_of_the_list_can_read_it(home: Path, key: Path) -> None:
    """Whatever the umask of the account that writes it."""
    enrolled(home, "sur")
    before = os.umask(0o077)
    try:
        making.make(wanted(home / "lista", key))
    finally:
        os.umask(before)
    modes = {path.stat().st_mode & 0o777 for path in (home / "lista").rglob("*") if path.is_file()}
    assert modes == {0o644} and (home / "lista/logotipos").stat().st_mode & 0o777 == 0o755


def test_a_name_that_the_desk_would_refuse_is_not_listed_and_none_does_anything(home: Path, key: Path) -> None:
    """Such a record was written by hand. The page itself takes no name for anything but text either."""
    folder = enrolled(home, "sur")
    hostile = '<img src=//x onerror=alert(1)> {{ 7*7 }} \u202e "Diario"'
    kept = record.read(folder)
    assert kept is not None
    named = kept.model_copy(update={"form": kept.form.model_copy(update={"name": hostile})})
    (folder / record.FILE).write_bytes(named.to_bytes())
    found = making.make(wanted(home / "lista", key))
    assert not found.shown and [(each.id, each.damage) for each in found.entries.left] == [("sur", True)]
    election = load_election(home / "elections/demo.yml")
    text = page.html(election, [page.Tile(hostile, "https://www.sur.mx/", hostile)], [(hostile, hostile)], (AT, AT), "")
    assert "<img" not in text and "\u202e" not in text and "{{ 7*7 }}" in text and "&lt;img" in text


def test_a_logo_is_drawn_anew_and_one_that_changed_is_not_shown(home: Path, key: Path) -> None:
    folder = enrolled(home, "sur")
    making.make(wanted(home / "lista", key))
    (shown,) = (home / "lista/logotipos").iterdir()
    assert shown.read_bytes() != (folder / LOGO).read_bytes() and shown.read_bytes().startswith(b"\x89PNG")
    (folder / LOGO).write_bytes(png(80, 80))
    assert making.make(wanted(home / "lista", key)).shown == ()


def test_whoever_was_made_with_new_and_has_no_logo_has_a_tile_in_letters(
    tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made_by_new(tmp_path, key, monkeypatch)
    found = entries.entries([folder], None)
    assert [(each.name, each.url, each.logo) for each in found.listed] == [
        ('Diario del Valle: "el de siempre"', "https://prep.diario.mx/prep2027mor", None)
    ]
    home = folder.parents[1]
    making.make(Making("demo", home / "lista", key))
    text = (home / "lista/index.html").read_text()
    assert '<span class="logo letters">Diario del Valle: &#34;el de siempre&#34;</span>' in text and "<img" not in text


def made_by_new(tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = furnish_whole(tmp_path / "instituto", monkeypatch)
    folder = made()
    (home / "elections/ensayo.yml").unlink()
    furnish(home.parent / "otro", key, monkeypatch)
    shutil.copy(home.parent / "otro/elections/demo.yml", home / "elections/demo.yml")
    monkeypatch.setenv("DIFUSOR_HOME", str(home))
    (folder / "election.yml").unlink()
    (folder / "election.yml").symlink_to("../../elections/demo.yml")
    filed = []
    for paper in ("oficio", "carta", "formato"):
        digest = hashlib.sha256(paper.encode()).hexdigest()
        entry = Entry(paper=paper, folio="1", received=AT, filed=AT, kind="pdf", sha256=digest)  # type: ignore[arg-type]
        papers.keep(folder, entry, b"")
        filed.append(entry)
    excused = Excuse(paper="logotipo", reason="acuerdo 12", by="mesa", at=AT)
    papers.write(folder, Papers(filed=tuple(filed), excused=(excused,)))
    return folder


def test_an_inventory_that_nobody_foresaw_is_left_out_alone(
    tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site in front that was written as a text ended the verb, and the watch, for all."""
    folder = made_by_new(tmp_path, key, monkeypatch)
    enrolled(folder.parents[1], "sur")
    with (folder / "group_vars/diario/main.yml").open("a") as variables:
        variables.write("difusor_front: www.diario.mx\n")
    found = making.make(wanted(None, None))
    assert [each.id for each in found.shown] == ["sur"]
    assert [(each.id, each.damage) for each in found.entries.left] == [("diario", True)]
    assert found.entries.left[0].reason.startswith("falló este programa (AttributeError: ")


def test_whom_the_watch_left_out_stays_out_of_a_list_made_by_hand(home: Path, key: Path) -> None:
    for id in ("sur", "norte"):
        enrolled(home, id)
    state.keep(demo(home), State(failing={"sur": Failing(failures=2, since=AT, faults=("no responde",))}))
    found = making.make(wanted(home / "lista", key))
    assert [each.id for each in found.shown] == ["norte"] and list(found.out) == ["sur"]


def test_who_failed_in_a_rehearsal_is_on_the_list_of_the_night(home: Path, key: Path) -> None:
    """Its file becomes the official one under the same id; what a former version kept may be of either."""
    enrolled(home, "sur")
    failing = State(failing={"sur": Failing(failures=2, since=AT, faults=("no responde",))})
    election = home / "elections/demo.yml"
    official = election.read_text()
    election.write_text(official.replace("official", "simulacro"))
    state.keep(demo(home), failing)
    former = home / "build/lista/demo/estado.json"
    former.parent.mkdir(parents=True)
    former.write_text(failing.model_dump_json(exclude_none=True))
    assert not making.make(wanted(None, None)).shown
    election.write_text(official)
    assert [each.id for each in making.make(wanted(home / "lista", key)).shown] == ["sur"]


def test_the_verb_answers_in_json_and_with_its_status(home: Path, key: Path) -> None:
    enrolled(home, "sur")
    enrolled(home, "sincarta", filed=("oficio",))
    done = difusor("list", str(home / "lista"), "--key", str(key), "--json", home=home)
    said = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert [each["url"] for each in said["listed"]] == ["https://www.sur.com.mx/prep"] and said["written"]
    assert "sincarta no está en la lista: falta la carta compromiso" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["lista", "--watch"], "--watch necesita la CARPETA"),
        (["--key", __file__], "dé también la CARPETA"),
        (["--dns", "dns.mx"], "no es la dirección de un servidor de nombres"),
    ],
)
def test_what_the_verb_cannot_do_is_said_at_once(words: list[str], told: str, home: Path) -> None:
    done = CliRunner().invoke(command_of(command), words)
    assert done.exit_code != 0 and told in " ".join(done.output.replace("│", "").split())


@pytest.mark.skipif(not any(map(shutil.which, browser.PROGRAMS)), reason="this machine has no browser")
def test_the_page_fits_a_telephone(home: Path, key: Path) -> None:
    """At 390 px nothing reaches beyond the screen. It is a frame, since Chromium's window is wider; its bar has 15."""
    for number in range(12):
        enrolled(home, f"medio{number}", f"Universidad Interdisciplinaria de Ribelos número {number}")
    enrolled(home, "largo", "W" * 120)
    making.make(wanted(home / "lista", key))
    text = (home / "lista/index.html").read_text()
    style = (home / "lista/estilo.css").read_text()
    whole = re.sub("<link rel=.stylesheet.*?>", f"<style>{style}</style>", re.sub("<meta http-equiv.*?>", "", text))
    measure = "document.title = document.body.textContent = frames[0].document.documentElement.scrollWidth + ' px'"
    frame = f'<iframe style="width: 405px; border: 0" srcdoc="{html.escape(whole)}"></iframe>'
    (home / "frame.html").write_text(f'<body onload="{measure}">{frame}</body>', encoding="utf-8")
    assert browser.read((home / "frame.html").as_uri(), "nadie.test", "127.0.0.1") == "390 px"


def test_the_watch_goes_on_when_nobody_reads_its_json_any_more(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = making.make(wanted(None, None))
    monkeypatch.setattr(watching, "rounds", lambda *_: [made] * 3)
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", streams._over(pipe, streams._Output))
        assert command._watched(wanted(None, None), 0, 3, as_json=True)
    told = capsys.readouterr().err
    assert told.count("el JSON ya no puede escribirse (la conexión se cortó)") == 1
    assert told.count("0 páginas en") == 3


def test_a_page_that_could_not_be_checked_is_told_to_people_and_to_programs(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In JSON it was a page like any other that has a warning."""
    found = {"norte": Look((), ("esta máquina no pudo comprobarlo",), is_unknown=True), "sur": Look()}
    made = replace(making.make(wanted(None, None)), looks=found)
    monkeypatch.setattr(watching, "rounds", lambda *_: [made])
    assert command._watched(wanted(None, None), 0, 1, as_json=True)
    told = capsys.readouterr()
    assert {id: each["unknown"] for id, each in json.loads(told.out)["looks"].items()} == {"norte": True, "sur": False}
    assert "2 páginas en 0.0 s; 0 en la lista, 1 sin comprobar" in told.err


def test_who_leaves_the_list_is_told_after_the_rows_of_all_pages(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With forty pages it had left the screen, and with it whom to call."""
    looks = {"norte": Look(("no responde",)), "sur": Look((), ("su certificado termina pronto",))}
    listed = Listed("norte", "Diario", "www.norte.com.mx/prep/", call="Ana Peña, 600 000 0000")
    event = Event("sale", listed, AT, ("no responde",))
    made = replace(making.make(wanted(None, None)), looks=looks, events=(event,))
    monkeypatch.setattr(watching, "rounds", lambda *_: [made])
    command._watched(wanted(None, None), 0, 1, as_json=False)
    told = " ".join(capsys.readouterr().err.split())
    assert told.index("su certificado") < told.index("2 páginas en") < told.index("norte sale de la lista")
    assert told.endswith("Llame a Ana Peña, 600 000 0000.")


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("en IPv4 127.0.0.2: muestra el corte 6, firmado ayer, y el Instituto publicó el 7, firmado hoy", True),
        ("en IPv4 127.0.0.2: no muestra ningún corte, y el Instituto ya publicó", True),
        ("www.norte.com.mx no tiene direcciones en el DNS", False),
    ],
    ids=["the one before", "none", "another fault"],
)
def test_of_who_lacks_the_last_corte_it_is_asked_first_whether_it_was_sent(fault: str, told: bool) -> None:
    listed = Listed("norte", "Diario", "www.norte.com.mx/prep/", call="Ana Peña, 600 000 0000")
    remedy = command._remedy(Event("sale", listed, AT, (fault,)))
    assert remedy.startswith("Si no se le envió: ./difusor publish CARPETA -i norte; ") is told
    assert remedy.endswith("lame a Ana Peña, 600 000 0000")
