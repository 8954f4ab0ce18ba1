"""A folder that changed after it was signed, or is signed in part, is told with its files and what to do."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from desk_kit import Desk

from corte.format import instants, manifest
from difusor.inventory import load_election
from difusor.publish import changed, signing, standing

NAME, SIGNATURE = manifest.NAME, manifest.SIGNATURE_NAME
FILE = "descargas/a.csv"


def spoil_several(folder: Path) -> None:
    (folder / FILE).write_bytes((folder / FILE).read_bytes().swapcase())
    (folder / "datos/z.json").write_text("{}")
    (folder / "datos/congreso.json").unlink()


def swap(folder: Path) -> None:
    """Give the folder the signature of another corte."""
    (folder / SIGNATURE).write_bytes((folder.parent / "5" / SIGNATURE).read_bytes())


def unlink(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def write(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (unlink(SIGNATURE), ("no está firmado: ", f"tiene {NAME} y le falta {SIGNATURE}, la firma", "no se copió")),
        (unlink(NAME), (f"tiene {SIGNATURE} y le falta {NAME}, la lista de sus archivos",)),
        (lambda folder: [(folder / name).unlink() for name in (NAME, SIGNATURE)], (f"le faltan {NAME} y {SIGNATURE}",)),
        (
            lambda folder: (folder / SIGNATURE).unlink() or (folder / SIGNATURE).mkdir(),
            (f"le falta {SIGNATURE}, la firma, que ahí no es un archivo",),
        ),
        (write(FILE, b"otro, y mas largo"), (f"cambió después de firmarse: «{FILE}» mide 17 bytes y se firmó con",)),
        (
            spoil_several,
            ("cambió después", f"«{FILE}» tiene otro contenido", "«datos/z.json» sobra", "falta «datos/congreso.json»"),
        ),
        (swap, (f"{SIGNATURE} no es la firma de {NAME}", "uno de los dos cambió o es de otro corte")),
        (write(SIGNATURE, b""), (f"{SIGNATURE} no es la firma de {NAME}",)),
        (write(NAME, b"{"), (f"{NAME} está dañado o no está completo", "cópielo otra vez entero")),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_folder_is_told_with_the_command_that_signs_it(
    desk: Desk, spoil: Callable[[Path], object], said: tuple[str, ...]
) -> None:
    folder = desk.corte(6)
    assert desk.sign(folder).exit_code == 0
    spoil(folder)
    assert desk.publish(folder, key=False) == (1, [])
    told = " ".join(desk.details.split())
    for each in (*said, f"./difusor sign {folder} --election ELECCIÓN --key LLAVE"):
        assert each in told
    assert desk.seen() == [5, 5]


def test_of_many_changed_files_the_first_are_named_and_the_others_counted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changed, "MOST", 1)
    folder = desk.corte(6)
    assert desk.sign(folder).exit_code == 0
    spoil_several(folder)
    desk.publish(folder, key=False)
    assert "cambió después de firmarse: falta «datos/congreso.json»; y 2 más. Compruebe" in desk.details


def test_a_change_that_left_no_date_is_told_too(desk: Desk) -> None:
    """A copy keeps the dates."""
    folder = desk.corte(6)
    assert desk.sign(folder).exit_code == 0
    before = (folder / FILE).stat()
    (folder / FILE).write_bytes((folder / FILE).read_bytes().swapcase())
    os.utime(folder / FILE, ns=(before.st_atime_ns, before.st_mtime_ns))
    os.utime(folder / NAME, ns=(before.st_atime_ns, before.st_mtime_ns + 10**9))
    desk.publish(folder, key=False)
    assert f"cambió después de firmarse: «{FILE}» no tiene el contenido que se firmó. Compruebe" in desk.details


def test_a_folder_that_has_the_next_corte_already_is_told_as_that(desk: Desk) -> None:
    folder = desk.folder / "cortes/5"
    (folder / signing.IDENTITY).write_text(json.dumps({"secuencia": 6, "corte": instants.write(desk.now)}))
    assert desk.publish(folder, key=False) == (1, [])
    told = " ".join(desk.details.split())
    assert "tiene ya el corte 6, de las" in told and "lo que se firmó ahí es el 5: fírmelo: ./difusor sign" in told
    assert desk.publish(folder) == (0, ["shown", "shown"])
    assert "se firma otra vez" not in desk.details, "as on every night"


@pytest.mark.parametrize("spoil", [write(FILE, b"otro, y mas largo"), unlink(SIGNATURE), unlink(NAME), swap])
def test_what_is_signed_again_because_it_changed_is_told(desk: Desk, spoil: Callable[[Path], object]) -> None:
    """It was silent: who had half a copy, or had altered a file by mistake, published it so."""
    folder = desk.corte(6)
    assert desk.sign(folder).exit_code == 0
    spoil(folder)
    assert desk.publish(folder) == (0, ["shown", "shown"])
    assert "; se firma otra vez" in " ".join(desk.details.split())
    assert desk.publish(folder) == (0, ["shown", "shown"])
    assert "; se firma otra vez" not in " ".join(desk.details.split())


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/lleno")


def test_an_order_that_could_not_be_written_down_is_told_by_sign(desk: Desk) -> None:
    """The folder was signed, and nothing said so."""
    folder = desk.folder / "cortes/5"
    with desk.patch.context() as patch:
        patch.setattr(standing, "write", full)
        done = desk.sign(folder, "--hold")
    told = " ".join(done.output.split())
    assert done.exit_code == 1 and f"el corte 5 quedó firmado en {folder} y se puede publicar" in told
    assert "no se anotó (no se puede usar /lleno: se llenó el disco)" in told and "--after" in told
    assert desk.publish(folder, key=False) == (0, ["held", "held"])
    assert standing.Records(load_election(desk.election)).standing().hold_in_force


def test_what_cannot_be_written_down_keeps_no_corte_from_being_published(desk: Desk) -> None:
    folder = desk.corte(6)
    with desk.patch.context() as patch:
        patch.setattr(standing, "write", full)
        assert desk.publish(folder) == (0, ["shown", "shown"])
    told = " ".join(desk.details.split())
    assert "el corte 6 quedó firmado" in told and "no se anotó aquí que este corte se publicó: no se puede usar" in told
    assert "repita «publish» con esta carpeta" in told
    assert desk.publish(folder, key=False) == (0, ["shown", "shown"])
    assert "no se anotó" not in desk.details


def test_a_history_that_cannot_be_read_is_told_with_its_file(desk: Desk, records: Path) -> None:
    (history,) = records.glob("*/*.historia.jsonl")
    history.rename(history.with_suffix(".aparte"))
    history.mkdir()
    done = desk.sign(desk.corte(6))
    assert (done.exit_code, signing.is_signed(desk.folder / "cortes/6")) == (1, False)
    told = " ".join(done.output.split())
    assert f"esta máquina no puede leer {history}" in told and "corríjalo y repita" in told
