"""Browsers and attackers of bench/ come from the address that they are given."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from bench_kit import program

OWN, SERVER = "127.0.0.9", "127.0.0.1"


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say who asks, and what he said."""
    writer.write(f"{writer.get_extra_info('peername')[0]} {(await reader.readline()).decode()}".encode())
    writer.close()


def port(server: asyncio.Server) -> int:
    found: int = server.sockets[0].getsockname()[1]
    return found


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    writer.write(b"hola\n")
    said = await asyncio.wait_for(reader.read(), 30)
    writer.close()
    return said.decode()


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A relay from the address OWN to whatever listens at the port that `serve` takes."""
    module = program("crowd/relay")
    found = module.Relay(SERVER, OWN)
    found.serve = lambda port: monkeypatch.setattr(module, "PORT", port)
    return found


async def visit(relay: Any, is_open: bool) -> str:
    """Return what a browser gets by the relay from a server, or from none at its port."""
    server = await asyncio.start_server(answer, SERVER, 0)
    relay.serve(port(server))
    if not is_open:
        server.close()
    entrance = await asyncio.start_server(relay.take, SERVER, 0)
    async with server, entrance:
        return await ask(*await asyncio.open_connection(SERVER, port(entrance)))


def test_what_a_browser_says_reaches_the_server_from_the_crowd_s_address(relay: Any) -> None:
    assert asyncio.run(visit(relay, is_open=True)) == f"{OWN} hola\n"
    assert 0 < relay.first <= relay.last


def test_a_server_that_refuses_ends_the_browser_s_connection(relay: Any) -> None:
    assert asyncio.run(visit(relay, is_open=False)) == ""
    assert relay.last == 0


def test_an_attack_comes_from_its_source() -> None:
    attack = program("attack/tools").Attack(SERVER, "prep.demo.test", "/", 30, OWN)

    async def attempt() -> str:
        async with await asyncio.start_server(answer, SERVER, 0) as server:
            return await ask(*await attack.connect(port(server)))

    assert asyncio.run(attempt()) == f"{OWN} hola\n"
