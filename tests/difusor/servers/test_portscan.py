"""The port scan tells an open port from one that refuses and from one that does not answer, whichever way it asks."""

import errno
import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from difusor.servers import portscan

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may open a raw socket")
TARGET = ("127.0.0.1", 0)
LOOPBACK = pytest.mark.parametrize("address", ["127.0.0.1", "::1"])


class Unprivileged(socket.socket):
    """What `socket.socket` is to a user who may not open raw sockets."""

    def __init__(self, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None) -> None:
        if type == socket.SOCK_RAW:
            raise PermissionError(errno.EPERM, "Operation not permitted")
        super().__init__(family, type, proto, fileno)


@pytest.fixture(params=[pytest.param("packets", marks=AS_ROOT), "connections"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the scan only one of its ways."""
    if request.param == "packets":
        monkeypatch.delattr(portscan, "Connections")
    else:
        monkeypatch.setattr(socket, "socket", Unprivileged)


@pytest.fixture
def silent() -> Iterator[int]:
    """Yield a port of 127.0.0.1 that leaves attempts without an answer: the listener's queue is full."""
    with socket.socket() as listener, socket.socket() as first:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        first.connect(listener.getsockname())
        yield listener.getsockname()[1]


@contextmanager
def line(address: str = "127.0.0.1") -> Iterator[portscan.Line]:
    """Open the raw socket with which packets are sent to an address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP)
    with raw, closing(portscan.Line(raw, address)) as opened:
        yield opened


def listener(address: str) -> socket.socket:
    return socket.create_server((address, 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET)


@LOOPBACK
@pytest.mark.usefixtures("way")
def test_open_and_closed_ports(address: str) -> None:
    with listener(address) as server:
        port = server.getsockname()[1]
        assert portscan.scan(address, f"1,{port}", 1.0) == [port]


@pytest.mark.usefixtures("way")
def test_a_silent_port_is_not_open(silent: int) -> None:
    assert portscan.scan("127.0.0.1", str(silent), 0.1) == []


@pytest.mark.usefixtures("way")
def test_no_ports() -> None:
    assert portscan.scan("127.0.0.1", "", 0.1, "80") == []


@pytest.mark.parametrize(
    ("lost", "known", "expected", "repetitions"),
    [
        ([{}], "80,443", [22, 80, 443, 1000], 1),
        ([{}], "", [22, 80, 443, 1000], 1),
        ([{0: {22, 80}}, {}], "80,443", [22, 80, 443, 1000], 2),
        ([{3: {1000, 443}}, {}], "80,443", [22, 80, 443, 1000], 2),
        ([{3: {1000, 443}}, {1: {443}}], "80,443", [22, 80, 443, 1000], 2),
        ([{3: {1000, 443}}] * 3 + [{0: {443}}, {}], "80,443", [22, 80, 443, 1000], 5),
        ([{3: {1000, 443}}] * 3 + [{0: {1000, 443}}] * 2, "80,443", [22, 80], 5),
        ([{2: {80}, 3: {1000, 443}}] * 3, "80,443", [22], 3),
        ([{0: {22}}], "80,443", [80, 443, 1000], 1),
        ([{number: {22, 80, 443, 1000} for number in range(4)}] * 3, "80,443", [], 3),
    ],
    ids=[
        "nothing_lost",
        "no_known_port",
        "in_the_first_volley",
        "in_the_last_volley",
        "another_volley_at_each_repetition",
        "heard_at_last",
        "one_volley_is_never_heard",
        "the_host_answers_no_more_from_a_port_on",
        "a_closed_port",
        "no_answer_at_all",
    ],
)
def test_what_loses_a_known_port_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
    lost: list[dict[int, set[int]]],
    known: str,
    expected: list[int],
    repetitions: int,
) -> None:
    """With every volley a known port is asked; `lost` says of each repetition which volleys lose which answers.

    From the fourth repetition on only the volleys that were not heard are asked, and numbered anew.
    """
    paces = []

    def answering(_address: str, volleys: list[list[int]], _wait: float, pause: float, _most: int) -> list[set[int]]:
        missing = lost[len(paces)]
        paces.append(pause)
        return [{22, 80, 443, 1000} & set(volley) - missing.get(number, set()) for number, volley in enumerate(volleys)]

    monkeypatch.setattr(portscan, "_answering", answering)
    assert portscan.scan("192.0.2.1", "1-1024", 1.6, known) == expected
    assert len(paces) == repetitions
    assert paces == sorted(paces)


@pytest.mark.usefixtures("way")
def test_few_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small limit of open files makes the scan slower and loses nothing."""
    monkeypatch.setattr(portscan, "_files", lambda: 8)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert portscan.scan("127.0.0.1", f"{port - 50}-{port + 1}", 0.2, str(port)).count(port) == 1


@AS_ROOT
def test_a_server_forgets_at_once_what_a_packet_began() -> None:
    """Nobody listens at the packets' source port, so this system answers SYN+ACK with RST, and nothing is half open."""
    with listener("127.0.0.1") as server, line() as raw:
        port = server.getsockname()[1]
        assert portscan.Packets(raw, [port], 1.0).collected() == {port}
        rows = [row.split()[1:4] for row in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
        established, half_open = "01", "03"
        assert not {state for own, _, state in rows if own.endswith(f":{port:04X}")} & {established, half_open}


@AS_ROOT
@pytest.mark.parametrize(
    ("stranger", "changed", "opened"),
    [
        ("127.0.0.1", {}, True),
        ("127.0.0.1", {"acknowledged": 2}, False),
        ("127.0.0.1", {"port": 1}, False),
        ("127.0.0.1", {"own": 1}, False),
        ("127.0.0.1", {"flags": portscan.SYN}, False),
        ("127.0.0.1", {"flags": portscan.ACK}, False),
        ("127.0.0.1", {"flags": portscan.SYN | portscan.ACK | portscan.RST}, False),
        ("127.0.0.2", {}, False),
    ],
    ids=[
        "the_answer",
        "another_acknowledgement",
        "from_another_port",
        "to_another_port",
        "a_question",
        "no_new_connection",
        "refused",
        "from_another_address",
    ],
)
def test_a_stranger_cannot_forge_an_open_port(
    silent: int, stranger: str, changed: dict[str, int], opened: bool
) -> None:
    with line() as raw, socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as forger:
        volley = portscan.Packets(raw, [silent], 0.05)
        fields = {"acknowledged": 1, "port": 0, "own": 0, "flags": portscan.SYN | portscan.ACK} | changed
        ports = (silent + fields["port"], volley.port + fields["own"])
        acknowledged = (volley.sequence + fields["acknowledged"]) % (1 << 32)
        forger.bind((stranger, 0))
        forger.sendto(struct.pack("!HHIIBBHHH", *ports, 7, acknowledged, 5 << 4, fields["flags"], 1024, 0, 0), TARGET)
        assert volley.collected() == ({silent} if opened else set())


@AS_ROOT
def test_only_a_silent_port_is_asked_again(monkeypatch: pytest.MonkeyPatch, silent: int) -> None:
    asked = []
    send = portscan.Line.send

    def noted(line: portscan.Line, packet: bytes) -> None:
        asked.append(int.from_bytes(packet[2:4], "big"))
        send(line, packet)

    monkeypatch.setattr(portscan, "AGAIN", 0.02)
    monkeypatch.setattr(portscan.Line, "send", noted)
    with socket.socket() as refusing:
        refusing.bind(TARGET)
        refused = refusing.getsockname()[1]
        # Nothing is asked again whose time is over, and a busy machine may stop this process for a tenth of a second.
        assert portscan.scan("127.0.0.1", f"{refused},{silent}", 1.0) == []
    assert asked.count(refused) == 1
    assert asked.count(silent) > 1


@AS_ROOT
def test_asked_again_an_open_port_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first packet to each port is lost."""
    sent = set()
    send = portscan.Line.send

    def losing(line: portscan.Line, packet: bytes) -> None:
        if packet in sent:
            send(line, packet)
        sent.add(packet)

    monkeypatch.setattr(portscan, "AGAIN", 0.02)
    monkeypatch.setattr(portscan.Line, "send", losing)
    with listener("127.0.0.1") as server:
        port = server.getsockname()[1]
        assert portscan.scan("127.0.0.1", str(port), 1.0) == [port]


@AS_ROOT
@pytest.mark.parametrize("refusal", [errno.EPERM, errno.ENETUNREACH])
def test_it_connects_where_packets_are_not_sent(monkeypatch: pytest.MonkeyPatch, refusal: int) -> None:
    """The vantage point's own firewall refuses them, for instance."""

    def refused(*_: object) -> None:
        raise OSError(refusal, os.strerror(refusal))

    monkeypatch.setattr(portscan.Line, "send", refused)
    with listener("127.0.0.1") as server:
        port = server.getsockname()[1]
        assert portscan.scan("127.0.0.1", str(port), 1.0) == [port]


@AS_ROOT
def test_it_connects_when_answers_were_lost_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system counts what does not fit into the socket's buffer."""
    connected = []

    class Connections(portscan.Connections):
        def __init__(self, address: str, ports: list[int], wait: float) -> None:
            connected.extend(ports)
            super().__init__(address, ports, wait)

    monkeypatch.setattr(portscan, "BUFFER", 1)
    monkeypatch.setattr(portscan, "Connections", Connections)
    with listener("127.0.0.1") as server:
        port = server.getsockname()[1]
        assert portscan.scan("127.0.0.1", f"1-200,{port}", 1.0).count(port) == 1
    assert port in connected


def test_a_word_about_an_earlier_packet_stops_nothing() -> None:
    """An error that a router reported is raised once, by the next packet; a full queue is empty soon."""
    faults = [errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENOBUFS]
    sent = []

    def send(packet: bytes) -> None:
        if faults:
            raise OSError(faults.pop(), "")
        sent.append(packet)

    portscan.Line.send(SimpleNamespace(raw=SimpleNamespace(send=send)), b"SYN")
    assert sent == [b"SYN"]


@AS_ROOT
@LOOPBACK
def test_the_checksum_of_packets(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """RFC 9293, 3.1: with both addresses, the protocol and the length, the 16-bit words add up to all ones."""
    sent: list[bytes] = []
    monkeypatch.setattr(portscan.Line, "send", lambda _, packet: sent.append(packet))
    with line(address) as raw:
        portscan.Packets(raw, [1, 80, 65535], 0.0).collected()
        ends = 2 * socket.inet_pton(raw.raw.family, address)
    for packet in sent:
        data = ends + struct.pack("!II", len(packet), socket.IPPROTO_TCP) + packet
        total = sum(int.from_bytes(data[start : start + 2], "big") for start in range(0, len(data), 2))
        while total > 0xFFFF:
            total = (total & 0xFFFF) + (total >> 16)
        assert total == 0xFFFF
    assert sorted(int.from_bytes(packet[2:4], "big") for packet in sent) == [1, 80, 65535]


def test_the_checksum_of_the_standard() -> None:
    """RFC 1071, 3: the sum of the example is DDF2."""
    assert portscan.checksum(portscan.words(bytes.fromhex("0001f203f4f5f6f7"))) == 0xFFFF - 0xDDF2


def test_ranges() -> None:
    assert portscan.expand("22,80-82") == [22, 80, 81, 82]
    assert len(portscan.expand("1-65535")) == 65535


def test_it_runs_as_sent_text() -> None:
    """The vantage point gets the file as text and needs nothing but Python."""
    source = Path(portscan.__file__).read_text(encoding="utf-8")
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        port = str(server.getsockname()[1])
        command = [sys.executable, "-I", "-c", source, "::1", f"1,{port}", "1", port]
        assert json.loads(subprocess.check_output(command)) == [int(port)]
