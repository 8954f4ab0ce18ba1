"""Helpers for the tests of the institute's side: an election, a difusor and the answers of a mirror."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import httpx
import typer

from difusor.inventory import Election, load_election
from difusor.publish.target import Target

SECRET = "un-secreto-de-prueba"
ELECTION = """---
all:
  vars:
    election_id: demo
    election_name: Elección de prueba
    election_environment: official
    election_opens: "2024-06-03T02:00:00Z"
    election_closes: "2024-06-04T02:00:00Z"
    election_retain_until: "2039-06-10T05:59:00Z"
    election_retention_order: {{by: Pleno, agreement: CEE/101/2024, date: "2024-05-30"}}
    election_interval_minutes: 10
    election_spec: ribera-2027
    election_place: ribera
    election_offices: [alcaldias]
    election_institute:
      name: Instituto Electoral de Ribera
      acronym: IER
      colors: {{band: "#0b3d4f", accent: "#0a6a72", accent_dark: "#7fd4dc"}}
      signs: {{post: Dirección Ejecutiva}}
    election_client: instituto
    election_trusted_addresses: [10.0.0.2]
    election_signers:
      - principal: firma@demo.test
        key: "{key}"
        valid_after: "2020-01-01T00:00:00Z"
        valid_before: "2040-01-01T00:00:00-06:00"
"""


def write_election(folder: Path, key: Path) -> Path:
    """Write the file of an election whose signer has this private key's public half beside it; return its path."""
    path = folder / "election.yml"
    path.write_text(ELECTION.format(key=key.with_suffix(".pub").read_text().strip()))
    return path


def make_target(election: Path, name: str = "norte", **changes: Any) -> Target:
    decided = _load(election, election.read_bytes())
    return replace(Target(name, "10.0.0.1", "prep.norte.test", "corte", "instituto", SECRET, None, decided), **changes)


@cache
def _load(election: Path, content: bytes) -> Election:
    """Return an election, which is read from its file again when that has another content."""
    return load_election(election)


def answer(content: bytes | AsyncIterator[bytes], status: int = 200, **headers: str) -> httpx.Response:
    """Return an answer as it comes over the wire, its content still encoded as its headers say."""
    if not isinstance(content, bytes):
        return httpx.Response(status, content=content, headers=headers)
    return httpx.Response(status, stream=httpx.ByteStream(content), headers=headers)


async def without_end(piece: bytes) -> AsyncIterator[bytes]:
    """Yield the same piece for ever."""
    while True:
        yield piece
        await asyncio.sleep(0)  # pace: lets the reader run


@cache
def command_of(verb: ModuleType) -> click.Command:
    """Return a program that has nothing but this verb; typer.testing would make it anew at each call."""
    app = typer.Typer()
    app.command()(verb.run)
    return typer.main.get_command(app)
