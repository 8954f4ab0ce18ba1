"""Intake and gate killed, or out of disk, at every step: the last good corte stays and the next push is shown."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from corte_kit import FILES, Server, flip, write_files
from crash_kit import FAULTS, broken, step_of

from corte.format import instants, manifest, tree
from corte.format import signature as signatures
from corte.server import log

NEW = {**FILES, "datos/congreso.json": b'{"votos": 6}\n', "nuevo.csv": b"n\n"}
SEVEN = {**NEW, "siete.csv": b"7\n"}


def shows_five(folder: Path, key: Path, opens: datetime | None = None) -> Server:
    """Return a server that has accepted corte 5."""
    server = Server.make(folder, key, opens)
    assert server.send(5)["result"] in ("shown", "held")
    return server


def with_retired_tree(folder: Path, key: Path) -> Server:
    """Return a server that has accepted cortes 2 to 5, so that the next tree is made of a retired one."""
    server = Server.make(folder, key)
    for sequence in (2, 3, 4, 5):
        assert server.send(sequence, {**FILES, "cambia.csv": b"%d\n" % sequence})["result"] == "shown"
    assert (server.config.store / "reserva").is_dir()
    return server


def copies(server: Server, folder: Path) -> Iterator[tuple[int, Server]]:
    """Yield (step, a copy of the server) for steps 0, 1, 2 ... until the caller stops."""
    for step in range(1000):
        yield step, server.copy(folder / str(step))


def whole(server: Server) -> int | None:
    """Return the sequence of the corte that is shown, None if none is; fail if one of its bytes is wrong."""
    shown = server.shown()
    if shown is not None:
        tree.verify(
            server.config.public / "actual/", manifest.read((server.config.public / "actual/corte.json").read_bytes())
        )
    return shown


Signed = tuple[bytes, bytes]
"""A manifest and its signature, made once and delivered to every copy of a server."""


def signed(server: Server, sequence: int, files: dict[str, bytes]) -> Signed:
    """Return a corte with these files beside those that were pushed to the server before."""
    raw = server.manifest(sequence, files).to_bytes()
    return raw, signatures.sign(raw, server.key, "demo")


def seventh(server: Server, folder: Path) -> Signed:
    """Return corte 7 for copies of this server, which does not change."""
    return signed(server.copy(folder), 7, SEVEN)


def mended(server: Server, seven: Signed) -> None:
    """Assert that gate and next push work without any repair by hand, and that the log's chain is intact."""
    step_of(server.config, instants.now())
    assert whole(server) in (5, 6)
    (server.config.incoming / ".reclamado").unlink(missing_ok=True)  # as rsync's --delete would do at the next push
    write_files(server.config.incoming, SEVEN)
    assert server.deliver(*seven)["result"] == "shown"
    assert whole(server) == 7
    assert [entry["n"] for entry in log.entries(server.config.store / "bitacora.jsonl")]


@pytest.mark.parametrize("fault", FAULTS)
def test_intake_broken_at_every_step(tmp_path: Path, key: Path, fault: str):
    before = shows_five(tmp_path / "before", key)
    before.put(*signed(before, 6, NEW))
    seven = seventh(before, tmp_path / "seven")
    for step, server in copies(before, tmp_path):
        ended = broken(server.config, step, fault)
        shown = whole(server)
        assert shown in (5, 6)
        mended(server, seven)
        if (ended, shown) == (0, 6):
            break
    assert step > 10, "the steps were not interrupted at all"


def test_intake_killed_at_every_step_while_it_makes_a_tree_of_the_retired_one(tmp_path: Path, key: Path):
    before = with_retired_tree(tmp_path / "before", key)
    before.put(*signed(before, 6, NEW))
    seven = seventh(before, tmp_path / "seven")
    for step, server in copies(before, tmp_path):
        ended = broken(server.config, step, "killed")
        assert whole(server) in (5, 6)
        mended(server, seven)
        if ended == 0:
            break
    assert step > 10, "the steps were not interrupted at all"


def test_mending_killed_at_every_step(tmp_path: Path, key: Path):
    before = shows_five(tmp_path / "before", key)
    seven = seventh(before, tmp_path / "seven")
    five = tuple(
        (before.config.public / "actual" / name).read_bytes() for name in (manifest.NAME, manifest.SIGNATURE_NAME)
    )
    flip(before.config.public / "actual/descargas/a.csv")
    for step, server in copies(before, tmp_path):
        server.put(*five)
        ended = broken(server.config, step, "killed")
        assert server.deliver(*five)["result"] == "repeated"
        mended(server, seven)
        if ended == 0:
            break
    assert step > 10, "the steps were not interrupted at all"


@pytest.mark.parametrize("fault", FAULTS)
def test_gate_broken_at_every_step_of_the_opening(tmp_path: Path, key: Path, fault: str):
    opens = instants.now().replace(microsecond=0) + timedelta(minutes=30)
    for step, server in copies(shows_five(tmp_path / "before", key, opens), tmp_path):
        ended = broken(server.config, step, fault, opens)
        assert whole(server) in (None, 5)
        step_of(server.config, opens + timedelta(seconds=1))
        assert (whole(server), server.config.gate_file.exists()) == (5, True)
        if ended == 0:
            break
    assert step > (5 if fault == "killed" else 1)


@pytest.mark.parametrize("fault", FAULTS)
def test_gate_broken_at_every_step_of_the_end_hides_at_the_next(tmp_path: Path, key: Path, fault: str):
    for step, server in copies(shows_five(tmp_path / "before", key), tmp_path):
        end = server.config.window.retain_until
        ended = broken(server.config, step, fault, end)
        step_of(server.config, end + timedelta(seconds=1))
        assert (whole(server), server.config.gate_file.exists()) == (None, False)
        assert list((server.config.public / "cortes").iterdir()) == []
        if ended == 0:
            break
    assert step > (5 if fault == "killed" else 1)
