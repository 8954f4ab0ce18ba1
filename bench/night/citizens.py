"""Runs on the citizen's host for bench/night: loads pages until standard input ends, then prints what it received.

    citizens.py NAME ADDRESS RATE SOURCE...

Prints {requests, seconds, failed: [reasons], gone, reconnected, pages: [SHA-256], seen: [[client, path, SHA-256]]}.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import ssl
import sys
import time

CLIENTS = 40
PATIENCE = 10.0  # seconds for one answer
HEAD = "datos/corte.json"
PAGE = 4  # requests to load one page: the page itself, its two files, and a table
REQUEST = "GET /%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n\r\n"
TLS = ssl.create_default_context()
TLS.check_hostname, TLS.verify_mode = False, ssl.CERT_NONE  # other tests check the certificate


class Citizen:
    """One browser with one connection, which it keeps as long as the server does."""

    def __init__(self, number: int, source: str, server: tuple[str, str], told: dict) -> None:
        """Take a number, an address of its own, the server's name and address, and where to record the answers."""
        self.number, self.source, self.told = number, source, told
        self.name, self.address = server
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def look(self) -> None:
        """Load the page once."""
        _, page = await self.get("")
        if page not in self.told["pages"]:
            self.told["pages"].append(page)
        _, body = await self.see(HEAD)
        if not body:
            return
        head = json.loads(body)
        await self.see(head["elecciones"][0]["archivo"])
        table = next(file["archivo"] for file in head["descargas"] if file["archivo"].endswith(".csv"))
        status, _ = await self.see(table, may_be_gone=True)
        if status == 404:  # a file named by its hour may be gone, but only if a later corte replaced it
            _, again = await self.see(HEAD)
            if again and json.loads(again)["corte"] > head["corte"]:
                self.told["gone"] += 1
            else:
                self.told["failed"].append(f"404 {table}")

    async def see(self, path: str, may_be_gone: bool = False) -> tuple[int, bytes]:
        """Request a file of the corte and record its digest."""
        status, body = await self.get(path, may_be_gone)
        if status == 200:
            self.told["seen"].append([self.number, path, hashlib.sha256(body).hexdigest()])
        return status, body

    async def get(self, path: str, may_be_gone: bool = False) -> tuple[int, bytes]:
        """Return status and content; (0, b"") without an answer. Tries twice, as a kept connection may have ended."""
        self.told["requests"] += 1
        for is_kept in (self.writer is not None, False):
            try:
                status, body = await asyncio.wait_for(self.exchange(path), PATIENCE)
            except (OSError, EOFError, ValueError) as error:  # a timeout is an OSError too
                self.close()
                if is_kept and isinstance(error, (ConnectionError, EOFError)):
                    self.told["reconnected"] += 1
                    continue
                self.told["failed"].append(f"{type(error).__name__} {path}")
                return 0, b""
            if status == 200 or (status == 404 and may_be_gone):
                return status, body
            self.told["failed"].append(f"{status} {path}")
            return status, b""
        raise AssertionError("a new connection is not a kept one")

    async def exchange(self, path: str) -> tuple[int, bytes]:
        """Send one request and read its answer."""
        if self.writer is None or self.reader is None:
            self.reader, self.writer = await asyncio.open_connection(
                self.address, 443, ssl=TLS, server_hostname=self.name, local_addr=(self.source, 0)
            )
        self.writer.write((REQUEST % (path, self.name)).encode())
        top = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in top[1:] if line)
        if headers.get("transfer-encoding") == "chunked":
            parts = []
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                parts.append(await self.reader.readexactly(size))
                await self.reader.readexactly(2)
            await self.reader.readexactly(2)
            body = b"".join(parts)
        else:
            body = await self.reader.readexactly(int(headers["content-length"]))
        if headers.get("connection") == "close":
            self.close()
        return int(top[0].split()[1]), gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body

    def close(self) -> None:
        """Close the connection."""
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


async def browse(citizen: Citizen, every: float, ended: asyncio.Event) -> None:
    """Load the page at a steady pace; delays are caught up."""
    due = time.monotonic() + every * citizen.number / CLIENTS
    while not ended.is_set():
        await asyncio.sleep(max(0, due - time.monotonic()))
        await citizen.look()
        due += every


async def main(name: str, address: str, rate: float, *sources: str) -> None:
    """Browse until standard input ends."""
    told: dict = {"requests": 0, "failed": [], "gone": 0, "reconnected": 0, "pages": [], "seen": []}
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, lambda: ended.set() if not sys.stdin.read(1) else None)
    started = time.monotonic()
    citizens = [Citizen(number, sources[number % len(sources)], (name, address), told) for number in range(CLIENTS)]
    await asyncio.gather(*(browse(citizen, CLIENTS * PAGE / rate, ended) for citizen in citizens))
    told["seconds"] = time.monotonic() - started
    told["pages"] = [hashlib.sha256(page).hexdigest() for page in told["pages"]]
    print(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3], float(sys.argv[3]), *sys.argv[4:]))
