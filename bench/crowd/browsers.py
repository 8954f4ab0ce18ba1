"""Runs on the citizens' host, which has python3-h2, with ADDRESS NAME SOURCES BROWSERS SECONDS PATH...; prints JSON.

Browsers are due evenly over SECONDS and come in turn from the addresses SOURCES (commas between them). Each opens one
HTTP/2 connection, asks for the first path, the page, and then for all others at once. Printed: {"whole": browsers that
got every file, "refused": {reason: browsers}, "median": …, "p99": …, "own_p99": …, "waited": …, "cpu": …, "lasted": …};
times in seconds. `median` and `p99` go from when a browser was due to its last byte, `own_p99` from the start of its
connection, and `waited` is what lies between, of all browsers: the 99th percentile of what this program itself delays.
"""

from __future__ import annotations

import asyncio
import json
import math
import ssl
import sys
import time
from collections import Counter
from importlib import import_module
from typing import Any, NamedTuple

PATIENCE = 30.0
"""Seconds after which a browser gives up, far more than a person would."""
AT_ONCE = 50
"""How many browsers load at the same time at most. On a busy machine more would delay one another, and the server's
timeouts would end requests that this program itself delays. Who waits for a place is late for all that."""
WINDOW = 6 << 20
"""Bytes that a browser accepts ahead, as Chromium does."""


class Browser:
    """One visit; `ended` maps the streams that are complete to their status."""

    def __init__(self, address: str, name: str, paths: list[str]) -> None:
        """Take the server's address and name and the paths, the page first."""
        self.address, self.name, self.paths = address, name, paths
        h2 = import_module("h2.connection")
        self.h2: Any = h2.H2Connection()
        self.status: dict[int, int] = {}
        self.ended: dict[int, int] = {}
        self.goaway: int | None = None

    async def visit(self, source: str, context: ssl.SSLContext) -> str:
        """Load the page; return "" when every file came, else what was missing."""
        try:
            reader, writer = await asyncio.open_connection(
                self.address, 443, ssl=context, server_hostname=self.name, local_addr=(source, 0)
            )
        except OSError as error:
            return f"no connection: {type(error).__name__}"
        try:
            self.h2.initiate_connection()
            self.h2.update_settings({4: WINDOW})  # SETTINGS_INITIAL_WINDOW_SIZE
            self.h2.increment_flow_control_window(WINDOW)
            first, *others = self.paths
            await self.load(reader, writer, [first])
            if self.goaway is None:
                await self.load(reader, writer, others)
        except OSError as error:
            return f"connection lost: {type(error).__name__}"
        finally:
            writer.transport.abort()
        wrong = sorted({status for status in self.ended.values() if status != 200})
        if wrong:
            return f"status {wrong[0]}"
        if len(self.ended) == len(self.paths):
            return ""
        return "connection closed" if self.goaway is None else f"GOAWAY {self.goaway}"

    async def load(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, paths: list[str]) -> None:
        """Ask for these paths at once and read until all have ended, or the connection."""
        wanted = len(self.ended) + len(paths)
        for path in paths:
            fields = {":method": "GET", ":scheme": "https", ":authority": self.name, ":path": path}
            fields |= {"user-agent": "Mozilla/5.0 (Linux; Android 14)", "accept": "*/*", "accept-encoding": "gzip"}
            self.h2.send_headers(self.h2.get_next_available_stream_id(), list(fields.items()), end_stream=True)
        writer.write(self.h2.data_to_send())
        while len(self.ended) < wanted and self.goaway is None and (received := await reader.read(65536)):
            for event in self.h2.receive_data(received):
                self.note(event)
            writer.write(self.h2.data_to_send())

    def note(self, event: Any) -> None:
        """Remember what an event of the connection says of its streams."""
        kind = type(event).__name__
        if kind == "ResponseReceived":
            fields = dict(event.headers)
            self.status[event.stream_id] = int(fields.get(":status") or fields[b":status"])
        elif kind == "StreamEnded":
            self.ended[event.stream_id] = self.status.get(event.stream_id, 0)
        elif kind == "StreamReset":
            self.ended[event.stream_id] = 0
        elif kind == "ConnectionTerminated":
            self.goaway = int(event.error_code)
        elif kind == "DataReceived":
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)


async def crowd(address: str, name: str, sources: list[str], count: int, seconds: float, paths: list[str]) -> Any:
    """Have all browsers visit; return the figures that this program prints."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    begun, places = time.monotonic(), asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> Visit:
        due = begun + number * seconds / count
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        async with places:
            waited = time.monotonic() - due
            visit = Browser(address, name, paths).visit(sources[number % len(sources)], context)
            try:
                missing = await asyncio.wait_for(visit, PATIENCE)
            except asyncio.TimeoutError:  # noqa: UP041 - another one before Python 3.11
                missing = "no answer in time"
            return Visit(missing, waited, time.monotonic() - due)

    found = await asyncio.gather(*(one(number) for number in range(count)))
    return {**figures(found), "cpu": time.process_time(), "lasted": time.monotonic() - begun}


class Visit(NamedTuple):
    """How one browser fared; both times (seconds) are since it was due."""

    missing: str
    waited: float
    ended: float


def figures(found: list[Visit]) -> dict[str, Any]:
    """Return what is printed of the visits."""
    whole = [visit for visit in found if not visit.missing]
    return {
        "whole": len(whole),
        "refused": Counter(visit.missing for visit in found if visit.missing),
        "median": part(0.5, [visit.ended for visit in whole]),
        "p99": part(0.99, [visit.ended for visit in whole]),
        "own_p99": part(0.99, [visit.ended - visit.waited for visit in whole]),
        "waited": part(0.99, [visit.waited for visit in found]),
    }


def part(share: float, times: list[float]) -> float | None:
    """Return the time within which this share of them lies; None when there is none."""
    return sorted(times)[math.ceil(share * len(times)) - 1] if times else None


if __name__ == "__main__":
    where, who, froms, browsers, over, *files = sys.argv[1:]
    print(json.dumps(asyncio.run(crowd(where, who, froms.split(","), int(browsers), float(over), files))))
