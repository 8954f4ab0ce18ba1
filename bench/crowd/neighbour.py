"""Runs on the citizens' host, with ADDRESS NAME SOURCE SECONDS; floods the WAF's road; prints {status: answers}.

Every request is an attack that the WAF refuses, on kept connections from the address SOURCE, at most RATE a second.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import sys
import time
from collections import Counter

CONNECTIONS = 200
"""More than the road lets wait of one address, so that some are always refused."""
RATE = 400
"""Requests a second in all: twenty times what the road admits from one address."""


async def flood(address: str, name: str, source: str, seconds: float) -> Counter[str]:
    """Ask on all connections until the time is over; return how often each status came, "0" for a lost connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    path = "/.well-known/prep/waf/?id=1%27%20OR%20%271%27=%271"
    text = f"GET {path} HTTP/1.1\r\nHost: {name}\r\nAccept: */*\r\n\r\n".encode()
    statuses: Counter[str] = Counter()
    end = time.monotonic() + seconds

    async def ask() -> None:
        while time.monotonic() < end:
            try:
                reader, writer = await asyncio.open_connection(
                    address, 443, ssl=context, server_hostname=name, local_addr=(source, 0)
                )
                while time.monotonic() < end:
                    due = time.monotonic() + CONNECTIONS / RATE
                    writer.write(text)
                    head = (await reader.readuntil(b"\r\n\r\n")).decode()
                    length = re.search(r"(?i)content-length: (\d+)", head)
                    await reader.readexactly(int(length[1]) if length else 0)
                    statuses[head.split()[1]] += 1
                    await asyncio.sleep(max(0.0, due - time.monotonic()))
                writer.transport.abort()
            except (OSError, EOFError):
                statuses["0"] += 1
                await asyncio.sleep(0.05)

    await asyncio.gather(*(asyncio.wait_for(ask(), seconds + 15) for _ in range(CONNECTIONS)))
    return statuses


if __name__ == "__main__":
    print(json.dumps(asyncio.run(flood(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])))))
