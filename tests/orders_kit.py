"""Helpers for the tests of the institute's orders: an institute with several mirrors, and what they show."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from corte_kit import FILES, Server

from corte.format import instants, manifest, tree
from corte.format.manifest import Manifest
from corte.format.standing import Standing
from corte.server import log


class Institute:
    """Signs cortes a second apart, each with what stands so far, as `sign` does; and pushes them to mirrors."""

    def __init__(self, *mirrors: Server) -> None:
        self.mirrors = mirrors
        self.now = instants.now().replace(microsecond=0) - timedelta(seconds=30)
        self.stands = Standing()
        self.signed: dict[int, Manifest] = {}

    def copy(self, folder: Path) -> Institute:
        """Return the same institute, with copies of its mirrors in another folder."""
        same = Institute(*(mirror.copy(folder / mirror.config.store.parent.name) for mirror in self.mirrors))
        same.now, same.stands, same.signed = self.now, self.stands, dict(self.signed)
        return same

    def sign(
        self,
        sequence: int,
        *orders: str,
        content: bytes | None = None,
        withdraw: int | None = None,
        forgetful: bool = False,
        **changes: Any,
    ) -> Manifest:
        """Sign a corte, or the one of this sequence anew; `forgetful`: as somebody who knows of no earlier order."""
        self.now += timedelta(seconds=1)
        again = self.signed.get(sequence) if content is None else None
        files = {**FILES, "descargas/a.csv": content or b"%d\n" % sequence}
        corte = again.corte if again else self.now
        words = (*orders, *(["withdrawal"] if withdraw is not None else []))
        made = self.mirrors[0].manifest(
            sequence, files, corte=corte, generated=self.now, orders=tuple(sorted(words)), **changes
        )
        before = Standing() if forgetful else self.stands
        found = before.after(words, self.now, sequence, made.first_held(is_published=again is not None))
        if withdraw is not None:
            gone = self.signed[withdraw]
            found = found.join(Standing(withdrawn=(gone.withdrawn(manifest.digest(gone.to_bytes()), self.now),)))
        made = replace(made, standing=found)
        self.signed[sequence] = made
        if not forgetful:
            self.stands = found
        return made

    def push(self, document: Manifest, *mirrors: Server) -> list[str]:
        """Push a corte to these mirrors, or to all; return their results, or the codes of their refusals."""
        told = []
        for mirror in mirrors or self.mirrors:
            for path in document.files:
                content = b"%d\n" % document.sequence if path == "descargas/a.csv" else FILES.get(path, b"")
                if manifest.digest(content) == document.files[path].sha256:
                    (mirror.config.incoming / path).parent.mkdir(parents=True, exist_ok=True)
                    (mirror.config.incoming / path).write_bytes(content)
            attempt = mirror.push(document.to_bytes())
            told.append(str(attempt["code"] or attempt["result"]))
        return told


def seen(server: Server) -> tuple[int | None, str | None]:
    """Return what citizens see, by its sequence and the digest of its list of files, checked byte for byte."""
    shown = server.config.public / "actual"
    if not shown.is_symlink():
        assert server.status()["shown"] is None
        return None, None
    found = manifest.read((shown / manifest.NAME).read_bytes())
    tree.verify(server.config.public / "actual/", found)
    assert server.status()["shown"]["sequence"] == found.sequence
    return found.sequence, found.content_sha256


def alike(here: Server, away: Server, sequence: int | None) -> None:
    """Assert that both mirrors show this corte and follow the same orders."""
    assert seen(here) == seen(away)
    assert seen(here)[0] == sequence
    assert here.status()["standing"] == away.status()["standing"]
    assert here.status()["gate"]["hold"] == away.status()["gate"]["hold"]


def events(server: Server, event: str) -> list[dict[str, Any]]:
    return [entry for entry in log.entries(server.config.store / "bitacora.jsonl") if entry["event"] == event]
