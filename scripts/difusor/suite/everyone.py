"""Measures many difusores at the same time and writes the dictamen of each; none of them stops the others."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from difusor.inventory import zone_of
from difusor.partners.revocation import in_force
from difusor.project import UnusableError, build, fallen, given, refusal
from difusor.report.index import OFF_THE_LIST, Row, again, row
from difusor.report.issue import issue
from difusor.report.results import ResultsError
from difusor.report.verdict import Overall
from difusor.spec import SpecError
from difusor.suite.measurement import measure
from difusor.terminal import by_clocks, plain, plain_lines

PERCENT = re.compile(r"\[ *(\d+)%\]")
"""How far pytest is, in the line of a test."""
MOST = 600
"""How many characters of a cause are shown, at most."""

At = Callable[[str, float], None]
"""Is told a difusor's name and how many per cent of its tests are done."""


def measure_all(folders: Sequence[Path], output: Path, jobs: int, at: At, ended: Callable[[Row], None]) -> list[Row]:
    """Measure the difusores of these inventories, `jobs` at a time; return their rows, in the order of `folders`.

    `at` and `ended` are told of each as it goes, from any thread. Whatever is wrong with one is in its row.
    """
    with ThreadPoolExecutor(jobs) as pool:
        running = [pool.submit(_row, folder, output, at) for folder in folders]
        try:
            for done in as_completed(running):
                ended(done.result())
        except BaseException:  # Ctrl-C, which ends those under way too: those that wait must not begin
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [done.result() for done in running]


def _row(folder: Path, output: Path, at: At) -> Row:
    """Measure one difusor and write its dictamen; whatever goes wrong, return its row."""
    name, started = folder.name, time.monotonic()
    at(name, 0)
    try:
        if revoked := in_force(folder):
            back = f"./difusor restore {given(folder)} --reason RAZÓN"
            why = f"está {by_clocks(revoked.told, zone_of(folder))}; para que vuelva: {back}"
            return Row(id=name, name=name, verdict=OFF_THE_LIST, status=0, why=plain(why, MOST))
        found = measure(folder, output, hear=_Log(name, at).hear)
        dictamen, papers = issue(found, output)
        return row(name, dictamen, papers, time.monotonic() - started)
    except (ResultsError, SpecError, UnusableError, OSError) as error:
        why = refusal(error)
    except Exception as error:  # a fault of this program's: told in the row of this difusor, and nobody else's
        why = fallen(error)
    return Row(
        id=name, name=name, verdict=Overall.UNREACHABLE, status=2, why=plain(" ".join(why.split()), MOST),
        action=again(name), seconds=round(time.monotonic() - started, 1),
    )  # fmt: skip


class _Log:
    """Keeps what one measurement says in a file, and tells how far it is."""

    def __init__(self, name: str, at: At) -> None:
        self._name, self._at = name, at
        self._path = build() / f"log/dictamen-{name}.log"
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text("")

    def hear(self, line: str) -> None:
        with self._path.open("a", encoding="utf-8") as log:
            log.write(plain_lines(line) + "\n")
        if found := PERCENT.search(line):
            self._at(self._name, float(found[1]))
