"""Attackers of bench/ come from the address that they are given."""

from __future__ import annotations

import asyncio

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


def test_an_attack_comes_from_its_source() -> None:
    attack = program("attack/tools").Attack(SERVER, "prep.demo.test", "/", 30, OWN)

    async def attempt() -> str:
        async with await asyncio.start_server(answer, SERVER, 0) as server:
            return await ask(*await attack.connect(server.sockets[0].getsockname()[1]))

    assert asyncio.run(attempt()) == f"{OWN} hola\n"
