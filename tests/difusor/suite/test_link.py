"""How a link is measured: bounded in bytes and seconds, never while results are out, and nothing passes for a rate."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from testinfra.backend.ssh import SshBackend

from corte.format.manifest import Window
from difusor.project import HOME
from difusor.suite import link
from difusor.suite.turns import turn
from difusor.suite.waiting import until

OPENS, CLOSES = datetime(2027, 6, 7, 2, tzinfo=UTC), datetime(2027, 6, 8, 2, tzinfo=UTC)
LATER = datetime(2027, 6, 8, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "closes", "generated", "measured"),
    [
        (datetime(2027, 6, 7, 1, 59, 59, tzinfo=UTC), None, None, True),
        (OPENS, None, None, False),
        (datetime(2027, 6, 8, 1, 59, 59, tzinfo=UTC), None, None, False),
        (CLOSES, None, None, True),
        (CLOSES, LATER, OPENS, False),
        (LATER, LATER, OPENS, True),
        (datetime(2027, 6, 6, tzinfo=UTC), CLOSES, datetime(2027, 6, 6, 22, tzinfo=UTC), True),
        (datetime(2027, 6, 6, tzinfo=UTC), CLOSES, OPENS, False),
    ],
)
def test_no_link_is_measured_while_results_are_out(
    now: datetime, closes: datetime | None, generated: datetime | None, measured: bool
) -> None:
    """A close that the institute moved by a signed corte counts too, and so does when that was made.

    The server knows of that close, and the inventory does not; and the clock of the machine that asks may be behind.
    """
    shown = SimpleNamespace(window=Window(OPENS, closes, closes), generated=generated) if closes else None
    said = link.results_are_out(Window(OPENS, CLOSES, CLOSES), shown, now)
    assert (said == "") is measured
    assert measured or "entre la apertura y el cierre" in said


def test_what_comes_is_counted_after_the_warm_up_and_no_further() -> None:
    """What the server runs, run here: four streams of random bytes, of which no more is read than is asked."""
    rate = link._rate(f"exec {link.DOWNLOAD}", len)
    assert link.TRANSFER - (1 << 18) <= rate.carried <= link.TRANSFER + (1 << 18)
    assert rate.mbps > 0


def test_what_goes_is_counted_where_it_arrives(tmp_path: Path) -> None:
    (tmp_path / "content").write_bytes(os.urandom(link.MOST))
    rate = link._rate(f"exec {link.UPLOAD}", link.of_pieces, str(tmp_path / "content"))
    assert rate.carried % link.PIECE == 0
    assert rate.carried >= link.TRANSFER - link.MOST, "one read, which ends the warm-up, may bring a whole stream"


def slow_rate(monkeypatch: pytest.MonkeyPatch, *arguments: Any) -> link.Rate:
    """Return the rate of a slow link, measured for a second, or for longer where a busy machine carried nothing."""
    for seconds in (1.0, 10.0, 100.0):
        monkeypatch.setattr(link, "SECONDS", seconds)
        with suppress(link.LinkError):
            return link._rate(*arguments)
    pytest.fail("nothing was carried in 100 seconds")


def test_a_server_has_no_more_than_was_sent_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This one says at once that it has everything, and takes 40 kB at a time."""
    (tmp_path / "content").write_bytes(os.urandom(link.MOST))
    liar = (
        "while dd bs=40k count=1 of=/dev/null 2>/dev/null; do seq 13 | tr -d 0-9; sleep 0.05; done"  # pace: of the link
    )
    rate = slow_rate(monkeypatch, f"exec sh -c '{liar}'", link.of_pieces, str(tmp_path / "content"))
    assert 0 < rate.mbps < 40


def test_a_slow_link_ends_with_its_time_and_has_a_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """10 kB and a pause, four at a time: less than a megabyte a second, where the warm-up has 2.5."""
    began = time.monotonic()
    command = "exec sh -c 'while head -c 10000 /dev/zero; do sleep 0.05; done'"  # pace: of the link
    rate = slow_rate(monkeypatch, command, len)
    assert time.monotonic() - began < 300
    assert 0 < rate.mbps < 8


def test_what_came_just_before_the_end_of_the_time_is_no_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """A link that carried the warm-up in nearly all of its time had the rate of the last piece, which came at once."""
    monkeypatch.setattr(link, "WARM_UP", 390_000)
    command = "exec sh -c 'sleep 0.9; head -c 100000 /dev/zero; sleep 99'"  # pace: of the link
    assert 0 < slow_rate(monkeypatch, command, len).mbps < 8


@pytest.mark.parametrize("command", ["sh -c 'echo hola; echo Permission denied. >&2; exit 255' | grep -v hola", "true"])
def test_nothing_is_no_rate(command: str) -> None:
    with pytest.raises(link.LinkError, match=r"Permission denied\.|ningún dato"):
        link._rate(command, len)


def test_the_best_of_the_rounds_counts_and_no_round_is_for_nothing() -> None:
    def rounds(*rates: int) -> tuple[float, int]:
        left = [link.Rate(rate * 125_000, 1.0) for rate in rates]
        best = link._best(lambda: left.pop(0), enough=93)
        return best.mbps, len(left)

    assert rounds(80, 94, 99) == (94, 1)
    assert rounds(90, 80, 70) == (90, 0)
    assert rounds(93, 94) == (93, 1)


def test_the_connection_is_its_own_and_not_compressed() -> None:
    """Of two options of ssh the first counts; those of the inventory come later."""
    server = SshBackend("operador@192.0.2.1:2222", ssh_extra_args="-o ControlPath=/x -S /y -o Compression=yes")
    line = link._line(server, link.DOWNLOAD)
    assert line.startswith("exec ssh -T -o ControlMaster=no -o ControlPath=none")
    assert line.index("Compression=no") < line.index("Compression=yes")
    assert line.index("-S /y") < line.index("-S none") < line.index("192.0.2.1")
    assert "Port=2222" in line
    assert as_ssh_reads(line)["loglevel"] == "ERROR", "the last line of a server's notice passed for the cause"


def as_ssh_reads(line: str) -> dict[str, str]:
    """Return the options with which ssh would run such a line."""
    asking = line.replace("ssh -T", "ssh -G -T", 1)
    said = subprocess.run(["sh", "-c", asking], capture_output=True, text=True, check=True).stdout.splitlines()
    return {option: value for option, _, value in (each.partition(" ") for each in said)}


@pytest.mark.parametrize(
    ("spec", "options", "alias"),
    [
        ("operador@10.8.0.5", "", "10.8.0.5"),
        ("operador@10.8.0.5:2222", "", "[10.8.0.5]:2222"),
        ("operador@prep.vpn.invalid", "", "prep.vpn.invalid"),
        ("operador@10.8.0.5", "-o HostKeyAlias=prep", "prep"),
        ("operador@10.8.0.5", "-o HostName=10.8.0.6", "10.8.0.6"),  # as a file of ssh may say
        ("operador@10.8.0.5", "-o ProxyJump=otro@192.0.2.9", "10.8.0.5"),
        ("operador@10.8.0.5", "-J otro@192.0.2.9:22,tercero", "10.8.0.5"),
        ("operador@10.8.0.5", '-o ProxyCommand="ssh -J tercero -W %h:%p otro"', "10.8.0.5"),
        ("operador@203.0.113.10", "-J otro@192.0.2.9", "203.0.113.10"),
    ],
)
def test_the_road_is_that_of_citizens(spec: str, options: str, alias: str) -> None:
    """A VPN of 1 Gbps says nothing of the link of 20 Mbps by which citizens come."""
    server = SshBackend(spec, ssh_config="/dev/null", ssh_extra_args=options)
    way = link.road(server, "203.0.113.10")
    found = as_ssh_reads(link._line(server, link.DOWNLOAD, way))
    assert (found["hostname"], found["hostkeyalias"], found["user"]) == ("203.0.113.10", alias, "operador")
    assert found["port"] == way.port == ("2222" if "2222" in spec else "22")
    assert not {"proxyjump", "proxycommand"} & found.keys()
    assert found["stricthostkeychecking"] == "true"


@pytest.mark.parametrize(("name", "address"), [("203.0.113.10", "203.0.113.10"), ("[2001:db8::1]", "2001:0db8::1")])
def test_where_the_server_is_administered_at_its_public_address_nothing_changes(name: str, address: str) -> None:
    server = SshBackend(f"operador@{name}", ssh_config="/dev/null", ssh_extra_args="-o ServerAliveInterval=15")
    way = link.road(server, address)
    assert (way.port, way.options) == ("22", ())
    assert link._line(server, link.UPLOAD, way) == link._line(server, link.UPLOAD)


@pytest.mark.parametrize(
    ("options", "address", "is_led"),
    [
        ("", "10.8.0.5", False),
        ("-o HostName=10.8.0.6", "10.8.0.6", False),
        ("-o ProxyJump=otro@192.0.2.9", "10.8.0.5", True),
        ("-o ProxyCommand=none", "10.8.0.5", False),
    ],
)
def test_the_way_in_is_the_one_that_ssh_takes(options: str, address: str, is_led: bool) -> None:
    server = SshBackend("operador@10.8.0.5", ssh_config="/dev/null", ssh_extra_args=options)
    assert link.way_in(server) == ({address}, is_led)


def test_a_road_that_ssh_does_not_understand_is_told() -> None:
    with pytest.raises(link.LinkError, match="nosuchoption"):
        link.road(SshBackend("operador@10.8.0.5", ssh_extra_args="-o NoSuchOption=1"), "203.0.113.10")


def test_a_server_that_is_entered_by_password_may_ask_for_it() -> None:
    """BatchMode would refuse the question; where a key opens, nobody is to be asked."""
    server = SshBackend("operador@192.0.2.1")
    assert "BatchMode=yes" in link._line(server, link.DOWNLOAD)
    server.difusor_environment = {"CLAVE": "1"}
    assert "BatchMode" not in link._line(server, link.DOWNLOAD)
    with pytest.raises(link.LinkError, match="clave 1"):
        link._rate("echo clave $CLAVE >&2", len, entry=server.difusor_environment)


def test_one_measurement_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process waits for its turn until the first has ended; for another turn it does not wait."""
    monkeypatch.setenv(HOME, str(tmp_path))
    waits = "import sys; from difusor.suite.turns import turn\nwith turn(sys.argv[1]): print('x', flush=True)"
    with turn("enlace"):
        subprocess.run([sys.executable, "-c", waits, "rutas"], check=True, timeout=300)
        other = subprocess.Popen([sys.executable, "-c", waits, "enlace"])
        until(lambda: _waits_for_a_lock(other.pid), what="el otro proceso espere su turno")
        assert other.poll() is None
    assert other.wait(300) == 0


def _waits_for_a_lock(process: int) -> bool:
    """Tell whether the kernel has a process waiting for a lock of a file."""
    return any("->" in line and str(process) in line.split() for line in Path("/proc/locks").read_text().splitlines())
