"""`difusor report --all`: every difusor of an election has its row, whatever happens to the others."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_kit import difusor
from home_kit import PARTNER, furnish, made

from difusor.partners.revocation import Order, revoke
from difusor.project import HOME

LINK = "ln -sfn ../../elections/ELECCIÓN.yml"


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, subprocess.CompletedProcess[str]]]:
    """Return a home, and how the verb ended there: one server is silent, one inventory broken, one without election.

    And one difusor is revoked. Nothing is left for a second run to find out: it is made once.
    """
    home = tmp_path_factory.mktemp("casa")
    with pytest.MonkeyPatch.context() as patch:
        furnish(home, patch)
        for id in ("callado", "retirado", "roto", "perdido"):
            partner = {"id": id, "name": f"Difusor {id}", "fqdn": f"prep.{id}.mx", "address": "127.0.0.1", "port": 1}
            folder = made({**PARTNER, **partner})
            if id == "roto":
                (folder / "group_vars/roto/main.yml").write_text("difusor_name: [\n")
            if id == "perdido":
                (folder / "election.yml").unlink()
            if id == "retirado":
                revoke(folder, Order(by="Dirección Ejecutiva", reason="altera los resultados"))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        yield home, difusor("report", "--all", env=environment | {HOME: str(home), "COLUMNS": "300"}, timeout=600)


@pytest.fixture(scope="module")
def rows(measured: tuple[Path, subprocess.CompletedProcess[str]]) -> dict[str, dict[str, str]]:
    index = json.loads((measured[0] / "build/dictamen/indice-ensayo.json").read_text(encoding="utf-8"))
    assert (index["schema"], index["election"]) == ("difusor-indice/1", "ensayo")
    return {row["id"]: row for row in index["rows"]}


def test_each_has_its_row_and_what_to_do(rows: dict[str, dict[str, str]]) -> None:
    assert {id: row["verdict"] for id, row in rows.items()} == {
        "callado": "NO EVALUADO", "roto": "NO EVALUADO", "perdido": "NO EVALUADO", "retirado": "FUERA DE LA LISTA",
    }  # fmt: skip
    assert "127.0.0.1 rechaza el puerto 1" in rows["callado"]["why"]
    assert "main.yml, renglón" in rows["roto"]["why"] and "no es YAML válido" in rows["roto"]["why"]
    assert LINK in rows["perdido"]["why"]
    assert "restore" in rows["retirado"]["why"]
    for id in ("callado", "roto", "perdido"):
        assert rows[id]["action"].endswith(f"./difusor report -i {id}")


def test_one_that_did_not_answer_has_a_dictamen_that_says_so(
    measured: tuple[Path, subprocess.CompletedProcess[str]], rows: dict[str, dict[str, str]]
) -> None:
    folder = measured[0] / "build/dictamen"
    assert rows["callado"]["papers"] == ["callado.json", "callado.html"]
    assert json.loads((folder / "callado.json").read_text())["verdict"] == "NO EVALUADO"
    assert not list(folder.glob("roto.*")) and not list(folder.glob("retirado.*"))
    page = (folder / "indice-ensayo.html").read_text(encoding="utf-8")
    assert '<a href="callado.html">' in page and "Difusor callado" in page
    assert all(f"({id})" in page for id in rows)


def test_the_terminal_and_the_exit_status_tell(measured: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    """2: somebody was not reached, and nobody fails. What pytest says goes to each difusor's log."""
    home, done = measured
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert all(id in done.stdout for id in ("callado", "roto", "perdido", "retirado"))
    assert "build/dictamen/indice-ensayo.html" in done.stdout
    assert "rechaza el puerto" in (home / "build/log/dictamen-callado.log").read_text()
    assert "callado: NO EVALUADO" in done.stderr and "bringing up nodes" not in done.stderr
