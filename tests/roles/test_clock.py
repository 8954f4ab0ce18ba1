"""prep-clock, which has chrony ask again when the network comes late; here with a chrony that the test plays."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import role_kit

TRACKING = "A29FC801,10.0.0.1,3,1717379936.1,0.000001,0.000002,0.00001,1.0,0.0,0.01,0.001,0.002,64.2,{}"
DOUBT = TRACKING.format("Not synchronised")
SURE = TRACKING.format("Normal")
DENIED = ""
"""What chronyc prints of sources whose names have no address: nothing in one version, a made-up name in another."""
UNRESOLVED = "^,?,ID#0000000001,0,0,0,4294967295,0,0,0"
SILENT = "^,?,192.0.2.1,0,6,0,4294967295,0,0,0"
ANSWERED = "^,?,2001:db8::1,2,6,17,3,0.1,0.1,0.1"
CHRONYC = """#!/bin/sh
case $* in
    "-n -c tracking") [ -s {0}/tracking ] || {{ echo "Could not drop root" >&2; exit 1; }}; cat {0}/tracking ;;
    "-n -c sources") cat {0}/sources ;;
    *) echo "$@" >>{0}/asked ;;
esac
"""
SLEEP = """#!/bin/sh
echo >>{0}/slept
[ "$(wc -l <{0}/slept)" -le {1} ]
"""
SYSTEMCTL = """#!/bin/sh
case $* in
    "--quiet is-active chrony.service") {0} ;;
    *) echo "$@" >>{1}/asked ;;
esac
"""


def asked(folder: Path, looks: int, tracking: str, sources: str, *, runs: bool = True) -> tuple[list[str], str]:
    """Run it for so many looks; return the commands that change something, and what it printed.

    Without `tracking` chronyc fails; `runs`: whether systemd then says that chrony runs.
    """
    script = folder / "prep-clock"
    script.write_text(role_kit.render("chrony", "usr/local/sbin/prep-clock", {}))
    (folder / "tracking").write_text(tracking)
    (folder / "sources").write_text(sources)
    (folder / "asked").touch()
    (folder / "bin").mkdir()
    programs = {
        "chronyc": CHRONYC.format(folder),
        "sleep": SLEEP.format(folder, looks),
        "systemctl": SYSTEMCTL.format(str(runs).lower(), folder),
    }
    for name, text in programs.items():
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run(["sh", str(script)], env={"PATH": path}, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return (folder / "asked").read_text().splitlines(), done.stdout


@pytest.mark.parametrize("tracking", [SURE, ""], ids=["synchronised", "without chronyd"])
def test_it_touches_nothing_while_chrony_knows_the_time_or_does_not_run(tmp_path: Path, tracking: str) -> None:
    assert asked(tmp_path, 20, tracking, DENIED, runs=False) == ([], "")


@pytest.mark.parametrize(("looks", "said"), [(1, 0), (2, 1), (20, 1)])
def test_it_says_once_that_it_cannot_ask_a_chrony_that_runs(tmp_path: Path, looks: int, said: int) -> None:
    """As where chronyc is built to give up root and may not; a chronyd that is just starting does not answer either."""
    commands, printed = asked(tmp_path, looks, "", DENIED)
    assert commands == []
    assert printed.count("AVISO: chrony corre, pero chronyc no le puede preguntar") == said
    assert printed.count("Could not drop root\n") == said


def test_its_sandbox_lets_chronyc_go_on_as_chronys_account() -> None:
    unit = role_kit.render("chrony", "etc/systemd/system/prep-clock.service", {})
    allowed = next(line for line in unit.splitlines() if line.startswith("CapabilityBoundingSet="))
    assert {"CAP_SETUID", "CAP_SETGID"} <= {*allowed.partition("=")[2].split()}


@pytest.mark.parametrize(("sources", "wants"), [(SILENT, ["online", "burst 4/4"]), (ANSWERED, ["online"])])
def test_it_asks_at_each_look_until_a_server_answers(tmp_path: Path, sources: str, wants: list[str]) -> None:
    assert asked(tmp_path, 12, DOUBT, sources) == (12 * wants, "")


@pytest.mark.parametrize("sources", [DENIED, UNRESOLVED])
def test_chrony_starts_again_when_no_name_has_an_address_but_not_at_once_and_not_all_the_time(
    tmp_path: Path, sources: str
) -> None:
    commands, said = asked(tmp_path, 22, DOUBT, sources)
    restart = "try-restart chrony.service"
    looks = " ".join(commands).split("online ")[1:]
    assert [number for number, look in enumerate(looks, start=1) if restart in look] == [2, 12, 22]
    assert said.count("arranca de nuevo") == 3
