"""The rsync daemon that receives cortes: the real one, behind its listener, on a port of this machine."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import random
import re
import runpy
import shutil
import signal
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from role_kit import ROLES, render

from difusor.suite.waiting import until

SECRET = "secreto-de-prueba"
SOON, NEVER = 4.0, 600.0  # seconds that a client has to authenticate; in a test with NEVER nothing ends by this limit
LISTENER = ROLES / "rsync/templates/usr/local/lib/prep-entrada/listener.py"
MIB = 1024 * 1024
PER_SOURCE, WAITING, TRANSFERS = 4, 8, 2
NOBODY = pwd.getpwnam("nobody").pw_uid


class Daemon:
    """A listener that runs; `port` is where it listens."""

    def __init__(self, folder: Path, seconds: float, **limits: int) -> None:
        self.folder, self.port = folder, _free_port()
        self.incoming = folder / "entrada"
        self.incoming.mkdir()
        configuration, log = folder / "rsyncd.conf", folder / "log"
        configuration.write_text(_configuration(folder, self.incoming, log, limits))
        (folder / "rsyncd.secrets").write_text(f"instituto:{SECRET}\n")
        (folder / "rsyncd.secrets").chmod(0o600)
        clients = [
            f"--seconds={seconds}",
            f"--per-source={PER_SOURCE}",
            f"--waiting={WAITING}",
            f"--transfers={TRANSFERS}",
        ]
        rsync = folder / "bin/rsync"
        rsync.parent.mkdir()
        rsync.symlink_to(shutil.which("rsync") or "/usr/bin/rsync")
        self.counts = folder / "recuentos"
        find = folder / "bin/find"
        find.write_text(f'#!/bin/sh\necho "$@" >>{self.counts}\nexec {shutil.which("find")} "$@"\n')
        find.chmod(0o755)
        server = [str(rsync), "--daemon", f"--config={configuration}"]
        self.process = subprocess.Popen(
            [sys.executable, "-IB", str(LISTENER), f"--port={self.port}", *clients, "--", *server],
            stdout=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, "PATH": f"{find.parent}:{os.environ['PATH']}"},
        )
        until(self.connect, what="se pueda conectar", despite=(OSError,)).close()

    def connect(self, source: str = "127.0.0.1") -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), 60, source_address=(source, 0))

    def push(self, secret: str = SECRET, name: str = "archivo") -> subprocess.CompletedProcess[str]:
        (self.folder / name).write_text(name)
        with self.sending(self.folder / name, secret=secret) as sender:
            output, errors = sender.communicate()
        return subprocess.CompletedProcess(sender.args, sender.returncode, output, errors)

    def sending(self, source: Path, *options: str, secret: str = SECRET) -> subprocess.Popen[str]:
        """Start sending a file or a folder."""
        there = f"rsync://instituto@127.0.0.1:{self.port}/corte/"
        return subprocess.Popen(
            ["rsync", "-rt", "--timeout=300", *options, str(source), there],
            env={**os.environ, "RSYNC_PASSWORD": secret},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def counted(self) -> int:
        """Return how often the guards have counted what the folder holds."""
        return self.counts.read_text().count("-printf") if self.counts.exists() else 0

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


Start = Callable[..., Daemon]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts a daemon: seconds that a client has to authenticate, and limits of the guard."""
    with contextlib.ExitStack() as stack:

        def start(seconds: float, **limits: int) -> Daemon:
            daemon = Daemon(tmp_path, seconds, **limits)
            stack.callback(daemon.stop)
            return daemon

        yield start


def test_a_push_arrives_and_a_wrong_secret_does_not(start: Start) -> None:
    daemon = start(NEVER)
    assert daemon.push().returncode == 0
    assert (daemon.incoming / "archivo").read_text() == "archivo"
    assert "auth failed" in daemon.push("otro").stderr


def test_silence_a_drip_half_an_authentication_and_a_secret_without_a_transfer_end_soon(start: Start) -> None:
    daemon = start(SOON)
    silent, dripping, half = (daemon.connect() for _ in range(3))
    half.sendall(b"@RSYNCD: 31.0\ncorte\n")
    clients = [silent, dripping, half, _authenticated(daemon)]
    assert not any(_is_closed(each) for each in clients)

    def all_closed() -> bool:
        with contextlib.suppress(OSError):
            dripping.send(b"@")
        return all(_is_closed(each) for each in clients)

    until(all_closed, what="las cuatro terminen")


@pytest.mark.parametrize("source", ["127.0.0.1", "127.0.0.2"])
def test_pushes_arrive_among_hundreds_of_connections_without_the_secret(start: Start, source: str) -> None:
    """Also from the address that pushes; no connection ends by time here, so a push finds room because others go."""
    daemon = start(NEVER)
    crowd = [daemon.connect(source) for _ in range(200)]
    for talking in crowd[::2]:
        with contextlib.suppress(OSError):
            talking.sendall(b"@RSYNCD: 31.0\ncorte\n")
    for number in range(5):
        assert daemon.push(name=f"archivo{number}").returncode == 0
        crowd += [daemon.connect(source) for _ in range(20)]
    until(lambda: _open(crowd), lambda left: left <= PER_SOURCE, what="queden pocas conexiones")


def test_a_source_keeps_its_place_when_others_open_many_connections(start: Start) -> None:
    daemon = start(NEVER)
    quiet = daemon.connect("127.0.0.9")
    crowds = [daemon.connect(f"127.0.0.{number}") for number in (2, 3) for _ in range(50)]
    until(lambda: _open(crowds), lambda left: left < WAITING, what="queden pocas conexiones")
    assert not _is_closed(quiet)


def test_transfers_that_went_silent_make_room_for_the_next(start: Start) -> None:
    daemon = start(SOON)
    stuck = [_in_transfer(daemon) for _ in range(TRANSFERS)]
    later = daemon.connect()
    until(lambda: _is_closed(later), what="termine la que no se autentica")
    assert not any(_is_closed(each) for each in stuck), "a transfer has the time that rsyncd.conf gives it"
    assert daemon.push().returncode == 0
    until(lambda: _is_closed(stuck[0]), what="termine el envío más viejo")
    assert not _is_closed(stuck[1])


def test_the_listener_goes_on_when_a_connection_cannot_be_served(start: Start, tmp_path: Path) -> None:
    daemon = start(NEVER)
    rsync = tmp_path / "bin/rsync"
    rsync.rename(tmp_path / "aside")
    client = daemon.connect()
    client.sendall(b"@RSYNCD: 31.0\n")
    until(lambda: _is_closed(client), what="se cierre")
    (tmp_path / "aside").rename(rsync)
    assert daemon.push().returncode == 0


def test_a_transfer_is_ended_by_what_it_sends_although_others_free_as_much_of_the_disk(
    start: Start, tmp_path: Path
) -> None:
    daemon = start(NEVER, rsync_max_bytes=2 * MIB)
    other = tmp_path / "de otro programa"
    _fill(other, 80 * MIB)
    with daemon.sending(_files(tmp_path / "mucho", 80), "--bwlimit=4M") as sender:
        until(lambda: list(daemon.incoming.iterdir()), what="llegue el primer archivo")
        other.unlink()
        assert sender.wait() != 0
    until(lambda: not list(daemon.incoming.iterdir()), what="se borre lo que dejó el envío")
    assert daemon.push().returncode == 0


def test_a_transfer_goes_on_although_others_fill_the_disk_beyond_its_limit(start: Start, tmp_path: Path) -> None:
    daemon = start(NEVER, rsync_max_bytes=10 * MIB)
    with daemon.sending(_files(tmp_path / "poco", 5), "--bwlimit=2M") as sender:
        until(lambda: list(daemon.incoming.iterdir()), what="llegue el primer archivo")
        _fill(tmp_path / "de otro programa", 40 * MIB)
        assert sender.wait() == 0, sender.stderr


def test_a_transfer_of_too_many_files_is_ended(start: Start, tmp_path: Path) -> None:
    daemon = start(NEVER, rsync_max_files=10)
    with daemon.sending(_files(tmp_path / "muchos", 80), "--bwlimit=4M") as sender:
        assert sender.wait() != 0
    until(lambda: not list(daemon.incoming.iterdir()), what="se borre lo que dejó el envío")


def test_what_a_transfer_left_that_was_faster_than_the_guard_is_removed(start: Start, tmp_path: Path) -> None:
    daemon = start(NEVER, rsync_max_files=10)
    with daemon.sending(_files(tmp_path / "muchos", 40)) as sender:
        sender.wait()
    until(lambda: not list(daemon.incoming.iterdir()), what="se borre lo que dejó el envío")
    assert daemon.push().returncode == 0


@pytest.mark.parametrize("began", ["", "basura", "inf", "nan", "1e12"])
def test_a_damaged_record_of_the_last_count_limits_no_less(start: Start, tmp_path: Path, began: str) -> None:
    daemon = start(NEVER, rsync_max_files=10)
    with daemon.sending(_files(tmp_path / "muchos", 80), "--bwlimit=4M") as sender:
        until(lambda: list(daemon.incoming.iterdir()), what="llegue el primer archivo")
        (daemon.folder / "recuento").write_text(f"{began} 0 0 0 0".ljust(200))
        assert sender.wait() != 0
    until(lambda: not list(daemon.incoming.iterdir()), what="se borre lo que dejó el envío")


def test_the_two_transfers_of_a_push_do_not_wait_for_counts_of_the_folder(start: Start) -> None:
    """With 50,000 files each count takes a seventh of a second, and a push had four of them."""
    daemon = start(NEVER)
    assert daemon.push().returncode == 0
    until(daemon.counted, lambda counted: counted >= 2, what="se cuente lo que dejó el primer envío")
    for name in ("contenido", "firma"):
        before = daemon.counted()
        assert daemon.push(name=name).returncode == 0
    until(daemon.counted, lambda counted: counted > before, what="se cuente lo que dejó el último")
    assert daemon.counted() <= 4


def test_many_files_in_many_transfers_are_removed(start: Start, tmp_path: Path) -> None:
    """Each is within the limit, and ends before its guard has counted."""
    daemon = start(NEVER, rsync_max_files=30)
    for number in range(40):
        assert daemon.push(name=f"archivo{number}").returncode in (0, 10, 12)
    until(lambda: len(list(daemon.incoming.iterdir())), lambda left: left < 30, what="se borre lo que sobra")
    assert daemon.push().returncode == 0


@pytest.mark.parametrize("is_of_root", [False, True])
def test_the_guard_knows_that_a_transfer_goes_on_where_proc_hides_it(
    monkeypatch: pytest.MonkeyPatch, is_of_root: bool
) -> None:
    """As with hidepid=2, of a process that was root's; the guard of each transfer took it for ended at once."""

    def refuse(pid: int, number: int) -> None:
        raise PermissionError

    sender = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    guard = runpy.run_path(str(LISTENER.with_name("guard.py")))["Guard"]({}, None, sender.pid)
    with monkeypatch.context() as hidden:
        hidden.setattr(os.path, "exists", lambda path: False)
        if is_of_root:
            hidden.setattr(os, "kill", refuse)
        assert guard._is_running()
    sender.kill()
    sender.wait()
    assert not guard._is_running()


@pytest.mark.parametrize("reserve", ["rsync_reserve_bytes", "rsync_reserve_files"])
def test_no_transfer_begins_when_the_disk_has_only_its_reserve_left(start: Start, reserve: str, tmp_path: Path) -> None:
    free = os.statvfs(tmp_path)
    if reserve == "rsync_reserve_files" and not free.f_files:
        pytest.skip("este sistema de archivos crea los inodos que le pidan")
    left = {"rsync_reserve_bytes": free.f_bavail * free.f_frsize, "rsync_reserve_files": free.f_ffree}[reserve]
    refused = start(NEVER, **{reserve: 2 * left}).push()
    assert refused.returncode != 0
    assert "No hay espacio en disco." in refused.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="solo root da archivos a otros")
def test_what_root_put_into_the_folder_is_gone_once_the_daemon_starts(tmp_path: Path) -> None:
    """As when a backup is restored: its sender could not replace it, and every push would fail."""
    (tmp_path / "ajena/dentro").mkdir(parents=True)
    (tmp_path / "suya").mkdir()
    os.chown(tmp_path / "suya", NOBODY, NOBODY)
    inputs = {"rsync_path": str(tmp_path), "rsync_user": "nobody"}
    unit = render("rsync", "etc/systemd/system/rsync.service.d/prep.conf", inputs)
    (command,) = re.findall("^ExecStartPre=-[+](.+)$", unit, re.MULTILINE)
    subprocess.run(command.split(), check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["suya"]


def _files(folder: Path, number: int) -> Path:
    """Make a folder with so many files of 1 MiB each."""
    folder.mkdir()
    for name in range(number):
        _fill(folder / str(name), MIB)
    return folder


def _fill(path: Path, size: int) -> None:
    """Write so many bytes, of whole MiB, that no disk stores in less room."""
    with path.open("wb") as file:
        for _ in range(size // MIB):
            file.write(_noise())


@cache
def _noise() -> bytes:
    """Return a MiB of noise, drawn once: the tests fill more than half a gigabyte."""
    return random.randbytes(MIB)


def _configuration(folder: Path, incoming: Path, log: Path, limits: dict[str, int]) -> str:
    """Return the role's own rsyncd.conf, with this test's paths and without what only root on a server can do."""
    inputs = {"rsync_path": incoming, "rsync_trusted_addresses": ["127.0.0.0/8"], "rsync_secret": SECRET}
    text = render("rsync", "etc/rsyncd.conf", {**inputs, "rsync_user": "nobody", "rsync_reserve_bytes": 0, **limits})
    (folder / "local").symlink_to(ROLES / "rsync/templates/usr/local")  # a shell reads the path, which may have spaces
    text = re.sub("/usr/bin/setpriv .*?/usr/local/", f"{folder}/local/", text)
    text = text.replace("use chroot = yes", "use chroot = no").replace(
        "/etc/rsyncd.secrets", f"{folder}/rsyncd.secrets"
    )
    text = re.sub(r"(?m)^[ug]id = .*\n", f"uid = {os.getuid()}\n", text, count=1)
    text = re.sub(r"(?m)^gid = .*\n", f"gid = {os.getgid()}\n", text)
    return text.replace("/tmp/recuento", f"{folder}/recuento") + f"log file = {log}\n"


def _authenticated(daemon: Daemon) -> socket.socket:
    """Return a connection that has proved the secret by rsync's protocol and has said nothing since."""
    client = daemon.connect()
    stream = client.makefile("rb")
    client.sendall(b"@RSYNCD: 31.0 sha512 sha256 sha1 md5 md4\ncorte\n")
    greeting = stream.readline().decode()
    challenge = stream.readline().decode().removeprefix("@RSYNCD: AUTHREQD ").strip()
    method = next((each for each in ("sha512", "sha256", "sha1", "md5") if each in greeting.split()), "md5")
    answer = b64encode(hashlib.new(method, f"{SECRET}{challenge}".encode()).digest()).decode().rstrip("=")
    client.sendall(f"instituto {answer}\n".encode())
    assert stream.readline() == b"@RSYNCD: OK\n"
    return client


def _in_transfer(daemon: Daemon) -> socket.socket:
    """Return a connection that has authenticated, has asked to send files, and sends none."""
    client = _authenticated(daemon)
    client.sendall(b"".join(word + b"\0" for word in (b"--server", b"-tr", b".", b"corte/", b"")))
    return client


def _is_closed(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        while client.recv(4096):
            pass
        return True
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def _open(clients: list[socket.socket]) -> int:
    return sum(not _is_closed(each) for each in clients)


def _free_port() -> int:
    """Return a port that the system gives to no client: one that asks whether the daemon listens would meet itself."""
    first_of_clients = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for port in random.sample(range(10000, first_of_clients), 100):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("no hay un puerto libre")


@pytest.mark.parametrize(("arguments", "status"), [(["--help"], 0), ([], 64), (["--seconds", "x"], 64)])
def test_the_listener_tells_in_spanish_what_it_takes(arguments: list[str], status: int) -> None:
    done = subprocess.run([sys.executable, "-IB", str(LISTENER), *arguments], capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert done.returncode == status and "uso: listener.py" in said
    assert not re.search("usage|error:|show this", said)
