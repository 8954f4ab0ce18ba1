"""Helpers for the tests of the corte: a server's folders, an institute's key, and a corte to push."""

from __future__ import annotations

import json
import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from corte.format import instants, manifest, signature, tree
from corte.format.manifest import Entry, Manifest, Window
from corte.server.config import Config
from corte.server.intake import Intake

ELECTION = "demo"
PRINCIPAL = "firma@demo.test"
FILES = {"datos/corte.json": b'{"secuencia": 1}\n', "datos/congreso.json": b"{}\n", "descargas/a.csv": b"a|b\n"}
ZEROS = {**FILES, "datos/corte.json": b'{"secuencia": 1, "totales": {"actas_capturadas": 0}}\n'}
"""The files of a corte that shows that no acta has been captured."""
OPENS = datetime(2024, 6, 3, 2, tzinfo=UTC)
GOOD = Manifest(
    election="estatal-2024",
    environment="official",
    sequence=7,
    corte=OPENS + timedelta(minutes=70),
    generated=OPENS + timedelta(minutes=71),
    window=Window(OPENS, OPENS + timedelta(hours=24), OPENS + timedelta(days=7)),
    interval_minutes=10,
    files={"datos/corte.json": Entry(10, "a" * 64), "index.html": Entry(0, "b" * 64)},
)


def make_key(folder: Path, name: str) -> Path:
    """Return the path of a new private key."""
    path = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)], check=True)
    return path


def allow(key: Path, after: str = "20200101000000", before: str = "20400101000000", principal: str = PRINCIPAL) -> str:
    """Return a line of allowed_signers; its dates have no Z, which OpenSSH 8.9 would refuse."""
    namespaces = f'namespaces="{signature.namespace(ELECTION)}"'
    public = key.with_name(key.name + ".pub").read_text()
    return f'{principal} {namespaces},valid-after="{after}",valid-before="{before}" {public}'


def write_files(folder: Path, files: dict[str, bytes]) -> None:
    """Write `files` (path to content) below a folder."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def table(captured: int, registered: int = 2, digest: str = "a" * 64, at: str = "2024/06/02 20:00") -> bytes:
    """Return a table of results as CSV, in the shape that INE (the national electoral institute) prescribes."""
    rows = f"1,{digest},{at}:00\r\n" * registered
    head = f"CONGRESO\r\n{at} (UTC-6)\r\nACTAS_ESPERADAS,ACTAS_REGISTRADAS,ACTAS_CAPTURADAS\r\n9,2,{captured}\r\n"
    return f"{head}\r\nCLAVE_ACTA,CODIGO_INTEGRIDAD,FECHA_HORA_CAPTURA\r\n{rows}".encode()


def flip(path: Path) -> None:
    """Change one bit in the middle of a read-only file, as a bad disk would; every tree that links to it has it."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    dated = path.stat().st_mtime_ns
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(0o444)
    os.utime(path, ns=(dated, dated))


def truncate(path: Path) -> None:
    _overwrite(path, path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    _overwrite(path, b"")


def make_foreign(path: Path) -> None:
    _overwrite(path, b'{"sha256": "0", "value": {"n": [1]}}\n')


def make_folder(path: Path) -> None:
    path.unlink()
    (path / "algo").mkdir(parents=True)


def make_unreadable(path: Path) -> None:
    """Replace a file by a link to itself, which nobody can read, not even root."""
    path.unlink()
    path.symlink_to(path.name)


def _overwrite(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)


FAULTS: tuple[Callable[[Path], None], ...] = (
    truncate, empty, flip, make_foreign, Path.unlink, make_folder, make_unreadable
)  # fmt: skip
"""What a disk or a stranger can do to a file."""


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let no file grow beyond `size` bytes; as on a full disk, a write stops short and returns how much it wrote."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@dataclass
class Server:
    """The folders of a difusor's server, with methods that push to it as the institute does."""

    config: Config
    key: Path

    @classmethod
    def make(cls, folder: Path, key: Path, opens: datetime | None = None) -> Server:
        """Return a server whose gate is open, or closed if `opens` is in the future."""
        for name in ("entrada", "almacen", "publico", "estado", "run"):
            (folder / name).mkdir(parents=True)
        start = (opens or instants.now() - timedelta(hours=1)).replace(microsecond=0)
        config = Config(
            election=ELECTION,
            environment="simulacro",
            window=Window(start, start + timedelta(hours=24), start + timedelta(days=7)),
            interval_minutes=10,
            max_bytes=10**9,
            keep=2,
            clock_max_error=0.5,
            strict_content=False,
            incoming=folder / "entrada",
            store=folder / "almacen",
            public=folder / "publico",
            status_file=folder / "estado/estado.json",
            gate_file=folder / "run/abierto",
            light_file=folder / "run/ligero",
            allowed_signers=folder / "allowed_signers",
            revoked=folder / "revoked",
        )
        config.allowed_signers.write_text(allow(key))
        config.revoked.write_text("")
        if opens is None:
            config.gate_file.touch()
        return cls(config, key)

    def copy(self, folder: Path) -> Server:
        """Return the same server in another folder, hard links included."""
        subprocess.run(["cp", "--archive", str(self.config.store.parent), str(folder)], check=True)
        return self.moved(folder)

    def moved(self, folder: Path) -> Server:
        """Return the same server, whose folders were copied into another folder before."""
        home = self.config.store.parent
        moved = {
            each.name: folder / path.relative_to(home)
            for each in fields(self.config)
            if isinstance(path := getattr(self.config, each.name), Path)
        }
        return Server(replace(self.config, **moved), self.key)

    def manifest(self, sequence: int, files: dict[str, bytes] = FILES, **changes: Any) -> Manifest:
        """Write the files to the incoming folder and return the manifest of a good corte with them and `changes`."""
        write_files(self.config.incoming, files)
        now = instants.now().replace(microsecond=0)
        good = Manifest(
            election=ELECTION,
            environment="simulacro",
            sequence=sequence,
            corte=now,
            generated=now,
            window=self.config.window,
            interval_minutes=10,
            files=tree.describe(self.config.incoming),
        )
        return replace(good, **changes)

    def push(self, raw: bytes, key: Path | None = None, election: str = ELECTION) -> dict[str, Any]:
        """Sign the manifest, put it beside the incoming files, run the intake, and return `last_attempt`."""
        return self.deliver(raw, signature.sign(raw, key or self.key, election))

    def deliver(self, raw: bytes, armour: bytes) -> dict[str, Any]:
        """Put a manifest and its signature beside the incoming files, run the intake, and return `last_attempt`."""
        self.put(raw, armour)
        return self.run()

    def put(self, raw: bytes, armour: bytes) -> None:
        """Put a manifest and its signature beside the incoming files, without running the intake."""
        (self.config.incoming / manifest.NAME).write_bytes(raw)
        (self.config.incoming / manifest.SIGNATURE_NAME).write_bytes(armour)

    def run(self) -> dict[str, Any]:
        """Run the intake once and return `last_attempt` of estado.json."""
        assert Intake(self.config).run() == 0
        assert not (self.config.incoming / manifest.SIGNATURE_NAME).exists(), "the signature would start it again"
        attempt: dict[str, Any] = self.status()["last_attempt"]
        return attempt

    def send(self, sequence: int, files: dict[str, bytes] = FILES, **changes: Any) -> dict[str, Any]:
        """Push a good corte, with `changes` to its manifest."""
        return self.push(self.manifest(sequence, files, **changes).to_bytes())

    def status(self) -> dict[str, Any]:
        """Return estado.json."""
        status: dict[str, Any] = json.loads(self.config.status_file.read_text())
        return status

    def shown(self) -> int | None:
        """Return the sequence of the tree that the web server would serve."""
        link = self.config.public / "actual"
        return int(link.readlink().name.partition("-")[0]) if link.is_symlink() else None


def refused(server: Server, attempt: dict[str, object], code: str) -> None:
    """Assert that the push was refused with `code`, and that citizens still see corte 5, byte for byte."""
    assert (attempt["result"], attempt["code"]) == ("refused", code), attempt
    assert attempt["reason"]
    assert server.shown() == 5
    assert server.status()["shown"]["sequence"] == 5
    raw = (server.config.public / "actual/corte.json").read_bytes()
    tree.verify(server.config.public / "actual/", manifest.read(raw))


def pushed(server: Server, sequence: int, armour: bytes) -> None:
    """Write a good corte with the signature `armour` to the incoming folder."""
    server.put(server.manifest(sequence).to_bytes(), armour)
