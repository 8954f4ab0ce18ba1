"""A corte signed anew with an order, and counts that fall or do not add up."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from datetime import timedelta

from corte_kit import FILES, Server, table

from corte.format import instants
from corte.format.manifest import Window


def again(server: Server, sequence: int, seconds: int = 1, **changes: object) -> dict[str, object]:
    """Push the accepted corte signed anew, `seconds` later, as the institute does to give an order."""
    accepted = server.status()["shown"] or server.status()["held"]
    generated = instants.parse(accepted["generated"]) + timedelta(seconds=seconds)
    return server.send(sequence, corte=instants.parse(accepted["corte"]), generated=generated, **changes)


def test_an_order_is_the_same_corte_signed_anew(server: Server):
    before = (server.config.public / "actual").readlink()
    window = server.config.window
    earlier = Window(window.opens, window.closes - timedelta(hours=1), window.retain_until)
    assert again(server, 5, window=earlier)["result"] == "shown"
    assert server.shown() == 5
    assert (server.config.public / "actual").readlink() != before, "a published tree should be replaced, not written to"
    assert server.status()["gate"]["closes"] == instants.write(earlier.closes)


def test_the_older_signing_of_the_same_corte_is_a_replay(server: Server):
    old = (server.config.public / "actual/corte.json").read_bytes()
    assert again(server, 5, orders=("clock-override",))["result"] == "shown"
    assert server.push(old)["code"] == "rollback"
    assert server.status()["gate"]["clock_override"] is True


def test_hold_keeps_what_is_shown_until_resume(server: Server):
    assert again(server, 5, orders=("hold",))["result"] == "held"
    assert server.status()["gate"]["hold"]["sequence"] == 5
    for sequence in (6, 7, 8):
        changed = {**FILES, "datos/congreso.json": b"%d\n" % sequence}
        assert server.send(sequence, changed)["result"] == "held"
    status = server.status()
    assert (server.shown(), status["shown"]["sequence"], status["held"]["sequence"]) == (5, 5, 8)
    assert status["stale"] is False
    assert server.send(8, changed, orders=("resume",), **later(status))["result"] == "shown"
    assert (server.shown(), server.status()["gate"]["hold"]) == (8, None)


def later(status: dict[str, dict[str, str]]) -> dict[str, object]:
    held = status["held"]
    instant = instants.parse(held["generated"])
    return {"corte": instants.parse(held["corte"]), "generated": instant + timedelta(seconds=1)}


def test_counts_fall_only_when_that_is_signed(server: Server):
    assert server.send(6, {"descargas/GUB.csv": table(7)})["result"] == "shown"
    attempt = server.send(7, {"descargas/GUB.csv": table(5)})
    assert (attempt["code"], server.shown()) == ("rectification", 6)
    assert "7 actas" in str(attempt["reason"])
    assert server.send(7, {"descargas/GUB.csv": table(5)}, orders=("rectification",))["result"] == "shown"
    assert server.status()["shown"]["orders"] == ["rectification"]


def test_a_table_that_disappears_is_a_fall(server: Server):
    assert server.send(6, {"descargas/GUB.csv": table(7)})["result"] == "shown"
    (server.config.incoming / "descargas/GUB.csv").unlink()
    assert server.send(7)["code"] == "rectification"


def test_tables_of_one_name_in_two_folders_are_two(server: Server):
    """The one that was read last hid the other: its counts could fall, and its own seemed to."""
    first, second = "descargas/uno/20240602_2000_T.csv", "descargas/dos/20240602_2000_T.csv"
    packed, whole = "descargas/20240602_2000_todo.zip", zip_of("uno/T.csv", table(7))
    assert server.send(6, {first: table(7), second: table(4), packed: whole})["result"] == "shown"
    attempt = server.send(7, {first: table(6), second: table(4)})
    assert attempt["code"] == "rectification" and "descargas/uno/T.csv tenía 7" in str(attempt["reason"])
    attempt = server.send(7, {first: table(7), second: table(4), packed: zip_of("uno/T.csv", table(5))})
    assert attempt["code"] == "rectification" and "descargas/todo.zip/uno/T.csv tenía 7" in str(attempt["reason"])
    third = {"descargas/zeta/20240602_2000_T.csv": table(0)}
    grown = {first: table(7), second: table(5), packed: zip_of("uno/T.csv", table(8))}
    assert server.send(7, {**grown, **third})["result"] == "shown", "a new table is no fall"


def zip_of(name: str, content: bytes) -> bytes:
    with zipfile.ZipFile(archive := io.BytesIO(), "w") as packed:
        packed.writestr(name, content)
    return archive.getvalue()


def test_what_does_not_add_up_is_a_warning_or_a_refusal_as_the_institute_wants(server: Server):
    odd = {"descargas/GUB.csv": table(11, registered=3, digest="f00")}
    attempt = server.send(6, odd)
    assert attempt["result"] == "shown"
    assert len(attempt["warnings"]) == 4
    strict = replace(server, config=replace(server.config, strict_content=True))
    assert strict.send(7, odd)["code"] == "content"
    assert server.shown() == 6
