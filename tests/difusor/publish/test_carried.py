"""`publish` says which orders a corte carries, and which the one published before carried still."""

from __future__ import annotations

import errno
import os
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from desk_kit import Desk

from corte.format import instants, manifest
from difusor.inventory import load_election
from difusor.publish import carried, wording


def told(desk: Desk) -> str:
    return " ".join(desk.details.split())


def test_every_order_has_a_name_in_spanish() -> None:
    assert tuple(sorted(wording.ORDERS)) == manifest.ORDERS


def test_an_ordinary_corte_says_that_it_has_no_orders(desk: Desk) -> None:
    assert desk.publish(desk.corte(6)) == (0, ["shown", "shown"])
    assert "órdenes: ninguna" in told(desk) and "termina:" not in told(desk)


def test_orders_are_told_in_words_as_its_own_and_then_as_carried_on(desk: Desk) -> None:
    folder, close = desk.corte(6), load_election(desk.election).closes + timedelta(hours=2)
    options = ("--hold", "--clock-override", "--rectification", "--light", "--close", instants.write(close))
    assert desk.sign(folder, *options, "--withdraw", desk.folder / "cortes/5").exit_code == 0
    assert desk.publish(folder, key=False)[0] == 0
    said = told(desk)
    for each in (
        r"orden: pausa desde \d\d/\d\d [\d:]+ P[DS]T", "orden: las cuentas pueden bajar hasta el corte 6",
        "orden: se abre aunque el reloj no esté sincronizado", "orden: modo ligero desde",
        "orden: corte 5 retirado", r"orden: cierra \d\d/\d\d(/\d+)? [\d:]+ P[DS]T, 2 h después de lo que dice la elec",
    ):  # fmt: skip
        assert re.search(each, said), each
    assert "órdenes: ninguna" not in said and "sigue en pie" not in said
    following = desk.corte(7)
    assert desk.sign(following, "--light", "--close", instants.write(close)).exit_code == 0
    desk.publish(following, key=False)
    said = told(desk)
    for each in ("pausa desde", "las cuentas pueden bajar hasta el corte 6", "se abre aunque", "corte 5 retirado"):
        assert f"sigue en pie, de un corte anterior: {each}" in said
    assert "orden: modo ligero" in said and "termina:" not in said


def test_what_the_corte_published_before_carried_is_told_when_it_is_no_more(desk: Desk) -> None:
    """Also when a corte between them ended it, which nobody published."""
    first, window = desk.folder / "cortes/5", load_election(desk.election).window
    close = window.closes + timedelta(hours=2)
    options = ("--light", "--hold", "--clock-override", "--close", instants.write(close))
    assert desk.sign(first, *options).exit_code == 0
    assert desk.publish(first, key=False)[0] == 0
    between = desk.corte(6)
    back = ("--close", instants.write(window.closes))
    assert desk.sign(between, "--resume", "--no-clock-override", *back).exit_code == 0
    assert desk.publish(desk.corte(7))[0] == 0
    said = told(desk)
    for each in (
        "termina: modo ligero", "Para que siga, firme el corte con «difusor sign --light»",
        "termina: la pausa que llevaba el corte 5, publicado antes", "termina: abrir con el reloj sin sincronizar",
        "termina: la ventana de antes: cierra ",
    ):  # fmt: skip
        assert each in said, each
    assert desk.publish(desk.corte(8))[0] == 0
    assert "termina:" not in told(desk)


def test_an_end_that_is_ordered_is_told_by_itself(desk: Desk) -> None:
    folder, end = desk.corte(6), load_election(desk.election).window.retain_until + timedelta(days=20)
    assert desk.sign(folder, "--retain", instants.write(end), "--resume").exit_code == 0
    assert desk.publish(folder, key=False)[0] == 0
    assert re.search(r"orden: sigue disponible hasta [\d/]+ [\d:]+ P[DS]T, 20 días después", told(desk))
    assert "orden: termina la pausa" in told(desk)


def test_many_withdrawn_cortes_are_told_in_one_clause(desk: Desk) -> None:
    document = manifest.read((desk.folder / "cortes/5" / manifest.NAME).read_bytes())
    gone = tuple(
        replace(document.withdrawn(f"{number:064x}", document.generated), sequence=number) for number in range(1, 6)
    )
    found = replace(document, standing=replace(document.stands, withdrawn=gone))
    assert carried.orders(found) == ([], ["5 cortes retirados: 1, 2, 3, 4, 5"])


def test_what_the_last_one_carried_is_told_as_unknown_when_its_record_is_damaged(desk: Desk, records: Path) -> None:
    (path,) = records.glob("*/*.ordenes.json")
    for content, said in ((b"{", "está dañado"), (b"[]", "está dañado"), (b'{"window": {}}', "está dañado")):
        path.write_bytes(content)
        assert desk.publish(desk.folder / "cortes/5", key=False) == (0, ["shown", "shown"])
        assert f"no se sabe qué órdenes llevaba el último corte publicado, ni si este deja alguna: {path} {said}" in (
            told(desk)
        )
    assert desk.publish(desk.folder / "cortes/5", key=False)[0] == 0
    assert "no se sabe qué órdenes" not in told(desk)


@pytest.mark.parametrize("why", ["read", "write"])
def test_a_record_that_cannot_be_used_keeps_no_corte_from_being_published(desk: Desk, records: Path, why: str) -> None:
    (path,) = records.glob("*/*.ordenes.json")
    if why == "read":
        path.unlink()
        path.mkdir()
    else:
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        desk.patch.setattr(carried, "write", lambda *_: (_ for _ in ()).throw(full))
    assert desk.publish(desk.corte(6)) == (0, ["shown", "shown"])
    assert str(path) in told(desk)
    assert ("no se anotó aquí que este corte se publicó" in told(desk)) is (why == "write")
