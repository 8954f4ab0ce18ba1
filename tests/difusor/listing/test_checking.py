"""`difusor verify LISTA`: a list that was altered, that is nobody's, or that is no longer the one of today."""

from __future__ import annotations

import errno
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from corte_kit import make_key
from listing_kit import enrolled
from publish_kit import command_of

from corte.format import signature
from corte.format.refusal import Refusal
from difusor.commands import verify
from difusor.inventory import load_election
from difusor.listing import checking, making, page
from difusor.listing.making import Making
from difusor.partners import revocation
from difusor.project import UnusableError
from difusor.terminal import local

MADE = datetime(2026, 5, 28, 18, tzinfo=UTC)
DAY = timedelta(hours=24)


@pytest.fixture
def wanted(home: Path, key: Path) -> Making:
    """Return a list of two difusores, written."""
    for id in ("norte", "sur"):
        enrolled(home, id)
    found = Making("demo", home / "lista", key, now=lambda: MADE)
    making.make(found)
    return found


def verified(folder: Path, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(command_of(verify), [str(folder), *words])
    return done.exit_code, " ".join(done.output.split())


def test_a_copy_that_names_a_revoked_difusor_is_not_believed_for_ever(wanted: Making, home: Path) -> None:
    """Whoever kept the list of before the revocation has a good signature, and no more than a day to show it."""
    shutil.copytree(home / "lista", home / "copia")
    folder = home / "inventories/sur"
    (folder / "group_vars/sur").mkdir(parents=True)
    revocation.revoke(folder, revocation.Order(by="Pleno", reason="alteró los resultados"))
    making.make(replace(wanted, now=lambda: MADE + DAY))
    copy, now = checking.read(home / "copia"), checking.read(home / "lista")
    election = load_election(home / "elections/demo.yml")
    assert checking.signer(copy, election) == checking.signer(now, election)
    assert [name for name, _ in copy.difusores] == ["Diario Norte", "Diario Sur"]
    assert [name for name, _ in now.difusores] == ["Diario Norte"]
    checking.refuse_past(copy, MADE + DAY - timedelta(seconds=1))
    checking.refuse_past(now, MADE + DAY)
    with pytest.raises(UnusableError, match="caducó el 2026-05-29T18:00:00Z"):
        checking.refuse_past(copy, MADE + DAY)


def test_the_page_and_its_twin_say_until_when(wanted: Making, home: Path) -> None:
    making.make(replace(wanted, valid=timedelta(hours=2)))
    twin = json.loads((home / "lista/lista.json").read_bytes())
    assert (twin["emitida"], twin["caduca"]) == ("2026-05-28T18:00:00Z", "2026-05-28T20:00:00Z")
    text = " ".join((home / "lista/index.html").read_text().split())
    assert 'Vigente hasta el <time datetime="2026-05-28T20:00:00Z">28 de mayo de 2026, 13:00 horas</time>' in text


def test_the_verb_tells_the_list_of_today_from_one_of_before(wanted: Making, home: Path) -> None:
    status, told = verified(home / "lista", "--election", str(home / "elections/demo.yml"))
    ended = datetime(2026, 5, 29, 18, tzinfo=UTC)
    assert status == 1 and f"la lista caducó el {local(ended, ZoneInfo('America/Tijuana'))}" in told
    assert "la lista caducó el 2026-05-29T18:00:00Z" in verified(home / "lista")[1], "whose clocks, it cannot know"
    making.make(replace(wanted, now=lambda: datetime.now(UTC)))
    status, told = verified(home / "lista", "--election", str(home / "elections/demo.yml"))
    assert verified(home / "lista", "--election", "demo") == (status, told), "the home's, by its name"
    assert status == 0 and "lista de demo" in told and "2 difusores, firmada por firma@" in told
    assert verified(home / "lista")[0] == 0
    making.make(replace(wanted, now=lambda: datetime.now(UTC) + DAY))
    assert "que aún no llega" in verified(home / "lista")[1]


def _sign(folder: Path, key: Path, change: Callable[[dict[str, object]], object] = lambda twin: None) -> None:
    twin = json.loads((folder / page.TWIN).read_bytes())
    change(twin)
    raw = json.dumps(twin).encode()
    (folder / page.TWIN).write_bytes(raw)
    (folder / page.SIGNATURE).write_bytes(signature.sign(raw, key, "demo", page.PURPOSE))


@pytest.mark.parametrize(
    ("alter", "told"),
    [
        (lambda folder, key: (folder / "index.html").write_text("otra"), "index.html no es el que se firmó"),
        (lambda folder, key: (folder / "estilo.css").unlink(), "falta estilo.css"),
        (lambda folder, key: (folder / "lista.json").unlink(), "falta lista.json en la lista"),
        (lambda folder, key: (folder / "lista.json.sig").unlink(), "falta lista.json.sig en la lista"),
        (lambda folder, key: (folder / "lista.json").write_text("{"), "no es de una lista de difusores"),
        (lambda folder, key: (folder / "lista.json.sig").write_text("x"), "la firma no es de este lista.json"),
        (lambda folder, key: _sign(folder, key, lambda twin: twin.pop("caduca")), "no dice hasta cuándo vale"),
        (
            lambda folder, key: _sign(folder, key, lambda twin: twin["archivos"].update({"/dev/zero": "x"})),
            "no son los de una lista",
        ),
        (lambda folder, key: _sign(folder, make_key(folder.parent, "ajena")), "no es de quien hoy puede firmar"),
    ],
    ids=["altered", "missing", "no twin", "no signature", "damaged", "unsigned", "endless", "strange", "nobody"],
)  # fmt: skip
def test_a_list_that_cannot_be_believed_says_why(
    alter: Callable[[Path, Path], object], told: str, wanted: Making, home: Path, key: Path
) -> None:
    making.make(replace(wanted, now=lambda: datetime.now(UTC)))
    alter(home / "lista", key)
    status, said = verified(home / "lista", "--election", str(home / "elections/demo.yml"))
    assert status == 1 and told in said


def _full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device", "/tmp/corte-x.sig")


def _killed(*_: object, **__: object) -> None:
    raise Refusal("system", "El sistema terminó ssh-keygen antes de tiempo.")


@pytest.mark.parametrize(
    ("where", "name", "fault", "told"),
    [
        (tempfile, "NamedTemporaryFile", _full, "no se pudo comprobar la lista: se llenó el disco; corríjalo aquí"),
        (tempfile, "TemporaryDirectory", _full, "no se pudo comprobar la lista: se llenó el disco; corríjalo aquí"),
        (signature, "_ssh_keygen", _killed, "no se pudo comprobar la lista: el sistema terminó ssh-keygen antes de"),
    ],
    ids=["the list's own key", "who may sign", "killed"],
)
def test_a_list_that_this_machine_cannot_check_is_not_taken_for_none(
    wanted: Making, home: Path, monkeypatch: pytest.MonkeyPatch, where: object, name: str, fault: object, told: str
) -> None:
    """The watch would write it anew, also one of which most records are gone."""
    election = load_election(home / "elections/demo.yml")
    assert checking.current(home / "lista", election)
    with monkeypatch.context() as patch:
        patch.setattr(where, name, fault)
        with pytest.raises(checking.UncheckedError, match=told):
            checking.current(home / "lista", election)
        status, said = verified(home / "lista", "--election", str(home / "elections/demo.yml"))
    assert status == 1 and told in said
    (home / "lista/index.html").write_text("otra")
    assert checking.current(home / "lista", election) is None
