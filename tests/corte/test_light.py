"""Light mode, which the institute orders with a corte and the next corte ends, with the real intake and gate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from corte_kit import Server
from orders_kit import Institute, events

from corte.format import instants, manifest
from corte.format.refusal import Refusal
from corte.server.gate import Gate
from corte.server.memory import Memory


def test_light_mode_is_ordered_with_a_corte_and_undone_by_the_next(institute: Institute):
    here, away = institute.mirrors

    def light(*mirrors: Server) -> list[tuple[bool, bool]]:
        for server in mirrors:
            Gate(server.config).step(instants.now())
        return [(server.config.light_file.exists(), server.status()["gate"]["light"]) for server in mirrors]

    institute.push(institute.sign(6, "light"), here)
    ordered = institute.signed[6]
    assert light(here, away) == [(True, True), (False, False)]
    institute.push(institute.sign(7, "light"), here, away)
    assert light(here, away) == [(True, True), (True, True)]
    assert [server.status()["standing"]["light"]["ended_at"] for server in (here, away)] == [None, None]
    institute.push(institute.sign(8), here)
    assert light(here, away) == [(False, False), (True, True)]
    assert institute.push(ordered) == ["rollback", "rollback"], "the order was replayed"
    institute.push(institute.sign(9), away)
    assert light(here, away) == [(False, False), (False, False)]
    assert [entry["standing"]["light"]["ended_at"] is None for entry in events(here, "orders")] == [True, False]


def test_light_mode_does_not_wait_for_the_files_of_its_corte_or_for_a_hold(institute: Institute):
    here, away = institute.mirrors
    made = institute.sign(6, "light", content=b"what does not arrive")
    for server in (here, away):
        (server.config.incoming / "descargas/a.csv").unlink()
    assert institute.push(made) == ["missing", "missing"]
    for server in (here, away):
        Gate(server.config).step(instants.now())
        assert (server.shown(), server.config.light_file.exists()) == (5, True)
    institute.push(institute.sign(7, "hold"))
    institute.push(institute.sign(8, "light"))
    for server in (here, away):
        Gate(server.config).step(instants.now())
        assert (server.shown(), server.config.light_file.exists()) == (5, True)


def test_light_mode_survives_a_reboot_and_a_lost_state_but_not_the_key_that_ordered_it(institute: Institute, key: Path):
    here, _ = institute.mirrors
    institute.push(institute.sign(6, "light"), here)
    Gate(here.config).step(instants.now())
    for lost in ([], [Memory(here.config).path]):
        for path in (here.config.gate_file, here.config.light_file, *lost):
            path.unlink()
        gate = Gate(here.config)
        gate.clock = replace(gate.clock, synchronised=True)
        gate.step(instants.now())
        assert here.config.gate_file.exists() and here.config.light_file.exists(), lost
    here.config.revoked.write_text(key.with_suffix(".pub").read_text())
    gate = Gate(here.config)
    gate.disown()
    gate.step(instants.now())
    assert not here.config.light_file.exists()


def test_a_manifest_says_that_light_mode_stands_if_and_only_if_it_orders_it(institute: Institute):
    good = institute.sign(6, "light")
    assert manifest.read(good.to_bytes()).stands == good.stands
    for wrong in (replace(good, orders=()), replace(institute.sign(7), orders=("light",))):
        with pytest.raises(Refusal, match="no lleva en pie lo que él mismo ordena"):
            manifest.read(wrong.to_bytes())


def test_results_stay_open_where_light_mode_cannot_be_switched(
    institute: Institute, capsys: pytest.CaptureFixture[str]
):
    here, _ = institute.mirrors
    here.config.light_file.mkdir()
    Gate(here.config).step(instants.now())
    assert here.shown() == 5 and not here.config.light_file.exists(), "a folder in its place is cleared away"
    full = replace(here.config, light_file=here.config.light_file / "missing/ligero")
    institute.push(institute.sign(6, "light"), here)
    here.config.gate_file.unlink()
    gate = Gate(full)
    gate.clock = replace(gate.clock, synchronised=True)
    gate.step(instants.now())
    assert (here.shown(), here.config.gate_file.exists()) == (6, True)
    assert "modo ligero" in capsys.readouterr().err
