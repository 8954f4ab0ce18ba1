"""Browsers and attackers of bench/ come from the address that they are given."""

from __future__ import annotations

import asyncio

import pytest
from bench_kit import program

OWN, SERVER = "127.0.0.9", "127.0.0.1"


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say who asks, and what he said."""
    writer.write(f"{writer.get_extra_info('peername')[0]} {(await reader.readline()).decode()}".encode())
    writer.close()


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    writer.write(b"hola\n")
    said = await asyncio.wait_for(reader.read(), 30)
    writer.close()
    return said.decode()


def test_what_a_browser_says_reaches_the_server_from_the_crowd_s_address(monkeypatch: pytest.MonkeyPatch) -> None:
    module = program("crowd/relay")
    relay = module.Relay(SERVER, OWN)

    async def visit() -> str:
        server = await asyncio.start_server(answer, SERVER, 0)
        monkeypatch.setattr(module, "PORT", server.sockets[0].getsockname()[1])
        entrance = await asyncio.start_server(relay.take, SERVER, 0)
        async with server, entrance:
            return await ask(*await asyncio.open_connection(SERVER, entrance.sockets[0].getsockname()[1]))

    assert asyncio.run(visit()) == f"{OWN} hola\n"
    assert 0 < relay.first <= relay.last


def test_a_server_that_refuses_ends_the_browser_s_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    module = program("crowd/relay")
    relay = module.Relay(SERVER, OWN)

    async def visit() -> bytes:
        closed = await asyncio.start_server(answer, SERVER, 0)
        monkeypatch.setattr(module, "PORT", closed.sockets[0].getsockname()[1])
        closed.close()
        entrance = await asyncio.start_server(relay.take, SERVER, 0)
        async with entrance:
            reader, writer = await asyncio.open_connection(SERVER, entrance.sockets[0].getsockname()[1])
            said = await asyncio.wait_for(reader.read(), 30)
            writer.close()
            return said

    assert asyncio.run(visit()) == b""
    assert relay.last == 0


def test_an_attack_comes_from_its_source() -> None:
    attack = program("attack/tools").Attack(SERVER, "prep.demo.test", "/", 30, OWN)

    async def attempt() -> str:
        async with await asyncio.start_server(answer, SERVER, 0) as server:
            return await ask(*await attack.connect(server.sockets[0].getsockname()[1]))

    assert asyncio.run(attempt()) == f"{OWN} hola\n"
