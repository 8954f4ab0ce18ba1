"""The institute's verbs on one machine, and mirrors with real intakes, without rsync and HTTP between them."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result
from corte_kit import FILES, Server, write_files
from publish_kit import ELECTION, command_of, make_target

from corte.format import instants, manifest
from corte.format.manifest import Manifest
from corte.format.refusal import Refusal
from difusor.commands import publish, sign
from difusor.inventory import load_election
from difusor.publish import deliver, notes, signing, standing
from difusor.publish import target as targets
from difusor.publish.mirror import PATH, Mirror
from difusor.publish.target import Target


def _write_open_election(folder: Path, key: Path) -> Path:
    """Write the file of an election that opened an hour ago; return its path."""
    opens = instants.now().replace(microsecond=0) - timedelta(hours=1)
    dates = {
        "2024-06-03T02:00:00Z": opens,
        "2024-06-04T02:00:00Z": opens + timedelta(hours=24),
        "2039-06-10T05:59:00Z": opens + timedelta(days=7),
    }
    text = ELECTION.format(key=key.with_name("firma.pub").read_text().strip())
    for before, instant in dates.items():
        text = text.replace(before, instants.write(instant))
    (folder / "election.yml").write_text(text)
    return folder / "election.yml"


PAGE = "https://x"
"""Where the page of every mirror is."""


def _refuse(document: Any) -> Manifest:
    raise Refusal("manifest", "El manifiesto no dice en su forma qué órdenes están en pie.")


class Desk:
    """The institute's verbs, and the mirrors that they reach: real intakes, without rsync and HTTP between."""

    def __init__(self, folder: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.election, self.key = folder, _write_open_election(folder, key), key
        self.asked = instants.now()
        """The instant at which every verb is said to have asked the mirrors; copies keep its distance from `now`."""
        self.now = self.asked.replace(microsecond=0) - timedelta(minutes=5)
        decided = load_election(self.election)
        self.servers: dict[str, Server] = {}
        self.outdated = ""
        """The mirror whose server is of a version before light mode."""
        for name in ("norte", "sur"):
            server = Server.make(folder / "servers" / name, key, decided.window.opens)
            server.config = replace(server.config, environment="official", window=decided.window)
            server.config.gate_file.touch()
            server.config.allowed_signers.write_text(decided.allowed_signers)
            self.servers[name] = server
            (folder / name).mkdir()
        self._reach(monkeypatch)

    @staticmethod
    @contextmanager
    def begun(folder: Path, key: Path) -> Iterator[Desk]:
        """Yield a desk for tests to get copies of after this context; its records are in its own folder."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(notes, "kept_in", lambda: folder / "build/cortes")
            yield Desk(folder, key, patch)

    def copy(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
        """Return the same desk in another folder, hard links included; from then on the verbs reach its mirrors."""
        subprocess.run(["cp", "--archive", f"{self.folder}/.", str(folder)], check=True)
        standing._verified.cache_clear()  # copies have the same bytes, and each test verifies what it reads
        same = copy.copy(self)
        same.folder, same.election = folder, folder / self.election.name
        same.servers = {name: server.moved(folder / "servers" / name) for name, server in self.servers.items()}
        same._reach(monkeypatch)
        return same

    def _reach(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have the verbs reach these mirrors, and go by this desk's clock."""
        self.patch = monkeypatch
        monkeypatch.setattr(targets, "read", lambda source: [make_target(self.election, source.name)])
        monkeypatch.setattr(deliver, "push", self._push)
        monkeypatch.setattr(Mirror, "__init__", lambda mirror, target, *_, **__: setattr(mirror, "target", target))
        monkeypatch.setattr(Mirror, "__enter__", lambda mirror: mirror)
        monkeypatch.setattr(Mirror, "__exit__", lambda *_: None)
        monkeypatch.setattr(Mirror, "problem", "", raising=False)
        monkeypatch.setattr(Mirror, "asked", self.asked, raising=False)
        monkeypatch.setattr(Mirror, "status", lambda mirror: self.status(mirror.target.name))
        monkeypatch.setattr(Mirror, "url", f"{PAGE}{PATH}", raising=False)
        monkeypatch.setattr(Mirror, "hand", lambda mirror, *asked, **_: self.hand(mirror.target.name, *asked))
        monkeypatch.setattr(signing.instants, "now", self._tick)

    def _tick(self) -> Any:
        self.now += timedelta(seconds=1)
        return self.now

    def _push(self, folder: Path, target: Target, *_: object) -> int:
        incoming = self.servers[target.name].config.incoming
        shutil.copytree(folder, incoming, dirs_exist_ok=True)
        with self.patch.context() as before_light_mode:
            if target.name == self.outdated and b'"light"' in (folder / manifest.NAME).read_bytes():
                before_light_mode.setattr(manifest, "_from_document", _refuse)
                manifest.read.cache_clear()
            self.servers[target.name].run()
        return 1

    def status(self, name: str) -> dict[str, Any]:
        """Return the estado.json of a mirror."""
        path = self.servers[name].config.status_file
        status = dict(json.loads(path.read_text())) if path.exists() else {}
        if status and name == self.outdated:
            del status["gate"]["light"]
        return status

    def hand(self, name: str, url: str, take: Callable[[bytes], object], *_: object) -> httpx.Response:
        """Answer as the web server of a mirror does, with what it shows."""
        path = self.servers[name].config.public / "actual" / url.removeprefix(f"{PAGE}/")
        if not path.exists():
            return httpx.Response(404)
        take(path.read_bytes())
        return httpx.Response(200)

    def corte(self, sequence: int) -> Path:
        """Write a corte's folder and return it."""
        folder = self.folder / "cortes" / str(sequence)
        identity = {"secuencia": sequence, "corte": instants.write(self.now + timedelta(seconds=1))}
        write_files(folder, {**FILES, "datos/corte.json": json.dumps(identity).encode()})
        return folder

    def sign(self, folder: Path, *options: object) -> Result:
        """Sign a folder with these options."""
        return self.run(sign, folder, "--election", self.election, "--key", self.key, *options)

    def publish(self, folder: Path, *names: str, key: bool = True) -> tuple[int, list[str]]:
        """Publish to these mirrors, or to all; return the exit status and the results."""
        where = [part for name in names or self.servers for part in ("-i", self.folder / name)]
        given = ["--key", self.key] if key else []
        done = self.run(publish, folder, *where, *given, "--json", "--wait", 1)
        self.details = done.output
        if not done.stdout:
            return done.exit_code, []
        return done.exit_code, [one["result"] for one in json.loads(done.stdout)["difusores"]]

    def hand_over(self, other: Path, ends: datetime | None) -> None:
        """Have another key sign from now on; the dates of the one before end then, or its line is deleted (None)."""
        text, now, lines = self.election.read_text(), instants.write(self.now), ""
        dates = [(self.key, "2020-01-01T00:00:00Z", instants.write(ends))] if ends else []
        for key, after, before in (*dates, (other, now, "2040-01-01T00:00:00-06:00")):
            lines += (
                f'      - principal: firma@demo.test\n        key: "{key.with_suffix(".pub").read_text().strip()}"\n'
                f'        valid_after: "{after}"\n        valid_before: "{before}"\n'
            )
        self.election.write_text(text.replace(text[text.index("      - principal:") :], lines))
        for server in self.servers.values():
            server.config.allowed_signers.write_text(load_election(self.election).allowed_signers)
        self.key = other

    def seen(self) -> list[int | None]:
        """Return what each mirror shows, by its sequence."""
        return [server.shown() for server in self.servers.values()]

    @staticmethod
    def run(verb: ModuleType, *arguments: object) -> Result:
        """Run a verb with these arguments."""
        return CliRunner().invoke(command_of(verb), [str(part) for part in arguments])
