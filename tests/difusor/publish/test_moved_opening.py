"""An official opening that is moved after mirrors have a corte of the one before: the institute withdraws that one."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from corte_kit import ZEROS, write_files
from desk_kit import Desk
from publish_kit import make_target

from corte.format import instants, manifest
from difusor.inventory import load_election
from difusor.publish import deliver, signing
from difusor.publish.standing import Records

HOUR = timedelta(hours=1)


def move(desk: Desk, by: timedelta) -> datetime:
    """Move the window in the election's file and on the mirrors, as `apply` does; return the opening."""
    text, window = desk.election.read_text(), load_election(desk.election).window
    for instant in sorted((window.opens, window.closes, window.retain_until), reverse=by > timedelta(0)):
        text = text.replace(instants.write(instant), instants.write(instant + by))
    desk.election.write_text(text)
    decided = load_election(desk.election).window
    for server in desk.servers.values():
        server.config = replace(server.config, window=decided)
        server.config.gate_file.unlink(missing_ok=True)
    return decided.opens


def zeros(desk: Desk, name: str, sequence: int, opens: datetime) -> Path:
    """Write the folder of a corte of zeros, whose instant is the opening; return it."""
    head = {"secuencia": sequence, "corte": instants.write(opens), "totales": {"actas_capturadas": 0}}
    write_files(folder := desk.folder / name, {**ZEROS, "datos/corte.json": json.dumps(head).encode()})
    return folder


@pytest.fixture(scope="module")
def holds_zeros(tmp_path_factory: pytest.TempPathFactory, key: Path) -> Desk:
    """The desk that each test gets a copy of as `waiting`."""
    with Desk.begun(tmp_path_factory.mktemp("mesa"), key) as desk:
        old = zeros(desk, "old", 1, move(desk, 4 * HOUR))
        assert desk.publish(old) == (0, ["held", "held"]), desk.details
    return desk


@pytest.fixture
def waiting(tmp_path: Path, holds_zeros: Desk, monkeypatch: pytest.MonkeyPatch) -> tuple[Desk, Path]:
    """The institute three hours before the opening, whose corte of zeros both mirrors hold; and that corte's folder."""
    return holds_zeros.copy(tmp_path, monkeypatch), tmp_path / "old"


@pytest.mark.parametrize(
    ("by", "sequence", "named"), [(-HOUR, 1, "folder"), (-HOUR, 2, "corte.json"), (HOUR, 1, "digest")]
)
def test_the_corte_of_zeros_of_an_opening_that_moved_is_withdrawn(
    waiting: tuple[Desk, Path], by: timedelta, sequence: int, named: str
):
    """Every corte before the old opening was refused, and `sign` did not take the old one for one of this election."""
    desk, old = waiting
    sha256 = signing.verify(old)[0].sha256
    new = zeros(desk, "new", sequence, move(desk, by))
    assert desk.publish(new) == (1, ["refused", "refused"])
    told = " ".join(desk.details.split())
    assert "Lo aceptado es de otra apertura" in told and "Tiene el corte 1 de otra apertura" in told
    assert f"--withdraw {sha256[:16]}." in told and "número siguiente" not in told
    assert desk.status("norte")["other_opening"]["manifest_sha256"] == sha256
    name = {"folder": old, "corte.json": old / manifest.NAME, "digest": sha256[:16]}[named]
    done = desk.sign(new, "--withdraw", name)
    assert "corte 1 retirado" in done.output, done.output
    assert desk.publish(new, key=False) == (0, ["held", "held"])
    assert desk.status("norte")["other_opening"] is None
    after = zeros(desk, "after", sequence + 1, load_election(desk.election).window.opens)
    assert desk.publish(after) == (0, ["held", "held"]), "what follows carries the order"


def test_the_folder_of_the_old_corte_is_exported_anew_and_withdraws_what_was_in_it(waiting: tuple[Desk, Path]):
    desk, old = waiting
    sha256 = signing.verify(old)[0].sha256
    assert zeros(desk, "old", 1, move(desk, HOUR)) == old
    assert desk.sign(old, "--withdraw", sha256[:16]).exit_code == 0
    assert desk.publish(old, key=False) == (0, ["held", "held"])


def test_of_a_test_on_the_day_before_each_corte_that_a_mirror_keeps_is_withdrawn(desk: Desk):
    """Its numbers block those of the night; a mirror falls back from one to the one before, and names that."""
    for sequence in (6, 7):
        assert desk.publish(desk.corte(sequence)) == (0, ["shown", "shown"])
    move(desk, HOUR / 2)
    for server in desk.servers.values():
        server.config.gate_file.touch()
    folder = desk.corte(3)
    write_files(folder, {"descargas/a.csv": b"the night"})
    for sequence in (7, 6):
        assert desk.publish(folder)[1] == ["refused", "refused"]
        sha256 = desk.status("sur")["other_opening"]["manifest_sha256"]
        assert f"Tiene el corte {sequence} de otra" in desk.details and sha256[:16] in desk.details
        assert desk.sign(folder, "--withdraw", sha256[:16]).exit_code == 0
    assert desk.publish(folder, key=False) == (0, ["shown", "shown"])


@pytest.mark.parametrize("other", [{"id": "otra"}, {"environment": "simulacro"}], ids=["election", "rehearsal"])
def test_a_corte_of_another_election_is_not_withdrawn(waiting: tuple[Desk, Path], other: dict[str, str]):
    desk, old = waiting
    strange = load_election(desk.election).model_copy(update=other)
    shutil.copytree(old, desk.folder / "strange")
    found = signing.sign(desk.folder / "strange", strange, desk.key, 1, strange.window.opens)
    Records(strange).remember(found)
    for named in (desk.folder / "strange", found.sha256[:16]):
        assert desk.sign(old, "--withdraw", named).exit_code == 1
    assert signing.verify(old)[0].manifest.orders == ()


def test_a_mirror_that_lies_has_no_corte_of_this_opening_withdrawn(desk: Desk):
    good = signing.verify(desk.folder / "cortes/5")[0]
    target = make_target(desk.election)
    said = {"sequence": 5, "opens": "2024-06-01T02:00:00Z", "manifest_sha256": good.sha256}
    for sha256 in (good.sha256, "f" * 64, None):
        lie = {"last_attempt": {"code": "rollback"}, "other_opening": {**said, "manifest_sha256": sha256}}
        told = deliver._reason(good, lie, target)
        assert "--withdraw (la carpeta de aquel, o su corte.json)" in told and good.sha256[:16] not in told
