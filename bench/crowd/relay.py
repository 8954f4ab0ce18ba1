"""Runs on the citizens' host, with ADDRESS SOURCE, for a real browser; ends with its standard input.

A browser cannot choose the address from which it asks. So it asks port 443 here, and its bytes go on to port 443 of
ADDRESS from the address SOURCE, as they are, and the server's go back to it. Printed: seconds from the browser's first
connection to the last byte that came back, or null when none came.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

PORT = 443


class Relay:
    """Passes connections on; `first` and `last` are when the first was made and when bytes last came back."""

    def __init__(self, address: str, source: str) -> None:
        """Take the server's address and the own one to ask from."""
        self.address, self.source = address, source
        self.first = self.last = 0.0

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on in both directions until either side ends."""
        self.first = self.first or time.monotonic()
        try:
            back, onward = await asyncio.open_connection(self.address, PORT, local_addr=(self.source, 0))
        except OSError:
            writer.close()
            return
        await asyncio.gather(self.pass_on(reader, onward), self.pass_on(back, writer, is_back=True))

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_back: bool = False) -> None:
        """Pass one direction on until it ends, then end the other."""
        try:
            while passed := await reader.read(65536):
                writer.write(passed)
                await writer.drain()
                if is_back:
                    self.last = time.monotonic()
        except OSError:
            pass
        finally:
            writer.close()


async def main(address: str, source: str) -> None:
    """Take connections until standard input ends."""
    relay, ended = Relay(address, source), asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, lambda: ended.set() if not sys.stdin.read(1) else None)
    async with await asyncio.start_server(relay.take, port=PORT):
        await ended.wait()
    print(json.dumps(relay.last - relay.first if relay.last else None))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
