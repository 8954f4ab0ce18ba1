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
    "-n -c tracking") [ -s {0}/tracking ] && cat {0}/tracking ;;
    "-n -c sources") cat {0}/sources ;;
    *) echo "$@" >>{0}/asked ;;
esac
"""
SLEEP = """#!/bin/sh
echo >>{0}/slept
[ "$(wc -l <{0}/slept)" -le {1} ]
"""


def asked(folder: Path, looks: int, tracking: str, sources: str) -> tuple[list[str], str]:
    """Run it for so many looks; return the commands that change something, and what it printed."""
    script = folder / "prep-clock"
    script.write_text(role_kit.render("chrony", "usr/local/sbin/prep-clock", {}))
    (folder / "tracking").write_text(tracking)
    (folder / "sources").write_text(sources)
    (folder / "asked").touch()
    (folder / "bin").mkdir()
    programs = {"chronyc": CHRONYC, "sleep": SLEEP, "systemctl": '#!/bin/sh\necho "$@" >>{0}/asked\n'}
    for name, text in programs.items():
        (folder / "bin" / name).write_text(text.format(folder, looks))
        (folder / "bin" / name).chmod(0o755)
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run(["sh", str(script)], env={"PATH": path}, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return (folder / "asked").read_text().splitlines(), done.stdout


@pytest.mark.parametrize("tracking", [SURE, ""], ids=["synchronised", "without chronyd"])
def test_it_touches_nothing_while_chrony_knows_the_time_or_does_not_run(tmp_path: Path, tracking: str) -> None:
    assert asked(tmp_path, 20, tracking, DENIED) == ([], "")


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
