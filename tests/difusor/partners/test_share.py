"""The share of the link that is kept for the institute: what the form says of the link, main.yml may say otherwise."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from form_kit import GOOD, as_yaml
from home_kit import PARTNER, difusor, made
from inventory_kit import KEY

from difusor.inventory import load
from difusor.inventory.variables import read
from difusor.partners import asked, record
from difusor.partners.answer import Answer
from difusor.partners.facts import FactError, PartnerFacts, of
from difusor.project import UnusableError

MBPS = "anexo_tecnico.mbps"
Enroll = Callable[..., Answer]


@pytest.fixture
def mail(tmp_path: Path) -> Path:
    """Return the folder in which the attachments of an e-mail were saved."""
    return tmp_path / "correo"


def kept(inventory: Path) -> int | None:
    """Return the figure of an inventory, read as Ansible reads it, and judged as preflight does.

    In a copy, because Ansible reads a file once in a process.
    """
    with tempfile.TemporaryDirectory(dir=inventory.parent, prefix=".") as copy:
        shutil.copytree(inventory, copy, symlinks=True, dirs_exist_ok=True)
        (host,) = load(Path(copy))
    return host.partner.uplink_mbps


def test_the_link_of_the_form_is_in_the_inventory_and_main_yml_may_say_another(enrolled: Path) -> None:
    assert (GOOD[MBPS], kept(enrolled)) == ("200", 200)
    main = enrolled / f"group_vars/{enrolled.name}/main.yml"
    text = main.read_text()
    for said, meant in (("500", 500), ("null", None)):
        main.write_text(f"{text}difusor_uplink_mbps: {said}\n")
        assert kept(enrolled) == meant


@pytest.mark.parametrize(
    ("written", "accepted", "share"),
    [
        ("52", False, 52),
        ("1 Gbps", False, 1000),
        ("100 Mbps", False, 100),
        ("100 Gbps", False, 100_000),
        ("51", False, None),  # the call of the test asks for 50, of which the server would send too little
        ("5 Mbps", True, None),
        ("1", True, None),
        ("200 Gbps", False, None),
        ("1000000", False, None),
    ],
)
def test_an_odd_figure_never_makes_an_inventory_that_is_refused(
    written: str, accepted: bool, share: int | None, home: Path, mail: Path, enroll: Enroll
) -> None:
    answer = enroll(as_yaml(mail, {MBPS: written}), accept=["T14=exención en trámite"] if accepted else [])
    assert answer.outcome == "creado"
    assert kept(home / "inventories" / answer.difusor) == share
    assert [("no se aparta nada" in each and "desde 52," in each) for each in answer.notes] == [True] * (share is None)
    assert not any("aparta" in line for line in answer.reply), "it is the institute's, and no fault of the form"


@pytest.mark.parametrize("written", ["0", "-5", "99.5", "10000000", "100/100"])
def test_a_figure_of_no_link_is_returned(written: str, mail: Path, enroll: Enroll) -> None:
    answer = enroll(as_yaml(mail, {MBPS: written}))
    assert answer.outcome == "por corregir" and {each.key for each in answer.findings} == {MBPS}


def test_a_correction_follows_the_form_and_keeps_what_the_operator_says(
    enrolled: Path, mail: Path, enroll: Enroll
) -> None:
    faster, slow = as_yaml(mail, {MBPS: "1 Gbps"}), as_yaml(mail / "otro", {MBPS: "51"})
    shown = enroll(faster)
    assert [(each.key, each.before, each.after) for each in shown.changes] == [(MBPS, "200", "1000")]
    assert kept(enrolled) == 200
    done = enroll(faster, update=True)
    assert done.outcome == "corregido" and kept(enrolled) == 1000
    assert {*done.files} == {f"group_vars/{enrolled.name}/annex.yml", record.FILE}
    done = enroll(slow, update=True)
    assert kept(enrolled) is None and "no se aparta nada" in done.notes[0]
    again = enroll(slow, update=True)
    assert (again.outcome, again.notes) == ("sin cambios", ())
    main = enrolled / f"group_vars/{enrolled.name}/main.yml"
    main.write_text(f"{main.read_text()}difusor_uplink_mbps: 90\n")
    assert enroll(faster, update=True).outcome == "corregido" and kept(enrolled) == 90


def test_a_correction_for_which_the_disk_has_no_room_says_whose_it_is(
    enrolled: Path, mail: Path, enroll: Enroll, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was «se llenó el disco», and nothing else."""

    def full(*_: object, **__: object) -> NoReturn:
        raise shutil.Error([("a", "b", "[Errno 28] No space left on device: 'b'")])

    monkeypatch.setattr(shutil, "copytree", full)
    with pytest.raises(
        UnusableError, match=f"no se pudo copiar {enrolled} para probar los cambios: se llenó el disco;"
    ):
        enroll(as_yaml(mail, {MBPS: "300"}), update=True)
    monkeypatch.undo()
    assert "200" in (enrolled / f"group_vars/{enrolled.name}/annex.yml").read_text()


def test_a_figure_edited_by_hand_is_never_overwritten(enrolled: Path, mail: Path, enroll: Enroll) -> None:
    annex = enrolled / f"group_vars/{enrolled.name}/annex.yml"
    annex.write_text(annex.read_text().replace("200", "150"))
    with pytest.raises(UnusableError, match=r"se editó a mano y no se sobrescribe: .*annex\.yml"):
        enroll(as_yaml(mail, {MBPS: "300"}), update=True)
    assert kept(enrolled) == 150


def _as_before_there_was_a_share(inventory: Path) -> None:
    annex = f"group_vars/{inventory.name}/annex.yml"
    (inventory / annex).unlink()
    then = record.read(inventory)
    assert then is not None
    written = {name: digest for name, digest in then.written.items() if name != annex}
    (inventory / record.FILE).write_bytes(then.model_copy(update={"written": written}).to_bytes())


def test_who_enrolled_before_gets_a_share_with_a_correction_and_not_unseen(
    enrolled: Path, mail: Path, enroll: Enroll
) -> None:
    _as_before_there_was_a_share(enrolled)
    shown = enroll(as_yaml(mail))
    assert shown.outcome == "por confirmar"
    assert [(each.key, each.before, each.after) for each in shown.changes] == [("apartado", "", "200 Mbps")]
    assert kept(enrolled) is None
    assert enroll(as_yaml(mail), update=True).outcome == "corregido" and kept(enrolled) == 200
    assert enroll(as_yaml(mail)).outcome == "sin cambios"


def test_who_enrolled_before_with_a_slow_link_has_nothing_to_correct(home: Path, mail: Path, enroll: Enroll) -> None:
    slow = as_yaml(mail, {MBPS: "50"})
    folder = home / "inventories" / enroll(slow).difusor
    assert not (folder / f"group_vars/{folder.name}/annex.yml").exists()
    assert enroll(slow).outcome == "sin cambios"


def test_a_new_difusor_has_the_figure_that_was_typed(home: Path) -> None:
    def figure(values: dict[str, Any]) -> Any:
        (host,) = (each for each in read(made(values)).hosts.values() if "difusor_fqdn" in each)
        return host.get("difusor_uplink_mbps")

    assert figure(PARTNER) is None
    assert figure(PARTNER | {"id": "otro", "uplink_mbps": 300}) == 300


@pytest.mark.parametrize("mbps", [0, -1, 9, 100_001])
def test_a_figure_that_the_role_does_not_take_is_refused_by_its_option(home: Path, mbps: int) -> None:
    with pytest.raises(FactError) as refused:
        of(PartnerFacts, PARTNER | {"uplink_mbps": mbps})
    assert asked.OPTIONS[next(iter(refused.value.faults))] == "--uplink-mbps"
    (home / "llave.pub").write_text(f"{KEY}\n")
    done = difusor(
        "new", "difusor", "diario", "--title", "Diario", "--fqdn", "prep.diario.mx", "--server", "ubuntu@127.0.0.1:1",
        "--ssh-key", str(home / "llave"), "--certificate", "", "--uplink-mbps", str(mbps), home=home,
    )  # fmt: skip
    assert (done.returncode, f"--uplink-mbps: «{mbps}» está fuera de los límites" in done.stderr) == (1, True)
    assert list((home / "inventories").iterdir()) == []
